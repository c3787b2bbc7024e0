//! `/v1/configuration`, `/v1/stop` and `/v1/stop-list`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{Channel, RuleId, Timestamp};

/// One version of the configuration. The body of `PUT` is the document as text, or `document` and `files` as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConfigurationResponse {
    /// Its number; 0 is the built-in one.
    pub version: u64,
    /// SHA-256 of it as a value.
    pub digest: String,
    /// When it was applied; null for the built-in one.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub applied_at: Option<Timestamp>,
    /// By which key.
    pub applied_by: Option<String>,
    /// The document as it was written.
    pub document: String,
    /// Its files by path.
    pub files: BTreeMap<String, String>,
}

/// A version in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VersionResponse {
    /// Its number.
    pub version: u64,
    /// SHA-256 of it as a value.
    pub digest: String,
    /// When it was applied.
    #[schema(value_type = String, format = DateTime)]
    pub applied_at: Timestamp,
    /// By which key.
    pub applied_by: String,
    /// Whether it is the live one.
    pub live: bool,
}

/// The answer to an apply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApplyResponse {
    /// The live version.
    pub version: u64,
    /// SHA-256 of it as a value.
    pub digest: String,
    /// False if the same document was live already.
    pub changed: bool,
    /// The project's label.
    pub project: String,
}

/// The answer to a check that found nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckResponse {
    /// SHA-256 of the document as a value.
    pub digest: String,
    /// How many categories it has.
    pub categories: usize,
    /// How many rules.
    pub rules: usize,
    /// How many templates.
    pub templates: usize,
    /// Whether it differs from the live one.
    pub changed: bool,
}

/// Goes back to an older version, which becomes the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackRequest {
    /// Which.
    pub version: u64,
}

/// What differs between two versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DifferencesResponse {
    /// The older side.
    pub from: u64,
    /// The newer side; null for a document that was sent.
    pub to: Option<u64>,
    /// In the order of the document.
    pub differences: Vec<DifferenceBody>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DifferenceBody {
    /// Where.
    pub pointer: String,
    /// `added`, `removed` or `changed`.
    pub kind: String,
    /// The value before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The value after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// Asks how a template reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// Which template of the live configuration, or of `document`.
    #[schema(min_length = 1, max_length = 128)]
    pub template: String,
    /// For which language; absent: the project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub locale: Option<String>,
    /// What it reads as `data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// What it reads as `recipient.attributes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<Value>,
    /// A document that is not applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// Its files by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

/// Turns the stop switch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopRequest {
    /// On or off.
    pub stopped: bool,
    /// Only this rule; absent: the whole project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub rule: Option<RuleId>,
    /// As an answer has it; not looked at, because single rules are stopped one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub rules: Option<BTreeSet<RuleId>>,
}

/// What is stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StopResponse {
    /// The whole project; in the answer about one rule, that rule.
    pub stopped: bool,
    /// The one rule that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub rule: Option<RuleId>,
    /// Single rules.
    #[schema(value_type = Vec<String>)]
    pub rules: BTreeSet<RuleId>,
}

/// An address that is never to be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopEntryRequest {
    /// On which channel.
    #[schema(value_type = String)]
    pub channel: Channel,
    /// The address.
    #[schema(min_length = 1, max_length = 4096)]
    pub address: String,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 512)]
    pub reason: String,
}

/// An entry of the stop list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StopEntryResponse {
    /// The relay's id.
    pub id: String,
    /// On which channel.
    #[schema(value_type = String)]
    pub channel: Channel,
    /// The address.
    pub address: String,
    /// Why.
    pub reason: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}
