//! What Apple is given: headers and payload.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tidings_core::configuration::PushContent;
use tidings_core::delivery::{Form, Handover};
use tidings_protocol::Priority;
use uuid::Uuid;

use super::allowed;
use crate::channels::beside::beside;
use crate::channels::{neutral, vendor};

/// Bytes of a payload.
pub(super) const PAYLOAD_BYTES_MAX: usize = 4_096;

/// The headers of a push that do not depend on the account.
pub(in crate::channels) fn headers(handover: &Handover) -> BTreeMap<&'static str, String> {
    let mut headers = BTreeMap::from([
        ("apns-push-type", "alert".to_owned()),
        ("apns-priority", if wakes(handover.priority) { "10" } else { "5" }.to_owned()),
        ("apns-expiration", (handover.expires_at.as_millis().max(0) / 1_000).to_string()),
    ]);
    headers.extend(vendor::collapse_token(handover).map(|key| ("apns-collapse-id", key)));
    headers
}

/// As much of the words as the project allows and fits.
pub(super) fn content(handover: &Handover) -> PushContent {
    let allowed = allowed(&handover.form);
    let down = match allowed {
        PushContent::Full => [PushContent::Full, PushContent::Title],
        PushContent::Title => [PushContent::Title; 2],
        PushContent::None => [PushContent::None; 2],
    };
    down.into_iter().find(|content| fits(handover, *content)).unwrap_or_default()
}

/// Whether a payload with so many words is small enough.
pub(in crate::channels) fn fits(handover: &Handover, content: PushContent) -> bool {
    payload(handover, content).to_string().len() <= PAYLOAD_BYTES_MAX
}

/// The payload with so many words. The app's extension may change it before it is shown (`mutable-content`): it fetches
/// the words, or hides what was read elsewhere.
pub(in crate::channels) fn payload(handover: &Handover, content: PushContent) -> Value {
    let mut payload = json!({
        "aps": {
            "alert": {"title": neutral::title(&handover.locale)},
            "mutable-content": 1,
            "interruption-level": interruption(handover.priority),
        },
        "tidings": 1,
        "notification": handover.notification,
    });
    if wakes(handover.priority) {
        payload["aps"]["sound"] = "default".into();
    }
    let Form::Push(form) = &handover.form else { return payload };
    if content != PushContent::None {
        payload["aps"]["alert"]["title"] = (*form.title).into();
        for (name, text) in beside(handover) {
            payload[name] = text.into();
        }
    }
    if content == PushContent::Full {
        if !form.body.is_empty() {
            payload["aps"]["alert"]["body"] = (*form.body).into();
        }
        if let Some(link) = form.link.as_deref() {
            payload["link"] = link.into();
        }
        if let Some(key) = handover.collapse.as_deref() {
            payload["collapse"] = key.into();
        }
    }
    payload
}

/// The key of the hand-over as Apple's id of a push: a UUID, the same for a repetition.
pub(super) fn apns_id(key: &str) -> String {
    let id = key.parse::<Uuid>().unwrap_or_else(|_| {
        let hash: [u8; 32] = Sha256::digest(key).into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    });
    id.to_string()
}

/// What is not urgent waits for a moment that costs the phone little.
const fn wakes(priority: Priority) -> bool {
    matches!(priority, Priority::High | Priority::Urgent)
}

/// Through a focus goes only what is urgent, and only in an app that may (`time-sensitive` needs a capability; Apple
/// takes it for `active` in one that has none). `critical` needs Apple's word for each app.
const fn interruption(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "passive",
        Priority::Normal | Priority::High => "active",
        Priority::Urgent => "time-sensitive",
    }
}
