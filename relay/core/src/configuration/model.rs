//! A project's configuration as a value: what a checked document means, with every expression and template compiled.
//!
//! Nothing here is ever changed after the check. A decision names the `version` that it was made with. The types are
//! not serialised: the document is what is stored and sent, and the check makes this value from it again.

mod provider;
mod rule;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use tidings_protocol::{CategoryId, Channel, LegalClass, Priority, RuleId, Span};

pub use self::provider::{
    Account, ApnsAccount, FcmAccount, HttpAccount, Provider, PushService, SmtpAccount, SmtpTls,
    WebhookAccount, WebpushAccount, http,
};
pub use self::rule::{
    CancelOn, Cohort, Conversion, Digest, DigestTrigger, Notify, OncePer, Repeat, Rule, SendPlan, Step,
    ThrottleRule, Unless, Variant, Winner, WinnerMeasure,
};
pub use self::settings::{
    Alert, Alerts, AlertsTo, Budget, ChannelSettings, Hook, HookEvent, PushContent, Retention, SecretName,
    TokenAlgorithm, TokenKey, Tokens,
};
use super::learns::Learns;
use crate::calendar::Zone;
use crate::cap::Cap;
use crate::expression::Expression;
use crate::quiet_hours::QuietHours;
use crate::template::{Locale, Template};

/// One version of a project's document, checked and compiled.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Given when it was applied; rises by one with each apply of a project.
    pub version: u64,
    /// SHA-256 in lower-case hexadecimal of the document as a value: comments, key order and layout do not matter.
    pub digest: String,
    /// The document as it was written.
    pub source: Arc<str>,
    /// Who and where the project is.
    pub project: ProjectSettings,
    /// The text that a consent refers to.
    pub policy: Option<Policy>,
    /// Events whose history is kept, by type.
    pub collect: BTreeMap<String, Collect>,
    /// Accounts behind channels, by name.
    pub providers: BTreeMap<String, Provider>,
    /// What holds for a channel as a whole. A channel that is not named has none of it.
    pub channels: BTreeMap<Channel, ChannelSettings>,
    /// What notifications are about.
    pub categories: BTreeMap<CategoryId, Category>,
    /// The cap over all categories and channels.
    pub caps: Option<CapRule>,
    /// When recipients are left alone.
    pub quiet_hours: Option<QuietSettings>,
    /// Named conditions over recipients.
    pub segments: BTreeMap<String, Segment>,
    /// Who is told what, when.
    pub rules: BTreeMap<RuleId, Arc<Rule>>,
    /// The rules that an event type may fire, in order of their ids.
    pub rules_by_event: BTreeMap<String, Vec<RuleId>>,
    /// The rules whose notifications an event type may cancel, in order of their ids.
    pub cancels_by_event: BTreeMap<String, Vec<RuleId>>,
    /// The rules whose notifications an event type may convert, in order of their ids.
    pub conversions_by_event: BTreeMap<String, Vec<RuleId>>,
    /// The name of each set of variants that a rule has: another name, if what is compared is another.
    pub trials: BTreeMap<RuleId, Box<str>>,
    /// What is said, by template name.
    pub templates: BTreeMap<String, Arc<Template>>,
    /// URLs of the backend that hear what became of notifications, by name.
    pub hooks: BTreeMap<String, Hook>,
    /// Who is told when something is wrong.
    pub alerts: Option<Alerts>,
    /// How long things are kept.
    pub retention: Retention,
    /// Who may sign for devices.
    pub tokens: Option<Tokens>,
    /// What it makes use of, so that it has to be learned.
    pub learns: Learns,
}

impl Configuration {
    /// The version of the policy that a consent must refer to.
    #[must_use]
    pub fn policy_version(&self) -> Option<&str> {
        self.policy.as_ref().and_then(|policy| policy.version.as_deref())
    }

