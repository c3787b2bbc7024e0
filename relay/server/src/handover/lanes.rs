//! What holds for each provider of each project: how many deliveries are with it, how fast it may be asked, and whether it
//! is left alone.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tidings_core::configuration::{Account, Provider};
use tidings_core::delivery::Outcome;
use tidings_protocol::{ProjectId, Timestamp};

use super::breaker::Breaker;

/// Deliveries that are with one provider at a time.
pub(crate) const IN_FLIGHT_LANE_MAX: usize = 32;
/// Deliveries that are with all providers at a time; each has a connection at most.
pub(crate) const IN_FLIGHT_MAX: usize = 256;
/// Lanes whose state is remembered; one that nothing is known of begins anew.
const LANES_MAX: usize = 65_536;

/// A project's provider by name.
pub(crate) type LaneKey = (ProjectId, Box<str>);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Lanes(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    lanes: HashMap<LaneKey, LaneState>,
    in_flight: usize,
}

#[derive(Debug, Default)]
struct LaneState {
    breaker: Breaker,
    bucket: Option<Bucket>,
    in_flight: usize,
}

/// Hand-overs that a provider still allows in this second.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    per_second: u32,
    /// Thousandths of a hand-over.
    left: i64,
    at: Timestamp,
}

impl Bucket {
    const fn full(per_second: u32, at: Timestamp) -> Self {
        Self { per_second, left: per_second as i64 * 1_000, at }
    }

    fn refill(&mut self, now: Timestamp) {
        let gained = now.millis_since(self.at).max(0).saturating_mul(i64::from(self.per_second));
        self.left = self.left.saturating_add(gained).min(i64::from(self.per_second) * 1_000);
        self.at = now;
    }

    /// How many may go, or when the next one may.
    fn admits(&mut self, wanted: usize, now: Timestamp) -> Result<usize, Timestamp> {
        self.refill(now);
        let whole = usize::try_from(self.left / 1_000).unwrap_or_default();
        if whole > 0 {
            return Ok(wanted.min(whole));
        }
        let missing = (1_000 - self.left).div_euclid(i64::from(self.per_second.max(1))) + 1;
        Err(now.plus_millis(missing))
    }
}

/// What a lane lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// So many now.
    Now(usize),
    /// Some from an instant on: it is asked as often as it allows.
    From(Timestamp),
    /// None before an instant: it failed again and again, and is left alone.
    Rests(Timestamp),
    /// None before one that is under way has ended.
    Full,
}

impl Lanes {
    /// How many more deliveries may go to a provider.
    pub(crate) fn admits(&self, key: &LaneKey, settings: &Provider, now: Timestamp) -> Admitted {
        let mut known = self.locked();
        let free = IN_FLIGHT_MAX.saturating_sub(known.in_flight);
        let lane = known.lanes.entry(key.clone()).or_default();
        let room = IN_FLIGHT_LANE_MAX.saturating_sub(lane.in_flight).min(free);
        if room == 0 {
            return Admitted::Full;
        }
        let mut admitted = match lane.breaker.admits(room, now) {
            Ok(admitted) => admitted,
            Err(until) => return Admitted::Rests(until),
        };
        if let Some(rate) = settings.rate {
            let bucket = lane.bucket.get_or_insert(Bucket::full(rate, now));
            if bucket.per_second != rate {
                *bucket = Bucket::full(rate, now);
            }
            match bucket.admits(admitted, now) {
                Ok(allowed) => admitted = allowed,
                Err(from) => return Admitted::From(from),
            }
        }
        Admitted::Now(admitted)
    }

    /// A delivery goes to a provider. Answers whether it is the one that shows whether the provider is back.
    pub(crate) fn begun(&self, key: &LaneKey) -> bool {
        let mut known = self.locked();
        known.in_flight += 1;
        let lane = known.lanes.entry(key.clone()).or_default();
        lane.in_flight += 1;
        if let Some(bucket) = &mut lane.bucket {
            bucket.left -= 1_000;
        }
        lane.breaker.begun()
    }

