//! What people, backend, operator and misfortune do, one move at a time.

mod misfortune;
mod person;

use serde_json::json;
use tidings_core::act::{Act, SendTo};
use tidings_protocol::{Channel, Decision, Priority, RecipientId};

use crate::device::Device;
use crate::executor::Owner;
use crate::node::Done;
use crate::publisher::{consent, preferences, recipient_in};
use crate::run::{Event, Simulation};
use crate::store::Setup;

const ZONES: [&str; 5] =
    ["Europe/Berlin", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati"];
const CATEGORIES: [&str; 9] =
    ["general", "alerts", "orders", "urgent", "offers", "news", "tips", "letters", "calls"];
const ASKING: [&str; 4] = ["offers", "news", "tips", "calls"];

/// A push address to which no provider of the simulated project leads.
pub(crate) const NOWHERE: &str = "fcm:token";

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
                "alarm.rang",
                "alarm.rang",
                "alarm.rang",
                "alarm.rang",
                "alarm.off",
                "alarm.off",
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
            let category = match chance.below(100) {
                0..16 => "letters",
                16..32 => "calls",
                _ => category,
            };
            (category, to, priority)
        };
        self.send(category, priority, to);
        if matches!(category, "letters" | "calls") && self.world.inside().chance.happens(700) {
            self.address_goes(category);
        }
    }

    /// Somebody's address goes while something may be on its way to it, and comes back a little later.
    fn address_goes(&mut self, category: &str) {
        let who = self.somebody();
        let (stopped, soon) = {
            let chance = &mut self.world.inside().chance;
            (chance.happens(500), chance.between(100, 60_000))
        };
        let channel = if category == "letters" { Channel::Email } else { Channel::Sms };
        self.after(soon, Event::Address { who: who.clone(), channel, stopped, there: false });
        self.after(soon + 400_000, Event::Address { who, channel, stopped, there: true });
    }

    pub(crate) fn address(&mut self, who: RecipientId, channel: Channel, stopped: bool, there: bool) {
        let address = address_of(&who, channel);
        if stopped {
            self.set_up("stops an address", move |setup| {
                let _changed = if there {
                    setup.stopped_addresses.remove(&address)
                } else {
                    setup.stopped_addresses.insert(address)
                };
            });
        } else {
            let address = there.then_some((address, true));
            self.request(Act::PutEndpoint { recipient: who, channel, address }, false);
        }
    }

    /// The backend changes what it knows.
    fn backend(&mut self) {
        let who = self.somebody();
        let roll = self.world.inside().chance.below(24);
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
            12 => match self.notes.failed.last() {
                Some(id) => Act::Replay(id.clone()),
                None => return,
            },
            13 => match self.oracle.failed_by_deliveries().last() {
                Some(id) => Act::Replay(id.clone()),
                None => return,
            },
            14 => {
                let mut change = preferences(&who);
                change.paused_until = Some(None);
                Act::PutPreferences(Box::new(change))
            }
            15..20 => self.endpoint(who),
            20..22 => match self.dead_delivery() {
                Some(delivery) => Act::ReplayDelivery(delivery),
                None => return,
            },
            _ => Act::Erase(who),
        };
        self.request(act, false);
    }

    /// An address is set, taken away, or, for push, moved to somebody else.
    fn endpoint(&self, who: RecipientId) -> Act {
        let mut inside = self.world.inside();
        let channel = *inside.chance.pick(&[Channel::Email, Channel::Sms, Channel::Push]);
        let owner = if channel == Channel::Push {
            inside.chance.pick(&self.people).recipient.clone()
        } else {
            who.clone()
        };
        let address = match inside.chance.below(10) {
            0..4 => None,
            // No provider of the simulated project leads there.
            4..7 if channel == Channel::Push => Some((NOWHERE.into(), true)),
            _ => Some((address_of(&owner, channel), true)),
        };
        Act::PutEndpoint { recipient: who, channel, address }
    }

    fn dead_delivery(&self) -> Option<Box<str>> {
        let dead = self.oracle.dead_deliveries();
        let mut inside = self.world.inside();
        (!dead.is_empty()).then(|| inside.chance.pick(&dead).clone())
    }

    /// The operator changes something.
    fn operate(&mut self) {
        let (roll, whole) = {
            let mut inside = self.world.inside();
            (inside.chance.below(9), inside.chance.happens(500))
        };
        let channel = *self.world.inside().chance.pick(&[Channel::Email, Channel::Sms]);
        let address = address_of(&self.somebody(), channel);
        self.set_up("changes something", move |setup| match roll {
            0..4 => setup.live = 3 - setup.live,
            4 if whole || setup.stop.project => setup.stop.project = !setup.stop.project,
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
        });
    }

    /// Changes what is live, while nobody writes.
    pub(crate) fn set_up(&mut self, what: &'static str, change: impl FnOnce(&mut Setup) + Send + 'static) {
        let (operator, truth, world) = (self.operator.clone(), self.truth.clone(), self.world.clone());
        self.executor.spawn(Owner { node: usize::MAX, life: 0 }, async move {
            let turn = tidings_core::ports::Store::begin(&truth).await;
            let live = {
                let mut setup = operator.inside();
                change(&mut setup);
                setup.live
            };
            drop(turn);
            world.trace(|| format!("operator {what}, live {live}"));
            Done::Operated
        });
    }
}

/// The address of somebody on a channel.
pub(crate) fn address_of(recipient: &RecipientId, channel: Channel) -> Box<str> {
    match channel {
        Channel::Email => format!("{recipient}@example.org").into(),
        Channel::Push => format!("{{\"endpoint\":\"https://push.example/{recipient}\"}}").into(),
        Channel::Sms | Channel::Inapp | Channel::Webhook => {
            let digits: String = recipient.as_str().chars().filter(char::is_ascii_digit).collect();
            format!("+4915112345{digits}").into()
        }
    }
}
