//! Several become one or none: digests, collapse, and facts that make earlier notifications needless.

use rstest::rstest;
use serde_json::json;
use tidings_core::act::{Act, Answer, EventAnswer};
use tidings_core::model::Notification;
use tidings_protocol::{Channel, Decision, NotificationId, NotificationState};

use crate::documents::{rule, ruled, with};
use crate::scene::{Scene, fact, instant};

const DIGEST: &str = "category: orders, digest: {key: data.k, window: 30m, max: 3, template: several}";

async fn digests(scene: &Scene) -> Vec<Notification> {
    scene.all().await.into_iter().filter(|row| row.cause.digest).collect()
}

#[tokio::test]
async fn a_digest_closes_a_window_after_its_first_and_its_members_are_merged() {
    let scene = Scene::new(&rule(DIGEST)).await;
    let first = scene.e("alice", 1).await;
    scene.stands(&first, "held digest", "digest hold digest").await;
    scene.minutes(20).await;
    let second = scene.e("alice", 2).await;
    scene.held_until(&second, "2026-11-23T12:30:00Z").await;
    scene.minutes(10).await;
    for id in [&first, &second] {
        scene.stands(id, "merged digest", "ended digest merged").await;
        assert_eq!(scene.placed_at(id).await, None);
    }
    let made = digests(&scene).await;
    assert_eq!(made.len(), 1);
    assert_eq!(scene.title(&made[0].id).await, "2 things, the last is 2");
    assert_eq!(scene.state(&made[0].id).await, "active -");
}

#[tokio::test]
async fn a_single_one_may_have_a_template_that_speaks_of_the_digest() {
    let document = rule(DIGEST).replace(
        "Hello {{ data.n }}",
        "{{ digest.count | plural(one='1 thing', other='# things') }}{% for item in digest.items %}, {{ item.data.n }}{% endfor %}",
    );
    let scene = Scene::new(&document).await;
    let alone = scene.e("alice", 7).await;
    scene.minutes(30).await;
    assert_eq!(scene.title(&alone).await, "1 thing, 7");
}

#[tokio::test]
async fn a_rules_value_and_a_direct_sends_are_one() {
    let scene = Scene::new(&rule("category: orders, collapse: data.n")).await;
    let id = scene.e("alice", 1001).await;
    assert_eq!(scene.row(&id).await.keys.collapse.as_deref(), Some("1001"));
}

#[tokio::test]
async fn a_full_digest_closes_early_and_the_next_opens_another() {
    let scene = Scene::new(&rule(DIGEST)).await;
    for n in 0..3 {
        scene.e("alice", n).await;
    }
    scene.e("alice", 3).await;
    assert_eq!(scene.count(NotificationState::Merged).await, 3);
    assert_eq!(scene.count(NotificationState::Held).await, 1);
    scene.minutes(30).await;
    assert_eq!(digests(&scene).await.len(), 1, "the fourth went as itself");
    assert_eq!(scene.count(NotificationState::Active).await, 2);
}

#[tokio::test]
async fn a_digest_that_reaches_its_max_closes_before_the_next_fact_of_the_same_request_and_the_answer_says_so()
 {
    let scene = Scene::new(&rule(DIGEST)).await;
    let body = |n: i32| fact("e", Some("alice"), json!({"n": n}), scene.now());
    scene.act(Act::accept(vec![body(1), body(2)])).await;
    assert_eq!(digests(&scene).await.len(), 0);
    let answer = scene.act(Act::accept(vec![body(3), body(4)])).await;
    let Answer::Events(answers) = answer else { panic!("{answer:?}") };
    let states = answers.iter().map(|answer| match answer {
        EventAnswer::Accepted { notifications, .. } => notifications[0].state,
        other => panic!("{other:?}"),
    });
    let expected = [NotificationState::Merged, NotificationState::Held];
    assert_eq!(states.collect::<Vec<_>>(), expected, "no work was done in between");
    assert_eq!(digests(&scene).await.len(), 1);
    assert_eq!(scene.title(&digests(&scene).await[0].id).await, "3 things, the last is 3");
    scene.balanced().await;
}

#[tokio::test]
async fn another_key_is_another_digest_and_a_lone_survivor_goes_as_itself() {
    let scene = Scene::new(&rule(DIGEST)).await;
    let mut ids = Vec::new();
    for k in 0..3 {
        ids.push(scene.event("e", "alice", json!({"n": k, "k": k})).await.remove(0));
    }
    scene.minutes(30).await;
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(
            (scene.state(id).await.as_str(), scene.title(id).await),
            ("active -", format!("Hello {n}"))
        );
    }
    assert!(digests(&scene).await.is_empty());
    scene.balanced().await;
}

