//! What must hold at the end, when everything has healed: nothing is left over, and every device has what the relay
//! has.

use std::collections::BTreeMap;

use tidings_core::model::parse_cursor;
use tidings_core::ports::{BookReader, DueReader, InboxReader};
use tidings_core::view::{self, Position};
use tidings_protocol::item::{CategoryItem, Item, NotificationItem, SettingsItem};
use tidings_protocol::{Channel, DeliveryState, NotificationId, Stamp, Timestamp};
use tidings_sdk_core::{Connection, DeviceStore};

use crate::executor::at_once;
use crate::run::Simulation;

/// How late work may be, in milliseconds: a look and the clocks' errors.
const LATE_MAX: i64 = 60_000;

impl Simulation {
    pub(crate) fn judge(&mut self) {
        let mut wrong = Vec::new();
        if !self.requests.is_empty() {
            wrong.push(format!("{} requests were never answered", self.requests.len()));
        }
        let late = Timestamp::from_millis(self.world.now() - LATE_MAX);
        if let Ok(Some(due)) = at_once(self.truth.next_due())
            && due < late
        {
            wrong.push(format!("work that was due at {due} is left over"));
        }
        let stuck = at_once(self.truth.stuck(&self.project, self.world.clock(0), 10)).unwrap_or_default();
        if !stuck.is_empty() {
            wrong.push(format!("nothing moves {stuck:?}"));
        }
        // What waits in a stopped project waits for its operator.
        if !self.operator.inside().stop.project {
            wrong.extend(self.oracle.overdue(late));
        }
        for device in 0..self.devices.len() {
            wrong.extend(self.judge_device(device));
        }
        for (id, row) in self.oracle.rows() {
            let placed = row.inapp.is_some_and(|inapp| inapp.state == DeliveryState::Placed);
            if placed && row.is_visible() {
                wrong.push(format!("{id} is on every device and not received"));
            }
        }
        wrong.into_iter().for_each(|what| self.oracle.violation(what));
    }

    fn judge_device(&self, number: usize) -> Vec<String> {
        let device = &self.devices[number];
        let mut wrong = Vec::new();
        if device.connection() != Some(Connection::Live) {
            wrong.push(format!("device {number} is {:?}", device.connection()));
            return wrong;
        }
        let Ok(loaded) = at_once(device.store.load());
        if !loaded.outbox.is_empty() || !device.asked.is_empty() {
            wrong.push(format!("device {number} still asks {:?} and {:?}", loaded.outbox, device.asked));
        }
        let person = &self.people[device.person];
        let Ok(page) = at_once(self.truth.page(person, None, usize::MAX)) else { return wrong };
        let page = view::page(&page, &self.operator.live(), Position::default());
        if device.store.cursor().as_ref() != Some(&page.to) {
            wrong.push(format!(
                "device {number} is at {:?}, the relay at {}",
                device.store.cursor(),
                page.to
            ));
        }
        let place = parse_cursor(&page.to).map(|(_, place)| place);
        let held = self.oracle.held(person, &loaded.identity.device);
        if held != place {
            wrong.push(format!("device {number} holds {place:?}, and the relay knows of {held:?}"));
        }
        let Ok(settings) = at_once(device.store.settings());
        let mut relay = BTreeMap::new();
        for item in page.items {
            match item {
                Item::Notification(item) => drop(relay.insert(item.id.clone(), *item)),
                Item::Settings(theirs) => wrong.extend(unlike(number, settings.as_ref(), &theirs)),
                Item::ReadUpTo { .. } | Item::Retracted { .. } | Item::Erased | Item::Unknown => {}
            }
        }
        let rows: BTreeMap<NotificationId, NotificationItem> =
            device.store.rows().into_iter().map(|row| (row.item.id.clone(), row.item)).collect();
        for id in relay.keys().chain(rows.keys()) {
            let (theirs, ours) = (relay.get(id).map(essence), rows.get(id).map(essence));
            if theirs != ours {
                wrong.push(format!("device {number} has {ours:?} of {id}, the relay {theirs:?}"));
            }
        }
        wrong.dedup();
        wrong
    }
}

/// Where the settings of a device are not the relay's. Categories come with the operator's document, which may be a
/// newer one than the device has heard of: what both know is compared.
fn unlike(number: usize, ours: Option<&SettingsItem>, theirs: &SettingsItem) -> Vec<String> {
    let Some(ours) = ours else { return vec![format!("device {number} has no settings")] };
    let mut wrong = Vec::new();
    let own = |item: &SettingsItem| (item.profile.clone(), item.quiet_hours.clone(), item.paused_until);
    if own(ours) != own(theirs) {
        wrong.push(format!("device {number} has {:?}, the relay {:?}", own(ours), own(theirs)));
    }
    for (a, b) in ours.categories.iter().flat_map(|a| theirs.categories.iter().map(move |b| (a, b))) {
        let channels = a.channels.iter().filter(|channel| b.channels.contains(channel));
        let decided = |item: &CategoryItem, channel: &Channel| {
            (item.chosen.get(channel).copied(), item.consent.get(channel).copied())
        };
        for channel in channels.filter(|_| a.id == b.id) {
            let (ours, theirs) = (decided(a, channel), decided(b, channel));
            if ours != theirs {
                let of = format!("{} on {channel}", a.id);
                wrong.push(format!("device {number} has {ours:?} of {of}, the relay {theirs:?}"));
            }
        }
    }
    wrong
}

/// What a person would see different, and what decides what they see next. When something was read or archived may
/// differ by the clocks.
fn essence(item: &NotificationItem) -> (&str, u64, u32, [bool; 3], Option<&Stamp>, Option<Timestamp>) {
    let view = &item.view;
    let marks = [view.read_at.is_some(), view.archived_at.is_some(), view.acknowledged_at.is_some()];
    (&item.content.title, item.place, item.round, marks, view.unread.as_ref(), view.snoozed_until)
}
