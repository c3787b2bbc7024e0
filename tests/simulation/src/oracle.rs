//! What must hold after every step. The oracle sees each transaction that took effect and everything that devices
//! store and show, and counts for itself: it asks the code under test for nothing but what it stored.

mod deliveries;
mod end;
mod people;
mod release;

use std::collections::{BTreeMap, BTreeSet};

use tidings_core::model::{Notification, PersonKey, parse_cursor};
use tidings_core::ports::BookReader;
use tidings_protocol::{
    DeliveryState, DeviceId, EventId, NotificationId, NotificationState, OperationId, ProjectId, Reason,
    Timestamp,
};
use tidings_sdk_core::present::Decision;
use tidings_store::MemoryStore;

use self::deliveries::{Charge, DeliverySeen, First};
use self::people::PersonSeen;
use self::release::Release;
use crate::coverage::Kind;
use crate::device::Device;
use crate::executor::at_once;
use crate::world::{Commit, World};

/// The oracle of one run.
pub struct Oracle {
    world: World,
    truth: MemoryStore,
    project: ProjectId,
    /// What did not hold.
    pub violations: Vec<String>,
    people: BTreeMap<PersonKey, PersonSeen>,
    notifications: BTreeMap<NotificationId, Notification>,
    events: BTreeSet<EventId>,
    /// Operations that were answered, and whether they were refused.
    operations: BTreeMap<(PersonKey, OperationId), bool>,
    releases: Vec<Release>,
    /// What each device is known to hold.
    held: BTreeMap<(PersonKey, DeviceId), u64>,
    shown: Vec<BTreeSet<(NotificationId, u32)>>,
    deliveries: BTreeMap<Box<str>, DeliverySeen>,
    /// What was said of each attempt.
    said: BTreeMap<(Box<str>, u32), BTreeSet<&'static str>>,
    /// Attempts of which the relay wrote that they cost nothing.
    known_free: BTreeSet<(Box<str>, u32)>,
    firsts: Vec<First>,
    charges: Vec<Charge>,
    revived: Vec<Box<str>>,
    /// When a sender had a notification decided anew, last.
    decided_anew: BTreeMap<NotificationId, Timestamp>,
}

impl Oracle {
    pub(crate) fn new(world: World, truth: MemoryStore, project: ProjectId, devices: usize) -> Self {
        Self {
            world,
            truth,
            project,
            violations: Vec::new(),
            people: BTreeMap::new(),
            notifications: BTreeMap::new(),
            events: BTreeSet::new(),
            operations: BTreeMap::new(),
            releases: Vec::new(),
            held: BTreeMap::new(),
            shown: vec![BTreeSet::new(); devices],
            deliveries: BTreeMap::new(),
            said: BTreeMap::new(),
            known_free: BTreeSet::new(),
            firsts: Vec::new(),
            charges: Vec::new(),
            revived: Vec::new(),
            decided_anew: BTreeMap::new(),
        }
    }

    /// Something did not hold.
    pub(crate) fn violation(&mut self, what: String) {
        self.world.trace(|| format!("VIOLATION {what}"));
        self.violations.push(what);
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (&NotificationId, &Notification)> {
        self.notifications.iter()
    }

    fn hold(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violation(what());
        }
    }

    /// A transaction took effect.
    pub(crate) fn committed(&mut self, commit: &Commit) {
        let changes = &commit.changes;
        let (before, stood) = (self.people.clone(), self.stood(changes));
        self.follow_people(changes);
        for event in &changes.events_new {
            let new = self.events.insert(event.id.clone());
            self.hold(new, || format!("event {} was accepted twice", event.id));
        }
        for row in changes.notifications_new.iter().chain(&changes.notifications_changed) {
            self.count_story(row);
            let old = self.notifications.insert(row.id.clone(), row.clone());
            self.world.trace(|| {
                format!(
                    "node {} writes {} {} seq {:?} {:?}",
                    commit.node,
                    row.id,
                    row.state,
                    row.seq,
                    row.stopped.as_ref().map(|s| s.reason)
                )
            });
            if row.state == NotificationState::Erased {
                continue;
            }
            self.check_change(old.as_ref(), row);
            self.check_repeat(old.as_ref(), row);
            self.check_release(old.as_ref(), row, &before, changes);
            self.check_placed(old.as_ref(), row, &before, changes);
        }
        self.check_deliveries(commit, &before, &stood);
        for row in &changes.operations {
            let key = (row.person.clone(), row.operation.clone());
            // A place that a device holds is said again by each of its sessions.
            if row.operation.as_str().starts_with("held:") {
                continue;
            }
            let first = self.operations.insert(key, row.refused.is_some()).is_none();
            self.hold(first, || format!("operation {} took effect twice", row.operation));
        }
        self.check_books();
    }

    fn count_story(&self, row: &Notification) {
        for line in &row.told {
            if let Some(reason) = line.reason {
                let gate = line.gate.map_or("-", tidings_protocol::Gate::as_str);
                self.world.count(Kind::Reason, format!("{gate}/{reason}"));
            }
        }
    }

