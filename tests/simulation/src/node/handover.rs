//! A node hands deliveries over as the server does: it looks which lanes have something due, claims, asks the provider, and
//! tells the writer what came of it. What a node that died had begun has an outcome that nobody knows.

use std::collections::BTreeSet;

use tidings_core::act::{Act, Answer, Refusal, Report, Settled, Unit};
use tidings_core::delivery::{Handover, Outcome};
use tidings_core::model::PersonKey;
use tidings_core::ports::{Begun, HandoverReader};
use tidings_protocol::{Channel, Timestamp};

use super::{Done, LOOK_EVERY, Reply};
use crate::executor::{Owner, at_once};
use crate::run::{Event, Simulation};

/// How long after a node's death others take it for dead, in milliseconds.
const DEAD_AFTER: i64 = 30_000;
/// After so long a node looks again whether a project that was stopped goes on, in milliseconds.
const STOPPED_PAUSE: i64 = 60_000;
/// After so long a node tells again what came of an attempt, in milliseconds.
const RETRY_AFTER: i64 = 1_000;

/// An attempt that was begun.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    delivery: Box<str>,
    number: u32,
    outcome: Outcome,
}

/// What a look at the lanes found, each with until when its provider is left alone.
pub(crate) type Claims = Vec<(Box<str>, PersonKey, Option<Timestamp>)>;

impl Simulation {
    /// The node's incarnation: another one in each of its lives.
    fn incarnation(&self, node: usize) -> u64 {
        (node as u64 + 1) << 32 | self.nodes[node].life
    }

    /// Looks soon after the first lane has something due.
    pub(super) fn plan_next_lanes(&mut self, node: usize) {
        let Ok(lanes) = at_once(self.truth.handover_lanes()) else { return };
        let Some(at) = lanes.iter().map(|lane| lane.due).min() else { return };
        let error = self.nodes[node].clock.error_ms.load(std::sync::atomic::Ordering::Relaxed);
        let late = self.world.inside().chance.between(1, LOOK_EVERY);
        let at = (at.as_millis() - error).max(self.world.now()) + late;
        self.plan_lanes(node, at);
    }

    pub(crate) fn plan_lanes(&mut self, node: usize, at: i64) {
        let relay = &mut self.nodes[node];
        if relay.up && relay.lanes_at.is_none_or(|planned| at < planned) {
            relay.lanes_at = Some(at);
            let life = relay.life;
            self.at(at, Event::Lanes { node, life, at });
        }
    }

    pub(crate) fn look_at_lanes(&mut self, node: usize, at: i64) {
        let relay = &mut self.nodes[node];
        if relay.lanes_at != Some(at) {
            return;
        }
        relay.lanes_at = None;
        if relay.claiming || relay.jumped {
            return;
        }
        if self.operator.inside().stop.project {
            let again = self.world.now() + STOPPED_PAUSE;
            self.plan_lanes(node, again);
            return;
        }
        let relay = &mut self.nodes[node];
        relay.claiming = true;
        let (reader, now) = (relay.reader.clone(), relay.now());
        let stale = std::mem::take(&mut relay.stale_claims);
        let (owner, world) = (Owner { node, life: relay.life }, self.world.clone());
        self.executor.spawn(owner, async move {
            let (mut claims, mut failed) = (Claims::new(), false);
            let lanes = reader.handover_lanes().await;
            failed |= lanes.is_err();
            for lane in lanes.unwrap_or_default().into_iter().filter(|lane| lane.due <= now) {
                let room = world.inside().chance.below(4) + 1;
                // Only text messages have another provider to go to.
                let rests = lane.provider.starts_with("sms") && world.fault("provider rests", 150);
                let until = rests.then(|| now.plus_millis(world.inside().chance.between(1_000, 300_000)));
                match reader.due_handovers(&lane, now, room).await {
                    Ok(due) => claims.extend(due.into_iter().map(|row| (row.delivery, row.person, until))),
                    Err(_) => failed = true,
                }
            }
            if !stale.is_empty() && world.fault("stale claims", 200) {
                claims.extend(stale);
            }
            Done::Claims { claims, failed }
        });
    }

