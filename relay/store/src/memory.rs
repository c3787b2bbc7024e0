//! The store in memory. It knows no clock, no thread and no runtime: its futures run on any executor, and the same
//! calls in the same order give the same answers.
//!
//! Readers see what is committed, and never wait. A transaction keeps what it wrote to itself: every look at the
//! tables applies it, looks, and takes it back, all under one lock; the commit applies it for good. So a transaction
//! that is dropped has left nothing.

mod apply;
mod books;
mod consent;
mod due;
mod erase;
mod faults;
mod find;
mod handover;
mod hooks;
mod inbox;
mod insight;
mod purge;
mod registry;
mod sign_in;
mod story;
mod turn;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tidings_core::model::Changes;
use tidings_core::ports::{BatchId, CommitError, Found, Need, Store, StoreError, Transaction};

pub use faults::{Fault, Faults, PortCall};

use crate::erasure::ErasureKey;
use crate::found::refused_before;
use crate::tables::Tables;
use faults::NoFaults;
use turn::{Turn, Turnstile};

/// A store in memory; clones share it.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
    faults: Arc<dyn Faults>,
}

struct Shared {
    tables: Mutex<Tables>,
    turnstile: Arc<Turnstile>,
    erasure: ErasureKey,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(erasure: ErasureKey) -> Self {
        let shared = Shared {
            tables: Mutex::new(Tables::default()),
            turnstile: Arc::new(Turnstile::default()),
            erasure,
        };
        Self { shared: Arc::new(shared), faults: Arc::new(NoFaults) }
    }

    /// The same store, seen through faults: one node's view of it.
    #[must_use]
    pub fn with_faults(&self, faults: Arc<dyn Faults>) -> Self {
        Self { shared: Arc::clone(&self.shared), faults }
    }

    /// Every row of every table in the order of keys, as text.
    #[must_use]
    pub fn dump(&self) -> String {
        self.shared.lock().dump()
    }

    /// Asks the faults what this call meets.
    async fn at(&self, call: PortCall) -> Result<(), StoreError> {
        match self.faults.at(call).await {
            Fault::None | Fault::AnswerLost => Ok(()),
            Fault::Fail => Err(StoreError::Unavailable("a fault was injected".into())),
            Fault::Full => Err(StoreError::Full),
        }
    }
}

impl MemoryStore {
    /// A write of its own: whole or nothing, in turn with the transactions.
    async fn change<T>(
        &self,
        call: PortCall,
        change: impl FnOnce(&mut Tables) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        self.at(call).await?;
        let _turn = self.shared.turnstile.turn().await;
        let mut tables = self.shared.lock();
        let done = change(&mut tables);
        if done.is_ok() {
            tables.commit();
        } else {
            tables.roll_back();
        }
        done
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Tables> {
        // A panic under the lock is a broken test; what the tables hold is still what was committed or can be undone.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStore")
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        self.at(PortCall::Begin).await?;
        let turn = self.shared.turnstile.turn().await;
        Ok(Box::new(MemoryTransaction {
            store: self.clone(),
            written: Vec::new(),
            refused: false,
            _turn: turn,
        }))
    }

    async fn committed(&self, batch: BatchId) -> Result<bool, StoreError> {
        self.at(PortCall::Committed).await?;
        Ok(self.shared.lock().numbers.has(&batch))
    }
}

/// What one transaction wrote so far, and its turn, which it gives back when it ends.
struct MemoryTransaction {
    store: MemoryStore,
    written: Vec<(BatchId, Changes)>,
    /// Whether a write failed, after which nothing may be committed.
    refused: bool,
    _turn: Turn,
}

impl MemoryTransaction {
    /// Shows the tables as they are with what was written, then takes it back.
    fn look<T>(&self, look: impl FnOnce(&mut Tables) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut tables = self.store.shared.lock();
        let seen = self.apply(&mut tables).and_then(|()| look(&mut tables));
        tables.roll_back();
        seen
    }

    fn apply(&self, tables: &mut Tables) -> Result<(), StoreError> {
        self.written
            .iter()
            .try_for_each(|(batch, changes)| tables.apply(*batch, changes, &self.store.shared.erasure))
    }
}

#[async_trait]
impl Transaction for MemoryTransaction {
    async fn read(&mut self, needs: &[Need]) -> Result<Found, StoreError> {
        self.store.at(PortCall::Read).await?;
        self.look(|tables| Ok(tables.find(needs, &self.store.shared.erasure)))
    }

    async fn write(&mut self, batch: BatchId, changes: &Changes) -> Result<(), StoreError> {
        self.store.at(PortCall::Write).await?;
        let written = self.look(|tables| tables.apply(batch, changes, &self.store.shared.erasure));
        self.refused |= written.is_err();
        written?;
        self.written.push((batch, changes.clone()));
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), CommitError> {
        let fault = self.store.faults.at(PortCall::Commit).await;
        match fault {
            Fault::Fail => {
                return Err(CommitError::RolledBack(StoreError::Unavailable("a fault was injected".into())));
            }
            Fault::Full => return Err(CommitError::RolledBack(StoreError::Full)),
            Fault::None | Fault::AnswerLost => {}
        }
        if self.refused {
            return Err(CommitError::RolledBack(refused_before()));
        }
        {
            let mut tables = self.store.shared.lock();
            if let Err(error) = self.apply(&mut tables) {
                tables.roll_back();
                return Err(CommitError::RolledBack(error));
            }
            tables.commit();
        }
        if fault == Fault::AnswerLost { Err(CommitError::Unknown) } else { Ok(()) }
    }
}
