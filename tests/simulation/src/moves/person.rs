//! What a person does on a device: taps, settings, and reactions to what was shown.

use tidings_protocol::frame::DeviceFrame;
use tidings_protocol::item::{QuietHoursItem, QuietSpanItem};
use tidings_protocol::operation::{Feedback, Request};
use tidings_protocol::{Channel, Decision, DeviceReceipt, NotificationId};
use tidings_sdk_core::{Connection, DeviceStore};

use super::{ASKING, CATEGORIES, ZONES, address_of};
use crate::device::{Device, receipt};
use crate::executor::at_once;
use crate::run::{Event, Simulation};

impl Simulation {
    /// A person does something with what a device shows.
    pub(super) fn tap(&mut self) {
        let device = self.world.inside().chance.below(self.devices.len());
        if self.devices[device].sync.is_none() {
            return;
        }
        if self.world.inside().chance.happens(400) {
            self.presence(device);
        }
        let rows = self.devices[device].store.rows();
        let roll = self.world.inside().chance.below(24);
        if rows.is_empty() || roll == 0 {
            return self.presence(device);
        }
        let row = {
            let newest = rows.len().saturating_sub(6);
            let mut inside = self.world.inside();
            rows[newest + inside.chance.below(rows.len() - newest)].clone()
        };
        let id = row.item.id.clone();
        let request = match roll {
            1..5 => receipt(&id, DeviceReceipt::Read),
            5..7 => receipt(&id, DeviceReceipt::Clicked),
            7 => receipt(&id, DeviceReceipt::Dismissed),
            8..11 => receipt(&id, DeviceReceipt::Acknowledged),
            11..13 => Request::Receipt {
                notification: id,
                receipt: DeviceReceipt::Acted,
                action: Some(if roll == 11 { "take" } else { "look" }.to_owned()),
            },
            13..19 => self.mark(id, roll),
            19..21 => Request::Feedback { notification: id, value: Feedback::Useful },
            _ => {
                let Some(cursor) = self.devices[device].store.cursor() else { return };
                let category = (roll == 21).then(|| row.item.category.clone());
                Request::ReadUpTo { cursor, category }
            }
        };
        let is_mark = matches!(request, Request::Mark { .. } | Request::ReadUpTo { .. });
        if is_mark && self.world.inside().chance.happens(400) {
            self.contradict(device, &row.item.id, &request);
        }
        self.ask(device, request);
    }

    /// Another device of the same person says the opposite at the same moment: the stamps decide, not what comes first.
    fn contradict(&mut self, device: usize, notification: &NotificationId, request: &Request) {
        let (read, archived, snoozed_until) = match request {
            Request::Mark { read, archived, snoozed_until, .. } => (
                read.map(|read| !read),
                archived.map(|archived| !archived),
                snoozed_until.map(|_| self.world.clock(90_000)),
            ),
            Request::ReadUpTo { .. } => (Some(false), None, None),
            Request::Held { .. }
            | Request::Receipt { .. }
            | Request::Preference { .. }
            | Request::QuietHours { .. }
            | Request::Pause { .. }
            | Request::Profile { .. }
            | Request::Consent { .. }
            | Request::Endpoint { .. }
            | Request::Feedback { .. } => return,
        };
        let shows = |other: &Device| {
            other.sync.is_some() && other.store.rows().iter().any(|row| row.item.id == *notification)
        };
        let same =
            |other: &usize| *other != device && self.devices[*other].person == self.devices[device].person;
        let others = (0..self.devices.len()).filter(same).find(|other| shows(&self.devices[*other]));
        let Some(other) = others else { return };
        self.ask(other, Request::Mark { notification: notification.clone(), read, archived, snoozed_until });
    }

    fn mark(&self, notification: NotificationId, roll: usize) -> Request {
        let now = self.world.clock(0);
        let until = now.plus_millis(self.world.inside().chance.between(60_000, 7_200_000));
        Request::Mark {
            notification,
            read: (roll < 15).then_some(roll == 13),
            archived: match roll {
                15 => Some(true),
                16 => Some(false),
                _ => None,
            },
            snoozed_until: (roll >= 17).then_some(until),
        }
    }

