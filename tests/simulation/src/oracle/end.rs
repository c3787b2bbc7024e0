//! What must hold at the end, when everything has healed: nothing is left over, and every device has what the relay
//! has.

use std::collections::BTreeMap;

use tidings_core::model::parse_cursor;
use tidings_core::ports::{BookReader, DueReader, InboxReader};
use tidings_core::view::{self, Position};
use tidings_protocol::item::{Item, NotificationItem};
use tidings_protocol::{DeliveryState, NotificationId, Timestamp};
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
        let relay: BTreeMap<NotificationId, NotificationItem> = page
            .items
            .into_iter()
            .filter_map(|item| {
                if let Item::Notification(item) = item { Some((item.id.clone(), *item)) } else { None }
            })
            .collect();
        let rows: BTreeMap<NotificationId, NotificationItem> =
            device.store.rows().into_iter().map(|row| (row.item.id.clone(), row.item)).collect();
        for id in relay.keys().chain(rows.keys()) {
            // A watermark is a place to the relay and an instant to devices: where they part, docs/SIMULATION.md says so.
            let marked = self.oracle.rows().any(|(of, row)| of == id && row.marks.read.is_some());
            let contested = self.oracle.is_contested(id);
            let seen = |item: &NotificationItem| essence(item, marked && !contested, contested);
            let (theirs, ours) = (relay.get(id).map(seen), rows.get(id).map(seen));
            if theirs != ours {
                wrong.push(format!("device {number} has {ours:?} of {id}, the relay {theirs:?}"));
            }
        }
        wrong.dedup();
        wrong
    }
}

/// What a person would see different. When something was read may differ by the clocks.
fn essence(
    item: &NotificationItem,
    marked: bool,
    contested: bool,
) -> (String, u32, [bool; 3], Option<Timestamp>) {
    let view = &item.view;
    let marks = [
        marked && view.read_at.is_some(),
        !contested && view.archived_at.is_some(),
        view.acknowledged_at.is_some(),
    ];
    (item.content.title.clone(), item.round, marks, view.snoozed_until.filter(|_| !contested))
}
