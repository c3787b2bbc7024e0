//! What hand-overs take from a channel's budget, and what is given back.

use rstest::rstest;
use tidings_core::delivery::{Handover, Outcome};
use tidings_protocol::{Channel, NotificationId, Span};

use crate::handing_over::{only, rest, states, unknown};
use crate::scene::Scene;

const BOB: &str = "+4915100000001";
const CAROL: &str = "+4915100000002";

/// Alice, Bob and Carol have phones; one text costs 0.07 with `sms_a`, 0.09 with `sms_b`.
async fn scene(providers: &str, budget: &str) -> Scene {
    let lines = format!("channels: {{sms: {{providers: [{providers}], budget: {{day: {budget}}}}}}}");
    let scene = crate::handing_over::scene("category: calls, deliver: [{channels: [sms]}]", &lines).await;
    for (who, phone) in [("bob", BOB), ("carol", CAROL)] {
        scene.zone(who, "UTC").await;
        scene.address(who, Channel::Sms, phone).await;
    }
    scene
}

/// What hands over the first text, which is Alice's.
async fn first_attempt(scene: &Scene) -> Handover {
    scene.e("alice", 1).await;
    only(scene).await
}

/// The budget has no room for Bob's text.
async fn nothing_is_left(scene: &Scene) {
    scene.e("bob", 2).await;
    assert!(scene.claim().await.is_empty());
}

#[rstest]
#[case::down(Outcome::transient("http_503"))]
#[case::busy(Outcome::AddressBusy { code: "http_429".into(), retry_after: None })]
#[case::refused(Outcome::Permanent { code: "http_400".into() })]
#[case::gone(Outcome::AddressGone { code: "unknown_number".into() })]
#[case::wrong_account(Outcome::Misconfigured { code: "http_401".into() })]
#[tokio::test]
async fn what_the_provider_did_not_take_is_given_back(#[case] outcome: Outcome) {
    let scene = scene("sms_a", "0.10").await;
    let first = first_attempt(&scene).await;
    scene.conclude(&first, outcome).await;
    scene.e("bob", 2).await;
    assert_eq!(&*only(&scene).await.address, BOB, "the budget has room for one");
}

#[rstest]
#[case::taken(Outcome::accepted(None))]
#[case::nobody_knows(Outcome::Unknown { code: "timeout".into() })]
#[tokio::test]
async fn what_the_provider_may_charge_stays_spent(#[case] outcome: Outcome) {
    let scene = scene("sms_a", "0.10").await;
    let first = first_attempt(&scene).await;
    scene.conclude(&first, outcome).await;
    let second = scene.e("bob", 2).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(scene.state(&second).await, "suppressed budget");
}

#[tokio::test]
async fn what_was_given_back_is_asked_for_again() {
    let scene = scene("sms_a", "0.10").await;
    let first = scene.e("alice", 1).await;
    let handover = only(&scene).await;
    scene.conclude(&handover, Outcome::transient("http_503")).await;
    scene.e("bob", 2).await;
    let other = only(&scene).await;
    scene.conclude(&other, Outcome::accepted(None)).await;
    scene.minutes(1).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(states(&scene, &first).await, ["sms suppressed budget"]);
    scene.balanced().await;
}

#[tokio::test]
async fn a_repetition_costs_nothing_and_gives_nothing_back() {
    let scene = scene("sms_a", "0.10").await;
    let first = first_attempt(&scene).await;
    scene.conclude(&first, unknown()).await;
    scene.minutes(1).await;
    let second = only(&scene).await;
    scene.conclude(&second, Outcome::transient("http_503")).await;
    let other = scene.e("bob", 2).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(scene.state(&other).await, "suppressed budget", "the first may have been charged");
    scene.minutes(5).await;
    assert_eq!(only(&scene).await.attempt, 3);
}

