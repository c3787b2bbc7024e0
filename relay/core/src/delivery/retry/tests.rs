use proptest::prelude::*;
use rstest::rstest;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn history() -> History {
    History {
        channel: Channel::Sms,
        attempts: 1,
        tries: 1,
        first_at: NOW,
        provider_at: NOW,
        repeated: false,
        another: false,
        expires_at: NOW.plus_millis(90 * 24 * HOUR),
    }
}

fn transient(retry_after: Option<i64>) -> Outcome {
    Outcome::Transient { code: "http_503".into(), retry_after: retry_after.map(Span::from_millis) }
}

fn waits(next: Next, from: Timestamp) -> i64 {
    match next {
        Next::Again(at) | Next::Repeat(at) => at.millis_since(from),
        other @ (Next::Sent | Next::Another | Next::Dead(_)) => panic!("{other:?}"),
    }
}

#[rstest]
#[case(Outcome::accepted(None), Next::Sent)]
#[case(Outcome::Permanent { code: "too_large".into() }, Next::Dead(Reason::Permanent))]
#[case(Outcome::AddressGone { code: "unregistered".into() }, Next::Dead(Reason::AddressGone))]
fn what_is_final_is_final(#[case] outcome: Outcome, #[case] follows: Next) {
    assert_eq!(next(&history(), &outcome, NOW, 7), follows);
    assert_eq!(next(&History { another: true, ..history() }, &outcome, NOW, 7), follows);
}

#[rstest]
#[case(1, 5_000)]
#[case(2, 10_000)]
#[case(10, 1_800_000)]
#[case(100, 1_800_000)]
fn the_bound_of_a_pause_doubles_up_to_the_ceiling(#[case] tries: u32, #[case] bound: u64) {
    let history = History { tries, attempts: tries, ..history() };
    let longest = next(&history, &transient(None), NOW, bound - 1);
    assert_eq!(waits(longest, NOW), i64::try_from(bound).expect("few") - 1);
    assert_eq!(waits(next(&history, &transient(None), NOW, bound), NOW), PAUSE_MIN.as_millis());
}

#[rstest]
#[case(30_000, 30_000)]
#[case(10, 1_000)]
#[case(HOUR + 1, HOUR)]
fn a_providers_wish_is_honoured_within_bounds(#[case] wish: i64, #[case] least: i64) {
    let waits = waits(next(&history(), &transient(Some(wish)), NOW, 4_999), NOW);
    assert_eq!(waits, least + 4_999);
}

#[test]
fn the_next_provider_comes_after_the_budget_of_the_one_before() {
    let history = History { another: true, ..history() };
    let just = NOW.plus_millis(2 * MINUTE);
    assert_eq!(next(&history, &transient(None), just, 0), Next::Another);
    assert!(matches!(next(&history, &transient(None), just.plus_millis(-1), 0), Next::Again(_)));
    let alone = History { another: false, ..history };
    assert!(matches!(next(&alone, &transient(None), just, 0), Next::Again(_)));
}

#[test]
fn a_provider_that_wants_to_rest_for_longer_than_its_budget_is_not_waited_for() {
    let history = History { another: true, ..history() };
    assert_eq!(next(&history, &transient(Some(2 * MINUTE + 1)), NOW, 0), Next::Another);
    assert!(matches!(next(&history, &transient(Some(2 * MINUTE)), NOW, 0), Next::Again(_)));
}

#[test]
fn a_wrong_account_gives_way_at_once_and_without_another_is_asked_again_rarely() {
    let wrong = Outcome::Misconfigured { code: "http_401".into() };
    assert_eq!(next(&History { another: true, ..history() }, &wrong, NOW, 0), Next::Another);
    assert_eq!(waits(next(&history(), &wrong, NOW, 0), NOW), 30 * MINUTE);
}

#[test]
fn an_unknown_outcome_is_repeated_once() {
    let unknown = Outcome::Unknown { code: "timeout".into() };
    assert!(matches!(next(&History { another: true, ..history() }, &unknown, NOW, 0), Next::Repeat(_)));
    let again = History { repeated: true, ..history() };
    assert_eq!(next(&again, &unknown, NOW, 0), Next::Dead(Reason::OutcomeUnknown));
}

#[test]
fn a_delivery_dies_when_its_time_is_spent_or_it_is_worth_nothing() {
    let end = NOW.plus_millis(24 * HOUR);
    let last = |expires_at, now| next(&History { expires_at, ..history() }, &transient(None), now, 0);
    let far = NOW.plus_millis(48 * HOUR);
    assert!(matches!(last(far, end.plus_millis(-PAUSE_MIN.as_millis() - 1)), Next::Again(_)));
    assert_eq!(last(far, end.plus_millis(-PAUSE_MIN.as_millis())), Next::Dead(Reason::TimeBudget));
    assert_eq!(last(NOW.plus_millis(PAUSE_MIN.as_millis()), NOW), Next::Dead(Reason::TimeBudget));
    let many = History { attempts: ATTEMPTS_MAX, ..history() };
    assert_eq!(next(&many, &transient(None), NOW, 0), Next::Dead(Reason::TimeBudget));
}

proptest! {
    #[test]
    fn a_pause_is_never_shorter_than_a_second_nor_longer_than_ceiling_and_wish(
        tries in 1_u32..1_000, chance: u64, wish in proptest::option::of(0_i64..10 * HOUR),
    ) {
        for channel in Channel::ALL.iter().copied() {
            let patience = patience(channel);
            let millis = pause(&patience, tries, wish.map(Span::from_millis), chance);
            prop_assert!(millis >= PAUSE_MIN.as_millis());
            prop_assert!(millis <= patience.ceiling.as_millis() + RETRY_AFTER_MAX.as_millis());
        }
    }
}
