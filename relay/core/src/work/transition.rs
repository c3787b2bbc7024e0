//! The only place where states change. Each change writes its −1/+1 in the same transaction as its row.

use tidings_protocol::{
    Channel, DeliveryState, EventState, NotificationId, NotificationState, ProjectId, Reason, StoryKind,
    Timestamp,
};

use super::{DigestCopy, Standing, Tracked, Work};
use crate::act::{Answer, RepeatKey};
use crate::configuration::Alert;
use crate::model::{
    Delivery, DigestScope, DueKey, DueRow, Entry, Event, FeedEntry, FeedKind, InappDelivery, Notification,
    OnceKey, OpenDigest, PersonKey, Stopped, StoredAnswer, Term, Way,
};

/// How long the answer to a request with an `Idempotency-Key` is kept: the contract promises at least 24 hours.
const ANSWER_KEPT_MILLIS: i64 = 48 * 3_600_000;

/// Whether a notification may go from a state to another (SEMANTICS 4).
#[must_use]
pub(crate) const fn allowed(from: NotificationState, to: NotificationState) -> bool {
    use NotificationState::{
        Active, Cancelled, Erased, Expired, Failed, Held, Merged, Reached, Retracted, Suppressed,
    };
    match from {
        Held => matches!(
            to,
            Held | Active | Merged | Suppressed | Failed | Cancelled | Retracted | Expired | Erased
        ),
        Active => matches!(to, Reached | Failed | Suppressed | Cancelled | Retracted | Expired | Erased),
        Failed => matches!(to, Active | Held | Erased),
        Reached => matches!(to, Failed | Erased),
        Expired | Suppressed | Merged | Cancelled | Retracted => matches!(to, Erased),
        Erased => false,
    }
}

/// Whether a delivery may go from a state to another (SEMANTICS 4).
#[must_use]
pub(crate) const fn delivery_allowed(from: DeliveryState, to: DeliveryState) -> bool {
    use DeliveryState::{
        Cancelled, Dead, Erased, Expired, HandingOver, Placed, Received, Sent, Suppressed, Waiting,
    };
    match from {
        Waiting => matches!(to, HandingOver | Suppressed | Cancelled | Expired | Dead | Erased),
        HandingOver => matches!(to, Sent | Received | Waiting | Dead | Erased),
        Placed => matches!(to, Received | Cancelled | Expired | Erased),
        Sent => matches!(to, Received | Dead | Erased),
        Dead => matches!(to, Waiting | Erased),
        Received | Suppressed | Cancelled | Expired => matches!(to, Erased),
        Erased => false,
    }
}

