//! What a data folder says by itself.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tidings_core::model::Ledger;
use tidings_core::ports::{
    BookReader as _, BookRow, ConsentReader as _, ProjectRow, Registry as _, StoreError,
};
use tidings_protocol::Timestamp;
use tidings_store::{ErasureKey, OpenError, SqliteOptions, SqliteStore};

use super::{Finding, NAMED_MAX, ledger, movers, wall_millis};
use crate::commands::serve::DATABASE;
use crate::error::CommandError;

/// Chains that are read at a time.
const CHAINS_AT_ONCE: usize = 200;
/// Stuck notifications that are looked for.
const STUCK_MAX: usize = 100;

/// Whether the folder has a database.
pub(super) fn is_there(folder: &Path) -> bool {
    folder.join(DATABASE).is_file()
}

/// Counts and verifies everything in the database.
pub(super) async fn findings(folder: &Path) -> Result<Vec<Finding>, CommandError> {
    let store = match SqliteStore::open(folder, options()).await {
        Ok(store) => store,
        Err(error @ OpenError::InUse { .. }) => return Err(tidings_server::StartError::from(error).into()),
        Err(error) => {
            return Ok(vec![Finding::wrong(
                "store",
                error.to_string(),
                "restore the latest backup of the folder",
            )]);
        }
    };
    let mut findings = vec![Finding::ok("store", format!("no relay runs; read from {}", folder.display()))];
    match count(&store).await {
        Ok(counted) => findings.extend(counted),
        Err(error) => {
            findings.push(Finding::wrong(
                "store",
                error.to_string(),
                "restore the latest backup of the folder",
            ));
        }
    }
    Ok(findings)
}

/// Verifies the ledger of a relay that runs on the folder, on a copy of its database as of one instant. The copy is made
/// inside the folder, where personal data are at home, and removed.
pub(super) async fn ledger_beside(folder: &Path) -> Vec<Finding> {
    match verify_copy(folder).await {
        Ok(findings) => findings,
        Err(error) => {
            let next = "free some space, or stop the relay and run `tidings doctor` again";
            vec![Finding::not_checked("ledger", format!("the database cannot be copied: {error}"), next)]
        }
    }
}

async fn verify_copy(folder: &Path) -> Result<Vec<Finding>, CopyError> {
    let copy = tempfile::Builder::new()
        .prefix("doctor-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(folder)?;
    let connect = SqliteConnectOptions::new().filename(folder.join(DATABASE)).read_only(true);
    let mut connection = connect.connect().await?;
    let into = copy.path().join(DATABASE);
    sqlx::query("VACUUM INTO ?1").bind(into.display().to_string()).execute(&mut connection).await?;
    connection.close().await?;
    let store = SqliteStore::open(copy.path(), options()).await?;
    let mut findings = Vec::new();
    for project in store.projects().await? {
        findings.push(chains(&store, &project).await?);
    }
    Ok(findings)
}

/// Why a copy cannot be verified.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error(transparent)]
    Folder(#[from] std::io::Error),
    #[error(transparent)]
    Copy(#[from] sqlx::Error),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Read(#[from] StoreError),
}

/// The key is for erasing, and nothing is erased here; the epoch names the inboxes of a restored backup.
fn options() -> SqliteOptions {
    let epoch = u32::try_from(uuid::Uuid::now_v7().as_u128() & 0xffff_ffff).expect("it has 32 bits");
    SqliteOptions::new(ErasureKey::new([0; 32]), epoch)
}

async fn count(store: &SqliteStore) -> Result<Vec<Finding>, StoreError> {
    let now = Timestamp::from_millis(wall_millis());
    let mut findings = Vec::new();
    for project in store.projects().await? {
        findings.push(books(&project, &store.books(&project.id).await?));
        let stuck = store.stuck(&project.id, now, STUCK_MAX).await?;
        // Without a relay nothing moves: what is late is not lost. What has no mover at all is told when one runs.
        if !stuck.is_empty() {
            let detail = format!("{} notifications of {} are late", stuck.len(), project.name);
            findings.push(Finding::not_checked(
                "pending",
                detail,
                "start the relay, and ask again after five minutes",
            ));
        } else {
            findings.push(movers(&[]));
        }
        findings.push(chains(store, &project).await?);
    }
    Ok(findings)
}

fn books(project: &ProjectRow, rows: &[BookRow]) -> Finding {
    let mut left_over = 0_u64;
    let mut words = Vec::new();
    for ledger in Ledger::ALL {
        let of = || rows.iter().filter(|row| row.key.term.ledger() == ledger);
        let made: i64 = of().filter(|row| row.is_made()).map(|row| row.counted).sum();
        let mut days: std::collections::BTreeMap<i32, i64> = std::collections::BTreeMap::new();
        for row in of() {
            *days.entry(row.key.day).or_default() += if row.is_made() { row.counted } else { -row.counted };
        }
        left_over += days.values().map(|day| day.unsigned_abs()).sum::<u64>();
        left_over += of().map(|row| row.counted.abs_diff(row.recounted)).sum::<u64>();
        words.push(format!("{made} {}", ledger.as_str()));
    }
    let counts = format!("{} of {}", words.join(", "), project.name);
    if left_over == 0 {
        return Finding::ok("books", format!("{counts}, recounted; nothing is left over"));
    }
    Finding::wrong(
        "books",
        format!("{counts}, recounted; {left_over} left over"),
        "keep a copy of the data folder and report it: rows and counters do not agree",
    )
}

async fn chains(store: &SqliteStore, project: &ProjectRow) -> Result<Finding, StoreError> {
    let (mut checked, mut entries) = (0_u64, 0_usize);
    let mut faults = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.chains(&project.id, after.as_deref(), CHAINS_AT_ONCE).await?;
        for (recipient, chain, head) in &page {
            checked += 1;
            entries += chain.len();
            faults.extend(ledger::fault(chain, head).map(|fault| format!("{recipient}: {fault}")));
        }
        match page.into_iter().next_back() {
            Some((last, ..)) => after = Some(last),
            None => break,
        }
    }
    if faults.is_empty() {
        let detail = format!("{entries} entries of {checked} recipients of {} verified", project.name);
        return Ok(Finding::ok("ledger", detail));
    }
    let named = faults.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join("; ");
    let detail = format!("{} of {checked} chains of {} are broken: {named}", faults.len(), project.name);
    Ok(Finding::wrong(
        "ledger",
        detail,
        "compare with a backup: somebody changed the database beside the relay",
    ))
}