#[tokio::test]
async fn a_digest_may_close_at_an_hour_of_a_day() {
    let keys = "category: orders, digest: {at: \"sun 18:00\", template: several}";
    let scene = Scene::new(&rule(keys)).await;
    scene.zone("alice", "Europe/Berlin").await;
    let id = scene.e("alice", 1).await;
    scene.held_until(&id, "2026-11-29T17:00:00Z").await;
    scene.e("alice", 2).await;
    scene.until("2026-11-29T17:00:00Z").await;
    assert_eq!(scene.state(&id).await, "merged digest");
}

#[tokio::test]
async fn members_are_asked_again_when_the_digest_closes() {
    let keys = "category: offers, digest: {window: 30m, template: several}";
    let scene = Scene::new(&rule(keys)).await;
    scene.consent("alice", "offers", &[Channel::Inapp], Decision::Granted).await;
    let ids = [scene.e("alice", 1).await, scene.e("alice", 2).await];
    scene.consent("alice", "offers", &[], Decision::Withdrawn).await;
    for id in &ids {
        assert_eq!(scene.state(id).await, "cancelled consent_withdrawn");
    }
    scene.minutes(30).await;
    assert!(digests(&scene).await.is_empty());

    let stop = tidings_core::model::StopSwitch { rules: ["r".parse().unwrap()].into(), ..Default::default() };
    let scene = Scene::new(&rule(DIGEST)).await;
    let ids = [scene.e("alice", 1).await, scene.e("alice", 2).await];
    scene.stop(stop).await;
    scene.minutes(30).await;
    for id in &ids {
        scene.stands(id, "suppressed rule_stopped", "stop rule_stopped suppressed").await;
    }
}

#[tokio::test]
async fn a_digest_that_falls_into_the_night_waits_and_says_for_what() {
    let lines = "quiet_hours: {default: \"22:00-08:00\"}";
    let scene = Scene::from(&ruled(DIGEST, lines), "2026-11-23T21:45:00Z").await;
    let ids = [scene.e("alice", 1).await, scene.e("alice", 2).await];
    scene.until("2026-11-23T22:15:00Z").await;
    for id in &ids {
        scene.stands(id, "held quiet_hours", "quiet_hours hold quiet_hours").await;
        scene.held_until(id, "2026-11-24T08:00:00Z").await;
    }
    scene.until("2026-11-24T08:00:00Z").await;
    assert_eq!(scene.state(&ids[0]).await, "merged digest");
    let made = digests(&scene).await;
    assert_eq!(scene.placed_at(&made[0].id).await, Some(instant("2026-11-24T08:00:00Z")));
}

#[tokio::test]
async fn what_is_over_the_cap_of_a_category_is_collected_and_the_digest_takes_one_of_its_own() {
    let document = ruled("category: gathered", "caps: {day: 2, over: defer}");
    let scene = Scene::new(&document).await;
    let first = scene.e("alice", 0).await;
    assert_eq!(scene.state(&first).await, "active -");
    let mut ids = Vec::new();
    for n in 1..=3 {
        let id = scene.e("alice", n).await;
        scene.stands(&id, "held digest", "digest hold digest").await;
        ids.push(id);
    }
    scene.held_until(&ids[0], "2026-11-23T18:00:00Z").await;
    // The category's cap is full today, and what it collected goes at its hour all the same.
    scene.until("2026-11-23T18:00:00Z").await;
    assert_eq!(scene.state(&ids[0]).await, "merged digest");
    let made = digests(&scene).await;
    assert_eq!(scene.title(&made[0].id).await, "3 things, the last is 3");
    scene.until("2026-11-24T00:00:00Z").await;
    let next = scene.e("alice", 4).await;
    assert_eq!(scene.state(&next).await, "active -", "the digest counted for its own day");
    scene.balanced().await;
}

