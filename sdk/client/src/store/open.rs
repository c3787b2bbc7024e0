//! Opening the file: pragmas, migrations, a damaged file set aside, another key noticed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, Executor as _, Row as _};
use tokio::sync::{Mutex, watch};

use super::readers::Readers;
use super::{Store, StoreError, begin, words};
use crate::error::StorageFault;
use crate::seal::{EncryptionKey, Sealer};

/// Forward only, never edited.
const MIGRATIONS: [&str; 6] = [
    include_str!("../../migrations/0001_inbox.sql"),
    include_str!("../../migrations/0002_places.sql"),
    include_str!("../../migrations/0003_words.sql"),
    include_str!("../../migrations/0004_columns.sql"),
    include_str!("../../migrations/0005_foretold.sql"),
    include_str!("../../migrations/0006_forms.sql"),
];
/// After this many of them, rows that are there are sealed anew.
const WORDS_JOINED_AFTER: usize = 3;
/// How long a write waits for another process. Its transactions take milliseconds; a backup may take seconds.
const BUSY_MILLIS_MAX: u64 = 5_000;
/// Rows that a reader's thread hands over before it waits for them to be taken: a page and what stands beside it. With a
/// shorter queue two threads wake each other in the middle of it.
const ROWS_READ_AHEAD: usize = 512;
/// Stands beside a file that was found damaged while it was in use: the next start sets the file aside.
const DAMAGED_SUFFIX: &str = "damaged";

/// A store that is open, and what had to be done for it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) store: Store,
    /// Where a damaged file was put, if there was one.
    pub(crate) set_aside: Option<PathBuf>,
    /// Whether the content was dropped because it was written with another key.
    pub(crate) other_key: bool,
}

impl Store {
    /// Opens the account's file, or makes it. A damaged one is set aside; what can be read of it and not fetched again
    /// is carried over.
    pub(crate) async fn open(path: &Path, key: Option<&EncryptionKey>) -> Result<Opened, StoreError> {
        if !with_suffix(path, DAMAGED_SUFFIX).exists() {
            match Self::open_whole(path, key).await {
                Err(error) if error.fault() == StorageFault::Corrupt => {
                    tracing::warn!(%error, "the inbox file is damaged; it is set aside and fetched again");
                }
                Ok((store, other_key)) => return Ok(Opened { store, set_aside: None, other_key }),
                Err(error) => return Err(error),
            }
        }
        let aside = put_aside(path)?;
        let (store, other_key) = Self::open_whole(path, key).await?;
        super::salvage::carry_over(&aside, &mut *store.writer().await).await;
        Ok(Opened { store, set_aside: Some(aside), other_key })
    }

    /// Remembers that the file is damaged, so that the next start sets it aside.
    pub(crate) fn note_damage(path: &Path) {
        if let Err(error) = std::fs::write(with_suffix(path, DAMAGED_SUFFIX), b"") {
            tracing::warn!(%error, "the damage of the inbox file could not be noted");
        }
    }

    async fn open_whole(path: &Path, key: Option<&EncryptionKey>) -> Result<(Self, bool), StoreError> {
        make_private(path)?;
        let mut writer = SqliteConnection::connect_with(&options(path)).await?;
        // The pragma is asserted, not trusted: without it a power cut takes back what a call has returned.
        let level: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut writer).await?;
        assert!(level == 2, "synchronous=FULL was set and is {level}");
        migrate(&mut writer, key).await?;
        let (tag, check): (String, Option<Vec<u8>>) = {
            let row = sqlx::query("SELECT tag, key_check FROM account").fetch_one(&mut writer).await?;
            (row.try_get(0)?, row.try_get(1)?)
        };
        let sealer = Sealer::new(key, tag);
        let other_key = !sealer.fits(check.as_deref());
        if other_key {
            change_key(&mut writer, &sealer).await?;
        }
        // A damaged page shows itself here, and not in the middle of the first list.
        sqlx::query("SELECT count(*) FROM items").fetch_one(&mut writer).await?;
        let pulse = Arc::new(Mutex::new(SqliteConnection::connect_with(&pulse_options(path)).await?));
        let readers = options(path).create_if_missing(false).row_buffer_size(ROWS_READ_AHEAD);
        let readers = Readers::new(readers);
        let (changed, _) = watch::channel(0);
        let path = path.to_owned();
        let writer = Arc::new(Mutex::new(writer));
        let store = Self { writer, pulse, readers, sealer, path, changed };
        Ok((store, other_key))
    }
}

pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        // Readers go on while a page is stored.
        .journal_mode(SqliteJournalMode::Wal)
        // What a call returned, and what `held` told the relay, is on the disk.
        .synchronous(SqliteSynchronous::Full)
        .pragma("fullfsync", "1")
        .foreign_keys(true)
        .busy_timeout(Duration::from_millis(BUSY_MILLIS_MAX))
        // What is deleted on wiping is overwritten.
        .pragma("secure_delete", "on")
}

fn pulse_options(path: &Path) -> SqliteConnectOptions {
    options(path).create_if_missing(false).synchronous(SqliteSynchronous::Normal)
}

async fn migrate(writer: &mut SqliteConnection, key: Option<&EncryptionKey>) -> Result<(), StoreError> {
    let mut transaction = begin(writer).await?;
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await?;
    let done = usize::try_from(version).map_err(|_| StoreError::Newer)?;
    if done > MIGRATIONS.len() {
        return Err(StoreError::Newer);
    }
    for (number, migration) in (1..).zip(MIGRATIONS).skip(done) {
        transaction.execute(sqlx::raw_sql(migration)).await?;
        if number == WORDS_JOINED_AFTER {
            words::join(&mut transaction, key).await?;
        }
        let version = format!("PRAGMA user_version = {number}");
        transaction.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(version))).await?;
    }
    if done == 0 {
        sqlx::query("INSERT INTO account (one, tag, device, nonce) VALUES (1, ?, ?, ?)")
            .bind(uuid::Uuid::now_v7().to_string())
            .bind(uuid::Uuid::now_v7().to_string())
            .bind(uuid::Uuid::from_bytes(rand::random()).simple().to_string())
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Content of another key is of no use: it is dropped and fetched again. The outbox is plain and stays.
async fn change_key(writer: &mut SqliteConnection, sealer: &Sealer) -> Result<(), StoreError> {
    let mut transaction = begin(writer).await?;
    super::account::drop_rows(&mut transaction).await?;
    sqlx::query("UPDATE account SET key_check = ?")
        .bind(sealer.check_value())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// The journal goes with the file: it has the last steps that were made.
fn put_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let aside = with_suffix(path, &format!("damaged-{}", crate::clock::now().as_millis()));
    move_if_there(path, &aside)?;
    move_if_there(&journal(path, "-wal"), &journal(&aside, "-wal"))?;
    remove_if_there(&journal(path, "-shm"))?;
    remove_if_there(&with_suffix(path, DAMAGED_SUFFIX))?;
    Ok(aside)
}

fn journal(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn move_if_there(from: &Path, to: &Path) -> Result<(), StoreError> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

/// Only the recipient's own account on the system may read the file: it has credentials in it.
fn make_private(path: &Path) -> Result<(), StoreError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?;
    Ok(())
}
