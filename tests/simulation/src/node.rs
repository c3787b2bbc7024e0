//! The relay's side: nodes that gather acts and commit them, the sessions of devices, hints, and the due loop. It is
//! as thin as the server's, and does what the server does around the core.

mod dispatch;
mod handover;
mod session;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tidings_core::act::{AfterCommit, Answer, Hint, Refusal, Settled, Unit};
use tidings_core::flows::{Node, commit_together};
use tidings_core::model::{DueRow, Lane, PersonKey};
use tidings_core::ports::{Begun, Clock};
use tidings_core::session::LiveChange;
use tidings_core::view;
use tidings_protocol::frame::{Bye, ChangesPage, RelayFrame};
use tidings_protocol::{NotificationId, Timestamp};
use tidings_sdk_core::DeviceStore;
use tidings_store::MemoryStore;

pub(crate) use self::handover::Attempt;
use self::handover::Claims;
use crate::executor::{Owner, at_once};
use crate::run::{Event, Simulation};
use crate::store::{NodeClock, NodeFaults, Observed, Operator, SeededIds};
use crate::world::World;

/// Acts that one transaction takes.
const UNITS_MAX: usize = 8;
/// Transactions that a node has under way at once.
const COMMITS_MAX: usize = 2;
/// Without a bell the dispatch looks this often, in milliseconds.
const LOOK_EVERY: i64 = 1_000;
/// How often heads are compared, in milliseconds.
const HEADS_EVERY: i64 = 60_000;
const LANES: [Lane; 3] = [Lane::Release, Lane::Step, Lane::FanOut];

/// One node of the relay.
pub struct RelayNode {
    pub(crate) up: bool,
    pub(crate) life: u64,
    pub(crate) clock: Arc<NodeClock>,
    pub(crate) flows: Node,
    pub(crate) reader: MemoryStore,
    pub(crate) waiting: Vec<(Unit, Reply)>,
    committing: usize,
    gathering: bool,
    looking: bool,
    look_at: Option<i64>,
    heads_at: Option<i64>,
    /// The dispatch waits: the wall clock jumped.
    pub(crate) jumped: bool,
    pub(crate) registered: BTreeMap<PersonKey, BTreeSet<u64>>,
    hints_sent: u64,
    hints_heard: BTreeMap<usize, u64>,
    stale_due: Vec<DueRow>,
    claiming: bool,
    /// Claims that were not answered yet.
    claims_open: usize,
    lanes_at: Option<i64>,
    stale_claims: Claims,
    /// Attempts that this life of the node began and has not told the end of.
    under_way: BTreeSet<(Box<str>, u32)>,
}

/// Whom the answer to an act goes to.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// A publisher's request, in one of its tries.
    Request(u64),
    /// A session.
    Session(u64),
    /// The dispatch.
    Dispatch,
    /// Whoever claimed a delivery.
    Claim(Box<str>),
    /// Whoever told what came of an attempt.
    Conclusion(Box<Attempt>),
}

/// What a task came to.
pub(crate) enum Done {
    Committed { replies: Vec<Reply>, settled: Vec<Settled>, after: Box<AfterCommit> },
    Page { wire: u64, frames: Option<Vec<ChangesPage>> },
    Due { rows: Vec<DueRow>, expired: Vec<(PersonKey, NotificationId)>, failed: bool },
    Heads(Vec<(PersonKey, u32, u64)>),
    CaughtUp { device: usize, page: Option<Box<ChangesPage>> },
    HeadsFailed,
    Operated,
    Claims { claims: Claims, failed: bool },
    Begun { begun: Vec<Begun>, failed: bool },
}

/// What goes over the bus between nodes.
#[derive(Clone, Debug)]
pub(crate) struct BusHint {
    pub(crate) number: u64,
    pub(crate) hints: Vec<Hint>,
    pub(crate) erased: Vec<PersonKey>,
}

impl RelayNode {
    pub(crate) fn new(number: usize, world: &World, truth: &MemoryStore, operator: &Operator) -> Self {
        let reader = truth.with_faults(Arc::new(NodeFaults(world.clone())));
        let store = Observed {
            inner: reader.clone(),
            operator: operator.clone(),
            world: world.clone(),
            node: number,
        };
        let clock = Arc::new(NodeClock::new(world.clone()));
        let flows = Node {
            store: Arc::new(store),
            registry: Arc::new(operator.clone()),
            configurations: Arc::new(operator.clone()),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ids: Arc::new(SeededIds(world.clone())),
        };
        Self {
            up: true,
            life: 0,
            clock,
            flows,
            reader,
            waiting: Vec::new(),
            committing: 0,
            gathering: false,
            looking: false,
            look_at: None,
            heads_at: None,
            jumped: false,
            registered: BTreeMap::new(),
            hints_sent: 0,
            hints_heard: BTreeMap::new(),
            stale_due: Vec::new(),
            claiming: false,
            claims_open: 0,
            lanes_at: None,
            stale_claims: Claims::new(),
            under_way: BTreeSet::new(),
        }
    }

