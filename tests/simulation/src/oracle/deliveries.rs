//! What is handed over, to whom, how often, and what becomes of it, each counted from the rows that were written and from
//! what nodes and providers said.

use std::collections::{BTreeMap, BTreeSet};

use tidings_core::delivery::Outcome;
use tidings_core::model::{Changes, Delivery, Entry, FeedKind, Notification, PersonKey};
use tidings_protocol::{
    Channel, Decision, DeliveryState, NotificationId, NotificationState, Priority, Reason, StoryKind,
    Timestamp, Verdict,
};

use super::people::PersonSeen;
use super::release::{is_quiet, local};
use super::{Oracle, is_over};
use crate::documents;
use crate::world::{Commit, Standing};

type People = BTreeMap<PersonKey, PersonSeen>;

/// One delivery, and what is known of it beside its row.
#[derive(Clone, Debug)]
pub(super) struct DeliverySeen {
    row: Delivery,
    /// The key of each attempt.
    keys: BTreeMap<u32, Box<str>>,
    /// A provider took it, and the relay wrote so.
    taken: bool,
    /// Attempts that were begun before somebody revived it.
    revived_after: u32,
}

/// An attempt that may have cost something.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    delivery: Box<str>,
    attempt: u32,
    provider: Box<str>,
    /// Attempts that were begun before the delivery was revived: whoever revives it pays again.
    life: u32,
    /// The day in the project's own zone from which it is taken, and what it cost, in cents.
    day: jiff::civil::Date,
    cents: u32,
}

/// A first hand-over: caps count those.
#[derive(Clone, Debug)]
pub(super) struct First {
    pub(super) person: PersonKey,
    channel: Channel,
    /// Whether its channel's cap counts it: the first of its notification on that channel, unless it is essential.
    capped: bool,
    notification: NotificationId,
    day: jiff::civil::Date,
}

/// How notifications stood before a transaction.
pub(super) type Stood = BTreeMap<NotificationId, Notification>;

impl Oracle {
    /// How the notifications of what changes stand.
    pub(super) fn stood(&self, changes: &Changes) -> Stood {
        let rows = changes.deliveries_new.iter().chain(&changes.deliveries_changed);
        let found = rows.filter_map(|row| self.notifications.get(&row.notification));
        found.map(|row| (row.id.clone(), row.clone())).collect()
    }

    /// An attempt came to something, as some node believes.
    pub(crate) fn was_said(&mut self, delivery: &str, attempt: u32, outcome: &Outcome) {
        self.said.entry((delivery.into(), attempt)).or_default().insert(outcome.kind());
    }

    /// The relay wrote that a provider took it.
    pub(crate) fn was_taken(&mut self, delivery: &str) {
        if let Some(seen) = self.deliveries.get_mut(delivery) {
            seen.taken = true;
        }
    }

    /// Deliveries that somebody could revive.
    pub(crate) fn dead_deliveries(&self) -> Vec<Box<str>> {
        let dead = self.deliveries.values().filter(|seen| seen.row.state == DeliveryState::Dead);
        dead.map(|seen| seen.row.id.clone()).collect()
    }

    /// Notifications that failed because their deliveries died.
    pub(crate) fn failed_by_deliveries(&self) -> Vec<NotificationId> {
        let dead = self.deliveries.values().filter(|seen| seen.row.state == DeliveryState::Dead);
        let ids: BTreeSet<NotificationId> = dead.map(|seen| seen.row.notification.clone()).collect();
        let failed = |id: &NotificationId| {
            self.notifications.get(id).is_some_and(|of| of.state == NotificationState::Failed)
        };
        ids.into_iter().filter(failed).collect()
    }

    pub(super) fn forget_deliveries(&mut self, person: &PersonKey) {
        self.deliveries.retain(|_, seen| seen.row.person != *person);
        self.firsts.retain(|first| first.person != *person);
    }

