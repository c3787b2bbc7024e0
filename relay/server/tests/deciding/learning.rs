//! The hour at which a recipient answers: learned from receipts, and waited for.

use rstest::rstest;
use serde_json::json;
use tidings_core::act::{Act, PreferenceChange, Report};
use tidings_core::delivery::Outcome;
use tidings_core::learned::Learned;
use tidings_protocol::{Channel, Gate, NotificationId};

use crate::documents::{rule, with};
use crate::scene::{Scene, instant, person};

/// Rule `r` on `e` waits for the best hour; rule `u` on `u` goes at once.
fn document(send: &str) -> String {
    with(&format!(
        "rules:\n  r: {{on: e, template: plain, category: orders, send: {{{send}}}}}\n  u: {{on: u, template: plain, category: orders}}"
    ))
}

const DAYTIME: &str = "window: \"09:00-21:00\", best_hour: true";

async fn scene() -> Scene {
    Scene::from(&document(DAYTIME), "2026-11-02T07:00:00Z").await
}

async fn told_at_once(scene: &Scene) -> NotificationId {
    scene.event("u", "alice", json!({"n": 1})).await.remove(0)
}

/// Somebody reads one thing a day at the same time, from a day of November on.
async fn days_of_reading(scene: &Scene, first: u32, days: u32, time: &str) {
    for day in first..first + days {
        scene.until(format!("2026-11-{day:02}T{time}:00Z")).await;
        let id = told_at_once(scene).await;
        scene.receipt("alice", &id, "read").await;
    }
}

async fn learned(scene: &Scene) -> Learned {
    scene.store.page(&person("alice"), None, 1).await.unwrap().person.inbox.unwrap().learned
}

/// The receipts that count, by the hour of the day; hours without any are left out.
async fn hours(scene: &Scene) -> Vec<(usize, u32)> {
    let counts = learned(scene).await.hours.counted(scene.now());
    counts.receipts.into_iter().enumerate().filter(|(_, count)| *count > 0).collect()
}

/// What the story says last of the best hour.
async fn said(scene: &Scene, id: &NotificationId) -> String {
    let story = scene.story(id).await;
    let of_gate = story.into_iter().rfind(|entry| entry.gate == Some(Gate::BestHour));
    of_gate.and_then(|entry| entry.text).unwrap_or_default().into()
}

async fn profiling(scene: &Scene, allowed: bool) {
    let change = PreferenceChange { profiling: Some(allowed), ..Scene::change("alice") };
    scene.act(Act::PutPreferences(Box::new(change))).await;
}

#[tokio::test]
async fn with_twenty_receipts_it_waits_for_the_hour_in_which_its_recipient_answers() {
    let scene = scene().await;
    days_of_reading(&scene, 2, 20, "19:30").await;
    scene.until("2026-11-22T06:00:00Z").await;
    let id = scene.e("alice", 1).await;
    scene.stands(&id, "held best_hour", "best_hour hold best_hour").await;
    scene.held_until(&id, "2026-11-22T19:00:00Z").await;
    assert_eq!(
        said(&scene, &id).await,
        "alice answers most from 19:00 to 20:00 in UTC: 20 of 20 receipts in 60 days"
    );
    scene.until("2026-11-22T19:00:00Z").await;
    assert_eq!(scene.placed_at(&id).await, Some(instant("2026-11-22T19:00:00Z")));
    assert_eq!(said(&scene, &id).await, "it waited for this hour");
    scene.until("2026-11-22T19:59:00Z").await;
    let now = scene.e("alice", 2).await;
    scene.stands(&now, "active -", "best_hour pass now").await;
}

#[tokio::test]
async fn with_nineteen_it_goes_at_the_windows_start_and_the_story_says_how_little_is_known() {
    let scene = scene().await;
    days_of_reading(&scene, 2, 19, "19:30").await;
    scene.until("2026-11-22T06:00:00Z").await;
    let id = scene.e("alice", 1).await;
    scene.stands(&id, "held send_window", "best_hour pass now").await;
    scene.held_until(&id, "2026-11-22T09:00:00Z").await;
    assert_eq!(
        said(&scene, &id).await,
        "too little is known of when alice answers, so no hour is preferred: 19 receipts in 60 days, at least 20 are needed"
    );
    scene.until("2026-11-22T09:00:00Z").await;
    assert_eq!(scene.state(&id).await, "active -");
}

