//! One thing that one recipient should know.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidings_protocol::item::{Because, ContentItem, View};
use tidings_protocol::{
    CategoryId, Channel, DeliveryState, EventId, Gate, NotificationId, NotificationState, Priority, Reason,
    RuleId, Span, Timestamp,
};

use super::{Counted, Entry, PersonKey, Stamp};
use crate::cap::CapScope;
use crate::configuration::Unless;
use crate::delivery::Form;

/// A notification with all that later decisions on it need.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// The relay's id.
    pub id: NotificationId,
    /// To whom.
    pub person: PersonKey,
    /// Where it came from.
    pub cause: Cause,
    /// What it is about.
    pub category: CategoryId,
    /// How urgent it is.
    pub priority: Priority,
    /// The values that later events and notifications find it by.
    pub keys: Keys,
    /// Which wording was chosen.
    pub variant: Option<Box<str>>,
    /// In the words of which template; none for literal words.
    pub template: Option<Box<str>>,
    /// The set of variants that it is counted in.
    pub trial: Option<Box<str>>,
    /// What was counted of it there.
    pub counted: Counted,
    /// The first of a chain of notifications that escalate; none if it is in no chain.
    pub chain: Option<NotificationId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is no longer worth sending; at most 90 days after it was made.
    pub expires_at: Timestamp,

    /// The version of the configuration that decided last.
    pub configuration: u64,
    /// Where it stands.
    pub state: NotificationState,
    /// What stopped, holds or ended it.
    pub stopped: Option<Stopped>,
    /// Until when it waits, while it is held.
    pub due: Option<Timestamp>,
    /// How often a cap put it off.
    pub deferrals: u8,
    /// The digest that collects it or has it merged.
    pub digest: Option<NotificationId>,
    /// What it took from caps when it became active.
    pub taken: Option<Taken>,
    /// When it left its holds.
    pub released_at: Option<Timestamp>,
    /// What it says; none until it is rendered.
    pub content: Option<Arc<ContentItem>>,
    /// What the channels of later steps say, rendered with the content.
    pub forms: BTreeMap<Channel, Form>,
    /// Why a delivery of it died, if one did.
    pub died: Option<Reason>,
    /// Deliveries beside the inbox that wait or are with a provider.
    pub on_way: u16,
    /// Why the recipient gets it.
    pub because: Because,
    /// Its plan; empty until it is released.
    pub plan: Arc<[PlannedStep]>,
    /// How many steps of the plan were begun.
    pub steps_begun: u16,
    /// How often the step that repeats was shown again.
    pub repeats: u16,
    /// Its way to the inbox; none if the inbox is not in its plan.
    pub inapp: Option<InappDelivery>,
    /// Its place in the inbox when it came; never moves.
    pub created_seq: Option<u64>,
    /// The place of its latest change.
    pub seq: Option<u64>,
    /// Which showing this is.
    pub round: u32,
    /// What became of it on devices.
    pub flags: Flags,
    /// What its recipient did with it.
    pub marks: Marks,
    /// Lines of its story that are not stored yet.
    pub told: Vec<Entry>,
}

/// Where a notification came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The event or direct send.
    pub event: EventId,
    /// The event's type; none for a direct send.
    pub event_type: Option<Box<str>>,
    /// The rule; none for a direct send.
    pub rule: Option<RuleId>,
    /// Whether it stands for several.
    pub digest: bool,
    /// The step of the chain that made it, from 1; none if the event did.
    pub step: Option<u16>,
}

/// The values by which a notification is found, and what it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// A newer one of the same category and value replaces it.
    pub collapse: Option<Box<str>>,
    /// The rule reaches the recipient once for it.
    pub once: Option<Box<str>>,
    /// Counted against the rule's throttle.
    pub throttle: Option<Box<str>>,
    /// The throttle's window in which it was counted; none if it was not.
    pub throttled_in: Option<Timestamp>,
    /// Which digest of the rule it belongs to.
    pub digest: Option<Box<str>>,
    /// Which later events cancel it.
    pub matches: Vec<MatchKey>,
    /// What it is about in the recipient's interests, where these are learned; each once.
    pub tags: Vec<Box<str>>,
    /// Which later event is its success.
    pub conversion: Option<ConversionKey>,
}

