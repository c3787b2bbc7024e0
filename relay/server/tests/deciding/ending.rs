//! How notifications end: taken back, failed and replayed, with a rule that is gone, and under another configuration.

use serde_json::json;
use tidings_core::act::{Act, Answer};
use tidings_core::model::DirectSend;
use tidings_protocol::{Channel, NotificationState};

use crate::documents::{rule, ruled, with};
use crate::scene::{Scene, words};

#[tokio::test]
async fn what_is_taken_back_held_active_or_reached_is_gone_from_devices() {
    let keys = "category: calls, deliver: [{channels: [inapp]}, {after: 5m, unless: read, channels: [sms]}]";
    let document = with(&format!(
        "rules:\n  r: {{on: e, template: plain, {keys}}}\n  h: {{on: h, template: plain, category: orders, delay: 1h}}"
    ));
    let scene = Scene::new(&document).await;
    let held = scene.event("h", "alice", json!({"n": 1})).await.remove(0);
    let reached = scene.e("alice", 1).await;
    scene.receive("alice").await;
    let active = scene.e("alice", 2).await;
    for (id, too_late, state) in [
        (&held, false, "retracted retracted"),
        (&active, false, "retracted retracted"),
        (&reached, true, "reached -"),
    ] {
        let Answer::Notification { too_late: said, .. } = scene.act(Act::Retract(id.clone())).await else {
            panic!("not an answer to a retraction")
        };
        assert_eq!((said, scene.state(id).await.as_str()), (too_late, state));
        assert!(!scene.row(id).await.is_visible());
        assert!(scene.row(id).await.flags.retracted_at.is_some());
    }
    scene.stands(&held, "retracted retracted", "ended retracted retracted").await;
    scene.stands(&reached, "reached -", "cancelled retracted").await;
    scene.minutes(90).await;
    for id in [&held, &active, &reached] {
        assert!(!scene.told(id).await.iter().any(|line| line == "released step_due"), "no later step");
    }
}

#[tokio::test]
async fn what_is_placed_and_never_fetched_expires() {
    let scene = Scene::new(&rule("category: orders, expires: 2h")).await;
    let id = scene.e("alice", 1).await;
    scene.minutes(119).await;
    assert!(scene.row(&id).await.is_visible());
    scene.minutes(1).await;
    scene.stands(&id, "expired expired", "ended expired expired").await;
    assert!(!scene.row(&id).await.is_visible());
}

#[tokio::test]
async fn a_template_that_cannot_be_rendered_fails_and_the_replay_goes_after_it_was_mended() {
    let document = rule("category: orders, once_per: data.k");
    let scene = Scene::new(&document).await;
    let id = scene.event("e", "alice", json!({"k": 1})).await.remove(0);
    scene.stands(&id, "failed template", "render stop template").await;
    scene.act(Act::Replay(id.clone())).await;
    assert_eq!(scene.state(&id).await, "failed template", "nothing was mended");
    scene.apply(&document.replace("Hello {{ data.n }}", "Hello")).await;
    let Answer::Notification { state, .. } = scene.act(Act::Replay(id.clone())).await else { panic!() };
    assert_eq!(state, NotificationState::Active);
    scene.stands(&id, "active -", "released replayed").await;
    let again = scene.event("e", "alice", json!({"k": 1})).await.remove(0);
    scene.stands(&again, "suppressed already_told", "once stop already_told").await;
}

#[tokio::test]
async fn a_failure_consumes_nothing_and_a_replay_takes_nothing() {
    let document = ruled(
        "category: orders, throttle: {count: 2, per: 30d, over: suppress}",
        "caps: {day: 1, over: suppress}",
    );
    let scene = Scene::new(&document).await;
    let failed = scene.event("e", "alice", json!({})).await.remove(0);
    assert_eq!(scene.state(&failed).await, "failed template");
    let id = scene.e("alice", 1).await;
    assert_eq!(scene.state(&id).await, "active -", "the failure took no cap");
    let over = scene.e("alice", 2).await;
    assert_eq!(scene.state(&over).await, "suppressed cap");
    scene.apply(&document.replace("Hello {{ data.n }}", "Hello")).await;
    scene.act(Act::Replay(failed.clone())).await;
    scene.stands(&failed, "active -", "cap pass no_cap").await;
    assert!(scene.row(&failed).await.taken.is_none());
}

