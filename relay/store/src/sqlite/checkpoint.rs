//! Moves the write-ahead log into the file, off the commit path.
//!
//! A page that is written again and again is moved once for all of them, so the log is moved late. Moving beside the writer
//! never catches up with one that does not pause, and the log only begins anew when all of it was moved: from a length on
//! the writer is held for the little that a pass before has left. The file keeps its length and is written over, which costs
//! less than to make it shorter and longer again.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::SqliteConnection;
use tidings_core::ports::StoreError;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cells::Cells;
use super::error::meaning;
use super::readers::Readers;
use super::rest::{self, Quiet};
use super::{Writer, open};

/// Frames of the log, a page of 4 KiB each, that are moved beside the writer: 48 MiB.
const FRAMES: i64 = 12_288;
/// Frames of the log from which the writer is held until it begins anew: 64 MiB. A start after a crash reads them all, and
/// each page that is looked up is looked for in them.
const FRAMES_MAX: i64 = 16_384;
/// How long a pass that holds the writer waits for readers; then it is tried again at the next look.
pub(super) const WAITS_FOR_READERS: Duration = Duration::from_millis(50);
/// How often the log is looked at.
const TICK: Duration = Duration::from_millis(100);
/// After so many ticks a shorter log is moved, too: 10 s.
const TICKS_MAX: u32 = 100;

/// The task that moves the log.
pub(super) struct Checkpoints {
    wrote: Arc<AtomicBool>,
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Checkpoints {
    /// Begins to move the log of a folder over a connection of its own.
    pub(super) fn begin(
        connection: SqliteConnection,
        writer: Arc<Mutex<Writer>>,
        readers: Arc<Readers>,
        folder: PathBuf,
    ) -> Self {
        let (wrote, stop, tracker) =
            (Arc::new(AtomicBool::new(false)), CancellationToken::new(), TaskTracker::new());
        let log = Log { connection, writer, readers, folder };
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
    /// What rests with the log when nothing is written.
    readers: Arc<Readers>,
    folder: PathBuf,
}

/// How long the log is, in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Length {
    /// All that stand in it.
    frames: i64,
    /// Those that were moved.
    moved: i64,
}

impl Log {
    async fn keep(mut self, wrote: Arc<AtomicBool>, stop: CancellationToken) {
        let (mut ticks, mut is_behind) = (0, false);
        let mut quiet = Quiet::default();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TICK) => {}
            }
            ticks += 1;
            let has_written = wrote.swap(false, Ordering::Relaxed);
            if quiet.is_due(has_written) {
                rest::give_back(&self.writer, &self.readers).await;
            }
            is_behind |= has_written;
            if !is_behind {
                continue;
            }
            match self.shorten(ticks >= TICKS_MAX).await {
                Ok(true) => (ticks, is_behind) = (0, false),
                Ok(false) => {}
                Err(error) => tracing::warn!(error = %error, "the log could not be moved into the database"),
            }
        }
    }

    /// Moves the log if it is long, or if it is time to. Answers whether it did.
    async fn shorten(&mut self, is_time: bool) -> Result<bool, StoreError> {
        let length = self.look("PRAGMA wal_checkpoint(NOOP)").await?;
        let ends = length.frames >= FRAMES_MAX;
        if !ends && !is_time && length.frames - length.moved < FRAMES {
            return Ok(false);
        }
        self.look("PRAGMA wal_checkpoint(PASSIVE)").await?;
        if ends {
            // Nobody commits meanwhile: what is left is what was committed during the pass above.
            let writer = Arc::clone(&self.writer);
            let mut held = writer.lock().await;
            held.roll_back().await;
            self.look("PRAGMA wal_checkpoint(RESTART)").await?;
        }
        open::note_progress(&mut self.connection, &self.folder).await?;
        Ok(true)
    }

    async fn look(&mut self, sql: &'static str) -> Result<Length, StoreError> {
        let row = sqlx::query(sql).fetch_one(&mut self.connection).await.map_err(meaning)?;
        let mut cells = Cells::after(&row, 1);
        Ok(Length { frames: cells.cell()?, moved: cells.cell()? })
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;
    use tempfile::TempDir;

    use super::super::{SqliteOptions, SqliteStore, run};
    use super::*;
    use crate::erasure::ErasureKey;

    async fn log(folder: &TempDir, store: &SqliteStore) -> Log {
        let file = format!("sqlite://{}", folder.path().join("tidings.sqlite3").display());
        let connection = SqliteConnection::connect(&file).await.unwrap();
        let (writer, readers) = (Arc::clone(&store.shared.writer), Arc::clone(&store.shared.readers));
        Log { connection, writer, readers, folder: folder.path().to_owned() }
    }

    /// Writes a blob of so many pages.
    async fn fill(store: &SqliteStore, pages: i64) {
        let mut writer = store.writer().await.unwrap();
        let connection = &mut writer.connection;
        run(connection, "CREATE TABLE IF NOT EXISTS filler (blob BLOB)").await.unwrap();
        let filled = sqlx::query("INSERT INTO filler VALUES (zeroblob(?1))").bind(pages * 4_096);
        filled.execute(connection).await.unwrap();
    }

    #[tokio::test]
    async fn a_log_at_its_bound_begins_anew_and_a_shorter_one_is_only_moved_when_it_is_time() {
        let folder = TempDir::new().unwrap();
        let options = SqliteOptions::new(ErasureKey::new([0; 32]), 1);
        let store = SqliteStore::open(folder.path(), options).await.unwrap();
        let mut log = log(&folder, &store).await;
        assert!(!log.shorten(false).await.unwrap());
        fill(&store, 1).await;
        assert!(log.shorten(true).await.unwrap());
        let Length { frames, moved } = log.look("PRAGMA wal_checkpoint(NOOP)").await.unwrap();
        assert!(frames > 0 && frames == moved, "{frames} {moved}");
        fill(&store, FRAMES).await;
        assert!(log.shorten(false).await.unwrap());
        let Length { frames, moved } = log.look("PRAGMA wal_checkpoint(NOOP)").await.unwrap();
        assert!(frames >= FRAMES && frames == moved, "{frames} {moved}");
        assert!(!log.shorten(false).await.unwrap(), "it is moved, and below its bound");
        fill(&store, FRAMES_MAX).await;
        let held = store.writer().await.unwrap();
        let waits = tokio::time::timeout(Duration::from_millis(300), log.shorten(false));
        assert!(waits.await.is_err(), "at its bound it waits until nobody writes");
        drop(held);
        assert!(log.shorten(false).await.unwrap(), "all of it is moved, and it is at its bound");
        fill(&store, 1).await;
        let Length { frames, .. } = log.look("PRAGMA wal_checkpoint(NOOP)").await.unwrap();
        assert!(frames < 16, "it began anew: {frames}");
    }
}
