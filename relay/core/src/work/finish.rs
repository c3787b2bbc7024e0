//! Turns the working copy into what is written and what is told afterwards.

use std::collections::BTreeMap;

use tidings_protocol::item::Item;

use super::{Standing, Work};
use crate::act::{AfterCommit, Hint};
use crate::model::{Changes, Inbox, Person, PersonKey};
use crate::view;

impl Work<'_> {
    /// Everything to write, and what sessions are told once it is durable.
    pub(crate) fn finish(mut self) -> (Changes, AfterCommit) {
        self.after.hints = self.hints();
        let mut changes = std::mem::take(&mut self.changes);
        for (key, project) in std::mem::take(&mut self.due_touched) {
            match self.due.remove(&key) {
                Some(row) => changes.due_set.push(row),
                None => changes.due_cleared.push((project, key)),
            }
        }
        for copy in self.events.into_values() {
            match copy.standing {
                Standing::Stored => {}
                Standing::Changed => changes.events_changed.push(copy.row),
                Standing::New => changes.events_new.push(copy.row),
            }
        }
        for copy in self.notifications.into_values() {
            match copy.standing {
                Standing::Stored => {}
                Standing::Changed => changes.notifications_changed.push(copy.row),
                Standing::New => changes.notifications_new.push(copy.row),
            }
        }
        for copy in self.deliveries.into_values() {
            match copy.standing {
                Standing::Stored => {}
                Standing::Changed => changes.deliveries_changed.push(copy.row),
                Standing::New => changes.deliveries_new.push(copy.row),
            }
        }
        for ((person, scope, key), copy) in self.digests {
            if copy.closed {
                changes.digests_closed.push((person, scope, key));
            } else if copy.standing != Standing::Stored {
                changes.digests_set.push(copy.digest);
            }
        }
        for (key, copy) in self.people {
            if let (true, Some(recipient)) = (copy.recipient_changed, copy.person.recipient) {
                changes.recipients.push((key.clone(), recipient));
            }
            if let Some(inbox) = copy.person.inbox
                && copy.stored.as_ref() != Some(&inbox)
            {
                changes.inboxes.push((key, inbox));
            }
        }
        (changes, self.after)
    }

    /// One hint for each inbox whose head moved, with everything between the old head and the new one.
    fn hints(&self) -> Vec<Hint> {
        let moved = self.people.iter().filter_map(|(key, copy)| {
            let inbox = copy.person.inbox.as_ref()?;
            let from = copy.stored.as_ref().map_or(0, |stored| stored.seq);
            (inbox.seq > from).then_some((key, &copy.person, inbox, from))
        });
        moved.map(|(key, person, inbox, from)| self.hint(key, person, inbox, from)).collect()
    }

    fn hint(&self, key: &PersonKey, person: &Person, inbox: &Inbox, from: u64) -> Hint {
        let mut items: BTreeMap<u64, Item> = self
            .notifications_of(key)
            .filter_map(|row| row.seq.filter(|seq| *seq > from).map(|seq| (seq, row)))
            .map(|(seq, row)| (seq, view::change_item_in(inbox, row)))
            .collect();
        if inbox.settings_seq > from {
            let configuration = &self.live(&key.project).configuration;
            let settings = view::settings_item(person, configuration);
            items.insert(inbox.settings_seq, Item::Settings(Box::new(settings)));
        }
        for (seq, watermark) in inbox.watermarks.iter().filter(|(seq, _)| *seq > from) {
            items.insert(*seq, view::watermark_item(inbox, watermark));
        }
        Hint {
            person: key.clone(),
            epoch: inbox.epoch,
            from,
            to: inbox.seq,
            items: items.into_values().collect(),
        }
    }
}
