//! What can be asked of the core, and what it answers. One act is one request's worth of work; acts that arrive
//! together are committed together by [`crate::flows::commit_together`].

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tidings_protocol::item::{Item, QuietHoursItem};
use tidings_protocol::operation::{Answered, Operation, OperationError, Request};
use tidings_protocol::{
    CategoryId, Channel, Decision, DeliveryState, DeviceId, EntryId, EventId, NotificationId,
    NotificationState, ProjectId, RecipientId, RuleId, SendId, Timestamp, TopicId,
};

use crate::configuration::Alert;
use crate::delivery::{Handover, Outcome};
use crate::model::{Collected, Considered, DueRow, Entry, EventBody, PersonKey, Stopped};
use crate::sms::{SmsWord, Taken};

/// One act of one project.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Whose. Nothing of another project is read or written.
    pub project: ProjectId,
    /// Everything but the hand-over.
    pub sandbox: bool,
    /// The caller's idempotency key.
    pub repeat: Option<RepeatKey>,
    /// What is asked.
    pub act: Act,
}

impl Unit {
    /// Whether nobody waits for the answer, as when a device says what it holds: what follows may come milliseconds later.
    #[must_use]
    pub fn is_patient(&self) -> bool {
        let Act::Operate { sent: Some(_), operations, .. } = &self.act else { return false };
        operations.iter().all(|one| matches!(one, Ok(Operation { request: Request::Held { .. }, .. })))
    }
}

/// An idempotency key, and how the answer is kept for its repetition.
#[derive(Clone, Debug)]
pub struct RepeatKey {
    /// The route as a pattern.
    pub route: Box<str>,
    /// The caller's key.
    pub key: Box<str>,
    /// SHA-256 of the request's body.
    pub fingerprint: [u8; 32],
    /// Makes status and body of the answer, which are stored in the same transaction.
    pub render: Render,
}

/// Makes an HTTP status and body of an answer. The shell knows how, the core when.
#[derive(Clone)]
pub struct Render(pub Arc<Rendering>);

/// See [`Render`].
pub type Rendering = dyn Fn(&Answer) -> (u16, Box<str>) + Send + Sync;

impl std::fmt::Debug for Render {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Render")
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Act {
    /// Facts, in order. Each is accepted, a duplicate or refused by itself.
    AcceptEvents(Vec<Arc<EventBody>>),
    /// A direct send; `body.send` is set.
    Send {
        /// What to send.
        body: Box<EventBody>,
        /// To whom.
        to: SendTo,
    },
    /// Makes or changes a recipient.
    PutRecipient(Box<RecipientChange>),
    /// Erases a recipient and everything about them.
    Erase(RecipientId),
    /// Writes a decision into the consent ledger.
    DecideConsent(Box<ConsentRequest>),
    /// Changes preferences as their owner would.
    PutPreferences(Box<PreferenceChange>),
    /// Sets a recipient's address on a channel; none removes it.
    PutEndpoint {
        /// Whose.
        recipient: RecipientId,
        /// On which channel; never the inbox.
        channel: Channel,
        /// The address and whether it is verified.
        address: Option<(Box<str>, bool)>,
    },
    /// Somebody answered a text message with a word that stops or starts.
    HearSms(Box<SmsAnswer>),
    /// Takes one address of a recipient away; others of the channel stay.
    RemoveEndpoint {
        /// Whose.
        recipient: RecipientId,
        /// On which channel.
        channel: Channel,
        /// Which.
        address: Box<str>,
    },
    /// Puts a recipient into a topic or takes them out.
    PutMembership {
        /// Who.
        recipient: RecipientId,
        /// Which topic.
        topic: TopicId,
        /// In or out.
        member: bool,
    },
    /// Takes a notification back.
    Retract(NotificationId),
    /// Ends a fan-out and takes back what it made.
    StopSend(SendId),
    /// Revives a notification that failed.
    Replay(NotificationId),
    /// Revives one dead delivery.
    ReplayDelivery(Box<str>),
    /// Begins the hand-over of a delivery that is due.
    HandOver {
        /// Which.
        delivery: Box<str>,
        /// The node's incarnation.
        owner: u64,
        /// Until when the recipient says to be at a device; none if nowhere.
        present_until: Option<Timestamp>,
        /// Until when the provider that has it is left alone; none if it takes deliveries. Then it is not handed over,
        /// but goes to another provider, if there is one.
        rests_until: Option<Timestamp>,
    },
    /// An attempt came to something.
    Conclude {
        /// Of which delivery.
        delivery: Box<str>,
        /// Which attempt.
        attempt: u32,
        /// What it came to.
        outcome: Outcome,
    },
    /// Somebody outside tells what became of a delivery after the provider had taken it.
    Report {
        /// Of which delivery.
        delivery: Box<str>,
        /// What became of it.
        report: Report,
    },
    /// A device says hello; makes it, and the recipient if the project allows.
    Greet {
        /// Whose device.
        recipient: RecipientId,
        /// The device.
        device: Box<DeviceGreeting>,
        /// When the token was issued, so that one from before an erasure creates nobody.
        token_issued_at: Timestamp,
    },
    /// Operations of a device, in its order.
    Operate {
        /// Whose device.
        recipient: RecipientId,
        /// Which.
        device: DeviceId,
        /// The highest place that this session sent; `held` is clamped to it. None (over HTTP): the head.
        sent: Option<u64>,
        /// What it asks.
        operations: Vec<Result<Operation, OperationError>>,
    },
    /// Something is due.
    Advance(DueRow),
    /// A pending notification's time has passed.
    Expire(PersonKey, NotificationId),
}

/// What became of a delivery after the provider had taken it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The mailbox or phone has it.
    Received,
    /// It came back for good, with the word of whoever sent it back.
    Bounced(Box<str>),
    /// It came back for now, or somebody complained: only the story tells it.
    Told(Box<str>),
    /// The recipient saw it.
    Opened,
    /// The recipient followed a link.
    Clicked,
    /// The browser that it was pushed to showed it, and perhaps the recipient clicked what it showed.
    Shown {
        /// Whether it was clicked.
        clicked: bool,
    },
}

