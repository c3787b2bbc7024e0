//! Caps from both sides, over midnights, zone changes and packing.

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::calendar::day_of;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn per_day(limit: u32) -> Cap {
    Cap { day: Some(limit), week: None }
}

/// Takes if there is room.
fn attempt(counters: &mut Counters, cap: Cap, day: Day) -> bool {
    let room = counters.room(cap, &CapScope::Project, day, day.week()).is_ok();
    if room {
        counters.take(&CapScope::Project, day, day.week());
    }
    room
}

#[test]
fn a_cap_of_five_lets_five_of_sixty_four_through() {
    let mut counters = Counters::default();
    let through = (0..64).filter(|_| attempt(&mut counters, per_day(5), day("2026-11-23"))).count();
    assert_eq!(through, 5);
}

#[test]
fn a_cap_of_none_lets_none_through_and_an_absent_one_all() {
    let mut counters = Counters::default();
    assert!(!attempt(&mut counters, per_day(0), day("2026-11-23")));
    assert!((0..1_000).all(|_| attempt(&mut counters, Cap::default(), day("2026-11-23"))));
}

#[test]
fn a_new_day_and_a_new_week_have_room() {
    let mut counters = Counters::default();
    let cap = Cap { day: Some(2), week: Some(3) };
    let through: Vec<_> =
        ["2026-11-27", "2026-11-27", "2026-11-27", "2026-11-28", "2026-11-29", "2026-11-30"]
            .map(|date| attempt(&mut counters, cap, day(date)))
            .into();
    assert_eq!(through, [true, true, false, true, false, true]);
}

#[test]
fn of_two_full_periods_the_one_that_is_free_later_is_told() {
    let mut counters = Counters::default();
    let today = day("2026-11-27");
    counters.take(&CapScope::Project, today, today.week());
    let cap = Cap { day: Some(1), week: Some(1) };
    let full = counters.room(cap, &CapScope::Project, today, today.week()).unwrap_err();
    assert_eq!((full.period, full.limit, full.used, full.free_from), (Period::Week, 1, 1, day("2026-11-30")));
    assert_eq!(full.to_string(), "1 of 1 this week for the project");
    let shanghai: Zone = "Asia/Shanghai".parse().unwrap();
    let at = "2026-11-27T04:00:00Z".parse().unwrap();
    assert_eq!(next_period(&full, at, &shanghai), "2026-11-29T16:00:00Z".parse().unwrap());
    let full = counters.room(per_day(1), &CapScope::Project, today, today.week()).unwrap_err();
    assert_eq!(next_period(&full, at, &shanghai), "2026-11-27T16:00:00Z".parse().unwrap());
}

#[test]
fn scopes_are_counted_apart() {
    let mut counters = Counters::default();
    let today = day("2026-11-23");
    let orders = CapScope::Category(CategoryId::new("orders").unwrap());
    counters.take(&orders, today, today.week());
    assert_eq!(counters.used(&orders, today, today.week()), (1, 1));
    for other in [CapScope::Project, CapScope::Channel(Channel::Sms)] {
        assert_eq!(counters.used(&other, today, today.week()), (0, 0));
    }
}

#[test]
fn a_date_that_goes_back_is_not_counted_afresh() {
    let mut counters = Counters::default();
    let at: Timestamp = "2026-11-23T10:30:00Z".parse().unwrap();
    let (east, west): (Zone, Zone) =
        ("Pacific/Kiritimati".parse().unwrap(), "Pacific/Honolulu".parse().unwrap());
    let (later, earlier) = (day_of(at, &east), day_of(at, &west));
    assert!(later > earlier);
    let through = (0..3).filter(|_| attempt(&mut counters, per_day(3), later)).count();
    assert_eq!((through, attempt(&mut counters, per_day(3), earlier)), (3, false));
    let full = counters.room(per_day(3), &CapScope::Project, earlier, earlier.week()).unwrap_err();
    assert_eq!(full.free_from, later.next());
    let due = next_period(&full, at, &west);
    assert!(attempt(&mut counters, per_day(3), day_of(due, &west)));
}

#[test]
fn what_is_given_back_is_room_only_in_its_own_bucket() {
    let mut counters = Counters::default();
    let (monday, tuesday) = (day("2026-11-23"), day("2026-11-24"));
    let taken = counters.take(&CapScope::Project, monday, monday.week());
    counters.take(&CapScope::Project, tuesday, tuesday.week());
    counters.give_back(&CapScope::Project, taken.day, taken.week);
    assert_eq!(counters.used(&CapScope::Project, tuesday, tuesday.week()), (1, 1));
    for _ in 0..3 {
        counters.give_back(&CapScope::Project, tuesday, tuesday.week());
    }
    assert_eq!(counters.used(&CapScope::Project, tuesday, tuesday.week()), (0, 0));
}

#[test]
fn what_was_taken_while_the_date_was_back_is_given_back_where_it_was_counted() {
    let mut counters = Counters::default();
    let (monday, tuesday) = (day("2026-11-23"), day("2026-11-24"));
    counters.take(&CapScope::Project, tuesday, tuesday.week());
    let taken = counters.take(&CapScope::Project, monday, monday.week());
    assert_eq!(taken.day, tuesday);
    counters.give_back(&CapScope::Project, taken.day, taken.week);
    assert_eq!(counters.used(&CapScope::Project, monday, monday.week()), (1, 1));
}

