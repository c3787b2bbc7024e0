//! What acts carry.

use std::collections::BTreeMap;

use serde_json::Value;
use tidings_protocol::item::QuietHoursItem;
use tidings_protocol::{CategoryId, Channel, Decision, DeviceId, RecipientId, Timestamp, TopicId};

use crate::model::Collected;
use crate::sms::{SmsWord, Taken};

/// What became of a delivery after the provider had taken it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The mailbox or phone has it.
    Received,
    /// It came back for good, with the word of whoever sent it back.
    Bounced(Box<str>),
    /// It came back for now, or somebody complained: only the story tells it.
    Told(Box<str>),
    /// A program opened a mail, or followed a link of it: who, and whether it followed. It counts for nothing but itself.
    Program {
        /// What kind of program.
        what: Box<str>,
        /// Whether it followed a link.
        followed: bool,
    },
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
    /// Which revision must be the current one.
    pub if_revision: Option<IfRevision>,
}

/// Which revision must be the current one (RFC 9110, section 13.1). 0 is that of what is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfRevision {
    /// One of these.
    Of(Vec<u64>),
    /// Whichever, of what is there.
    Any,
    /// It must not be there.
    Absent,
}

impl IfRevision {
    /// Whether it holds for what has this revision; none if it is not there.
    #[must_use]
    pub fn holds(&self, current: Option<u64>) -> bool {
        match self {
            Self::Of(revisions) => current.is_some_and(|current| revisions.contains(&current)),
            Self::Any => current.is_some(),
            Self::Absent => current.is_none(),
        }
    }
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
