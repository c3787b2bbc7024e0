//! What a push that carries words says beside them, so that a device without a network can file them and show them once.

use std::collections::BTreeMap;

use tidings_core::delivery::Handover;

/// Names and texts, the same for every push service; FCM takes nothing but texts.
pub(super) fn beside(handover: &Handover) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("category", handover.category.to_string()),
        ("priority", handover.priority.as_str().to_owned()),
        ("expires_at", handover.expires_at.to_string()),
        ("round", handover.round.to_string()),
    ])
}
