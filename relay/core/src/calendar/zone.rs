//! Zones by IANA name, and the two directions between instants and wall time.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use tidings_protocol::Timestamp;

use super::{DAY_MILLIS, Day, MINUTE_MILLIS, TimeOfDay};

/// How many stretches of steady offset one question walks through. Zones change at most a few times a year and no
/// question looks further ahead than a few weeks of hours, so this is years more than is needed.
const STRETCHES_MAX: usize = 64;

/// A time zone by its IANA name, such as `Europe/Berlin`. Names are compared as the database spells them.
#[derive(Clone)]
pub struct Zone(TimeZone);

/// No zone has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a time zone: {}", advice(.nearest.as_deref()))]
pub struct UnknownZoneError {
    /// What was written, shortened.
    pub given: String,
    /// Where the name stands in the text that was read, in bytes.
    pub range: Range<usize>,
    /// The name that looks most like it, if one does.
    pub nearest: Option<String>,
}

impl Zone {
    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The IANA name, in the database's spelling.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The stretches of steady offset from the one that holds `at`, in order; the first begins at `at` itself.
    pub(super) fn stretches(&self, at: Timestamp) -> impl Iterator<Item = Stretch> {
        let instant = instant(at);
        let mut changes = self.0.following(instant);
        let mut next = Some((at.as_millis(), self.0.to_offset(instant)));
        std::iter::from_fn(move || {
            let (start, offset) = next?;
            let change = changes.next();
            next = change.as_ref().map(|change| (change.timestamp().as_millisecond(), change.offset()));
            let end = next.map_or(i64::MAX, |(start, _)| start);
            Some(Stretch { start, end, offset: millis(offset) })
        })
        .take(STRETCHES_MAX)
    }

    /// Milliseconds that the wall shows at `at`, counted from 1970-01-01 00:00 on the wall.
    pub(super) fn wall(&self, at: Timestamp) -> i64 {
        let instant = instant(at);
        instant.as_millisecond() + millis(self.0.to_offset(instant))
    }
}

/// A stretch of time in which the wall runs evenly; all in milliseconds, `end` excluded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// The first instant, since the epoch.
    pub(super) start: i64,
    /// The instant at which the offset changes, or the largest number.
    pub(super) end: i64,
    /// What the wall shows more than UTC.
    pub(super) offset: i64,
}

/// The instant at which the wall in `zone` shows `time` on `day`; `24:00` is the next day's midnight. A time that
/// the clocks skip stands for the first instant after the gap, also where a whole day is skipped; a time that they
/// pass twice for its first occurrence.
#[must_use]
pub fn instant_of(day: Day, time: TimeOfDay, zone: &Zone) -> Timestamp {
    let wall = i64::from(day.number()) * DAY_MILLIS + i64::from(time.minutes()) * MINUTE_MILLIS;
    let shown = Offset::UTC.to_datetime(instant(Timestamp::from_millis(wall)));
    let found = match zone.0.to_ambiguous_timestamp(shown).offset() {
        AmbiguousOffset::Unambiguous { offset } => wall - millis(offset),
        AmbiguousOffset::Fold { before, .. } => wall - millis(before),
        AmbiguousOffset::Gap { after, .. } => {
            // With the later offset a skipped time names an instant before the change, so that the next change is
            // the gap itself.
            let earlier = Timestamp::from_millis(wall - millis(after));
            zone.stretches(earlier).next().map_or(earlier.as_millis(), |stretch| stretch.end)
        }
    };
    Timestamp::from_millis(found)
}

/// Instants beyond the library's range count as its ends; no project can name them.
fn instant(at: Timestamp) -> jiff::Timestamp {
    let end = if at < Timestamp::ZERO { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(end)
}

fn millis(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * 1_000
}

impl FromStr for Zone {
    type Err = UnknownZoneError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match TimeZoneDatabase::bundled().get(text) {
            Ok(zone) if zone.iana_name().is_some() && !zone.is_unknown() => Ok(Self(zone)),
            Ok(_) | Err(_) => Err(UnknownZoneError {
                given: text.chars().take(64).collect(),
                range: 0..text.len(),
                nearest: nearest(text),
            }),
        }
    }
}

fn advice(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "write an IANA name like Europe/Berlin".to_owned(),
        |name| format!("did you mean {name}?"),
    )
}

