//! Tables of what people expect, and a comparison with the wall clock, minute by minute.

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::calendar::local;

fn quiet(text: &str) -> QuietHours {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[rstest]
// Across midnight, start inclusive, end exclusive.
#[case("22:00-08:00", "Asia/Shanghai", "2026-11-22T13:59:59.999Z", None)]
#[case("22:00-08:00", "Asia/Shanghai", "2026-11-22T14:00:00Z", Some("2026-11-23T00:00:00Z"))]
#[case("22:00-08:00", "Asia/Shanghai", "2026-11-22T23:59:59.999Z", Some("2026-11-23T00:00:00Z"))]
#[case("22:00-08:00", "Asia/Shanghai", "2026-11-23T00:00:00Z", None)]
#[case("12:00-13:00", "Asia/Kathmandu", "2026-11-22T06:15:00Z", Some("2026-11-22T07:15:00Z"))]
// Spans that touch or overlap are one; a day has an end.
#[case("22:00-24:00, 00:00-06:00", "UTC", "2026-11-22T22:30:00Z", Some("2026-11-23T06:00:00Z"))]
#[case("12:00-14:00, 13:00-15:00", "UTC", "2026-11-22T12:30:00Z", Some("2026-11-22T15:00:00Z"))]
#[case("sat sun 00:00-24:00, 22:00-08:00", "UTC", "2026-11-20T23:00:00Z", Some("2026-11-23T08:00:00Z"))]
// A span belongs to the day on which it begins.
#[case("fri 22:00-08:00", "UTC", "2026-11-21T07:00:00Z", Some("2026-11-21T08:00:00Z"))]
#[case("fri 22:00-08:00", "UTC", "2026-11-20T07:00:00Z", None)]
// A night over a gap is an hour shorter, one over a fold an hour longer.
#[case("22:00-08:00", "Europe/Berlin", "2026-03-28T21:00:00Z", Some("2026-03-29T06:00:00Z"))]
#[case("22:00-08:00", "Europe/Berlin", "2026-10-24T20:00:00Z", Some("2026-10-25T07:00:00Z"))]
// The end falls into a gap: it is over when the gap is.
#[case("01:00-02:30", "Europe/Berlin", "2026-03-29T00:30:00Z", Some("2026-03-29T01:00:00Z"))]
#[case("02:15-02:45", "Europe/Berlin", "2026-03-29T01:00:00Z", None)]
// A fold shows 02:xx twice: an end at 03:00 is the second pass's.
#[case("01:00-03:00", "Europe/Berlin", "2026-10-24T23:30:00Z", Some("2026-10-25T02:00:00Z"))]
#[case("01:00-02:30", "Europe/Berlin", "2026-10-24T23:30:00Z", Some("2026-10-25T00:30:00Z"))]
#[case("01:00-02:30", "Europe/Berlin", "2026-10-25T01:00:00Z", Some("2026-10-25T01:30:00Z"))]
#[case("02:00-03:00", "Europe/Berlin", "2026-10-25T00:00:00Z", Some("2026-10-25T02:00:00Z"))]
// Half an hour of daylight saving, and a zone that leaves it in Ramadan.
#[case("01:00-02:00", "Australia/Lord_Howe", "2026-04-04T14:15:00Z", Some("2026-04-04T15:30:00Z"))]
#[case("01:00-06:00", "Africa/Casablanca", "2026-02-15T00:30:00Z", Some("2026-02-15T06:00:00Z"))]
// The day that Samoa skipped.
#[case("22:00-08:00", "Pacific/Apia", "2011-12-30T09:00:00Z", Some("2011-12-30T18:00:00Z"))]
#[case("thu 22:00-08:00", "Pacific/Apia", "2011-12-30T09:00:00Z", Some("2011-12-30T10:00:00Z"))]
fn it_is_quiet_until(
    #[case] hours: &str,
    #[case] zone: &str,
    #[case] now: &str,
    #[case] until: Option<&str>,
) {
    let found = quiet(hours).quiet_until(at(now), &zone.parse().unwrap());
    assert_eq!(found, until.map(at), "{found:?}");
}

#[test]
fn quiet_hours_with_a_zone_of_their_own_do_not_follow_the_recipient() {
    let shanghai: Zone = "Asia/Shanghai".parse().unwrap();
    let hours = quiet("22:00-08:00").in_zone(shanghai);
    assert_eq!(hours.quiet_until(at("2026-11-22T15:00:00Z"), &Zone::utc()), Some(at("2026-11-23T00:00:00Z")));
}

#[rstest]
#[case("", 0..0, ClockFault::Dash)]
#[case("22:00", 0..5, ClockFault::Dash)]
#[case("22:00-8:00", 6..10, ClockFault::Time)]
#[case("22:61-08:00", 0..5, ClockFault::Time)]
#[case("22:00-22:00", 0..11, ClockFault::EqualEnds)]
#[case("24:00-08:00", 0..11, ClockFault::StartTime)]
#[case("22:00-08:00, mo 10:00-11:00", 13..15, ClockFault::Weekday)]
#[case("22:00-08:00, sat 10:00-25:00", 23..28, ClockFault::Time)]
#[case("22:00-08:00,", 12..12, ClockFault::Dash)]
#[case("00:00-24:00", 0..11, ClockFault::NothingFree)]
#[case("00:00-12:00, 12:00-00:00", 0..24, ClockFault::NothingFree)]
fn a_mistake_is_shown_where_it_is(
    #[case] text: &str,
    #[case] range: std::ops::Range<usize>,
    #[case] fault: ClockFault,
) {
    assert_eq!(text.parse::<QuietHours>().unwrap_err(), ClockError::new(range, fault));
}

#[test]
fn spans_are_bounded_from_both_sides() {
    let spans = |count| vec!["mon 10:00-11:00"; count].join(",").parse::<QuietHours>();
    assert!(spans(QUIET_SPANS_MAX).is_ok());
    assert_eq!(spans(QUIET_SPANS_MAX + 1).unwrap_err().fault, ClockFault::TooManySpans);
}

#[test]
fn quiet_hours_read_what_they_print() {
    for text in ["22:00-08:00", "22:00-08:00, sat sun 00:00-10:00", "00:00-23:59"] {
        assert_eq!(quiet(text).to_string(), text);
    }
}

/// Around both changes of each zone, and one ordinary day.
const CHANGES: [(&str, &str); 22] = [
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("Africa/Casablanca", "2026-02-15T02:00:00Z"),
    ("Africa/Casablanca", "2026-03-22T02:00:00Z"),
    ("America/St_Johns", "2026-03-08T05:30:00Z"),
    ("America/St_Johns", "2026-11-01T04:30:00Z"),
    ("America/St_Johns", "2010-11-07T02:31:00Z"),
    ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
    ("America/Sao_Paulo", "2018-02-18T02:00:00Z"),
    ("Asia/Beirut", "2026-03-28T22:00:00Z"),
    ("Asia/Beirut", "2026-10-24T21:00:00Z"),
    ("Africa/Cairo", "2026-04-23T22:00:00Z"),
    ("Africa/Cairo", "2026-10-29T21:00:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("Pacific/Apia", "2011-09-24T11:00:00Z"),
    ("Asia/Kathmandu", "2026-11-22T12:00:00Z"),
    ("Asia/Shanghai", "2026-11-22T12:00:00Z"),
    ("Pacific/Kiritimati", "1994-12-31T10:00:00Z"),
];

/// Whether the wall shows a time inside: written from the meaning of a span, not from the code under test.
fn wall_is_quiet(hours: &QuietHours, at: Timestamp, zone: &Zone) -> bool {
    let (day, weekday, time) = local(at, zone);
    let yesterday = crate::calendar::Day::from_number(day.number() - 1).weekday();
    hours.spans().iter().any(|span| {
        let (from, to) = (span.from(), span.to());
        if from < to {
            span.days().contains(weekday) && from <= time && time < to
        } else {
            (span.days().contains(weekday) && from <= time) || (span.days().contains(yesterday) && time < to)
        }
    })
}

fn some_span() -> impl Strategy<Value = QuietSpan> {
    // Around the night, where the clocks change, in steps that meet the changes exactly.
    let time = prop_oneof![3 => (0_u16..20).prop_map(|quarter| quarter * 15), 1 => 0_u16..1_440];
    (time.clone(), time, 1_u8..=127).prop_filter_map("a span has a length", |(from, to, days)| {
        let days = Weekday::ALL.into_iter().filter(|day| days & (1 << day.since_monday()) != 0).collect();
        QuietSpan::new(TimeOfDay::from_minutes(from)?, TimeOfDay::from_minutes(to)?, days).ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn quiet_is_what_the_wall_shows_minute_by_minute(
        spans in prop::collection::vec(some_span(), 1..3),
        (zone, change) in prop::sample::select(&CHANGES[..]),
    ) {
        const MINUTE: i64 = 60_000;
        let Ok(hours) = QuietHours::new(spans, None) else { return Ok(()) };
        let zone: Zone = zone.parse().unwrap();
        let first = at(change).plus_millis(-15 * 60 * MINUTE);
        let minutes: Vec<_> = (0..30 * 60).map(|minute| first.plus_millis(minute * MINUTE)).collect();
        let shown: Vec<_> = minutes.iter().map(|now| wall_is_quiet(&hours, *now, &zone)).collect();
        let mut free_again = None;
        for (now, shown) in minutes.iter().zip(shown).rev() {
            let until = hours.quiet_until(*now, &zone);
            prop_assert_eq!(until.is_some(), shown, "{} {}", now, hours);
            let Some(until) = until else {
                free_again = Some(*now);
                continue;
            };
            prop_assert!(until > *now);
            prop_assert_eq!(hours.quiet_until(until, &zone), None, "{} does not end at {}", hours, until);
            // Quiet until the end of what is compared: the end lies beyond.
            let ends_there = free_again.map_or(until > minutes[minutes.len() - 1], |free| free == until);
            prop_assert!(ends_there, "{} at {} until {}", hours, now, until);
        }
    }
}