    /// A delivery came back. What one recipient's own URL or push service does says nothing about the others', so it
    /// does not open the breaker of the lane that they share.
    /// Answers whether it has opened.
    pub(crate) fn ended(
        &self,
        key: &LaneKey,
        settings: &Provider,
        (outcome, probe): (&Outcome, bool),
        now: Timestamp,
    ) -> bool {
        let mut known = self.locked();
        known.in_flight = known.in_flight.saturating_sub(1);
        let crowded = known.lanes.len() > LANES_MAX;
        let Some(lane) = known.lanes.get_mut(key) else { return false };
        lane.in_flight = lane.in_flight.saturating_sub(1);
        let before = lane.breaker.state(now);
        if !matches!(settings.account, Account::Webhook(_) | Account::Webpush(_)) {
            lane.breaker.heard(outcome, probe, now);
        }
        let after = lane.breaker.state(now);
        if before != after {
            tracing::warn!(
                provider = &*key.1,
                state = after,
                code = outcome.code(),
                "a provider's breaker moved"
            );
        }
        let open = if after == "closed" { 0.0 } else { 1.0 };
        let (project, provider) = (key.0.to_string(), key.1.to_string());
        metrics::gauge!("tidings_provider_open", "project" => project, "provider" => provider).set(open);
        if crowded && lane.in_flight == 0 {
            known.lanes.remove(key);
        }
        before == "closed" && after == "open"
    }

    /// The states of a project's providers that were used: name, breaker's state, deliveries under way.
    pub(crate) fn states(&self, project: &ProjectId, now: Timestamp) -> Vec<(Box<str>, &'static str, usize)> {
        let known = self.locked();
        let of = known.lanes.iter().filter(|((owner, _), _)| owner == project);
        let mut states: Vec<_> =
            of.map(|((_, name), lane)| (name.clone(), lane.breaker.state(now), lane.in_flight)).collect();
        states.sort();
        states
    }

    fn locked(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tidings_core::configuration::{FcmAccount, Provider};
    use tidings_protocol::Channel;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn provider(rate: Option<u32>) -> Provider {
        Provider {
            rate,
            account: Account::Fcm(FcmAccount::default()),
            channel: Channel::Push,
            ..Provider::webpush()
        }
    }

    fn key(name: &str) -> LaneKey {
        (ProjectId::new("shop").expect("an id"), name.into())
    }

    #[test]
    fn a_lane_takes_so_many_at_a_time_and_another_is_not_kept_waiting() {
        let (lanes, provider) = (Lanes::default(), provider(None));
        for _ in 0..IN_FLIGHT_LANE_MAX {
            assert_ne!(lanes.admits(&key("a"), &provider, NOW), Admitted::Full);
            lanes.begun(&key("a"));
        }
        assert_eq!(lanes.admits(&key("a"), &provider, NOW), Admitted::Full);
        assert_eq!(lanes.admits(&key("b"), &provider, NOW), Admitted::Now(IN_FLIGHT_LANE_MAX));
        lanes.ended(&key("a"), &provider, (&Outcome::accepted(None), false), NOW);
        assert_eq!(lanes.admits(&key("a"), &provider, NOW), Admitted::Now(1));
    }

    #[test]
    fn a_rate_lets_so_many_through_in_a_second() {
        let (lanes, provider) = (Lanes::default(), provider(Some(2)));
        assert_eq!(lanes.admits(&key("a"), &provider, NOW), Admitted::Now(2));
        lanes.begun(&key("a"));
        lanes.begun(&key("a"));
        let Admitted::From(at) = lanes.admits(&key("a"), &provider, NOW) else {
            panic!("the second is used up")
        };
        assert!(at.millis_since(NOW) > 0 && at.millis_since(NOW) <= 501, "{at}");
        assert_eq!(lanes.admits(&key("a"), &provider, at), Admitted::Now(1));
    }

    #[test]
    fn a_recipients_own_url_does_not_close_the_lane_of_all() {
        let lanes = Lanes::default();
        let own = Provider { channel: Channel::Push, ..Provider::webpush() };
        for (name, settings) in [("a", provider(None)), ("b", own)] {
            for _ in 0..super::super::breaker::FAILURES_MAX {
                lanes.begun(&key(name));
                lanes.ended(&key(name), &settings, (&Outcome::transient("http_503"), false), NOW);
            }
            let closed = matches!(settings.account, Account::Webpush(_));
            let admitted = lanes.admits(&key(name), &settings, NOW);
            assert_eq!(matches!(admitted, Admitted::Now(_)), closed, "{settings:?}");
        }
    }
}
