//! What the folder of a SQLite store survives: a second relay, a crash, a restored backup, no room, no rights.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on ends there, or says so"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tempfile::TempDir;
use tidings_core::model::{Changes, Inbox, PersonKey, Recipient};
use tidings_core::ports::{
    BatchId, CommitError, InboxReader, KnownToken, PresentedToken, SignIn, Store, StoreError,
};
use tidings_protocol::{ProjectId, RecipientId, Timestamp};
use tidings_store::{ErasureKey, OpenError, SqliteOptions, SqliteStore};

fn options(epoch: u32) -> SqliteOptions {
    SqliteOptions::new(ErasureKey::new([7; 32]), epoch)
}

async fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder, options(42)).await.unwrap()
}

fn anna() -> PersonKey {
    PersonKey { project: ProjectId::new("p").unwrap(), recipient: RecipientId::new("anna").unwrap() }
}

/// Anna's inbox at a place, and a recipient of some size.
fn at_place(seq: u64, bytes: usize) -> Changes {
    let attributes = serde_json::json!({"text": "x".repeat(bytes)});
    Changes {
        inboxes: vec![(anna(), Inbox { seq, ..Inbox::new(7) })],
        recipients: vec![(anna(), Recipient { attributes, ..Recipient::default() })],
        ..Changes::default()
    }
}

async fn commit(store: &SqliteStore, seq: u64, bytes: usize) -> Result<(), CommitError> {
    let mut transaction = store.begin().await.map_err(CommitError::RolledBack)?;
    let written = transaction.write(BatchId(u128::from(seq)), &at_place(seq, bytes)).await;
    written.map_err(CommitError::RolledBack)?;
    transaction.commit().await
}

async fn place(store: &SqliteStore) -> (u32, u64) {
    let heads = store.heads(&[anna()]).await.unwrap();
    heads.first().map_or((0, 0), |(_, epoch, seq)| (*epoch, *seq))
}

#[tokio::test]
async fn a_second_relay_on_the_same_folder_is_turned_away() {
    let folder = TempDir::new().unwrap();
    let first = open(folder.path()).await;
    let second = SqliteStore::open(folder.path(), options(1)).await;
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
    first.close().await.unwrap();
    open(folder.path()).await;
}

#[tokio::test]
async fn what_was_closed_is_found_again_in_the_same_epoch() {
    let folder = TempDir::new().unwrap();
    for seq in 1..=3 {
        let store = open(folder.path()).await;
        commit(&store, seq, 0).await.unwrap();
        assert_eq!(place(&store).await, (7, seq));
        store.close().await.unwrap();
    }
    let log = folder.path().join("tidings.sqlite3-wal");
    assert!(!log.exists() || log.metadata().unwrap().len() == 0, "the log was moved into the file");
}

/// A database as the first released schema left it, with one device that signed in.
async fn first_schema(folder: &Path) {
    let file = folder.join("tidings.sqlite3");
    let mut connection =
        SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
    sqlx::raw_sql(include_str!("../migrations/sqlite/0001_tables.sql"))
        .execute(&mut connection)
        .await
        .unwrap();
    let row =
        "PRAGMA user_version = 1; INSERT INTO device_tokens (project, recipient, device, current, used_at)
        VALUES ('p', 'anna', 'phone', zeroblob(32), 5)";
    sqlx::raw_sql(row).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_refresh_token_of_the_first_schema_is_known_after_the_upgrade() {
    let folder = TempDir::new().unwrap();
    first_schema(folder.path()).await;
    let store = open(folder.path()).await;
    let presented = PresentedToken { hash: [0; 32], family: None };
    let known = store.device_token(&presented).await.unwrap();
    let Some(KnownToken::Device(row)) = known else { panic!("{known:?}") };
    assert_eq!((row.person, row.family, row.used_at), (anna(), None, Timestamp::from_millis(5)));
    store.close().await.unwrap();
    open(folder.path()).await;
}

fn copy_database(from: &Path, to: &Path) {
    for name in ["tidings.sqlite3", "tidings.sqlite3-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        } else if to.join(name).exists() {
            std::fs::remove_file(to.join(name)).unwrap();
        }
    }
}