    /// A person is at the device; some clients say things that this relay does not know.
    fn presence(&mut self, device: usize) {
        let ahead = self.world.inside().chance.between(60_000, 900_000);
        let until = self.world.clock(ahead);
        let frame = if self.world.inside().chance.happens(800) {
            DeviceFrame::Active { until }
        } else {
            DeviceFrame::Unknown
        };
        if let Some(wire) = self.devices[device].wire
            && matches!(self.devices[device].connection(), Some(Connection::Live | Connection::CatchingUp))
        {
            self.send_up(wire, frame);
        }
    }

    /// A person changes what they like, on a device.
    pub(super) fn settings(&mut self) {
        let device = self.world.inside().chance.below(self.devices.len());
        if self.devices[device].sync.is_none() {
            return;
        }
        let now = self.world.clock(0);
        let Ok(known) = at_once(self.devices[device].store.settings());
        let policy = known.and_then(|settings| settings.policy).map(|policy| policy.version);
        let cursor = self.devices[device].store.cursor();
        let request = {
            let chance = &mut self.world.inside().chance;
            match chance.below(12) {
                0..2 => Request::Preference {
                    category: chance.pick(&CATEGORIES).parse().expect("a good id"),
                    channel: chance.happens(850).then(|| {
                        *chance.pick(&[
                            Channel::Inapp,
                            Channel::Inapp,
                            Channel::Push,
                            Channel::Email,
                            Channel::Sms,
                        ])
                    }),
                    chosen: chance.happens(450),
                },
                2..4 => Request::QuietHours { quiet_hours: quiet_hours(chance.below(4)) },
                4..6 => Request::Pause {
                    until: chance.happens(600).then(|| now.plus_millis(chance.between(60_000, 20_000_000))),
                },
                6 => Request::Profile { time_zone: Some((*chance.pick(&ZONES)).to_owned()), locale: None },
                7 => Request::Endpoint {
                    channel: Channel::Push,
                    address: address_of(&chance.pick(&self.people).recipient, Channel::Push).into(),
                    code: None,
                },
                roll => Request::Consent {
                    category: chance.pick(&ASKING).parse().expect("a good id"),
                    channels: if chance.happens(300) { Vec::new() } else { vec![Channel::Inapp] },
                    decision: match roll {
                        8..10 => Decision::Granted,
                        10 => Decision::Withdrawn,
                        _ => Decision::Refused,
                    },
                    policy_version: policy,
                    text_shown: Some("What we send".to_owned()),
                    cursor,
                },
            }
        };
        self.ask(device, request);
    }
}

/// What a person does with something that was just shown.
impl Simulation {
    pub(crate) fn plan_reaction(&mut self, device: usize, id: &NotificationId) {
        let (reacts, delay) = {
            let mut inside = self.world.inside();
            let calm = inside.calm;
            (inside.chance.happens(if calm { 0 } else { 250 }), inside.chance.between(2_000, 900_000))
        };
        if reacts {
            let life = self.devices[device].life;
            self.after(delay, Event::Reacts { device, life, id: id.clone() });
        }
    }

    pub(crate) fn react(&mut self, device: usize, id: &NotificationId) {
        let rows = self.devices[device].store.rows();
        if self.devices[device].sync.is_none() || !rows.iter().any(|row| row.item.id == *id) {
            return;
        }
        self.presence(device);
        let roll = self.world.inside().chance.below(4);
        let kinds = [DeviceReceipt::Read, DeviceReceipt::Clicked, DeviceReceipt::Acknowledged];
        let request = match kinds.get(roll) {
            Some(kind) => receipt(id, *kind),
            None => Request::Receipt {
                notification: id.clone(),
                receipt: DeviceReceipt::Acted,
                action: Some("take".to_owned()),
            },
        };
        self.ask(device, request);
    }
}

/// Some quiet hours that a person may set.
fn quiet_hours(which: usize) -> Option<QuietHoursItem> {
    let span = |from: &str, to: &str| QuietSpanItem { from: from.to_owned(), to: to.to_owned(), days: None };
    match which {
        0 => None,
        1 => Some(QuietHoursItem { spans: Vec::new(), time_zone: None }),
        2 => Some(QuietHoursItem {
            spans: vec![span("12:00", "14:30"), span("23:30", "06:00")],
            time_zone: None,
        }),
        _ => Some(QuietHoursItem {
            spans: vec![span("20:00", "09:00")],
            time_zone: Some("America/New_York".to_owned()),
        }),
    }
}