#[tokio::test]
async fn a_cap_that_collects_lets_one_digest_through_in_each_period() {
    let document = rule("category: gathered").replace("digest: {at: \"18:00\"", "digest: {window: 30m");
    let scene = Scene::new(&document).await;
    scene.e("alice", 0).await;
    let first = [scene.e("alice", 1).await, scene.e("alice", 2).await];
    scene.minutes(30).await;
    assert_eq!(scene.state(&first[0]).await, "merged digest");
    let second = [scene.e("alice", 3).await, scene.e("alice", 4).await];
    scene.minutes(30).await;
    for id in &second {
        scene.stands(id, "held cap", "cap hold cap").await;
    }
    scene.until("2026-11-24T00:00:00Z").await;
    assert_eq!(scene.state(&second[0]).await, "merged digest");
    assert_eq!(digests(&scene).await.len(), 2);
    scene.balanced().await;
}

#[tokio::test]
async fn another_full_cap_puts_the_digest_off() {
    let document = ruled("category: gathered", "caps: {day: 1, over: defer}");
    let scene = Scene::new(&document).await;
    scene.e("alice", 0).await;
    let ids = [scene.e("alice", 1).await, scene.e("alice", 2).await];
    scene.until("2026-11-23T18:00:00Z").await;
    for id in &ids {
        scene.stands(id, "held cap", "cap hold cap").await;
    }
    scene.until("2026-11-24T00:00:00Z").await;
    assert_eq!(scene.state(&ids[0]).await, "merged digest");
}

/// What is over a cap that suppresses is suppressed, a digest as well; its members say so.
#[rstest]
#[case::several(2)]
#[case::alone(1)]
#[tokio::test]
async fn a_digest_over_a_cap_that_suppresses_is_suppressed(#[case] count: usize) {
    let lines = "caps: {day: 1, over: suppress}";
    let document =
        ruled(DIGEST, lines).replace("rules:\n", "rules:\n  u: {on: u, template: plain, category: orders}\n");
    let scene = Scene::new(&document).await;
    scene.event("u", "alice", json!({"n": 0})).await;
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(scene.e("alice", i32::try_from(n).unwrap()).await);
    }
    scene.minutes(30).await;
    for id in &ids {
        assert_eq!(scene.state(id).await, "suppressed cap");
    }
    assert_eq!(scene.count(NotificationState::Active).await, 1, "only the one that was first");
    scene.balanced().await;
}

#[tokio::test]
async fn a_throttle_that_digests_joins_the_categorys_digest_if_the_rule_has_none() {
    let keys = "category: gathered, throttle: {count: 1, per: 1h, over: digest}";
    let scene = Scene::new(&rule(keys)).await;
    let first = scene.e("alice", 0).await;
    assert_eq!(scene.state(&first).await, "active -");
    let ids = [scene.e("alice", 1).await, scene.e("alice", 2).await];
    for id in &ids {
        scene.stands(id, "held digest", "digest hold digest").await;
        scene.held_until(id, "2026-11-23T18:00:00Z").await;
    }
    scene.until("2026-11-23T18:00:00Z").await;
    for id in &ids {
        assert_eq!(scene.state(id).await, "merged digest");
    }
    assert_eq!(digests(&scene).await.len(), 1);
    scene.balanced().await;
}

#[tokio::test]
async fn a_digest_that_cannot_be_put_into_words_fails_whole_and_each_member_can_be_replayed() {
    let document = rule(DIGEST);
    let scene = Scene::new(&document.replace("the last is {{ data.n }}", "{{ data.gone }}")).await;
    let ids = [scene.e("alice", 1).await, scene.e("alice", 2).await];
    scene.minutes(30).await;
    for id in &ids {
        scene.stands(id, "failed template", "render template failed").await;
    }
    scene.apply(&document).await;
    for id in &ids {
        scene.act(Act::Replay(id.clone())).await;
        assert_eq!(scene.state(id).await, "held digest", "it is collected anew");
    }
    scene.minutes(30).await;
    let made = digests(&scene).await;
    assert_eq!(scene.title(&made[0].id).await, "2 things, the last is 2");
}