    /// Deliveries that changed.
    pub(super) fn check_deliveries(&mut self, commit: &Commit, before: &People, stood: &Stood) {
        let changes = &commit.changes;
        // What was told while an attempt was on its way was told after that attempt began.
        self.note_free(changes, |line| line.state != Some(DeliveryState::HandingOver.as_str()));
        let rows = changes.deliveries_new.iter().chain(&changes.deliveries_changed);
        for row in rows.filter(|row| row.state != DeliveryState::Erased) {
            let old = self.deliveries.get(&row.id).cloned();
            self.world.trace(|| {
                let way = row.way.as_ref();
                let (attempts, due) = (way.map(|way| way.attempts), way.map(|way| way.due.as_millis()));
                let (state, reason) = (row.state, row.reason);
                format!(
                    "node {} writes delivery {} {state} {reason:?} {attempts:?} due {due:?}",
                    commit.node, row.id
                )
            });
            let mut seen = old.clone().unwrap_or_else(|| DeliverySeen {
                row: row.clone(),
                keys: BTreeMap::new(),
                taken: false,
                revived_after: 0,
            });
            if was_revived(changes, row) {
                (seen.taken, seen.revived_after) = (false, old.as_ref().map_or(0, |old| attempts(&old.row)));
                self.revived.push(row.id.clone());
            }
            if old.is_none()
                && let Some(of) = stood.get(&row.notification)
            {
                let over = is_over(of.state) || of.flags.retracted_at.is_some();
                let (id, state) = (&row.id, of.state);
                self.hold(!over, || format!("{id} is made for a notification that is over: {state}"));
            }
            self.check_way(old.as_ref().map(|old| &old.row), row);
            let begun = old.as_ref().map_or(0, |old| attempts(&old.row));
            if attempts(row) > begun {
                seen.keys.insert(attempts(row), row.key());
                self.check_again(&seen, row);
                self.check_law(row, before, stood, commit);
                self.check_still_true(row, stood);
                self.check_address(row, before, &commit.standing);
                self.count_cost(row, seen.revived_after);
                if begun == 0 {
                    self.count_first(row, before, stood, commit.standing.live);
                }
            }
            seen.row = row.clone();
            self.deliveries.insert(row.id.clone(), seen);
        }
        self.note_free(changes, |_| true);
        // What found its cap full may have found those of the same transaction before it.
        for row in changes.deliveries_changed.iter().filter(|row| row.state != DeliveryState::Erased) {
            self.check_capped(row, before, commit);
        }
        self.note_decided_anew(changes);
        self.check_ends(changes);
    }

    /// What never changes does not, and what has ended does not begin again.
    fn check_way(&mut self, old: Option<&Delivery>, new: &Delivery) {
        let Some(old) = old else { return };
        let id = &new.id;
        let over = matches!(
            old.state,
            DeliveryState::Received
                | DeliveryState::Suppressed
                | DeliveryState::Cancelled
                | DeliveryState::Expired
        );
        self.hold(!over || old.state == new.state, || {
            format!("{id} went from {} to {}", old.state, new.state)
        });
        let again = matches!(new.state, DeliveryState::Waiting | DeliveryState::HandingOver);
        self.hold(old.state != DeliveryState::Sent || !again, || {
            format!("{id} was sent and is {}", new.state)
        });
        self.hold(old.address == new.address, || format!("{id} goes to another address"));
        let (before, after) = (attempts(old), attempts(new));
        self.hold(after == before || after == before + 1, || {
            format!("{id} went from attempt {before} to attempt {after}")
        });
    }

    /// Nothing that was taken goes again, and what may have been taken goes once more; from then on everything has its key.
    fn check_again(&mut self, seen: &DeliverySeen, row: &Delivery) {
        let id = &row.id;
        self.hold(!seen.taken, || format!("{id} was accepted and is handed over again"));
        let attempt = attempts(row);
        let unknown = |attempt: &u32| {
            let said = self.said.get(&(id.clone(), *attempt));
            said.is_some_and(|said| said.iter().all(|kind| *kind == "unknown"))
        };
        let unknowns = (seen.revived_after + 1..attempt).filter(unknown).count();
        let first = (seen.revived_after + 1..attempt).find(unknown);
        self.hold(unknowns < 2, || format!("{id} is handed over after {unknowns} unknown outcomes"));
        let (key, before) = (seen.keys.get(&attempt), first.and_then(|first| seen.keys.get(&first)));
        self.hold(first.is_none() || key == before, || {
            format!("{id} is repeated with {key:?} after {before:?}")
        });
    }

