//! `/v1/notifications` and `/v1/deliveries`, as they are read.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ContentBody;
use crate::{
    CategoryId, Channel, DeliveryState, DeviceId, DeviceReceipt, EventId, Gate, NotificationId,
    NotificationState, Priority, Reason, RecipientId, RuleId, StoryKind, Timestamp, Verdict,
};

/// What stopped or holds a notification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoppedBy {
    /// The gate, or what else ended it: never null where something did.
    #[schema(value_type = Option<String>)]
    pub gate: Option<Gate>,
    /// Why.
    #[schema(value_type = String)]
    pub reason: Reason,
    /// The same as a sentence.
    pub text: String,
}

/// A notification in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationResponse {
    /// The relay's id.
    #[schema(value_type = String)]
    pub id: NotificationId,
    /// For whom.
    #[schema(value_type = String)]
    pub recipient: RecipientId,
    /// By which rule; null for a direct send.
    #[schema(value_type = Option<String>)]
    pub rule: Option<RuleId>,
    /// About what.
    #[schema(value_type = String)]
    pub category: CategoryId,
    /// How urgent.
    #[schema(value_type = String)]
    pub priority: Priority,
    /// Where it stands.
    #[schema(value_type = String)]
    pub state: NotificationState,
    /// What stopped it; null while it only waits.
    pub stopped_by: Option<StoppedBy>,
    /// What holds it while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<StoppedBy>,
    /// Until when it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due: Option<Timestamp>,
    /// The relay's id of the event or send.
    #[schema(value_type = String)]
    pub event: EventId,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// The event behind a notification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventName {
    /// The backend's id.
    pub id: Option<String>,
    /// The place that it comes from.
    pub source: Option<String>,
    /// What kind of fact.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The relay's id.
    #[schema(value_type = String)]
    pub event: EventId,
}

/// A notification with everything that was decided and happened, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoryResponse {
    /// The relay's id.
    #[schema(value_type = String)]
    pub id: NotificationId,
    /// For whom.
    #[schema(value_type = String)]
    pub recipient: RecipientId,
    /// About what.
    #[schema(value_type = String)]
    pub category: CategoryId,
    /// How urgent.
    #[schema(value_type = String)]
    pub priority: Priority,
    /// By which rule.
    #[schema(value_type = Option<String>)]
    pub rule: Option<RuleId>,
    /// Where it stands.
    #[schema(value_type = String)]
    pub state: NotificationState,
    /// What stopped it; null while it only waits.
    pub stopped_by: Option<StoppedBy>,
    /// What holds it while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<StoppedBy>,
    /// The version that decided last.
    pub configuration: u64,
    /// Until when it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it is no longer worth sending.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// What caused it.
    pub event: Option<EventName>,
    /// Which of its rule's variants it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// When what its rule counts as success happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub converted_at: Option<Timestamp>,
    /// What it says, once it is rendered.
    pub content: Option<ContentBody>,
    /// Its ways to addresses.
    pub deliveries: Vec<DeliveryResponse>,
    /// Every decision, delivery and receipt.
    pub timeline: Vec<StoryEntry>,
}

/// One line of a story. Which fields there are depends on the kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoryEntry {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What kind of line.
    #[schema(value_type = String)]
    pub kind: StoryKind,
    /// Which gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub gate: Option<Gate>,
    /// What it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub verdict: Option<Verdict>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reason: Option<Reason>,
    /// Until when it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due: Option<Timestamp>,
    /// Which delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// On which channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub channel: Option<Channel>,
    /// With which provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Which attempt at the delivery, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The state that was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Which step of the plan, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u16>,
    /// What a device told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub receipt: Option<DeviceReceipt>,
    /// Which action was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// On which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub device: Option<DeviceId>,
    /// The same as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A notification on its way to one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryResponse {
    /// The relay's id.
    pub id: String,
    /// Of which notification.
    #[schema(value_type = String)]
    pub notification: NotificationId,
    /// To whom.
    #[schema(value_type = String)]
    pub recipient: RecipientId,
    /// On which channel.
    #[schema(value_type = String)]
    pub channel: Channel,
    /// Where it stands.
    #[schema(value_type = String)]
    pub state: DeliveryState,
    /// Why it stands there.
    #[schema(value_type = Option<String>)]
    pub reason: Option<Reason>,
    /// The provider that has it, or had it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// How often it was tried.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub attempts: u32,
    /// What the provider said last, if it did not take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// While it waits: not before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
}

/// Where a notification stands after it was taken back or replayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedResponse {
    /// The relay's id.
    #[schema(value_type = String)]
    pub id: NotificationId,
    /// Where it stands.
    #[schema(value_type = String)]
    pub state: NotificationState,
    /// Whether something was handed over before it could be stopped.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub too_late: bool,
}

/// How many deliveries were replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplaysResponse {
    /// So many.
    pub replayed: u64,
}
