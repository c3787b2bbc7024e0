//! What recipients care about: learned from what they open, read by segments, rules and templates.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::{Value, json};
use tidings_core::act::{Act, Answer, EventAnswer, PreferenceChange, RecipientChange, Report};
use tidings_core::delivery::Outcome;
use tidings_core::learned::Learned;
use tidings_core::model::Fired;
use tidings_protocol::{Channel, NotificationId};

use crate::documents::with;
use crate::scene::{Scene, fact, person};

const RULES: &str = "
segments: {runners: {when: recipient.interests.running > 0.5}}
rules:
  r: {on: e, template: plain, category: orders, tags: data.tags}
  s: {on: s, template: plain, category: orders, notify: {segment: runners}}
  w: {on: w, template: plain, category: orders, when: recipient.interests.running > 0.5}
  t: {on: t, template: share, category: orders}";

async fn scene() -> Scene {
    Scene::new(&document(RULES)).await
}

fn document(lines: &str) -> String {
    let share = "  share: {en: {title: \"Running: {{ recipient.interests.running }}\"}}\n";
    with(&format!("{share}{lines}"))
}

async fn tagged(scene: &Scene, who: &str, tags: Value) -> NotificationId {
    scene.event("e", who, json!({"n": 1, "tags": tags})).await.remove(0)
}

/// Somebody is told of something so often, and opens some of it.
async fn shown(scene: &Scene, who: &str, tag: &str, times: usize, opened: usize) {
    for n in 0..times {
        let id = tagged(scene, who, json!([tag])).await;
        scene.receipt(who, &id, "displayed").await;
        if n < opened {
            scene.receipt(who, &id, "clicked").await;
        }
    }
}

async fn learned(scene: &Scene, who: &str) -> Learned {
    scene.store.page(&person(who), None, 1).await.unwrap().person.inbox.unwrap().learned
}

async fn interests(scene: &Scene, who: &str) -> BTreeMap<String, f64> {
    let learned = learned(scene, who).await;
    learned.interests.numbers(scene.now()).map(|(tag, number)| (tag.to_owned(), number)).collect()
}

/// Whom the segment's rule tells of an event.
async fn told(scene: &Scene) -> Vec<String> {
    let before = scene.all().await.len();
    let body = fact("s", None, json!({"n": before}), scene.now());
    scene.made(Act::accept(vec![body]), false).await;
    scene.minutes(1).await;
    scene.all().await[before..].iter().map(|row| row.person.recipient.to_string()).collect()
}

async fn profiling(scene: &Scene, who: &str, allowed: bool) {
    let change = PreferenceChange { profiling: Some(allowed), ..Scene::change(who) };
    scene.act(Act::PutPreferences(Box::new(change))).await;
}

#[tokio::test]
async fn a_segment_reaches_those_who_open_what_it_is_about_and_nobody_else() {
    let scene = scene().await;
    shown(&scene, "alice", "running", 2, 2).await;
    shown(&scene, "bob", "running", 2, 1).await;
    shown(&scene, "carol", "cooking", 2, 2).await;
    scene.zone("dora", "UTC").await;
    assert_eq!(told(&scene).await, ["alice"]);
    shown(&scene, "bob", "running", 2, 2).await;
    assert_eq!(told(&scene).await, ["alice", "bob"]);
    shown(&scene, "alice", "running", 3, 0).await;
    assert_eq!(told(&scene).await, ["bob"], "who opens it no more leaves");
}