    /// Whether any rule has variants to compare.
    #[must_use]
    pub fn has_trials(&self) -> bool {
        !self.trials.is_empty()
    }

    /// Whether any cap moves with what recipients answer, so that it has to be counted.
    #[must_use]
    pub fn adapts(&self) -> bool {
        let categories = self.categories.values().filter_map(|category| category.cap.as_ref());
        let channels = self.channels.values().filter_map(|channel| channel.cap.as_ref());
        self.caps.iter().chain(categories).chain(channels).any(|cap| cap.adapt.is_some())
    }
}

/// Who and where the project is.
#[derive(Clone, Debug)]
pub struct ProjectSettings {
    /// A label; which project a document belongs to is decided by the key.
    pub name: String,
    /// The last fallback of every template.
    pub locale: Locale,
    /// The zone of a recipient whose own is not known.
    pub time_zone: Zone,
    /// ISO 4217, of budgets and costs.
    pub currency: String,
    /// What an event for somebody never seen does.
    pub unknown_recipient: UnknownRecipient,
}

/// What an event for somebody never seen does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownRecipient {
    /// Makes the recipient.
    Create,
    /// Is suppressed.
    Refuse,
}

/// The text that a consent refers to.
#[derive(Clone, Debug)]
pub struct Policy {
    /// A consent is current only if it names this version.
    pub version: Option<String>,
    /// Where the text can be read in full.
    pub url: Option<String>,
    /// What a device shows beside the question.
    pub text: BTreeMap<Locale, String>,
    /// Whether service categories need a grant too. [`Category::basis`] has it applied already.
    pub strict: bool,
}

/// An event type whose history is kept.
#[derive(Clone, Debug)]
pub struct Collect {
    /// Whom the event is about.
    pub recipient: Expression,
    /// How long it is kept.
    pub keep: Span,
}

/// What a notification is about; the unit of preference and consent.
#[derive(Clone, Debug)]
pub struct Category {
    /// What people read. Empty if the document gives none: then the id stands for it.
    pub name: BTreeMap<Locale, String>,
    /// Which law it falls under.
    pub legal: LegalClass,
    /// What it rests on: for service categories as the document says, with `policy.strict` applied.
    pub basis: Basis,
    /// How urgent its notifications are unless a rule or send says otherwise.
    pub priority: Priority,
    /// The channels of a notification whose rule has no plan, in the document's order; never empty.
    pub channels: Vec<Channel>,
    /// How many a recipient gets of it.
    pub cap: Option<CapRule>,
    /// Where what is over the cap is collected.
    pub digest: Option<Digest>,
    /// What of its mails is counted.
    pub count: Count,
}

/// What is counted of a category's mails. Nothing, unless the document asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Which links were followed.
    pub links: bool,
    /// Whether it was opened, as far as a picture tells.
    pub opens: bool,
}

/// What a service category rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The contract: no consent is needed.
    Contract,
    /// The recipient's grant.
    Consent,
}

/// A cap and what happens over it.
#[derive(Clone, Debug)]
pub struct CapRule {
    /// How many a day and a week, in the recipient's calendar.
    pub cap: Cap,
    /// What happens to the next one.
    pub over: Over,
    /// Bounds between which the cap follows the recipient's own response rate.
    pub adapt: Option<Adapt>,
}

/// Bounds of a cap that moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adapt {
    /// Never below.
    pub min: u32,
    /// Never above.
    pub max: u32,
}

/// What happens to what is over a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// It waits for the next period.
    Defer,
    /// It joins the open digest.
    Digest,
    /// It is not sent.
    Suppress,
}

/// When recipients are left alone.
#[derive(Clone, Debug)]
pub struct QuietSettings {
    /// For a recipient who chose none.
    pub default: Option<QuietHours>,
    /// Priorities that pass, in order of urgency.
    pub pass: Vec<Priority>,
}

/// A condition over recipients, computed when it is asked and never stored as a list.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Who belongs to it.
    pub when: Expression,
}
