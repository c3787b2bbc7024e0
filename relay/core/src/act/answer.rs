//! What became of acts, and what the shell does after their commit.

use std::collections::BTreeMap;

use tidings_protocol::item::Item;
use tidings_protocol::operation::Answered;
use tidings_protocol::{
    CategoryId, Channel, DeliveryState, EntryId, EventId, NotificationId, NotificationState, ProjectId,
    RecipientId, RuleId, SendId, Timestamp,
};

use super::refusal::Refusal;
use crate::configuration::Alert;
use crate::delivery::Handover;
use crate::model::{Considered, Entry, PersonKey, Stopped};

/// What became of a unit.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The answer, or why there is none.
    pub answer: Result<Answer, Refusal>,
    /// The stored answer of the first time, if the request is a repetition: status and body.
    pub replay: Option<(u16, Box<str>)>,
}

/// What the shell does after a commit.
#[derive(Clone, Debug, Default)]
pub struct AfterCommit {
    /// Inboxes that changed, each once.
    pub hints: Vec<Hint>,
    /// Whether work was added that may be due before what was known.
    pub due_sooner: Option<Timestamp>,
    /// The earliest instant at which a delivery that was made or moved may be handed over.
    pub handover_sooner: Option<Timestamp>,
    /// What operators may want to hear, each with what was seen first.
    pub alarms: BTreeMap<(ProjectId, Alert), Box<str>>,
    /// Addresses that nobody is behind any more, for the stop list.
    pub gone: Vec<(ProjectId, Channel, Box<str>)>,
    /// Recipients that were erased: their sessions get `bye erased`.
    pub erased: Vec<PersonKey>,
    /// Projects whose feed has new entries.
    pub feeds: Vec<ProjectId>,
    /// The outcome of a write is not known and cannot be asked for: the process has to end.
    pub store_lost: bool,
    /// What was decided, for metrics: (gate or state word, reason word) and how often.
    pub decided: BTreeMap<(&'static str, &'static str), u64>,
}

/// An inbox changed.
#[derive(Clone, Debug)]
pub struct Hint {
    /// Whose.
    pub person: PersonKey,
    /// Of which epoch.
    pub epoch: u32,
    /// The head before.
    pub from: u64,
    /// The head after.
    pub to: u64,
    /// Everything that lies between, in order; each session gets the same bytes.
    pub items: Vec<Item>,
}

/// The answer to an act.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`super::Act::AcceptEvents`], in the same order.
    Events(Vec<EventAnswer>),
    /// To [`super::Act::Send`].
    Sent {
        /// The send.
        send: SendId,
        /// What was made, to named recipients.
        notifications: Vec<Made>,
    },
    /// To [`super::Act::PutRecipient`]: the new revision, and whether the recipient is new.
    Recipient {
        /// The HTTP `ETag`.
        revision: u64,
        /// Made by this.
        created: bool,
    },
    /// To [`super::Act::Erase`]: whether there was anybody.
    Erased(bool),
    /// To [`super::Act::DecideConsent`].
    Consent {
        /// The new entry's id; the rest is read from the ledger.
        entry: EntryId,
        /// What could not be stopped any more.
        too_late: Vec<NotificationId>,
    },
    /// To [`super::Act::HearSms`].
    SmsHeard {
        /// How many have the number.
        recipients: usize,
        /// How many decisions it made.
        decisions: usize,
        /// What could not be stopped any more.
        too_late: Vec<NotificationId>,
    },
    /// To [`super::Act::Retract`], [`super::Act::Replay`]: where it stands.
    Notification {
        /// Which.
        id: NotificationId,
        /// Its state.
        state: NotificationState,
        /// Deliveries that could not be stopped any more.
        too_late: bool,
    },
    /// To [`super::Act::ReplayDelivery`].
    Delivery {
        /// Where it stands.
        state: DeliveryState,
        /// Whether this revived it.
        revived: bool,
    },
    /// To [`super::Act::HandOver`]: what is handed over now; none if it is not to be.
    Handover(Option<Box<Handover>>),
    /// To [`super::Act::StopSend`]: how many notifications were taken back by this call.
    SendStopped {
        /// How many.
        retracted: u64,
        /// Whether there is more to take back, which goes on by itself.
        more: bool,
    },
    /// To [`super::Act::Greet`].
    Greeted {
        /// The epoch of the inbox.
        epoch: u32,
        /// The end of the inbox.
        head: u64,
        /// The place that the device's cursor names; none means: begin from nothing.
        place: Option<u64>,
    },
    /// To [`super::Act::Operate`].
    Operated(Answered),
    /// To everything else.
    Done,
}

/// What became of one event.
#[derive(Clone, Debug)]
pub enum EventAnswer {
    /// It is on disk.
    Accepted {
        /// The relay's id.
        event: EventId,
        /// The version that decided.
        configuration: u64,
        /// What it made, stopped ones too.
        notifications: Vec<Made>,
        /// Audiences that are walked later: rule and size.
        fan_outs: Vec<(RuleId, Option<u64>)>,
        /// Rules that listen to it and did not fire.
        not_fired: Vec<Considered>,
        /// Whether no rule listens to its type.
        unknown_type: bool,
        /// Notifications that it cancelled.
        cancelled: Vec<NotificationId>,
        /// Notifications of which it is the conversion.
        converted: Vec<NotificationId>,
    },
    /// It was accepted before.
    Duplicate {
        /// The first one's id.
        event: EventId,
    },
    /// It was not accepted.
    Refused(Refusal),
}

/// A notification that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The relay's id.
    pub id: NotificationId,
    /// By which rule.
    pub rule: Option<RuleId>,
    /// For whom.
    pub recipient: RecipientId,
    /// About what.
    pub category: CategoryId,
    /// Where it stands.
    pub state: NotificationState,
    /// Until when it waits.
    pub due: Option<Timestamp>,
    /// What stopped or holds it.
    pub stopped: Option<Stopped>,
    /// Every verdict, in order.
    pub story: Vec<Entry>,
}