    /// Consent, preference, quiet hours and pauses, as they stood at the commit.
    fn check_law(&mut self, row: &Delivery, before: &People, stood: &Stood, commit: &Commit) {
        let Some(of) = stood.get(&row.notification) else { return };
        let category = of.category.as_str();
        if documents::is_essential(category) {
            return;
        }
        let (key, at, id) = ((of.category.clone(), row.channel), row.changed_at, &row.id);
        let views = self.views(&row.person, before);
        let changes = &commit.changes;
        let between = changes.consent_entries.iter().any(|(person, entry)| {
            *person == row.person && entry.category == of.category && entry.decision == Decision::Granted
        });
        let allowed = |seen: &PersonSeen| match seen.consents.get(&key) {
            Some(Decision::Granted) => true,
            Some(Decision::Refused | Decision::Withdrawn) => false,
            None => !documents::needs_grant(category, row.channel, commit.standing.live),
        };
        self.hold(between || views.iter().any(allowed), || format!("{id} is handed over without consent"));
        // Two changes in one transaction may have had another state between them.
        let told = changes.feed.iter().filter(|entry| {
            entry.recipient == row.person.recipient
                && matches!(entry.kind, FeedKind::PreferenceChanged | FeedKind::ConsentChanged)
        });
        if told.count() > 1 {
            return;
        }
        let wanted = views.iter().any(|seen| !seen.off.contains(&key));
        self.hold(wanted, || format!("{id} is handed over although {category} is switched off"));
        if of.priority == Priority::Urgent || self.released_at(&row.notification) == Some(at) {
            return;
        }
        let quiet = views.iter().all(|seen| views.iter().all(|zone| is_quiet(seen.quiet.as_ref(), zone, at)));
        self.hold(!quiet, || format!("{id} is handed over in quiet hours at {at}"));
        let paused = views.iter().all(|seen| seen.paused_until.is_some_and(|until| at < until));
        self.hold(!paused, || format!("{id} is handed over in a pause at {at}"));
    }

    fn released_at(&self, id: &NotificationId) -> Option<Timestamp> {
        self.notifications.get(id).and_then(|row| row.released_at)
    }

    /// Nothing that was taken back, erased, or past its time.
    fn check_still_true(&mut self, row: &Delivery, stood: &Stood) {
        let Some(of) = stood.get(&row.notification) else { return };
        let (id, at) = (&row.id, row.changed_at);
        let retracted = of.flags.retracted_at.is_some() || is_over(of.state);
        self.hold(!retracted, || format!("{id} is handed over, and its notification is {}", of.state));
        self.hold(at < of.expires_at, || format!("{id} is handed over at {at}, after {}", of.expires_at));
    }

    /// To an address of the recipient that is not on the stop list.
    fn check_address(&mut self, row: &Delivery, before: &People, standing: &Standing) {
        let Some(address) = row.address.clone() else {
            self.violation(format!("{} is handed over to nobody", row.id));
            return;
        };
        let stopped = standing.stopped_addresses.contains(&address);
        self.hold(!stopped, || format!("{} is handed over to {address}, which is stopped", row.id));
        let key = (row.channel, address);
        let theirs = self.views(&row.person, before).iter().any(|seen| seen.addresses.contains(&key));
        self.hold(theirs, || format!("{} is handed over to {}, somebody else's", row.id, key.1));
    }

    /// Attempts of which a line was written that says that they cost nothing: from then on the relay knows.
    fn note_free(&mut self, changes: &Changes, counts: impl Fn(&Entry) -> bool) {
        const FREE: [&str; 5] = ["transient", "address busy", "permanent", "address gone", "misconfigured"];
        let lines = changes.notifications_changed.iter().flat_map(|of| &of.told);
        for line in lines.filter(|line| line.kind == StoryKind::Outcome && counts(line)) {
            let (Some(delivery), Some(attempt)) = (&line.delivery, line.attempt) else { continue };
            let said = line.text.as_deref().and_then(|text| text.split_once(": ")).map(|(_, said)| said);
            if said.is_some_and(|said| FREE.iter().any(|free| said.starts_with(free))) {
                self.known_free.insert((delivery.clone(), attempt));
            }
        }
    }

    /// A budget takes what was or may have been taken by a provider, each delivery once with each, and nothing of what surely
    /// was not. A repetition costs nothing more while the relay does not know of the attempt before it that it was free: it
    /// goes on the day of that one. Whatever else begins is taken from the day on which it begins.
    fn count_cost(&mut self, row: &Delivery, life: u32) {
        let Some(way) = row.way.as_ref() else { return };
        let (day, cents) = (local(None, row.changed_at).date(), documents::cost(&way.provider));
        if cents == 0 {
            return;
        }
        // No delivery is tried for longer than a day.
        let days_before = jiff::Span::new().days(3);
        self.charges.retain(|charge| charge.day >= day - days_before);
        let (delivery, provider) = (row.id.clone(), way.provider.clone());
        let repeated = self.charges.iter().find(|charge| {
            (&charge.delivery, &charge.provider, charge.life) == (&delivery, &provider, life)
                && !self.known_free.contains(&(charge.delivery.clone(), charge.attempt))
        });
        let day = repeated.map_or(day, |charge| charge.day);
        self.charges.push(Charge { delivery, attempt: way.attempts, provider, life, day, cents });
        let mut kept: BTreeMap<(&str, &str, u32), &Charge> = BTreeMap::new();
        for charge in self.charges.iter().filter(|charge| self.may_have_cost(charge, &row.id)) {
            kept.entry((&charge.delivery, &charge.provider, charge.life)).or_insert(charge);
        }
        let cost: u32 = kept.values().filter(|charge| charge.day == day).map(|charge| charge.cents).sum();
        self.hold(cost <= documents::SMS_BUDGET, || {
            format!("{} makes it {cost} cents on {day}, over the budget", row.id)
        });
    }

