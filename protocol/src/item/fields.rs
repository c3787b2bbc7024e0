//! The fields of a notification as they are read. Its words lie in an object of their own here and beside the others on the
//! wire; serde would keep all fields of such an object in memory before it reads them, and a page has hundreds.

use serde::{Deserialize, Deserializer};

use super::{ActionItem, Because, ContentItem, NotificationItem, View};
use crate::{CategoryId, NotificationId, Priority, Timestamp};

#[derive(Deserialize)]
pub(super) struct Fields {
    id: NotificationId,
    place: u64,
    category: CategoryId,
    #[serde(deserialize_with = "priority_or_normal")]
    priority: Priority,
    title: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    link: Option<String>,
    #[serde(default)]
    icon: Option<String>,
    #[serde(default)]
    image: Option<String>,
    #[serde(default)]
    actions: Vec<ActionItem>,
    #[serde(default)]
    collapse: Option<String>,
    #[serde(default)]
    needs_acknowledgement: bool,
    #[serde(default)]
    round: u32,
    because: Because,
    created_at: Timestamp,
    expires_at: Timestamp,
    #[serde(default)]
    view: View,
}

impl From<Fields> for NotificationItem {
    fn from(fields: Fields) -> Self {
        let Fields { title, body, link, icon, image, actions, .. } = fields;
        Self {
            id: fields.id,
            place: fields.place,
            category: fields.category,
            priority: fields.priority,
            content: ContentItem { title, body, link, icon, image, actions },
            collapse: fields.collapse,
            needs_acknowledgement: fields.needs_acknowledgement,
            round: fields.round,
            because: fields.because,
            created_at: fields.created_at,
            expires_at: fields.expires_at,
            view: fields.view,
        }
    }
}

fn priority_or_normal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Priority, D::Error> {
    let word = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    Ok(word.parse().unwrap_or(Priority::Normal))
}
