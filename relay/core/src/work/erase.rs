//! Forgets a recipient: what is counted is counted as erased, and nothing personal is written any more.

use std::sync::Arc;

use serde_json::{Map, Value};
use tidings_protocol::{DeliveryState, NotificationId, NotificationState};

use super::{Standing, Work};
use crate::model::{
    DueKey, EntryHash, Erased, Event, EventBody, Flags, InappDelivery, Marks, Person, PersonKey, Term,
};

impl Work<'_> {
    /// Counts a notification and its deliveries as erased, whatever they were. Nothing is told: the story goes too.
    pub(crate) fn erase_notification(&mut self, id: &NotificationId) {
        let now = self.now;
        let notification = self.notification_mut(id);
        let (project, made_at) = (notification.person.project.clone(), notification.created_at);
        let from = std::mem::replace(&mut notification.state, NotificationState::Erased);
        let inapp: Option<InappDelivery> = notification.inapp;
        if let Some(inapp) = &mut notification.inapp {
            (inapp.state, inapp.changed_at) = (DeliveryState::Erased, now);
        }
        notification.told = Vec::new();
        notification.content = None;
        (notification.flags, notification.marks) = (Flags::default(), Marks::default());
        // It has no place in an inbox that a recipient of the same name may get later.
        (notification.created_seq, notification.seq, notification.due) = (None, None, None);
        let books = &mut self.changes.books;
        let (state, gone) = (Term::Notification(from), Term::Notification(NotificationState::Erased));
        books.shift(&project, made_at, state, gone);
        let gone = Term::Delivery(DeliveryState::Erased);
        if let Some(inapp) = inapp.filter(|inapp| inapp.state != DeliveryState::Erased) {
            books.shift(&project, inapp.made_at, Term::Delivery(inapp.state), gone);
        }
        let deliveries = self.deliveries.values_mut().filter(|copy| copy.row.notification == *id);
        for copy in deliveries.filter(|copy| copy.row.state != DeliveryState::Erased) {
            let delivery = copy.touch();
            let from = std::mem::replace(&mut delivery.state, DeliveryState::Erased);
            (delivery.reason, delivery.changed_at) = (None, now);
            books.shift(&project, delivery.made_at, Term::Delivery(from), gone);
        }
    }

    /// Forgets a recipient. The store deletes the rows; what this transaction was about to write of them is dropped.
    pub(crate) fn forget_person(&mut self, key: &PersonKey, erased: Erased) {
        self.drop_changes(key);
        self.empty_events(key);
        let copy = self.people.get_mut(key).expect("a unit names every recipient that it decides on");
        copy.person = Person { erased: Some(erased.clone()), ..Person::unknown(key.clone()) };
        copy.recipient_changed = false;
        copy.stored = None;
        self.changes.erased.push((key.clone(), erased));
        self.after.erased.push(key.clone());
    }

    /// The store writes what is new after it erased: rows of the recipient must not come back by that.
    fn drop_changes(&mut self, key: &PersonKey) {
        let changes = &mut self.changes;
        changes.consent_entries.retain(|(person, _)| person != key);
        changes.consent_states.retain(|(person, ..)| person != key);
        changes.memberships.retain(|(person, ..)| person != key);
        changes.endpoints_set.retain(|(person, _)| person != key);
        changes.endpoints_removed.retain(|(person, ..)| person != key);
        changes.devices.retain(|(person, _)| person != key);
        changes.receipts.retain(|row| row.person != *key);
        changes.operations.retain(|row| row.person != *key);
        changes.collected.retain(|row| row.person != *key);
        changes.once_taken.retain(|row| row.person != *key);
        changes.once_given_back.retain(|row| row.person != *key);
        changes.feed.retain(|row| row.project != key.project || row.recipient != key.recipient);
        // A fan-out only stands at the recipient, it is not theirs.
        let stays = |row: &crate::model::DueRow| row.person != *key || matches!(row.key, DueKey::FanOut(..));
        self.due.retain(|_, row| stays(row));
        self.digests.retain(|(person, ..), _| person != key);
        self.once.retain(|(person, ..), _| person != key);
        self.operations.retain(|row| row.person != *key);
    }

    /// Events about the recipient that this transaction accepted stay, because the books count them, without what they
    /// said. The store does the same to those that it has.
    fn empty_events(&mut self, key: &PersonKey) {
        let about = |event: &Event| {
            event.project == key.project && event.body.recipient.as_ref() == Some(&key.recipient)
        };
        let new = self.events.values_mut().filter(|copy| copy.standing == Standing::New);
        for event in new.map(|copy| &mut copy.row).filter(|event| about(event)) {
            event.body = Arc::new(EventBody {
                recipient: None,
                data: Value::Null,
                extensions: Value::Object(Map::new()),
                digest: EntryHash::default(),
                send: None,
                ..EventBody::clone(&event.body)
            });
            event.considered.iter_mut().for_each(|considered| considered.text = None);
        }
    }
}