#[tokio::test]
async fn it_is_given_back_to_the_day_from_which_it_was_taken() {
    let scene = scene("sms_a", "0.10").await;
    scene.until("2026-11-23T23:59:59Z").await;
    let first = first_attempt(&scene).await;
    scene.until("2026-11-24T00:00:00Z").await;
    let wish = Some(Span::from_millis(600_000));
    scene.conclude(&first, Outcome::Transient { code: "http_429".into(), retry_after: wish }).await;
    scene.e("bob", 2).await;
    assert_eq!(scene.claim().await.len(), 1);
    let third = scene.e("carol", 3).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(scene.state(&third).await, "suppressed budget");
}

#[tokio::test]
async fn the_next_provider_costs_for_itself() {
    let scene = scene("sms_a, sms_b", "0.17").await;
    let first = first_attempt(&scene).await;
    scene.conclude(&first, unknown()).await;
    scene.minutes(1).await;
    rest(&scene, "sms_a").await;
    assert_eq!(&*only(&scene).await.provider, "sms_b");
    let other = scene.e("bob", 2).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(scene.state(&other).await, "suppressed budget", "0.16 of 0.17 are spent");
}

#[tokio::test]
async fn the_one_after_a_wrong_account_costs_for_itself_too() {
    let scene = scene("sms_a, sms_b", "0.17").await;
    let first = first_attempt(&scene).await;
    scene.conclude(&first, unknown()).await;
    scene.minutes(1).await;
    let second = only(&scene).await;
    scene.conclude(&second, Outcome::Misconfigured { code: "http_401".into() }).await;
    assert_eq!(&*only(&scene).await.provider, "sms_b");
    let other = scene.e("bob", 2).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(scene.state(&other).await, "suppressed budget", "0.16 of 0.17 are spent");
}

#[tokio::test]
async fn what_is_revived_is_paid_for_again() {
    let scene = scene("sms_a", "0.15").await;
    scene.e("alice", 1).await;
    for _ in 0..2 {
        let handover = only(&scene).await;
        scene.conclude(&handover, unknown()).await;
        scene.minutes(1).await;
    }
    let dead = scene.store.story(&crate::scene::project(), &scene.all().await[0].id).await.unwrap().unwrap();
    scene.act(tidings_core::act::Act::ReplayDelivery(dead.2[0].id.clone())).await;
    assert_eq!(scene.claim().await.len(), 1);
    let other = scene.e("bob", 2).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(scene.state(&other).await, "suppressed budget");
}

#[tokio::test]
async fn what_another_provider_did_not_take_after_an_unknown_outcome_is_given_back() {
    let scene = scene("sms_a, sms_b", "0.20").await;
    let first = first_attempt(&scene).await;
    scene.conclude(&first, unknown()).await;
    scene.minutes(1).await;
    rest(&scene, "sms_a").await;
    let second = only(&scene).await;
    assert_eq!(&*second.provider, "sms_b");
    scene.conclude(&second, Outcome::transient("http_503")).await;
    scene.e("bob", 2).await;
    assert_eq!(&*only(&scene).await.address, BOB, "only 0.07 are spent");
    let third = scene.e("carol", 3).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(scene.state(&third).await, "suppressed budget");
}

/// Alice's text is handed over in the last moment of a day, and nobody knows what came of it.
async fn unknown_at_midnight() -> (Scene, NotificationId, Handover) {
    let scene = scene("sms_a", "0.10").await;
    scene.until("2026-11-23T23:59:59.900Z").await;
    let id = scene.e("alice", 1).await;
    let first = only(&scene).await;
    scene.conclude(&first, unknown()).await;
    (scene, id, first)
}

fn wrong_account() -> Outcome {
    Outcome::Misconfigured { code: "http_401".into() }
}