#[tokio::test]
async fn a_newer_one_replaces_the_older_of_its_category_and_value() {
    let document = with(
        "rules:\n  r: {on: e, template: plain, category: orders, collapse: data.c}\n  s: {on: s, template: plain, category: orders, collapse: data.c, delay: 1h}\n  o: {on: o, template: plain, category: mixed, collapse: data.c}",
    );
    let scene = Scene::new(&document).await;
    let make = async |event: &str, who: &str, c: &str| -> NotificationId {
        scene.event(event, who, json!({"n": 1, "c": c})).await.remove(0)
    };
    let held = make("s", "alice", "a").await;
    let active = make("e", "alice", "a").await;
    scene.stands(&held, "cancelled collapse", "ended collapse cancelled").await;
    let others = [make("e", "alice", "b").await, make("e", "bob", "a").await, make("o", "alice", "a").await];
    let waits = make("s", "alice", "a").await;
    assert_eq!(scene.state(&active).await, "active -", "what is seen stays until there is something better");
    scene.minutes(60).await;
    assert_eq!(scene.state(&active).await, "cancelled collapse");
    assert!(!scene.row(&active).await.is_visible());
    scene.receive("alice").await;
    assert_eq!(scene.state(&waits).await, "reached -");
    let newest = make("e", "alice", "a").await;
    scene.stands(&waits, "reached -", "cancelled collapse").await;
    assert!(scene.row(&waits).await.flags.retracted_at.is_some() && !scene.row(&waits).await.is_visible());
    assert!(scene.row(&newest).await.is_visible());
    for other in &others {
        assert!(scene.row(other).await.is_visible(), "another category, value or recipient");
    }
}

#[tokio::test]
async fn an_old_one_that_is_replayed_does_not_replace_a_newer_one() {
    let document = rule("category: orders, collapse: data.c");
    let scene = Scene::new(&document).await;
    let failed = scene.event("e", "alice", json!({"c": "c"})).await.remove(0);
    assert_eq!(scene.state(&failed).await, "failed template");
    scene.minutes(1).await;
    let newer = scene.event("e", "alice", json!({"n": 2, "c": "c"})).await.remove(0);
    scene.apply(&document.replace("Hello {{ data.n }}", "Hello")).await;
    scene.act(Act::Replay(failed.clone())).await;
    assert_eq!(scene.state(&failed).await, "active -");
    assert!(scene.row(&newer).await.is_visible());
    scene.balanced().await;
}

const CANCELS: &str =
    "category: orders, notify: data.to, delay: 1h, cancel_on: {event: paid, match: data.order}";

#[rstest]
#[case::same(json!({"to": "alice", "order": 1}), "cancelled cancelled_by_event")]
#[case::another_value(json!({"to": "alice", "order": 2}), "held delay")]
#[case::another_type_of_value(json!({"to": "alice", "order": "1"}), "held delay")]
#[case::somebody_else(json!({"to": "bob", "order": 1}), "held delay")]
#[case::no_value(json!({"to": "alice"}), "held delay")]
#[tokio::test]
async fn a_later_fact_cancels_what_has_an_equal_value_of_equal_type(
    #[case] paid: serde_json::Value,
    #[case] state: &str,
) {
    let scene = Scene::new(&rule(CANCELS)).await;
    let id = scene.event("e", "nobody", json!({"n": 1, "to": "alice", "order": 1})).await.remove(0);
    scene.event("paid", "nobody", paid).await;
    assert_eq!(scene.state(&id).await, state);
    if state.starts_with("cancelled") {
        scene.stands(&id, state, "ended cancelled_by_event cancelled").await;
    }
    scene.minutes(60).await;
    assert_eq!(scene.placed_at(&id).await.is_some(), state == "held delay");
}

#[tokio::test]
async fn without_a_match_the_recipient_alone_decides() {
    let scene = Scene::new(&rule("category: orders, delay: 1h, cancel_on: {event: paid}")).await;
    let ids = [scene.e("alice", 1).await, scene.e("alice", 2).await, scene.e("bob", 1).await];
    scene.event("paid", "alice", json!({})).await;
    for (id, state) in
        ids.iter().zip(["cancelled cancelled_by_event", "cancelled cancelled_by_event", "held delay"])
    {
        assert_eq!(scene.state(id).await, state);
    }
    scene.balanced().await;
}

#[tokio::test]
async fn what_reached_somebody_stays_and_its_steps_end() {
    let keys = "category: calls, cancel_on: {event: paid}, deliver: [{channels: [inapp]}, {after: 5m, unless: acknowledged, channels: [sms]}]";
    let scene = Scene::new(&rule(keys)).await;
    let id = scene.e("alice", 1).await;
    scene.receive("alice").await;
    assert_eq!(scene.state(&id).await, "reached -");
    scene.event("paid", "alice", json!({})).await;
    scene.stands(&id, "reached -", "cancelled cancelled_by_event").await;
    scene.minutes(10).await;
    assert!(!scene.told(&id).await.iter().any(|line| line.contains("sms")), "the step never began");
}