/// A later event of this type with this value cancels the notification.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MatchKey {
    /// The event's type.
    pub event_type: Box<str>,
    /// The value; none means the recipient alone.
    pub value: Option<Box<str>>,
}

/// A later event of this type with this value, in time, is what the notification was sent for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionKey {
    /// The event's type.
    pub event_type: Box<str>,
    /// The value; none means the recipient alone.
    pub value: Option<Box<str>>,
    /// How long after it was shown.
    pub within: Span,
}

/// What stopped, holds or ended a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The gate, if one did.
    pub gate: Option<Gate>,
    /// Why.
    pub reason: Reason,
    /// The particulars.
    pub text: Option<Box<str>>,
}

impl Stopped {
    /// What did it: the gate of the plan, or what else ends notifications. None only where nothing stopped it.
    #[must_use]
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "every other reason is a gate's own, which names itself"
    )]
    pub const fn by(&self) -> Option<Gate> {
        if self.gate.is_some() {
            return self.gate;
        }
        match self.reason {
            Reason::Collapse => Some(Gate::Collapse),
            Reason::CancelledByEvent => Some(Gate::CancelOn),
            Reason::Retracted => Some(Gate::Retract),
            Reason::Expired => Some(Gate::Expires),
            Reason::AcknowledgedInTime => Some(Gate::Acknowledgement),
            Reason::Digest => Some(Gate::Digest),
            Reason::NoLongerAllowed => Some(Gate::Preference),
            Reason::Permanent
            | Reason::AddressGone
            | Reason::TimeBudget
            | Reason::OutcomeUnknown
            | Reason::Bounced => Some(Gate::ChannelPlan),
            _ => None,
        }
    }
}

/// What was counted against caps, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The recipient's local date, in days since the epoch.
    pub day: i32,
    /// The recipient's ISO week, in weeks since the epoch.
    pub week: i32,
    /// The counters that went up.
    pub scopes: Vec<CapScope>,
}

/// One step of a plan as it was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedStep {
    /// The channels that were left after the gates; consent is asked again when the step is due.
    pub channels: Vec<Channel>,
    /// How long after the release.
    pub after: Span,
    /// What makes it needless.
    pub unless: Option<Unless>,
    /// How often it is shown again.
    pub repeat: Option<(Span, u16, Unless)>,
    /// Whether it is for somebody else, whom the rule names.
    pub linked: bool,
}

/// A notification's way to the inbox. There is one for each notification, and it is stored with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InappDelivery {
    /// `placed`, `received`, `cancelled`, `expired` or `erased`.
    pub state: DeliveryState,
    /// When it was placed.
    pub made_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
}

/// What became of a notification on the recipient's devices: the first of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// It reached somebody. Written down only where a conversion is waited for.
    pub reached_at: Option<Timestamp>,
    /// A provider took it on a channel whose recipients tell of no showing. Written down only where it is counted.
    pub taken_at: Option<Timestamp>,
    /// What its rule counts as success happened.
    pub converted_at: Option<Timestamp>,
    /// A program opened its mail. Nobody saw it by that.
    pub opened_by_program: bool,
    /// A program followed a link of its mail.
    pub followed_by_program: bool,
    /// Durable on a device.
    pub received_at: Option<Timestamp>,
    /// Shown by the operating system.
    pub displayed_at: Option<Timestamp>,
    /// Opened.
    pub read_at: Option<Timestamp>,
    /// Its link was followed.
    pub clicked_at: Option<Timestamp>,
    /// An action was chosen, and which.
    pub acted: Option<(Timestamp, Box<str>)>,
    /// Confirmed.
    pub acknowledged_at: Option<Timestamp>,
    /// Taken back by its sender, or replaced, after it reached someone.
    pub retracted_at: Option<Timestamp>,
    /// `true` if the recipient found it of use.
    pub useful: Option<(bool, Stamp)>,
}

