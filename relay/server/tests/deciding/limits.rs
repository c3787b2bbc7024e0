//! How often: once, throttle and caps. They are taken by what goes, and given back by what never did.

use rstest::rstest;
use serde_json::json;
use tidings_core::act::Act;
use tidings_protocol::{Channel, NotificationState};

use crate::documents::{rule, ruled, with};
use crate::scene::{Scene, instant, person, words};

const NIGHT: &str = "quiet_hours: {default: \"22:00-08:00\", pass: [urgent]}";

#[tokio::test]
async fn a_rule_tells_a_value_once_for_as_long_as_it_is_remembered() {
    let scene = Scene::new(&rule("category: orders, once_per: {key: data.n, within: 1d}")).await;
    let id = scene.e("alice", 1).await;
    scene.stands(&id, "active -", "once pass first_time").await;
    let id = scene.e("alice", 1).await;
    scene.stands(&id, "suppressed already_told", "once stop already_told").await;
    for (who, n) in [("alice", json!("1")), ("alice", json!(2)), ("bob", json!(1))] {
        let id = scene.e(who, n).await;
        scene.stands(&id, "active -", "once pass first_time").await;
    }
    scene.until("2026-11-24T11:59:59Z").await;
    let id = scene.e("alice", 1).await;
    assert_eq!(scene.state(&id).await, "suppressed already_told");
    scene.until("2026-11-24T12:00:00Z").await;
    let id = scene.e("alice", 1).await;
    assert_eq!(scene.state(&id).await, "active -");
}

/// Each way to end a notification that is held.
#[derive(Clone, Copy, Debug)]
enum End {
    Expires,
    CancelledByAFact,
    TakenBack,
    SwitchedOff,
    Replaced,
    Stopped,
}

#[rstest]
#[tokio::test]
async fn what_ends_held_gives_its_once_key_and_its_throttle_back(
    #[values(
        End::Expires,
        End::CancelledByAFact,
        End::TakenBack,
        End::SwitchedOff,
        End::Replaced,
        End::Stopped
    )]
    end: End,
    #[values("once_per: data.n", "throttle: {count: 1, per: 30d, over: suppress}")] limit: &str,
) {
    let keys = format!(
        "category: orders, {limit}, delay: 1h, expires: 2h, collapse: data.c, cancel_on: {{event: never_mind}}"
    );
    let document = with(&format!(
        "rules:\n  r: {{on: e, template: plain, {keys}}}\n  q: {{on: q, template: plain, category: orders, collapse: data.c}}"
    ));
    let scene = Scene::new(&document).await;
    let fact = json!({"n": 1, "c": "c"});
    let id = scene.event("e", "alice", fact.clone()).await.remove(0);
    assert_eq!(scene.state(&id).await, "held delay");
    let second = scene.event("e", "alice", fact.clone()).await.remove(0);
    assert!(scene.state(&second).await.starts_with("suppressed"), "the first one has it");
    match end {
        End::Expires => {
            scene.clock.move_to(instant("2026-11-23T14:00:00Z"));
            scene.act(Act::Expire(person("alice"), id.clone())).await;
        }
        End::CancelledByAFact => drop(scene.event("never_mind", "alice", json!({})).await),
        End::TakenBack => drop(scene.act(Act::Retract(id.clone())).await),
        End::SwitchedOff => scene.choose("alice", "orders", Channel::Inapp, false).await,
        End::Replaced => drop(scene.event("q", "alice", fact.clone()).await),
        End::Stopped => {
            let switch = tidings_core::model::StopSwitch { project: true, ..Default::default() };
            scene.stop(switch).await;
            scene.minutes(60).await;
            scene.stop(Default::default()).await;
        }
    }
    let row = scene.row(&id).await;
    assert!(!row.is_pending(), "{end:?}: {row:?}");
    scene.choose("alice", "orders", Channel::Inapp, true).await;
    let third = scene.event("e", "alice", fact).await.remove(0);
    assert_eq!(scene.state(&third).await, "held delay", "{end:?} gave it back");
    scene.balanced().await;
}

#[tokio::test]
async fn a_throttle_lets_its_count_through_in_each_window_and_suppresses_the_rest() {
    let keys = "category: orders, throttle: {count: 2, per: 1h, key: data.k, over: suppress}";
    let scene = Scene::new(&rule(keys)).await;
    for (k, wanted) in [(1, "active -"), (1, "active -"), (1, "suppressed throttled"), (2, "active -")] {
        let id = scene.event("e", "alice", json!({"n": 1, "k": k})).await.remove(0);
        assert_eq!(scene.state(&id).await, wanted);
    }
    let id = scene.event("e", "alice", json!({"n": 1, "k": 1})).await.remove(0);
    scene.stands(&id, "suppressed throttled", "throttle stop throttled").await;
    scene.minutes(60).await;
    let id = scene.event("e", "alice", json!({"n": 1, "k": 1})).await.remove(0);
    scene.stands(&id, "active -", "throttle pass throttle_room").await;
}

