//! Which process holds the connection: a row with a beat. A row, not a lock of the file system, because a system that
//! suspends an app ends the ones that hold such a lock.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;
use tidings_protocol::Timestamp;
use uuid::Uuid;

use super::account::instant;
use super::{Store, StoreError, begin};

/// A holder whose beat did not move for this long, by the observer's own monotonic clock, is gone.
const DEAD_AFTER: Duration = Duration::from_secs(6);

/// The clients of this very process, so that a row left by an earlier process with the same number is not taken for
/// one of them.
static LIVING: Mutex<BTreeSet<Uuid>> = Mutex::new(BTreeSet::new());

/// One client's wish to hold the connection.
#[derive(Debug)]
pub(crate) struct Lease {
    own: Uuid,
    /// The last beat that was seen of another holder, and when it was seen first.
    seen: Option<(String, i64, Instant)>,
}

/// What the holder says about the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeaseView {
    pub(crate) held: bool,
    pub(crate) connection: String,
    pub(crate) complete_as_of: Option<Timestamp>,
}

struct LeaseRow {
    holder: Option<String>,
    process: Option<i64>,
    beat: i64,
    connection: String,
    complete_as_of: Option<Timestamp>,
}

impl Lease {
    pub(crate) fn new() -> Self {
        let own = Uuid::now_v7();
        LIVING.lock().unwrap_or_else(PoisonError::into_inner).insert(own);
        Self { own, seen: None }
    }

    /// Beats if the lease is ours, takes it if nobody has it.
    pub(crate) async fn beat(&mut self, store: &Store) -> Result<LeaseView, StoreError> {
        let mut pulse = store.pulse().await;
        let mut writing = begin(&mut pulse).await?;
        let row = read(&mut writing).await?;
        let own = self.own.to_string();
        let held = row.holder.as_deref() == Some(&own) || self.is_free(&row);
        if held {
            sqlx::query("UPDATE lease SET holder = ?, process = ?, beat = beat + 1")
                .bind(own)
                .bind(i64::from(std::process::id()))
                .execute(&mut *writing)
                .await?;
            writing.commit().await?;
        }
        Ok(LeaseView { held, connection: row.connection, complete_as_of: row.complete_as_of })
    }

    /// Tells the other processes how the connection is.
    pub(crate) async fn tell(
        &self,
        store: &Store,
        connection: &str,
        complete_as_of: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE lease SET connection = ?, complete_as_of = ? WHERE holder = ?")
            .bind(connection)
            .bind(complete_as_of.map(Timestamp::as_millis))
            .bind(self.own.to_string())
            .execute(&mut *store.pulse().await)
            .await?;
        Ok(())
    }

    /// Lets another process take over at once.
    pub(crate) async fn release(&self, store: &Store) -> Result<(), StoreError> {
        sqlx::query("UPDATE lease SET holder = NULL, connection = 'offline' WHERE holder = ?")
            .bind(self.own.to_string())
            .execute(&mut *store.pulse().await)
            .await?;
        Ok(())
    }

    fn is_free(&mut self, row: &LeaseRow) -> bool {
        let Some(holder) = &row.holder else { return true };
        if has_ended(holder, row.process) {
            return true;
        }
        match &self.seen {
            Some((known, beat, since)) if known == holder && *beat == row.beat => {
                since.elapsed() >= DEAD_AFTER
            }
            Some(_) | None => {
                self.seen = Some((holder.clone(), row.beat, Instant::now()));
                false
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        LIVING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.own);
    }
}

/// Whether the holder is known to be gone, so that nobody has to wait for its beat: its process does not exist any
/// more, or it is this process and the client is not.
fn has_ended(holder: &str, process: Option<i64>) -> bool {
    let Some(process) = process else { return false };
    if process == i64::from(std::process::id()) {
        let living = LIVING.lock().unwrap_or_else(PoisonError::into_inner);
        return !Uuid::parse_str(holder).is_ok_and(|holder| living.contains(&holder));
    }
    let list = Path::new("/proc");
    list.join("self").exists() && !list.join(process.to_string()).exists()
}

async fn read(connection: &mut SqliteConnection) -> Result<LeaseRow, StoreError> {
    let row = sqlx::query("SELECT holder, process, beat, connection, complete_as_of FROM lease")
        .fetch_one(connection)
        .await?;
    Ok(LeaseRow {
        holder: row.try_get(0)?,
        process: row.try_get(1)?,
        beat: row.try_get(2)?,
        connection: row.try_get(3)?,
        complete_as_of: instant(&row, 4)?,
    })
}
