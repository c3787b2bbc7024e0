//! Projects, keys, secrets, the books and the feed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{Channel, NotificationId, ProjectId, RecipientId, Timestamp};

/// Makes a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectRequest {
    /// Its label, unique on the relay.
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectResponse {
    /// Its id, which stays when it is renamed.
    #[schema(value_type = String)]
    pub id: ProjectId,
    /// Its label.
    pub name: String,
    /// The live version; 0 is the built-in one.
    pub configuration: u64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Its first key, shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// An account behind a channel, and how it is doing on the node that answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProviderResponse {
    /// Its name in the document; `webpush` is built in.
    pub name: String,
    /// The channel that it serves.
    #[schema(value_type = String)]
    pub channel: Channel,
    /// How it is spoken to.
    pub kind: String,
    /// `closed`: deliveries go. `open`: it failed again and again, and rests. `half_open`: one is let through to see.
    pub breaker: String,
    /// Deliveries that are with it now.
    pub under_way: u64,
    /// What one hand-over costs, in the project's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Hand-overs a second that it allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
}

/// Makes a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// What an operator calls it.
    #[serde(default)]
    #[schema(max_length = 128)]
    pub label: String,
    /// What it may do; absent: all that the asking key may. Never more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 8)]
    pub scopes: Option<Vec<String>>,
    /// Everything but the hand-over.
    #[serde(default)]
    pub sandbox: bool,
}

/// A key, without its secret unless it was just made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyResponse {
    /// Its id, which is not secret.
    pub id: String,
    /// What an operator calls it.
    pub label: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Everything but the hand-over.
    pub sandbox: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// The key itself, shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// The keys that the relay signs access tokens and receipts with, after an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SigningKeysResponse {
    /// The `kid` of the key that signs.
    pub kid: String,
    /// The `kid` of the one before: what it signed stays good.
    pub previous: String,
}

/// Sets a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRequest {
    /// The value; it can never be read back.
    #[schema(min_length = 1, max_length = 16384)]
    pub value: String,
}

/// Every term of the three equations, and what they leave over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AccountingResponse {
    /// accepted = open + done
    pub events: LedgerBody,
    /// made = every state
    pub notifications: LedgerBody,
    /// made = every state
    pub deliveries: LedgerBody,
    /// What the three leave over together, counters and recounts; 0 if the books balance.
    pub residue: i64,
    /// Pending notifications that nothing moves.
    #[schema(value_type = Vec<String>)]
    pub stuck: Vec<NotificationId>,
    /// When it was counted.
    #[schema(value_type = String, format = DateTime)]
    pub as_of: Timestamp,
}

/// One equation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerBody {
    /// `accepted` or `made`, and each state.
    #[serde(flatten)]
    pub terms: BTreeMap<String, i64>,
}

/// Where a hook stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HookResponse {
    /// Its name in the document.
    pub name: String,
    /// `up`, `failing` while calls fail and are repeated, `gone` after a 410 until the document changes, `new` before
    /// the relay has looked at it.
    pub state: String,
    /// The place in the feed up to which it was told, as `after` of `/v1/changes` takes it; absent for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
    /// Calls for the next entry that failed, one after the other.
    pub failed: u32,
    /// When the next call is made, if one failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    /// What the last one came to, if it failed: `http_503`, `timeout`, `not_public` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// An entry of the project's feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangeResponse {
    /// What happened: `receipt.read`, `notification.final` …
    pub kind: String,
    /// About whom.
    #[schema(value_type = String)]
    pub recipient: RecipientId,
    /// About which notification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub notification: Option<NotificationId>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The particulars: ids and words.
    #[schema(value_type = Object)]
    pub detail: Value,
}
