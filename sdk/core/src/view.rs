//! What the recipient sees before the relay has answered: the relay's view with the pending operations on top.
//!
//! The relay's registers take the later of two marks; the device's own are the latest that it knows of, so they are
//! laid over the relay's in the device's order.

use tidings_protocol::item::{Item, NotificationItem, SettingsItem, View};
use tidings_protocol::operation::{Operation, Request};
use tidings_protocol::{DeviceReceipt, NotificationId, Stamp, Timestamp};

use crate::outbox::Queued;

/// One notification's state on this device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalView {
    /// The relay's view with the pending operations on top.
    pub view: View,
    /// The showing that this is: the relay's round, raised by each snooze that it has not answered.
    pub round: u32,
}

impl LocalView {
    /// Whether it was read.
    #[must_use]
    pub const fn is_read(&self) -> bool {
        self.view.read_at.is_some()
    }

    /// Whether it is out of the inbox.
    #[must_use]
    pub const fn is_archived(&self) -> bool {
        self.view.archived_at.is_some()
    }

    /// Whether it sleeps at this instant.
    #[must_use]
    pub fn is_snoozed(&self, now: Timestamp) -> bool {
        self.view.snoozed_until.is_some_and(|until| now < until)
    }
}

/// Lays the pending operations over the relay's view of a notification that arrived with page `arrived`.
pub fn local_view<'a>(
    item: &NotificationItem,
    arrived: u64,
    pending: impl IntoIterator<Item = &'a Queued>,
) -> LocalView {
    let mut local = LocalView { view: item.view.clone(), round: item.round };
    for queued in pending {
        apply(&mut local, item, arrived, queued);
    }
    local
}

/// The notification that an operation changes the view of, if it names one.
#[must_use]
pub const fn notification_of(request: &Request) -> Option<&NotificationId> {
    match request {
        Request::Receipt { notification, .. }
        | Request::Mark { notification, .. }
        | Request::Feedback { notification, .. } => Some(notification),
        Request::Held { .. }
        | Request::ReadUpTo { .. }
        | Request::Preference { .. }
        | Request::QuietHours { .. }
        | Request::Pause { .. }
        | Request::Profile { .. }
        | Request::Consent { .. }
        | Request::Endpoint { .. } => None,
    }
}

/// What an operation changes and an item tells: the two meet here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// One notification.
    Notification(NotificationId),
    /// The recipient's settings.
    Settings,
    /// How far everything is read.
    ReadUpTo,
}

impl Subject {
    /// What an operation changes that a person sees; none if it changes nothing of that kind.
    #[must_use]
    pub fn of(request: &Request) -> Option<Self> {
        match request {
            Request::Receipt { notification, receipt, .. } => match receipt {
                DeviceReceipt::Read | DeviceReceipt::Acted | DeviceReceipt::Acknowledged => {
                    Some(Self::Notification(notification.clone()))
                }
                DeviceReceipt::Displayed | DeviceReceipt::Clicked | DeviceReceipt::Dismissed => None,
            },
            Request::Mark { notification, .. } => Some(Self::Notification(notification.clone())),
            Request::ReadUpTo { .. } => Some(Self::ReadUpTo),
            Request::Preference { .. }
            | Request::QuietHours { .. }
            | Request::Pause { .. }
            | Request::Profile { .. }
            | Request::Consent { .. } => Some(Self::Settings),
            Request::Held { .. } | Request::Endpoint { .. } | Request::Feedback { .. } => None,
        }
    }

    /// What an item tells.
    #[must_use]
    pub fn of_item(item: &Item) -> Option<Self> {
        match item {
            Item::Notification(item) => Some(Self::Notification(item.id.clone())),
            Item::Retracted { id } => Some(Self::Notification(id.clone())),
            Item::Settings(_) => Some(Self::Settings),
            Item::ReadUpTo { .. } => Some(Self::ReadUpTo),
            Item::Erased | Item::Unknown => None,
        }
    }
}

/// Whether an item shows what an operation on the same subject asked for: laid over it, nothing changes.
#[must_use]
pub fn shows(item: &Item, operation: &Operation) -> bool {
    match item {
        Item::Notification(item) => {
            let mut local = LocalView { view: item.view.clone(), round: item.round };
            let asked = Queued { number: 0, page: 0, operation: operation.clone() };
            apply(&mut local, item, 0, &asked);
            local.view == item.view
        }
        Item::Settings(settings) => local_settings(settings, [operation]) == **settings,
        Item::ReadUpTo { watermark, .. } => *watermark.stamp.by == *operation.id.as_str(),
        Item::Retracted { .. } => true,
        Item::Erased | Item::Unknown => false,
    }
}

