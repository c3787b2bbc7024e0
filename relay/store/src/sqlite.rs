//! The store in one SQLite file, for one node.
//!
//! One connection writes, one transaction at a time; others read beside it, each call in one snapshot. Checkpoints
//! have a connection of their own, so that no commit waits for one. A file lock keeps a second relay away from the
//! folder.

mod books;
mod bulk;
mod cells;
mod checkpoint;
mod consent;
mod due;
mod dump;
mod erase;
mod error;
mod find;
mod handover;
mod hooks;
mod inbox;
mod insight;
mod kept;
mod open;
mod people;
mod progress;
mod purge;
mod readers;
mod registry;
mod rest;
mod rows;
mod sign_in;
mod statements;
mod story;
mod turn;
mod words;
mod write;

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::SqliteConnection;
use tidings_core::model::Changes;
use tidings_core::ports::{BatchId, CommitError, Found, Need, Store, StoreError, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

pub use open::{OpenError, SqliteOptions};

use crate::erasure::ErasureKey;
use crate::found::refused_before;
use bulk::{ask, put};
use checkpoint::Checkpoints;
use error::{commit_meaning, meaning};
use kept::{Followed, Kept};
use readers::{Reader, Readers};
use statements::read::COMMITTED;
use turn::Script;
use words::ReadWords;

/// A store in a folder; clones share it.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

struct Shared {
    writer: Arc<Mutex<Writer>>,
    readers: Arc<Readers>,
    checkpoints: Checkpoints,
    erasure: ErasureKey,
    folder: PathBuf,
    wait: Duration,
    /// A flush to disk failed: what the file holds from then on can be asked of nobody but the next start.
    lost: AtomicBool,
    /// Held for as long as the store is open.
    _lock: File,
}

impl Shared {
    fn is_sound(&self) -> Result<(), StoreError> {
        if self.lost.load(Ordering::Acquire) { Err(StoreError::Lost) } else { Ok(()) }
    }
}

/// The connection that writes.
struct Writer {
    connection: SqliteConnection,
    /// Whether a transaction may be open that nobody owns any more.
    open: bool,
    /// What begins the transaction, until its first statement took it along.
    before: Option<&'static str>,
    /// Recipients and projects as the last commit left them.
    kept: Kept,
}

impl Writer {
    /// Begins a transaction that may change anything: what is remembered is forgotten.
    async fn begin(&mut self) -> Result<(), StoreError> {
        self.kept.forget_all();
        self.begin_beside_people().await
    }

    /// Begins a transaction that changes no recipient, or whose changes [`Kept::follow`] is told of. One that was
    /// dropped is rolled back before.
    async fn begin_beside_people(&mut self) -> Result<(), StoreError> {
        self.begin_with_next().await;
        self.begin_now().await
    }

    /// The same, with the next statement: a turn less.
    async fn begin_with_next(&mut self) {
        self.roll_back().await;
        self.before = Some("BEGIN IMMEDIATE");
    }

    async fn begin_now(&mut self) -> Result<(), StoreError> {
        self.open = true;
        match self.before.take() {
            Some(begin) => run(&mut self.connection, begin).await,
            None => Ok(()),
        }
    }

    async fn commit(&mut self) -> Result<(), CommitError> {
        self.commit_with(Script::new(true)).await
    }

    /// Executes what is left of a write, and commits.
    async fn commit_with(&mut self, left: Script) -> Result<(), CommitError> {
        let ended = left.commit(&mut self.connection).await;
        let error = match ended {
            Ok(Ok(())) => {
                self.open = false;
                return Ok(());
            }
            Ok(Err(error)) => commit_meaning(error),
            Err(error) => CommitError::RolledBack(error),
        };
        self.roll_back().await;
        Err(error)
    }

    /// Makes sure that no transaction is open. SQLite ends one by itself at some errors, and then says that there is
    /// none to roll back.
    async fn roll_back(&mut self) {
        if self.open {
            if let Err(error) = sqlx::query("ROLLBACK").execute(&mut self.connection).await {
                tracing::debug!(error = %error, "there was nothing to roll back");
            }
            self.open = false;
        }
    }
}

impl SqliteStore {
    /// The writer, once it is free.
    async fn writer(&self) -> Result<OwnedMutexGuard<Writer>, StoreError> {
        let free = Arc::clone(&self.shared.writer).lock_owned();
        let waited = tokio::time::timeout(self.shared.wait, free).await;
        waited.map_err(|elapsed| StoreError::Unavailable(Box::new(elapsed)))
    }

    /// A reader in a snapshot of its own.
    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let mut snapshot = self.reader().await?;
        run(&mut snapshot.connection, BEGIN).await?;
        Ok(snapshot)
    }

    /// A reader whose first statement is to be [`BEGIN`].
    async fn reader(&self) -> Result<Snapshot, StoreError> {
        let connection = self.shared.readers.acquire().await?;
        Ok(Snapshot { connection, ended: false })
    }
}

/// Begins a snapshot.
const BEGIN: &str = "BEGIN";
/// Ends a snapshot.
const END: &str = "COMMIT";

/// A connection with a read transaction.
struct Snapshot {
    connection: Reader,
    ended: bool,
}

