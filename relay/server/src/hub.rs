//! The sessions of this node, by recipient.
//!
//! The hub carries hints only. A session registers before it looks at the store, and a hint that finds a full queue
//! becomes a note that something was missed, so that losing one costs a read and never a notification. A frame is
//! encoded once, whoever gets it.

mod due_bell;
mod frame;
mod slot;
mod watch;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tidings_core::act::{AfterCommit, Hint};
use tidings_core::model::PersonKey;
use tidings_core::ports::{InboxReader, StoreError};
use tidings_core::session::LiveChange;
use tidings_protocol::frame::Bye;
use tidings_protocol::limits::SESSIONS_PER_RECIPIENT_MAX;
use tidings_protocol::{DeviceId, ProjectId, Timestamp};
use tokio_tungstenite::tungstenite::Utf8Bytes;

pub use self::due_bell::DueBell;
pub use self::frame::encode;
pub use self::slot::{HINTS_QUEUED_MAX, Heard, Slot};
pub use self::watch::Watch;

/// Inboxes whose heads are asked for in one statement.
const HEADS_PER_READ: usize = 500;

/// The sessions of this node.
#[derive(Debug, Default)]
pub struct Hub {
    inboxes: Mutex<BTreeMap<PersonKey, Vec<Waiter>>>,
    due: Arc<DueBell>,
    handovers: Arc<DueBell>,
    next_id: AtomicU64,
}

/// One session. A later one has a higher id.
#[derive(Debug)]
struct Waiter {
    id: u64,
    device: DeviceId,
    slot: Arc<Slot>,
}

/// The recipient has as many sessions as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the recipient has {SESSIONS_PER_RECIPIENT_MAX} sessions, which is the most there may be")]
pub struct TooManySessionsError;

impl Hub {
    /// An empty hub.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// What the dispatch listens to.
    #[must_use]
    pub fn due_bell(&self) -> Arc<DueBell> {
        Arc::clone(&self.due)
    }

    /// What those listen to who hand deliveries over.
    #[must_use]
    pub fn handover_bell(&self) -> Arc<DueBell> {
        Arc::clone(&self.handovers)
    }

    /// Until when a recipient says to be at one of the devices whose sessions are here; none if nowhere.
    #[must_use]
    pub fn present_until(&self, person: &PersonKey) -> Option<Timestamp> {
        let inboxes = locked(&self.inboxes);
        inboxes.get(person).into_iter().flatten().filter_map(|waiter| waiter.slot.present_until()).max()
    }

    /// Tells everybody what a commit changed. Never blocks; call it after each commit, before the answers go out.
    pub fn after_commit(&self, after: AfterCommit) {
        for hint in after.hints {
            self.hint(hint);
        }
        for person in &after.erased {
            self.close(person, None, Bye::Erased);
        }
        if let Some(at) = after.due_sooner {
            self.due.ring(at);
        }
        if let Some(at) = after.handover_sooner {
            self.handovers.ring(at);
        }
    }

    /// Ends the sessions of a recipient, or of one device of theirs.
    pub fn close(&self, person: &PersonKey, device: Option<&DeviceId>, code: Bye) {
        for waiter in locked(&self.inboxes).get(person).into_iter().flatten() {
            if device.is_none_or(|device| *device == waiter.device) {
                waiter.slot.close(code);
            }
        }
    }

    /// Registers a session. A device counts once against the limit, and the same one not at all: its older sessions are
    /// about to be replaced, and one that comes back without end keeps nobody else away.
    ///
    /// # Errors
    /// [`TooManySessionsError`] if the recipient has [`SESSIONS_PER_RECIPIENT_MAX`] others.
    pub fn register(
        self: &Arc<Self>,
        person: &PersonKey,
        device: &DeviceId,
    ) -> Result<Watch, TooManySessionsError> {
        let mut inboxes = locked(&self.inboxes);
        let waiters = inboxes.get(person).into_iter().flatten();
        let others: BTreeSet<&DeviceId> =
            waiters.map(|waiter| &waiter.device).filter(|other| *other != device).collect();
        if others.len() >= SESSIONS_PER_RECIPIENT_MAX {
            return Err(TooManySessionsError);
        }
        let slot = Arc::new(Slot::default());
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let waiter = Waiter { id, device: device.clone(), slot: Arc::clone(&slot) };
        let waiters = inboxes.entry(person.clone()).or_default();
        // Most people have a device or two, and a list would grow to room for four.
        waiters.reserve_exact(1);
        waiters.push(waiter);
        drop(inboxes);
        metrics::gauge!("tidings_sessions").increment(1);
        Ok(Watch::new(Arc::clone(self), person.clone(), id, slot))
    }

    /// Sends older sessions of the same device away. A session does it once it is welcome.
    pub fn replace_older(&self, person: &PersonKey, device: &DeviceId, watch: &Watch) {
        for waiter in locked(&self.inboxes).get(person).into_iter().flatten() {
            if waiter.device == *device && waiter.id < watch.id() {
                waiter.slot.close(Bye::Replaced);
            }
        }
    }

    /// How many sessions a recipient has on this node.
    #[must_use]
    pub fn sessions_of(&self, person: &PersonKey) -> usize {
        locked(&self.inboxes).get(person).map_or(0, Vec::len)
    }

    /// How many sessions this node has.
    #[must_use]
    pub fn sessions(&self) -> usize {
        locked(&self.inboxes).values().map(Vec::len).sum()
    }

    /// Another configuration is live in a project: its sessions get the settings anew.
    pub fn settings_changed(&self, project: &ProjectId) {
        for (person, waiters) in &*locked(&self.inboxes) {
            if person.project == *project {
                waiters.iter().for_each(|waiter| waiter.slot.tell_settings());
            }
        }
    }

    /// Compares the heads of all inboxes with what their sessions were sent: the net under lost hints.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read; those that come after are not compared.
    pub async fn compare_heads(&self, reader: &dyn InboxReader) -> Result<(), StoreError> {
        let people: Vec<PersonKey> = locked(&self.inboxes).keys().cloned().collect();
        for people in people.chunks(HEADS_PER_READ) {
            for (person, epoch, head) in reader.heads(people).await? {
                self.tell(&person, &LiveChange { epoch, from: head, to: head, frame: None });
            }
        }
        Ok(())
    }

    fn hint(&self, hint: Hint) {
        if !locked(&self.inboxes).contains_key(&hint.person) {
            return;
        }
        // Encoded outside of the lock: a large frame must not hold up other commits' hints.
        let Hint { person, epoch, from, to, items } = hint;
        let frame = frame::live_frame(epoch, from, to, items);
        self.tell(&person, &LiveChange { epoch, from, to, frame });
    }

    fn tell(&self, person: &PersonKey, change: &LiveChange<Utf8Bytes>) {
        for waiter in locked(&self.inboxes).get(person).into_iter().flatten() {
            waiter.slot.tell(change.clone());
        }
    }

    fn forget(&self, person: &PersonKey, id: u64) {
        if let Entry::Occupied(mut waiters) = locked(&self.inboxes).entry(person.clone()) {
            waiters.get_mut().retain(|waiter| waiter.id != id);
            if waiters.get().is_empty() {
                waiters.remove();
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds this lock")
}

#[cfg(test)]
mod tests;
