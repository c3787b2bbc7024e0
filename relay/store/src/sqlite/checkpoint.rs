//! Moves the write-ahead log into the file, off the commit path.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::SqliteConnection;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{open, run};

/// The size of the log, in bytes, from which it is moved: 4 MiB, small enough to be moved within a tick.
const LOG_BYTES: u64 = 4 << 20;
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
    pub(super) fn begin(connection: SqliteConnection, folder: PathBuf) -> Self {
        let (wrote, stop, tracker) =
            (Arc::new(AtomicBool::new(false)), CancellationToken::new(), TaskTracker::new());
        tracker.spawn(keep(connection, folder, Arc::clone(&wrote), stop.clone()));
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

async fn keep(
    mut connection: SqliteConnection,
    folder: PathBuf,
    wrote: Arc<AtomicBool>,
    stop: CancellationToken,
) {
    let mut ticks = 0;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
        ticks += 1;
        let log = tokio::fs::metadata(open::log_path(&folder)).await.map_or(0, |file| file.len());
        if (log < LOG_BYTES && ticks < TICKS_MAX) || !wrote.swap(false, Ordering::Relaxed) {
            continue;
        }
        ticks = 0;
        let done = run(&mut connection, "PRAGMA wal_checkpoint(PASSIVE)").await;
        let done = match done {
            Ok(()) => open::note_progress(&mut connection, &folder).await,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            wrote.store(true, Ordering::Relaxed);
            tracing::warn!(error = %error, "the log could not be moved into the database");
        }
    }
}