    pub(super) fn claim(&mut self, node: usize, claims: Claims, failed: bool) {
        self.nodes[node].claiming = false;
        self.nodes[node].stale_claims.clone_from(&claims);
        let taken = !claims.is_empty();
        for (delivery, person, rests_until) in claims {
            let (owner, present_until) = (self.incarnation(node), self.present_until(node, &person));
            let address_rests_until = self.world.fault("address rests", 60).then(|| {
                let rest = self.world.inside().chance.between(1_000, 300_000);
                self.nodes[node].now().plus_millis(rest)
            });
            let act = Act::HandOver {
                delivery: delivery.clone(),
                owner,
                present_until,
                rests_until,
                address_rests_until,
            };
            self.nodes[node].claims_open += 1;
            self.submit_of_relay(node, act, Reply::Claim(delivery));
        }
        if taken || failed {
            let again = self.world.now() + LOOK_EVERY;
            self.plan_lanes(node, again);
        } else {
            self.plan_next_lanes(node);
        }
    }

    /// Until when somebody says to be at a device that this node serves.
    fn present_until(&self, node: usize, person: &PersonKey) -> Option<Timestamp> {
        let sessions = self.nodes[node].registered.get(person).into_iter().flatten();
        sessions.filter_map(|wire| self.wires.get(wire)?.session.active_until()).max()
    }

    pub(super) fn submit_of_relay(&mut self, node: usize, act: Act, reply: Reply) {
        let unit = Unit { project: self.project.clone(), sandbox: false, repeat: None, act };
        self.submit(node, unit, reply);
    }

    /// A claim was answered. Whoever was not told whether it took effect asks which of its own are begun.
    pub(super) fn claimed(&mut self, node: usize, delivery: &str, settled: Settled) {
        self.nodes[node].claims_open -= 1;
        match settled.answer {
            Ok(Answer::Handover(Some(handover))) => self.hand_to_provider(node, &handover),
            Ok(_) => {}
            Err(refusal) if refusal.is_transient() => {
                let life = self.nodes[node].life;
                self.after(RETRY_AFTER, Event::Recover { node, life });
            }
            Err(refusal) => self.oracle.violation(format!("the claim of {delivery} was refused: {refusal}")),
        }
    }

    fn hand_to_provider(&mut self, node: usize, handover: &Handover) {
        let life = self.nodes[node].life;
        self.nodes[node].under_way.insert((handover.delivery.clone(), handover.attempt));
        let answered = match self.providers.ask(&self.world, handover) {
            Ok(answered) => answered,
            Err(other) => {
                let (key, delivery) = (&handover.key, &handover.delivery);
                self.oracle.violation(format!("{delivery} is handed over with the key {key} of {other}"));
                return;
            }
        };
        self.world.trace(|| {
            let Handover { delivery, attempt, provider, key, .. } = handover;
            let (outcome, took) = (&answered.outcome, answered.took);
            format!(
                "node {node} hands {delivery} to {provider}, attempt {attempt}, key {key}: {outcome:?}, took {took}"
            )
        });
        let times = self.providers.times_taken(&handover.delivery);
        if times > 2 {
            self.oracle.violation(format!("{} was taken {times} times", handover.delivery));
        }
        if self.world.fault("owner taken for dead", 60) {
            let other = self.world.inside().chance.below(self.nodes.len());
            let delay = self.world.inside().chance.between(0, answered.delay);
            let event = Event::Believed {
                node: other,
                life: self.nodes[other].life,
                delivery: handover.delivery.clone(),
                attempt: handover.attempt,
            };
            self.after(delay, event);
        }
        let attempt = Box::new(Attempt {
            delivery: handover.delivery.clone(),
            number: handover.attempt,
            outcome: answered.outcome,
        });
        self.after(answered.delay, Event::Attempted { node, life, attempt });
    }

    /// The node knows what came of an attempt, and tells it until it is written.
    pub(crate) fn attempted(&mut self, node: usize, attempt: Box<Attempt>) {
        self.oracle.was_said(&attempt.delivery, attempt.number, &attempt.outcome);
        let act = Act::Conclude {
            delivery: attempt.delivery.clone(),
            attempt: attempt.number,
            outcome: attempt.outcome.clone(),
        };
        self.submit_of_relay(node, act, Reply::Conclusion(attempt));
    }

