//! Deletes what is past its retention.

use tidings_core::model::{BookKey, Delivery, DueKey, Notification, Term, utc_day};
use tidings_core::retention::Outdated;
use tidings_protocol::{DeliveryState, EventState, ProjectId, Timestamp};

use crate::retention::{BATCHES_KEPT, FEED_DAYS, OPERATION_DAYS, TOKEN_DAYS, days_before, share};
use crate::tables::Tables;

impl Tables {
    pub(super) fn purge(
        &mut self,
        now: Timestamp,
        projects: &[(ProjectId, Outdated)],
        limit: usize,
    ) -> usize {
        let mut gone = 0;
        let operations = days_before(now, OPERATION_DAYS);
        gone += self.operations.remove_where(|_, row| !row.for_ever && row.at < operations, limit - gone);
        gone += self.answers.remove_where(|_, row| row.until < now, limit - gone);
        gone += self.once.remove_where(|_, row| row.until < now, limit - gone);
        gone += self.collected.remove_where(|_, row| row.until < now, limit - gone);
        let feed = days_before(now, FEED_DAYS);
        gone += self.feed.remove_where(|_, row| row.at < feed, limit - gone);
        gone += self.connect_codes.remove_where(|_, row| row.expires_at < now, limit - gone);
        let spent = |until: Option<Timestamp>| until.is_some_and(|until| until < now);
        gone += self.public_tokens.remove_where(|_, row| spent(row.expires_at), limit - gone);
        let tokens = days_before(now, TOKEN_DAYS);
        gone += self.device_tokens.remove_where(|_, row| row.used_at < tokens, limit - gone);
        gone += self.erased_tokens.remove_where(|_, at| *at < tokens, limit - gone);
        let first_batch = self.batches.last().map_or(0, |(last, _)| last.saturating_sub(BATCHES_KEPT));
        gone += self.batches.remove_where(|number, _| *number <= first_batch, limit - gone);
        let batches = &self.batches;
        self.numbers.remove_where(|_, number| !batches.has(number), usize::MAX);
        for (place, (project, outdated)) in projects.iter().enumerate() {
            gone += self.purge_project(project, (now, outdated), share(limit - gone, projects.len() - place));
        }
        gone
    }

    fn purge_project(
        &mut self,
        project: &ProjectId,
        (now, outdated): (Timestamp, &Outdated),
        limit: usize,
    ) -> usize {
        let mut gone = self.forget_words(project, (now, outdated.inbox), limit);
        gone += self.leave_inboxes(project, outdated.inbox, limit - gone);
        gone += self.purge_notifications(project, outdated.story, limit - gone);
        gone + self.purge_events(project, outdated.events, limit - gone)
    }

    /// What a dead delivery says is kept for as long as it may be revived: until its notification is worth nothing any more,
    /// or is past its retention.
    fn forget_words(
        &mut self,
        project: &ProjectId,
        (now, before): (Timestamp, Timestamp),
        limit: usize,
    ) -> usize {
        let words = |row: &&Delivery| {
            row.person.project == *project
                && row.state == DeliveryState::Dead
                && row.way.as_ref().is_some_and(|way| way.form.is_some())
        };
        let in_vain = |row: &&Delivery| {
            let of = self.notifications.get(&row.notification);
            of.is_none_or(|of| of.expires_at <= now || of.created_at < before)
        };
        let rows = self.deliveries.iter().map(|(_, row)| row).filter(words).filter(in_vain);
        let rows: Vec<Delivery> = rows.take(limit).cloned().collect();
        let gone = rows.len();
        for mut row in rows {
            row.way.iter_mut().for_each(|way| way.form = None);
            self.put_delivery(row);
        }
        gone
    }

