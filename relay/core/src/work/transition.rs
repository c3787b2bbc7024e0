//! The only place where states of events and notifications change; those of deliveries beside the inbox change in
//! `on_way`. Each change writes its −1/+1 in the same transaction as its row.

use tidings_protocol::{
    Channel, DeliveryState, EventState, NotificationId, NotificationState, ProjectId, Reason, StoryKind,
};

use super::on_way::delivery_allowed;
use super::{Standing, Work};
use crate::act::{Answer, RepeatKey};
use crate::model::{
    DueKey, Entry, Event, FeedEntry, FeedKind, InappDelivery, Notification, OnceKey, Stopped, StoredAnswer,
    Term,
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
        if to == NotificationState::Reached && notification.keys.conversion.is_some() {
            notification.flags.reached_at.get_or_insert(now);
        }
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
