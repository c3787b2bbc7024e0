//! `/v1/recipients`, with consent, preferences and endpoints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::named;
use crate::item::QuietHoursItem;
use crate::{CategoryId, Channel, Decision, EntryId, NotificationId, RecipientId, Timestamp};

/// A recipient, whole: `PUT` clears what is not named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipientRequest {
    /// As the path has it, so that an answer can be put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub id: Option<RecipientId>,
    /// An IANA zone; absent: the project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64, example = "Asia/Shanghai")]
    pub time_zone: Option<String>,
    /// A BCP 47 tag; absent: the project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64, example = "zh-Hans")]
    pub locale: Option<String>,
    /// What the backend knows; at most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<Value>,
}

/// A change of a recipient (RFC 7396): what is absent stays, null clears.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipientPatch {
    /// As the path has it, so that an answer can be sent back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub id: Option<RecipientId>,
    /// An IANA zone, or null for the project's.
    #[serde(default, deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub time_zone: Option<Option<String>>,
    /// A BCP 47 tag, or null for the project's.
    #[serde(default, deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub locale: Option<Option<String>>,
    /// Merged into what is known.
    #[serde(default, deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<Option<Value>>,
}

/// A recipient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecipientResponse {
    /// The backend's id.
    #[schema(value_type = String)]
    pub id: RecipientId,
    /// An IANA zone; null: the project's.
    pub time_zone: Option<String>,
    /// A BCP 47 tag; null: the project's.
    pub locale: Option<String>,
    /// What the backend knows.
    #[schema(value_type = Object)]
    pub attributes: Value,
}

/// An address on a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointRequest {
    /// As the path has it, so that an answer can be put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub channel: Option<Channel>,
    /// As an answer has it; not looked at, because the stop list says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<bool>,
    /// The address.
    #[schema(min_length = 1, max_length = 4096)]
    pub address: String,
    /// Whether it is known to be the recipient's.
    #[serde(default)]
    pub verified: bool,
}

/// An address on a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EndpointResponse {
    /// On which channel.
    #[schema(value_type = String)]
    pub channel: Channel,
    /// The address.
    pub address: String,
    /// Whether it is known to be the recipient's.
    pub verified: bool,
    /// Whether it is on the stop list.
    pub stopped: bool,
}

/// A decision on consent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentRequest {
    /// `granted`, `refused` or `withdrawn`.
    #[schema(value_type = String)]
    pub decision: Decision,
    /// On which category.
    #[schema(value_type = String)]
    pub category: CategoryId,
    /// On which channels; absent: all that the category has.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "crate::vocabulary::named_channels"
    )]
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 5)]
    pub channels: Vec<Channel>,
    /// To which policy it refers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub policy_version: Option<String>,
    /// The text that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4000)]
    pub text_shown: Option<String>,
    /// How it came about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected: Option<CollectedBody>,
}

/// How a decision came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectedBody {
    /// `signup_form`, `device` …
    #[schema(min_length = 1, max_length = 128)]
    pub how: String,
    /// When the recipient decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// In which language the text was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub locale: Option<String>,
    /// By which device or operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub by: Option<String>,
}

/// What holds for a category and channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConsentStateBody {
    /// Which category.
    #[schema(value_type = String)]
    pub category: CategoryId,
    /// Which channel.
    #[schema(value_type = String)]
    pub channel: Channel,
    /// Whether it is granted.
    pub granted: bool,
    /// What was decided last.
    #[schema(value_type = String)]
    pub decision: Decision,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// The answer to a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConsentResponse {
    /// The entry of the ledger.
    #[schema(value_type = String)]
    pub entry: EntryId,
    /// SHA-256 of the entry.
    pub hash: String,
    /// SHA-256 of the entry before it in the recipient's chain.
    pub previous: String,
    /// What holds now for what was decided on.
    pub state: Vec<ConsentStateBody>,
    /// Where the receipt is.
    pub receipt: String,
    /// What was handed over before it could be stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub too_late: Vec<NotificationId>,
}

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConsentEntryResponse {
    /// The relay's id.
    #[schema(value_type = String)]
    pub entry: EntryId,
    /// Its place in the chain, from 1.
    pub number: u64,
    /// When the relay wrote it.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What was decided.
    #[schema(value_type = String)]
    pub decision: Decision,
    /// On which category.
    #[schema(value_type = String)]
    pub category: CategoryId,
    /// On which channels.
    #[schema(value_type = Vec<String>)]
    pub channels: Vec<Channel>,
    /// To which policy it refers.
    pub policy_version: Option<String>,
    /// The text that was shown.
    pub text_shown: Option<String>,
    /// How it came about.
    pub collected: Option<CollectedBody>,
    /// SHA-256 over the salted personal fields.
    pub commitment: String,
    /// SHA-256 of the entry before.
    pub previous: String,
    /// SHA-256 of this entry.
    pub hash: String,
    /// Where the receipt is.
    pub receipt: String,
}

/// What a recipient likes: `PUT` replaces what is named and forgets choices that are not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreferencesRequest {
    /// Wanted or not, by category and channel.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, BTreeMap<String, bool>>)]
    pub categories: BTreeMap<CategoryId, BTreeMap<Channel, bool>>,
    /// Own quiet hours, or null for the project's.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub quiet_hours: Option<QuietHoursItem>,
    /// Until when everything that may wait waits, or null.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paused_until: Option<Timestamp>,
    /// Whether the relay may learn from what the recipient does; absent: as it was, because silence takes no objection
    /// back.
    #[serde(default)]
    pub profiling: Option<bool>,
}

/// What a recipient likes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PreferencesResponse {
    /// Wanted or not, by category and channel; what is absent was never chosen.
    #[schema(value_type = BTreeMap<String, BTreeMap<String, bool>>)]
    pub categories: BTreeMap<CategoryId, BTreeMap<Channel, bool>>,
    /// Own quiet hours; null: the project's.
    #[schema(value_type = Option<Object>)]
    pub quiet_hours: Option<QuietHoursItem>,
    /// Until when everything that may wait waits.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paused_until: Option<Timestamp>,
    /// Whether the relay may learn from what the recipient does.
    pub profiling: bool,
}