    /// The time as this node knows it.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl std::fmt::Debug for RelayNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelayNode").field("life", &self.life).finish_non_exhaustive()
    }
}

/// Acts and their commits.
impl Simulation {
    pub(crate) fn submit(&mut self, node: usize, unit: Unit, reply: Reply) {
        self.nodes[node].waiting.push((unit, reply));
        if !self.nodes[node].gathering {
            self.nodes[node].gathering = true;
            let life = self.nodes[node].life;
            self.after(0, Event::Gather { node, life });
        }
    }

    pub(crate) fn gather(&mut self, node: usize) {
        let relay = &mut self.nodes[node];
        relay.gathering = false;
        while !relay.waiting.is_empty() && relay.committing < COMMITS_MAX {
            let most = relay.waiting.len().min(UNITS_MAX);
            let take = 1 + self.world.inside().chance.below(most);
            let (units, replies): (Vec<_>, Vec<_>) = relay.waiting.drain(..take).unzip();
            relay.committing += 1;
            let flows: Node = relay.flows.clone();
            let owner = Owner { node, life: relay.life };
            self.executor.spawn(owner, async move {
                let (settled, after) = commit_together(&flows, units).await;
                Done::Committed { replies, settled, after: Box::new(after) }
            });
        }
    }

    /// A task of a node ended.
    pub(crate) fn done(&mut self, owner: Owner, done: Done) {
        let node = owner.node;
        match done {
            Done::Committed { replies, settled, after } => {
                self.nodes[node].committing -= 1;
                self.after_commit(node, *after);
                for (reply, settled) in replies.into_iter().zip(settled) {
                    self.answer(node, reply, settled);
                }
                self.gather(node);
            }
            Done::Page { wire, frames } => {
                let now = self.nodes[node].now();
                if let Some(open) = self.wires.get_mut(&wire) {
                    open.session.handle_page(frames, now);
                    self.obey(wire);
                }
            }
            Done::Due { rows, expired, failed } => self.hand_in(node, rows, expired, failed),
            Done::Heads(heads) => {
                for (person, epoch, head) in heads {
                    self.tell(node, &person, &LiveChange { epoch, from: head, to: head, frame: None });
                }
            }
            Done::CaughtUp { device, page } => self.caught_up_elsewhere(device, page),
            Done::Operated => {}
            Done::Claims { claims, failed } => self.claim(node, claims, failed),
            Done::Begun { begun, failed } => self.recovered(node, begun, failed),
            // The next round compares again.
            Done::HeadsFailed => self.plan_heads(node, HEADS_EVERY),
        }
    }

    fn answer(&mut self, node: usize, reply: Reply, settled: Settled) {
        match reply {
            Reply::Request(id) => self.answer_request(node, id, &settled),
            Reply::Session(wire) => {
                self.check_greeting(wire, &settled.answer);
                let now = self.nodes[node].now();
                if let Some(open) = self.wires.get_mut(&wire) {
                    open.session.handle_settled(settled.answer, now);
                    self.obey(wire);
                }
            }
            Reply::Claim(delivery) => self.claimed(node, &delivery, settled),
            Reply::Conclusion(attempt) => self.concluded(node, attempt, &settled.answer),
            Reply::Dispatch => {
                if let Err(refusal) = settled.answer
                    && !refusal.is_transient()
                {
                    self.oracle.violation(format!("due work was refused: {refusal}"));
                }
            }
        }
    }

    /// The place that a hello names counts as held, however the last word of it was lost.
    fn check_greeting(&mut self, wire: u64, answer: &Result<Answer, Refusal>) {
        let Ok(Answer::Greeted { place: Some(place), .. }) = answer else { return };
        let Some(open) = self.wires.get(&wire) else { return };
        let Some(person) = open.registered.clone() else { return };
        let Ok(loaded) = at_once(self.devices[open.device].store.load());
        let (device, held) = (open.device, self.oracle.held(&person, &loaded.identity.device));
        if held < Some(*place) {
            self.oracle
                .violation(format!("device {device} said hello at {place}, and {held:?} is known of it"));
        }
    }

    fn after_commit(&mut self, node: usize, after: AfterCommit) {
        self.stop_gone(after.gone);
        let bus = BusHint { number: 0, hints: after.hints, erased: after.erased };
        self.hear(node, &bus);
        if !bus.hints.is_empty() || !bus.erased.is_empty() {
            self.publish(node, bus);
        }
    }