#[test]
fn only_what_no_longer_counts_is_forgotten() {
    let mut counters = Counters::default();
    let friday = day("2026-11-27");
    counters.take(&CapScope::Project, friday, friday.week());
    counters.forget_before(day("2026-11-28"), friday.week());
    assert_eq!(counters.used(&CapScope::Project, day("2026-11-28"), friday.week()), (0, 1));
    counters.forget_before(day("2026-11-30"), friday.week().next());
    assert!(counters.is_empty());
}

#[rstest]
#[case("")]
#[case("null")]
#[case("[]")]
#[case("[1]")]
#[case("[2,[]]")]
#[case("[1,[[\"p\",1,1,1]]]")]
#[case("[1,[[\"p\",1,-1,1,1]]]")]
#[case("[1,[[\"p\",1,99999999999,1,1]]]")]
#[case("[1,[[\"x\",1,1,1,1]]]")]
#[case("[1,[[\"c:\",1,1,1,1]]]")]
#[case("[1,[[\"h:fax\",1,1,1,1]]]")]
#[case("[1,[[\"p\",1,1,1,1],[\"p\",1,1,1,1]]]")]
#[case("[1,[]] ]")]
fn packed_garbage_is_refused(#[case] text: &str) {
    assert!(Counters::from_text(text).is_err());
}

#[test]
fn a_text_of_another_version_says_so_whatever_follows() {
    assert!(matches!(Counters::from_text("[2,{}]"), Err(CountersError::Version(2))));
}

#[test]
fn a_packed_text_is_bounded_from_both_sides() {
    let padded = |bytes: usize| format!("[1,[]{}]", " ".repeat(bytes - 6));
    assert!(Counters::from_text(&padded(COUNTERS_BYTES_MAX)).is_ok());
    assert!(matches!(Counters::from_text(&padded(COUNTERS_BYTES_MAX + 1)), Err(CountersError::TooLong)));
}

#[rstest]
#[case(20, 5, 30, 19, 19, 20)]
#[case(20, 5, 30, 19, 0, 20)]
#[case(20, 5, 30, 20, 0, 5)]
#[case(20, 5, 30, 20, 1, 12)]
#[case(20, 5, 30, 20, 2, 20)]
#[case(20, 5, 30, 20, 6, 25)]
#[case(20, 5, 30, 20, 10, 30)]
#[case(20, 5, 30, 20, 400, 30)]
#[case(40, 5, 30, 0, 0, 30)]
#[case(1, 5, 30, 0, 0, 5)]
#[case(20, 7, 3, 100, 50, 7)]
fn a_cap_follows_the_response_rate(
    #[case] cap: u32,
    #[case] min: u32,
    #[case] max: u32,
    #[case] displayed: u32,
    #[case] responded: u32,
    #[case] expected: u32,
) {
    assert_eq!(adapted(cap, min, max, displayed, responded), expected);
}

fn some_scope() -> impl Strategy<Value = CapScope> {
    prop_oneof![
        Just(CapScope::Project),
        prop::sample::select(Channel::ALL).prop_map(CapScope::Channel),
        "[^/\\p{Cc}]{1,20}"
            .prop_filter_map("an id", |id| CategoryId::new(id).ok())
            .prop_map(CapScope::Category),
    ]
}

proptest! {
    #[test]
    fn no_interleaving_exceeds_a_cap(
        steps in prop::collection::vec((20_000_i32..20_016, any::<bool>()), 1..200),
        limit_day in 0_u32..6, limit_week in 0_u32..12,
    ) {
        let cap = Cap { day: Some(limit_day), week: Some(limit_week) };
        let mut counters = Counters::default();
        let mut taken: Vec<(Bucket, Day)> = Vec::new();
        for (number, gives_back) in steps {
            let today = Day::from_number(number);
            if gives_back {
                if let Some((bucket, _)) = taken.pop() {
                    counters.give_back(&CapScope::Project, bucket.day, bucket.week);
                }
            } else if counters.room(cap, &CapScope::Project, today, today.week()).is_ok() {
                taken.push((counters.take(&CapScope::Project, today, today.week()), today));
            }
            for (bucket, _) in &taken {
                let of_day = taken.iter().filter(|(other, _)| other.day == bucket.day).count();
                let of_week = taken.iter().filter(|(other, _)| other.week == bucket.week).count();
                prop_assert!(u32::try_from(of_day).unwrap() <= limit_day);
                prop_assert!(u32::try_from(of_week).unwrap() <= limit_week);
            }
        }
    }

    #[test]
    fn counters_read_what_they_wrote(
        taken in prop::collection::vec((some_scope(), -40_000_i32..40_000, 0_usize..4), 0..40),
    ) {
        let mut counters = Counters::default();
        for (scope, number, times) in taken {
            for _ in 0..times {
                let day = Day::from_number(number);
                counters.take(&scope, day, day.week());
            }
        }
        prop_assert_eq!(Counters::from_text(&counters.to_text()).unwrap(), counters);
    }

    #[test]
    fn no_text_makes_reading_panic(text in any::<String>(), json in "\\[1,\\[\\[\"[pch:a]{0,3}\",[0-9,-]{0,24}\\]\\]\\]") {
        drop(Counters::from_text(&text));
        drop(Counters::from_text(&json));
    }

    #[test]
    fn more_responses_never_give_less_and_bounds_hold(
        cap in any::<u32>(), min in any::<u32>(), max in any::<u32>(), displayed in any::<u32>(), responded in any::<u32>(),
    ) {
        let found = adapted(cap, min, max, displayed, responded);
        prop_assert!(found >= min && found <= max.max(min));
        prop_assert!(adapted(cap, min, max, displayed, responded.saturating_add(1)) >= found);
    }
}
