//! The time gates: delay, send window, quiet hours, pause and best hour, in the recipient's zone.

use rstest::rstest;
use serde_json::json;

use crate::documents::{rule, ruled};
use crate::scene::{Scene, instant, words};

const NIGHT: &str = "quiet_hours: {default: \"22:00-08:00\", pass: [urgent]}";

#[rstest]
#[case::before_they_begin("UTC", "2026-11-23T21:59:59.999Z", None)]
#[case::as_they_begin("UTC", "2026-11-23T22:00:00Z", Some("2026-11-24T08:00:00Z"))]
#[case::past_midnight("UTC", "2026-11-24T00:30:00Z", Some("2026-11-24T08:00:00Z"))]
#[case::the_last_millisecond("UTC", "2026-11-24T07:59:59.999Z", Some("2026-11-24T08:00:00Z"))]
#[case::as_they_end("UTC", "2026-11-24T08:00:00Z", None)]
#[case::ahead_of_us("Asia/Shanghai", "2026-11-23T14:00:00Z", Some("2026-11-24T00:00:00Z"))]
#[case::behind_us("America/New_York", "2026-11-23T22:00:00Z", None)]
#[case::half_an_hour_off("Asia/Kolkata", "2026-11-23T16:30:00Z", Some("2026-11-24T02:30:00Z"))]
#[case::the_night_of_the_gap("Europe/Berlin", "2026-03-28T21:00:00Z", Some("2026-03-29T06:00:00Z"))]
#[case::the_night_of_the_fold("Europe/Berlin", "2026-10-24T20:00:00Z", Some("2026-10-25T07:00:00Z"))]
#[case::the_hour_that_comes_twice("Europe/Berlin", "2026-10-25T01:30:00Z", Some("2026-10-25T07:00:00Z"))]
#[tokio::test]
async fn quiet_hours_are_what_the_clock_on_the_recipients_wall_shows(
    #[case] zone: &str,
    #[case] at: &str,
    #[case] due: Option<&str>,
) {
    let scene = Scene::from(&ruled("category: orders", NIGHT), at).await;
    scene.zone("alice", zone).await;
    let id = scene.e("alice", 1).await;
    let Some(due) = due else {
        scene.stands(&id, "active -", "quiet_hours pass now").await;
        return;
    };
    scene.stands(&id, "held quiet_hours", "quiet_hours hold quiet_hours").await;
    scene.held_until(&id, due).await;
    scene.until(due).await;
    assert_eq!(scene.placed_at(&id).await, Some(instant(due)));
    scene.stands(&id, "active -", "quiet_hours pass now").await;
}

#[rstest]
#[case("calls", "active -")]
#[case("orders", "held quiet_hours")]
#[tokio::test]
async fn only_the_priorities_that_are_named_pass(#[case] category: &str, #[case] state: &str) {
    let scene = Scene::from(&ruled(&format!("category: {category}"), NIGHT), "2026-11-23T23:00:00Z").await;
    let id = scene.e("alice", 1).await;
    assert_eq!(scene.state(&id).await, state);
}

#[tokio::test]
async fn a_recipients_own_quiet_hours_replace_the_projects_and_re_time_what_is_held() {
    let scene = Scene::from(&ruled("category: orders", NIGHT), "2026-11-23T23:00:00Z").await;
    let id = scene.e("alice", 1).await;
    scene.held_until(&id, "2026-11-24T08:00:00Z").await;
    scene.quiet("alice", json!({"spans": [{"from": "23:00", "to": "06:00"}]})).await;
    scene.held_until(&id, "2026-11-24T06:00:00Z").await;
    scene.quiet("alice", json!({"spans": []})).await;
    scene.stands(&id, "active -", "quiet_hours pass now").await;
}

#[tokio::test]
async fn a_change_of_zone_moves_what_is_held_in_the_same_commit() {
    let scene = Scene::from(&ruled("category: orders", NIGHT), "2026-11-23T23:00:00Z").await;
    let id = scene.e("alice", 1).await;
    scene.zone("alice", "Asia/Tokyo").await;
    scene.stands(&id, "active -", "quiet_hours pass now").await;
    scene.until("2026-11-24T13:30:00Z").await;
    let id = scene.e("alice", 2).await;
    scene.held_until(&id, "2026-11-24T23:00:00Z").await;
    scene.zone("alice", "Asia/Singapore").await;
    assert_eq!(scene.state(&id).await, "active -");
}

#[tokio::test]
async fn a_pause_holds_until_its_instant_and_the_same_priorities_pass() {
    let document = crate::documents::with(&format!(
        "{NIGHT}\nrules:\n  r: {{on: e, template: plain, category: orders}}\n  u: {{on: u, template: plain, category: calls}}"
    ));
    let scene = Scene::new(&document).await;
    scene.pause("alice", Some("2026-11-23T15:00:00Z")).await;
    let id = scene.e("alice", 1).await;
    scene.stands(&id, "held paused", "pause hold paused").await;
    scene.held_until(&id, "2026-11-23T15:00:00Z").await;
    let urgent = scene.event("u", "alice", json!({"n": 1})).await;
    assert_eq!(scene.state(&urgent[0]).await, "active -");
    scene.pause("alice", Some("2026-11-23T23:00:00Z")).await;
    scene.held_until(&id, "2026-11-24T08:00:00Z").await;
    scene.pause("alice", None).await;
    assert_eq!(scene.state(&id).await, "active -");
}

