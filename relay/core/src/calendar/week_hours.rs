//! Hours of a week on the wall, and the instants between which they last.

use tidings_protocol::Timestamp;

use super::{ClockError, ClockFault, DAY_MILLIS, MINUTE_MILLIS, TimeOfDay, Weekdays, Zone};

/// A week on an undisturbed wall clock, in milliseconds.
const WEEK_MILLIS: i64 = 7 * DAY_MILLIS;
/// The wall's 1970-01-01 00:00 lies this far after a Monday's midnight, in milliseconds.
const EPOCH_SINCE_MONDAY_MILLIS: i64 = 3 * DAY_MILLIS;

/// Hours from `from` to `to`, `to` excluded, that begin on each of `days`; past midnight if `to` is not later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourSpan {
    /// When it begins.
    pub from: TimeOfDay,
    /// When it ends; not later than `from` means on the next day.
    pub to: TimeOfDay,
    /// The days on which it begins.
    pub days: Weekdays,
}

/// A set of hours of the week on the wall, the same every week.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeekHours {
    /// Milliseconds since Monday 00:00, end excluded; sorted, apart from each other, none past Sunday 24:00.
    parts: Vec<(i64, i64)>,
}

impl HourSpan {
    /// A span that begins at `from` on each of `days` and ends at the next `to`.
    ///
    /// # Errors
    /// [`ClockFault::EqualEnds`], [`ClockFault::StartTime`] if it begins at 24:00, [`ClockFault::Weekday`] if it begins on
    /// no day.
    pub fn new(from: TimeOfDay, to: TimeOfDay, days: Weekdays) -> Result<Self, ClockFault> {
        if from == TimeOfDay::END {
            return Err(ClockFault::StartTime);
        }
        if from == to {
            return Err(ClockFault::EqualEnds);
        }
        if days.is_empty() { Err(ClockFault::Weekday) } else { Ok(Self { from, to, days }) }
    }

    /// Reads the two ends of `22:00-08:00`.
    ///
    /// # Errors
    /// [`ClockError`] with the part of the text that is wrong.
    pub fn ends(text: &str) -> Result<(TimeOfDay, TimeOfDay), ClockError> {
        let Some((from, to)) = text.split_once('-') else {
            return Err(ClockError::new(0..text.len(), ClockFault::Dash));
        };
        Ok((from.parse()?, to.parse().map_err(|error: ClockError| error.shifted(from.len() + 1))?))
    }
}

impl WeekHours {
    /// All hours that lie in at least one of `spans`.
    #[must_use]
    pub fn new(spans: &[HourSpan]) -> Self {
        let mut parts = Vec::new();
        for span in spans {
            let from = i64::from(span.from.minutes()) * MINUTE_MILLIS;
            let to = i64::from(span.to.minutes()) * MINUTE_MILLIS;
            let length = if to > from { to - from } else { to - from + DAY_MILLIS };
            for day in span.days.iter() {
                let start = i64::from(day.since_monday()) * DAY_MILLIS + from;
                let end = start + length;
                parts.push((start, end.min(WEEK_MILLIS)));
                if end > WEEK_MILLIS {
                    parts.push((0, end - WEEK_MILLIS));
                }
            }
        }
        parts.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::with_capacity(parts.len());
        for (start, end) in parts {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                Some(_) | None => merged.push((start, end)),
            }
        }
        Self { parts: merged }
    }

    /// Whether every minute of the week is in the set.
    #[must_use]
    pub fn is_whole_week(&self) -> bool {
        self.parts == [(0, WEEK_MILLIS)]
    }

    /// Whether every minute of the set is in another one, too.
    #[must_use]
    pub fn lies_within(&self, other: &Self) -> bool {
        let covers =
            |(start, end): &(i64, i64)| other.parts.iter().any(|(from, to)| from <= start && end <= to);
        self.parts.iter().all(covers)
    }

    /// Whether no minute of the week is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether the wall in `zone` shows an hour of the set at `at`.
    #[must_use]
    pub fn contains(&self, at: Timestamp, zone: &Zone) -> bool {
        self.wall_end(zone.wall(at)).is_some()
    }

    /// If `at` is inside, the first later instant that is not. For a set that is the whole week, an instant at
    /// least a week away.
    #[must_use]
    pub fn inside_until(&self, at: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let mut reached = None;
        for stretch in zone.stretches(at) {
            // The wall may jump between two stretches: whether it still shows an hour of the set is asked anew.
            let Some(end) = self.wall_end(stretch.start.saturating_add(stretch.offset)) else {
                return reached;
            };
            // The maximum matters only where the numbers end, beyond every instant that can be named.
            let end = end.saturating_sub(stretch.offset).max(stretch.start);
            if end < stretch.end {
                return Some(Timestamp::from_millis(end));
            }
            reached = Some(Timestamp::from_millis(stretch.end));
        }
        reached
    }

    /// The first instant from `at` on that is inside: `at` itself if it is. An empty set is never left waiting for:
    /// it counts as inside.
    #[must_use]
    pub fn inside_from(&self, at: Timestamp, zone: &Zone) -> Timestamp {
        let mut reached = at.as_millis();
        for stretch in zone.stretches(at) {
            let Some(start) = self.wall_start(stretch.start.saturating_add(stretch.offset)) else {
                return at;
            };
            reached = start.saturating_sub(stretch.offset).max(stretch.start);
            if reached < stretch.end {
                break;
            }
        }
        Timestamp::from_millis(reached)
    }

    /// If the set holds the wall's moment, when it stops to, on a wall that runs evenly.
    fn wall_end(&self, wall: i64) -> Option<i64> {
        let moment = since_monday(wall);
        let (_, end) = self.parts.iter().find(|(start, end)| (*start..*end).contains(&moment))?;
        let over_the_weekend = match self.parts.first() {
            Some((0, first_end)) if *end == WEEK_MILLIS => *first_end,
            Some(_) | None => 0,
        };
        Some(wall.saturating_add(end - moment + over_the_weekend))
    }

    /// The wall's moment itself if the set holds it, else the next one that it holds, on a wall that runs evenly.
    fn wall_start(&self, wall: i64) -> Option<i64> {
        let moment = since_monday(wall);
        match self.parts.iter().find(|(_, end)| *end > moment) {
            Some((start, _)) => Some(wall.saturating_add((start - moment).max(0))),
            None => self.parts.first().map(|(start, _)| wall.saturating_add(WEEK_MILLIS - moment + start)),
        }
    }
}