impl Snapshot {
    /// Lets the snapshot go and gives the connection back.
    async fn end(mut self) {
        match sqlx::query(END).execute(&mut *self.connection).await {
            Ok(_) => self.ended = true,
            Err(error) => tracing::warn!(error = %error, "a snapshot could not be ended"),
        }
    }
}

impl Drop for Snapshot {
    /// A connection whose snapshot is still open would answer the next reader from the past: it is closed.
    fn drop(&mut self) {
        if !self.ended {
            self.connection.give_up();
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("folder", &self.shared.folder).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        self.shared.is_sound()?;
        let mut writer = self.writer().await?;
        writer.begin_with_next().await;
        let (store, written, words) = (self.clone(), Vec::new(), ReadWords::default());
        Ok(Box::new(SqliteTransaction { writer, store, refused: false, written, words }))
    }

    async fn committed(&self, batch: BatchId) -> Result<bool, StoreError> {
        self.shared.is_sound()?;
        let mut snapshot = self.snapshot().await?;
        let found = sqlx::query(COMMITTED).bind(batch.0.to_be_bytes().to_vec());
        let found = found.fetch_optional(&mut *snapshot.connection).await.map_err(meaning)?;
        snapshot.end().await;
        Ok(found.is_some())
    }
}

/// A write transaction. It holds the only writer.
struct SqliteTransaction {
    writer: OwnedMutexGuard<Writer>,
    store: SqliteStore,
    /// Whether a write failed: then half of it may stand in the transaction, and nothing may be committed.
    refused: bool,
    /// What it wrote of recipients, a part for each write. The writer follows it once it is committed.
    written: Vec<Followed>,
    words: ReadWords,
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn read(&mut self, needs: &[Need]) -> Result<Found, StoreError> {
        let Writer { connection, open, before, kept } = &mut *self.writer;
        *open = true;
        // After a write, whole or not, the transaction sees what may never be committed: nobody is remembered from it.
        let kept = (self.written.is_empty() && !self.refused).then_some(kept);
        let found = find::find(connection, before, needs, kept, &self.store.shared.erasure).await?;
        self.words.remember(&found.notifications);
        Ok(found)
    }

    async fn write(&mut self, batch: BatchId, changes: &Changes) -> Result<(), StoreError> {
        // A write that is given up in the middle leaves half of itself, too.
        let refused = std::mem::replace(&mut self.refused, true);
        self.write_most(batch, changes).await?.run(&mut self.writer.connection).await?;
        self.refused = refused;
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), CommitError> {
        self.commit_with(Script::new(true)).await
    }

    async fn finish(mut self: Box<Self>, batch: BatchId, changes: &Changes) -> Result<(), CommitError> {
        let left = self.write_most(batch, changes).await.map_err(CommitError::RolledBack)?;
        self.commit_with(left).await
    }
}

impl SqliteTransaction {
    /// Writes what needs answers; answers what is left to execute.
    async fn write_most(&mut self, batch: BatchId, changes: &Changes) -> Result<Script, StoreError> {
        self.writer.begin_now().await?;
        let erasure = &self.store.shared.erasure;
        let left = write::write(&mut self.writer.connection, batch, changes, &self.words, erasure).await?;
        self.written.push(Followed::of(changes));
        Ok(left)
    }

    async fn commit_with(mut self, left: Script) -> Result<(), CommitError> {
        if self.refused {
            self.writer.roll_back().await;
            return Err(CommitError::RolledBack(refused_before()));
        }
        self.writer.begin_now().await.map_err(CommitError::RolledBack)?;
        let committed = self.writer.commit_with(left).await;
        if matches!(committed, Err(CommitError::Unknown)) {
            self.store.shared.lost.store(true, Ordering::Release);
        }
        committed?;
        for followed in std::mem::take(&mut self.written) {
            self.writer.kept.follow(followed);
        }
        self.store.shared.checkpoints.wrote();
        Ok(())
    }
}

/// A rare write that was not committed, for callers who only ask whether it was. One with an unknown outcome may be
/// repeated: it is the same row again.
fn not_committed(error: CommitError) -> StoreError {
    match error {
        CommitError::RolledBack(error) => error,
        CommitError::Unknown => StoreError::Unavailable("the answer to the commit was lost".into()),
    }
}

/// Runs a statement without parameters.
async fn run(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), StoreError> {
    sqlx::query(sql).execute(connection).await.map(drop).map_err(meaning)
}

/// A limit as SQLite counts.
fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

impl SqliteStore {
    /// Ends everything in order: moves the log into the file and closes all connections.
    ///
    /// # Errors
    /// [`StoreError`] if the log could not be moved; nothing is lost, the next start does it.
    pub async fn close(self) -> Result<(), StoreError> {
        self.shared.checkpoints.stop().await;
        self.shared.readers.close().await;
        let mut writer = self.writer().await?;
        writer.roll_back().await;
        run(&mut writer.connection, "PRAGMA wal_checkpoint(TRUNCATE)").await?;
        open::note_progress(&mut writer.connection, &self.shared.folder).await?;
        // The lock on the folder goes with the last clone; the file itself is already whole.
        Ok(())
    }
}