    /// States change as SEMANTICS 4 says, and what never changes does not.
    fn check_change(&mut self, old: Option<&Notification>, new: &Notification) {
        let id = &new.id;
        if let (Some(inapp), None) = (new.inapp, new.created_seq) {
            self.violation(format!("{id} is {} without a place in the inbox", inapp.state));
        }
        let Some(old) = old else { return };
        self.hold(old.created_seq.is_none() || old.created_seq == new.created_seq, || {
            format!("{id} moved from its place {:?} to {:?}", old.created_seq, new.created_seq)
        });
        self.hold(old.seq <= new.seq, || format!("{id} went back from {:?} to {:?}", old.seq, new.seq));
        self.hold(old.round <= new.round, || format!("{id} went back to round {}", new.round));
        let taken_back = old.flags.retracted_at.is_some() || is_over(old.state);
        self.hold(!(taken_back && new.is_visible()), || format!("{id} is back after it was taken away"));
        self.hold(!is_over(old.state) || old.state == new.state, || {
            format!("{id} went from {} to {}", old.state, new.state)
        });
        let received = old.inapp.is_some_and(|inapp| inapp.state == DeliveryState::Received);
        let still = new.inapp.is_some_and(|inapp| inapp.state == DeliveryState::Received);
        self.hold(!received || still, || format!("{id} is not received any more"));
    }

    fn check_books(&mut self) {
        let books = at_once(self.truth.books(&self.project)).unwrap_or_default();
        for row in books {
            self.hold(row.counted == row.recounted, || {
                format!(
                    "the books count {} of {:?}, the rows say {}",
                    row.counted, row.key.term, row.recounted
                )
            });
        }
    }

    /// The place up to which the relay knows a device to hold everything.
    pub(crate) fn held(&self, person: &PersonKey, device: &DeviceId) -> Option<u64> {
        self.held.get(&(person.clone(), device.clone())).copied()
    }

    /// A backend was told that this was accepted.
    pub(crate) fn was_accepted(&mut self, event: &EventId) {
        let there = self.events.contains(event);
        self.hold(there, || format!("{event} was answered as accepted and is not there"));
    }

    /// A backend was told of this notification.
    pub(crate) fn was_announced(&mut self, id: &NotificationId) {
        let there = self.notifications.contains_key(id);
        self.hold(there, || format!("{id} was announced and is not there"));
    }

    /// A device was told that its operation took effect.
    pub(crate) fn told_done(&mut self, person: &PersonKey, operation: &OperationId) {
        let known = self.operations.get(&(person.clone(), operation.clone())).copied();
        self.hold(known == Some(false), || format!("{operation} was answered as done and is not"));
    }

    /// A device stored a page: it has everything up to its cursor, and nothing that was taken away before it.
    pub(crate) fn applied(&mut self, number: usize, device: &Device, people: &[PersonKey]) {
        if device.resetting {
            return;
        }
        let Some((epoch, place)) = device.store.cursor().as_ref().and_then(parse_cursor) else { return };
        let person = &people[device.person];
        if self.people.get(person).and_then(|seen| seen.epoch) != Some(epoch) {
            return;
        }
        let rows: BTreeSet<NotificationId> = device.store.rows().into_iter().map(|row| row.item.id).collect();
        let mut wrong = Vec::new();
        for row in self.notifications.values() {
            if row.person == *person && row.seq.is_some_and(|seq| seq <= place) {
                let has = rows.contains(&row.id);
                if has != row.is_visible() {
                    let what = if has { "still has" } else { "lacks" };
                    wrong.push(format!("device {number} at {place} {what} {} of {:?}", row.id, row.seq));
                }
            }
        }
        wrong.into_iter().for_each(|what| self.violation(what));
    }

    /// A device shows something.
    pub(crate) fn on_screen(
        &mut self,
        number: usize,
        device: &Device,
        decision: &Decision,
        people: &[PersonKey],
    ) {
        let shown = match decision {
            Decision::Show { id, round } | Decision::Update { id, round, .. } => vec![(id.clone(), *round)],
            Decision::Summary { items } => items.clone(),
            Decision::Withdraw { .. } | Decision::Pass { .. } => return,
        };
        let place = device.store.cursor().as_ref().and_then(parse_cursor);
        for (id, round) in shown {
            let first = self.shown[number].insert((id.clone(), round));
            self.hold(first, || format!("device {number} shows {id} twice in round {round}"));
            let Some(row) = self.notifications.get(&id).cloned() else {
                self.violation(format!("device {number} shows {id}, which nobody made"));
                continue;
            };
            let person = &people[device.person];
            self.hold(row.person == *person || row.state == NotificationState::Erased, || {
                format!("device {number} shows {id}, which is somebody else's")
            });
            let epoch = self.people.get(person).and_then(|seen| seen.epoch);
            let knows =
                place.is_some_and(|(of, place)| Some(of) == epoch && row.seq.is_some_and(|seq| seq <= place));
            self.hold(row.is_visible() || !knows, || {
                format!("device {number} shows {id} after it was taken away")
            });
            let late = self.world.now() - row.expires_at.as_millis();
            self.hold(late < 10_000, || format!("device {number} shows {id} {late} ms after its time"));
        }
    }

    /// A device forgot everything, because its recipient was erased. What it showed before must still not come again.
    pub(crate) const fn wiped(&self, _device: usize) {}
}

/// Whether nothing but an erasure can follow.
const fn is_over(state: NotificationState) -> bool {
    matches!(
        state,
        NotificationState::Expired
            | NotificationState::Suppressed
            | NotificationState::Merged
            | NotificationState::Cancelled
            | NotificationState::Retracted
            | NotificationState::Erased
    )
}

/// Whether the sender revived it, which takes nothing from caps.
fn is_replayed(row: &Notification) -> bool {
    row.told.iter().any(|line| line.reason == Some(Reason::Replayed))
}

impl std::fmt::Debug for Oracle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oracle").field("violations", &self.violations).finish_non_exhaustive()
    }
}
