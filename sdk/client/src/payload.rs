//! What a push says, before anything is fetched.

use serde_json::{Map, Value};
use tidings_protocol::item::{Because, ContentItem, NotificationItem, View};
use tidings_protocol::{CategoryId, NotificationId, Priority, Timestamp};

/// Where words are filed whose payload does not say where: the category that every new project has.
const CATEGORY: &str = "general";
const FIRST_ROUND: u32 = 1;
/// How long words are worth showing whose payload does not say so, in milliseconds: a day.
const WORTH_MILLIS: i64 = 86_400_000;

/// What a push says. Most say only that there is something; a project may let its pushes carry words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Push {
    /// The notification that it is about.
    pub notification: Option<NotificationId>,
    /// Whose it is, where a device has several accounts.
    pub recipient: Option<String>,
    /// One line, if it carries words.
    pub title: Option<String>,
    /// Some lines, if it carries words.
    pub body: Option<String>,
    /// Where a click leads, if it carries words.
    pub link: Option<String>,
    /// What it is about, if it carries words.
    pub category: Option<CategoryId>,
    /// How urgent it is, if it carries words.
    pub priority: Option<Priority>,
    /// A newer notification of the same category and key takes its place.
    pub collapse: Option<String>,
    /// After this instant it is not shown.
    pub expires_at: Option<Timestamp>,
    /// Which showing of the notification it is, from 1; the first if it does not say.
    pub round: u32,
}

impl Push {
    /// Reads a payload: a JSON object with `tidings`. Fields that are not known are skipped, and those that are not
    /// what they should be are left out. None if it is anything else, which still means: look what there is.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let Ok(Value::Object(fields)) = serde_json::from_slice(payload) else { return None };
        fields.get("tidings")?;
        let text = |name: &str| text(&fields, name);
        // Apple has the words in a place of its own. What stands there without a category says nothing.
        let alert = fields.get("aps").and_then(|aps| aps.get("alert")).and_then(Value::as_object);
        let alert = alert.filter(|_| fields.contains_key("category"));
        let words = |name: &str| text(name).or_else(|| self::text(alert?, name));
        Some(Self {
            notification: text("notification").and_then(|id| id.parse().ok()),
            recipient: text("recipient"),
            title: words("title"),
            body: words("body"),
            link: text("link"),
            category: text("category").and_then(|id| id.parse().ok()),
            priority: text("priority").and_then(|word| word.parse().ok()),
            collapse: text("collapse"),
            expires_at: text("expires_at").and_then(|at| at.parse().ok()),
            round: text("round").and_then(|round| round.parse().ok()).unwrap_or(FIRST_ROUND),
        })
    }

    /// The notification as far as the push has it; none if it carries no words, or is worth nothing any more.
    pub(crate) fn foretold(self, now: Timestamp) -> Option<NotificationItem> {
        let (id, title) = (self.notification?, self.title?);
        let expires_at = self.expires_at.unwrap_or_else(|| now.plus_millis(WORTH_MILLIS));
        if expires_at <= now {
            return None;
        }
        let (body, link) = (self.body.unwrap_or_default(), self.link);
        let general = || CategoryId::new(CATEGORY).expect("it is a word");
        Some(NotificationItem {
            id,
            // Behind everything that the relay has told: nothing that was read in one go meant it.
            place: i64::MAX.unsigned_abs(),
            category: self.category.unwrap_or_else(general),
            priority: self.priority.unwrap_or(Priority::Normal),
            content: ContentItem { title, body, link, ..ContentItem::default() },
            collapse: self.collapse,
            needs_acknowledgement: false,
            round: self.round,
            because: Because::default(),
            created_at: now,
            expires_at,
            view: View::default(),
        })
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields.get(name).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::bare(r#"{"tidings":1,"notification":"n1"}"#, Some("n1"), None)]
    #[case::with_words(
        r#"{"tidings":1,"notification":"n1","title":"Hi","body":"","link":"x"}"#,
        Some("n1"),
        Some("Hi")
    )]
    #[case::more_than_is_known(r#"{"tidings":2,"sound":{"a":[1]},"title":"Hi"}"#, None, Some("Hi"))]
    #[case::not_what_they_should_be(r#"{"tidings":true,"notification":"a/b","title":7}"#, None, None)]
    #[case::apple_with_words(
        r#"{"aps":{"alert":{"title":"Hi"}},"tidings":1,"notification":"n1","category":"orders"}"#,
        Some("n1"),
        Some("Hi")
    )]
    #[case::apple_without(
        r#"{"aps":{"alert":{"title":"New notification"}},"tidings":1,"notification":"n1"}"#,
        Some("n1"),
        None
    )]
    fn a_push_of_ours_is_read(#[case] payload: &str, #[case] id: Option<&str>, #[case] title: Option<&str>) {
        let push = Push::read(payload.as_bytes()).unwrap();
        assert_eq!(push.notification.as_ref().map(NotificationId::as_str), id);
        assert_eq!(push.title.as_deref(), title);
    }

    #[rstest]
    #[case::nothing(b"")]
    #[case::other_json(b"{\"notification\":\"n1\"}")]
    #[case::no_object(b"[1]")]
    #[case::text(b"wake up")]
    #[case::bytes(&[0xff, 0x00])]
    fn any_other_payload_is_a_plain_wake_up(#[case] payload: &[u8]) {
        assert_eq!(Push::read(payload), None);
    }

    #[test]
    fn what_is_said_beside_the_words_files_them() {
        let now = Timestamp::from_millis(1_000);
        let push = |more: &str| {
            Push::read(format!(r#"{{"tidings":"1","notification":"n1","title":"Hi"{more}}}"#).as_bytes())
                .and_then(|push| push.foretold(now))
        };
        let item = push(
            r#","body":"There","link":"https://x.example","collapse":"k","category":"orders","priority":"urgent",
            "expires_at":"1970-01-01T00:00:02.000Z","round":"2""#,
        )
        .unwrap();
        assert_eq!((item.category.as_str(), item.priority, item.round), ("orders", Priority::Urgent, 2));
        assert_eq!((item.content.body.as_str(), item.collapse.as_deref()), ("There", Some("k")));
        assert_eq!(item.expires_at.as_millis(), 2_000);
        let bare = push("").unwrap();
        assert_eq!((bare.category.as_str(), bare.round), ("general", 1));
        assert_eq!(push(r#","expires_at":"1970-01-01T00:00:01.000Z""#), None, "it is over");
        assert_eq!(Push::read(br#"{"tidings":1,"notification":"n1"}"#).unwrap().foretold(now), None);
    }
}