/// What the recipient did with it. Each is a register: the later stamp wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Read or unread.
    pub read: Option<Mark<bool>>,
    /// Archived or back.
    pub archived: Option<Mark<bool>>,
    /// Sleeps until then; none or past: awake.
    pub snoozed: Option<Mark<Option<Timestamp>>>,
}

/// A register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark<T> {
    /// The value.
    pub value: T,
    /// Since when.
    pub stamp: Stamp,
}

impl Notification {
    /// Whether it still waits for something.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self.state, NotificationState::Held | NotificationState::Active)
    }

    /// Whether anything can still come of it: it is pending, or it reached somebody and its plan goes on. Stores find
    /// it by its keys as long as it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let steps_wait = usize::from(self.steps_begun) < self.plan.len();
        let repeats_wait =
            self.plan.iter().any(|step| step.repeat.is_some_and(|(_, times, _)| self.repeats < times));
        self.is_pending()
            || (self.state == NotificationState::Reached
                && self.flags.acknowledged_at.is_none()
                && (steps_wait || repeats_wait || self.on_way > 0))
    }

    /// Between which instants an event would be its conversion; none while it is not shown, or if it has one. It counts from
    /// its first showing, and as long as nobody told of one, from when it reached somebody: no mailbox and no phone tells
    /// of showings reliably.
    #[must_use]
    pub fn converts_between(&self) -> Option<(Timestamp, Timestamp)> {
        let key = self.keys.conversion.as_ref()?;
        let arrives = matches!(self.state, NotificationState::Active | NotificationState::Reached);
        if !arrives || self.flags.converted_at.is_some() {
            return None;
        }
        let since = self.flags.displayed_at.or(self.flags.reached_at)?;
        Some((since, since.plus_millis(key.within.as_millis())))
    }

    /// Whether devices are to show it: it has a place in the inbox and was not taken back.
    #[must_use]
    pub const fn is_visible(&self) -> bool {
        let withdrawn = matches!(self.inapp, Some(InappDelivery { state: DeliveryState::Cancelled, .. }));
        self.created_seq.is_some()
            && !withdrawn
            && self.flags.retracted_at.is_none()
            && !matches!(
                self.state,
                NotificationState::Cancelled
                    | NotificationState::Retracted
                    | NotificationState::Expired
                    | NotificationState::Erased
            )
    }

    /// What the recipient sees of what they did.
    #[must_use]
    pub fn view(&self) -> View {
        let read = self.marks.read.as_ref();
        View {
            read_at: read.filter(|mark| mark.value).map(|mark| mark.stamp.at),
            unread: read.filter(|mark| !mark.value).map(|mark| mark.stamp.clone()),
            archived_at: self.marks.archived.as_ref().filter(|mark| mark.value).map(|mark| mark.stamp.at),
            snoozed_until: self.marks.snoozed.as_ref().and_then(|mark| mark.value),
            acknowledged_at: self.flags.acknowledged_at,
        }
    }

    /// The id of its way to the inbox.
    #[must_use]
    pub fn inapp_id(&self) -> Box<str> {
        format!("{}.inapp", self.id).into()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Reason::Collapse, Gate::Collapse)]
    #[case(Reason::CancelledByEvent, Gate::CancelOn)]
    #[case(Reason::Retracted, Gate::Retract)]
    #[case(Reason::Expired, Gate::Expires)]
    #[case(Reason::AcknowledgedInTime, Gate::Acknowledgement)]
    #[case(Reason::Digest, Gate::Digest)]
    #[case(Reason::NoLongerAllowed, Gate::Preference)]
    fn what_no_gate_of_the_plan_stopped_says_what_did(#[case] reason: Reason, #[case] by: Gate) {
        assert_eq!(Stopped { gate: None, reason, text: None }.by(), Some(by));
        let gate = Some(Gate::Consent);
        assert_eq!(Stopped { gate, reason, text: None }.by(), gate, "a gate speaks for itself");
    }
}
