//! What a page of changes carries: notifications, retractions, settings.

mod fields;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::fields::Fields;
use crate::tagged::{self, Tagged};
use crate::{
    CategoryId, Channel, Cursor, Decision, LegalClass, NotificationId, Priority, RecipientId, Stamp,
    Timestamp,
};

/// One change of an inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "kind", rename_all = "snake_case")]
pub enum Item {
    /// A notification that is new or changed.
    Notification(Box<NotificationItem>),
    /// A notification that must not be shown any more.
    Retracted {
        /// Which one.
        id: NotificationId,
    },
    /// The recipient's settings, whole.
    Settings(Box<SettingsItem>),
    /// Everything up to a place in the inbox was read.
    ReadUpTo {
        /// The place as a cursor, as it was asked for.
        cursor: Cursor,
        /// What it reads.
        #[serde(flatten)]
        watermark: Watermark,
    },
    /// The recipient was erased: wipe everything.
    Erased,
    /// A kind that this version does not know; skipped.
    #[serde(other)]
    Unknown,
}

impl Tagged for Item {
    const TAG: &'static str = "kind";
    const LARGEST: &'static str = "notification";
    type Largest = Box<NotificationItem>;

    fn largest(item: Box<NotificationItem>) -> Self {
        Self::Notification(item)
    }

    fn any<'de, D: Deserializer<'de>>(fields: D) -> Result<Self, D::Error> {
        Self::deserialize(fields)
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        tagged::deserialize(deserializer)
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

/// A notification as a device stores it. Text is plain, never markup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Fields")]
pub struct NotificationItem {
    /// The relay's id.
    pub id: NotificationId,
    /// Where it came into the inbox, rising in each epoch; it stays when the notification changes.
    pub place: u64,
    /// What it is about.
    pub category: CategoryId,
    /// How urgent it is; an unknown word reads as normal.
    pub priority: Priority,
    /// What it says.
    #[serde(flatten)]
    pub content: ContentItem,
    /// A newer notification with the same key replaces this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collapse: Option<String>,
    /// Whether the sender waits for an acknowledgement.
    pub needs_acknowledgement: bool,
    /// Which showing this is: each round may be shown once per device.
    pub round: u32,
    /// Why the recipient got it.
    pub because: Because,
    /// When the relay made it.
    pub created_at: Timestamp,
    /// After this instant it is not shown any more.
    pub expires_at: Timestamp,
    /// What the recipient did with it.
    pub view: View,
}

/// The words of a notification; the same for everyone who gets the same text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentItem {
    /// One line.
    pub title: String,
    /// Some lines, or nothing.
    #[serde(default)]
    pub body: String,
    /// Where a click leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// A small picture's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// A large picture's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What can be done from the notification.
    #[serde(default)]
    pub actions: Vec<ActionItem>,
}

/// One button of a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionItem {
    /// The sender's id for it; comes back in the receipt.
    pub id: String,
    /// What the button says.
    pub label: String,
    /// Where it leads, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Whether choosing it also acknowledges the notification.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acknowledges: bool,
}

/// Why a recipient got a notification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Because {
    /// The rule, if one decided.
    pub rule: Option<String>,
    /// The type of the event behind it, if any.
    pub event_type: Option<String>,
    /// A sentence for the recipient.
    pub text: String,
}

/// Everything up to a place was read in one go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// Notifications that came into the inbox at or before this place.
    pub place: u64,
    /// When, and by which operation.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Only this category, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<CategoryId>,
}

impl Watermark {
    /// Whether it makes an unread notification read: one at or before its place, unless that was marked unread by a
    /// later word. Relay and device both ask this, so that they never part.
    #[must_use]
    pub fn reads(&self, place: u64, category: &CategoryId, unread: Option<&Stamp>) -> bool {
        place <= self.place
            && self.category.as_ref().is_none_or(|only| only == category)
            && unread.is_none_or(|unread| *unread < self.stamp)
    }
}

/// What the recipient did with a notification, on any device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// When it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// When, and by which operation, it was marked unread; only on one that is unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Stamp>,
    /// When it was archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// Until when it sleeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<Timestamp>,
    /// When it was acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Timestamp>,
}

/// A recipient's settings as the relay has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsItem {
    /// Who and where the recipient is.
    pub profile: ProfileItem,
    /// Every category of the project.
    pub categories: Vec<CategoryItem>,
    /// What the project says about consent.
    pub policy: Option<PolicyItem>,
    /// The recipient's own quiet hours; none means the project's.
    pub quiet_hours: Option<QuietHoursItem>,
    /// Until when the recipient paused everything that may be paused.
    pub paused_until: Option<Timestamp>,
    /// Whether the relay may learn from what the recipient does. A relay that does not say it learns nothing yet.
    #[serde(default = "allowed")]
    pub profiling: bool,
}

const fn allowed() -> bool {
    true
}

impl Default for SettingsItem {
    fn default() -> Self {
        Self {
            profile: ProfileItem::default(),
            categories: Vec::new(),
            policy: None,
            quiet_hours: None,
            paused_until: None,
            profiling: allowed(),
        }
    }
}

/// Who and where a recipient is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileItem {
    /// The recipient's id.
    pub recipient: Option<RecipientId>,
    /// An IANA zone, if known.
    pub time_zone: Option<String>,
    /// A BCP 47 tag, if known.
    pub locale: Option<String>,
}

/// One category as its recipient sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryItem {
    /// The category.
    pub id: CategoryId,
    /// Its name in the recipient's language.
    pub name: String,
    /// Which law it falls under.
    pub legal: LegalClass,
    /// `contract` or `consent`; for marketing always `consent`, for essential `none`.
    pub basis: String,
    /// The channels it may use.
    pub channels: Vec<Channel>,
    /// Whether the recipient wants it, by channel.
    pub chosen: BTreeMap<Channel, bool>,
    /// What the recipient decided, by channel; a channel without a decision is absent.
    pub consent: BTreeMap<Channel, Decision>,
}

/// The policy that a consent refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyItem {
    /// Its version; a grant names it.
    pub version: String,
    /// Where it can be read whole.
    pub url: Option<String>,
    /// The text to show, in the recipient's language.
    pub text: String,
}

/// Quiet hours as a recipient sets them. No spans means: never quiet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHoursItem {
    /// The quiet spans of a week.
    pub spans: Vec<QuietSpanItem>,
    /// An IANA zone; none means the recipient's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// One quiet span of a day, possibly across midnight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietSpanItem {
    /// Local time of day, `22:00`.
    pub from: String,
    /// Local time of day, `08:00`; earlier than `from` means the next day.
    pub to: String,
    /// On which days it begins (`mon` … `sun`); none means every day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Vec<String>>,
}