#[tokio::test]
async fn a_throttle_that_defers_sends_each_in_a_window_of_its_own() {
    let scene = Scene::new(&rule("category: orders, throttle: {count: 1, per: 1h, over: defer}")).await;
    let first = scene.e("alice", 1).await;
    let mut held = Vec::new();
    for n in 0..3 {
        let id = scene.e("alice", n).await;
        scene.stands(&id, "held throttled", "throttle hold throttled").await;
        held.push(id);
    }
    assert_eq!(scene.state(&first).await, "active -");
    scene.minutes(300).await;
    let mut placed = Vec::new();
    for id in &held {
        placed.push(scene.placed_at(id).await.expect("it went"));
    }
    placed.sort_unstable();
    assert!(placed.windows(2).all(|pair| pair[1].millis_since(pair[0]) >= 3_600_000), "{placed:?}");
}

#[tokio::test]
async fn a_throttle_that_digests_collects_what_is_over() {
    let keys = "category: orders, throttle: {count: 1, per: 1h, over: digest}, digest: {window: 30m, template: several}";
    let scene = Scene::new(&rule(keys)).await;
    let ids = [scene.e("alice", 1).await, scene.e("alice", 2).await];
    scene.stands(&ids[1], "held digest", "digest hold digest").await;
    scene.minutes(30).await;
    for id in &ids {
        assert_eq!(scene.state(id).await, "merged digest");
    }
    assert_eq!(scene.count(NotificationState::Active).await, 1);
}

#[rstest]
#[case::of_the_project("category: orders", "caps: {day: 2, over: suppress}", true)]
#[case::of_the_category("category: capped", "", true)]
#[case::of_the_inbox("category: orders", "channels: {inapp: {cap: {day: 2, over: suppress}}}", true)]
#[case::of_the_week("category: orders", "caps: {week: 2, over: suppress}", false)]
#[tokio::test]
async fn a_cap_lets_its_number_through_and_says_so(
    #[case] keys: &str,
    #[case] lines: &str,
    #[case] free_tomorrow: bool,
) {
    let scene = Scene::new(&ruled(keys, lines)).await;
    for n in 0..2 {
        let id = scene.e("alice", n).await;
        assert_eq!(scene.state(&id).await, "active -");
    }
    let id = scene.e("alice", 3).await;
    scene.stands(&id, "suppressed cap", "cap stop cap").await;
    let id = scene.e("bob", 1).await;
    assert_eq!(scene.state(&id).await, "active -", "each recipient has their own");
    scene.until("2026-11-23T23:59:59Z").await;
    let id = scene.e("alice", 4).await;
    assert_eq!(scene.state(&id).await, "suppressed cap");
    scene.until("2026-11-24T00:00:00Z").await;
    let id = scene.e("alice", 5).await;
    assert_eq!(scene.state(&id).await == "active -", free_tomorrow);
    scene.until("2026-11-30T00:00:00Z").await;
    let id = scene.e("alice", 6).await;
    assert_eq!(scene.state(&id).await, "active -", "a new week");
}

#[tokio::test]
async fn a_full_cap_on_the_inbox_takes_that_channel_out_with_its_reason() {
    let lines = "channels: {inapp: {cap: {day: 1, over: suppress}}}";
    let scene = Scene::new(&ruled("category: mixed", lines)).await;
    let id = scene.e("alice", 1).await;
    assert_eq!(scene.state(&id).await, "active -");
    let id = scene.e("alice", 2).await;
    scene.stands(&id, "suppressed no_endpoint", "cap stop cap inapp").await;
}

#[tokio::test]
async fn a_cap_counts_the_recipients_own_day() {
    let scene =
        Scene::from(&ruled("category: orders", "caps: {day: 1, over: suppress}"), "2026-11-23T14:30:00Z")
            .await;
    scene.zone("alice", "Asia/Tokyo").await;
    let id = scene.e("alice", 1).await;
    assert_eq!(scene.state(&id).await, "active -");
    scene.until("2026-11-23T14:59:59Z").await;
    let id = scene.e("alice", 2).await;
    assert_eq!(scene.state(&id).await, "suppressed cap");
    scene.until("2026-11-23T15:00:00Z").await;
    let id = scene.e("alice", 3).await;
    assert_eq!(scene.state(&id).await, "active -", "it is tomorrow in Tokyo");
}

#[tokio::test]
async fn a_cap_that_defers_sends_the_next_day() {
    let scene = Scene::new(&ruled("category: orders", "caps: {day: 1, over: defer}")).await;
    scene.e("alice", 1).await;
    let id = scene.e("alice", 2).await;
    scene.stands(&id, "held cap", "cap hold cap").await;
    scene.held_until(&id, "2026-11-24T00:00:00Z").await;
    scene.until("2026-11-24T00:00:00Z").await;
    assert_eq!(scene.state(&id).await, "active -");
}

