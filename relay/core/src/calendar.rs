//! Instants in somebody's own calendar: local days, ISO weeks, wall times and the hours of a week.
//!
//! A zone is kept by its IANA name and asked late, because its rules change. A local time that the clocks skip (a
//! gap) stands for the first instant after the gap; one that they pass twice (a fold) for its first occurrence.
//! Hours of a week are a question to the clock on the wall: an instant lies inside if the wall shows a time inside,
//! whichever pass of a fold it is. So an hour that passes twice is inside both times, and one that is skipped never.
//! A day begins at the first instant of its date, which is 01:00 where midnight is skipped.
//!
//! Only this module knows the time-zone library; it reads the database that is compiled in, never the machine's.

mod clock;
mod day;
mod week_hours;
mod zone;

pub use clock::{ClockError, ClockFault, TimeOfDay, Weekday, Weekdays};
pub use day::{
    Day, Week, day_of, day_start_after, local, next_day_start, next_time, next_week_start, week_of,
};
pub use week_hours::{HourSpan, WeekHours};
pub use zone::{UnknownZoneError, Zone, instant_of};

/// A minute, in milliseconds.
pub(crate) const MINUTE_MILLIS: i64 = 60_000;
/// A calendar day on an undisturbed wall clock, in milliseconds.
pub(crate) const DAY_MILLIS: i64 = 24 * 60 * MINUTE_MILLIS;