fn apply(local: &mut LocalView, item: &NotificationItem, arrived: u64, queued: &Queued) {
    let at = queued.operation.at.unwrap_or(item.created_at);
    let view = &mut local.view;
    match &queued.operation.request {
        Request::Mark { notification, read, archived, snoozed_until } if *notification == item.id => {
            mark_read(view, *read, at, &queued.operation);
            set(&mut view.archived_at, *archived, at);
            if let Some(until) = snoozed_until {
                view.snoozed_until = Some(*until);
                local.round = local.round.saturating_add(1);
            }
        }
        Request::Receipt { notification, receipt, action } if *notification == item.id => match receipt {
            DeviceReceipt::Read => mark_read(view, Some(true), at, &queued.operation),
            DeviceReceipt::Acknowledged => set(&mut view.acknowledged_at, Some(true), at),
            DeviceReceipt::Acted => {
                let acknowledges = item
                    .content
                    .actions
                    .iter()
                    .any(|known| known.acknowledges && Some(&known.id) == action.as_ref());
                if acknowledges {
                    set(&mut view.acknowledged_at, Some(true), at);
                }
            }
            DeviceReceipt::Displayed | DeviceReceipt::Clicked | DeviceReceipt::Dismissed => {}
        },
        Request::ReadUpTo { category, .. } => {
            let meant = arrived <= queued.page && category.as_ref().is_none_or(|only| *only == item.category);
            if meant {
                mark_read(view, Some(true), at, &queued.operation);
            }
        }
        Request::Mark { .. }
        | Request::Receipt { .. }
        | Request::Held { .. }
        | Request::Preference { .. }
        | Request::QuietHours { .. }
        | Request::Pause { .. }
        | Request::Profile { .. }
        | Request::Consent { .. }
        | Request::Endpoint { .. }
        | Request::Feedback { .. } => {}
    }
}

/// What is read or unread already stays as it is, with its instant and its stamp.
fn mark_read(view: &mut View, read: Option<bool>, at: Timestamp, by: &Operation) {
    match read {
        Some(true) if view.read_at.is_none() => {
            view.read_at = Some(at);
            view.unread = None;
        }
        Some(false) if view.read_at.is_some() => {
            view.read_at = None;
            view.unread = Some(Stamp { at, by: by.id.as_str().into() });
        }
        Some(true | false) | None => {}
    }
}

/// What an operation that took effect leaves behind on the relay, as far as it is known here. All but one: what was
/// marked unread is read by a `read_up_to` only if that is the later word, and the relay's item tells.
pub fn settled_view(item: &NotificationItem, arrived: u64, done: &Queued) -> LocalView {
    let leaves_open =
        matches!(done.operation.request, Request::ReadUpTo { .. }) && item.view.unread.is_some();
    local_view(item, arrived, (!leaves_open).then_some(done))
}

/// The first `true` keeps its instant; `false` clears it.
const fn set(register: &mut Option<Timestamp>, value: Option<bool>, at: Timestamp) {
    match value {
        Some(true) if register.is_none() => *register = Some(at),
        Some(false) => *register = None,
        Some(true) | None => {}
    }
}

/// Lays the pending operations over the relay's settings.
pub fn local_settings<'a>(
    server: &SettingsItem,
    pending: impl IntoIterator<Item = &'a Operation>,
) -> SettingsItem {
    let mut settings = server.clone();
    for operation in pending {
        apply_setting(&mut settings, &operation.request);
    }
    settings
}

fn apply_setting(settings: &mut SettingsItem, request: &Request) {
    match request {
        Request::Preference { category, channel, chosen } => {
            for known in settings.categories.iter_mut().filter(|known| known.id == *category) {
                let channels = channel.map_or_else(|| known.channels.clone(), |only| vec![only]);
                known.chosen.extend(channels.into_iter().map(|channel| (channel, *chosen)));
            }
        }
        Request::Consent { category, channels, decision, .. } => {
            for known in settings.categories.iter_mut().filter(|known| known.id == *category) {
                known.consent.extend(channels.iter().map(|channel| (*channel, *decision)));
            }
        }
        Request::QuietHours { quiet_hours } => settings.quiet_hours.clone_from(quiet_hours),
        Request::Pause { until } => settings.paused_until = *until,
        Request::Profile { time_zone, locale } => {
            if time_zone.is_some() {
                settings.profile.time_zone.clone_from(time_zone);
            }
            if locale.is_some() {
                settings.profile.locale.clone_from(locale);
            }
        }
        Request::Held { .. }
        | Request::Receipt { .. }
        | Request::Mark { .. }
        | Request::ReadUpTo { .. }
        | Request::Endpoint { .. }
        | Request::Feedback { .. } => {}
    }
}

#[cfg(test)]
#[path = "view/tests.rs"]
mod tests;
