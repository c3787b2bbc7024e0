//! What all parts of a run share: virtual time, chance, the trace, and what was committed.
//!
//! Everything runs on one thread. The lock is there because the ports ask for `Send + Sync`; nobody ever waits for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tidings_core::model::Changes;
use tidings_protocol::Timestamp;

use crate::chance::Chance;
use crate::coverage::{Coverage, Kind};

/// Lines of the trace that are kept for a failure, unless `TIDINGS_TRACE` asks for all.
const TRACE_LINES: usize = 80;

/// Shared by everything in a run; clones are the same world.
#[derive(Clone)]
pub struct World(Arc<Mutex<Inside>>);

/// The inside of the world.
pub struct Inside {
    /// True time, in milliseconds; every clock is this one with an error.
    pub now: i64,
    /// All chance.
    pub chance: Chance,
    /// Counts of what occurred.
    pub coverage: Coverage,
    /// No more faults: the world heals.
    pub calm: bool,
    /// How much goes wrong in this run, in thousandths of what could.
    pub trouble: u32,
    /// Tasks that can go on.
    pub ready: BTreeSet<u64>,
    /// What was committed and not looked at yet.
    pub committed: VecDeque<Commit>,
    sleepers: BTreeMap<(i64, u64), Waker>,
    sequence: u64,
    trace: Trace,
}

/// One transaction that took effect.
#[derive(Clone, Debug)]
pub struct Commit {
    /// By which node.
    pub node: usize,
    /// What it wrote.
    pub changes: Changes,
    /// What the operator had set up.
    pub standing: Standing,
}

/// What the operator had set up when a transaction took effect.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Which document was live.
    pub live: u64,
    /// Addresses on the stop list.
    pub stopped_addresses: BTreeSet<Box<str>>,
}

#[derive(Default)]
struct Trace {
    hash: u64,
    lines: VecDeque<String>,
    most: usize,
    count: u64,
}

impl World {
    /// A world that begins at an instant.
    #[must_use]
    pub fn new(seed: u64, now: i64) -> Self {
        Self(Arc::new(Mutex::new(Inside {
            now,
            chance: Chance::new(seed),
            coverage: Coverage::default(),
            calm: false,
            trouble: 1_000,
            ready: BTreeSet::new(),
            committed: VecDeque::new(),
            sleepers: BTreeMap::new(),
            sequence: 0,
            trace: Trace {
                most: if std::env::var_os("TIDINGS_TRACE").is_some() { usize::MAX } else { TRACE_LINES },
                ..Trace::default()
            },
        })))
    }

    /// The inside, for the length of an expression.
    pub fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().expect("nothing panics while it looks at the world")
    }

    /// True time.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.inside().now
    }

    /// True time moved by a clock's error.
    #[must_use]
    pub fn clock(&self, error_ms: i64) -> Timestamp {
        Timestamp::from_millis(self.now() + error_ms)
    }

    /// Writes a line into the trace. Two runs are the same exactly if their traces are.
    pub fn trace(&self, line: impl FnOnce() -> String) {
        let mut inside = self.inside();
        let line = format!("{} {}", inside.now, line());
        let trace = &mut inside.trace;
        for byte in line.bytes() {
            trace.hash = (trace.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        trace.count += 1;
        if trace.lines.len() >= trace.most {
            trace.lines.pop_front();
        }
        trace.lines.push_back(line);
    }

    /// A number that two runs share only if they had the same history.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let inside = self.inside();
        inside.trace.hash ^ inside.trace.count
    }

    /// The last lines of the trace.
    #[must_use]
    pub fn last_lines(&self) -> Vec<String> {
        self.inside().trace.lines.iter().cloned().collect()
    }

    /// Whether a fault happens that would happen `of` times in a thousand in a world of full trouble; counted by name.
    pub fn fault(&self, name: &'static str, of: u32) -> bool {
        let mut inside = self.inside();
        if inside.calm || inside.trouble == 0 {
            return false;
        }
        let weighed = u64::from(of) * u64::from(inside.trouble);
        let happens = inside.chance.bits() % 1_000_000 < weighed;
        if happens {
            inside.coverage.count(Kind::Fault, name);
        }
        happens
    }

    /// Counts something that occurred.
    pub fn count(&self, kind: Kind, name: impl Into<String>) {
        self.inside().coverage.count(kind, name);
    }

    /// Lets others go first, or for a while.
    #[must_use]
    pub fn switch(&self) -> Switch {
        let mut inside = self.inside();
        let calm = inside.calm;
        let slow = inside.chance.happens(if calm { 20 } else { 60 });
        let delay = if slow { inside.chance.between(1, if calm { 20 } else { 3_000 }) } else { 0 };
        Switch { world: self.clone(), delay, begun: false }
    }

    /// When the next sleeper wakes.
    #[must_use]
    pub fn next_wake(&self) -> Option<i64> {
        self.inside().sleepers.keys().next().map(|(at, _)| *at)
    }

    /// Moves time on and wakes those whose time has come.
    pub fn advance(&self, to: i64) {
        let woken: Vec<Waker> = {
            let mut inside = self.inside();
            assert!(to >= inside.now, "true time never goes back");
            inside.now = to;
            let later = inside.sleepers.split_off(&(to, u64::MAX));
            std::mem::replace(&mut inside.sleepers, later).into_values().collect()
        };
        woken.into_iter().for_each(Waker::wake);
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

impl std::fmt::Debug for Inside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inside").field("now", &self.now).finish_non_exhaustive()
    }
}

/// A point at which another task may go on first.
#[derive(Debug)]
pub struct Switch {
    world: World,
    delay: i64,
    begun: bool,
}

impl Future for Switch {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.begun {
            return Poll::Ready(());
        }
        self.begun = true;
        if self.delay == 0 {
            context.waker().wake_by_ref();
        } else {
            let mut inside = self.world.inside();
            inside.sequence += 1;
            let place = (inside.now + self.delay, inside.sequence);
            inside.sleepers.insert(place, context.waker().clone());
        }
        Poll::Pending
    }
}
