//! Writes changes into the tables.

use tidings_core::model::{BookKey, Changes, ConsentHead, DigestScope, Event, Notification, PersonKey};
use tidings_core::ports::{BatchId, StoreError};
use tidings_protocol::{Channel, DeliveryState, NotificationState};

use super::find::{external_key, is_direct};
use crate::erasure::{ErasureKey, causes_of, erased_delivery, erased_notification};
use crate::found::{operation_key, win_key};
use crate::tables::Tables;

impl Tables {
    /// Writes everything or says which row is refused; then the caller rolls back.
    ///
    /// What changed comes before what was erased, and that before what is new: a recipient may be erased and seen anew
    /// in one batch.
    pub(super) fn apply(
        &mut self,
        batch: BatchId,
        changes: &Changes,
        erasure: &ErasureKey,
    ) -> Result<(), StoreError> {
        changes.events_changed.iter().try_for_each(|row| self.change_event(row))?;
        changes.notifications_changed.iter().try_for_each(|row| self.change_notification(row, erasure))?;
        changes.deliveries_changed.iter().try_for_each(|row| {
            let before =
                self.deliveries.get(&row.id).filter(|before| before.person.project == row.person.project);
            let before = before.ok_or_else(|| refuse(format!("delivery {} does not exist", row.id)))?;
            let mut row = row.clone();
            (row.notification, row.made_at) = (before.notification.clone(), before.made_at);
            self.store_delivery(&row, erasure);
            Ok::<_, StoreError>(())
        })?;
        for (person, erased) in &changes.erased {
            self.erase(person, erased, erasure, causes_of(person, &changes.notifications_changed));
        }
        changes.events_new.iter().try_for_each(|row| self.add_event(row))?;
        changes.notifications_new.iter().try_for_each(|row| self.add_notification(row, erasure))?;
        for row in &changes.deliveries_new {
            if self.deliveries.has(&row.id) {
                return Err(refuse(format!("delivery {} exists", row.id)));
            }
            self.store_delivery(row, erasure);
        }
        self.apply_people(changes)?;
        self.apply_work(changes);
        self.apply_kept(changes);
        for (key, by) in &changes.books.0 {
            self.count(key, *by);
        }
        self.add_batch(batch)
    }

    fn add_batch(&mut self, batch: BatchId) -> Result<(), StoreError> {
        if self.numbers.has(&batch) {
            return Err(refuse(format!("batch {:032x} was written before", batch.0)));
        }
        let number = self.batches.last().map_or(1, |(last, _)| last + 1);
        self.batches.set(number, batch);
        self.numbers.set(batch, number);
        Ok(())
    }

    pub(super) fn count(&mut self, key: &BookKey, by: i64) {
        let before = self.accounting.get(key).copied().unwrap_or_default();
        self.accounting.set(key.clone(), before + by);
    }

    fn add_event(&mut self, row: &Event) -> Result<(), StoreError> {
        if !self.events.add(row.id.clone(), row.clone()) {
            return Err(refuse(format!("event {} exists", row.id)));
        }
        if let Some(external_id) = &row.body.external_id {
            let key = external_key(row.body.source.as_deref(), external_id);
            self.by_external.set((row.project.clone(), format!("{key}{}", row.id)), row.id.clone());
        }
        Ok(())
    }

    fn change_event(&mut self, row: &Event) -> Result<(), StoreError> {
        let before = self.events.get(&row.id).filter(|before| before.project == row.project);
        let mut changed =
            before.cloned().ok_or_else(|| refuse(format!("event {} does not exist", row.id)))?;
        changed.state = row.state;
        changed.considered.clone_from(&row.considered);
        changed.fan_outs.clone_from(&row.fan_outs);
        changed.made = row.made;
        self.events.set(row.id.clone(), changed);
        Ok(())
    }

    fn add_notification(&mut self, row: &Notification, erasure: &ErasureKey) -> Result<(), StoreError> {
        if self.notifications.has(&row.id) {
            return Err(refuse(format!("notification {} exists", row.id)));
        }
        let twice = is_direct(row)
            && row.state != NotificationState::Erased
            && self.notifications_from(&row.cause.event, "").any(|other| {
                is_direct(other) && other.person == row.person && other.cause.rule == row.cause.rule
            });
        if twice {
            return Err(refuse(format!("event {} made one for {:?} before", row.cause.event, row.person)));
        }
        self.write_notification(row, erasure);
        Ok(())
    }

    fn change_notification(&mut self, row: &Notification, erasure: &ErasureKey) -> Result<(), StoreError> {
        let before =
            self.notifications.get(&row.id).filter(|before| before.person.project == row.person.project);
        let before = before.ok_or_else(|| refuse(format!("notification {} does not exist", row.id)))?;
        let mut row = row.clone();
        (row.cause, row.created_at) = (before.cause.clone(), before.created_at);
        self.write_notification(&row, erasure);
        Ok(())
    }

