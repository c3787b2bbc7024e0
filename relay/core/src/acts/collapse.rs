//! A newer notification replaces an older one of the same category and collapse key.

use tidings_protocol::{Gate, NotificationId, NotificationState, Reason};

use crate::model::Stopped;
use crate::work::Work;

/// While the newer one waits, only older ones that wait too are replaced: what a person sees stays until there is
/// something better to see.
pub(super) fn replace_held(work: &mut Work<'_>, id: &NotificationId) {
    for older in older(work, id) {
        if work.notification(&older).is_some_and(|row| row.state == NotificationState::Held) {
            cancel(work, &older, id);
        }
    }
}

/// The newer one is on its way: older ones that are pending are cancelled, those that reached somebody are taken back.
pub(super) fn replace_all(work: &mut Work<'_>, id: &NotificationId) {
    for older in older(work, id) {
        let row = work.notification(&older).expect("it was found above");
        if row.is_pending() {
            cancel(work, &older, id);
        } else if row.is_visible() {
            let now = work.now();
            work.notification_mut(&older).flags.retracted_at = Some(now);
            work.touch_inbox_row(&older);
        }
    }
}

fn older(work: &Work<'_>, id: &NotificationId) -> Vec<NotificationId> {
    let newer = work.notification(id).expect("the caller looked it up");
    let Some(value) = newer.keys.collapse.as_deref() else { return Vec::new() };
    let mut found = work.collapsible(&newer.person, &newer.category, value);
    found.retain(|other| other != id && work.notification(other).is_some_and(|row| row.digest.is_none()));
    found
}

fn cancel(work: &mut Work<'_>, older: &NotificationId, newer: &NotificationId) {
    let stopped = Stopped {
        gate: None::<Gate>,
        reason: Reason::Collapse,
        text: Some(format!("replaced by {newer}").into()),
    };
    work.shift(older, NotificationState::Cancelled, Some(stopped));
}