#[tokio::test]
async fn a_restored_backup_gives_every_inbox_another_epoch() {
    let (folder, backup) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(folder.path()).await;
    commit(&store, 1, 0).await.unwrap();
    store.close().await.unwrap();
    copy_database(folder.path(), backup.path());
    let store = open(folder.path()).await;
    commit(&store, 2, 0).await.unwrap();
    store.close().await.unwrap();
    copy_database(backup.path(), folder.path());
    let store = open(folder.path()).await;
    assert_eq!(place(&store).await, (42, 1));
    store.close().await.unwrap();
    let store = SqliteStore::open(folder.path(), options(43)).await.unwrap();
    assert_eq!(place(&store).await, (42, 1), "once, not at every start");
}

#[tokio::test]
async fn a_backup_of_the_whole_folder_gives_every_inbox_another_epoch() {
    let (folder, backup) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(folder.path()).await;
    commit(&store, 1, 0).await.unwrap();
    store.close().await.unwrap();
    copy_database(folder.path(), backup.path());
    std::fs::copy(folder.path().join("progress"), backup.path().join("progress")).unwrap();
    let store = open(folder.path()).await;
    commit(&store, 2, 0).await.unwrap();
    store.close().await.unwrap();
    copy_database(backup.path(), folder.path());
    std::fs::copy(backup.path().join("progress"), folder.path().join("progress")).unwrap();
    let store = open(folder.path()).await;
    assert_eq!(place(&store).await, (42, 1), "written over the newer one");
    store.close().await.unwrap();
    // The same backup again, in an empty folder, without the file that tells its progress.
    let elsewhere = TempDir::new().unwrap();
    copy_database(backup.path(), elsewhere.path());
    let store = SqliteStore::open(elsewhere.path(), options(43)).await.unwrap();
    assert_eq!(place(&store).await, (43, 1));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_as_damaged() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("tidings.sqlite3"), [b'x'; 8192]).unwrap();
    let opened = SqliteStore::open(folder.path(), options(1)).await;
    assert!(matches!(opened, Err(OpenError::Damaged { .. })), "{opened:?}");
    assert!(opened.unwrap_err().to_string().contains("restore a backup"));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let opened = SqliteStore::open(&folder.path().join("file/data"), options(1)).await;
    assert!(matches!(opened, Err(OpenError::Folder { .. })), "{opened:?}");
}

/// The part of a test that runs as a process of its own: this file's binary, asked for one test.
fn child(part: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", part, "--nocapture"]).env("TIDINGS_STORE_FOLDER", folder).stdout(Stdio::piped());
    command
}

fn folder_of_child() -> Option<std::path::PathBuf> {
    std::env::var_os("TIDINGS_STORE_FOLDER").map(Into::into)
}

/// Commits place after place, says each once it is durable, and leaves one that is written but not committed.
#[tokio::test]
async fn part_commits_until_it_is_killed() {
    let Some(folder) = folder_of_child() else { return };
    let store = open(&folder).await;
    for seq in 1..=u64::MAX {
        commit(&store, seq, 100).await.unwrap();
        println!("committed {seq}");
        let mut transaction = store.begin().await.unwrap();
        transaction
            .write(BatchId(u128::MAX - u128::from(seq)), &at_place(seq + 1_000_000, 100))
            .await
            .unwrap();
        println!("written {seq}");
    }
}

fn kill_after(mut child: Child, line: &str) -> u64 {
    let mut last = 0;
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    for said in output.by_ref() {
        let said = said.unwrap();
        if let Some(seq) = said.strip_prefix("committed ") {
            last = seq.parse().unwrap();
        }
        if said == line {
            break;
        }
    }
    child.kill().unwrap();
    // What it said before it died counts, too.
    for said in output {
        if let Some(seq) = said.unwrap().strip_prefix("committed ") {
            last = seq.parse().unwrap();
        }
    }
    child.wait().unwrap();
    last
}