#[tokio::test]
async fn a_repetition_asks_its_own_day_once_it_is_known_that_the_first_cost_nothing() {
    let (scene, id, first) = unknown_at_midnight().await;
    scene.conclude(&first, wrong_account()).await;
    scene.until("2026-11-24T00:00:00Z").await;
    scene.e("carol", 2).await;
    let other = only(&scene).await;
    assert_eq!(&*other.address, CAROL, "the repetition is not due yet");
    scene.conclude(&other, Outcome::accepted(None)).await;
    scene.minutes(1).await;
    assert!(scene.claim().await.is_empty(), "0.07 of 0.10 of this day are spent");
    assert_eq!(states(&scene, &id).await, ["sms suppressed budget"]);
    scene.balanced().await;
}

#[tokio::test]
async fn the_late_word_that_an_attempt_cost_nothing_gives_back_once_what_it_took() {
    let (scene, _, first) = unknown_at_midnight().await;
    scene.conclude(&first, wrong_account()).await;
    scene.conclude(&first, wrong_account()).await;
    scene.e("bob", 2).await;
    assert_eq!(&*only(&scene).await.address, BOB, "the day has room again");
    let third = scene.e("carol", 3).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(scene.state(&third).await, "suppressed budget", "and for one only");
}

#[rstest]
#[case::not_taken(Outcome::transient("http_503"), true)]
#[case::nobody_knows(unknown(), false)]
#[case::taken(Outcome::accepted(None), false)]
#[tokio::test]
async fn a_late_word_leaves_what_was_taken_to_the_repetition_on_its_way(
    #[case] outcome: Outcome,
    #[case] has_room: bool,
) {
    let scene = scene("sms_a", "0.10").await;
    let first = first_attempt(&scene).await;
    scene.conclude(&first, unknown()).await;
    scene.minutes(1).await;
    let second = only(&scene).await;
    scene.conclude(&first, wrong_account()).await;
    scene.conclude(&second, outcome).await;
    scene.conclude(&first, wrong_account()).await;
    scene.e("bob", 2).await;
    assert_eq!(scene.claim().await.len(), usize::from(has_room));
}

#[tokio::test]
async fn what_died_unknown_twice_stays_spent_when_one_of_them_is_known() {
    let scene = scene("sms_a", "0.10").await;
    let first = first_attempt(&scene).await;
    scene.conclude(&first, unknown()).await;
    scene.minutes(1).await;
    let second = only(&scene).await;
    scene.conclude(&second, unknown()).await;
    scene.conclude(&first, wrong_account()).await;
    scene.conclude(&second, wrong_account()).await;
    nothing_is_left(&scene).await;
}

#[tokio::test]
async fn what_was_taken_late_stays_spent() {
    let scene = scene("sms_a", "0.10").await;
    let first = first_attempt(&scene).await;
    scene.conclude(&first, unknown()).await;
    scene.conclude(&first, Outcome::accepted(None)).await;
    scene.conclude(&first, wrong_account()).await;
    nothing_is_left(&scene).await;
}

#[tokio::test]
async fn what_an_attempt_before_took_late_is_charged_once_whatever_comes_of_the_next() {
    let scene = scene("sms_a", "0.10").await;
    let first = first_attempt(&scene).await;
    scene.conclude(&first, Outcome::transient("claim_lost")).await;
    scene.minutes(1).await;
    let second = only(&scene).await;
    scene.conclude(&second, unknown()).await;
    scene.conclude(&first, Outcome::accepted(None)).await;
    scene.conclude(&second, wrong_account()).await;
    nothing_is_left(&scene).await;
}

#[tokio::test]
async fn the_late_word_on_one_attempt_gives_back_nothing_of_another() {
    let scene = scene("sms_a", "0.10").await;
    let first = first_attempt(&scene).await;
    scene.conclude(&first, Outcome::transient("http_503")).await;
    scene.minutes(1).await;
    let second = only(&scene).await;
    scene.conclude(&second, unknown()).await;
    scene.conclude(&first, Outcome::transient("http_503")).await;
    nothing_is_left(&scene).await;
}