#[tokio::test]
async fn a_release_that_fails_twice_gives_its_throttle_back_once() {
    let keys = "category: orders, delay: 1h, throttle: {count: 2, per: 30d, over: suppress}";
    let scene = Scene::new(&rule(keys)).await;
    let failing = scene.event("e", "alice", json!({})).await.remove(0);
    let first = scene.e("alice", 1).await;
    scene.minutes(60).await;
    assert_eq!(scene.state(&failing).await, "failed template");
    assert_eq!(scene.state(&first).await, "active -");
    for _ in 0..3 {
        scene.act(Act::Replay(failing.clone())).await;
        assert_eq!(scene.state(&failing).await, "failed template");
    }
    let second = scene.e("alice", 2).await;
    assert_eq!(scene.state(&second).await, "held delay");
    let third = scene.e("alice", 3).await;
    scene.stands(&third, "suppressed throttled", "throttle stop throttled").await;
}

#[tokio::test]
async fn a_replay_waits_for_the_morning_like_everything_else() {
    let document = ruled("category: orders", "quiet_hours: {default: \"22:00-08:00\"}");
    let scene = Scene::new(&document).await;
    let id = scene.event("e", "alice", json!({})).await.remove(0);
    scene.until("2026-11-23T23:00:00Z").await;
    scene.apply(&document.replace("Hello {{ data.n }}", "Hello")).await;
    scene.act(Act::Replay(id.clone())).await;
    scene.held_until(&id, "2026-11-24T08:00:00Z").await;
    scene.until("2026-11-24T08:00:00Z").await;
    assert_eq!(scene.state(&id).await, "active -");
}

#[tokio::test]
async fn a_rule_that_is_removed_while_its_notification_waits_ends_it() {
    let scene = Scene::new(&rule("category: orders, delay: 1h")).await;
    let id = scene.e("alice", 1).await;
    scene.apply(&with("")).await;
    assert_eq!(scene.state(&id).await, "held delay");
    scene.minutes(60).await;
    scene.stands(&id, "suppressed rule_gone", "stop rule_gone suppressed").await;
}

#[tokio::test]
async fn a_category_that_is_removed_while_a_send_waits_ends_it() {
    let scene = Scene::new(&with("")).await;
    let not_before = Some(scene.now().plus_millis(3_600_000));
    let id = scene.send("alice", DirectSend { not_before, ..words("surveys") }).await;
    let without: String =
        with("").lines().filter(|line| !line.contains("surveys:")).map(|line| format!("{line}\n")).collect();
    scene.apply(&without).await;
    scene.minutes(60).await;
    assert!(scene.state(&id).await.starts_with("suppressed"), "{}", scene.state(&id).await);
    scene.balanced().await;
}

#[tokio::test]
async fn a_template_that_is_removed_while_a_send_waits_fails_it() {
    let scene = Scene::new(&with("")).await;
    let not_before = Some(scene.now().plus_millis(3_600_000));
    let content = tidings_core::model::SendContent::Template("plain".into());
    let id = scene.send("alice", DirectSend { not_before, content, ..words("orders") }).await;
    let without: String =
        with("").lines().filter(|line| !line.contains("plain:")).map(|line| format!("{line}\n")).collect();
    scene.apply(&without).await;
    scene.minutes(60).await;
    scene.stands(&id, "failed template", "render stop template").await;
}

#[tokio::test]
async fn a_release_is_decided_by_the_configuration_that_is_live_then() {
    let document = rule("category: orders, delay: 1h");
    let scene = Scene::new(&document).await;
    let ids = [scene.e("alice", 1).await, scene.e("alice", 2).await];
    let now = document
        .replace("rules:", "caps: {day: 1, over: suppress}\nrules:")
        .replace("Hello {{ data.n }}", "Good day {{ data.n }}");
    scene.apply(&now).await;
    scene.minutes(60).await;
    assert_eq!(scene.title(&ids[0]).await, "Good day 1");
    assert_eq!(scene.row(&ids[0]).await.configuration, 2);
    scene.stands(&ids[1], "suppressed cap", "cap stop cap").await;
}

#[tokio::test]
async fn a_key_of_the_rule_that_changes_while_it_waits_holds_from_the_release_on() {
    let scene = Scene::new(&rule("category: orders, delay: 1h")).await;
    let id = scene.e("alice", 1).await;
    scene.apply(&rule("category: mixed, delay: 3h")).await;
    scene.minutes(60).await;
    scene.held_until(&id, "2026-11-23T15:00:00Z").await;
    scene.minutes(120).await;
    assert_eq!(scene.state(&id).await, "active -");
    scene.choose("alice", "mixed", Channel::Inapp, false).await;
    scene.balanced().await;
}
