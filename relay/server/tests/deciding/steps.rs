//! Plans: later steps and what makes them needless, repeats, and people who are told by steps.

use rstest::rstest;
use serde_json::json;
use tidings_protocol::{Channel, NotificationId, NotificationState, StoryKind};

use crate::documents::rule;
use crate::scene::Scene;

const ESCALATES: &str = "category: calls, notify: 'data.on_call[0]', cancel_on: {event: paid, match: data.order}, deliver: [{channels: [inapp]}, {after: 15m, unless: acknowledged, notify: 'data.on_call[1]', channels: [inapp, sms]}]";

fn two_steps(unless: &str) -> String {
    rule(&format!(
        "category: calls, deliver: [{{channels: [inapp]}}, {{after: 5m, unless: {unless}, channels: [sms]}}]"
    ))
}

#[rstest]
#[case("received", "", Some("cancelled received_in_time"))]
#[case("displayed", "", None)]
#[case("displayed", "displayed", Some("cancelled displayed_in_time"))]
#[case("read", "displayed", None)]
#[case("read", "read", Some("cancelled read_in_time"))]
#[case("acknowledged", "read", None)]
#[case("acknowledged", "acknowledged", Some("cancelled acknowledged_in_time"))]
#[tokio::test]
async fn a_step_is_needless_once_what_it_waits_for_happened(
    #[case] unless: &str,
    #[case] receipt: &str,
    #[case] needless: Option<&str>,
) {
    let scene = Scene::new(&two_steps(unless)).await;
    let id = scene.e("alice", 1).await;
    scene.minutes(4).await;
    scene.receive("alice").await;
    if !receipt.is_empty() {
        scene.receipt("alice", &id, receipt).await;
    }
    if let Some(line) = needless {
        scene.stands(&id, "reached -", line).await;
    }
    scene.minutes(1).await;
    let took = scene.told(&id).await.iter().any(|line| line == "channel_plan stop no_endpoint sms");
    assert_eq!(took, needless.is_none());
    scene.balanced().await;
}

#[rstest]
#[case("received")]
#[case("displayed")]
#[case("read")]
#[case("acknowledged")]
#[tokio::test]
async fn a_step_comes_at_its_minute_if_nothing_happened(#[case] unless: &str) {
    let scene = Scene::new(&two_steps(unless)).await;
    let id = scene.e("alice", 1).await;
    scene.until("2026-11-23T12:04:59Z").await;
    assert!(!scene.told(&id).await.iter().any(|line| line == "released step_due"));
    scene.until("2026-11-23T12:05:00Z").await;
    scene.stands(&id, "active -", "released step_due").await;
    scene.stands(&id, "active -", "channel_plan stop no_endpoint sms").await;
}

#[tokio::test]
async fn a_step_counts_from_the_release_and_not_from_the_fact() {
    let document = rule(
        "category: calls, delay: 1h, deliver: [{channels: [inapp]}, {after: 5m, unless: read, channels: [sms]}]",
    );
    let scene = Scene::new(&document).await;
    let id = scene.e("alice", 1).await;
    scene.minutes(64).await;
    assert!(!scene.told(&id).await.iter().any(|line| line == "released step_due"));
    scene.minutes(1).await;
    scene.stands(&id, "active -", "released step_due").await;
}

#[tokio::test]
async fn a_step_whose_channels_lead_nowhere_is_over_at_once() {
    let document = rule(
        "category: calls, deliver: [{channels: [sms]}, {after: 5m, unless: received, channels: [inapp]}]",
    );
    let scene = Scene::new(&document).await;
    let id = scene.e("alice", 1).await;
    assert_eq!(scene.placed_at(&id).await, Some(scene.now()));
    scene.stands(&id, "active -", "channel_plan stop no_endpoint sms").await;
}