#[tokio::test]
async fn receipts_that_are_sixty_days_old_are_not_known_any_more() {
    let scene = scene().await;
    days_of_reading(&scene, 2, 20, "19:30").await;
    scene.until("2027-01-01T12:00:00Z").await;
    let id = scene.e("alice", 1).await;
    scene.held_until(&id, "2027-01-01T19:00:00Z").await;
    scene.until("2027-01-01T20:00:00Z").await;
    let id = scene.e("alice", 2).await;
    assert_eq!(scene.state(&id).await, "active -", "the first of them is too old now");
    assert!(said(&scene, &id).await.contains("19 receipts in 60 days"));
}

#[rstest]
#[case("read", 1)]
#[case("clicked", 1)]
#[case("acknowledged", 1)]
#[case("displayed", 0)]
#[case("dismissed", 0)]
#[tokio::test]
async fn only_what_a_person_does_counts_and_once(#[case] receipt: &str, #[case] counted: u32) {
    let scene = scene().await;
    let id = told_at_once(&scene).await;
    let before = scene.store.page(&person("alice"), None, 1).await.unwrap().person.inbox.unwrap();
    for _ in 0..2 {
        scene.receipt("alice", &id, receipt).await;
        let expected = if counted == 0 { vec![] } else { vec![(7, counted)] };
        assert_eq!(hours(&scene).await, expected);
        scene.minutes(60).await;
    }
    let after = scene.store.page(&person("alice"), None, 1).await.unwrap().person.inbox.unwrap();
    assert_eq!(after.version, before.version, "no decision is made anew for it");
}

#[tokio::test]
async fn each_kind_of_receipt_of_one_notification_counts() {
    let scene = scene().await;
    let id = told_at_once(&scene).await;
    for receipt in ["displayed", "read", "clicked", "acknowledged"] {
        scene.receipt("alice", &id, receipt).await;
    }
    scene.operate("alice", json!({"op": "mark", "notification": id, "read": true})).await;
    assert_eq!(hours(&scene).await, [(7, 3)]);
    let other = told_at_once(&scene).await;
    scene.operate("alice", json!({"op": "mark", "notification": other, "read": true})).await;
    assert_eq!(hours(&scene).await, [(7, 4)], "the first mark is the receipt");
}

#[tokio::test]
async fn a_link_that_was_followed_from_a_mail_counts_and_a_picture_that_was_loaded_does_not() {
    let providers =
        "providers: {mail: {channel: email, kind: smtp, host: mail.example, from: \"a@shop.example\"}}";
    let document = with(&format!(
        "{providers}\nrules:\n  r: {{on: e, template: plain, category: letters}}\n  b: {{on: b, template: plain, category: orders, send: {{{DAYTIME}}}}}"
    ));
    let scene = Scene::new(&document).await;
    scene.zone("alice", "UTC").await;
    scene.address("alice", Channel::Email, "alice@example.org").await;
    scene.e("alice", 1).await;
    let handover = scene.claim().await.remove(0);
    scene.conclude(&handover, Outcome::accepted(None)).await;
    for (report, expected) in
        [(Report::Opened, vec![]), (Report::Clicked, vec![(12, 1)]), (Report::Clicked, vec![(12, 1)])]
    {
        scene.act(Act::Report { delivery: handover.delivery.clone(), report }).await;
        assert_eq!(hours(&scene).await, expected);
    }
}

#[tokio::test]
async fn a_journey_keeps_the_hour_on_the_wall_and_re_times_what_is_held() {
    let scene = scene().await;
    scene.zone("alice", "Europe/Berlin").await;
    days_of_reading(&scene, 2, 20, "18:30").await;
    scene.until("2026-11-22T06:00:00Z").await;
    let id = scene.e("alice", 1).await;
    scene.held_until(&id, "2026-11-22T18:00:00Z").await;
    scene.zone("alice", "Asia/Tokyo").await;
    scene.held_until(&id, "2026-11-22T10:00:00Z").await;
    assert!(said(&scene, &id).await.contains("from 19:00 to 20:00 in Asia/Tokyo"));
}

