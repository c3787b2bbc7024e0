//! The gates together: tables of evenings and mornings, and what must hold for any of them.

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::calendar::{Weekday, Weekdays};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn none(created: Timestamp) -> TimeGates<'static> {
    TimeGates {
        created,
        delay: None,
        window: None,
        best_hour: None,
        latest: None,
        quiet_hours: None,
        paused_until: None,
        passes_quiet: false,
    }
}

fn workdays() -> SendWindow {
    SendWindow::parse("08:00-21:00", Weekday::ALL.into_iter().take(5).collect()).unwrap()
}

#[test]
fn nothing_holds_where_no_gate_is() {
    let now = at("2026-11-23T12:00:00Z");
    assert_eq!(moment(&none(now), now), Moment { at: now, moved_by: Vec::new() });
}

#[rstest]
// Held by the window, by quiet hours, by nothing, by both one after the other.
#[case("2026-11-23T15:00:00Z", "2026-11-24T00:00:00Z", &[TimeGate::SendWindow])]
#[case("2026-11-23T00:30:00Z", "2026-11-23T01:00:00Z", &[TimeGate::QuietHours])]
#[case("2026-11-23T05:00:00Z", "2026-11-23T05:00:00Z", &[])]
#[case("2026-11-21T05:00:00Z", "2026-11-23T01:00:00Z", &[TimeGate::SendWindow, TimeGate::QuietHours])]
#[case("2026-11-20T15:00:00Z", "2026-11-23T01:00:00Z", &[TimeGate::SendWindow, TimeGate::QuietHours])]
fn window_and_quiet_hours_are_asked_until_they_agree(
    #[case] now: &str,
    #[case] due: &str,
    #[case] by: &[TimeGate],
) {
    let shanghai = "Asia/Shanghai".parse().unwrap();
    let (window, quiet) = (workdays(), "22:00-08:00, mon 07:00-09:00".parse().unwrap());
    let gates = TimeGates {
        window: Some((&window, &shanghai)),
        quiet_hours: Some((&quiet, &shanghai)),
        ..none(at(now))
    };
    let found = moment(&gates, at(now));
    assert_eq!(found.at, at(due), "{found:?}");
    assert_eq!(found.moved_by.iter().map(|(gate, _)| *gate).collect::<Vec<_>>(), by);
}

#[test]
fn delay_counts_from_the_making_and_not_from_the_question() {
    let created = at("2026-11-23T12:00:00Z");
    let gates = TimeGates { delay: Some("2h".parse().unwrap()), ..none(created) };
    let due = at("2026-11-23T14:00:00Z");
    let held = Moment { at: due, moved_by: vec![(TimeGate::Delay, due)] };
    assert_eq!(moment(&gates, created), held);
    assert_eq!(moment(&gates, created.plus_millis(3_600_000)), held);
    assert_eq!(moment(&gates, due).moved_by, []);
}

#[test]
fn what_passes_quiet_hours_passes_a_pause_but_not_the_window() {
    let now = at("2026-11-23T22:30:00Z");
    let (window, utc, quiet) = (workdays(), Zone::utc(), "22:00-08:00".parse().unwrap());
    let quiet_only = TimeGates {
        quiet_hours: Some((&quiet, &utc)),
        paused_until: Some(at("2026-11-25T00:00:00Z")),
        ..none(now)
    };
    // The pause ends within quiet hours.
    assert_eq!(moment(&quiet_only, now).at, at("2026-11-25T08:00:00Z"));
    assert_eq!(moment(&TimeGates { passes_quiet: true, ..quiet_only }, now).at, now);
    let with_window = TimeGates { window: Some((&window, &utc)), passes_quiet: true, ..quiet_only };
    assert_eq!(moment(&with_window, now).at, at("2026-11-24T08:00:00Z"));
}

#[test]
fn a_pause_holds_until_its_instant_and_no_longer() {
    let now = at("2026-11-23T12:00:00Z");
    let until = now.plus_millis(1);
    let gates = TimeGates { paused_until: Some(until), ..none(now) };
    assert_eq!(moment(&gates, now).moved_by, [(TimeGate::Pause, until)]);
    assert_eq!(moment(&gates, until).moved_by, []);
}

