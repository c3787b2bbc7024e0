//! Erases a recipient.

use std::collections::BTreeSet;

use tidings_core::model::{BookKey, ConsentEntry, DueKey, Erased, Event, PersonKey, Term, utc_day};
use tidings_protocol::{DeliveryState, EventId, EventState, NotificationState, ProjectId, Timestamp};

use crate::erasure::{ErasureKey, erased_chain, erased_delivery, erased_event, erased_notification};
use crate::tables::Tables;

impl Tables {
    /// Leaves only what the books and the consent chain need, without anything personal. A row that is not counted as
    /// erased yet is moved there, in the same way as by the core. `causes` are the events of those that the core moved.
    pub(super) fn erase(
        &mut self,
        person: &PersonKey,
        erased: &Erased,
        erasure: &ErasureKey,
        mut causes: BTreeSet<EventId>,
    ) {
        let name = erasure.name(person);
        let notifications: Vec<_> = self.notifications_of(person).cloned().collect();
        causes.extend(notifications.iter().map(|row| row.cause.event.clone()));
        for row in notifications {
            let to = Term::Notification(NotificationState::Erased);
            self.shift(&person.project, row.created_at, Term::Notification(row.state), to);
            if let Some(inapp) = row.inapp {
                let to = Term::Delivery(DeliveryState::Erased);
                self.shift(&person.project, inapp.made_at, Term::Delivery(inapp.state), to);
            }
            self.remove_story(&row.id);
            self.put_notification(erased_notification(&row, &name));
        }
        let deliveries: Vec<_> =
            self.deliveries.iter().map(|(_, row)| row).filter(|row| row.person == *person).cloned().collect();
        for row in deliveries {
            let to = Term::Delivery(DeliveryState::Erased);
            self.shift(&person.project, row.made_at, Term::Delivery(row.state), to);
            self.put_delivery(erased_delivery(&row, &name));
        }
        self.empty_events(person, &causes);
        self.seal_chain(person, &erased_chain(&name, erased));
        self.remember_tokens(person, erased);
        self.forget(person);
        self.erased.set((person.project.clone(), name), erased.clone());
    }

    /// Empties the events about the recipient, and those that told nobody else: their words and data are the
    /// recipient's alone. The notifications are counted as erased already.
    fn empty_events(&mut self, person: &PersonKey, causes: &BTreeSet<EventId>) {
        let theirs_alone = |row: &Event| {
            let mut told = self.notifications_from(&row.id, "");
            row.body.recipient.is_none()
                && row.state == EventState::Done
                && causes.contains(&row.id)
                && told.all(|told| told.state == NotificationState::Erased)
        };
        let of_project = self.events.iter().map(|(_, row)| row).filter(|row| row.project == person.project);
        let events: Vec<_> = of_project
            .filter(|row| row.body.recipient.as_ref() == Some(&person.recipient) || theirs_alone(row))
            .map(erased_event)
            .collect();
        for row in events {
            self.events.set(row.id.clone(), row);
        }
    }

    fn shift(&mut self, project: &ProjectId, made_at: Timestamp, from: Term, to: Term) {
        if from != to {
            let key = |term| BookKey { project: project.clone(), day: utc_day(made_at), term };
            self.count(&key(from), -1);
            self.count(&key(to), 1);
        }
    }

    fn seal_chain(&mut self, person: &PersonKey, name: &str) {
        let living = |number| (person.project.clone(), person.recipient.as_str().to_owned(), number);
        let entries: Vec<ConsentEntry> =
            self.consent_entries.range(living(0)..=living(u64::MAX)).map(|(_, row)| row.clone()).collect();
        for row in entries {
            self.consent_entries.remove(&living(row.number));
            let key = (person.project.clone(), name.to_owned(), row.number);
            self.consent_entries.set(key, ConsentEntry { personal: None, ..row });
        }
        let head = (person.project.clone(), person.recipient.as_str().to_owned());
        if let Some(row) = self.consent_heads.remove(&head) {
            self.consent_heads.set((person.project.clone(), name.to_owned()), row);
        }
    }

    /// A device that was away has only its refresh token left, and has to hear why it is not good any more.
    fn remember_tokens(&mut self, person: &PersonKey, erased: &Erased) {
        let rows: Vec<_> = self.device_tokens.of(person).cloned().collect();
        for row in rows {
            let hashes = [Some(row.current), row.previous.map(|(hash, _)| hash), row.family];
            for hash in hashes.into_iter().flatten() {
                self.erased_tokens.set(hash, erased.at);
            }
        }
    }

    /// Deletes what nothing needs any more. A fan-out only stands at the recipient, it is not theirs.
    fn forget(&mut self, person: &PersonKey) {
        let all = usize::MAX;
        self.recipients.remove(person);
        self.inboxes.remove(person);
        self.topics.remove_where(|(of, _), _| of == person, all);
        self.endpoints.remove_where(|(of, _), _| of == person, all);
        self.devices.remove_where(|(of, _), _| of == person, all);
        self.consent_states.remove_where(|(of, _), _| of == person, all);
        self.once.remove_where(|(of, ..), _| of == person, all);
        self.digests.remove_where(|(of, ..), _| of == person, all);
        let theirs = self.due.iter().filter(|(_, row)| row.person == *person);
        let theirs = theirs.filter(|(_, row)| !matches!(row.key, DueKey::FanOut(..)));
        let theirs: Vec<_> = theirs.map(|(key, _)| key.clone()).collect();
        theirs.iter().for_each(|key| self.remove_due(key));
        self.receipts.remove_where(|(of, ..), _| of == person, all);
        self.operations.remove_where(|(of, _), _| of == person, all);
        self.collected.remove_where(|_, row| row.person == *person, all);
        self.feed.remove_where(
            |(project, _), row| *project == person.project && row.recipient == person.recipient,
            all,
        );
        self.connect_codes.remove_where(|_, row| row.person == *person, all);
        self.device_tokens.remove_where(|(of, _), _| of == person, all);
        self.public_tokens.remove_where(|_, row| row.person == *person, all);
    }
}
