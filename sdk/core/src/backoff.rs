//! How long to wait before another try: exponential with full jitter and a ceiling.

/// The wait before the first retry is at most this long, in milliseconds.
pub const FIRST_MILLIS: i64 = 500;
/// No wait is longer, in milliseconds, unless the relay names one.
pub const CEILING_MILLIS: i64 = 60_000;
/// The longest wait that a relay may ask for, in milliseconds: a mistake there must not silence a device for a day.
pub const ASKED_MILLIS_MAX: i64 = 10 * 60_000;

/// A random fraction in [0, 1), given by the embedder in 2^-32 steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Jitter(pub u32);

impl Jitter {
    /// This fraction of `millis`, rounded down.
    #[must_use]
    pub fn of(self, millis: i64) -> i64 {
        let scaled = (i128::from(millis.max(0)) * i128::from(self.0)) >> 32;
        i64::try_from(scaled).expect("a fraction of an i64 fits an i64")
    }
}

/// Counts the tries in a row that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure, in milliseconds: a random part of the window, so that devices that failed
    /// together do not return together.
    pub fn after_failure(&mut self, jitter: Jitter) -> i64 {
        let window = FIRST_MILLIS.saturating_mul(1 << self.failures.min(16)).min(CEILING_MILLIS);
        self.failures = self.failures.saturating_add(1);
        jitter.of(window)
    }

    /// Something worked: the next wait is short again.
    pub const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// How many tries in a row failed.
    #[must_use]
    pub const fn failures(self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_doubles_up_to_the_ceiling() {
        let mut backoff = Backoff::default();
        let longest = Jitter(u32::MAX);
        let waits: Vec<i64> = (0..9).map(|_| backoff.after_failure(longest)).collect();
        assert_eq!(waits, [499, 999, 1_999, 3_999, 7_999, 15_999, 31_999, 59_999, 59_999]);
    }

    #[test]
    fn jitter_is_full_and_success_starts_again() {
        let mut backoff = Backoff::default();
        for _ in 0..40 {
            assert_eq!(backoff.after_failure(Jitter(0)), 0);
        }
        backoff.succeeded();
        assert_eq!(backoff.after_failure(Jitter(1 << 31)), FIRST_MILLIS / 2);
    }
}
