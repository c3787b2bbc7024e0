//! Whether people stopped opening what a category sends them: its last week beside the four weeks before.
//!
//! Counted are notifications that reached somebody, and those of them that were clicked: by a device, or by a counted
//! link of a mail. A category of which no client tells clicks has a rate of nothing, and never falls below it.

use tidings_protocol::Timestamp;

const DAY_MILLIS: i64 = 24 * 60 * 60_000;
/// How long people have to click before a notification counts, in days.
const PATIENCE_DAYS: i64 = 1;
/// The days that are looked at: whole weeks, because people click less on some days of it.
const RECENT_DAYS: i64 = 7;
/// The days before them that say what is usual.
const USUAL_DAYS: i64 = 28;
/// Notifications that each of the two needs. Fewer say nothing.
pub const REACHED_MIN: u64 = 100;
/// Clicks that the recent days would have at the usual rate, and that the usual days need. With thirty, less than half
/// of them comes about by chance in one week of a thousand (Poisson).
pub const CLICKS_MIN: u64 = 30;
/// The recent rate is low below one part of so many of the usual one.
const PART: u128 = 2;

/// How many were reached in some days, and how many of them clicked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clicks {
    /// Notifications made in these days that reached somebody.
    pub reached: u64,
    /// Those of them that were clicked, whenever.
    pub clicked: u64,
}

/// The two spans of time that are compared, by when a notification was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The usual days begin here.
    pub usual_from: Timestamp,
    /// They end here, and the recent ones begin.
    pub recent_from: Timestamp,
    /// The recent ones end here.
    pub until: Timestamp,
}

impl Days {
    /// The days to compare at an instant.
    #[must_use]
    pub const fn before(now: Timestamp) -> Self {
        let until = now.plus_millis(-PATIENCE_DAYS * DAY_MILLIS);
        let recent_from = until.plus_millis(-RECENT_DAYS * DAY_MILLIS);
        Self { usual_from: recent_from.plus_millis(-USUAL_DAYS * DAY_MILLIS), recent_from, until }
    }
}

impl Clicks {
    /// Whether the recent rate is below half of the usual one, and both rest on enough to say so.
    #[must_use]
    pub const fn is_low_beside(self, usual: Self) -> bool {
        if self.reached < REACHED_MIN || usual.reached < REACHED_MIN || usual.clicked < CLICKS_MIN {
            return false;
        }
        // Both sides times `usual.reached`, so that nothing is rounded.
        let expected = self.reached as u128 * usual.clicked as u128;
        let seen = self.clicked as u128 * usual.reached as u128;
        expected >= CLICKS_MIN as u128 * usual.reached as u128 && seen * PART < expected
    }

    /// The rate in tenths of a percent.
    #[must_use]
    pub fn per_mille(self) -> u64 {
        self.clicked.saturating_mul(1_000).checked_div(self.reached).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const fn clicks(clicked: u64, reached: u64) -> Clicks {
        Clicks { reached, clicked }
    }

    #[rstest]
    #[case::half(clicks(30, 600), clicks(400, 4_000), false)]
    #[case::below_half(clicks(29, 600), clicks(400, 4_000), true)]
    #[case::none_at_all(clicks(0, 300), clicks(400, 4_000), true)]
    #[case::thirty_would_be_usual(clicks(14, 300), clicks(400, 4_000), true)]
    #[case::twenty_nine_would_be(clicks(14, 299), clicks(400, 4_000), false)]
    #[case::too_few_reached(clicks(0, 99), clicks(2_000, 4_000), false)]
    #[case::just_enough_reached(clicks(0, 100), clicks(2_000, 4_000), true)]
    #[case::a_short_history(clicks(0, 300), clicks(99, 99), false)]
    #[case::few_clicks_ever(clicks(0, 3_000), clicks(29, 1_000), false)]
    #[case::nobody_tells_clicks(clicks(0, 100_000), clicks(0, 400_000), false)]
    #[case::better_than_ever(clicks(300, 300), clicks(400, 4_000), false)]
    fn a_rate_is_low_below_half_of_what_is_usual_if_both_are_known_well_enough(
        #[case] recent: Clicks,
        #[case] usual: Clicks,
        #[case] low: bool,
    ) {
        assert_eq!(recent.is_low_beside(usual), low);
    }

    #[test]
    fn the_last_day_is_left_out_and_then_a_week_is_compared_with_four() {
        let day = |n: i64| Timestamp::from_millis(n * DAY_MILLIS);
        let days = Days::before(day(100));
        assert_eq!((days.usual_from, days.recent_from, days.until), (day(64), day(92), day(99)));
    }
}