#[tokio::test]
async fn after_a_kill_everything_is_there_that_was_answered_and_nothing_half_done() {
    for line in ["committed 1", "written 3", "committed 20"] {
        let folder = TempDir::new().unwrap();
        let answered =
            kill_after(child("part_commits_until_it_is_killed", folder.path()).spawn().unwrap(), line);
        let store = open(folder.path()).await;
        let (epoch, seq) = place(&store).await;
        // A commit may have been durable before the child could say so, but only the next one.
        assert!(epoch == 7 && (seq == answered || seq == answered + 1), "{line}: {seq} after {answered}");
        assert!(store.committed(BatchId(u128::from(answered))).await.unwrap());
        assert!(!store.committed(BatchId(u128::MAX - u128::from(answered))).await.unwrap());
    }
}

/// Runs a part in a mount namespace of its own, where the folder is what the script makes of it. Answers nothing if
/// the system refuses that.
fn in_namespace(part: &str, folder: &Path, script: &str) -> Option<bool> {
    let probe = Command::new("unshare").args(["-Urm", "true"]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        println!("not run: this system refuses mounts to tests");
        return None;
    }
    let script = format!("{script} && exec \"$0\" --exact {part} --nocapture");
    let status = Command::new("unshare")
        .args(["-Urm", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env("TIDINGS_STORE_FOLDER", folder)
        .status()
        .unwrap();
    Some(status.success())
}

#[tokio::test]
async fn part_fills_the_disk() {
    let Some(folder) = folder_of_child() else { return };
    let store = open(&folder).await;
    let mut seq = 0;
    let refused = loop {
        match commit(&store, seq + 1, 200_000).await {
            Ok(()) => seq += 1,
            Err(error) => break error,
        }
        assert!(seq < 1_000, "the disk is small");
    };
    assert!(matches!(refused, CommitError::RolledBack(StoreError::Full)), "{refused:?}");
    assert_eq!(place(&store).await, (7, seq), "reads go on");
    std::fs::remove_file(folder.join("ballast")).unwrap();
    commit(&store, seq + 1, 10).await.unwrap();
    assert_eq!(place(&store).await, (7, seq + 1));
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().display();
    let mount = format!(
        "mount -t tmpfs -o size=8m tmpfs {path} && dd if=/dev/zero of={path}/ballast bs=1M count=2 2>/dev/null"
    );
    assert_ne!(in_namespace("part_fills_the_disk", folder.path(), &mount), Some(false));
}

#[tokio::test]
async fn part_opens_a_read_only_folder() {
    let Some(folder) = folder_of_child() else { return };
    let opened = SqliteStore::open(&folder, options(1)).await;
    assert!(matches!(opened, Err(OpenError::Folder { .. })), "{opened:?}");
    assert!(opened.unwrap_err().to_string().contains("write access"));
}

#[test]
fn a_read_only_folder_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().display();
    let mount = format!("mount -t tmpfs -o ro tmpfs {path}");
    assert_ne!(in_namespace("part_opens_a_read_only_folder", folder.path(), &mount), Some(false));
}

#[tokio::test]
async fn a_watermark_that_an_older_relay_kept_has_a_stamp_after_the_migration() {
    let mut database = SqliteConnectOptions::new().in_memory(true).connect().await.unwrap();
    let older = r#"[["orders",3,1795435200000,5],[null,2,1795435100000,4]]"#;
    sqlx::raw_sql("CREATE TABLE inboxes (watermarks TEXT)").execute(&mut database).await.unwrap();
    for watermarks in [older, "[]"] {
        sqlx::query("INSERT INTO inboxes VALUES (?)").bind(watermarks).execute(&mut database).await.unwrap();
    }
    let migration = include_str!("../migrations/sqlite/0004_watermark_stamps.sql");
    sqlx::raw_sql(migration).execute(&mut database).await.unwrap();
    let found: Vec<String> =
        sqlx::query_scalar("SELECT watermarks FROM inboxes").fetch_all(&mut database).await.unwrap();
    let stamped = r#"[["orders",3,[1795435200000,""],5],[null,2,[1795435100000,""],4]]"#;
    assert_eq!(found, [stamped, "[]"]);
}
