//! What devices see of the rows: notifications, retractions, settings, and pages of them.
//!
//! A page says for each row what it is at the page's snapshot, in the order of `seq`, so that a device that applies
//! items one after the other ends where the relay is. Which session gets which page is decided in `session.rs`.

mod page;
mod settings;

use tidings_protocol::item::{Item, NotificationItem, View};

pub use page::{Position, fits_one_frame, frames, live_page, page};
pub use settings::settings_item;

use crate::configuration::Unless;
use crate::model::{Inbox, Notification, Watermark};

/// A notification as devices store it.
#[must_use]
pub fn notification_item(notification: &Notification) -> NotificationItem {
    NotificationItem {
        id: notification.id.clone(),
        place: notification.created_seq.unwrap_or_default(),
        category: notification.category.clone(),
        priority: notification.priority,
        content: notification.content.as_deref().cloned().unwrap_or_default(),
        collapse: notification.keys.collapse.as_deref().map(str::to_owned),
        needs_acknowledgement: needs_acknowledgement(notification),
        round: notification.round,
        because: notification.because.clone(),
        created_at: notification.created_at,
        expires_at: notification.expires_at,
        view: notification.view(),
    }
}

/// What a change of a notification is to devices: the notification, or that it is gone.
#[must_use]
pub fn change_item(notification: &Notification) -> Item {
    if notification.is_visible() {
        Item::Notification(Box::new(notification_item(notification)))
    } else {
        Item::Retracted { id: notification.id.clone() }
    }
}

/// As [`change_item`], with what was read in one go. A row that changes after a watermark goes out again whole, and
/// must not turn unread by it.
#[must_use]
pub fn change_item_in(inbox: &Inbox, notification: &Notification) -> Item {
    let mut item = change_item(notification);
    if let Item::Notification(shown) = &mut item {
        shown.view = view_in(inbox, notification);
    }
    item
}

/// What the recipient sees of what they did, with what was read in one go.
#[must_use]
pub fn view_in(inbox: &Inbox, notification: &Notification) -> View {
    let mut view = notification.view();
    let Some(place) = notification.created_seq.filter(|_| view.read_at.is_none()) else { return view };
    let unread = view.unread.as_ref();
    let reading = inbox.watermarks.iter().map(|(_, mark)| mark);
    let reading = reading.filter(|mark| mark.reads(place, &notification.category, unread));
    if let Some(at) = reading.map(|mark| mark.stamp.at).min() {
        view.read_at = Some(at);
        view.unread = None;
    }
    view
}

/// What a watermark is to devices.
#[must_use]
pub fn watermark_item(inbox: &Inbox, watermark: &Watermark) -> Item {
    Item::ReadUpTo { cursor: inbox.cursor(watermark.place), watermark: watermark.clone() }
}

/// Whether the sender waits for it: an action that acknowledges, or a step that goes on until somebody does.
pub(crate) fn needs_acknowledgement(notification: &Notification) -> bool {
    let offered = notification.content.iter().flat_map(|content| &content.actions);
    let waits = notification.plan.iter().any(|step| {
        step.unless == Some(Unless::Acknowledged)
            || step.repeat.is_some_and(|(_, _, until)| until == Unless::Acknowledged)
    });
    waits || offered.into_iter().any(|action| action.acknowledges)
}

#[cfg(test)]
mod tests;