    /// Whether everything that was said of an attempt leaves it possible that it cost something. `begun` is the delivery of
    /// which an attempt begins just now.
    fn may_have_cost(&self, charge: &Charge, begun: &str) -> bool {
        let said = self.said.get(&(charge.delivery.clone(), charge.attempt));
        let row = self.deliveries.get(&charge.delivery).map(|seen| &seen.row);
        let is_newest = *charge.delivery == *begun
            || row.is_some_and(|row| {
                row.state == DeliveryState::HandingOver && attempts(row) == charge.attempt
            });
        match said {
            None => is_newest,
            Some(said) => said.iter().all(|kind| matches!(*kind, "accepted" | "unknown")),
        }
    }

    /// Caps take first hand-overs, each once.
    fn count_first(&mut self, row: &Delivery, before: &People, stood: &Stood, version: u64) {
        let Some(of) = stood.get(&row.notification) else { return };
        let views = self.views(&row.person, before);
        let zone = views.last().and_then(|seen| seen.zone.clone());
        let date = local(zone.as_deref(), row.changed_at).date();
        let before_it = self
            .firsts
            .iter()
            .any(|first| first.notification == row.notification && first.channel == row.channel);
        let capped = !documents::is_essential(of.category.as_str()) && !before_it;
        let same =
            |first: &&First| first.person == row.person && first.channel == row.channel && first.capped;
        // A calendar never turns back.
        let latest = self.firsts.iter().filter(same).map(|first| first.day).max();
        let day = latest.map_or(date, |latest| latest.max(date));
        let today = 1 + self.firsts.iter().filter(same).filter(|first| first.day == day).count();
        let zones: BTreeSet<_> = views.iter().map(|seen| seen.zone.clone()).collect();
        if capped && zones.len() < 2 {
            let over = documents::channel_cap(row.channel, version).is_some_and(|most| today > most);
            self.hold(!over, || format!("{} is number {today} of {} on {day}", row.id, row.channel));
        }
        self.firsts.push(First {
            person: row.person.clone(),
            channel: row.channel,
            capped,
            notification: row.notification.clone(),
            day,
        });
    }

    /// What waits or ends because its channel's cap is full: the cap is full, and with first hand-overs.
    fn check_capped(&mut self, row: &Delivery, before: &People, commit: &Commit) {
        let changes = &commit.changes;
        let rows = changes.notifications_changed.iter().filter(|of| of.id == row.notification);
        let held = rows.flat_map(|of| &of.told).any(|line| {
            line.delivery.as_deref() == Some(&*row.id)
                && line.reason == Some(Reason::Cap)
                && line.verdict == Some(Verdict::Hold)
        });
        let ended = row.state == DeliveryState::Suppressed && row.reason == Some(Reason::Cap);
        let Some(most) = documents::channel_cap(row.channel, commit.standing.live).filter(|_| held || ended)
        else {
            return;
        };
        let zones: BTreeSet<_> = self.views(&row.person, before).into_iter().map(|seen| seen.zone).collect();
        if zones.len() > 1 {
            return;
        }
        let date = local(zones.into_iter().next().flatten().as_deref(), changed_at(row, changes)).date();
        let same = self.firsts.iter().filter(|first| {
            first.person == row.person && first.channel == row.channel && first.capped && first.day >= date
        });
        let counted = same.count();
        self.hold(counted >= most, || format!("{} waits for room after {counted} of {most}", row.id));
    }

    fn note_decided_anew(&mut self, changes: &Changes) {
        for of in &changes.notifications_changed {
            let anew = of
                .told
                .iter()
                .filter(|line| line.reason == Some(Reason::Replayed) && line.delivery.is_none());
            if let Some(line) = anew.max_by_key(|line| line.at) {
                self.decided_anew.insert(of.id.clone(), line.at);
            }
        }
    }