#[tokio::test]
async fn a_delay_runs_from_the_fact_and_ends_in_the_next_open_hour() {
    let scene = Scene::from(&ruled("category: orders, delay: 2h", NIGHT), "2026-11-23T21:00:00Z").await;
    let id = scene.e("alice", 1).await;
    scene.held_until(&id, "2026-11-24T08:00:00Z").await;
    let scene = Scene::new(&ruled("category: orders, delay: 2h", NIGHT)).await;
    let id = scene.e("alice", 1).await;
    scene.stands(&id, "held delay", "delay hold delay").await;
    scene.held_until(&id, "2026-11-23T14:00:00Z").await;
    scene.minutes(119).await;
    assert_eq!(scene.state(&id).await, "held delay");
    scene.minutes(1).await;
    assert_eq!(scene.placed_at(&id).await, Some(instant("2026-11-23T14:00:00Z")));
}

#[rstest]
#[case::open("2026-11-23T08:00:00Z", None)]
#[case::closes("2026-11-23T21:00:00Z", Some("2026-11-24T08:00:00Z"))]
#[case::over_the_weekend("2026-11-27T21:00:00Z", Some("2026-11-30T08:00:00Z"))]
#[tokio::test]
async fn a_send_window_opens_on_its_days_only(#[case] at: &str, #[case] due: Option<&str>) {
    let keys = "category: orders, send: {window: \"08:00-21:00\", days: [mon, tue, wed, thu, fri]}";
    let scene = Scene::from(&rule(keys), at).await;
    let id = scene.e("alice", 1).await;
    match due {
        None => assert_eq!(scene.state(&id).await, "active -"),
        Some(due) => {
            scene.stands(&id, "held send_window", "send_window hold send_window").await;
            scene.held_until(&id, due).await;
            scene.until(due).await;
            assert_eq!(scene.state(&id).await, "active -");
        }
    }
}

#[tokio::test]
async fn latest_ends_the_window_but_not_the_night() {
    let keys = "category: orders, send: {window: \"09:00-10:00\", latest: 6h}";
    let scene = Scene::new(&ruled(keys, NIGHT)).await;
    let id = scene.e("alice", 1).await;
    scene.held_until(&id, "2026-11-23T18:00:00Z").await;
    scene.until("2026-11-23T18:00:00Z").await;
    assert_eq!(scene.state(&id).await, "active -");
    let id = scene.e("alice", 2).await;
    scene.held_until(&id, "2026-11-24T08:00:00Z").await;
    scene.until("2026-11-24T08:00:00Z").await;
    assert_eq!(scene.state(&id).await, "active -", "the window is not asked after latest");
}

#[tokio::test]
async fn the_best_hour_of_somebody_who_never_answered_is_the_windows_start() {
    let keys = "category: orders, send: {window: \"09:00-21:00\", best_hour: true}";
    let scene = Scene::from(&rule(keys), "2026-11-23T05:00:00Z").await;
    let id = scene.e("alice", 1).await;
    scene.held_until(&id, "2026-11-23T09:00:00Z").await;
    scene.until("2026-11-23T09:00:00Z").await;
    assert_eq!(scene.state(&id).await, "active -");
}

#[tokio::test]
async fn releases_of_normal_priority_are_spread_over_five_minutes_and_stay_in_the_open_hours() {
    let scene = Scene::from(&ruled("category: news", NIGHT), "2026-11-23T23:00:00Z").await;
    let mut instants = std::collections::BTreeSet::new();
    for n in 0..20 {
        let id = scene.e(&format!("r{n}"), n).await;
        let due = scene.row(&id).await.due.unwrap();
        let open = instant("2026-11-24T08:00:00Z");
        assert!(due >= open && due < open.plus_millis(300_000), "{due}");
        instants.insert(due);
    }
    assert!(instants.len() > 15, "they do not arrive together");
    scene.until("2026-11-24T08:05:00Z").await;
    assert_eq!(scene.count(tidings_protocol::NotificationState::Active).await, 20);
}

#[tokio::test]
async fn what_expires_before_the_night_ends_expires_held() {
    let document = ruled("category: orders, expires: 2h", NIGHT);
    let scene = Scene::from(&document, "2026-11-23T23:00:00Z").await;
    let id = scene.e("alice", 1).await;
    scene.until("2026-11-24T00:59:00Z").await;
    assert_eq!(scene.state(&id).await, "held quiet_hours");
    scene.until("2026-11-24T01:00:00Z").await;
    scene.stands(&id, "expired expired", "ended expired expired").await;
    scene.until("2026-11-24T09:00:00Z").await;
    assert_eq!(scene.placed_at(&id).await, None);
}

#[tokio::test]
async fn what_comes_due_as_it_expires_is_not_sent() {
    let scene = Scene::new(&rule("category: orders")).await;
    let at = Some(scene.now().plus_millis(3_600_000));
    let send = tidings_core::model::DirectSend { not_before: at, expires_at: at, ..words("orders") };
    let id = scene.send("alice", send).await;
    scene.held_until(&id, "2026-11-23T13:00:00Z").await;
    scene.minutes(60).await;
    assert_eq!(scene.placed_at(&id).await, None);
    scene.stands(&id, "expired expired", "ended expired expired").await;
}

#[tokio::test]
async fn a_node_that_was_away_past_the_expiry_sends_nothing_late() {
    let scene = Scene::new(&rule("category: orders, delay: 1h, expires: 2h")).await;
    let id = scene.e("alice", 1).await;
    scene.clock.move_to(instant("2026-11-23T18:00:00Z"));
    scene.work().await;
    assert_eq!(scene.placed_at(&id).await, None);
    scene.stands(&id, "expired expired", "ended expired expired").await;
}
