//! Addresses that nobody is behind any more, on their way to the stop list.

use std::sync::{Mutex, PoisonError};

use tidings_core::ports::{Ids, Registry, StopEntry, StoreError};
use tidings_protocol::{Channel, ProjectId, Timestamp};
use tokio::sync::Notify;

/// Addresses that wait for the stop list. One more is left out: the provider says so again when the address is used again.
const GONE_MAX: usize = 4_096;
/// What the stop list says of them.
const REASON: &str = "the provider says that nobody is behind this address";

/// An address of a project.
pub(crate) type Gone = (ProjectId, Channel, Box<str>);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct GoneAddresses {
    waiting: Mutex<Vec<Gone>>,
    bell: Notify,
}

impl GoneAddresses {
    /// Notes addresses. Never blocks.
    pub(crate) fn note(&self, gone: Vec<Gone>) {
        if gone.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let room = GONE_MAX.saturating_sub(waiting.len());
        waiting.extend(gone.into_iter().take(room));
        drop(waiting);
        self.bell.notify_one();
    }

    /// Waits until something was noted.
    ///
    /// # Cancel safety
    /// Cancel-safe: what was noted stays.
    pub(crate) async fn noted(&self) {
        self.bell.notified().await;
    }

    /// Puts what was noted onto the stop list.
    ///
    /// # Errors
    /// [`StoreError`]; what was not written is noted again.
    pub(crate) async fn write(
        &self,
        registry: &dyn Registry,
        ids: &dyn Ids,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut gone = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        while let Some((project, channel, address)) = gone.pop() {
            let entry = StopEntry {
                id: uuid::Uuid::from_u128(ids.next(now)).to_string().into(),
                project: project.clone(),
                channel,
                address: address.clone(),
                reason: REASON.into(),
                at: now,
            };
            if let Err(error) = registry.put_stop_entry(&entry, true, None).await {
                gone.push((project, channel, address));
                self.waiting.lock().unwrap_or_else(PoisonError::into_inner).append(&mut gone);
                return Err(error);
            }
        }
        Ok(())
    }
}
