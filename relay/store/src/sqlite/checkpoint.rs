//! Moves the write-ahead log into the file, off the commit path.
//!
//! Moving beside the writer never catches up with one that does not pause, and the log only begins anew when all of it was
//! moved. From a size on the writer is held for the little that a pass before has left, so that the log stays bounded
//! however long a load lasts: a start after a crash reads it, and each page that is looked up is looked for in it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::SqliteConnection;
use tidings_core::ports::StoreError;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Writer, open, run};

/// The size of the log, in bytes, from which it is moved: 4 MiB, small enough to be moved within a tick.
const LOG_BYTES: u64 = 4 << 20;
/// The size of the log, in bytes, from which the writer is held until it begins anew: 32 MiB.
const LOG_BYTES_MAX: u64 = 32 << 20;
/// How long a pass that holds the writer waits for readers; then it is tried again at the next look.
pub(super) const WAITS_FOR_READERS: Duration = Duration::from_millis(50);
/// How often the log is looked at.
const TICK: Duration = Duration::from_millis(500);
/// After so many ticks a smaller log is moved, too.
const TICKS_MAX: u32 = 20;

/// The task that moves the log.
pub(super) struct Checkpoints {
    wrote: Arc<AtomicBool>,
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Checkpoints {
    /// Begins to move the log of a folder over a connection of its own.
    pub(super) fn begin(connection: SqliteConnection, writer: Arc<Mutex<Writer>>, folder: PathBuf) -> Self {
        let (wrote, stop, tracker) =
            (Arc::new(AtomicBool::new(false)), CancellationToken::new(), TaskTracker::new());
        let log = Log { connection, writer, folder };
        tracker.spawn(log.keep(Arc::clone(&wrote), stop.clone()));
        tracker.close();
        Self { wrote, stop, tracker }
    }

    /// Says that there is something in the log.
    pub(super) fn wrote(&self) {
        self.wrote.store(true, Ordering::Relaxed);
    }

    /// Ends the task and waits for it.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        self.tracker.wait().await;
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The write-ahead log of a folder.
struct Log {
    connection: SqliteConnection,
    writer: Arc<Mutex<Writer>>,
    folder: PathBuf,
}

impl Log {
    async fn keep(mut self, wrote: Arc<AtomicBool>, stop: CancellationToken) {
        let mut ticks = 0;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TICK) => {}
            }
            ticks += 1;
            let bytes = self.bytes().await;
            if (bytes < LOG_BYTES && ticks < TICKS_MAX) || !wrote.swap(false, Ordering::Relaxed) {
                continue;
            }
            ticks = 0;
            if let Err(error) = self.move_on(bytes).await {
                wrote.store(true, Ordering::Relaxed);
                tracing::warn!(error = %error, "the log could not be moved into the database");
            }
        }
    }

    async fn bytes(&self) -> u64 {
        tokio::fs::metadata(open::log_path(&self.folder)).await.map_or(0, |file| file.len())
    }

    async fn move_on(&mut self, bytes: u64) -> Result<(), StoreError> {
        run(&mut self.connection, "PRAGMA wal_checkpoint(PASSIVE)").await?;
        if bytes >= LOG_BYTES_MAX {
            // Nobody commits meanwhile: what is left is what was committed during the pass above.
            let mut held = self.writer.lock().await;
            held.roll_back().await;
            run(&mut self.connection, "PRAGMA wal_checkpoint(TRUNCATE)").await?;
        }
        open::note_progress(&mut self.connection, &self.folder).await
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;
    use tempfile::TempDir;

    use super::super::{SqliteOptions, SqliteStore};
    use super::*;
    use crate::erasure::ErasureKey;

    #[tokio::test]
    async fn a_log_at_its_bound_begins_anew_and_a_shorter_one_is_only_moved() {
        let folder = TempDir::new().unwrap();
        let options = SqliteOptions::new(ErasureKey::new([0; 32]), 1);
        let store = SqliteStore::open(folder.path(), options).await.unwrap();
        let file = format!("sqlite://{}", folder.path().join("tidings.sqlite3").display());
        let connection = SqliteConnection::connect(&file).await.unwrap();
        let writer = Arc::clone(&store.shared.writer);
        let mut log = Log { connection, writer, folder: folder.path().to_owned() };
        assert!(log.bytes().await > 0, "the tables were made");
        log.move_on(LOG_BYTES_MAX - 1).await.unwrap();
        assert!(log.bytes().await > 0);
        log.move_on(LOG_BYTES_MAX).await.unwrap();
        assert_eq!(log.bytes().await, 0);
    }
}
