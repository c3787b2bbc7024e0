//! What FCM is given.

use serde_json::{Map, Value, json};
use tidings_core::configuration::PushContent;
use tidings_core::delivery::{Form, Handover, PushForm};
use tidings_protocol::{Priority, Timestamp};

use crate::channels::beside::beside;
use crate::channels::{apns, vendor};

/// Bytes of the data. FCM takes 4,096 in all, and Apple as many with what stands around the same words.
pub(super) const DATA_BYTES_MAX: usize = 3_700;
/// How long FCM keeps a push at most, in seconds: 28 days.
const TTL_SECONDS_MAX: u32 = 28 * 86_400;

/// The body of a push to one token, with as much of the words as the project allows and fits.
pub(super) fn body(token: &str, handover: &Handover, now: Timestamp) -> String {
    let contents: &[PushContent] = match &handover.form {
        Form::Push(PushForm { content: PushContent::Full, .. }) => {
            &[PushContent::Full, PushContent::Title, PushContent::None]
        }
        Form::Push(PushForm { content: PushContent::Title, .. }) => &[PushContent::Title, PushContent::None],
        Form::Push(_) | Form::Email(_) | Form::Sms(_) | Form::Webhook(_) => &[PushContent::None],
    };
    let fits = |content: &&PushContent| {
        bytes(&data(handover, **content)) <= DATA_BYTES_MAX && apns::fits(handover, **content)
    };
    let content = contents.iter().find(fits).copied().unwrap_or_default();
    let ttl = vendor::seconds_left(handover.expires_at, now).min(TTL_SECONDS_MAX);
    let mut android = json!({"priority": priority(handover.priority), "ttl": format!("{ttl}s")});
    if let Some(key) = vendor::collapse_token(handover) {
        android["collapse_key"] = key.into();
    }
    json!({"message": {
        "token": token,
        "data": data(handover, content),
        "android": android,
        // Only an iPhone that is reached through FCM reads this.
        "apns": {"headers": apns::headers(handover), "payload": apns::payload(handover, content)},
    }})
    .to_string()
}

/// FCM's data: names and texts.
fn data(handover: &Handover, content: PushContent) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("tidings".into(), "1".into());
    data.insert("notification".into(), handover.notification.as_str().into());
    let Form::Push(form) = &handover.form else { return data };
    if content != PushContent::None {
        data.insert("title".into(), (*form.title).into());
        data.extend(beside(handover).into_iter().map(|(name, text)| (name.into(), text.into())));
    }
    if content == PushContent::Full {
        data.insert("body".into(), (*form.body).into());
        data.extend(form.link.as_deref().map(|link| ("link".into(), link.into())));
        data.extend(handover.collapse.as_deref().map(|key| ("collapse".into(), key.into())));
    }
    data
}

fn bytes(data: &Map<String, Value>) -> usize {
    data.iter().map(|(name, value)| name.len() + value.as_str().map_or(0, str::len)).sum()
}

/// A push that wakes a sleeping phone has to end in something that is seen.
const fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Low | Priority::Normal => "normal",
        Priority::High | Priority::Urgent => "high",
    }
}
