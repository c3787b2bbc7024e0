//! How often one device says hello. A device that comes back without end costs a reading and a commit each time, so after a
//! few quick ones it has to wait.
//!
//! One fixed table for all devices: it takes no memory for each, and can't be filled. Two devices may share a place; a burst
//! leaves room for that.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};

use tidings_core::model::PersonKey;
use tidings_core::session::{HELLO_EVERY_MILLIS, HELLOS_AT_ONCE_MAX};
use tidings_protocol::DeviceId;
use tokio::time::Instant;

/// Places of the table, two megabytes: with the most sessions that a node takes by default, most devices have one alone.
const PLACES: usize = 1 << 19;
/// Milliseconds of the unit in which a place counts: four bytes last thirteen years.
const UNIT_MILLIS: u32 = 100;
const EVERY: u32 = HELLO_EVERY_MILLIS / UNIT_MILLIS;

/// When each device may say hello again.
pub struct Hellos {
    /// When the last hello of a place would be paid for, at one each [`HELLO_EVERY_MILLIS`], in units since `began`.
    paid_at: Box<[AtomicU32]>,
    /// Keyed, so that nobody can choose whose place they share.
    hasher: RandomState,
    began: Instant,
}

impl Default for Hellos {
    fn default() -> Self {
        let paid_at = std::iter::repeat_with(AtomicU32::default).take(PLACES).collect();
        Self { paid_at, hasher: RandomState::new(), began: Instant::now() }
    }
}

impl std::fmt::Debug for Hellos {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hellos").finish_non_exhaustive()
    }
}

impl Hellos {
    /// Counts a hello; answers whether it is one too many. One too many is not counted.
    pub(super) fn is_too_many(&self, person: &PersonKey, device: &DeviceId) -> bool {
        let hash = usize::try_from(self.hasher.hash_one((person, device)) % PLACES as u64);
        let place = &self.paid_at[hash.expect("it is below the number of places")];
        let units = self.began.elapsed().as_millis() / u128::from(UNIT_MILLIS);
        let now = u32::try_from(units).unwrap_or(u32::MAX);
        let counted = place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |paid_at| {
            let owed = paid_at.saturating_sub(now);
            (owed <= EVERY * (HELLOS_AT_ONCE_MAX - 1)).then(|| now.saturating_add(owed + EVERY))
        });
        counted.is_err()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(name: &str) -> (PersonKey, DeviceId) {
        let person = PersonKey { project: "shop".parse().unwrap(), recipient: name.parse().unwrap() };
        (person, "laptop".parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_device_says_hello_a_few_times_at_once_and_then_each_few_seconds() {
        let hellos = Hellos::default();
        let (alice, laptop) = key("alice");
        let too_many = || hellos.is_too_many(&alice, &laptop);
        for _ in 0..HELLOS_AT_ONCE_MAX {
            assert!(!too_many());
        }
        assert!(too_many());
        assert!(too_many(), "one too many is not counted");
        let every = Duration::from_millis(u64::from(HELLO_EVERY_MILLIS));
        tokio::time::advance(every - Duration::from_millis(u64::from(UNIT_MILLIS))).await;
        assert!(too_many());
        tokio::time::advance(Duration::from_millis(u64::from(UNIT_MILLIS))).await;
        assert!(!too_many());
        assert!(too_many());
        tokio::time::advance(every * HELLOS_AT_ONCE_MAX).await;
        let taken = (0..2 * HELLOS_AT_ONCE_MAX).filter(|_| !too_many()).count();
        assert_eq!(taken, usize::try_from(HELLOS_AT_ONCE_MAX).unwrap());
    }

    #[test]
    fn as_many_devices_as_a_node_takes_come_at_once_again_and_again() {
        let hellos = Hellos::default();
        let sent_away = (0..2 * 200_000)
            .map(|number| key(&format!("r{}", number % 200_000)))
            .filter(|(person, device)| hellos.is_too_many(person, device))
            .count();
        assert!(sent_away <= 100, "{sent_away}: two restarts in one moment send hardly anybody away");
    }
}