/// The zone whose name, or whose city, looks most like `text`.
fn nearest(text: &str) -> Option<String> {
    /// Below this likeness (0 to 1) a hint would mislead.
    const LIKENESS_MIN: f64 = 0.75;
    let wanted: String = text.chars().take(64).collect::<String>().to_ascii_lowercase().replace(' ', "_");
    TimeZoneDatabase::bundled()
        .available()
        .map(|name| {
            let whole = name.as_str().to_ascii_lowercase();
            let city = whole.rsplit('/').next().unwrap_or(&whole);
            let likeness = strsim::jaro_winkler(&whole, &wanted).max(strsim::jaro_winkler(city, &wanted));
            (likeness, name.as_str().to_owned())
        })
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| y.cmp(x)))
        .map(|(_, name)| name)
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Zone {}

impl PartialOrd for Zone {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Zone {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::{day_of, local};
    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    #[rstest]
    #[case("europe/berlin", "Europe/Berlin")]
    #[case("UTC", "UTC")]
    #[case("Asia/Kathmandu", "Asia/Kathmandu")]
    fn a_zone_is_found_whatever_its_case(#[case] text: &str, #[case] name: &str) {
        assert_eq!(zone(text).name(), name);
        assert_eq!(zone(text), zone(name));
    }

    #[rstest]
    #[case("Europe/Berlni", "Europe/Berlin")]
    #[case("New York", "America/New_York")]
    #[case("Shanghai", "Asia/Shanghai")]
    fn an_unknown_zone_is_refused_with_the_nearest_name(#[case] text: &str, #[case] hint: &str) {
        let error = text.parse::<Zone>().unwrap_err();
        assert_eq!(error.nearest.as_deref(), Some(hint));
        assert_eq!(error.range, 0..text.len());
        assert!(error.to_string().contains(hint));
    }

    #[rstest]
    #[case("")]
    #[case("Etc/Unknown")]
    #[case("+02:00")]
    #[case("\u{0}")]
    #[case("???????")]
    fn what_names_no_place_is_refused(#[case] text: &str) {
        assert!(text.parse::<Zone>().is_err(), "{text}");
    }

    #[rstest]
    // An ordinary time, zones with 45 and 30 minutes, and the end of a day.
    #[case("Asia/Shanghai", "2026-11-23", "08:00", "2026-11-23T00:00:00Z")]
    #[case("Asia/Kathmandu", "2026-11-23", "08:00", "2026-11-23T02:15:00Z")]
    #[case("America/St_Johns", "2026-11-23", "08:00", "2026-11-23T11:30:00Z")]
    #[case("Asia/Shanghai", "2026-11-23", "24:00", "2026-11-23T16:00:00Z")]
    // Gaps: the first instant after them.
    #[case("Europe/Berlin", "2026-03-29", "02:30", "2026-03-29T01:00:00Z")]
    #[case("America/New_York", "2026-03-08", "02:00", "2026-03-08T07:00:00Z")]
    #[case("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:30:00Z")]
    #[case("America/Sao_Paulo", "2018-11-04", "00:00", "2018-11-04T03:00:00Z")]
    #[case("Asia/Beirut", "2026-03-29", "00:30", "2026-03-28T22:00:00Z")]
    #[case("Africa/Cairo", "2026-04-24", "00:00", "2026-04-23T22:00:00Z")]
    #[case("Pacific/Apia", "2011-12-30", "12:00", "2011-12-30T10:00:00Z")]
    // Folds: the first occurrence.
    #[case("Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T00:30:00Z")]
    #[case("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30:00Z")]
    #[case("Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45:00Z")]
    fn a_wall_time_is_one_instant(
        #[case] name: &str,
        #[case] day: &str,
        #[case] time: &str,
        #[case] at: &str,
    ) {
        let found = instant_of(day.parse().unwrap(), time.parse().unwrap(), &zone(name));
        assert_eq!(found, at.parse().unwrap(), "{found}");
    }

    #[test]
    fn instants_that_nobody_can_name_do_not_panic() {
        for at in [i64::MIN, -1, 0, i64::MAX] {
            let at = Timestamp::from_millis(at);
            for name in ["Europe/Berlin", "UTC", "Pacific/Apia"] {
                let (day, ..) = local(at, &zone(name));
                assert_eq!(day, day_of(at, &zone(name)));
                assert!(zone(name).stretches(at).count() <= STRETCHES_MAX);
            }
        }
    }
}
