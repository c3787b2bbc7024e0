//! What is left of an erased recipient: rows that the books count, under a keyed hash, without anything personal.
//!
//! A notification, delivery or event stays because the three equations count it; its words, keys, marks and particulars
//! go. A consent entry stays because the chain must verify; its personal fields go. Everything else is deleted.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tidings_core::model::{
    Counted, Delivery, EntryHash, Erased, Event, EventBody, Flags, Keys, Marks, Notification, PersonKey,
    Stopped,
};
use tidings_protocol::item::Because;
use tidings_protocol::{DeliveryState, EventId, NotificationState, RecipientId};

/// The key under which the ids of erased recipients are hashed. Whoever loses it forgets who was erased.
#[derive(Clone)]
pub struct ErasureKey([u8; 32]);

impl ErasureKey {
    /// Takes 256 random bits as the key.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The name under which an erased recipient's rows stay.
    pub(crate) fn name(&self, person: &PersonKey) -> RecipientId {
        if is_erased_name(&person.recipient) {
            return person.recipient.clone();
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(person.project.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(person.recipient.as_str().as_bytes());
        let hash = mac.finalize().into_bytes();
        RecipientId::new(format!("erased:{}", hex(&hash[..16]))).expect("a short text without slashes")
    }
}

impl fmt::Debug for ErasureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErasureKey")
    }
}

/// Whether a row already stands under a keyed hash. Nobody can be called so and be told apart, which costs one name
/// in 2^128.
fn is_erased_name(recipient: &RecipientId) -> bool {
    recipient.as_str().strip_prefix("erased:").is_some_and(|hash| {
        hash.len() == 32 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// The name of the chain that an erased recipient leaves; an epoch ends once.
pub(crate) fn erased_chain(name: &RecipientId, erased: &Erased) -> String {
    format!("{name}.{:x}", erased.epoch)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).expect("a nibble is one digit"));
        }
        text
    })
}

/// The events that made the notifications of a recipient which the core counts as erased. The rows themselves do not
/// name the recipient any more.
pub(crate) fn causes_of(person: &PersonKey, changed: &[Notification]) -> BTreeSet<EventId> {
    let theirs = changed.iter().filter(|row| row.person == *person && row.state == NotificationState::Erased);
    theirs.map(|row| row.cause.event.clone()).collect()
}

/// What stays of a notification.
pub(crate) fn erased_notification(notification: &Notification, name: &RecipientId) -> Notification {
    let mut left = notification.clone();
    left.person.recipient = name.clone();
    left.state = NotificationState::Erased;
    left.keys = Keys::default();
    left.variant = None;
    left.trial = None;
    left.template = None;
    left.counted = Counted::default();
    left.stopped = left.stopped.map(|stopped| Stopped { text: None, ..stopped });
    left.due = None;
    left.digest = None;
    left.taken = None;
    left.content = None;
    left.on_way = 0;
    left.forms = std::collections::BTreeMap::new();
    left.because = Because::default();
    left.plan = Arc::new([]);
    left.created_seq = None;
    left.seq = None;
    left.flags = Flags::default();
    left.marks = Marks::default();
    left.told = Vec::new();
    if let Some(inapp) = &mut left.inapp {
        inapp.state = DeliveryState::Erased;
    }
    left
}

/// What stays of a delivery.
pub(crate) fn erased_delivery(delivery: &Delivery, name: &RecipientId) -> Delivery {
    let mut left = delivery.clone();
    left.person.recipient = name.clone();
    left.state = DeliveryState::Erased;
    left.address = None;
    if let Some(way) = &mut left.way {
        (way.form, way.owner, way.provider_id) = (None, None, None);
    }
    left
}

/// What stays of an event about a recipient, or that told a recipient alone. Without its digest a repetition is a conflict, so that it cannot bring the
/// recipient back.
pub(crate) fn erased_event(event: &Event) -> Event {
    let mut left = event.clone();
    left.body = Arc::new(EventBody {
        recipient: None,
        data: Value::Null,
        extensions: json!({}),
        digest: EntryHash::default(),
        send: None,
        ..EventBody::clone(&event.body)
    });
    for considered in &mut left.considered {
        considered.text = None;
    }
    left
}