#[test]
fn at_its_latest_it_goes_without_the_window_but_not_without_quiet_hours() {
    let created = at("2026-11-21T05:00:00Z");
    let (window, utc, quiet) = (workdays(), Zone::utc(), "04:00-06:30".parse().unwrap());
    let gates =
        TimeGates { window: Some((&window, &utc)), latest: Some("24h".parse().unwrap()), ..none(created) };
    let latest = at("2026-11-22T05:00:00Z");
    assert_eq!(moment(&gates, created).moved_by, [(TimeGate::SendWindow, latest)]);
    assert_eq!(moment(&gates, latest).at, latest);
    let gates = TimeGates { quiet_hours: Some((&quiet, &utc)), ..gates };
    let found = moment(&gates, created);
    assert_eq!(found.at, at("2026-11-22T06:30:00Z"));
    assert_eq!(found.moved_by.last(), Some(&(TimeGate::QuietHours, found.at)));
}

#[test]
fn the_best_hour_is_one_that_is_not_quiet_and_not_too_late() {
    let created = at("2026-11-23T09:10:00Z");
    let (window, utc, quiet) = (workdays(), Zone::utc(), "18:00-08:00".parse().unwrap());
    let mut histogram = [0; 24];
    (histogram[19], histogram[15], histogram[11]) = (30, 20, 10);
    let gates = TimeGates { window: Some((&window, &utc)), best_hour: Some(&histogram), ..none(created) };
    assert_eq!(moment(&gates, created).at, at("2026-11-23T19:00:00Z"));
    let gates = TimeGates { quiet_hours: Some((&quiet, &utc)), ..gates };
    let due = at("2026-11-23T15:00:00Z");
    assert_eq!(moment(&gates, created).moved_by, [(TimeGate::BestHour, due)]);
    assert_eq!(moment(&gates, due).moved_by, []);
    let gates = TimeGates { latest: Some("3h".parse().unwrap()), ..gates };
    assert_eq!(moment(&gates, created).at, at("2026-11-23T11:00:00Z"));
    let gates = TimeGates { latest: Some("1h".parse().unwrap()), ..gates };
    assert_eq!(moment(&gates, created).at, created);
}

#[test]
fn a_window_that_is_always_quiet_is_held_ninety_days_from_the_making_and_no_longer() {
    let created = at("2026-11-23T12:00:00Z");
    let (window, utc, quiet) = (workdays(), Zone::utc(), "07:00-22:00".parse().unwrap());
    let gates =
        TimeGates { window: Some((&window, &utc)), quiet_hours: Some((&quiet, &utc)), ..none(created) };
    let end = created.plus_millis(HOLD_MILLIS_MAX);
    let found = moment(&gates, created.plus_millis(5_000));
    assert_eq!(found.at, end);
    assert_eq!(found.moved_by.last().map(|(_, until)| *until), Some(end));
    assert!(found.moved_by.len() <= MOVES_MAX);
    assert_eq!(moment(&gates, end), Moment { at: end, moved_by: Vec::new() });
}

#[test]
fn a_delay_of_more_than_ninety_days_is_cut() {
    let created = at("2026-11-23T12:00:00Z");
    let delayed =
        |delay: &str| moment(&TimeGates { delay: Some(delay.parse().unwrap()), ..none(created) }, created);
    let end = created.plus_millis(HOLD_MILLIS_MAX);
    assert_eq!(delayed("90d").moved_by, [(TimeGate::Delay, end)]);
    assert_eq!(delayed("91d").moved_by, [(TimeGate::Delay, end)]);
    assert_eq!(delayed("99999999d").at, end);
}

#[test]
fn the_longest_spans_that_can_be_written_do_not_panic() {
    let created = at("2026-11-23T12:00:00Z");
    let (window, berlin, quiet) =
        (workdays(), "Europe/Berlin".parse().unwrap(), "22:00-08:00".parse().unwrap());
    let longest = Some(Span::from_millis(i64::MAX));
    let gates = TimeGates {
        delay: longest,
        window: Some((&window, &berlin)),
        best_hour: Some(&[9; 24]),
        latest: longest,
        quiet_hours: Some((&quiet, &berlin)),
        paused_until: Some(Timestamp::from_millis(i64::MAX)),
        ..none(created)
    };
    assert_eq!(moment(&gates, created).at, created.plus_millis(HOLD_MILLIS_MAX));
    assert_eq!(moment(&TimeGates { delay: None, ..gates }, created).at, created.plus_millis(HOLD_MILLIS_MAX));
}

