//! `/v1/events`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::StoppedBy;
use crate::{
    EventId, EventState, Gate, NotificationId, NotificationState, Reason, RecipientId, RuleId, Timestamp,
    Verdict,
};

/// A fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventRequest {
    /// What kind of fact: `order.paid`.
    #[serde(rename = "type")]
    #[schema(min_length = 1, max_length = 128)]
    pub event_type: String,
    /// The backend's own id: with `source` it makes the event unique for 7 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 128)]
    pub id: Option<String>,
    /// The place that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 512)]
    pub source: Option<String>,
    /// About whom; optional if the rule names somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128)]
    pub recipient: Option<RecipientId>,
    /// When it happened, from 30 days ago to 5 minutes ahead; absent: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub time: Option<Timestamp>,
    /// The particulars: at most 64 KiB and 32 levels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// The answer to events: counts, and one result for each event in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventsResponse {
    /// On disk.
    pub accepted: u64,
    /// Accepted before.
    pub duplicate: u64,
    /// Not accepted.
    pub rejected: u64,
    /// In the order of the request.
    pub results: Vec<EventResult>,
}

/// What became of one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum EventResult {
    /// It is on disk.
    Accepted {
        /// The relay's id.
        #[schema(value_type = String)]
        event: EventId,
        /// The version that decided.
        configuration: u64,
        /// What it made, stopped ones too.
        notifications: Vec<MadeBody>,
        /// Rules that listen to its type and did not fire.
        rules_not_fired: Vec<RuleConsidered>,
        /// Audiences that are walked after the answer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        fan_outs: Vec<FanOutBody>,
        /// Notifications that it cancelled.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[schema(value_type = Vec<String>)]
        cancelled: Vec<NotificationId>,
        /// Notifications of which it is the conversion.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[schema(value_type = Vec<String>)]
        converted: Vec<NotificationId>,
        /// `no_rule` if no rule listens to its type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// It was accepted before.
    Duplicate {
        /// The first one's id.
        #[schema(value_type = String)]
        event: EventId,
    },
    /// It was not accepted.
    Rejected {
        /// The stable word.
        code: String,
        /// Where in the event, as a JSON pointer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pointer: Option<String>,
        /// What is wrong, with the line or place in the request.
        detail: String,
    },
}

/// A notification that an event made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MadeBody {
    /// The relay's id.
    #[schema(value_type = String)]
    pub id: NotificationId,
    /// By which rule.
    #[schema(value_type = Option<String>)]
    pub rule: Option<RuleId>,
    /// For whom.
    #[schema(value_type = String)]
    pub recipient: RecipientId,
    /// Where it stands.
    #[schema(value_type = String)]
    pub state: NotificationState,
    /// Until when it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due: Option<Timestamp>,
    /// Why it stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reason: Option<Reason>,
    /// What stopped it; absent while it only waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<StoppedBy>,
    /// What holds it while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<StoppedBy>,
    /// Every verdict, with `?verdicts=all`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<VerdictBody>,
}

/// What one gate said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VerdictBody {
    /// Which gate.
    #[schema(value_type = Option<String>)]
    pub gate: Option<Gate>,
    /// `pass`, `hold` or `stop`.
    #[schema(value_type = Option<String>)]
    pub verdict: Option<Verdict>,
    /// Why.
    #[schema(value_type = Option<String>)]
    pub reason: Option<Reason>,
    /// The particulars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A rule that listens to an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RuleConsidered {
    /// Which rule.
    #[schema(value_type = String)]
    pub rule: RuleId,
    /// `fired`, `no_match`, `missing_field`, `error` or `no_recipient`.
    pub reason: String,
    /// For how many recipients, if it fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipients: Option<u32>,
    /// The particulars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// An audience that is walked in chunks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FanOutBody {
    /// For which rule; null for a direct send.
    #[schema(value_type = Option<String>)]
    pub rule: Option<RuleId>,
    /// How large it is; null as long as nobody has counted it.
    pub audience: Option<u64>,
    /// How many were planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<u64>,
    /// Whether the walk ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<bool>,
}

/// A fact as it was accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventResponse {
    /// The relay's id.
    #[schema(value_type = String)]
    pub event: EventId,
    /// The backend's id.
    pub id: Option<String>,
    /// The place that it comes from.
    pub source: Option<String>,
    /// What kind of fact.
    #[serde(rename = "type")]
    pub event_type: String,
    /// About whom.
    #[schema(value_type = Option<String>)]
    pub recipient: Option<RecipientId>,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub accepted_at: Timestamp,
    /// The version that decided.
    pub configuration: u64,
    /// `open` while an audience is walked, then `done`.
    #[schema(value_type = String)]
    pub state: EventState,
    /// How many notifications it made.
    pub made: u64,
    /// The particulars.
    pub data: Value,
    /// What CloudEvents carry besides.
    pub extensions: Value,
    /// Every rule that listens to its type, fired or not and why.
    pub rules: Vec<RuleConsidered>,
    /// Audiences.
    pub fan_outs: Vec<FanOutBody>,
}
