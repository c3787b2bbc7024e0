//! A provider that fails again and again is left alone for a while, so that what waits for it is not worn out on it.
//!
//! Closed: deliveries go. Open: none goes until an instant; then one is let through, and its outcome decides. Only what says
//! something about the provider counts: a refused address is the address's fault.

use tidings_core::delivery::Outcome;
use tidings_protocol::Timestamp;

/// Failures in a row that open it.
pub(crate) const FAILURES_MAX: u32 = 5;
/// How long it stays open the first time, in milliseconds.
pub(crate) const OPEN_MILLIS_MIN: i64 = 5_000;
/// How long it stays open at most, in milliseconds; each time in a row doubles it up to here.
pub(crate) const OPEN_MILLIS_MAX: i64 = 5 * 60_000;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Breaker {
    failures: u32,
    /// How often it opened since it was closed last.
    opened: u32,
    open_until: Option<Timestamp>,
    /// One is let through, and nothing is known of it yet.
    probing: bool,
}

impl Breaker {
    /// How many of `wanted` may go now, or from when on some may.
    pub(crate) fn admits(&self, wanted: usize, now: Timestamp) -> Result<usize, Timestamp> {
        match self.open_until {
            None => Ok(wanted),
            Some(until) if until > now => Err(until),
            // Whatever becomes of the one that is under way is heard at its end; this is only a net.
            Some(_) if self.probing => Err(now.plus_millis(OPEN_MILLIS_MIN)),
            Some(_) => Ok(wanted.min(1)),
        }
    }

    /// Something was let through. Answers whether it is the one that decides.
    pub(crate) const fn begun(&mut self) -> bool {
        self.probing = self.open_until.is_some();
        self.probing
    }

    /// An outcome came. What began before it opened says nothing new while it is open: many fail together.
    pub(crate) fn heard(&mut self, outcome: &Outcome, probe: bool, now: Timestamp) {
        if probe {
            self.probing = false;
        }
        match outcome {
            Outcome::Accepted { .. }
            | Outcome::Permanent { .. }
            | Outcome::AddressGone { .. }
            | Outcome::AddressBusy { .. } => {
                *self = Self::default();
            }
            Outcome::Transient { .. } | Outcome::Unknown { .. } | Outcome::Misconfigured { .. }
                if self.open_until.is_some() && !probe => {}
            Outcome::Transient { retry_after: Some(wish), .. } => {
                self.open_until = Some(now.plus_millis(wish.as_millis().clamp(1, OPEN_MILLIS_MAX)));
            }
            Outcome::Transient { .. } | Outcome::Unknown { .. } | Outcome::Misconfigured { .. } => {
                self.failures += 1;
                if self.failures >= FAILURES_MAX || probe {
                    let doubled = OPEN_MILLIS_MIN.saturating_mul(1_i64 << self.opened.min(16));
                    self.open_until = Some(now.plus_millis(doubled.min(OPEN_MILLIS_MAX)));
                    self.opened += 1;
                }
            }
        }
    }

    /// Whether it knows nothing that a new one would not.
    pub(crate) fn is_fresh(&self) -> bool {
        *self == Self::default()
    }

    /// The word of its state: `closed`, `open` or `half_open`.
    pub(crate) fn state(&self, now: Timestamp) -> &'static str {
        match self.open_until {
            None => "closed",
            Some(until) if until > now => "open",
            Some(_) => "half_open",
        }
    }
}

#[cfg(test)]
mod tests {
    use tidings_protocol::Span;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn failed(times: u32) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..times {
            breaker.heard(&Outcome::transient("http_503"), false, NOW);
        }
        breaker
    }

    #[test]
    fn it_opens_at_the_fifth_failure_in_a_row_and_not_before() {
        assert_eq!(failed(FAILURES_MAX - 1).admits(9, NOW), Ok(9));
        let open = failed(FAILURES_MAX);
        let until = NOW.plus_millis(OPEN_MILLIS_MIN);
        assert_eq!(open.admits(9, NOW), Err(until));
        assert_eq!(open.state(NOW), "open");
    }

    #[test]
    fn what_is_not_the_providers_fault_closes_it() {
        let mut breaker = failed(FAILURES_MAX - 1);
        breaker.heard(&Outcome::AddressGone { code: "gone".into() }, false, NOW);
        breaker.heard(&Outcome::transient("http_503"), false, NOW);
        assert_eq!(breaker.admits(9, NOW), Ok(9));
        let wish = Some(Span::from_millis(60_000));
        for _ in 0..2 * FAILURES_MAX {
            breaker.heard(&Outcome::AddressBusy { code: "http_429".into(), retry_after: wish }, false, NOW);
        }
        assert_eq!(breaker.admits(9, NOW), Ok(9), "one device that gets too many says nothing of the others");
    }

    #[test]
    fn one_is_let_through_after_its_time_and_decides() {
        let mut breaker = failed(FAILURES_MAX);
        let later = NOW.plus_millis(OPEN_MILLIS_MIN);
        assert_eq!(breaker.admits(9, later), Ok(1));
        assert!(breaker.begun());
        assert!(breaker.admits(9, later).is_err(), "one is under way");
        breaker.heard(&Outcome::transient("http_503"), false, later);
        assert!(breaker.admits(9, later).is_err(), "another one does not decide");
        breaker.heard(&Outcome::transient("http_503"), true, later);
        assert_eq!(breaker.admits(9, later), Err(later.plus_millis(2 * OPEN_MILLIS_MIN)));
        breaker.heard(&Outcome::accepted(None), true, later);
        assert_eq!((breaker.admits(9, later), breaker.state(later)), (Ok(9), "closed"));
    }

    #[test]
    fn many_that_fail_together_count_as_one_and_it_never_stays_open_for_longer_than_five_minutes() {
        let mut breaker = failed(FAILURES_MAX + 40);
        assert_eq!(breaker.admits(1, NOW), Err(NOW.plus_millis(OPEN_MILLIS_MIN)));
        for _ in 0..40 {
            breaker.heard(&Outcome::transient("http_503"), true, NOW);
        }
        assert_eq!(breaker.admits(1, NOW), Err(NOW.plus_millis(OPEN_MILLIS_MAX)));
    }

    #[test]
    fn a_provider_that_asks_for_rest_gets_it_at_once() {
        let mut breaker = Breaker::default();
        let wish =
            Outcome::Transient { code: "http_429".into(), retry_after: Some(Span::from_millis(30_000)) };
        breaker.heard(&wish, false, NOW);
        assert_eq!(breaker.admits(9, NOW), Err(NOW.plus_millis(30_000)));
        assert_eq!(breaker.admits(9, NOW.plus_millis(30_000)), Ok(1));
    }
}
