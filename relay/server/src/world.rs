//! Time and chance of a running node.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tidings_core::ports::{Clock, Ids};
use tidings_protocol::Timestamp;

use crate::dispatch::{Anchor, TimeGuard};

/// Where time, ids and chance come from.
pub(crate) struct World {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    /// Whether the time can be trusted.
    pub(crate) guard: Arc<TimeGuard>,
}

impl World {
    /// The machine's own.
    pub(crate) fn real() -> Self {
        let clock = Arc::new(AnchoredClock::default());
        let guard = Arc::new(TimeGuard::new(Box::new(Arc::clone(&clock))));
        Self { clock, ids: Arc::new(RandomIds), guard }
    }
}

/// Wall-clock time at an anchor, moved on by the monotonic clock: it never runs backwards.
#[derive(Debug)]
pub(crate) struct AnchoredClock {
    started: Instant,
    /// Wall-clock time at `started`, as it is believed.
    at_start: AtomicI64,
    /// The latest instant that was told.
    latest: AtomicI64,
}

impl Default for AnchoredClock {
    fn default() -> Self {
        let now = wall_millis();
        Self { started: Instant::now(), at_start: AtomicI64::new(now), latest: AtomicI64::new(now) }
    }
}

impl AnchoredClock {
    fn anchored(&self) -> i64 {
        let elapsed = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.at_start.load(Ordering::Acquire).saturating_add(elapsed)
    }
}

impl Clock for AnchoredClock {
    fn now(&self) -> Timestamp {
        let now = self.anchored();
        Timestamp::from_millis(self.latest.fetch_max(now, Ordering::AcqRel).max(now))
    }
}

impl Anchor for Arc<AnchoredClock> {
    fn drift_millis(&self) -> i64 {
        wall_millis().saturating_sub(self.anchored())
    }

    fn reanchor(&self) {
        self.at_start.fetch_add(self.drift_millis(), Ordering::AcqRel);
    }
}

fn wall_millis() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// UUIDv7 and random bits of the operating system's generator.
#[derive(Debug, Default)]
pub(crate) struct RandomIds;

impl Ids for RandomIds {
    fn next(&self, now: Timestamp) -> u128 {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        let bytes: [u8; 10] = rand::random();
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid().as_u128()
    }

    fn random(&self) -> u128 {
        rand::random()
    }
}
