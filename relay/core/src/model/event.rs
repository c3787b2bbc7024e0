//! Facts that a backend stated, and direct sends: what the books call events.

use std::sync::Arc;

use serde_json::Value;
use tidings_protocol::item::ContentItem;
use tidings_protocol::{
    CategoryId, EventId, EventState, Priority, ProjectId, Reason, RecipientId, RuleId, Timestamp, TopicId,
};

use super::{EntryHash, PlannedStep};

/// An accepted event or direct send.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The relay's id.
    pub id: EventId,
    /// Whose.
    pub project: ProjectId,
    /// What was accepted.
    pub body: Arc<EventBody>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The version of the configuration that decided.
    pub configuration: u64,
    /// Whether everything it causes was made.
    pub state: EventState,
    /// What became of each rule that listens to it.
    pub considered: Vec<Considered>,
    /// Audiences that are walked in chunks.
    pub fan_outs: Vec<FanOut>,
    /// How many notifications it made.
    pub made: u64,
    /// Accepted in the sandbox: everything but the hand-over.
    pub sandbox: bool,
}

/// What was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct EventBody {
    /// The backend's name for the place that it comes from.
    pub source: Option<Box<str>>,
    /// The backend's own id.
    pub external_id: Option<Box<str>>,
    /// What kind of fact; `tidings.send` for a direct send.
    pub event_type: Box<str>,
    /// About whom, if it says so.
    pub recipient: Option<RecipientId>,
    /// When it happened.
    pub time: Timestamp,
    /// The particulars; a JSON value.
    pub data: Value,
    /// What CloudEvents carry besides; a JSON object.
    pub extensions: Value,
    /// SHA-256 of type, recipient and data: the same id with another digest is a conflict.
    pub digest: EntryHash,
    /// What to send, if it is a direct send.
    pub send: Option<DirectSend>,
}

/// A direct send.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectSend {
    /// What it is about.
    pub category: CategoryId,
    /// What it says.
    pub content: SendContent,
    /// Absent: the category's.
    pub priority: Option<Priority>,
    /// A newer one replaces it.
    pub collapse: Option<Box<str>>,
    /// When it is no longer worth sending.
    pub expires_at: Option<Timestamp>,
    /// The plan; absent: the category's channels in one step. Never empty, and no step is linked: whom it would be for
    /// only a rule can say.
    pub deliver: Option<Arc<[PlannedStep]>>,
    /// Not before this instant.
    pub not_before: Option<Timestamp>,
}

/// What a direct send says.
#[derive(Clone, Debug, PartialEq)]
pub enum SendContent {
    /// These words.
    Literal(Arc<ContentItem>),
    /// A template of the project, with the event's data.
    Template(Box<str>),
}

/// What became of a rule that listens to an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Considered {
    /// Which rule.
    pub rule: RuleId,
    /// Whether it fired.
    pub fired: Fired,
    /// The particulars of why not.
    pub text: Option<Box<str>>,
}

/// Whether a rule fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fired {
    /// For so many recipients at once; an audience that is walked later counts none here.
    Yes {
        /// How many.
        recipients: u32,
    },
    /// Its condition does not hold.
    NoMatch,
    /// Its condition or its recipient asks for a field that the data lacks.
    MissingField,
    /// Its condition cannot be computed on these data.
    Error,
    /// It names nobody.
    NoRecipient,
}

/// An audience that is walked in chunks, by recipient.
#[derive(Clone, Debug, PartialEq)]
pub struct FanOut {
    /// For which rule; none for a direct send.
    pub rule: Option<RuleId>,
    /// Who.
    pub audience: Audience,
    /// The last recipient that was walked.
    pub after: Option<RecipientId>,
    /// How many were planned.
    pub planned: u64,
    /// How large the audience was when it was accepted, if it could be counted.
    pub expected: Option<u64>,
    /// Whether the walk ended.
    pub finished: bool,
    /// Whether its sender ended it early.
    pub stopped: Option<Reason>,
}

/// A set of recipients that is asked for when it is walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Members of a topic.
    Topic(TopicId),
    /// Everybody in a segment.
    Segment(Box<str>),
}

impl Event {
    /// The event as CEL and templates see it, without its data.
    #[must_use]
    pub fn root(&self) -> Value {
        self.body.root()
    }
}

impl EventBody {
    /// The event as CEL and templates see it, without its data.
    #[must_use]
    pub fn root(&self) -> Value {
        serde_json::json!({
            "id": self.external_id,
            "source": self.source,
            "type": self.event_type,
            "recipient": self.recipient.as_ref().map(RecipientId::as_str),
            "time": self.time.to_string(),
            "extensions": self.extensions,
        })
    }
}
