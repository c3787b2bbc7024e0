//! Caps that move with what their recipient answers, and the refusal of profiling.

use rstest::rstest;
use serde_json::json;
use tidings_core::act::{Act, PreferenceChange};
use tidings_protocol::{Gate, NotificationId};

use crate::documents::{rule, ruled};
use crate::scene::{Scene, person};

const ADAPTS: &str = "caps: {day: 3, over: suppress, adapt: {min: 1, max: 6}}";

async fn adapting() -> Scene {
    Scene::new(&ruled("category: news", ADAPTS)).await
}

/// Twenty are shown in a week, no more than three a day, and answered or not.
async fn a_week(scene: &Scene, answered: bool) {
    for n in 0..20 {
        let id = scene.e("alice", n).await;
        scene.receipt("alice", &id, "displayed").await;
        if answered {
            scene.receipt("alice", &id, "read").await;
        }
        if n % 3 == 2 || n == 19 {
            scene.minutes(24 * 60).await;
        }
    }
}

async fn counted(scene: &Scene) -> (u32, u32) {
    let page = scene.store.page(&person("alice"), None, 1).await.unwrap();
    page.person.inbox.unwrap().responses.counted(scene.now())
}

async fn profiling(scene: &Scene, allowed: Option<bool>) {
    let change = PreferenceChange { profiling: allowed, replace: true, ..Scene::change("alice") };
    scene.act(Act::PutPreferences(Box::new(change))).await;
}

/// What the cap gate says of a notification.
async fn cap_text(scene: &Scene, id: &NotificationId) -> String {
    let story = scene.story(id).await;
    let said = story.into_iter().find(|entry| entry.gate == Some(Gate::Cap)).unwrap();
    said.text.unwrap_or_default().into()
}

#[rstest]
#[case(false, 1, "3 a day moved to 1: 0 of 20 shown in 30 days were answered")]
#[case(true, 6, "3 a day moved to 6: 20 of 20 shown in 30 days were answered")]
#[tokio::test]
async fn a_cap_follows_what_its_recipient_answers_and_the_story_says_the_number(
    #[case] answered: bool,
    #[case] room: i64,
    #[case] note: &str,
) {
    let scene = adapting().await;
    a_week(&scene, answered).await;
    for n in 0..room {
        let id = scene.e("alice", n).await;
        assert_eq!(
            (scene.state(&id).await.as_str(), cap_text(&scene, &id).await.as_str()),
            ("active -", note)
        );
    }
    let over = scene.e("alice", room).await;
    scene.stands(&over, "suppressed cap", "cap stop cap").await;
    assert_eq!(cap_text(&scene, &over).await, format!("{room} of {room} this day for the project; {note}"));
}

#[tokio::test]
async fn each_notification_counts_once_however_often_it_is_shown_and_answered() {
    let scene = adapting().await;
    let id = scene.e("alice", 1).await;
    let before = scene.store.page(&person("alice"), None, 1).await.unwrap().person.inbox.unwrap();
    scene.receipt("alice", &id, "displayed").await;
    assert_eq!(counted(&scene).await, (1, 0));
    let after = scene.store.page(&person("alice"), None, 1).await.unwrap().person.inbox.unwrap();
    assert_eq!((after.seq, after.version), (before.seq, before.version), "it moves neither number");
    for receipt in ["displayed", "clicked", "read", "acknowledged", "dismissed"] {
        scene.receipt("alice", &id, receipt).await;
        let answered = u32::from(receipt != "displayed");
        assert_eq!(counted(&scene).await, (1, answered), "{receipt}");
    }
    let other = scene.e("alice", 2).await;
    scene.receipt("alice", &other, "acknowledged").await;
    assert_eq!(counted(&scene).await, (2, 2), "whoever answers saw it");
    scene.receipt("alice", &other, "displayed").await;
    assert_eq!(counted(&scene).await, (2, 2), "the word of that comes late");
}

#[tokio::test]
async fn whoever_refuses_profiling_has_the_documents_cap_and_nothing_is_counted_of_them() {
    let scene = adapting().await;
    a_week(&scene, false).await;
    assert_eq!(counted(&scene).await, (20, 0));
    profiling(&scene, Some(false)).await;
    assert_eq!(counted(&scene).await, (0, 0), "what was learnt is forgotten");
    profiling(&scene, None).await;
    for n in 0..3 {
        let id = scene.e("alice", n).await;
        assert_eq!(scene.state(&id).await, "active -", "silence takes no objection back");
        scene.receipt("alice", &id, "displayed").await;
    }
    let over = scene.e("alice", 3).await;
    scene.stands(&over, "suppressed cap", "cap stop cap").await;
    assert_eq!(counted(&scene).await, (0, 0));
    profiling(&scene, Some(true)).await;
    scene.minutes(24 * 60).await;
    let id = scene.e("alice", 4).await;
    scene.receipt("alice", &id, "displayed").await;
    assert_eq!(counted(&scene).await, (1, 0));
}

#[tokio::test]
async fn nothing_is_counted_where_no_cap_adapts() {
    let scene = Scene::new(&rule("category: news")).await;
    let id = scene.e("alice", 1).await;
    scene.operate("alice", json!({"op": "receipt", "notification": id, "receipt": "read"})).await;
    assert_eq!(counted(&scene).await, (0, 0));
}