#[test]
fn only_what_can_wait_is_spread_and_no_longer_than_five_minutes() {
    for hash in [0, 1, 299_999, 300_000, u64::MAX] {
        for priority in [Priority::Low, Priority::Normal] {
            assert!((0..300_000).contains(&spread(hash, priority)));
        }
        assert_eq!((spread(hash, Priority::High), spread(hash, Priority::Urgent)), (0, 0));
    }
    assert_ne!(spread(1, Priority::Low), spread(2, Priority::Low));
}

fn some_days() -> impl Strategy<Value = Weekdays> {
    (1_u8..=127).prop_map(|days| {
        Weekday::ALL.into_iter().filter(|day| days & (1 << day.since_monday()) != 0).collect()
    })
}

fn some_hours() -> impl Strategy<Value = String> {
    (0_u16..24, 0_u16..60, 0_u16..24, 0_u16..60)
        .prop_filter("a span has a length", |(a, b, c, d)| (a, b) != (c, d))
        .prop_map(|(a, b, c, d)| format!("{a:02}:{b:02}-{c:02}:{d:02}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn the_moment_is_not_past_and_no_gate_moves_it_again(
        start in 1_774_000_000_000_i64..1_793_800_000_000,
        waited in 0_i64..40 * 86_400_000,
        zone in prop::sample::select(&["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Shanghai"][..]),
        window in prop::option::of((some_hours(), some_days())),
        quiet in prop::option::of(some_hours()),
        delay in prop::option::of(0_i64..3 * 86_400_000),
        latest in prop::option::of(0_i64..9 * 86_400_000),
        pause in prop::option::of(-86_400_000_i64..9 * 86_400_000),
        best in prop::option::of(prop::array::uniform24(0_u32..9)),
    ) {
        let zone: Zone = zone.parse().unwrap();
        let (created, now) = (Timestamp::from_millis(start), Timestamp::from_millis(start + waited));
        let window = window.map(|(hours, days)| SendWindow::parse(&hours, days).unwrap());
        let quiet: Option<QuietHours> = quiet.map(|hours| hours.parse().unwrap());
        let gates = TimeGates {
            created,
            delay: delay.map(Span::from_millis),
            window: window.as_ref().map(|window| (window, &zone)),
            best_hour: best.as_ref(),
            latest: latest.map(Span::from_millis),
            quiet_hours: quiet.as_ref().map(|quiet| (quiet, &zone)),
            paused_until: pause.map(|millis| now.plus_millis(millis)),
            passes_quiet: false,
        };
        let found = moment(&gates, now);
        let end = created.plus_millis(HOLD_MILLIS_MAX);
        prop_assert!(found.at >= now && found.at <= end.max(now));
        prop_assert_eq!(found.moved_by.last().map_or(now, |(_, until)| *until), found.at);
        prop_assert!(found.moved_by.is_sorted_by_key(|(_, until)| *until));
        prop_assert_eq!(&moment(&gates, now), &found);
        if found.at < end {
            prop_assert!(delay.is_none_or(|delay| found.at >= created.plus_millis(delay)));
            prop_assert!(quiet.as_ref().is_none_or(|quiet| quiet.quiet_until(found.at, &zone).is_none()));
            prop_assert!(gates.paused_until.is_none_or(|until| found.at >= until));
            let latest = latest.map_or(Timestamp::MAX, |latest| created.plus_millis(latest));
            if let Some(window) = window.as_ref().filter(|_| found.at < latest) {
                prop_assert_eq!(window.opens_at(found.at, &zone), found.at);
            }
            // The best hour alone may look a week further after the clocks changed and find a better one.
            if best.is_none() || zone.name() == "Asia/Shanghai" {
                let again = moment(&gates, found.at);
                prop_assert_eq!(again, Moment { at: found.at, moved_by: Vec::new() });
            }
        }
    }
}
