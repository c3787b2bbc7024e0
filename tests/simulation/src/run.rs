//! One run: the agenda, the next step, healing, and the verdict.

mod event;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tidings_core::model::PersonKey;
use tidings_protocol::{Channel, ProjectId};
use tidings_sdk_core::Connection;
use tidings_store::{ErasureKey, MemoryStore};

pub(crate) use self::event::Event;
use crate::coverage::Coverage;
use crate::device::Device;
use crate::documents;
use crate::executor::Executor;
use crate::moves::{NOWHERE, address_of};
use crate::network::Wire;
use crate::node::{Done, RelayNode};
use crate::oracle::Oracle;
use crate::providers::Providers;
use crate::publisher::{Notes, Request, recipient_in};
use crate::store::Operator;
use crate::world::World;

/// Steps that a run may take before it counts as stuck.
const STEPS_MAX: u64 = 200_000;
/// How long the world heals, in milliseconds of virtual time: longer than every wait of a device.
const HEALING: i64 = 35 * 60_000;
/// How long what the backend asked for takes to be answered, at the longest, in milliseconds.
const MENDING: i64 = 5 * 60_000;

/// How large a run is.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Relay nodes.
    pub nodes: usize,
    /// Recipients.
    pub people: usize,
    /// Devices of each.
    pub devices: usize,
    /// Moves.
    pub moves: u32,
    /// How much goes wrong, in thousandths.
    pub trouble: u32,
}

impl Shape {
    /// Two nodes, two recipients with three devices each, and everything that can go wrong.
    pub const WHOLE: Self = Self { nodes: 2, people: 2, devices: 3, moves: 70, trouble: 1_000 };
    /// One node and one device, and nothing goes wrong.
    pub const CALM: Self = Self { nodes: 1, people: 1, devices: 1, moves: 60, trouble: 0 };
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The seed.
    pub seed: u64,
    /// What was violated; none if everything held.
    pub violations: Vec<String>,
    /// The last lines of the trace.
    pub trace: Vec<String>,
    /// How many steps it took.
    pub steps: u64,
    /// What occurred.
    pub coverage: Coverage,
    /// The same only for the same history.
    pub fingerprint: u64,
}

/// Everything of one run.
pub struct Simulation {
    pub(crate) world: World,
    pub(crate) project: ProjectId,
    pub(crate) executor: Executor<Done>,
    agenda: BTreeMap<(i64, u64), Event>,
    sequence: u64,
    pub(crate) nodes: Vec<RelayNode>,
    pub(crate) devices: Vec<Device>,
    pub(crate) wires: BTreeMap<u64, Wire>,
    pub(crate) next_wire: u64,
    pub(crate) people: Vec<PersonKey>,
    pub(crate) requests: BTreeMap<u64, Request>,
    pub(crate) next_request: u64,
    pub(crate) notes: Notes,
    pub(crate) operator: Operator,
    pub(crate) truth: MemoryStore,
    pub(crate) oracle: Oracle,
    pub(crate) providers: Providers,
    moves_left: u32,
    steps: u64,
}

/// Plays one seed to its end. A panic anywhere in it is a violation like any other.
#[must_use]
pub fn play(seed: u64, shape: Shape) -> Verdict {
    let simulation = Simulation::new(seed, shape);
    let world = simulation.world.clone();
    let played = catch_unwind(AssertUnwindSafe(|| {
        let mut simulation = simulation;
        simulation.run();
        (std::mem::take(&mut simulation.oracle.violations), simulation.steps)
    }));
    let (violations, steps) = played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        (vec![format!("a panic: {}", text.unwrap_or_default())], 0)
    });
    let coverage = world.inside().coverage.clone();
    Verdict { seed, violations, trace: world.last_lines(), steps, coverage, fingerprint: world.fingerprint() }
}