#[tokio::test]
async fn a_later_step_asks_the_recipient_again() {
    let document =
        rule("category: calls, deliver: [{channels: [inapp]}, {after: 5m, unless: read, channels: [sms]}]");
    let scene = Scene::new(&document).await;
    let id = scene.e("alice", 1).await;
    scene.choose("alice", "calls", Channel::Sms, false).await;
    scene.minutes(5).await;
    scene.stands(&id, "active -", "preference stop channel_off sms").await;
    assert!(!scene.told(&id).await.iter().any(|line| line.starts_with("channel_plan stop")));
}

#[tokio::test]
async fn a_step_that_repeats_shows_the_same_notification_again_and_counts_for_no_cap() {
    let keys =
        "category: calls, deliver: [{channels: [inapp], repeat: {every: 5m, times: 3, until: acknowledged}}]";
    let document = format!("caps: {{day: 1, over: suppress}}\n{}", rule(keys).trim_start());
    let scene = Scene::new(&document).await;
    let id = scene.e("alice", 1).await;
    scene.minutes(14).await;
    assert_eq!(scene.row(&id).await.round, 3);
    scene.minutes(60).await;
    assert_eq!(scene.row(&id).await.round, 4, "three repeats");
    assert_eq!(scene.all().await.len(), 1);
    scene.stands(&id, "active -", "ended unacknowledged").await;
}

#[tokio::test]
async fn an_acknowledgement_ends_the_repeats() {
    let keys =
        "category: calls, deliver: [{channels: [inapp], repeat: {every: 5m, times: 3, until: acknowledged}}]";
    let scene = Scene::new(&rule(keys)).await;
    let id = scene.e("alice", 1).await;
    scene.minutes(6).await;
    scene.receive("alice").await;
    scene.receipt("alice", &id, "acknowledged").await;
    scene.minutes(60).await;
    assert_eq!(scene.row(&id).await.round, 2);
    assert!(!scene.told(&id).await.iter().any(|line| line == "ended unacknowledged"));
    scene.balanced().await;
}

#[tokio::test]
async fn a_step_between_that_leads_nowhere_brings_the_next_one_forward() {
    let document = rule(ESCALATES).replace("{after: 15m", "{after: 5m, channels: [sms]}, {after: 15m");
    let scene = Scene::new(&document).await;
    scene.event("e", "x", json!({"n": 1, "order": 7, "on_call": ["ann", "ben"]})).await;
    scene.minutes(4).await;
    assert_eq!(scene.all().await.len(), 1);
    scene.minutes(1).await;
    assert_eq!(scene.all().await.len(), 2);
}

async fn escalated(scene: &Scene) -> (NotificationId, NotificationId) {
    let first = scene.event("e", "x", json!({"n": 1, "order": 7, "on_call": ["ann", "ben"]})).await.remove(0);
    scene.minutes(14).await;
    assert_eq!(scene.all().await.len(), 1);
    scene.minutes(1).await;
    let linked = scene.all().await.into_iter().find(|row| row.id != first).unwrap();
    assert_eq!(linked.person.recipient.as_str(), "ben");
    (first, linked.id)
}

#[tokio::test]
async fn a_step_may_tell_somebody_else_and_who_acknowledges_ends_the_rest() {
    let scene = Scene::new(&rule(ESCALATES)).await;
    let (first, linked) = escalated(&scene).await;
    scene.stands(&linked, "active -", "recipient pass created").await;
    scene.stands(&first, "active -", "ended unacknowledged").await;
    scene.receive("ben").await;
    scene.receipt("ben", &linked, "acknowledged").await;
    scene.stands(&first, "cancelled acknowledged_in_time", "ended acknowledged_in_time cancelled").await;
    assert_eq!(scene.state(&linked).await, "reached -");
    assert!(!scene.row(&first).await.is_visible());
}

