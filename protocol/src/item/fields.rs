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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stamp;

    #[test]
    fn every_field_of_a_notification_is_read_as_it_is_written() {
        let text = |text: &str| Some(text.to_owned());
        let at = |millis| Some(Timestamp::from_millis(millis));
        let action = ActionItem { id: "a".into(), label: "b".into(), link: text("c"), acknowledges: true };
        let item = NotificationItem {
            id: "n1".parse().unwrap(),
            place: 3,
            category: "orders".parse().unwrap(),
            priority: Priority::Low,
            content: ContentItem {
                title: "订单".into(),
                body: "d".into(),
                link: text("e"),
                icon: text("f"),
                image: text("g"),
                actions: vec![action],
            },
            collapse: text("h"),
            needs_acknowledgement: true,
            round: 2,
            because: Because { rule: text("i"), event_type: text("j"), text: "k".into() },
            created_at: Timestamp::from_millis(1),
            expires_at: Timestamp::from_millis(2),
            view: View {
                read_at: at(3),
                unread: Some(Stamp { at: Timestamp::from_millis(4), by: "l".into() }),
                archived_at: at(5),
                snoozed_until: at(6),
                acknowledged_at: at(7),
            },
        };
        let written = serde_json::to_string(&item).unwrap();
        assert_eq!(serde_json::from_str::<NotificationItem>(&written).unwrap(), item);
    }
}
