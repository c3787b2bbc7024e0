//! What every store keeps to: one suite, run on all of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod books;
mod faults;
mod file;
mod handovers;
mod hooks;
mod insight;
mod model;
mod needs;
mod people;
mod public;
mod readers;
mod samples;
mod setup;
mod transactions;

use tempfile::TempDir;
use tidings_core::model::Changes;
use tidings_core::ports::{
    BatchId, BookReader, ConsentReader, DueReader, Found, HandoverReader, HookKeeper, InboxReader, Insight,
    Need, PublicTokens, Registry, SignIn, Store, StoryReader,
};
use tidings_store::{MemoryStore, SqliteOptions, SqliteStore};

/// A store with all its ports.
pub(crate) trait Whole:
    Store
    + InboxReader
    + DueReader
    + BookReader
    + Insight
    + StoryReader
    + ConsentReader
    + Registry
    + SignIn
    + HookKeeper
    + HandoverReader
    + PublicTokens
    + Clone
    + 'static
{
    /// Every row as text.
    fn dump(&self) -> impl Future<Output = String> + Send;
}

impl Whole for MemoryStore {
    async fn dump(&self) -> String {
        MemoryStore::dump(self)
    }
}

impl Whole for SqliteStore {
    async fn dump(&self) -> String {
        SqliteStore::dump(self).await.unwrap()
    }
}

pub(crate) fn memory() -> MemoryStore {
    MemoryStore::new(samples::erasure())
}

/// A store in a folder that goes with the test.
pub(crate) async fn sqlite() -> (SqliteStore, TempDir) {
    let folder = TempDir::new().unwrap();
    let options = SqliteOptions::new(samples::erasure(), 1);
    (SqliteStore::open(folder.path(), options).await.unwrap(), folder)
}

/// Writes changes in a transaction of their own.
pub(crate) async fn write(store: &impl Store, batch: u128, changes: &Changes) {
    let transaction = store.begin().await.unwrap();
    transaction.finish(BatchId(batch), changes).await.unwrap();
}

/// Reads in a transaction that is dropped.
pub(crate) async fn read(store: &impl Store, needs: &[Need]) -> Found {
    store.begin().await.unwrap().read(needs).await.unwrap()
}

/// Runs each case on every store.
#[macro_export]
macro_rules! on_every_store {
    ($($case:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case($crate::memory()).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (store, _folder) = $crate::sqlite().await;
                super::$case(store).await;
            })*
        }
    };
}
