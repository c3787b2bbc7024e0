//! A session's end of its registration. Dropping it takes the registration back.

use std::sync::Arc;

use tidings_core::model::PersonKey;
use tidings_protocol::Timestamp;

use super::{Heard, Hub, Slot};

/// A session's end of its registration.
#[derive(Debug)]
pub struct Watch {
    hub: Arc<Hub>,
    person: PersonKey,
    id: u64,
    slot: Arc<Slot>,
}

impl Watch {
    pub(super) fn new(hub: Arc<Hub>, person: PersonKey, id: u64, slot: Arc<Slot>) -> Self {
        Self { hub, person, id, slot }
    }

    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    /// Waits until something changed after the registration, or after what was heard last.
    ///
    /// # Cancel safety
    /// Cancel-safe: nothing that is heard is lost by dropping the future.
    pub async fn changed(&self) -> Heard {
        loop {
            if let Some(heard) = self.slot.take() {
                return heard;
            }
            self.slot.rung().await;
        }
    }

    /// Until when the recipient says to be at this device.
    pub fn present(&self, until: Option<Timestamp>) {
        self.slot.present(until);
    }

    /// What changed, if anything did.
    #[must_use]
    pub fn take(&self) -> Option<Heard> {
        self.slot.take()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.hub.forget(&self.person, self.id);
        metrics::gauge!("tidings_sessions").decrement(1);
    }
}