    fn publish(&mut self, node: usize, mut bus: BusHint) {
        self.nodes[node].hints_sent += 1;
        bus.number = self.nodes[node].hints_sent;
        for other in (0..self.nodes.len()).filter(|other| *other != node) {
            if self.world.fault("hint lost", 60) {
                continue;
            }
            let delay = self.world.inside().chance.between(0, 400);
            let life = self.nodes[other].life;
            self.after(delay, Event::Bus { from: node, to: other, life, bus: bus.clone() });
        }
    }

    /// Hints of another node are numbered: a jump makes this node compare heads.
    pub(crate) fn hear_bus(&mut self, from: usize, to: usize, bus: &BusHint) {
        let heard = self.nodes[to].hints_heard.insert(from, bus.number);
        if heard.is_none_or(|heard| heard + 1 != bus.number) {
            self.plan_heads(to, 10_000);
        }
        self.hear(to, bus);
    }

    fn hear(&mut self, node: usize, bus: &BusHint) {
        for hint in &bus.hints {
            let Hint { person, epoch, from, to, items } = hint;
            let fits = view::fits_one_frame(items);
            let frame = fits
                .then(|| Arc::new(RelayFrame::Changes(view::live_page(*epoch, *from, *to, items.clone()))));
            self.tell(node, person, &LiveChange { epoch: *epoch, from: *from, to: *to, frame });
        }
        for person in &bus.erased {
            for wire in self.sessions_of(node, person) {
                self.close_session(wire, Bye::Erased);
            }
        }
    }

    fn tell(&mut self, node: usize, person: &PersonKey, change: &LiveChange<Arc<RelayFrame>>) {
        let now = self.nodes[node].now();
        for wire in self.sessions_of(node, person) {
            if let Some(open) = self.wires.get_mut(&wire) {
                open.session.handle_hint(change.clone(), now);
                self.obey(wire);
            }
        }
    }

    fn sessions_of(&self, node: usize, person: &PersonKey) -> Vec<u64> {
        self.nodes[node].registered.get(person).into_iter().flatten().copied().collect()
    }

    pub(crate) fn close_session(&mut self, wire: u64, code: Bye) {
        if let Some(open) = self.wires.get_mut(&wire) {
            open.session.handle_close(code);
            self.obey(wire);
        }
    }
}

/// Crash and restart.
impl Simulation {
    /// The node's process ends: its sessions and its transactions vanish.
    pub(crate) fn crash_node(&mut self, node: usize) {
        self.world.trace(|| format!("node {node} crashes"));
        self.executor.crash(node);
        let relay = &mut self.nodes[node];
        relay.up = false;
        relay.life += 1;
        relay.waiting.clear();
        (relay.committing, relay.gathering, relay.looking) = (0, false, false);
        (relay.look_at, relay.heads_at, relay.jumped) = (None, None, false);
        relay.registered.clear();
        relay.stale_due.clear();
        (relay.claiming, relay.claims_open, relay.lanes_at) = (false, 0, None);
        relay.stale_claims.clear();
        relay.under_way.clear();
        relay.hints_heard.clear();
        let gone: Vec<u64> =
            self.wires.iter().filter(|(_, open)| open.node == node).map(|(id, _)| *id).collect();
        for wire in gone {
            self.relay_side_gone(wire);
        }
        self.plan_recovery_elsewhere(node);
    }

    pub(crate) fn restart_node(&mut self, node: usize) {
        if self.nodes[node].up {
            return;
        }
        self.world.trace(|| format!("node {node} starts"));
        self.nodes[node].up = true;
        let at = self.world.now();
        self.plan_look(node, at);
        self.plan_lanes(node, at);
        self.plan_recovery(node);
    }
}

/// What an act answers, for the trace.
pub(crate) fn answer_word(answer: &Result<Answer, Refusal>) -> &'static str {
    match answer {
        Ok(Answer::Events(_)) => "events",
        Ok(Answer::Sent { .. }) => "sent",
        Ok(Answer::Recipient { .. }) => "recipient",
        Ok(Answer::Erased(_)) => "erased",
        Ok(Answer::Consent { .. }) => "consent",
        Ok(Answer::Notification { .. }) => "notification",
        Ok(Answer::Delivery { .. }) => "delivery",
        Ok(Answer::Handover(_)) => "handover",
        Ok(Answer::SendStopped { .. }) => "send stopped",
        Ok(Answer::SmsHeard { .. }) => "sms heard",
        Ok(Answer::Greeted { .. }) => "greeted",
        Ok(Answer::Operated(_)) => "operated",
        Ok(Answer::Done) => "done",
        Err(refusal) => refusal.code(),
    }
}