impl Simulation {
    fn new(seed: u64, shape: Shape) -> Self {
        // Days around which clocks change, and ordinary ones.
        const BEGINNINGS: [i64; 4] =
            [1_774_656_000_000, 1_792_800_000_000, 1_793_404_800_000, 1_795_300_000_000];
        let begin = BEGINNINGS[usize::try_from(seed % 4).expect("below 4")]
            + i64::try_from(seed % 24).expect("below 24") * 3_600_000;
        let world = World::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5eed, begin);
        world.inside().trouble = shape.trouble;
        let project: ProjectId = "p".parse().expect("a good id");
        let operator = Operator::shared(project.clone());
        let truth = MemoryStore::new(ErasureKey::new([7; 32]));
        let person = |n: usize| PersonKey {
            project: project.clone(),
            recipient: format!("r{n}-{}", seed % 16).parse().expect("a good id"),
        };
        let people: Vec<PersonKey> = (0..shape.people).map(person).collect();
        let devices = (0..shape.people * shape.devices).map(|n| {
            let error = world.inside().chance.between(-2_000, 2_000);
            Device::new(&format!("device-{n}"), n / shape.devices, error)
        });
        let devices: Vec<Device> = devices.collect();
        let nodes = (0..shape.nodes).map(|n| RelayNode::new(n, &world, &truth, &operator)).collect();
        let oracle = Oracle::new(world.clone(), truth.clone(), project.clone(), devices.len());
        Self {
            executor: Executor::new(world.clone()),
            world,
            project,
            agenda: BTreeMap::new(),
            sequence: 0,
            nodes,
            devices,
            wires: BTreeMap::new(),
            next_wire: 1,
            people,
            requests: BTreeMap::new(),
            next_request: 0,
            notes: Notes::default(),
            operator,
            truth,
            oracle,
            providers: Providers::default(),
            moves_left: shape.moves,
            steps: 0,
        }
    }

    pub(crate) fn at(&mut self, at: i64, event: Event) {
        self.sequence += 1;
        self.agenda.insert((at.max(self.world.now()), self.sequence), event);
    }

    pub(crate) fn after(&mut self, delay: i64, event: Event) {
        let at = self.world.now() + delay;
        self.at(at, event);
    }

    fn run(&mut self) {
        for device in 0..self.devices.len() {
            self.start_device(device);
        }
        self.begin_well();
        self.after(0, Event::Move);
        while self.moves_left > 0 && self.oracle.violations.is_empty() {
            self.step();
        }
        self.heal();
        self.run_for(MENDING);
        self.come_back();
        self.run_for(HEALING);
        // A device whose token ran out at this moment is on its way back.
        let end = self.world.now() + MENDING;
        while !self.is_quiet() && self.world.now() < end && self.oracle.violations.is_empty() {
            self.step();
        }
        if self.oracle.violations.is_empty() {
            self.judge();
        }
    }

    /// Whether every device is live and nothing is under way.
    fn is_quiet(&self) -> bool {
        let live = |device: &Device| device.connection() == Some(Connection::Live) && device.asked.is_empty();
        self.executor.is_empty() && self.devices.iter().all(live)
    }

    fn run_for(&mut self, span: i64) {
        let end = self.world.now() + span;
        while self.world.now() < end && self.oracle.violations.is_empty() {
            self.step();
        }
    }

    /// Whoever is there agrees to something and belongs to something, so that there is something to withdraw.
    fn begin_well(&mut self) {
        let people: Vec<_> = self.people.iter().map(|person| person.recipient.clone()).collect();
        for recipient in people {
            for category in ["offers", "news"] {
                let granted = tidings_protocol::Decision::Granted;
                self.request(crate::publisher::consent(&recipient, category, granted), false);
            }
            for channel in [Channel::Email, Channel::Sms, Channel::Push] {
                let nowhere = channel == Channel::Push && self.world.inside().chance.happens(100);
                let address = if nowhere { NOWHERE.into() } else { address_of(&recipient, channel) };
                let address = Some((address, true));
                let recipient = recipient.clone();
                self.request(tidings_core::act::Act::PutEndpoint { recipient, channel, address }, false);
            }
            let topic = "fans".parse().expect("a good id");
            self.request(tidings_core::act::Act::PutMembership { recipient, topic, member: true }, false);
        }
    }

    /// One step: a task goes on, or something whose time has come happens; if there is nothing, time moves on.
    fn step(&mut self) {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            self.oracle.violation(format!("not done after {STEPS_MAX} steps"));
            return;
        }
        let now = self.world.now();
        let ready = self.executor.ready();
        let due: Vec<(i64, u64)> =
            self.agenda.range(..=(now, u64::MAX)).map(|(key, _)| *key).take(64).collect();
        if ready + due.len() == 0 {
            let next = self.agenda.keys().next().map(|(at, _)| *at);
            let wake = self.world.next_wake();
            let to = [next, wake].into_iter().flatten().min().unwrap_or(now + 60_000);
            self.world.advance(to);
            return;
        }
        let chosen = self.world.inside().chance.below(ready + due.len());
        if chosen < ready {
            let done = self.executor.step(chosen);
            // The oracle hears of a transaction before anybody is told of it.
            self.look_at_commits();
            if let Some((owner, done)) = done {
                self.done(owner, done);
            }
        } else if let Some(event) = self.agenda.remove(&due[chosen - ready]) {
            self.happen(event);
        }
        self.look_at_commits();
    }

    fn look_at_commits(&mut self) {
        let mut any = false;
        loop {
            let Some(commit) = self.world.inside().committed.pop_front() else { break };
            self.oracle.committed(&commit);
            for delivery in self.oracle.take_revived() {
                self.providers.revived(&delivery);
            }
            any = true;
        }
        if any {
            self.plan_looks();
        }
    }

    fn happen(&mut self, event: Event) {
        if let Some(device) = event.device() {
            let (device, life) = device;
            if self.devices[device].life != life {
                return;
            }
        }
        if let Some((node, life)) = event.node()
            && (self.nodes[node].life != life || !self.nodes[node].up)
        {
            return;
        }
        match event {
            Event::Move => {
                self.moves_left = self.moves_left.saturating_sub(1);
                self.make_move();
                let pause = self.pause();
                if self.moves_left > 0 {
                    self.after(pause, Event::Move);
                }
            }
            Event::Gather { node, .. } => self.gather(node),
            Event::Bus { from, to, bus, .. } => self.hear_bus(from, to, &bus),
            Event::Look { node, at, .. } => self.look(node, at),
            Event::Heads { node, at, .. } => self.compare_heads(node, at),
            Event::Verified { wire, token } => self.verified(wire, &token),
            Event::SessionTimeout { wire, at } => self.session_timeout(wire, at),
            Event::Down { wire } => self.deliver_down(wire),
            Event::Up { wire } => self.deliver_up(wire),
            Event::Silent { wire } => self.silent(wire),
            Event::Heals { wire } => self.partition(wire, false),
            Event::Refused { device, attempt, .. } => self.device_closed(device, attempt),
            Event::DeviceTimeout { device, at, .. } => self.device_timeout(device, at),
            Event::DeviceActs { device, .. } => self.device_acts(device),
            Event::Token { device, .. } => self.token(device),
            Event::SignIn { device, .. } => self.sign_in(device),
            Event::Screen { device, process, .. } => self.screen(device, process),
            Event::Queued { device, .. } => self.hand_queued(device),
            Event::Reacts { device, id, .. } => self.react(device, &id),
            Event::Switches { who, chosen } => self.switch(&who, chosen),
            Event::Elsewhere { device } => self.catch_up_elsewhere(device),
            Event::Online { device } => self.devices[device].offline = false,
            Event::DeviceStarts { device } => self.start_device(device),
            Event::NodeStarts { node } => self.restart_node(node),
            Event::ClockBack { node, .. } => self.clock_back(node),
            Event::Arrive { node, request, .. } => self.arrive(node, request),
            Event::Retry { request } => self.try_request(request),
            Event::Lanes { node, at, .. } => self.look_at_lanes(node, at),
            Event::Recover { node, .. } => self.recover(node),
            Event::Attempted { node, attempt, .. } => self.attempted(node, attempt),
            Event::Believed { node, delivery, attempt, .. } => self.believed_dead(node, delivery, attempt),
            Event::Address { who, channel, stopped, there } => self.address(who, channel, stopped, there),
            Event::Reported { delivery, report } => self.reported(delivery, report),
        }
    }

    fn clock_back(&mut self, node: usize) {
        self.nodes[node].jumped = false;
        let at = self.world.now();
        self.plan_look(node, at);
        self.plan_lanes(node, at);
    }

    /// Nothing goes wrong any more, and what is broken is mended.
    fn heal(&mut self) {
        self.world.trace(|| "the world heals".to_owned());
        self.world.inside().calm = true;
        for node in 0..self.nodes.len() {
            self.restart_node(node);
            self.clock_back(node);
            self.plan_recovery(node);
            self.plan_heads(node, 1_000);
        }
        let wires: Vec<u64> = self.wires.keys().copied().collect();
        for wire in wires {
            self.partition(wire, false);
        }
        for device in 0..self.devices.len() {
            self.devices[device].offline = false;
            self.start_device(device);
            self.wake_screens(device);
        }
    }

    /// Whoever was erased is made anew, and every device is signed in to somebody.
    fn come_back(&mut self) {
        for device in 0..self.devices.len() {
            for delay in [60_000, 600_000] {
                let life = self.devices[device].life;
                self.after(delay, Event::SignIn { device, life });
            }
        }
        let people: Vec<_> = self.people.iter().map(|person| person.recipient.clone()).collect();
        for recipient in people {
            self.request(recipient_in(&recipient, documents::ZONE, true), false);
        }
    }
}

impl std::fmt::Debug for Simulation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulation").field("steps", &self.steps).finish_non_exhaustive()
    }
}
