//! Deliveries beside the inbox: how they are made, move and end. Each change writes its −1/+1 in the same transaction as its
//! row.

use tidings_protocol::{Channel, DeliveryState, NotificationId, ProjectId, Reason, StoryKind};

use super::{Standing, Tracked, Work};
use crate::configuration::Alert;
use crate::model::{Delivery, Entry, FeedEntry, FeedKind, Term, Way};

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
}
