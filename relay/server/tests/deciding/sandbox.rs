//! The sandbox decides and explains, and changes nothing that a live event would meet.

use serde_json::{Value, json};
use tidings_core::act::{Act, Answer, EventAnswer};
use tidings_core::model::EventBody;
use tidings_protocol::{NotificationId, NotificationState};

use crate::documents::{rule, with};
use crate::scene::{Scene, fact, person};

async fn tried(scene: &Scene, event_type: &str, who: &str, data: Value) -> Vec<NotificationId> {
    let body = fact(event_type, Some(who), data, scene.now());
    scene.made(Act::accept(vec![body]), true).await
}

#[tokio::test]
async fn a_sandbox_event_cancels_what_the_sandbox_made_and_nothing_live() {
    let document = rule("category: orders, delay: 1h, cancel_on: {event: paid, match: data.n}");
    let scene = Scene::new(&document).await;
    let live = scene.e("alice", 1).await;
    let own = tried(&scene, "e", "alice", json!({"n": 1})).await.remove(0);
    scene.held_until(&own, "2026-11-23T13:00:00Z").await;
    tried(&scene, "paid", "alice", json!({"n": 1})).await;
    scene.stands(&own, "cancelled cancelled_by_event", "ended cancelled_by_event cancelled").await;
    scene.held_until(&live, "2026-11-23T13:00:00Z").await;
}

#[tokio::test]
async fn a_sandbox_event_takes_no_once_key_and_no_throttle() {
    let keys = "category: orders, delay: 1h, once_per: data.n, throttle: {count: 1, per: 6h, over: suppress}";
    let scene = Scene::new(&rule(keys)).await;
    scene.zone("alice", "UTC").await;
    let own = tried(&scene, "e", "alice", json!({"n": 1})).await.remove(0);
    scene.held_until(&own, "2026-11-23T13:00:00Z").await;
    let live = scene.e("alice", 1).await;
    scene.held_until(&live, "2026-11-23T13:00:00Z").await;
    scene.minutes(61).await;
    scene.stands(&own, "suppressed already_told", "once stop already_told").await;
    scene.stands(&live, "active -", "render pass rendered").await;
}

#[tokio::test]
async fn a_sandbox_event_leaves_no_history_and_makes_nobody() {
    let document = with(
        "collect: {paid: {recipient: data.customer, keep: 30d}}\nrules:\n  r: {on: e, template: plain, category: orders, \
         when: \"history('paid', '30d') >= 1\"}\n  s: {on: f, template: plain, category: orders}",
    );
    let scene = Scene::new(&document).await;
    scene.zone("alice", "UTC").await;
    tried(&scene, "paid", "alice", json!({"customer": "alice"})).await;
    assert!(scene.event("e", "alice", json!({"n": 1})).await.is_empty(), "nothing was paid");
    scene.event("paid", "alice", json!({"customer": "alice"})).await;
    assert_eq!(scene.event("e", "alice", json!({"n": 1})).await.len(), 1);
    let own = tried(&scene, "f", "ghost", json!({"n": 1})).await.remove(0);
    scene.stands(&own, "suppressed sandbox", "recipient pass created").await;
    assert!(!scene.store.page(&person("ghost"), None, 1).await.unwrap().person.is_known());
}

#[tokio::test]
async fn a_sandbox_event_joins_no_live_digest() {
    let document = rule("category: orders, digest: {key: data.k, window: 30m, max: 2, template: several}");
    let scene = Scene::new(&document).await;
    let live = scene.e("alice", 1).await;
    let own = tried(&scene, "e", "alice", json!({"n": 2})).await.remove(0);
    scene.stands(&own, "suppressed sandbox", "digest stop sandbox").await;
    assert_eq!(scene.row(&live).await.state, NotificationState::Held, "it still waits for a second");
}

#[tokio::test]
async fn a_sandbox_event_replaces_nothing_that_waits() {
    let scene = Scene::new(&rule("category: orders, delay: 1h, collapse: data.n")).await;
    let live = scene.e("alice", 1).await;
    tried(&scene, "e", "alice", json!({"n": 1})).await;
    scene.held_until(&live, "2026-11-23T13:00:00Z").await;
}

#[tokio::test]
async fn a_live_event_is_no_repetition_of_what_was_tried() {
    let scene = Scene::new(&rule("category: orders")).await;
    let body = EventBody {
        external_id: Some("evt-1".into()),
        ..fact("e", Some("alice"), json!({"n": 1}), scene.now())
    };
    let states = async |sandbox| {
        let answer = scene.together(vec![Act::accept(vec![body.clone()])], sandbox).await.remove(0).unwrap();
        let Answer::Events(answers) = answer else { panic!("{answer:?}") };
        matches!(answers[0], EventAnswer::Accepted { .. })
    };
    assert!(states(true).await);
    assert!(!states(true).await, "a repetition in the sandbox is one");
    assert!(states(false).await);
    assert!(!states(false).await);
    assert_eq!(scene.count(NotificationState::Active).await, 1);
}

#[tokio::test]
async fn the_sandbox_puts_into_words_what_it_does_not_hand_over() {
    let scene = Scene::new(&rule("category: orders")).await;
    let own = tried(&scene, "e", "alice", json!({"n": 1})).await.remove(0);
    scene.stands(&own, "suppressed sandbox", "render pass rendered").await;
    let own = tried(&scene, "e", "alice", json!({})).await.remove(0);
    scene.stands(&own, "failed template", "render stop template").await;
}