impl Act {
    /// Facts that come together.
    #[must_use]
    pub fn accept(bodies: Vec<EventBody>) -> Self {
        Self::AcceptEvents(bodies.into_iter().map(Arc::new).collect())
    }
}

/// To whom a direct send goes.
#[derive(Clone, Debug)]
pub enum SendTo {
    /// These.
    Recipients(Vec<RecipientId>),
    /// The members of a topic, in chunks.
    Topic(TopicId),
    /// Everybody in a segment of the live document, in chunks.
    Segment(Box<str>),
}

/// A change of a recipient. `PUT` replaces all fields, `PATCH` merges.
#[derive(Clone, Debug, Default)]
pub struct RecipientChange {
    /// Who.
    pub recipient: Option<RecipientId>,
    /// Whether fields that are not named are cleared.
    pub replace: bool,
    /// Named or not, then set or cleared.
    pub time_zone: Option<Option<Box<str>>>,
    /// Named or not, then set or cleared.
    pub locale: Option<Option<Box<str>>>,
    /// Named or not; merged as RFC 7396 unless `replace`.
    pub attributes: Option<Value>,
    /// The revision that must be the current one; `Some(0)` means the recipient must not exist.
    pub if_revision: Option<u64>,
}

/// A decision for the consent ledger.
#[derive(Clone, Debug)]
pub struct ConsentRequest {
    /// Whose.
    pub recipient: RecipientId,
    /// What was decided.
    pub decision: Decision,
    /// On which category.
    pub category: CategoryId,
    /// On which channels; empty means all of the category.
    pub channels: Vec<Channel>,
    /// To which policy it refers.
    pub policy_version: Option<Box<str>>,
    /// The text that was shown.
    pub text_shown: Option<Box<str>>,
    /// How it came about.
    pub collected: Option<Collected>,
}

/// An answer to a text message.
#[derive(Clone, Debug)]
pub struct SmsAnswer {
    /// The number that wrote, as E.164.
    pub number: Box<str>,
    /// Through which provider.
    pub provider: Box<str>,
    /// What was written.
    pub word: SmsWord,
    /// With `START`, what the ledgers say that a `STOP` took.
    pub give_back: Vec<SmsGiveBack>,
}

/// What a `STOP` took from somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmsGiveBack {
    /// From whom.
    pub recipient: RecipientId,
    /// What.
    pub taken: Taken,
}

/// A change of preferences; what is not named stays.
#[derive(Clone, Debug, Default)]
pub struct PreferenceChange {
    /// Whose.
    pub recipient: Option<RecipientId>,
    /// Wanted or not.
    pub choices: BTreeMap<(CategoryId, Channel), bool>,
    /// Named or not, then the recipient's own or the project's.
    pub quiet_hours: Option<Option<QuietHoursItem>>,
    /// Named or not, then until when or no pause.
    pub paused_until: Option<Option<Timestamp>>,
    /// Named or not: whether the relay may learn from what the recipient does.
    pub profiling: Option<bool>,
    /// Whether choices that are not named are forgotten (`PUT`).
    pub replace: bool,
}