    /// A notification of which nothing can arrive any more has ended, by what became of its deliveries.
    fn check_ends(&mut self, changes: &Changes) {
        let rows = changes.notifications_new.iter().chain(&changes.notifications_changed);
        let touched = changes.deliveries_new.iter().chain(&changes.deliveries_changed);
        let ids: BTreeSet<NotificationId> =
            rows.map(|row| row.id.clone()).chain(touched.map(|row| row.notification.clone())).collect();
        for id in ids {
            let Some(of) = self.notifications.get(&id).cloned() else { continue };
            // What died before it was decided anew belongs to a life that is over.
            let since = self.decided_anew.get(&id).copied();
            let of_it = self.deliveries.values().filter(|seen| {
                seen.row.notification == id && since.is_none_or(|since| seen.row.made_at >= since)
            });
            let states: Vec<DeliveryState> = of_it.map(|seen| seen.row.state).collect();
            let any = |wanted: &[DeliveryState]| states.iter().any(|state| wanted.contains(state));
            let placed = of.inapp.is_some_and(|inapp| inapp.state == DeliveryState::Placed);
            let goes_on = usize::from(of.steps_begun) < of.plan.len();
            let pending = placed || goes_on || any(&[DeliveryState::Waiting, DeliveryState::HandingOver]);
            let waits = any(&[DeliveryState::Waiting]);
            let on_way = any(&[DeliveryState::HandingOver]);
            let arrived = any(&[DeliveryState::Sent, DeliveryState::Received]);
            let dead = any(&[DeliveryState::Dead]);
            match of.state {
                NotificationState::Active => {
                    self.hold(pending, || {
                        format!("{id} is active, and nothing of it is pending: {states:?}")
                    });
                    self.hold(!arrived, || {
                        format!("{id} is active, and something of it arrived: {states:?}")
                    });
                }
                NotificationState::Suppressed => {
                    self.hold(!waits && !on_way && !arrived && !dead, || {
                        format!("{id} is suppressed, and something of it is or was handed over: {states:?}")
                    });
                }
                NotificationState::Failed if !states.is_empty() => {
                    self.hold(dead && !arrived && !pending, || format!("{id} is failed: {states:?}"));
                }
                NotificationState::Expired | NotificationState::Cancelled | NotificationState::Retracted => {
                    self.hold(!waits, || {
                        format!("{id} is {}, and something of it waits: {states:?}", of.state)
                    });
                }
                NotificationState::Held
                | NotificationState::Reached
                | NotificationState::Failed
                | NotificationState::Merged
                | NotificationState::Erased => {}
            }
        }
    }

    /// What waits past its time, or is with a provider for longer than any attempt lasts.
    pub(crate) fn overdue(&self, late: Timestamp) -> Vec<String> {
        let rows = self.deliveries.values().map(|seen| &seen.row);
        let left = rows.filter(|row| match row.state {
            DeliveryState::Waiting => row.way.as_ref().is_none_or(|way| way.due < late),
            DeliveryState::HandingOver => row.changed_at < late,
            DeliveryState::Placed
            | DeliveryState::Received
            | DeliveryState::Sent
            | DeliveryState::Dead
            | DeliveryState::Suppressed
            | DeliveryState::Cancelled
            | DeliveryState::Expired
            | DeliveryState::Erased => false,
        });
        left.map(|row| format!("{} is {} for ever", row.id, row.state)).collect()
    }

    /// Deliveries that were revived since this was asked last.
    pub(crate) fn take_revived(&mut self) -> Vec<Box<str>> {
        std::mem::take(&mut self.revived)
    }
}

fn attempts(row: &Delivery) -> u32 {
    row.way.as_ref().map_or(0, |way| way.attempts)
}

/// When a delivery was looked at: one that is only put off has the instant of the line that says so.
fn changed_at(row: &Delivery, changes: &Changes) -> Timestamp {
    let lines = changes.notifications_changed.iter().flat_map(|of| &of.told);
    let last = lines.filter(|line| line.delivery.as_deref() == Some(&*row.id)).map(|line| line.at).max();
    last.unwrap_or(row.changed_at)
}

fn was_revived(changes: &Changes, row: &Delivery) -> bool {
    let rows = changes.notifications_new.iter().chain(&changes.notifications_changed);
    let told = rows.filter(|of| of.id == row.notification).flat_map(|of| &of.told);
    told.into_iter()
        .any(|line| line.reason == Some(Reason::Replayed) && line.delivery.as_deref() == Some(&*row.id))
}
