//! Whoever cannot be told is passed over at once, and the plan goes on to whoever is next.

use rstest::rstest;
use serde_json::json;
use tidings_protocol::{Channel, NotificationId, NotificationState};

use crate::documents::{rule, ruled};
use crate::scene::Scene;

const DELIVER: &str = "notify: 'data.on_call[0]', deliver: [{channels: [inapp, sms]}, {after: 15m, unless: acknowledged, notify: 'data.on_call[1]', channels: [inapp]}, {after: 30m, unless: acknowledged, notify: 'data.on_call[2]', channels: [inapp]}]";

async fn off(scene: &Scene, who: &str) {
    for channel in [Channel::Inapp, Channel::Sms] {
        scene.choose(who, "calls", channel, false).await;
    }
}

async fn calls(scene: &Scene) -> NotificationId {
    scene.event("e", "alice", json!({"n": 1, "on_call": ["alice", "bob", "carol"]})).await.remove(0)
}

async fn told_to(scene: &Scene, who: &str) -> Option<NotificationState> {
    scene.all().await.into_iter().find(|row| row.person.recipient.as_str() == who).map(|row| row.state)
}

fn document(keys: &str) -> String {
    rule(&format!("category: calls, {DELIVER}{keys}"))
}

#[tokio::test]
async fn whoever_switched_the_category_off_is_passed_over_in_the_same_commit() {
    let scene = Scene::new(&document("")).await;
    off(&scene, "alice").await;
    let first = calls(&scene).await;
    assert_eq!(told_to(&scene, "bob").await, Some(NotificationState::Active));
    assert_eq!(told_to(&scene, "carol").await, None, "her time has not come");
    scene.stands(&first, "active category_off", "preference stop category_off").await;
    scene.minutes(30).await;
    assert_eq!(told_to(&scene, "carol").await, Some(NotificationState::Active));
    scene.stands(&first, "suppressed category_off", "preference category_off suppressed").await;
}

#[tokio::test]
async fn an_acknowledgement_of_the_second_ends_the_plan_of_a_first_who_was_passed_over() {
    let scene = Scene::new(&document("")).await;
    off(&scene, "alice").await;
    let first = calls(&scene).await;
    let second = scene.all().await.into_iter().find(|row| row.id != first).unwrap().id;
    scene.receipt("bob", &second, "acknowledged").await;
    scene.minutes(60).await;
    assert_eq!(told_to(&scene, "carol").await, None);
    assert_eq!(scene.state(&first).await, "cancelled acknowledged_in_time");
    scene.balanced().await;
}

#[tokio::test]
async fn a_second_who_cannot_be_told_is_passed_over_as_well() {
    let scene = Scene::new(&document("")).await;
    off(&scene, "alice").await;
    off(&scene, "bob").await;
    calls(&scene).await;
    assert_eq!(told_to(&scene, "bob").await, Some(NotificationState::Suppressed));
    assert_eq!(told_to(&scene, "carol").await, Some(NotificationState::Active));
    scene.balanced().await;
}

#[rstest]
#[case::over_the_cap("calls", "caps: {day: 1, over: suppress}", true, "cap stop cap")]
#[case::without_consent("offers", "", false, "consent stop no_consent")]
#[tokio::test]
async fn whatever_keeps_it_from_the_first_it_goes_on(
    #[case] category: &str,
    #[case] lines: &str,
    #[case] fills: bool,
    #[case] line: &str,
) {
    let scene = Scene::new(&ruled(&format!("category: {category}, {DELIVER}"), lines)).await;
    if fills {
        let words = crate::scene::words("orders");
        scene.send("alice", words).await;
    }
    let first = calls(&scene).await;
    assert!(told_to(&scene, "bob").await.is_some());
    assert!(scene.told(&first).await.iter().any(|told| told == line), "{:#?}", scene.told(&first).await);
    scene.balanced().await;
}

#[tokio::test]
async fn somebody_unknown_is_passed_over_where_the_project_makes_nobody() {
    let document = document("").replace("unknown_recipient: create", "unknown_recipient: refuse");
    let scene = Scene::new(&document).await;
    scene.zone("bob", "UTC").await;
    let first = calls(&scene).await;
    assert_eq!(told_to(&scene, "bob").await, Some(NotificationState::Active));
    scene.minutes(30).await;
    scene.stands(&first, "suppressed unknown_recipient", "recipient stop unknown_recipient").await;
}

#[tokio::test]
async fn the_rules_own_delay_still_counts_once_for_whoever_is_next() {
    let scene = Scene::new(&document(", delay: 1h")).await;
    off(&scene, "alice").await;
    let first = calls(&scene).await;
    scene.held_until(&first, "2026-11-23T13:00:00Z").await;
    assert_eq!(told_to(&scene, "bob").await, None);
    scene.minutes(60).await;
    assert_eq!(told_to(&scene, "bob").await, Some(NotificationState::Active));
}

#[rstest]
#[case::held(", delay: 1h", 30)]
#[case::on_its_way("", 1)]
#[tokio::test]
async fn switching_off_what_waits_goes_on_to_whoever_is_next(#[case] keys: &str, #[case] minutes: i64) {
    let scene = Scene::new(&document(keys)).await;
    let first = calls(&scene).await;
    scene.minutes(minutes).await;
    off(&scene, "alice").await;
    scene.minutes(30).await;
    assert_eq!(told_to(&scene, "bob").await, Some(NotificationState::Active));
    scene.minutes(60).await;
    assert!(
        scene.state(&first).await.starts_with("suppressed category_off"),
        "{}",
        scene.state(&first).await
    );
    assert_eq!(told_to(&scene, "carol").await, Some(NotificationState::Active));
    scene.balanced().await;
}