/// What a device says about itself.
#[derive(Clone, Debug)]
pub struct DeviceGreeting {
    /// Its id.
    pub id: DeviceId,
    /// What it runs on.
    pub platform: Box<str>,
    /// Made at installation; empty if the client has none.
    pub nonce: Box<str>,
    /// The item kinds that it understands; empty: nothing was said.
    pub understands: Vec<Box<str>>,
    /// Where it stands, which counts as `held`.
    pub cursor: Option<tidings_protocol::Cursor>,
}

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
    /// To [`Act::AcceptEvents`], in the same order.
    Events(Vec<EventAnswer>),
    /// To [`Act::Send`].
    Sent {
        /// The send.
        send: SendId,
        /// What was made, to named recipients.
        notifications: Vec<Made>,
    },
    /// To [`Act::PutRecipient`]: the new revision, and whether the recipient is new.
    Recipient {
        /// The HTTP `ETag`.
        revision: u64,
        /// Made by this.
        created: bool,
    },
    /// To [`Act::Erase`]: whether there was anybody.
    Erased(bool),
    /// To [`Act::DecideConsent`].
    Consent {
        /// The new entry's id; the rest is read from the ledger.
        entry: EntryId,
        /// What could not be stopped any more.
        too_late: Vec<NotificationId>,
    },
    /// To [`Act::HearSms`].
    SmsHeard {
        /// How many have the number.
        recipients: usize,
        /// How many decisions it made.
        decisions: usize,
        /// What could not be stopped any more.
        too_late: Vec<NotificationId>,
    },
    /// To [`Act::Retract`], [`Act::Replay`]: where it stands.
    Notification {
        /// Which.
        id: NotificationId,
        /// Its state.
        state: NotificationState,
        /// Deliveries that could not be stopped any more.
        too_late: bool,
    },
    /// To [`Act::ReplayDelivery`].
    Delivery {
        /// Where it stands.
        state: DeliveryState,
        /// Whether this revived it.
        revived: bool,
    },
    /// To [`Act::HandOver`]: what is handed over now; none if it is not to be.
    Handover(Option<Box<Handover>>),
    /// To [`Act::StopSend`]: how many notifications were taken back by this call.
    SendStopped {
        /// How many.
        retracted: u64,
        /// Whether there is more to take back, which goes on by itself.
        more: bool,
    },
    /// To [`Act::Greet`].
    Greeted {
        /// The epoch of the inbox.
        epoch: u32,
        /// The end of the inbox.
        head: u64,
        /// The place that the device's cursor names; none means: begin from nothing.
        place: Option<u64>,
    },
    /// To [`Act::Operate`].
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

/// Why an act was not done. Each has a stable code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing in this project.
    #[error("there is no {what} {id}")]
    NotFound {
        /// `notification`, `send`, `recipient` …
        what: &'static str,
        /// What was asked for.
        id: Box<str>,
    },
    /// The project refuses recipients that it never saw.
    #[error(
        "{recipient} is not known here: make the recipient first, or set project.unknown_recipient to create"
    )]
    UnknownRecipient {
        /// Who.
        recipient: RecipientId,
    },
    /// The configuration has no such category.
    #[error("there is no category {category}")]
    UnknownCategory {
        /// Which.
        category: Box<str>,
        /// The nearest name.
        hint: Option<Box<str>>,
    },
    /// The configuration has no such template.
    #[error("there is no template {template}")]
    UnknownTemplate {
        /// Which.
        template: Box<str>,
        /// The nearest name.
        hint: Option<Box<str>>,
    },
    /// The same id came with other data.
    #[error("event {external_id} was accepted before with other data: give a new fact a new id")]
    EventConflict {
        /// The backend's id.
        external_id: Box<str>,
    },
    /// The same idempotency key came with another body.
    #[error("this Idempotency-Key was used with another body: use a new key")]
    RepeatMismatch,
    /// `If-Match` names another revision.
    #[error("the recipient changed since: read it again")]
    Precondition {
        /// The current revision.
        current: u64,
    },
    /// The grant refers to a policy that is not current, or was made before a withdrawal was seen.
    #[error("{detail}")]
    Stale {
        /// What to do.
        detail: Box<str>,
    },
    /// A field's value cannot be taken.
    #[error("{detail}")]
    Invalid {
        /// Where, as a JSON pointer.
        pointer: Box<str>,
        /// What is wrong and what to do.
        detail: Box<str>,
    },
    /// The recipient was erased after the token was issued.
    #[error("this account was erased")]
    AccountErased,
    /// The device was removed.
    #[error("this device was removed")]
    DeviceRevoked,
    /// Another installation uses this device id.
    #[error("another installation uses this device id: take a new one")]
    DeviceConflict,
    /// These rows could not be written.
    #[error("the store refuses these data: {detail}")]
    Data {
        /// What it said.
        detail: Box<str>,
    },
    /// The store cannot be used for the moment; nothing was done.
    #[error("{detail}")]
    Unavailable {
        /// What it said.
        detail: Box<str>,
    },
    /// There is no room to write it; nothing was done, and reading goes on.
    #[error("the relay's disk is full; reading goes on: free some space and ask again")]
    StorageFull,
}

impl Refusal {
    /// Whether nothing was done and the same may be asked again later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::StorageFull)
    }

    /// The stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::UnknownRecipient { .. } => "unknown_recipient",
            Self::UnknownCategory { .. } => "unknown_category",
            Self::UnknownTemplate { .. } => "unknown_template",
            Self::EventConflict { .. } => "event_conflict",
            Self::RepeatMismatch => "idempotency_mismatch",
            Self::Precondition { .. } => "precondition_failed",
            Self::Stale { .. } => "stale",
            Self::Invalid { .. } => "invalid",
            Self::AccountErased => "erased",
            Self::DeviceRevoked => "revoked",
            Self::DeviceConflict => "device_conflict",
            Self::Data { .. } => "data",
            Self::Unavailable { .. } => "unavailable",
            Self::StorageFull => "storage_full",
        }
    }
}