#[tokio::test]
async fn a_step_that_is_not_needed_says_what_it_would_have_used() {
    let keys =
        "category: calls, deliver: [{channels: [inapp]}, {after: 5m, unless: received, channels: [sms]}]";
    let scene = Scene::new(&rule(keys)).await;
    let id = scene.e("alice", 1).await;
    scene.receive("alice").await;
    scene.minutes(6).await;
    let story = scene.story(&id).await;
    let line = story.iter().find(|entry| entry.kind == StoryKind::Cancelled).expect("the step is skipped");
    assert_eq!((line.step, line.text.as_deref()), (Some(2), Some("SMS not needed")));
}

#[tokio::test]
async fn an_acknowledgement_in_time_tells_nobody_else() {
    let scene = Scene::new(&rule(ESCALATES)).await;
    let id = scene.event("e", "x", json!({"n": 1, "order": 7, "on_call": ["ann", "ben"]})).await.remove(0);
    scene.minutes(6).await;
    scene.receive("ann").await;
    scene.receipt("ann", &id, "acknowledged").await;
    scene.minutes(60).await;
    assert_eq!(scene.all().await.len(), 1);
    scene.stands(&id, "reached -", "cancelled acknowledged_in_time").await;
}

#[rstest]
#[case(json!({"order": 7, "on_call": ["ann", "ben"]}))]
#[case(json!({"order": 7}))]
#[tokio::test]
async fn a_fact_that_cancels_the_first_cancels_whom_a_step_told(#[case] paid: serde_json::Value) {
    let scene = Scene::new(&rule(ESCALATES)).await;
    let (first, linked) = escalated(&scene).await;
    scene.event("paid", "ann", paid).await;
    assert_eq!(scene.state(&first).await, "cancelled cancelled_by_event");
    assert_eq!(scene.state(&linked).await, "cancelled cancelled_by_event");
    scene.balanced().await;
}

#[tokio::test]
async fn somebody_else_is_told_at_once_if_nothing_of_the_first_can_arrive_and_the_first_is_not_left_waiting()
{
    let keys = "category: calls, notify: 'data.on_call[0]', deliver: [{channels: [sms]}, {after: 15m, notify: 'data.on_call[1]', channels: [inapp]}]";
    let scene = Scene::new(&rule(keys)).await;
    let first = scene.event("e", "x", json!({"n": 1, "on_call": ["ann", "ben"]})).await.remove(0);
    scene.stands(&first, "suppressed no_endpoint", "channel_plan stop no_endpoint sms").await;
    assert_eq!(scene.count(NotificationState::Active).await, 1, "ben has it");
}

#[tokio::test]
async fn who_is_told_by_a_step_passes_all_gates_of_their_own() {
    let document = rule(ESCALATES).replace("rules:", "quiet_hours: {default: \"22:00-08:00\"}\nrules:");
    let scene = Scene::new(&document).await;
    scene.quiet("ben", json!({"spans": [{"from": "12:00", "to": "13:00"}]})).await;
    let (_, linked) = escalated(&scene).await;
    scene.held_until(&linked, "2026-11-23T13:00:00Z").await;
    scene.until("2026-11-23T13:00:00Z").await;
    assert_eq!(scene.state(&linked).await, "active -");
    assert_eq!(scene.title(&linked).await, "Hello 1");
}

#[tokio::test]
async fn a_receipt_that_comes_late_may_begin_a_step_for_somebody_else() {
    let keys = "category: calls, notify: 'data.on_call[0]', deliver: [{channels: [inapp]}, {after: 5m, unless: displayed, channels: [sms]}, {after: 6m, notify: 'data.on_call[1]', channels: [inapp]}]";
    let scene = Scene::new(&rule(keys)).await;
    let id = scene.event("e", "x", json!({"n": 1, "on_call": ["ann", "ben"]})).await.remove(0);
    // The node did not come to the step's row yet.
    scene.clock.move_to(scene.now().plus_millis(10 * 60_000));
    scene.receive("ann").await;
    scene.receipt("ann", &id, "displayed").await;
    scene.minutes(0).await;
    assert_eq!(scene.all().await.len(), 2);
    scene.stands(&id, "reached -", "cancelled displayed_in_time").await;
}
