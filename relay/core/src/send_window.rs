//! When an operator wants something sent, and the hour in it at which a recipient answers best.
//!
//! A window is a question to the clock on the recipient's wall, like quiet hours. The best hour never drops a
//! notification: where too little is known, or its hour cannot be had, the window's own opening stays.

use std::fmt;

use tidings_protocol::Timestamp;

use crate::calendar::{ClockError, ClockFault, HourSpan, TimeOfDay, WeekHours, Weekdays, Zone};

/// Receipts in 60 days below which nothing is known of a recipient's best hour (CONFIGURATION, `best_hour`).
pub const BEST_HOUR_RECEIPTS_MIN: u64 = 20;
/// How far ahead the best hour is looked for, in milliseconds: every day of the week once, and the longest day.
const BEST_HOUR_SEARCH_MILLIS: i64 = 8 * 86_400_000;
/// Questions asked for one hour of the day: each of the days ahead, with a try in vain before and after it.
const BEST_HOUR_TRIES_MAX: usize = 32;

/// What speaks for each hour of the recipient's wall clock, from 00:xx to 23:xx: receipts of the last 60 days, each as often
/// as it weighs.
pub type HourHistogram = [u32; 24];

/// Hours and days in which an operator wants something sent; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendWindow {
    span: HourSpan,
    hours: WeekHours,
}

impl SendWindow {
    /// From `from` to `to` (excluded, past midnight if not later) on each day of `days` on which it opens.
    ///
    /// # Errors
    /// [`ClockFault::EqualEnds`] if it ends when it begins, [`ClockFault::StartTime`] if it begins at 24:00,
    /// [`ClockFault::Weekday`] if it opens on no day.
    pub fn new(from: TimeOfDay, to: TimeOfDay, days: Weekdays) -> Result<Self, ClockFault> {
        HourSpan::new(from, to, days).map(Self::from_span)
    }

    /// Reads `08:00-21:00`, opening on each of `days`.
    ///
    /// # Errors
    /// [`ClockError`] with the part of the text that is wrong.
    pub fn parse(text: &str, days: Weekdays) -> Result<Self, ClockError> {
        let (from, to) = HourSpan::ends(text)?;
        Self::new(from, to, days).map_err(|fault| ClockError::new(0..text.len(), fault))
    }

    /// Open at every hour: for a rule that names no window.
    #[must_use]
    pub fn always() -> Self {
        Self::from_span(HourSpan { from: TimeOfDay::MIDNIGHT, to: TimeOfDay::END, days: Weekdays::ALL })
    }

    fn from_span(span: HourSpan) -> Self {
        Self { span, hours: WeekHours::new(&[span]) }
    }

    /// The hours of the week in which it is open.
    #[must_use]
    pub(crate) const fn hours(&self) -> &WeekHours {
        &self.hours
    }

    /// When it opens.
    #[must_use]
    pub const fn from(&self) -> TimeOfDay {
        self.span.from
    }

    /// When it closes.
    #[must_use]
    pub const fn to(&self) -> TimeOfDay {
        self.span.to
    }

    /// The days on which it opens.
    #[must_use]
    pub const fn days(&self) -> Weekdays {
        self.span.days
    }

    /// `at` itself if the window is open then, else the next instant at which it is. An opening that the clocks
    /// skip is at the end of the gap, if the window is still open there.
    #[must_use]
    pub fn opens_at(&self, at: Timestamp, zone: &Zone) -> Timestamp {
        self.hours.inside_from(at, zone)
    }
}

impl fmt::Display for SendWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.span.from, self.span.to)
    }
}

/// The next instant within `window` at which the wall shows the hour with the most receipts; `at` itself if it does
/// so already. The window's opening if there are fewer than [`BEST_HOUR_RECEIPTS_MIN`], or none in its hours.
#[must_use]
pub fn best_instant(histogram: &HourHistogram, window: &SendWindow, at: Timestamp, zone: &Zone) -> Timestamp {
    let opens = window.opens_at(at, zone);
    let until = opens.plus_millis(BEST_HOUR_SEARCH_MILLIS);
    best_allowed(histogram, zone, opens, until, |at| window.opens_at(at, zone)).unwrap_or(opens)
}

/// The first instant from `from` on, before `until` and at most eight days away, at which sending is allowed and the
/// wall shows the hour with the most receipts of those that can be had. Of equals the sooner. `allowed_from` gives an
/// instant's next allowed one.
pub(crate) fn best_allowed(
    histogram: &HourHistogram,
    zone: &Zone,
    from: Timestamp,
    until: Timestamp,
    allowed_from: impl Fn(Timestamp) -> Timestamp,
) -> Option<Timestamp> {
    if histogram.iter().map(|count| u64::from(*count)).sum::<u64>() < BEST_HOUR_RECEIPTS_MIN {
        return None;
    }
    let until = until.min(from.plus_millis(BEST_HOUR_SEARCH_MILLIS));
    let mut counts: Vec<u32> = histogram.iter().copied().filter(|count| *count > 0).collect();
    counts.sort_unstable();
    counts.dedup();
    counts.into_iter().rev().find_map(|count| {
        let equals = (0_u16..24).zip(histogram).filter(|(_, held)| **held == count);
        equals.filter_map(|(hour, _)| first_in_hour(hour, zone, from, until, &allowed_from)).min()
    })
}

/// The first allowed instant in `from..until` at which the wall shows `hour`.
fn first_in_hour(
    hour: u16,
    zone: &Zone,
    from: Timestamp,
    until: Timestamp,
    allowed_from: impl Fn(Timestamp) -> Timestamp,
) -> Option<Timestamp> {
    let span = HourSpan {
        from: TimeOfDay::from_minutes(hour * 60)?,
        to: TimeOfDay::from_minutes(hour * 60 + 60)?,
        days: Weekdays::ALL,
    };
    let hours = WeekHours::new(&[span]);
    let mut at = from;
    for _ in 0..BEST_HOUR_TRIES_MAX {
        at = allowed_from(hours.inside_from(at, zone));
        if at >= until {
            return None;
        }
        if hours.contains(at, zone) {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests;
