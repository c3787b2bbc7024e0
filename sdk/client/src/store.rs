//! The account's file: SQLite in WAL mode with `synchronous=FULL`, so that what a call returned survives a crash.
//!
//! One connection writes and readers stand beside it. Every write begins with `BEGIN IMMEDIATE`: two processes on one
//! file wait for each other instead of failing halfway. What a step changes is decided in `tidings-sdk-core`; this
//! module says it in SQL.

mod account;
mod apply;
mod fault;
mod foretold;
mod items;
mod lease;
mod marks;
mod open;
mod outbox;
mod query;
mod readers;
mod salvage;
mod screen;
mod words;

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnection, SqliteTransactionManager};
use sqlx::{Connection as _, Sqlite, Transaction};
use sqlx_core::transaction::TransactionManager as _;
use tidings_protocol::NotificationId;
use tidings_protocol::Timestamp;
use tidings_protocol::item::{NotificationItem, SettingsItem};
use tidings_protocol::operation::Operation;
use tidings_sdk_core::{Applied, Batch, Decision, DeviceStore, Identity, Loaded, Queued, Screen, Settlement};
use tokio::sync::{Mutex, MutexGuard, watch};

use crate::error::StorageFault;
use crate::seal::Sealer;

pub(crate) use account::SignIn;
pub(crate) use fault::StoreError;
pub(crate) use lease::{Lease, LeaseView};
pub(crate) use marks::Marked;
pub(crate) use open::Opened;
pub(crate) use query::{Asleep, ListQuery, Place};
use readers::Readers;

/// One account's file. Clones share the connections.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    writer: Arc<Mutex<SqliteConnection>>,
    /// Beats for the lease. A beat has to be seen, not to survive a power cut, so it does not wait for the disk.
    pulse: Arc<Mutex<SqliteConnection>>,
    readers: Readers,
    sealer: Sealer,
    path: PathBuf,
    /// Rises with every change, so that observers look again.
    changed: watch::Sender<u64>,
}

impl Store {
    /// Follows changes that this process makes, or has noticed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Rows changed, here or in another process.
    pub(crate) fn announce_change(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Stores what a push told of a notification that is not here, and was not.
    pub(crate) async fn foretell(&self, item: &NotificationItem) -> Result<(), StoreError> {
        let foretold = foretold::foretell(&mut *self.writer().await, &self.sealer, item).await;
        if self.watch_damage(foretold)? {
            self.announce_change();
        }
        Ok(())
    }

    /// Ends the connections; the file is then in one piece.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        // Truncating is a courtesy to backups; another process may be writing, and then it is that one's to do.
        let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
        if let Err(error) = checkpoint.execute(&mut *self.writer().await).await {
            tracing::debug!(%error, "the inbox file was left with its journal");
        }
    }

    /// Passes a result on; if it says that the file is damaged, the next start sets the file aside.
    fn watch_damage<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result
            && error.fault() == StorageFault::Corrupt
        {
            Self::note_damage(&self.path);
        }
        result
    }

    async fn writer(&self) -> MutexGuard<'_, SqliteConnection> {
        self.writer.lock().await
    }

    async fn pulse(&self) -> MutexGuard<'_, SqliteConnection> {
        self.pulse.lock().await
    }
}

/// Begins a transaction that may write. Dropping it puts everything back.
async fn begin(writer: &mut SqliteConnection) -> Result<Transaction<'_, Sqlite>, StoreError> {
    end_the_last(writer).await?;
    Ok(writer.begin_with("BEGIN IMMEDIATE").await?)
}

/// A full disk makes SQLite put a transaction back by itself. The driver fails to do it once more, and takes the
/// transaction for one that runs until the end of the connection; so it is given another one to put back.
async fn end_the_last(writer: &mut SqliteConnection) -> Result<(), StoreError> {
    if SqliteTransactionManager::get_transaction_depth(writer) == 0 {
        return Ok(());
    }
    // What was dropped a moment ago is put back before this is answered.
    writer.ping().await?;
    if SqliteTransactionManager::get_transaction_depth(writer) > 0 {
        // It fails if there is one after all, which is put back then.
        drop(sqlx::query("BEGIN").execute(&mut *writer).await);
        SqliteTransactionManager::rollback(writer).await?;
    }
    Ok(())
}

impl DeviceStore for Store {
    type Error = StoreError;

    async fn load(&self) -> Result<Loaded, StoreError> {
        let mut writer = self.writer().await;
        account::load(&mut writer).await
    }

    async fn save_identity(&self, identity: &Identity) -> Result<(), StoreError> {
        let mut writer = self.writer().await;
        account::save_identity(&mut writer, identity).await
    }

    async fn apply(&self, batch: &Batch) -> Result<Applied, StoreError> {
        let applied = apply::apply(&mut *self.writer().await, &self.sealer, batch).await;
        let applied = self.watch_damage(applied)?;
        self.announce_change();
        Ok(applied)
    }

    async fn queue(&self, operation: &Operation) -> Result<Option<Queued>, StoreError> {
        let queued = outbox::queue(&mut *self.writer().await, &self.sealer, operation, None).await?;
        self.announce_change();
        Ok(queued)
    }

    async fn settle(&self, settlement: &Settlement) -> Result<(), StoreError> {
        outbox::settle(&mut *self.writer().await, &self.sealer, settlement).await?;
        self.announce_change();
        Ok(())
    }

    async fn remember_contact(&self, at: Timestamp, clock_offset_ms: i64) -> Result<(), StoreError> {
        let mut writer = self.writer().await;
        account::remember_contact(&mut writer, at, clock_offset_ms).await
    }

    async fn row(&self, id: &NotificationId) -> Result<Option<NotificationItem>, StoreError> {
        self.watch_damage(self.one(id).await)
    }

    async fn settings(&self) -> Result<Option<SettingsItem>, StoreError> {
        account::settings(&mut *self.writer().await).await
    }

    async fn screen(&self) -> Result<Screen, StoreError> {
        self.watch_damage(screen::read(&mut *self.readers.acquire().await?).await)
    }

    async fn claim(&self, decision: &Decision) -> Result<bool, StoreError> {
        screen::claim(&mut *self.writer().await, decision).await
    }

    async fn drop_content(&self) -> Result<(), StoreError> {
        account::drop_content(&mut *self.writer().await).await?;
        self.announce_change();
        Ok(())
    }

    async fn wipe(&self) -> Result<(), StoreError> {
        account::wipe(&mut *self.writer().await).await?;
        self.announce_change();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
