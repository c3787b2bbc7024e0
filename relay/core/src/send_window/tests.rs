//! Tables of openings, and a comparison with the wall clock.

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::calendar::{Weekday, local};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn workdays() -> Weekdays {
    Weekday::ALL.into_iter().take(5).collect()
}

#[rstest]
// Open now, the last millisecond, closed: the next day.
#[case("08:00-21:00", "Asia/Shanghai", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z")]
#[case("08:00-21:00", "Asia/Shanghai", "2026-11-23T12:59:59.999Z", "2026-11-23T12:59:59.999Z")]
#[case("08:00-21:00", "Asia/Shanghai", "2026-11-23T13:00:00Z", "2026-11-24T00:00:00Z")]
#[case("08:00-21:00", "Asia/Shanghai", "2026-11-22T23:00:00Z", "2026-11-23T00:00:00Z")]
// Across midnight it belongs to the day on which it opens: Friday's is still open on Saturday morning.
#[case("20:00-02:00", "UTC", "2026-11-21T01:00:00Z", "2026-11-21T01:00:00Z")]
// An opening over the weekend, and one that the clocks skip.
#[case("08:00-21:00", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-26T07:00:00Z")]
#[case("08:00-21:00", "Australia/Lord_Howe", "2026-10-03T15:00:00Z", "2026-10-04T21:00:00Z")]
fn a_window_of_workdays_opens_at(
    #[case] hours: &str,
    #[case] zone: &str,
    #[case] now: &str,
    #[case] opens: &str,
) {
    let window = SendWindow::parse(hours, workdays()).unwrap();
    let found = window.opens_at(at(now), &zone.parse().unwrap());
    assert_eq!(found, at(opens), "{found}");
}

#[test]
fn an_opening_in_a_gap_is_at_its_end_and_one_that_lies_in_it_whole_a_day_later() {
    let berlin = "Europe/Berlin".parse().unwrap();
    let half = SendWindow::parse("02:30-04:00", Weekdays::ALL).unwrap();
    assert_eq!(half.opens_at(at("2026-03-29T00:00:00Z"), &berlin), at("2026-03-29T01:00:00Z"));
    let whole = SendWindow::parse("02:15-02:45", Weekdays::ALL).unwrap();
    assert_eq!(whole.opens_at(at("2026-03-29T00:30:00Z"), &berlin), at("2026-03-30T00:15:00Z"));
}

#[rstest]
#[case("08:00", 0..5, ClockFault::Dash)]
#[case("08:00-08:00", 0..11, ClockFault::EqualEnds)]
#[case("08:00-21:0", 6..10, ClockFault::Time)]
fn a_mistake_is_shown_where_it_is(
    #[case] text: &str,
    #[case] range: std::ops::Range<usize>,
    #[case] fault: ClockFault,
) {
    assert_eq!(SendWindow::parse(text, Weekdays::ALL).unwrap_err(), ClockError::new(range, fault));
}

#[test]
fn a_window_that_opens_on_no_day_is_refused() {
    let error = SendWindow::parse("08:00-21:00", Weekdays::default()).unwrap_err();
    assert_eq!(error.fault, ClockFault::Weekday);
}

fn histogram(hours: &[(usize, u32)]) -> HourHistogram {
    let mut histogram = [0; 24];
    for (hour, count) in hours {
        histogram[*hour] = *count;
    }
    histogram
}

#[rstest]
// Nineteen receipts say nothing: the window's opening. Twenty do.
#[case(&[(19, 19)], "2026-11-23T06:00:00Z", "2026-11-23T08:00:00Z")]
#[case(&[(19, 20)], "2026-11-23T06:00:00Z", "2026-11-23T19:00:00Z")]
// In its hour already; past it: the next day.
#[case(&[(19, 20)], "2026-11-23T19:40:00Z", "2026-11-23T19:40:00Z")]
#[case(&[(19, 20)], "2026-11-23T20:00:00Z", "2026-11-24T19:00:00Z")]
// The best hour outside the window: the best inside; none inside: the opening.
#[case(&[(3, 50), (12, 2)], "2026-11-23T06:00:00Z", "2026-11-23T12:00:00Z")]
#[case(&[(3, 50)], "2026-11-23T06:00:00Z", "2026-11-23T08:00:00Z")]
// Of equals the sooner.
#[case(&[(10, 20), (15, 20)], "2026-11-23T11:00:00Z", "2026-11-23T15:00:00Z")]
// Friday evening waits for Monday.
#[case(&[(19, 20)], "2026-11-27T20:30:00Z", "2026-11-30T19:00:00Z")]
fn the_best_hour_is_the_one_with_the_most_receipts(
    #[case] hours: &[(usize, u32)],
    #[case] now: &str,
    #[case] best: &str,
) {
    let window = SendWindow::parse("08:00-21:00", workdays()).unwrap();
    let found = best_instant(&histogram(hours), &window, at(now), &Zone::utc());
    assert_eq!(found, at(best), "{found}");
}

proptest! {
    #[test]
    fn a_window_opens_at_the_first_minute_that_the_wall_shows_it(
        start in 1_774_000_000_i64..1_793_800_000, from in 0_u16..1_440, to in 0_u16..1_440,
        zone in prop::sample::select(&["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"][..]),
    ) {
        let (zone, now) = (zone.parse::<Zone>().unwrap(), Timestamp::from_millis(start / 60 * 60_000));
        let (from, to) = (TimeOfDay::from_minutes(from).unwrap(), TimeOfDay::from_minutes(to).unwrap());
        let Ok(window) = SendWindow::new(from, to, Weekdays::ALL) else { return Ok(()) };
        let open = |at| {
            let (_, _, time) = local(at, &zone);
            if from < to { from <= time && time < to } else { from <= time || time < to }
        };
        let expected = (0..3 * 1_440).map(|minute| now.plus_millis(minute * 60_000)).find(|at| open(*at));
        prop_assert_eq!(Some(window.opens_at(now, &zone)), expected);
    }

    #[test]
    fn the_best_instant_is_in_the_window_and_stays(
        counts in prop::array::uniform24(0_u32..9), start in 1_774_000_000_000_i64..1_793_800_000_000,
        from in 0_u16..1_440, to in 0_u16..1_440,
        zone in prop::sample::select(&["Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca"][..]),
    ) {
        let (zone, now) = (zone.parse::<Zone>().unwrap(), Timestamp::from_millis(start));
        let (from, to) = (TimeOfDay::from_minutes(from).unwrap(), TimeOfDay::from_minutes(to).unwrap());
        let Ok(window) = SendWindow::new(from, to, Weekdays::ALL) else { return Ok(()) };
        let best = best_instant(&counts, &window, now, &zone);
        prop_assert!(best >= now);
        prop_assert_eq!(window.opens_at(best, &zone), best);
        prop_assert_eq!(best_instant(&counts, &window, best, &zone), best);
    }
}