impl Work<'_> {
    /// Takes in an event that was accepted.
    pub(crate) fn add_event(&mut self, event: Event) {
        self.changes.books.open(&event.project, event.accepted_at, Term::Event(event.state));
        self.hear_of(event, Standing::New);
    }

    /// An event's row, which will be written.
    pub(crate) fn event_mut(&mut self, id: &tidings_protocol::EventId) -> &mut Event {
        self.events.get_mut(id).expect("the caller looked it up").touch()
    }

    /// Everything that an event causes was made.
    pub(crate) fn finish_event(&mut self, id: &tidings_protocol::EventId) {
        let event = self.events.get_mut(id).expect("the caller looked it up").touch();
        if event.state == EventState::Open {
            event.state = EventState::Done;
            let (open, done) = (Term::Event(EventState::Open), Term::Event(EventState::Done));
            self.changes.books.shift(&event.project, event.accepted_at, open, done);
        }
    }

    /// Takes in a notification that was made, in its first state.
    pub(crate) fn add_notification(&mut self, notification: Notification) {
        let (project, at) = (&notification.person.project, notification.created_at);
        self.changes.books.open(project, at, Term::Notification(notification.state));
        for entry in &notification.told {
            count(&mut self.after.decided, entry);
        }
        self.feed_final(&notification);
        self.hold(notification, Standing::New);
    }

    /// A notification's row, which will be written. States are changed by [`Work::shift`] only.
    pub(crate) fn notification_mut(&mut self, id: &NotificationId) -> &mut Notification {
        self.notifications.get_mut(id).expect("the caller looked it up").touch()
    }

    /// Adds a line to a story.
    pub(crate) fn tell(&mut self, id: &NotificationId, entry: Entry) {
        count(&mut self.after.decided, &entry);
        self.notification_mut(id).told.push(entry);
    }

    /// Moves a notification to another state, with everything that follows from it: books, due work, what it took,
    /// deliveries on their way, its place in the inbox, its story and the feed.
    #[expect(clippy::needless_pass_by_value, reason = "callers make it for this call")]
    pub(crate) fn shift(&mut self, id: &NotificationId, to: NotificationState, stopped: Option<Stopped>) {
        let now = self.now;
        let notification = self.notification_mut(id);
        let from = notification.state;
        assert!(allowed(from, to), "no notification goes from {from} to {to}");
        notification.state = to;
        notification.due = None;
        notification.stopped.clone_from(&stopped);
        let (person, made_at) = (notification.person.clone(), notification.created_at);
        let was_active = notification.released_at.is_some();
        let terms = (Term::Notification(from), Term::Notification(to));
        self.changes.books.shift(&person.project, made_at, terms.0, terms.1);
        if from == NotificationState::Held {
            self.clear_due(&person, DueKey::Release(id.clone()));
        }
        if !matches!(to, NotificationState::Held | NotificationState::Active) {
            let mut entry = Entry::new(now, StoryKind::Ended);
            entry.state = Some(to.as_str());
            if let Some(stopped) = &stopped {
                (entry.gate, entry.reason, entry.text) =
                    (stopped.gate, Some(stopped.reason), stopped.text.clone());
            }
            self.tell(id, entry);
            if !was_active && to != NotificationState::Merged {
                self.give_back_keys(id);
            }
            if from == NotificationState::Active && to == NotificationState::Suppressed {
                self.give_back_caps(id);
            }
            if to != NotificationState::Reached {
                self.end_deliveries(id, to);
            }
            let row = self.notifications.get(id).expect("it was changed above").row.clone();
            self.feed_final(&row);
        }
    }

    /// Later steps and deliveries of a notification that ended are needless.
    fn end_deliveries(&mut self, id: &NotificationId, ended: NotificationState) {
        let person = self.notification_mut(id).person.clone();
        self.clear_due(&person, DueKey::Step(id.clone()));
        self.clear_due(&person, DueKey::Repeat(id.clone()));
        let state = match ended {
            NotificationState::Expired => DeliveryState::Expired,
            NotificationState::Erased => DeliveryState::Erased,
            NotificationState::Cancelled | NotificationState::Retracted => DeliveryState::Cancelled,
            NotificationState::Held
            | NotificationState::Active
            | NotificationState::Reached
            | NotificationState::Failed
            | NotificationState::Suppressed
            | NotificationState::Merged => return,
        };
        if self.notification_mut(id).inapp.is_some_and(|inapp| inapp.state == DeliveryState::Placed) {
            self.shift_inapp(id, state);
        }
        self.stop_deliveries(id, state, None);
        if self.notification_mut(id).created_seq.is_some() {
            self.touch_inbox_row(id);
        }
    }

    /// What waits of a notification is not handed over any more; of what is with a provider the story says that it is
    /// too late.
    pub(crate) fn stop_deliveries(&mut self, id: &NotificationId, to: DeliveryState, reason: Option<Reason>) {
        let on_way: Vec<(Box<str>, Channel, DeliveryState)> = self
            .deliveries_of(id)
            .filter(|row| matches!(row.state, DeliveryState::Waiting | DeliveryState::HandingOver))
            .map(|row| (row.id.clone(), row.channel, row.state))
            .collect();
        for (delivery, channel, state) in on_way {
            if state == DeliveryState::HandingOver {
                self.tell_too_late(id, &delivery, channel);
            } else {
                self.shift_delivery(&delivery, to, reason);
            }
        }
    }

    /// It was handed over before it could be stopped, and the story says so.
    pub(crate) fn tell_too_late(&mut self, id: &NotificationId, delivery: &str, channel: Channel) {
        let mut entry = Entry::new(self.now, StoryKind::Cancelled);
        entry.channel = Some(channel);
        entry.delivery = Some(delivery.into());
        entry.reason = Some(Reason::TooLate);
        self.tell(id, entry);
    }

    /// A notification in the inbox changed: devices see it again.
    pub(crate) fn touch_inbox_row(&mut self, id: &NotificationId) {
        let person = self.notification_mut(id).person.clone();
        let seq = self.raise_seq(&person);
        self.notification_mut(id).seq = Some(seq);
    }

    /// Places a notification in the inbox.
    pub(crate) fn place(&mut self, id: &NotificationId) {
        let now = self.now;
        let person = self.notification_mut(id).person.clone();
        let seq = self.raise_seq(&person);
        let notification = self.notification_mut(id);
        assert!(notification.inapp.is_none(), "a notification is placed once");
        notification.created_seq = Some(seq);
        notification.seq = Some(seq);
        notification.round = notification.round.max(1);
        notification.inapp =
            Some(InappDelivery { state: DeliveryState::Placed, made_at: now, changed_at: now });
        self.changes.books.open(&person.project, now, Term::Delivery(DeliveryState::Placed));
        self.tell_outcome(id, DeliveryState::Placed, None);
    }

    /// Moves the way to the inbox to another state.
    pub(crate) fn shift_inapp(&mut self, id: &NotificationId, to: DeliveryState) {
        let now = self.now;
        let notification = self.notification_mut(id);
        let project = notification.person.project.clone();
        let inapp = notification.inapp.as_mut().expect("only what was placed moves");
        let (from, made_at) = (inapp.state, inapp.made_at);
        assert!(delivery_allowed(from, to), "no delivery goes from {from} to {to}");
        (inapp.state, inapp.changed_at) = (to, now);
        self.changes.books.shift(&project, made_at, Term::Delivery(from), Term::Delivery(to));
    }

    /// Tells what became of the way to the inbox.
    pub(crate) fn tell_outcome(
        &mut self,
        id: &NotificationId,
        state: DeliveryState,
        device: Option<&tidings_protocol::DeviceId>,
    ) {
        let mut entry = Entry::new(self.now, StoryKind::Outcome);
        entry.channel = Some(Channel::Inapp);
        entry.delivery = Some(self.notification_mut(id).inapp_id());
        entry.state = Some(state.as_str());
        entry.device = device.cloned();
        self.tell(id, entry);
    }

    /// Takes in a delivery that was made.
    pub(crate) fn add_delivery(&mut self, delivery: Delivery) {
        let (project, at) = (delivery.person.project.clone(), delivery.made_at);
        self.changes.books.open(&project, at, Term::Delivery(delivery.state));
        let mut entry = Entry::new(self.now, StoryKind::Outcome);
        entry.channel = Some(delivery.channel);
        entry.delivery = Some(delivery.id.clone());
        entry.state = Some(delivery.state.as_str());
        entry.reason = delivery.reason;
        entry.step = Some(delivery.step);
        let notification = delivery.notification.clone();
        self.tell(&notification, entry);
        self.ring_handovers(&delivery);
        self.count_on_way(&notification, None, delivery.state);
        self.deliveries.insert(delivery.id.clone(), Tracked { row: delivery, standing: Standing::New });
    }

    /// A delivery's way, which will be written. States are changed by [`Work::shift_delivery`] only.
    pub(crate) fn way_mut(&mut self, id: &str) -> &mut Way {
        let delivery = self.deliveries.get_mut(id).expect("the caller looked it up").touch();
        delivery.way.as_deref_mut().expect("only what can be handed over is")
    }

    /// Moves a delivery to another state, and tells it.
    pub(crate) fn shift_delivery(&mut self, id: &str, to: DeliveryState, reason: Option<Reason>) {
        self.shift_delivery_telling(id, to, reason, |_| {});
    }

    /// Moves a delivery to another state, and tells it with particulars.
    pub(crate) fn shift_delivery_telling(
        &mut self,
        id: &str,
        to: DeliveryState,
        reason: Option<Reason>,
        particulars: impl FnOnce(&mut Entry),
    ) {
        self.move_delivery(id, to, reason);
        let delivery = &self.deliveries.get(id).expect("it was moved above").row;
        let mut entry = Entry::new(self.now, StoryKind::Outcome);
        (entry.channel, entry.delivery) = (Some(delivery.channel), Some(id.into()));
        (entry.state, entry.reason) = (Some(to.as_str()), reason);
        if let Some(way) = delivery.way.as_ref().filter(|way| way.attempts > 0) {
            (entry.provider, entry.attempt) = (Some(way.provider.clone()), Some(way.attempts));
        }
        particulars(&mut entry);
        let row = delivery.clone();
        self.tell(&row.notification, entry);
        self.feed_delivery(&row);
        self.ring_handovers(&row);
    }

    /// Moves a delivery to another state without a line of its own: the outcome of the attempt tells it.
    pub(crate) fn move_delivery(&mut self, id: &str, to: DeliveryState, reason: Option<Reason>) {
        let now = self.now;
        let delivery = self.deliveries.get_mut(id).expect("the caller looked it up").touch();
        let from = delivery.state;
        assert!(delivery_allowed(from, to), "no delivery goes from {from} to {to}");
        (delivery.state, delivery.reason, delivery.changed_at) = (to, reason, now);
        if let Some(way) = delivery.way.as_deref_mut() {
            if to != DeliveryState::HandingOver {
                way.owner = None;
            }
            let may_go_again =
                matches!(to, DeliveryState::Waiting | DeliveryState::HandingOver | DeliveryState::Dead);
            if !may_go_again {
                way.form = None;
            }
        }
        let (project, made_at) = (delivery.person.project.clone(), delivery.made_at);
        let notification = delivery.notification.clone();
        let alarm = match (to, reason) {
            (DeliveryState::Dead, Some(reason)) => Some((Alert::DeadLetters, reason)),
            (DeliveryState::Suppressed, Some(Reason::Budget)) => Some((Alert::Budget, Reason::Budget)),
            _ => None,
        };
        if let Some((alert, reason)) = alarm {
            let way = delivery.way.as_deref().map(|way| &*way.provider).unwrap_or_default();
            let text = format!("{} with {way}: {reason}", delivery.channel);
            self.alarm(&project, alert, text);
        }
        self.changes.books.shift(&project, made_at, Term::Delivery(from), Term::Delivery(to));
        self.count_on_way(&notification, Some(from), to);
    }

    /// A notification knows how many of its deliveries are on their way, so that whoever reads it reads them too.
    fn count_on_way(&mut self, id: &NotificationId, from: Option<DeliveryState>, to: DeliveryState) {
        let pending = |state| matches!(state, DeliveryState::Waiting | DeliveryState::HandingOver);
        let (before, after) = (from.is_some_and(pending), pending(to));
        if before == after || !self.notifications.contains_key(id) {
            return;
        }
        let row = self.notification_mut(id);
        row.on_way = if after { row.on_way.saturating_add(1) } else { row.on_way.saturating_sub(1) };
    }

    /// Something that operators may want to hear.
    pub(crate) fn alarm(&mut self, project: &ProjectId, alert: Alert, text: String) {
        self.after.alarms.entry((project.clone(), alert)).or_insert_with(|| text.into());
    }

    /// Work for those who hand over.
    fn ring_handovers(&mut self, delivery: &Delivery) {
        if let (DeliveryState::Waiting, Some(way)) = (delivery.state, &delivery.way) {
            let sooner = self.after.handover_sooner.map_or(way.due, |sooner| sooner.min(way.due));
            self.after.handover_sooner = Some(sooner);
        }
    }

    /// What became of a delivery, for the project's feed; nothing while it is on its way.
    fn feed_delivery(&mut self, row: &Delivery) {
        let kind = match row.state {
            DeliveryState::Waiting
            | DeliveryState::HandingOver
            | DeliveryState::Placed
            | DeliveryState::Erased => {
                return;
            }
            DeliveryState::Received => FeedKind::DeliveryReceived,
            DeliveryState::Sent => FeedKind::DeliverySent,
            DeliveryState::Dead => FeedKind::DeliveryDead,
            DeliveryState::Suppressed => FeedKind::DeliverySuppressed,
            DeliveryState::Cancelled => FeedKind::DeliveryCancelled,
            DeliveryState::Expired => FeedKind::DeliveryExpired,
        };
        let way = row.way.as_deref();
        self.feed(FeedEntry {
            project: row.person.project.clone(),
            recipient: row.person.recipient.clone(),
            notification: Some(row.notification.clone()),
            at: self.now,
            kind,
            detail: serde_json::json!({
                "delivery": row.id,
                "channel": row.channel,
                "provider": way.map(|way| &way.provider),
                "attempts": way.map_or(0, |way| way.attempts),
                "reason": row.reason,
                "code": way.and_then(|way| way.code.as_ref()),
            }),
        });
    }

    /// What a rule counted for a notification that was never active is given back.
    fn give_back_keys(&mut self, id: &NotificationId) {
        let notification = self.notification_mut(id).clone();
        let Some(rule) = notification.cause.rule.clone() else { return };
        let person = notification.person.clone();
        if let Some(value) = &notification.keys.once {
            let key = (person.clone(), rule.clone(), value.clone());
            if self.once.get(&key).is_some_and(|taken| taken.notification == *id) {
                let taken = self.once.remove(&key).expect("it was found above");
                let before = self.changes.once_taken.len();
                self.changes.once_taken.retain(|new| *new != taken);
                if self.changes.once_taken.len() == before {
                    self.changes.once_given_back.push(taken);
                }
            }
        }
        // What was given back is not its own any more: a replay that fails again gives nothing back.
        let window = self.notification_mut(id).keys.throttled_in.take();
        if let (Some(key), Some(window)) = (notification.keys.throttle, window)
            && self.person(&person).is_known()
        {
            let counter = self.inbox_mut(&person).throttles.get_mut(&(rule.as_str().into(), key));
            if let Some(counter) = counter {
                counter.give_back(window);
            }
            self.raise_version(&person);
        }
    }

    fn give_back_caps(&mut self, id: &NotificationId) {
        let notification = self.notification_mut(id);
        let person = notification.person.clone();
        if let Some(taken) = notification.taken.take()
            && self.person(&person).is_known()
        {
            let (day, week) = (
                crate::calendar::Day::from_number(taken.day),
                crate::calendar::Week::from_number(taken.week),
            );
            let counters = &mut self.inbox_mut(&person).counters;
            for scope in &taken.scopes {
                counters.give_back(scope, day, week);
            }
            self.raise_version(&person);
        }
    }

    /// Remembers that a rule reached a recipient for a value.
    pub(crate) fn take_once(&mut self, key: OnceKey) {
        self.changes.once_taken.push(key.clone());
        self.once.insert((key.person.clone(), key.rule.clone(), key.value.clone()), key);
    }

    /// Sets work that waits; replaces a row of the same key.
    pub(crate) fn set_due(&mut self, person: &PersonKey, key: DueKey, at: Timestamp) {
        self.after.due_sooner = Some(self.after.due_sooner.map_or(at, |sooner| sooner.min(at)));
        self.due_touched.insert(key.clone(), person.project.clone());
        self.due.insert(key.clone(), DueRow { key, person: person.clone(), at });
    }

    /// Work that is due at this very instant is done in the same transaction.
    pub(crate) fn at_once(&mut self, row: DueRow) {
        self.at_once.insert(row.key.clone(), row);
    }

    /// The next work that is to be done in the same transaction.
    pub(crate) fn next_at_once(&mut self) -> Option<DueRow> {
        self.at_once.pop_first().map(|(_, row)| row)
    }

    /// Takes work away, whether or not there is any.
    pub(crate) fn clear_due(&mut self, person: &PersonKey, key: DueKey) {
        self.due.remove(&key);
        let made_here = key.notification().and_then(|id| self.notifications.get(id));
        if made_here.is_some_and(|copy| copy.standing == Standing::New) {
            // Nothing of it is stored yet.
            self.due_touched.remove(&key);
            return;
        }
        self.due_touched.insert(key, person.project.clone());
    }

    /// Opens or changes a digest.
    pub(crate) fn set_digest(&mut self, digest: OpenDigest) {
        self.set_due(&digest.person.clone(), DueKey::Digest(digest.id.clone()), digest.due);
        let key = (digest.person.clone(), digest.scope.clone(), digest.key.clone());
        let copy = DigestCopy { digest, standing: Standing::Changed, closed: false };
        self.digests.insert(key, copy);
    }

    /// Closes a digest: the next member opens a new one.
    pub(crate) fn close_digest(&mut self, person: &PersonKey, scope: &DigestScope, key: &str) {
        if let Some(copy) = self.digests.get_mut(&(person.clone(), scope.clone(), key.into())) {
            copy.closed = true;
            let id = copy.digest.id.clone();
            self.clear_due(person, DueKey::Digest(id));
        }
    }

    /// Keeps an answer for repetitions of its request.
    pub(crate) fn keep_answer(&mut self, project: ProjectId, repeat: RepeatKey, answer: &Answer) {
        let (status, body) = (repeat.render.0)(answer);
        let until = self.now.plus_millis(ANSWER_KEPT_MILLIS);
        let RepeatKey { route, key, fingerprint, .. } = repeat;
        self.changes.answers.push(StoredAnswer { project, route, key, fingerprint, status, body, until });
    }

    /// Adds to the project's feed.
    pub(crate) fn feed(&mut self, entry: FeedEntry) {
        if !self.after.feeds.contains(&entry.project) {
            self.after.feeds.push(entry.project.clone());
        }
        self.changes.feed.push(entry);
    }

    fn feed_final(&mut self, notification: &Notification) {
        if notification.is_pending() {
            return;
        }
        let reason = notification.stopped.as_ref().map(|stopped| stopped.reason.as_str());
        self.feed(FeedEntry {
            project: notification.person.project.clone(),
            recipient: notification.person.recipient.clone(),
            notification: Some(notification.id.clone()),
            at: self.now,
            kind: FeedKind::NotificationFinal,
            detail: serde_json::json!({"state": notification.state, "reason": reason, "rule": notification.cause.rule}),
        });
    }
}

fn count(decided: &mut std::collections::BTreeMap<(&'static str, &'static str), u64>, entry: &Entry) {
    let place = entry.gate.map_or_else(|| entry.kind.as_str(), tidings_protocol::Gate::as_str);
    let why = entry.reason.map(Reason::as_str).or(entry.state).unwrap_or("none");
    *decided.entry((place, why)).or_default() += 1;
}
