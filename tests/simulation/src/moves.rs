//! What people, backend, operator and misfortune do, one move at a time.

use serde_json::json;
use tidings_core::act::{Act, SendTo};
use tidings_protocol::frame::DeviceFrame;
use tidings_protocol::item::{QuietHoursItem, QuietSpanItem};
use tidings_protocol::operation::{Feedback, Request};
use tidings_protocol::{Channel, Decision, DeviceReceipt, NotificationId, Priority, RecipientId};
use tidings_sdk_core::{Connection, DeviceStore};

use crate::device::{Device, receipt};
use crate::executor::{Owner, at_once};
use crate::node::Done;
use crate::publisher::{consent, preferences, recipient_in};
use crate::run::{Event, Simulation};

const ZONES: [&str; 5] =
    ["Europe/Berlin", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati"];
const CATEGORIES: [&str; 7] = ["general", "alerts", "orders", "urgent", "offers", "news", "tips"];
const ASKING: [&str; 3] = ["offers", "news", "tips"];

impl Simulation {
    /// How long until the next move: mostly soon, sometimes tomorrow.
    pub(crate) fn pause(&self) -> i64 {
        let chance = &mut self.world.inside().chance;
        match chance.below(100) {
            0..45 => chance.between(0, 5_000),
            45..78 => chance.between(10_000, 600_000),
            78..95 => chance.between(600_000, 7_200_000),
            _ => chance.between(7_200_000, 36_000_000),
        }
    }

    pub(crate) fn make_move(&mut self) {
        let roll = self.world.inside().chance.below(100);
        match roll {
            0..30 => self.fact(),
            30..42 => self.direct(),
            42..66 => self.tap(),
            66..74 => self.settings(),
            74..80 => self.backend(),
            80..84 => self.operate(),
            _ => self.misfortune(),
        }
    }

    fn somebody(&self) -> RecipientId {
        let mut inside = self.world.inside();
        inside.chance.pick(&self.people).recipient.clone()
    }

    fn fact(&mut self) {
        let (who, backup) = (self.somebody(), self.somebody());
        let (kind, order, whole) = {
            let chance = &mut self.world.inside().chance;
            let kinds = [
                "order.placed",
                "order.placed",
                "order.placed",
                "order.cancelled",
                "order.moved",
                "order.moved",
                "order.late",
                "order.late",
                "cart.left",
                "offer.made",
                "offer.made",
                "offer.made",
                "hour.offered",
                "sale.begun",
                "gone.soon",
                "gone.soon",
                "parcel.came",
                "parcel.came",
                "parcel.came",
                "payment.failed",
                "payment.failed",
                "payment.failed",
                "payment.done",
                "payment.done",
                "payment.done",
                "order.cancelled",
                "bad.words",
                "slow.step",
                "gone.soon",
                "bad.words",
                "nobody.listens",
            ];
            (*chance.pick(&kinds), format!("o{}", chance.below(4)), chance.happens(985))
        };
        let mut data = json!({"who": who.as_str(), "order": order, "backup": backup.as_str()});
        if !whole {
            data = json!({"order": order});
        }
        if kind.starts_with("order.") && self.world.inside().chance.happens(250) {
            // The same order is told of again.
            self.event(kind, data.clone());
        }
        self.event(kind, data);
        if kind == "payment.failed" && self.world.inside().chance.happens(200) {
            self.switch_off_unseen(&who);
        }
    }

    /// Nobody is there to see it, and the recipient has the category switched off before somebody is.
    fn switch_off_unseen(&mut self, who: &RecipientId) {
        let theirs = |device: &Device| self.people[device.person].recipient == *who;
        let devices: Vec<usize> = (0..self.devices.len()).filter(|n| theirs(&self.devices[*n])).collect();
        for device in devices {
            self.go_offline(device, 90_000);
        }
        for (delay, chosen) in [(20_000, false), (80_000, true)] {
            self.after(delay, Event::Switches { who: who.clone(), chosen });
        }
    }

    pub(crate) fn switch(&mut self, who: &RecipientId, chosen: bool) {
        let mut change = preferences(who);
        change.choices.insert(("urgent".parse().expect("a good id"), Channel::Inapp), chosen);
        self.request(Act::PutPreferences(Box::new(change)), false);
    }

    fn direct(&mut self) {
        let who = self.somebody();
        let (category, to, priority) = {
            let chance = &mut self.world.inside().chance;
            let category = *chance.pick(&CATEGORIES);
            let priority = chance.happens(150).then(|| *chance.pick(Priority::ALL));
            let to = match chance.below(10) {
                0..7 => SendTo::Recipients(vec![who]),
                7..9 => SendTo::Topic("fans".parse().expect("a good id")),
                _ => SendTo::Recipients(self.people.iter().map(|person| person.recipient.clone()).collect()),
            };
            (if chance.happens(160) { "letters" } else { category }, to, priority)
        };
        self.send(category, priority, to);
    }

    /// A person does something with what a device shows.
    fn tap(&mut self) {
        let device = self.world.inside().chance.below(self.devices.len());
        if self.devices[device].sync.is_none() {
            return;
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
        if let Request::Mark { notification, read, archived, .. } = &request
            && self.world.inside().chance.happens(400)
        {
            self.contradict(device, notification, read.map(|read| !read), archived.map(|archived| !archived));
        }
        self.ask(device, request);
    }

    /// Another device of the same person says the opposite at the same moment: the stamps decide, not what comes first.
    fn contradict(
        &mut self,
        device: usize,
        notification: &NotificationId,
        read: Option<bool>,
        archived: Option<bool>,
    ) {
        let shows = |other: &Device| {
            other.sync.is_some() && other.store.rows().iter().any(|row| row.item.id == *notification)
        };
        let same =
            |other: &usize| *other != device && self.devices[*other].person == self.devices[device].person;
        let others = (0..self.devices.len()).filter(same).find(|other| shows(&self.devices[*other]));
        let Some(other) = others else { return };
        let snoozed_until = (read.is_none() && archived.is_none()).then(|| self.world.clock(90_000));
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
        let until = self.world.clock(60_000);
        let frame = if self.world.inside().chance.happens(600) {
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
    fn settings(&mut self) {
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
                    channel: chance.happens(700).then_some(Channel::Inapp),
                    chosen: chance.happens(450),
                },
                2..4 => Request::QuietHours { quiet_hours: quiet_hours(chance.below(4)) },
                4..6 => Request::Pause {
                    until: chance.happens(600).then(|| now.plus_millis(chance.between(60_000, 20_000_000))),
                },
                6 => Request::Profile { time_zone: Some((*chance.pick(&ZONES)).to_owned()), locale: None },
                7 => Request::Endpoint {
                    channel: Channel::Push,
                    address: format!("push-{}", chance.below(3)),
                    code: None,
                },
                roll => Request::Consent {
                    category: chance.pick(&ASKING).parse().expect("a good id"),
                    channels: vec![Channel::Inapp],
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

    /// The backend changes what it knows.
    fn backend(&mut self) {
        let who = self.somebody();
        let roll = self.world.inside().chance.below(18);
        let noted = |simulation: &Self| {
            let notes = &simulation.notes.notifications;
            let newest = notes.len().saturating_sub(8);
            let mut inside = simulation.world.inside();
            (!notes.is_empty()).then(|| notes[newest + inside.chance.below(notes.len() - newest)].clone())
        };
        let act = match roll {
            0..2 => {
                let zone = *self.world.inside().chance.pick(&ZONES);
                recipient_in(&who, zone, false)
            }
            2..6 => {
                let mut inside = self.world.inside();
                let decisions =
                    [Decision::Granted, Decision::Granted, Decision::Withdrawn, Decision::Refused];
                let (category, decision) = (*inside.chance.pick(&ASKING), *inside.chance.pick(&decisions));
                consent(&who, category, decision)
            }
            6..8 => {
                let (topic, member) = {
                    let mut inside = self.world.inside();
                    (*inside.chance.pick(&["fans", "fans", "staff"]), inside.chance.happens(750))
                };
                Act::PutMembership { recipient: who, topic: topic.parse().expect("a good id"), member }
            }
            8..11 => match noted(self) {
                Some(id) => Act::Retract(id),
                None => return,
            },
            11 => match self.notes.sends.last() {
                Some(send) => Act::StopSend(send.clone()),
                None => return,
            },
            12..14 => match self.notes.failed.last() {
                Some(id) => Act::Replay(id.clone()),
                None => return,
            },
            14 => {
                let mut change = preferences(&who);
                change.paused_until = Some(None);
                Act::PutPreferences(Box::new(change))
            }
            15..17 => Act::PutEndpoint {
                recipient: who.clone(),
                channel: Channel::Email,
                address: Some((format!("{who}@example.org").into(), true)),
            },
            _ => Act::Erase(who),
        };
        self.request(act, false);
    }

    /// The operator changes what is live, while nobody writes.
    fn operate(&mut self) {
        let (roll, node) = {
            let mut inside = self.world.inside();
            (inside.chance.below(8), inside.chance.below(self.nodes.len()))
        };
        let (operator, truth, world) = (self.operator.clone(), self.truth.clone(), self.world.clone());
        let address: Box<str> = format!("{}@example.org", self.somebody()).into();
        let owner = Owner { node: usize::MAX - node, life: 0 };
        self.executor.spawn(owner, async move {
            let turn = tidings_core::ports::Store::begin(&truth).await;
            let mut setup = operator.inside();
            match roll {
                0..4 => setup.live = 3 - setup.live,
                4 if world.inside().chance.happens(500) || setup.stop.project => {
                    setup.stop.project = !setup.stop.project
                }
                5 => {
                    let rule = "order".parse().expect("a good id");
                    if !setup.stop.rules.remove(&rule) {
                        setup.stop.rules.insert(rule);
                    }
                }
                _ => {
                    if !setup.stopped_addresses.remove(&address) {
                        setup.stopped_addresses.insert(address);
                    }
                }
            }
            let live = setup.live;
            drop((setup, turn));
            world.trace(|| format!("operator changes {roll}, live {live}"));
            Done::Operated
        });
    }

    /// Something goes wrong that is not a single call.
    fn misfortune(&mut self) {
        if self.world.inside().trouble == 0 {
            return;
        }
        let roll = self.world.inside().chance.below(20);
        let device = self.world.inside().chance.below(self.devices.len());
        let node = self.world.inside().chance.below(self.nodes.len());
        let soon = self.world.inside().chance.between(100, 120_000);
        match roll {
            0..2 if self.nodes[node].up && self.world.fault("node crashes", 1_000) => {
                self.crash_node(node);
                self.after(soon, Event::NodeStarts { node });
            }
            2..5 if self.devices[device].sync.is_some() && self.world.fault("device crashes", 1_000) => {
                self.crash_device(device);
                self.after(soon, Event::DeviceStarts { device });
            }
            5..8 => self.break_wire(device, roll, soon),
            8..10 if self.world.fault("device offline", 1_000) => self.go_offline(device, soon * 20),
            10..12 if self.world.fault("partition", 1_000) => self.split(soon),
            12..14 => self.turn_clock(node, soon),
            14..17 => self.catch_up_elsewhere(device),
            _ => self.lose_cursor(device),
        }
    }

    fn break_wire(&mut self, device: usize, roll: usize, _soon: i64) {
        let Some(wire) = self.devices[device].wire else { return };
        if roll == 5 {
            if self.world.fault("wire dies silently", 1_000) {
                self.kill(wire);
            }
        } else if self.world.fault("wire cut", 1_000) {
            self.cut(wire);
        }
    }

    fn go_offline(&mut self, device: usize, for_ms: i64) {
        self.devices[device].offline = true;
        if let Some(wire) = self.devices[device].wire {
            self.cut(wire);
        }
        self.after(for_ms, Event::Online { device });
    }

    /// Half of the wires stand still.
    fn split(&mut self, for_ms: i64) {
        let ids: Vec<u64> = self.wires.keys().copied().collect();
        for wire in ids {
            if self.world.inside().chance.happens(500) {
                self.partition(wire, true);
                self.after(for_ms, Event::Heals { wire });
                // A push wakes the second process meanwhile.
                let device = self.wires[&wire].device;
                self.after(for_ms / 2, Event::Elsewhere { device });
            }
        }
    }

    /// A node's clock is set: a little at once; a large jump makes its due work wait until the clock is back.
    fn turn_clock(&mut self, node: usize, for_ms: i64) {
        if self.world.inside().chance.happens(700) {
            if self.world.fault("clock step", 1_000) {
                let error = self.world.inside().chance.between(-25_000, 25_000);
                self.nodes[node].clock.error_ms.store(error, std::sync::atomic::Ordering::Relaxed);
                self.world.trace(|| format!("clock of node {node} is {error} ms off"));
            }
        } else if self.world.fault("clock jump", 1_000) {
            self.nodes[node].jumped = true;
            let life = self.nodes[node].life;
            self.after(for_ms, Event::ClockBack { node, life });
        }
    }

    /// The device's file is restored from an older copy in which the cursor is another: the relay says what follows.
    fn lose_cursor(&mut self, device: usize) {
        let known = self.devices[device].sync.is_some() && self.devices[device].store.cursor().is_some();
        if known && !self.devices[device].resetting && self.world.fault("content dropped", 150) {
            self.crash_device(device);
            let Ok(()) = at_once(self.devices[device].store.drop_content());
            self.after(1_000, Event::DeviceStarts { device });
        }
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