    /// Notifications of a project that were made before an instant and that nothing can come of any more.
    fn at_rest(
        &self,
        project: &ProjectId,
        before: Timestamp,
        also: impl Fn(&Notification) -> bool,
        limit: usize,
    ) -> Vec<Notification> {
        let rows = self.notifications.iter().map(|(_, row)| row);
        let mut old: Vec<Notification> = rows
            .filter(|row| row.person.project == *project && row.created_at < before && also(row))
            .filter(|row| !row.is_pending() && !self.plan_goes_on(row))
            .filter(|row| !self.all_deliveries_of(&row.id).any(|d| waits(d.state)))
            .cloned()
            .collect();
        old.sort_by_key(|row| (row.created_at, row.id.clone()));
        old.truncate(limit);
        old
    }

    /// Whether a step or another showing of it is due at some time.
    fn plan_goes_on(&self, row: &Notification) -> bool {
        let keys = [DueKey::Step(row.id.clone()), DueKey::Repeat(row.id.clone())];
        keys.into_iter().any(|key| self.due.has(&(row.person.project.clone(), key)))
    }

    fn leave_inboxes(&mut self, project: &ProjectId, before: Timestamp, limit: usize) -> usize {
        let old = self.at_rest(project, before, |row| row.created_seq.is_some(), limit);
        for row in &old {
            self.raise_floor(row);
            let gone = Notification { created_seq: None, seq: None, content: None, ..row.clone() };
            self.put_notification(gone);
        }
        old.len()
    }

    /// A device that stands before it may still have it: it begins from nothing.
    fn raise_floor(&mut self, row: &Notification) {
        if let (Some(seq), Some(mut inbox)) = (row.seq, self.inboxes.get(&row.person).cloned()) {
            inbox.floor = inbox.floor.max(seq);
            self.inboxes.set(row.person.clone(), inbox);
        }
    }

    fn purge_notifications(&mut self, project: &ProjectId, before: Timestamp, limit: usize) -> usize {
        let old = self.at_rest(project, before, |row| row.created_seq.is_none(), limit);
        for row in &old {
            self.count_purged(project, row.created_at, Term::Notification(row.state));
            if let Some(inapp) = row.inapp {
                self.count_purged(project, inapp.made_at, Term::Delivery(inapp.state));
            }
            let deliveries: Vec<_> = self.all_deliveries_of(&row.id).cloned().collect();
            for delivery in deliveries {
                self.count_purged(project, delivery.made_at, Term::Delivery(delivery.state));
                self.remove_delivery(&delivery.id);
            }
            self.receipts.remove_where(|(_, of, ..), _| *of == row.id, usize::MAX);
            self.remove_notification(&row.id);
        }
        old.len()
    }

    fn purge_events(&mut self, project: &ProjectId, before: Timestamp, limit: usize) -> usize {
        let rows = self.events.iter().map(|(_, row)| row);
        let mut old: Vec<_> = rows
            .filter(|row| row.project == *project)
            .filter(|row| row.state == EventState::Done && row.accepted_at < before)
            .filter(|row| {
                let waits = |made: &Notification| made.is_pending() || self.plan_goes_on(made);
                !self.notifications_from(&row.id, "").any(waits)
            })
            .cloned()
            .collect();
        old.sort_by_key(|row| (row.accepted_at, row.id.clone()));
        old.truncate(limit);
        for row in &old {
            self.count_purged(project, row.accepted_at, Term::Event(row.state));
            self.events.remove(&row.id);
            if let Some(external_id) = &row.body.external_id {
                let key = super::find::external_key(row.body.source.as_deref(), external_id);
                self.by_external.remove(&(project.clone(), format!("{key}{}", row.id)));
            }
        }
        old.len()
    }

    fn count_purged(&mut self, project: &ProjectId, made_at: Timestamp, term: Term) {
        let key = BookKey { project: project.clone(), day: utc_day(made_at), term };
        let before = self.purged.get(&key).copied().unwrap_or_default();
        self.purged.set(key, before + 1);
    }
}

const fn waits(state: DeliveryState) -> bool {
    matches!(state, DeliveryState::Waiting | DeliveryState::HandingOver)
}