#[tokio::test]
async fn after_seven_deferrals_the_cap_suppresses() {
    let scene = Scene::new(&ruled("category: orders", "caps: {day: 1, over: defer}")).await;
    scene.e("alice", 0).await;
    let mut ids = Vec::new();
    for n in 1..=9 {
        ids.push(scene.e("alice", n).await);
    }
    scene.until("2026-12-15T00:00:00Z").await;
    let mut days = Vec::new();
    for id in &ids {
        days.extend(scene.placed_at(id).await);
    }
    assert_eq!(days.len(), 7, "one on each of seven days, in order of age");
    assert!(days.is_sorted());
    for id in &ids[7..] {
        scene.stands(id, "suppressed cap", "cap stop cap").await;
        let deferred = scene.told(id).await.iter().filter(|line| *line == "cap hold cap").count();
        assert_eq!(deferred, 7);
    }
}

#[tokio::test]
async fn settings_that_change_while_a_cap_defers_are_no_deferrals() {
    let scene = Scene::new(&ruled("category: orders", "caps: {day: 1, over: defer}")).await;
    scene.e("alice", 1).await;
    let id = scene.e("alice", 2).await;
    for zone in ["Europe/Berlin", "Europe/Paris"].iter().cycle().take(9) {
        scene.zone("alice", zone).await;
        assert_eq!(scene.state(&id).await, "held cap");
    }
    assert_eq!(scene.row(&id).await.deferrals, 1);
    scene.until("2026-11-24T00:00:00Z").await;
    assert_eq!(scene.state(&id).await, "active -");
}

#[tokio::test]
async fn twenty_held_at_night_and_twenty_sent_next_day_with_a_cap_of_twenty_are_twenty() {
    let lines = format!("{NIGHT}\ncaps: {{day: 20, over: suppress}}");
    let scene = Scene::from(&ruled("category: news", &lines), "2026-11-23T23:00:00Z").await;
    for n in 0..20 {
        scene.e("alice", n).await;
    }
    assert_eq!(scene.count(NotificationState::Held).await, 20);
    scene.until("2026-11-24T12:00:00Z").await;
    for n in 20..40 {
        scene.e("alice", n).await;
    }
    assert_eq!(scene.count(NotificationState::Active).await, 20);
    assert_eq!(scene.count(NotificationState::Suppressed).await, 20);
    scene.balanced().await;
}

#[tokio::test]
async fn a_cap_is_given_back_by_what_is_withdrawn_before_anybody_had_it_and_not_by_what_is_taken_back() {
    let scene = Scene::new(&ruled("category: mixed", "caps: {day: 1, over: suppress}")).await;
    let id = scene.e("alice", 1).await;
    scene.choose("alice", "mixed", Channel::Inapp, false).await;
    assert_eq!(scene.state(&id).await, "suppressed no_longer_allowed");
    scene.choose("alice", "mixed", Channel::Inapp, true).await;
    let id = scene.e("alice", 2).await;
    assert_eq!(scene.state(&id).await, "active -", "active to suppressed gives back");
    scene.act(Act::Retract(id)).await;
    let id = scene.e("alice", 3).await;
    assert_eq!(scene.state(&id).await, "suppressed cap", "active to retracted does not");
}

#[tokio::test]
async fn what_has_no_address_gives_its_cap_back() {
    let scene = Scene::new(&ruled("category: letters", "caps: {day: 1, over: suppress}")).await;
    for n in 0..3 {
        let id = scene.e("alice", n).await;
        scene.stands(&id, "suppressed no_endpoint", "channel_plan stop no_endpoint email").await;
    }
}

#[tokio::test]
async fn the_more_urgent_one_of_two_that_come_due_together_takes_what_the_cap_has() {
    let document = with(&format!(
        "{}\ncaps: {{day: 1, over: suppress}}\nrules:\n  r: {{on: e, template: plain, category: orders}}\n  u: {{on: u, template: plain, category: calls}}",
        NIGHT.replace("pass: [urgent]", "pass: []")
    ));
    let scene = Scene::from(&document, "2026-11-23T23:00:00Z").await;
    let older = scene.e("alice", 1).await;
    scene.minutes(1).await;
    let urgent = scene.event("u", "alice", json!({"n": 2})).await.remove(0);
    scene.until("2026-11-24T08:00:00Z").await;
    assert_eq!(scene.state(&urgent).await, "active -");
    assert_eq!(scene.state(&older).await, "suppressed cap");
}

#[tokio::test]
async fn a_day_that_was_begun_for_nothing_does_not_stand_in_place_of_the_one_before() {
    let document = ruled("category: news", "caps: {day: 1, over: suppress}");
    let scene = Scene::from(&document, "2026-11-23T15:00:00Z").await;
    scene.zone("alice", "Asia/Shanghai").await;
    let id = scene.e("alice", 1).await;
    assert_eq!(scene.state(&id).await, "active -", "the one of the 23rd");
    scene.until("2026-11-23T16:10:00Z").await;
    let nothing = scene.send("alice", words("letters")).await;
    assert_eq!(scene.state(&nothing).await, "suppressed no_endpoint", "on the 24th in Shanghai");
    scene.zone("alice", "Europe/Berlin").await;
    let id = scene.e("alice", 2).await;
    scene.stands(&id, "suppressed cap", "cap stop cap").await;
}
