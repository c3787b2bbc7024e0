//! What the recipient sees before the relay has answered: the relay's view with the pending operations on top.
//!
//! The relay's registers take the later of two marks; the device's own are the latest that it knows of, so they are
//! laid over the relay's in the device's order.

use tidings_protocol::item::{NotificationItem, SettingsItem, View};
use tidings_protocol::operation::{Operation, Request};
use tidings_protocol::{DeviceReceipt, NotificationId, Timestamp};

use crate::outbox::Queued;

/// One notification's state on this device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    let mut local = LocalView { view: item.view, round: item.round };
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

fn apply(local: &mut LocalView, item: &NotificationItem, arrived: u64, queued: &Queued) {
    let at = queued.operation.at.unwrap_or(item.created_at);
    let view = &mut local.view;
    match &queued.operation.request {
        Request::Mark { notification, read, archived, snoozed_until } if *notification == item.id => {
            set(&mut view.read_at, *read, at);
            set(&mut view.archived_at, *archived, at);
            if let Some(until) = snoozed_until {
                view.snoozed_until = Some(*until);
                local.round = local.round.saturating_add(1);
            }
        }
        Request::Receipt { notification, receipt, action } if *notification == item.id => match receipt {
            DeviceReceipt::Read => set(&mut view.read_at, Some(true), at),
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
                set(&mut view.read_at, Some(true), at);
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
