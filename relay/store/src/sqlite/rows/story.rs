//! Lines of a story.

use serde::{Deserialize, Serialize};
use tidings_core::model::Entry;
use tidings_protocol::{
    Channel, DeliveryState, DeviceId, DeviceReceipt, Gate, NotificationState, Reason, StoryKind, Timestamp,
    Verdict,
};

#[derive(Serialize, Deserialize)]
pub(in crate::sqlite) struct PackedEntry {
    at: i64,
    kind: StoryKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gate: Option<Gate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<Channel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivery: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<DeviceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receipt: Option<DeviceReceipt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action: Option<Box<str>>,
}

pub(in crate::sqlite) fn pack_entry(row: &Entry) -> PackedEntry {
    PackedEntry {
        at: row.at.as_millis(),
        kind: row.kind,
        gate: row.gate,
        verdict: row.verdict,
        reason: row.reason,
        text: row.text.clone(),
        due: row.due.map(Timestamp::as_millis),
        channel: row.channel,
        delivery: row.delivery.clone(),
        provider: row.provider.clone(),
        attempt: row.attempt,
        state: row.state.map(Into::into),
        device: row.device.clone(),
        step: row.step,
        receipt: row.receipt,
        action: row.action.clone(),
    }
}

pub(in crate::sqlite) fn entry(row: PackedEntry) -> Entry {
    Entry {
        at: Timestamp::from_millis(row.at),
        kind: row.kind,
        gate: row.gate,
        verdict: row.verdict,
        reason: row.reason,
        text: row.text,
        due: row.due.map(Timestamp::from_millis),
        channel: row.channel,
        delivery: row.delivery,
        provider: row.provider,
        attempt: row.attempt,
        state: row.state.as_deref().and_then(state_word),
        device: row.device,
        step: row.step,
        receipt: row.receipt,
        action: row.action,
    }
}

/// The word of a notification's or delivery's state.
fn state_word(text: &str) -> Option<&'static str> {
    let notification = text.parse().map(NotificationState::as_str);
    notification.or_else(|_| text.parse().map(DeliveryState::as_str)).ok()
}
