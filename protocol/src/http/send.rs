//! `/v1/to/{recipient}`, `/v1/notifications` as a direct send, and `/v1/sends`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{FanOutBody, StoppedBy};
use crate::item::{ActionItem, ContentItem};
use crate::{
    CategoryId, Channel, NotificationId, NotificationState, Priority, RecipientId, SendId, Span, Timestamp,
    TopicId,
};

/// `/v1/to/{recipient}` with `application/json`; as text the body alone is sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToRequest {
    /// One line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub title: Option<String>,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4000)]
    pub body: Option<String>,
    /// About what; absent: `general`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub category: Option<CategoryId>,
    /// How urgent; absent: the category's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub priority: Option<Priority>,
    /// Where a click leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2048)]
    pub link: Option<String>,
}

/// The answer to `/v1/to/{recipient}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToResponse {
    /// The relay's id.
    #[schema(value_type = String)]
    pub id: NotificationId,
    /// For whom.
    #[schema(value_type = String)]
    pub recipient: RecipientId,
    /// About what.
    #[schema(value_type = String)]
    pub category: CategoryId,
    /// Where it stands.
    #[schema(value_type = String)]
    pub state: NotificationState,
    /// What stopped it; null while it only waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<StoppedBy>,
    /// What holds it while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<StoppedBy>,
    /// Until when it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due: Option<Timestamp>,
    /// Where its story can be read.
    pub story: String,
}

/// The words of a notification.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentBody {
    /// One line.
    #[schema(min_length = 1, max_length = 200)]
    pub title: String,
    /// Some lines.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 4000)]
    pub body: String,
    /// Where a click leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2048)]
    pub link: Option<String>,
    /// A small picture's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2048)]
    pub icon: Option<String>,
    /// A large picture's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2048)]
    pub image: Option<String>,
    /// Buttons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 4)]
    pub actions: Vec<ActionBody>,
}

/// One button.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionBody {
    /// Comes back in the receipt.
    #[schema(min_length = 1, max_length = 128)]
    pub id: String,
    /// What the button says.
    #[schema(min_length = 1, max_length = 60)]
    pub label: String,
    /// Where it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2048)]
    pub link: Option<String>,
    /// Whether choosing it also acknowledges.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub acknowledges: bool,
}

impl From<ContentBody> for ContentItem {
    fn from(body: ContentBody) -> Self {
        let actions = body.actions.into_iter().map(|action| ActionItem {
            id: action.id,
            label: action.label,
            link: action.link,
            acknowledges: action.acknowledges,
        });
        Self {
            title: body.title,
            body: body.body,
            link: body.link,
            icon: body.icon,
            image: body.image,
            actions: actions.collect(),
        }
    }
}

impl From<&ContentItem> for ContentBody {
    fn from(item: &ContentItem) -> Self {
        let actions = item.actions.iter().map(|action| ActionBody {
            id: action.id.clone(),
            label: action.label.clone(),
            link: action.link.clone(),
            acknowledges: action.acknowledges,
        });
        Self {
            title: item.title.clone(),
            body: item.body.clone(),
            link: item.link.clone(),
            icon: item.icon.clone(),
            image: item.image.clone(),
            actions: actions.collect(),
        }
    }
}

/// A direct send.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendRequest {
    /// To these; or `topic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 1000)]
    pub recipients: Option<Vec<RecipientId>>,
    /// To the members of a topic; or `recipients`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub topic: Option<TopicId>,
    /// About what; absent: `general`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub category: Option<CategoryId>,
    /// These words; or `template`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentBody>,
    /// A template of the project; or `content`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub template: Option<String>,
    /// What the template reads as `data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// How urgent; absent: the category's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub priority: Option<Priority>,
    /// A newer one with the same key replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 128)]
    pub collapse: Option<String>,
    /// After how long it is no longer worth sending; at most 90 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "8h")]
    pub expires: Option<Span>,
    /// Not before this much time has passed; at most 90 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "2h")]
    pub delay: Option<Span>,
    /// The steps of the plan; absent: the category's channels at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 16)]
    pub deliver: Option<Vec<DeliverBody>>,
}

/// One step of a direct send's delivery, as a rule's `deliver` has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverBody {
    /// Which channels.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 5)]
    pub channels: Vec<Channel>,
    /// How long after the notification left its holds; absent: at once. Not in the first step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "5m")]
    pub after: Option<Span>,
    /// What makes the step needless: `received`, `displayed`, `read` or `acknowledged`. Only beside `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<UntilBody>,
    /// Shows it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<RepeatBody>,
    /// Refused: telling somebody else needs a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub notify: Option<Value>,
}

/// What became of a notification on any device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UntilBody {
    /// Durable on a device.
    Received,
    /// Shown.
    Displayed,
    /// Opened.
    Read,
    /// Confirmed.
    Acknowledged,
}

/// How a step shows the same notification again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RepeatBody {
    /// How long between two showings.
    #[schema(value_type = String, example = "5m")]
    pub every: Span,
    /// How often, 1 to 100.
    pub times: u32,
    /// What ends it.
    pub until: UntilBody,
}

/// The answer to a direct send.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SendResponse {
    /// One for each recipient, stopped ones too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Vec<MadeForResponse>>,
    /// The send; with a topic it goes on after the answer.
    pub send: Option<SentNotification>,
}

/// A direct send, as its sender finds it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SentNotification {
    /// The relay's id.
    #[schema(value_type = String)]
    pub id: SendId,
    /// How many members the topic has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<u64>,
    /// `open` or `done`.
    pub state: String,
}

/// One notification of a direct send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MadeForResponse {
    /// The relay's id.
    #[schema(value_type = String)]
    pub id: NotificationId,
    /// For whom.
    #[schema(value_type = String)]
    pub recipient: RecipientId,
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
}

/// How far a send has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SendProgress {
    /// The relay's id.
    #[schema(value_type = String)]
    pub id: SendId,
    /// `open` while the audience is walked, then `done`.
    pub state: String,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub accepted_at: Timestamp,
    /// How many notifications it made.
    pub made: u64,
    /// Notifications by state.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub notifications: BTreeMap<NotificationState, u64>,
    /// Audiences.
    pub fan_outs: Vec<FanOutBody>,
    /// How many were taken back by this call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retracted: Option<u64>,
}
