//! What holds for a project as a whole: channels, providers, hooks, alerts, retention, tokens.

use std::sync::Arc;

use tidings_protocol::{RecipientId, Span, TopicId};

use super::CapRule;

/// The name of a secret. Its value is looked up when it is used, and never stored, shown or compared here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretName(pub Arc<str>);

/// What holds for a channel as a whole.
#[derive(Clone, Debug, Default)]
pub struct ChannelSettings {
    /// What a push carries.
    pub content: PushContent,
    /// In the order in which they are tried; empty: every provider of the channel, cheapest first.
    pub providers: Vec<String>,
    /// How many a recipient gets on it.
    pub cap: Option<CapRule>,
    /// How much may be spent on it.
    pub budget: Option<Budget>,
}

/// What a push carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushContent {
    /// Only the word to look; the device fetches the rest.
    #[default]
    None,
    /// The title.
    Title,
    /// Title, body and link.
    Full,
}

/// How much may be spent, in the project's currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// A day in the project's zone.
    pub day: Option<f64>,
    /// An ISO week in the project's zone.
    pub week: Option<f64>,
    /// A month in the project's zone.
    pub month: Option<f64>,
}

/// A URL of the backend that hears what became of notifications.
#[derive(Clone, Debug)]
pub struct Hook {
    /// http or https.
    pub url: String,
    /// What it hears; never empty.
    pub on: Vec<HookEvent>,
    /// The secret that signs each call.
    pub signing: Option<SecretName>,
}

/// A kind of entry in the project's feed, like `receipt.acted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HookEvent(pub &'static str);

/// Who is told when something is wrong.
#[derive(Clone, Debug)]
pub struct Alerts {
    /// Who.
    pub notify: AlertsTo,
    /// Of what; never empty.
    pub on: Vec<Alert>,
}

/// Who is told when something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertsTo {
    /// The members of a topic.
    Topic(TopicId),
    /// Everybody in a segment of the same document.
    Segment(String),
    /// These; never empty.
    Recipients(Vec<RecipientId>),
}

/// What an operator wants to know at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alert {
    /// An equation of the books leaves something over.
    Residue,
    /// Deliveries died.
    DeadLetters,
    /// A provider does not answer.
    ProviderDown,
    /// A budget is spent.
    Budget,
    /// A plan ended and nobody acknowledged.
    Unacknowledged,
    /// People stopped opening what a category sends.
    ClickRateLow,
}

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Final notifications in an inbox.
    pub inbox: Span,
    /// Events.
    pub events: Span,
    /// Stories.
    pub story: Span,
}

impl Default for Retention {
    fn default() -> Self {
        Self { inbox: Span::from_days(90), events: Span::from_days(30), story: Span::from_days(180) }
    }
}

/// Who may sign for devices.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// Public halves, each with its own id.
    pub keys: Vec<TokenKey>,
    /// A shared secret for development.
    pub development: Option<SecretName>,
}

/// The public half of a key that signs for devices.
#[derive(Clone, Debug)]
pub struct TokenKey {
    /// Its id, which a token's header names.
    pub kid: String,
    /// The one algorithm that this key is used with.
    pub algorithm: TokenAlgorithm,
    /// PEM.
    pub public: String,
}

/// A signature algorithm of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// Ed25519.
    EdDsa,
    /// P-256 with SHA-256.
    Es256,
    /// RSA with SHA-256.
    Rs256,
}