/// How far into its week the wall's moment lies, in milliseconds.
fn since_monday(wall: i64) -> i64 {
    wall.saturating_add(EPOCH_SINCE_MONDAY_MILLIS).rem_euclid(WEEK_MILLIS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Weekday, next_day_start, next_time, next_week_start};

    fn span(from: &str, to: &str, days: Weekdays) -> HourSpan {
        HourSpan { from: from.parse().unwrap(), to: to.parse().unwrap(), days }
    }

    #[test]
    fn spans_that_touch_or_overlap_become_one() {
        let hours = WeekHours::new(&[
            span("10:00", "12:00", Weekdays::ALL),
            span("12:00", "13:00", Weekdays::ALL),
            span("11:00", "11:30", Weekdays::ALL),
        ]);
        let utc = Zone::utc();
        let end = hours.inside_until("2026-11-22T10:30:00Z".parse().unwrap(), &utc);
        assert_eq!(end, Some("2026-11-22T13:00:00Z".parse().unwrap()));
    }

    #[test]
    fn a_span_over_the_end_of_the_week_is_one_span() {
        let hours = WeekHours::new(&[span("22:00", "08:00", [Weekday::Sunday].into_iter().collect())]);
        let utc = Zone::utc();
        let monday_morning = Some("2026-11-23T08:00:00Z".parse().unwrap());
        assert_eq!(hours.inside_until("2026-11-22T22:00:00Z".parse().unwrap(), &utc), monday_morning);
        assert_eq!(hours.inside_until("2026-11-23T07:59:59.999Z".parse().unwrap(), &utc), monday_morning);
        assert_eq!(hours.inside_until("2026-11-23T22:00:00Z".parse().unwrap(), &utc), None);
    }

    #[test]
    fn a_whole_week_and_no_hour_at_all_are_bounded() {
        let zone = "Europe/Berlin".parse().unwrap();
        let at = "2026-11-22T22:00:00Z".parse().unwrap();
        let whole = WeekHours::new(&[span("00:00", "24:00", Weekdays::ALL)]);
        assert!(whole.is_whole_week());
        assert!(whole.inside_until(at, &zone).unwrap().millis_since(at) >= WEEK_MILLIS);
        assert_eq!(whole.inside_from(at, &zone), at);
        let none = WeekHours::default();
        assert!(none.is_empty());
        assert_eq!((none.inside_until(at, &zone), none.inside_from(at, &zone)), (None, at));
    }

    #[test]
    fn instants_that_nobody_can_name_do_not_panic() {
        let hours = WeekHours::new(&[span("22:00", "08:00", Weekdays::ALL)]);
        for at in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX].map(Timestamp::from_millis) {
            for zone in
                ["Europe/Berlin", "Pacific/Apia", "America/New_York"].map(|name| name.parse().unwrap())
            {
                assert!(hours.inside_until(at, &zone).is_none_or(|end| end >= at));
                assert!(hours.inside_from(at, &zone) >= at);
                assert!(next_day_start(at, &zone) >= at && next_week_start(at, &zone) >= at);
                assert!(next_time(at, Weekdays::ALL, TimeOfDay::END, &zone) > at || at > Timestamp::MAX);
            }
        }
    }
}
