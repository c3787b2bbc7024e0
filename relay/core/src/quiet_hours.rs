//! When a recipient wants to be left alone.
//!
//! Quiet hours are a question to the clock on the recipient's wall: it is quiet whenever that clock shows a time
//! inside a span. A fold shows some times twice and both are quiet; a gap shows some never and loses nothing. A span
//! includes its start and excludes its end. Which priorities pass is decided elsewhere.

mod item;

use std::fmt;
use std::str::FromStr;

use tidings_protocol::Timestamp;

use crate::calendar::{ClockError, ClockFault, HourSpan, TimeOfDay, WeekHours, Weekday, Weekdays, Zone};

pub use item::QuietItemError;

/// Spans of one recipient: two a day for each day of the week, and two to spare.
pub const QUIET_SPANS_MAX: usize = 16;

/// One stretch of quiet, from `from` to `to` (excluded), on each day of `days` on which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietSpan(HourSpan);

/// When a recipient wants to be left alone; at least a minute of every week is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietHours {
    spans: Vec<QuietSpan>,
    zone: Option<Zone>,
    hours: WeekHours,
}

impl QuietSpan {
    /// A span that begins at `from` on each of `days` and ends at the next `to`, past midnight if that is earlier.
    ///
    /// # Errors
    /// [`ClockFault::EqualEnds`] if it ends when it begins (a whole day is 00:00-24:00), [`ClockFault::StartTime`] if it
    /// begins at 24:00, [`ClockFault::Weekday`] if it begins on no day.
    pub fn new(from: TimeOfDay, to: TimeOfDay, days: Weekdays) -> Result<Self, ClockFault> {
        HourSpan::new(from, to, days).map(Self)
    }

    /// When it begins.
    #[must_use]
    pub const fn from(&self) -> TimeOfDay {
        self.0.from
    }

    /// When it ends.
    #[must_use]
    pub const fn to(&self) -> TimeOfDay {
        self.0.to
    }

    /// The days on which it begins.
    #[must_use]
    pub const fn days(&self) -> Weekdays {
        self.0.days
    }
}

impl QuietHours {
    /// Quiet in each of `spans`, in `zone`, or in the recipient's own zone if that is absent.
    ///
    /// # Errors
    /// [`ClockFault::TooManySpans`] beyond [`QUIET_SPANS_MAX`], [`ClockFault::NothingFree`] if the spans leave no
    /// minute of the week.
    pub fn new(spans: Vec<QuietSpan>, zone: Option<Zone>) -> Result<Self, ClockFault> {
        if spans.len() > QUIET_SPANS_MAX {
            return Err(ClockFault::TooManySpans);
        }
        let hours = WeekHours::new(&spans.iter().map(|span| span.0).collect::<Vec<_>>());
        if hours.is_whole_week() { Err(ClockFault::NothingFree) } else { Ok(Self { spans, zone, hours }) }
    }

    /// The same hours in a zone of their own, which then counts whatever the recipient's is.
    #[must_use]
    pub fn in_zone(self, zone: Zone) -> Self {
        Self { zone: Some(zone), ..self }
    }

    /// The hours of the week in which it is quiet.
    #[must_use]
    pub(crate) const fn hours(&self) -> &WeekHours {
        &self.hours
    }

    /// The spans, as they were named.
    #[must_use]
    pub fn spans(&self) -> &[QuietSpan] {
        &self.spans
    }

    /// The zone that these hours name themselves.
    #[must_use]
    pub const fn zone(&self) -> Option<&Zone> {
        self.zone.as_ref()
    }

    /// If it is quiet at `at`, the first later instant at which it is not: spans that touch or overlap are one.
    /// `zone` is the recipient's and counts unless these hours name their own.
    #[must_use]
    pub fn quiet_until(&self, at: Timestamp, zone: &Zone) -> Option<Timestamp> {
        self.hours.inside_until(at, self.zone.as_ref().unwrap_or(zone))
    }
}

impl FromStr for QuietHours {
    type Err = ClockError;

    /// Reads spans apart by commas, each with the days on which it begins before it if those are not all:
    /// `22:00-08:00` or `22:00-08:00, sat sun 00:00-10:00`.
    fn from_str(text: &str) -> Result<Self, ClockError> {
        let mut spans = Vec::new();
        let mut offset = 0;
        for part in text.split(',') {
            let leading = part.len() - part.trim_start().len();
            let span = span_of(part.trim()).map_err(|error| error.shifted(offset + leading))?;
            spans.push(span);
            offset += part.len() + 1;
        }
        Self::new(spans, None).map_err(|fault| ClockError::new(0..text.len(), fault))
    }
}

/// Reads the days and the hours of one span.
fn span_of(text: &str) -> Result<QuietSpan, ClockError> {
    let hours_at = text.rfind(' ').map_or(0, |at| at + 1);
    let (from, to) = HourSpan::ends(&text[hours_at..]).map_err(|error| error.shifted(hours_at))?;
    let mut days = Vec::new();
    let mut offset = 0;
    for word in text[..hours_at].split(' ') {
        if !word.is_empty() {
            days.push(word.parse::<Weekday>().map_err(|error| error.shifted(offset))?);
        }
        offset += word.len() + 1;
    }
    let days = if days.is_empty() { Weekdays::ALL } else { days.into_iter().collect() };
    QuietSpan::new(from, to, days).map_err(|fault| ClockError::new(hours_at..text.len(), fault))
}

impl fmt::Display for QuietSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.days != Weekdays::ALL {
            for day in self.0.days.iter() {
                write!(f, "{day} ")?;
            }
        }
        write!(f, "{}-{}", self.0.from, self.0.to)
    }
}

impl fmt::Display for QuietHours {
    /// Prints what [`QuietHours::from_str`] reads, without the zone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, span) in self.spans.iter().enumerate() {
            write!(f, "{}{span}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