#[tokio::test]
async fn a_rule_whose_tag_was_never_shown_does_not_fire_because_a_field_is_missing() {
    let scene = scene().await;
    let fired = async || {
        let body = fact("w", Some("alice"), json!({"n": 1}), scene.now());
        match scene.act(Act::accept(vec![body])).await {
            Answer::Events(answers) => match answers.into_iter().next().unwrap() {
                EventAnswer::Accepted { not_fired, .. } => {
                    not_fired.first().map(|considered| considered.fired)
                }
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(fired().await, Some(Fired::MissingField));
    shown(&scene, "alice", "running", 1, 1).await;
    assert_eq!(fired().await, Some(Fired::NoMatch), "0.5 is not more than 0.5");
    shown(&scene, "alice", "running", 1, 1).await;
    assert_eq!(fired().await, None);
    scene.minutes(61 * 24 * 60).await;
    assert_eq!(fired().await, Some(Fired::NoMatch), "it fades");
}

#[tokio::test]
async fn a_template_says_the_number_and_fails_where_there_is_none() {
    let scene = scene().await;
    shown(&scene, "alice", "running", 2, 2).await;
    let id = scene.event("t", "alice", json!({"n": 1})).await.remove(0);
    assert_eq!(scene.title(&id).await, "Running: 0.666");
    let none = scene.event("t", "bob", json!({"n": 1})).await.remove(0);
    assert_eq!(scene.state(&none).await, "failed template");
}

#[rstest]
#[case::only_shown(&["displayed"], 0.0)]
#[case::reading_is_no_opening(&["displayed", "read", "acknowledged", "dismissed"], 0.0)]
#[case::a_click(&["displayed", "clicked"], 0.5)]
#[case::whoever_clicks_saw_it(&["clicked"], 0.5)]
#[case::once(&["clicked", "clicked", "displayed", "read", "displayed"], 0.5)]
#[case::read_first(&["read", "clicked"], 0.5)]
#[tokio::test]
async fn each_notification_is_shown_once_and_opened_once(#[case] receipts: &[&str], #[case] number: f64) {
    let scene = scene().await;
    let id = tagged(&scene, "alice", json!("running")).await;
    scene.receive("alice").await;
    assert!(interests(&scene, "alice").await.is_empty(), "held by a device is not shown");
    for receipt in receipts {
        scene.receipt("alice", &id, receipt).await;
    }
    assert_eq!(interests(&scene, "alice").await, BTreeMap::from([("running".to_owned(), number)]));
}

#[tokio::test]
async fn choosing_an_action_opens_it_and_a_click_on_the_same_is_no_second_time() {
    let action = "  asks: {en: {title: x, actions: [{id: go, label: Go, acknowledges: true}]}}\n";
    let lines = RULES.replace("r: {on: e, template: plain", "r: {on: e, template: asks");
    let scene = Scene::new(&document(&format!("{action}{lines}"))).await;
    let id = tagged(&scene, "alice", json!("running")).await;
    let act = json!({"op": "receipt", "notification": id, "receipt": "acted", "action": "go"});
    scene.operate("alice", act).await;
    assert_eq!(interests(&scene, "alice").await["running"], 0.5);
    scene.receipt("alice", &id, "clicked").await;
    assert_eq!(interests(&scene, "alice").await["running"], 0.5);
}

#[tokio::test]
async fn a_link_followed_from_a_mail_opens_it() {
    let providers =
        "providers: {mail: {channel: email, kind: smtp, host: mail.example, from: \"a@shop.example\"}}";
    let lines =
        RULES.replace("template: plain, category: orders, tags", "template: plain, category: letters, tags");
    let scene = Scene::new(&document(&format!("{providers}{lines}"))).await;
    scene.zone("alice", "UTC").await;
    scene.address("alice", Channel::Email, "alice@example.org").await;
    tagged(&scene, "alice", json!("running")).await;
    let handover = scene.claim().await.remove(0);
    scene.conclude(&handover, Outcome::accepted(None)).await;
    for (report, number) in [(Report::Opened, 0.0), (Report::Clicked, 0.5), (Report::Clicked, 0.5)] {
        scene.act(Act::Report { delivery: handover.delivery.clone(), report }).await;
        assert_eq!(interests(&scene, "alice").await["running"], number);
    }
}

#[tokio::test]
async fn a_notification_keeps_ten_tags_of_64_bytes_and_does_without_any() {
    let scene = scene().await;
    let tags = async |tags: Value| {
        let id = tagged(&scene, "alice", tags).await;
        scene.row(&id).await.keys.tags.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let names = |count: usize| (0..count).map(|n| format!("tag{n}")).collect::<Vec<_>>();
    assert_eq!(tags(json!(names(10))).await, names(10));
    assert_eq!(tags(json!(names(11))).await, names(10));
    let (fits, long) = ("x".repeat(64), "x".repeat(65));
    assert_eq!(tags(json!([long, fits, "y"])).await, [fits.as_str(), "y"]);
    assert_eq!(tags(json!(["y", "y"])).await, ["y"]);
    assert_eq!(tags(json!({"no": "tag"})).await, [""; 0], "what is no label is no tag");
    let without = scene.event("e", "alice", json!({"n": 1})).await.remove(0);
    assert_eq!(scene.state(&without).await, "active -");
}

#[tokio::test]
async fn a_digest_is_about_what_its_members_are_about() {
    let lines = RULES.replace("tags: data.tags}", "tags: data.tags, digest: {window: 30m}}");
    let scene = Scene::new(&document(&lines)).await;
    for tags in [json!(["running", "sale"]), json!(["sale", "cooking"])] {
        tagged(&scene, "alice", tags).await;
    }
    scene.minutes(31).await;
    let digest = scene.all().await.into_iter().find(|row| row.cause.digest).unwrap();
    assert_eq!(digest.keys.tags, ["running", "sale", "cooking"].map(Box::<str>::from));
    scene.receipt("alice", &digest.id, "clicked").await;
    assert_eq!(interests(&scene, "alice").await.len(), 3);
}

#[tokio::test]
async fn whoever_refuses_profiling_is_forgotten_and_no_segment_finds_them() {
    let scene = scene().await;
    shown(&scene, "alice", "running", 2, 2).await;
    shown(&scene, "bob", "running", 2, 2).await;
    profiling(&scene, "alice", false).await;
    assert_eq!(learned(&scene, "alice").await, Learned::default());
    shown(&scene, "alice", "running", 2, 2).await;
    assert_eq!(learned(&scene, "alice").await, Learned::default(), "nothing more is learned");
    let id = tagged(&scene, "alice", json!("running")).await;
    assert!(scene.row(&id).await.keys.tags.is_empty(), "nor is what it was about kept");
    assert_eq!(told(&scene).await, ["bob"]);
    profiling(&scene, "alice", true).await;
    shown(&scene, "alice", "running", 2, 2).await;
    assert_eq!(told(&scene).await, ["alice", "bob"]);
}

#[tokio::test]
async fn an_erasure_takes_interests_and_tags() {
    let scene = scene().await;
    shown(&scene, "alice", "running", 2, 2).await;
    let id = tagged(&scene, "alice", json!("running")).await;
    scene.act(Act::Erase("alice".parse().unwrap())).await;
    assert!(scene.row(&id).await.keys.tags.is_empty());
    tagged(&scene, "alice", json!("running")).await;
    assert_eq!(learned(&scene, "alice").await, Learned::default());
    assert_eq!(told(&scene).await, [""; 0]);
}

#[rstest]
#[case::nothing_reads_them("rules:\n  r: {on: e, template: plain, category: orders, tags: data.tags}")]
#[case::no_rule_has_tags(
    "segments: {runners: {when: recipient.interests.running > 0.5}}\nrules:\n  r: {on: e, template: plain, category: orders}"
)]
#[tokio::test]
async fn nothing_is_learned_where_nothing_makes_use_of_it(#[case] lines: &str) {
    let scene = Scene::new(&with(lines)).await;
    let id = tagged(&scene, "alice", json!("running")).await;
    assert!(scene.row(&id).await.keys.tags.is_empty());
    scene.receipt("alice", &id, "clicked").await;
    assert_eq!(learned(&scene, "alice").await, Learned::default());
}

#[tokio::test]
async fn what_a_later_document_makes_no_use_of_is_not_learned_any_more() {
    let scene = scene().await;
    let id = tagged(&scene, "alice", json!("running")).await;
    scene.receipt("alice", &id, "clicked").await;
    let known = learned(&scene, "alice").await;
    assert_eq!(known.hours.counted(scene.now()).total(), 0, "no rule asks for the best hour");
    let other = tagged(&scene, "alice", json!("running")).await;
    scene
        .apply(&with("rules:\n  r: {on: e, template: plain, category: orders, send: {best_hour: true}}"))
        .await;
    scene.receipt("alice", &other, "clicked").await;
    let later = learned(&scene, "alice").await;
    assert_eq!((later.interests, later.hours.counted(scene.now()).total()), (known.interests, 1));
}

#[tokio::test]
async fn tags_may_come_from_what_is_known_of_the_recipient() {
    let lines = RULES.replace("tags: data.tags", "tags: recipient.attributes.sports");
    let scene = Scene::new(&document(&lines)).await;
    let change = RecipientChange {
        recipient: Some("alice".parse().unwrap()),
        replace: true,
        attributes: Some(json!({"sports": ["running", "rowing"]})),
        ..RecipientChange::default()
    };
    scene.act(Act::PutRecipient(Box::new(change))).await;
    let id = tagged(&scene, "alice", json!([])).await;
    assert_eq!(scene.row(&id).await.keys.tags, ["running", "rowing"].map(Box::<str>::from));
}
