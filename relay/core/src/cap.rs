//! How many notifications a recipient gets a day and a week, in their own calendar.
//!
//! A bucket is the local date, and the ISO week, at the instant of release. Counters keep the latest bucket that was
//! counted. A change of zone moves nothing: when the date goes back (a flight to the west, a clock set back over
//! midnight), the counter of the later date counts on until that date is past, so that no day is counted afresh and
//! the cap holds. Looking takes nothing; the commit does.

mod adapted;
mod counters;
mod responses;

use std::fmt;

use tidings_protocol::{CategoryId, Channel, Timestamp};

pub use self::adapted::{ADAPT_SHOWN_MIN, adapted};
pub use self::counters::{COUNTERS_BYTES_MAX, Counters, CountersError};
pub use self::responses::{RESPONSE_DAYS, Responses, ResponsesError};
use crate::calendar::{Day, Week, Zone, day_start_after};

/// How many a day and a week; an absent one is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cap {
    /// In one local date.
    pub day: Option<u32>,
    /// In one ISO week from Monday.
    pub week: Option<u32>,
}

/// What a cap is on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapScope {
    /// Everything of the project.
    Project,
    /// One category.
    Category(CategoryId),
    /// One channel.
    Channel(Channel),
}

/// The period whose cap is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A local date.
    Day,
    /// An ISO week.
    Week,
}

/// A cap has no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    /// What the cap is on.
    pub scope: CapScope,
    /// The period that is full; of two the one that is free later.
    pub period: Period,
    /// How many there may be.
    pub limit: u32,
    /// How many there are.
    pub used: u32,
    /// The first local date on which there is room again.
    pub free_from: Day,
}

/// The bucket that was counted: what has to be named to give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The local date.
    pub day: Day,
    /// The ISO week.
    pub week: Week,
}

/// The first instant after `at` at which the wall in `zone` shows a date on which there is room again. Ask again then:
/// the room may be gone.
#[must_use]
pub fn next_period(full: &Full, at: Timestamp, zone: &Zone) -> Timestamp {
    day_start_after(at, full.free_from, zone)
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} this {} for {}", self.used, self.limit, self.period, self.scope)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Day => "day",
            Self::Week => "week",
        })
    }
}

impl fmt::Display for CapScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project => f.write_str("the project"),
            Self::Category(id) => write!(f, "category {id}"),
            Self::Channel(channel) => write!(f, "channel {channel}"),
        }
    }
}

#[cfg(test)]
mod tests;
