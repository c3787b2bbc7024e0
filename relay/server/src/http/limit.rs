//! How often one caller may call. It protects the relay; how often a recipient is told something is decided elsewhere.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::problem::Problem;

/// Callers that are told apart at a time. The one that called longest ago is forgotten first.
const CALLERS_MAX: u64 = 100_000;
/// A caller that was silent so long has its full burst again anyway.
const CALLER_IDLE: Duration = Duration::from_secs(60);
/// Requests a second of one device: a person's taps and a page a second while it catches up.
const DEVICE_PER_SECOND: u32 = 300;
/// Requests a second of one key that cannot be read or are refused for what they say: a backend with a mistake in it finds
/// it among these.
const FAULTS_PER_SECOND: u32 = 200;
/// Requests a second without a key from one address: 40 bits of a connect code outlast it by far.
const STRANGER_PER_SECOND: u32 = 100;

/// Counts calls.
#[derive(Debug)]
pub(crate) struct RateLimits {
    callers: moka::sync::Cache<Caller, Arc<DefaultDirectRateLimiter>>,
    key_per_second: u32,
    clock: DefaultClock,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    Key(Box<str>),
    /// A key, by what was wrong with its requests.
    Faulty(Box<str>),
    Device(Box<str>),
    Stranger(std::net::IpAddr),
}

impl RateLimits {
    pub(crate) fn new(key_per_second: u32) -> Self {
        let callers =
            moka::sync::Cache::builder().max_capacity(CALLERS_MAX).time_to_idle(CALLER_IDLE).build();
        Self { callers, key_per_second, clock: DefaultClock::default() }
    }

    /// Counts a call.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub(crate) fn count(&self, caller: Caller) -> Result<(), Box<Problem>> {
        let per_second = match caller {
            Caller::Key(_) => self.key_per_second,
            Caller::Faulty(_) => FAULTS_PER_SECOND,
            Caller::Device(_) => DEVICE_PER_SECOND,
            Caller::Stranger(_) => STRANGER_PER_SECOND,
        };
        let faulty = matches!(caller, Caller::Faulty(_));
        let quota = Quota::per_second(NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN));
        let limiter = self.callers.get_with(caller, || Arc::new(RateLimiter::direct(quota)));
        let Err(early) = limiter.check() else { return Ok(()) };
        let wait = early.wait_time_from(self.clock.now());
        let detail = match faulty {
            false => format!("At most {per_second} requests a second on average: wait and try again."),
            true => {
                format!("This was one more bad request after {per_second} a second: mend what sends them.")
            }
        };
        let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
        problem.more.insert("limit".into(), per_second.into());
        problem.retry_after = Some(wait.as_secs() + 1);
        Err(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_gets_its_burst_and_then_a_time_to_wait() {
        let limits = RateLimits::new(2);
        let caller = || Caller::Key("k".into());
        assert!(limits.count(caller()).is_ok());
        assert!(limits.count(caller()).is_ok());
        let problem = limits.count(caller()).unwrap_err();
        assert_eq!((problem.status.as_u16(), problem.retry_after), (429, Some(1)));
        assert!(limits.count(Caller::Key("other".into())).is_ok());
    }
}