#[tokio::test]
async fn what_came_for_its_hour_goes_though_another_hour_became_the_best() {
    let scene = scene().await;
    days_of_reading(&scene, 2, 20, "19:30").await;
    scene.until("2026-11-22T06:00:00Z").await;
    let id = scene.e("alice", 1).await;
    scene.held_until(&id, "2026-11-22T19:00:00Z").await;
    scene.until("2026-11-22T11:30:00Z").await;
    for _ in 0..21 {
        let other = told_at_once(&scene).await;
        scene.receipt("alice", &other, "read").await;
    }
    scene.until("2026-11-22T19:00:00Z").await;
    assert_eq!(scene.placed_at(&id).await, Some(instant("2026-11-22T19:00:00Z")));
    let next = scene.e("alice", 2).await;
    scene.held_until(&next, "2026-11-23T11:00:00Z").await;
}

#[tokio::test]
async fn a_rule_without_a_window_waits_for_the_hour_at_any_time_of_the_day() {
    let scene = Scene::from(&document("best_hour: true"), "2026-11-02T01:00:00Z").await;
    let id = scene.e("alice", 1).await;
    assert_eq!(scene.state(&id).await, "active -", "too little is known");
    days_of_reading(&scene, 3, 20, "03:30").await;
    scene.until("2026-11-23T12:00:00Z").await;
    let id = scene.e("alice", 2).await;
    scene.held_until(&id, "2026-11-24T03:00:00Z").await;
}

#[tokio::test]
async fn an_hour_outside_the_window_or_after_latest_is_not_waited_for() {
    let scene = Scene::from(&document(&format!("{DAYTIME}, latest: 4h")), "2026-11-02T00:00:00Z").await;
    days_of_reading(&scene, 2, 20, "19:30").await;
    days_of_reading(&scene, 22, 5, "23:30").await;
    scene.until("2026-11-27T12:00:00Z").await;
    let id = scene.e("alice", 1).await;
    assert_eq!(scene.state(&id).await, "active -");
    assert_eq!(
        said(&scene, &id).await,
        "none of the hours in which alice answers is open in time, out of 25 receipts in 60 days"
    );
    let scene = Scene::from(&document(DAYTIME), "2026-11-02T00:00:00Z").await;
    days_of_reading(&scene, 2, 20, "23:30").await;
    days_of_reading(&scene, 22, 5, "12:30").await;
    scene.until("2026-11-27T06:00:00Z").await;
    let id = scene.e("alice", 1).await;
    scene.held_until(&id, "2026-11-27T12:00:00Z").await;
    assert_eq!(
        said(&scene, &id).await,
        "alice answers most from 12:00 to 13:00 in UTC of the hours that are open: 5 of 25 receipts in 60 days"
    );
}

#[tokio::test]
async fn whoever_refuses_profiling_is_forgotten_and_does_not_wait() {
    let scene = scene().await;
    days_of_reading(&scene, 2, 20, "19:30").await;
    scene.until("2026-11-22T10:00:00Z").await;
    let id = scene.e("alice", 1).await;
    scene.held_until(&id, "2026-11-22T19:00:00Z").await;
    profiling(&scene, false).await;
    assert_eq!(learned(&scene).await, Learned::default());
    assert_eq!(scene.state(&id).await, "active -", "what waited for the hour goes");
    assert_eq!(said(&scene, &id).await, "alice refuses profiling, so no hour is preferred");
    let other = told_at_once(&scene).await;
    scene.receipt("alice", &other, "read").await;
    assert_eq!(learned(&scene).await, Learned::default(), "nothing more is learned");
    profiling(&scene, true).await;
    scene.receipt("alice", &other, "clicked").await;
    assert_eq!(hours(&scene).await, [(10, 1)]);
}

#[tokio::test]
async fn an_erased_recipient_begins_with_nothing() {
    let scene = scene().await;
    let id = told_at_once(&scene).await;
    scene.receipt("alice", &id, "read").await;
    assert_ne!(learned(&scene).await, Learned::default());
    scene.act(Act::Erase("alice".parse().unwrap())).await;
    told_at_once(&scene).await;
    assert_eq!(learned(&scene).await, Learned::default());
}

#[tokio::test]
async fn nothing_is_learned_where_no_rule_makes_use_of_it() {
    let scene = Scene::new(&rule("category: orders, send: {window: \"09:00-21:00\"}")).await;
    let id = scene.e("alice", 1).await;
    scene.receipt("alice", &id, "read").await;
    assert_eq!(learned(&scene).await, Learned::default());
}