    /// What came of an attempt was written, or was not.
    pub(super) fn concluded(&mut self, node: usize, attempt: Box<Attempt>, answer: &Result<Answer, Refusal>) {
        match answer {
            Err(refusal) if refusal.is_transient() => {
                let life = self.nodes[node].life;
                self.after(RETRY_AFTER, Event::Attempted { node, life, attempt });
            }
            Err(refusal) => {
                self.oracle.violation(format!("what came of {} was refused: {refusal}", attempt.delivery));
            }
            Ok(_) => {
                self.nodes[node].under_way.remove(&(attempt.delivery.clone(), attempt.number));
                if let Outcome::Accepted { .. } = attempt.outcome {
                    self.oracle.was_taken(&attempt.delivery);
                    self.plan_report(&attempt.delivery);
                }
            }
        }
    }

    /// Somebody outside tells what became of what a provider took.
    fn plan_report(&mut self, delivery: &str) {
        let (roll, delay, calm) = {
            let mut inside = self.world.inside();
            (inside.chance.below(20), inside.chance.between(500, 900_000), inside.calm || inside.trouble == 0)
        };
        let report = match roll {
            0..7 => Report::Received,
            7..10 if !calm => Report::Bounced("550 no such mailbox".into()),
            10 => Report::Told("a complaint".into()),
            11 => Report::Opened,
            12 => Report::Clicked,
            _ => return,
        };
        self.after(delay, Event::Reported { delivery: delivery.into(), report });
    }

    pub(crate) fn reported(&mut self, delivery: Box<str>, report: Report) {
        self.request(Act::Report { delivery, report }, false);
    }

    /// A node that was taken for dead is not, and its attempt goes on.
    pub(crate) fn believed_dead(&mut self, node: usize, delivery: Box<str>, number: u32) {
        let outcome = Outcome::Unknown { code: "node_died".into() };
        self.attempted(node, Box::new(Attempt { delivery, number, outcome }));
    }
}

/// What dead nodes had begun.
impl Simulation {
    pub(crate) fn plan_recovery(&mut self, node: usize) {
        let life = self.nodes[node].life;
        self.after(0, Event::Recover { node, life });
    }

    /// The others notice after a while that a node is dead.
    pub(super) fn plan_recovery_elsewhere(&mut self, dead: usize) {
        for node in (0..self.nodes.len()).filter(|node| *node != dead) {
            let life = self.nodes[node].life;
            self.after(DEAD_AFTER, Event::Recover { node, life });
        }
    }

    pub(crate) fn recover(&mut self, node: usize) {
        let owner = Owner { node, life: self.nodes[node].life };
        let reader = self.nodes[node].reader.clone();
        self.executor.spawn(owner, async move {
            let (mut begun, mut after) = (Vec::new(), None::<Box<str>>);
            // Small pages, so that there are several.
            while let Ok(rows) = reader.begun_handovers(after.as_deref(), 3).await {
                let Some(last) = rows.last() else { return Done::Begun { begun, failed: false } };
                after = Some(last.delivery.clone());
                begun.extend(rows);
            }
            Done::Begun { begun, failed: true }
        });
    }

    pub(super) fn recovered(&mut self, node: usize, begun: Vec<Begun>, failed: bool) {
        // A claim that is not answered yet may be begun, and is not lost.
        let unsure = self.nodes[node].claims_open > 0;
        if failed || unsure {
            let life = self.nodes[node].life;
            self.after(RETRY_AFTER, Event::Recover { node, life });
        }
        let up = (0..self.nodes.len()).filter(|other| self.nodes[*other].up);
        let alive: BTreeSet<u64> = up.map(|other| self.incarnation(other)).collect();
        let own = self.incarnation(node);
        for row in begun {
            let owner = row.owner.unwrap_or_default();
            let key = (row.delivery.clone(), row.attempt);
            // A claim of its own that it was not told of was never begun.
            let lost = owner == own && !unsure && !self.nodes[node].under_way.contains(&key);
            let outcome = match (lost, alive.contains(&owner)) {
                (true, _) => Outcome::transient("claim_lost"),
                (false, true) => continue,
                (false, false) => Outcome::Unknown { code: "node_died".into() },
            };
            self.attempted(node, Box::new(Attempt { delivery: row.delivery, number: row.attempt, outcome }));
        }
    }

    /// Mailboxes and numbers that nobody is behind go onto the stop list.
    pub(super) fn stop_gone(&mut self, gone: Vec<(tidings_protocol::ProjectId, Channel, Box<str>)>) {
        if gone.is_empty() {
            return;
        }
        self.set_up("stops what is gone", |setup| {
            setup.stopped_addresses.extend(gone.into_iter().map(|(_, _, address)| address));
        });
    }
}
