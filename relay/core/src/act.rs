//! What can be asked of the core, and what it answers. One act is one request's worth of work; acts that arrive
//! together are committed together by [`crate::flows::commit_together`].

mod answer;
mod refusal;
mod request;

use std::sync::Arc;

use tidings_protocol::operation::{Operation, OperationError, Request};
use tidings_protocol::{
    Channel, DeviceId, NotificationId, ProjectId, RecipientId, SendId, Timestamp, TopicId,
};

use crate::delivery::Outcome;
use crate::model::{DueRow, EventBody, PersonKey};

pub use self::answer::{AfterCommit, Answer, EventAnswer, Hint, Made, Settled};
pub use self::refusal::Refusal;
pub use self::request::{
    ConsentRequest, DeviceGreeting, IfRevision, PreferenceChange, RecipientChange, Report, SendTo, SmsAnswer,
    SmsGiveBack,
};

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
        /// Until when the address asked to be left alone; none if it did not. Then it waits until then.
        address_rests_until: Option<Timestamp>,
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

impl Act {
    /// Facts that come together.
    #[must_use]
    pub fn accept(bodies: Vec<EventBody>) -> Self {
        Self::AcceptEvents(bodies.into_iter().map(Arc::new).collect())
    }
}
