//! Conversions: a later event is what a notification was sent for, once, and only in time.

use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidings_core::act::{Act, Answer, EventAnswer};
use tidings_core::delivery::Outcome;
use tidings_core::model::FeedKind;
use tidings_protocol::{Channel, NotificationId};
use tidings_store::{ErasureKey, SqliteOptions, SqliteStore};

use crate::documents::{rule, with};
use crate::scene::{Everything, NOON, Scene, fact, person, project};

const ORDERED: &str = "category: news, conversion: {event: ordered, within: 1h}";
const MATCHED: &str = "category: news, conversion: {event: ordered, within: 1h, match: data.n}";

/// States a fact, and answers what it converted.
async fn converted_by(scene: &Scene, who: Option<&str>, data: Value) -> Vec<NotificationId> {
    let body = fact("ordered", who, data, scene.now());
    match scene.act(Act::accept(vec![body])).await {
        Answer::Events(answers) => match answers.into_iter().next().unwrap() {
            EventAnswer::Accepted { converted, .. } => converted,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// How many entries of the feed tell of a conversion.
async fn fed(scene: &Scene) -> usize {
    let page = scene.store.feed(&project(), 0, 1_000).await.unwrap();
    page.entries.iter().filter(|(_, entry)| entry.kind == FeedKind::NotificationConverted).count()
}

async fn shown(scene: &Scene, who: &str, n: i64) -> NotificationId {
    let id = scene.e(who, n).await;
    scene.receipt(who, &id, "displayed").await;
    id
}

pub(crate) async fn stores() -> Vec<(Arc<dyn Everything>, Option<TempDir>)> {
    let folder = TempDir::new().unwrap();
    let options = SqliteOptions::new(ErasureKey::new([0; 32]), 1);
    let sqlite = SqliteStore::open(folder.path(), options).await.unwrap();
    let memory = tidings_store::MemoryStore::new(ErasureKey::new([0; 32]));
    vec![(Arc::new(memory), None), (Arc::new(sqlite), Some(folder))]
}

#[tokio::test]
async fn an_event_in_time_converts_once_and_story_and_feed_say_so_on_every_store() {
    for (store, _folder) in stores().await {
        let scene = Scene::on_any(store, &rule(ORDERED), NOON).await;
        let id = shown(&scene, "alice", 1).await;
        scene.minutes(60).await;
        assert_eq!(converted_by(&scene, Some("alice"), json!({})).await, std::slice::from_ref(&id));
        scene.stands(&id, "reached -", "converted").await;
        assert_eq!(scene.row(&id).await.flags.converted_at, Some(scene.now()));
        assert_eq!(fed(&scene).await, 1);
        assert!(converted_by(&scene, Some("alice"), json!({})).await.is_empty(), "it has its conversion");
        let told = scene.told(&id).await;
        assert_eq!(told.iter().filter(|line| *line == "converted").count(), 1, "{told:?}");
        assert_eq!(fed(&scene).await, 1);
    }
}

#[rstest]
#[case::the_last_instant(60, true)]
#[case::too_late(61, false)]
#[tokio::test]
async fn it_counts_from_the_showing_and_not_from_the_making(#[case] minutes: i64, #[case] counts: bool) {
    let scene = Scene::new(&rule(ORDERED)).await;
    let id = scene.e("alice", 1).await;
    scene.minutes(120).await;
    scene.receipt("alice", &id, "displayed").await;
    scene.minutes(minutes).await;
    assert_eq!(!converted_by(&scene, Some("alice"), json!({})).await.is_empty(), counts);
}

#[tokio::test]
async fn what_nobody_holds_converts_nothing_and_what_reached_somebody_does_before_a_showing_is_told() {
    let scene = Scene::new(&rule(ORDERED)).await;
    let id = scene.e("alice", 1).await;
    assert!(converted_by(&scene, Some("alice"), json!({})).await.is_empty(), "no device has it");
    scene.minutes(5).await;
    scene.receive("alice").await;
    scene.minutes(60).await;
    assert_eq!(converted_by(&scene, Some("alice"), json!({})).await, [id]);
}

#[tokio::test]
async fn a_first_showing_after_it_was_received_begins_the_time_anew() {
    let scene = Scene::new(&rule(ORDERED)).await;
    let id = scene.e("alice", 1).await;
    scene.receive("alice").await;
    scene.minutes(59).await;
    scene.receipt("alice", &id, "displayed").await;
    scene.minutes(59).await;
    scene.receipt("alice", &id, "read").await;
    assert_eq!(converted_by(&scene, Some("alice"), json!({})).await, [id]);
}

#[tokio::test]
async fn what_counts_is_when_the_event_happened_and_not_when_it_is_told() {
    let scene = Scene::new(&rule(ORDERED)).await;
    let before = scene.now().plus_millis(-1);
    let id = shown(&scene, "alice", 1).await;
    let told = async |at| {
        scene.act(Act::accept(vec![fact("ordered", Some("alice"), json!({}), at)])).await;
        scene.row(&id).await.flags.converted_at
    };
    let in_time = scene.now().plus_millis(60_000);
    assert_eq!(told(before).await, None, "it was ordered before it was shown");
    scene.minutes(24 * 60).await;
    assert_eq!(told(scene.now()).await, None, "a day later");
    assert_eq!(told(in_time).await, Some(in_time), "told a day late");
}

#[rstest]
#[case::equal(json!({"n": 1}), true)]
#[case::another_value(json!({"n": 2}), false)]
#[case::another_type(json!({"n": "1"}), false)]
#[case::without_it(json!({}), false)]
#[tokio::test]
async fn with_match_both_events_have_an_equal_value_of_equal_type(#[case] data: Value, #[case] counts: bool) {
    for (store, _folder) in stores().await {
        let scene = Scene::on_any(store, &rule(MATCHED), NOON).await;
        let id = shown(&scene, "alice", 1).await;
        for (who, counts) in [(Some("bob"), false), (None, counts)] {
            let converted = converted_by(&scene, who, data.clone()).await;
            assert_eq!(converted == std::slice::from_ref(&id), counts, "{who:?}");
        }
    }
}

#[tokio::test]
async fn without_match_it_is_the_recipient_that_collect_or_the_event_says() {
    let document = with(&format!(
        "collect: {{ordered: {{recipient: data.customer, keep: 30d}}}}\nrules:\n  r: {{on: e, template: plain, {ORDERED}}}"
    ));
    let scene = Scene::new(&document).await;
    let (alice, bob) = (shown(&scene, "alice", 1).await, shown(&scene, "bob", 1).await);
    let nobody: [NotificationId; 0] = [];
    assert_eq!(converted_by(&scene, None, json!({})).await, nobody, "about nobody");
    assert_eq!(converted_by(&scene, Some("bob"), json!({"customer": "alice"})).await, [alice]);
    assert_eq!(converted_by(&scene, Some("bob"), json!({})).await, [bob]);
}

#[tokio::test]
async fn a_mail_that_was_taken_counts_from_there() {
    let document = with(
        "providers: {m: {channel: email, kind: smtp, host: m.example, from: \"S <s@shop.example>\"}}\nrules:\n  \
         r: {on: e, template: plain, category: letters, conversion: {event: ordered, within: 1h}}",
    );
    let scene = Scene::new(&document).await;
    scene.zone("alice", "UTC").await;
    scene.address("alice", Channel::Email, "alice@example.org").await;
    let id = scene.e("alice", 1).await;
    assert!(converted_by(&scene, Some("alice"), json!({})).await.is_empty(), "it is on its way");
    let claimed = scene.claim().await;
    scene.conclude(&claimed[0], Outcome::accepted(None)).await;
    scene.minutes(60).await;
    assert_eq!(converted_by(&scene, Some("alice"), json!({})).await, [id]);
}

#[tokio::test]
async fn a_sandbox_event_converts_nothing_live() {
    let scene = Scene::new(&rule(ORDERED)).await;
    let live = shown(&scene, "alice", 1).await;
    let ordered = vec![fact("ordered", Some("alice"), json!({}), scene.now())];
    scene.made(Act::accept(ordered), true).await;
    assert_eq!((scene.row(&live).await.flags.converted_at, fed(&scene).await), (None, 0));
    assert_eq!(converted_by(&scene, Some("alice"), json!({})).await, [live]);
}

#[tokio::test]
async fn a_digest_is_sent_for_what_its_last_event_was_stated_for() {
    let scene = Scene::new(&rule(&format!("{ORDERED}, digest: {{window: 10m}}"))).await;
    let members = [scene.e("alice", 1).await, scene.e("alice", 2).await];
    scene.minutes(10).await;
    scene.receive("alice").await;
    let digest = scene.row(&members[0]).await.digest.unwrap();
    assert_eq!(converted_by(&scene, Some("alice"), json!({})).await, [digest]);
}

#[tokio::test]
async fn an_erased_recipient_leaves_nothing_to_convert() {
    for (store, _folder) in stores().await {
        let scene = Scene::on_any(store, &rule(MATCHED), NOON).await;
        shown(&scene, "alice", 1).await;
        scene.act(Act::Erase(person("alice").recipient)).await;
        assert!(converted_by(&scene, None, json!({"n": 1})).await.is_empty());
    }
}
