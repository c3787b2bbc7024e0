//! A rule and its parts.

use tidings_protocol::{CategoryId, Channel, Priority, RuleId, Span, TopicId};

use super::Over;
use crate::calendar::{TimeOfDay, Weekday};
use crate::expression::Expression;
use crate::selection::Percent;
use crate::send_window::SendWindow;
use crate::throttle::Throttle;

/// On an event type, under a condition: who is told of what, how and when.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name in the document.
    pub id: RuleId,
    /// The event type that it listens to.
    pub on: String,
    /// It fires only if this holds; absent: always.
    pub when: Option<Expression>,
    /// Who is told.
    pub notify: Notify,
    /// What it is about; always a category of the same document.
    pub category: CategoryId,
    /// What is said; always a template of the same document. Absent only if `variants` name theirs, or if the rule
    /// has only a digest with a template of its own.
    pub template: Option<String>,
    /// What the notification is about in the recipient's interests.
    pub tags: Option<Expression>,
    /// Reaches a recipient once for each value.
    pub once_per: Option<OncePer>,
    /// A newer one of the same value replaces the older.
    pub collapse: Option<Expression>,
    /// When it is no longer worth sending.
    pub expires: Option<Span>,
    /// How long it waits first.
    pub delay: Option<Span>,
    /// When the operator wants it sent.
    pub send: Option<SendPlan>,
    /// Events after which it is no longer true.
    pub cancel_on: Vec<CancelOn>,
    /// How often one recipient gets it.
    pub throttle: Option<ThrottleRule>,
    /// Collects several into one.
    pub digest: Option<Digest>,
    /// Who gets the rule at all.
    pub cohort: Option<Cohort>,
    /// Who is left out to compare.
    pub holdout: Option<Percent>,
    /// Which template a recipient gets, in order of the names; empty: `template`.
    pub variants: Vec<Variant>,
    /// When one variant takes all.
    pub winner: Option<Winner>,
    /// What counts as success.
    pub conversion: Option<Conversion>,
    /// The plan; absent: the category's channels in one step. Never empty.
    pub deliver: Option<Vec<Step>>,
    /// Absent: the category's.
    pub priority: Option<Priority>,
}

/// Who is told.
#[derive(Clone, Debug)]
pub enum Notify {
    /// The event's own `recipient`.
    Event,
    /// An id or a list of ids.
    Expression(Expression),
    /// The members of a topic.
    Topic(TopicId),
    /// Everybody in a segment of the same document.
    Segment(String),
}

/// Reaches a recipient once for each value of `key`.
#[derive(Clone, Debug)]
pub struct OncePer {
    /// The value.
    pub key: Expression,
    /// How long it is remembered: 30 days unless told.
    pub within: Span,
}

/// When the operator wants it sent.
#[derive(Clone, Debug)]
pub struct SendPlan {
    /// Hours and days, in the recipient's zone.
    pub window: Option<SendWindow>,
    /// At the hour at which the recipient answers best, within the window.
    pub best_hour: bool,
    /// Sent then anyway, quiet hours excepted.
    pub latest: Option<Span>,
}

/// An event after which a notification is no longer true.
#[derive(Clone, Debug)]
pub struct CancelOn {
    /// Its type.
    pub event: String,
    /// Evaluated on both events; equal values of equal type match. Absent: the recipient alone.
    pub match_key: Option<Expression>,
}

/// How often one recipient gets a rule.
#[derive(Clone, Debug)]
pub struct ThrottleRule {
    /// How many in which time.
    pub throttle: Throttle,
    /// Counted for each value; absent: for the rule and recipient.
    pub key: Option<Expression>,
    /// What happens to the next one.
    pub over: Over,
}

/// Collects several notifications into one.
#[derive(Clone, Debug)]
pub struct Digest {
    /// One digest for each value; absent: one for the rule or category and recipient.
    pub key: Option<Expression>,
    /// When it is sent.
    pub trigger: DigestTrigger,
    /// Sent early when it has this many.
    pub max: Option<u32>,
    /// What is said; absent: the rule's template, with `digest` set.
    pub template: Option<String>,
}

/// When a digest is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DigestTrigger {
    /// So long after its first member.
    Window(Span),
    /// At the next of these, in the recipient's zone.
    At {
        /// Empty: every day.
        days: Vec<Weekday>,
        /// The local time.
        time: TimeOfDay,
    },
}

/// Who gets a rule at all.
#[derive(Clone, Debug)]
pub struct Cohort {
    /// The share of recipients, by a stable hash.
    pub percent: Percent,
    /// Members of this topic get it besides.
    pub include: Option<TopicId>,
}

/// One of several wordings.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name in the document.
    pub name: String,
    /// Its share among the weights of all; at least 1.
    pub weight: u32,
    /// What is said.
    pub template: String,
}

/// When one variant takes all.
#[derive(Clone, Debug)]
pub struct Winner {
    /// What is compared.
    pub by: WinnerMeasure,
    /// Displays that each variant must have had.
    pub after: u64,
    /// How sure, between 0.5 and 1.
    pub confidence: f64,
}

/// What variants are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WinnerMeasure {
    /// The rule's `conversion`.
    Conversion,
    /// The receipt `clicked`.
    Click,
    /// The receipt `read`.
    Read,
}

impl WinnerMeasure {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Conversion, Self::Click, Self::Read];

    /// The word of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conversion => "conversion",
            Self::Click => "click",
            Self::Read => "read",
        }
    }
}

/// What counts as success of a notification.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// An event of this type for the same recipient …
    pub event: String,
    /// … within this time after it was shown.
    pub within: Span,
    /// … and whose value is equal to the firing event's.
    pub match_key: Option<Expression>,
}

/// One rung of a plan.
#[derive(Clone, Debug)]
pub struct Step {
    /// Never empty, each named once.
    pub channels: Vec<Channel>,
    /// Counted from the moment the notification left its holds; absent in the first step: at once.
    pub after: Option<Span>,
    /// Left out if this was received for the notification on any device.
    pub unless: Option<Unless>,
    /// Somebody else, who gets a linked notification.
    pub notify: Option<Expression>,
    /// Shows the same notification again.
    pub repeat: Option<Repeat>,
}

/// What makes a step needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unless {
    /// It is durable on a device.
    Received,
    /// The operating system showed it.
    Displayed,
    /// The recipient opened it.
    Read,
    /// The recipient confirmed it.
    Acknowledged,
}

/// Shows the same notification again, round by round.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// The pause between rounds.
    pub every: Span,
    /// At most so many rounds more.
    pub times: u32,
    /// Ends when this was received.
    pub until: Unless,
}
