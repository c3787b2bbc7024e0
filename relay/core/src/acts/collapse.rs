//! A newer notification replaces an older one of the same category and collapse key.

use tidings_protocol::{DeliveryState, Gate, NotificationId, NotificationState, Reason, StoryKind};

use crate::model::{DueKey, Entry, Notification, Stopped};
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
            let (now, person) = (work.now(), row.person.clone());
            work.notification_mut(&older).flags.retracted_at = Some(now);
            work.clear_due(&person, DueKey::Step(older.clone()));
            work.clear_due(&person, DueKey::Repeat(older.clone()));
            let mut entry = Entry::new(now, StoryKind::Cancelled);
            (entry.reason, entry.text) = (Some(Reason::Collapse), Some(format!("replaced by {id}").into()));
            work.tell(&older, entry);
            work.stop_deliveries(&older, DeliveryState::Cancelled, Some(Reason::Collapse));
            work.touch_inbox_row(&older);
        }
    }
}

fn older(work: &Work<'_>, id: &NotificationId) -> Vec<NotificationId> {
    let newer = work.notification(id).expect("the caller looked it up");
    let Some(value) = newer.keys.collapse.as_deref() else { return Vec::new() };
    let mut found = work.collapsible(&newer.person, &newer.category, value);
    // One that failed and is replayed may go after a newer one, and does not replace it.
    let before = |row: &Notification| (row.created_at, &row.id) < (newer.created_at, &newer.id);
    found.retain(|other| work.notification(other).is_some_and(|row| row.digest.is_none() && before(row)));
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
