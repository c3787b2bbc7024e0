//! A clock that is moved by hand, ids that are counted, and configurations that are remembered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tidings_core::configuration::Configuration;
use tidings_core::flows::Configurations;
use tidings_core::ports::{Clock, Ids};
use tidings_protocol::{ProjectId, Timestamp};

/// A clock that stands until it is moved, and never goes back.
#[derive(Debug)]
pub struct HandClock(AtomicI64);

impl HandClock {
    /// Stands at an instant.
    #[must_use]
    pub const fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.as_millis()))
    }

    /// Moves on; an earlier instant changes nothing.
    pub fn move_to(&self, at: Timestamp) {
        self.0.fetch_max(at.as_millis(), Ordering::AcqRel);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Acquire))
    }
}

/// Ids in the order in which they were asked for; the same rehearsal makes the same ids.
#[derive(Debug, Default)]
pub struct CountedIds(AtomicU64);

impl CountedIds {
    fn count(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::AcqRel)) + 1
    }
}

impl Ids for CountedIds {
    fn next(&self, now: Timestamp) -> u128 {
        // The layout of UUIDv7: 48 bits of time, version and variant, then the count.
        let millis = u128::try_from(now.as_millis().max(0)).expect("it is not negative");
        (millis << 80) | (0x7 << 76) | (0b10 << 62) | self.count()
    }

    fn random(&self) -> u128 {
        // An odd multiplier spreads the count over all bits; nothing here has to be secret.
        self.count().wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }
}

/// Every configuration of a rehearsal: there are few.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<BTreeMap<(ProjectId, u64), Arc<Configuration>>>);

impl Configurations for Remembered {
    fn get(&self, project: &ProjectId, version: u64) -> Option<Arc<Configuration>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(project.clone(), version)).cloned()
    }

    fn put(&self, project: &ProjectId, version: u64, configuration: Arc<Configuration>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((project.clone(), version), configuration);
    }
}
