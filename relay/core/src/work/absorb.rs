//! Takes in what a transaction read.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidings_protocol::NotificationState;

use super::{DigestCopy, Live, PersonCopy, Standing, Tracked, Work};
use crate::model::{Event, Notification, PersonKey};
use crate::ports::{Found, Need};

impl Work<'_> {
    /// What is not loaded of it, each once.
    pub(crate) fn missing(&self, needs: impl IntoIterator<Item = Need>) -> BTreeSet<Need> {
        needs.into_iter().filter(|need| !self.loaded.contains(need)).collect()
    }

    /// Recipients of notifications that were found by a key; they have to be locked too. With them the once-keys of
    /// those that were not active yet: whatever ends such a notification gives its key back. And with each what is on
    /// its way of it, and the counts of those that are in a trial.
    pub(crate) fn strangers(&self) -> Vec<Need> {
        let people = self.by_person.keys().filter(|person| !self.people.contains_key(*person));
        let people = people.map(|person| Need::Person(person.clone()));
        let held = self.notifications.values().map(|copy| &copy.row);
        let held = held.filter(|row| row.state == NotificationState::Held);
        let once = held.filter_map(|row| {
            let (rule, value) = (row.cause.rule.clone()?, row.keys.once.clone()?);
            Some(Need::Once(row.person.clone(), rule, value))
        });
        // Whatever ends such a notification ends what is on its way.
        let sent = self.notifications.values().map(|copy| &copy.row).filter(|row| row.on_way > 0);
        let sent = sent.map(|row| Need::Deliveries(row.id.clone()));
        people.chain(once).chain(sent).chain(self.tallies_of_trials()).collect()
    }

    /// Takes in rows. A row that is in the copy already stays as the decisions left it.
    pub(crate) fn absorb(&mut self, needs: Vec<Need>, found: Found) {
        self.loaded.extend(needs);
        for person in found.people {
            self.people.entry(person.key.clone()).or_insert_with(|| PersonCopy {
                stored: person.inbox.clone(),
                person,
                recipient_changed: false,
            });
        }
        for event in found.events {
            self.hear_of(event, Standing::Stored);
        }
        for notification in found.notifications {
            self.hold(notification, Standing::Stored);
        }
        for delivery in found.deliveries {
            let id = delivery.id.clone();
            self.deliveries.entry(id).or_insert(Tracked { row: delivery, standing: Standing::Stored });
        }
        for digest in found.digests {
            let key = (digest.person.clone(), digest.scope.clone(), digest.key.clone());
            let copy = DigestCopy { digest, standing: Standing::Stored, closed: false };
            self.digests.entry(key).or_insert(copy);
        }
        for key in found.once {
            self.once.entry((key.person.clone(), key.rule.clone(), key.value.clone())).or_insert(key);
        }
        self.histories.extend(found.histories);
        for row in found.due {
            self.due.entry(row.key.clone()).or_insert(row);
        }
        self.operations.extend(found.operations);
        self.answers.extend(found.answers);
        self.owners.extend(found.owners);
        for (project, channel, day, spent) in found.spending {
            self.spending.entry((project, channel, day)).or_insert(spent);
        }
        for (key, tally) in found.tallies {
            self.tallies.entry(key).or_insert(tally);
        }
        self.wins.extend(found.wins);
        self.pages.extend(found.pages);
    }

    /// Takes in what is live in a project.
    pub(crate) fn absorb_live(&mut self, live: Live) {
        self.live.insert(live.state.id.clone(), Arc::new(live));
    }

    /// Whether what is live in a project is here.
    pub(crate) fn has_live(&self, project: &tidings_protocol::ProjectId) -> bool {
        self.live.contains_key(project)
    }

    /// Takes an event in. One that is in the copy already stays as it is.
    pub(super) fn hear_of(&mut self, event: Event, standing: Standing) {
        if let Some(external_id) = &event.body.external_id {
            self.by_external_id.entry(external_id.clone()).or_default().insert(event.id.clone());
        }
        self.events.entry(event.id.clone()).or_insert(Tracked { row: event, standing });
    }

    pub(super) fn hold(&mut self, notification: Notification, standing: Standing) {
        let (id, person): (_, PersonKey) = (notification.id.clone(), notification.person.clone());
        self.by_person.entry(person).or_default().insert(id.clone());
        self.notifications.entry(id).or_insert(Tracked { row: notification, standing });
    }
}
