//! How often one recipient gets a rule, for each value of its key.
//!
//! The window is fixed: it begins with the first one that is counted and ends `per` later; the next one begins a new
//! window. So never more than `count` are counted in one window, and at most twice as many in any stretch as long as
//! one. A fixed window is two numbers, where a sliding one would have to remember every instant.

use std::fmt;

use tidings_protocol::{Span, Timestamp};

/// At most so many in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// How many in one window.
    pub count: u32,
    /// How long a window lasts.
    pub per: Span,
}

/// What was counted of one (rule, recipient, key) in its latest window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThrottleCounter {
    window_start: Timestamp,
    count: u32,
}

/// A throttle has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottleFull {
    /// How many there may be in the window.
    pub limit: u32,
    /// How many there are.
    pub used: u32,
    /// When the window ends.
    pub until: Timestamp,
}

/// A packed text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThrottleCounterError {
    /// Written by another version.
    #[error("a packed throttle of version {0:?} is not known")]
    Version(String),
    /// Not what [`ThrottleCounter::to_text`] writes.
    #[error("a packed throttle is a version, an instant in milliseconds and a count, apart by colons")]
    Shape,
}

/// How a packed text begins.
const VERSION: &str = "1";

impl ThrottleCounter {
    /// Looks whether `throttle` lets one more through at `now`. A clock that went back stays in the window.
    ///
    /// # Errors
    /// [`ThrottleFull`] with the window's end.
    pub fn room(&self, throttle: Throttle, now: Timestamp) -> Result<(), ThrottleFull> {
        let used = self.used(throttle, now);
        if used < throttle.count {
            return Ok(());
        }
        // Without anything counted there is no window to wait for: a throttle of none never has room.
        let until = if used == 0 { now } else { self.window_start }.plus_millis(throttle.per.as_millis());
        Err(ThrottleFull { limit: throttle.count, used, until })
    }

    /// Counts one at `now`. The answer is the start of the window that it went to; keep it to give back.
    pub fn take(&mut self, throttle: Throttle, now: Timestamp) -> Timestamp {
        let used = self.used(throttle, now);
        if used == 0 {
            self.window_start = now;
        }
        self.count = used.saturating_add(1);
        self.window_start
    }

    /// Takes one back from the window that [`ThrottleCounter::take`] named; nothing where another one is counted since.
    pub fn give_back(&mut self, window_start: Timestamp) {
        if self.window_start == window_start {
            self.count = self.count.saturating_sub(1);
        }
    }

    /// How many are counted in the window that holds `now`.
    #[must_use]
    pub fn used(&self, throttle: Throttle, now: Timestamp) -> u32 {
        if now < self.ends_at(throttle) { self.count } else { 0 }
    }

    /// When the latest window ends; from then on the counter says nothing and can be dropped.
    #[must_use]
    pub fn ends_at(&self, throttle: Throttle) -> Timestamp {
        self.window_start.plus_millis(throttle.per.as_millis())
    }

    /// The packed text: version, start in milliseconds, count.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{VERSION}:{}:{}", self.window_start.as_millis(), self.count)
    }

    /// Reads what [`ThrottleCounter::to_text`] wrote.
    ///
    /// # Errors
    /// [`ThrottleCounterError`] for anything else.
    pub fn from_text(text: &str) -> Result<Self, ThrottleCounterError> {
        let (version, rest) = text.split_once(':').ok_or(ThrottleCounterError::Shape)?;
        if version != VERSION {
            return Err(ThrottleCounterError::Version(version.chars().take(16).collect()));
        }
        let (start, count) = rest.split_once(':').ok_or(ThrottleCounterError::Shape)?;
        let start = start.parse().map_err(|_| ThrottleCounterError::Shape)?;
        let count = count.parse().map_err(|_| ThrottleCounterError::Shape)?;
        Ok(Self { window_start: Timestamp::from_millis(start), count })
    }
}

impl fmt::Display for ThrottleFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} until {}", self.used, self.limit, self.until)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const TWO_A_MINUTE: Throttle = Throttle { count: 2, per: Span::from_millis(60_000) };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_window_begins_with_the_first_and_ends_on_the_millisecond() {
        let mut counter = ThrottleCounter::default();
        assert_eq!(counter.take(TWO_A_MINUTE, at(100_000)), at(100_000));
        assert_eq!(counter.take(TWO_A_MINUTE, at(130_000)), at(100_000));
        let full = ThrottleFull { limit: 2, used: 2, until: at(160_000) };
        assert_eq!(counter.room(TWO_A_MINUTE, at(159_999)), Err(full));
        assert_eq!(counter.room(TWO_A_MINUTE, at(99_000)), Err(full));
        assert_eq!(counter.room(TWO_A_MINUTE, at(160_000)), Ok(()));
        assert_eq!(counter.take(TWO_A_MINUTE, at(170_000)), at(170_000));
    }

    #[test]
    fn a_throttle_of_none_never_has_room() {
        let none = Throttle { count: 0, ..TWO_A_MINUTE };
        let full = ThrottleCounter::default().room(none, at(500_000)).unwrap_err();
        assert_eq!(full.until, at(560_000));
    }

    #[test]
    fn what_is_given_back_is_room_only_in_its_own_window() {
        let mut counter = ThrottleCounter::default();
        let first = counter.take(TWO_A_MINUTE, at(0));
        let second = counter.take(TWO_A_MINUTE, at(60_000));
        counter.give_back(first);
        assert_eq!(counter.used(TWO_A_MINUTE, at(60_000)), 1);
        counter.give_back(second);
        counter.give_back(second);
        assert_eq!(counter.used(TWO_A_MINUTE, at(60_000)), 0);
    }

    #[rstest]
    #[case("")]
    #[case("1")]
    #[case("1:5")]
    #[case("1:5:-1")]
    #[case("1:x:1")]
    #[case("1:5:1:1")]
    #[case("2:5:1")]
    fn packed_garbage_is_refused(#[case] text: &str) {
        assert!(ThrottleCounter::from_text(text).is_err());
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_its_count(
            pauses in prop::collection::vec((0_i64..40_000, any::<bool>()), 1..200), count in 0_u32..5,
        ) {
            let throttle = Throttle { count, ..TWO_A_MINUTE };
            let (mut counter, mut now, mut held) = (ThrottleCounter::default(), 1_000_000, Vec::new());
            for (pause, gives_back) in pauses {
                now += pause;
                if gives_back {
                    if let Some(window) = held.pop() {
                        counter.give_back(window);
                    }
                } else if counter.room(throttle, at(now)).is_ok() {
                    held.push(counter.take(throttle, at(now)));
                }
                let latest = held.last().map_or(0, |last| held.iter().filter(|window| *window == last).count());
                prop_assert!(u32::try_from(latest).unwrap() <= count);
                prop_assert_eq!(ThrottleCounter::from_text(&counter.to_text()), Ok(counter));
            }
        }
    }
}