    fn write_notification(&mut self, row: &Notification, erasure: &ErasureKey) {
        if row.state == NotificationState::Erased {
            self.remove_story(&row.id);
            self.put_notification(erased_notification(row, &erasure.name(&row.person)));
            return;
        }
        for (number, line) in (self.lines(&row.id).count()..).zip(&row.told) {
            self.story.set((row.id.clone(), u32::try_from(number).unwrap_or(u32::MAX)), line.clone());
        }
        let mut row = row.clone();
        row.told = Vec::new();
        self.put_notification(row);
    }

    fn store_delivery(&mut self, row: &tidings_core::model::Delivery, erasure: &ErasureKey) {
        let row = if row.state == DeliveryState::Erased {
            erased_delivery(row, &erasure.name(&row.person))
        } else {
            row.clone()
        };
        self.put_delivery(row);
    }

    fn apply_people(&mut self, changes: &Changes) -> Result<(), StoreError> {
        for (person, row) in &changes.recipients {
            self.recipients.set(person.clone(), row.clone());
        }
        for (person, row) in &changes.inboxes {
            self.inboxes.set(person.clone(), row.clone());
        }
        for (person, entry) in &changes.consent_entries {
            let chain = person.recipient.as_str().to_owned();
            let key = (person.project.clone(), chain.clone(), entry.number);
            if !self.consent_entries.add(key, entry.clone()) {
                return Err(refuse(format!("entry {} of a consent chain exists", entry.number)));
            }
            let head = ConsentHead { entries: entry.number, hash: entry.hash };
            self.consent_heads.set((person.project.clone(), chain), head);
        }
        for (person, category, channel, state) in &changes.consent_states {
            let key = (person.clone(), format!("{category}/{channel}"));
            self.consent_states.set(key, (category.clone(), *channel, state.clone()));
        }
        for (person, topic, member) in &changes.memberships {
            let key = (person.clone(), topic.as_str().to_owned());
            if *member {
                self.topics.set(key, topic.clone());
            } else {
                self.topics.remove(&key);
            }
        }
        for (person, channel, address) in &changes.endpoints_removed {
            self.endpoints.remove(&endpoint_key(person, *channel, address));
        }
        for (person, row) in &changes.endpoints_set {
            let row = tidings_core::model::Endpoint { stopped: false, ..row.clone() };
            self.endpoints.set(endpoint_key(person, row.channel, &row.address), row);
        }
        for (person, row) in &changes.devices {
            self.devices.set((person.clone(), row.id.as_str().to_owned()), row.clone());
        }
        Ok(())
    }

    /// A key of work that is both cleared and set is set; a once-key that is both taken and given back by the same
    /// notification is free.
    fn apply_work(&mut self, changes: &Changes) {
        for key in &changes.due_cleared {
            self.remove_due(key);
        }
        for row in &changes.due_set {
            self.put_due(row.clone());
        }
        for row in &changes.once_taken {
            self.once.set((row.person.clone(), row.rule.clone(), row.value.clone()), row.clone());
        }
        for row in &changes.once_given_back {
            let key = (row.person.clone(), row.rule.clone(), row.value.clone());
            if self.once.get(&key).is_some_and(|taken| taken.notification == row.notification) {
                self.once.remove(&key);
            }
        }
        for (person, scope, key) in &changes.digests_closed {
            let key: (PersonKey, DigestScope, Box<str>) = (person.clone(), scope.clone(), key.clone());
            self.digests.remove(&key);
        }
        for row in &changes.digests_set {
            self.digests.set((row.person.clone(), row.scope.clone(), row.key.clone()), row.clone());
        }
    }

    fn apply_kept(&mut self, changes: &Changes) {
        for (key, more) in &changes.spending {
            let spent = self.spending.get(key).copied().unwrap_or_default();
            self.spending.set(key.clone(), spent + more);
        }
        for (key, more) in &changes.tallies {
            let before = self.tallies.get(key).copied().unwrap_or_default();
            self.tallies.set(key.clone(), before.and(*more));
        }
        for win in &changes.wins {
            self.wins.add(win_key(win), win.clone());
        }
        for row in &changes.receipts {
            let device = row.device.as_str().to_owned();
            let key = (row.person.clone(), row.notification.clone(), device, row.receipt);
            self.receipts.add(key, row.at);
        }
        for row in &changes.operations {
            self.operations.set((row.person.clone(), operation_key(row)), row.clone());
        }
        for row in &changes.collected {
            self.put_collected(row.clone());
        }
        for row in &changes.feed {
            let number = self.feed_heads.get(&row.project).copied().unwrap_or_default() + 1;
            self.feed_heads.set(row.project.clone(), number);
            self.feed.set((row.project.clone(), number), row.clone());
        }
        for row in &changes.answers {
            self.answers.set((row.project.clone(), row.route.clone(), row.key.clone()), row.clone());
        }
    }
}

pub(super) fn endpoint_key(person: &PersonKey, channel: Channel, address: &str) -> (PersonKey, String) {
    (person.clone(), format!("{channel}/{address}"))
}

pub(super) fn refuse(detail: String) -> StoreError {
    StoreError::Data { detail }
}
