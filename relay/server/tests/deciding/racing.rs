//! Many publishers at one recipient: a cap lets exactly its number through, whatever the store.

use std::sync::Arc;

use serde_json::json;
use tidings_core::act::Act;
use tidings_protocol::NotificationState;
use tidings_store::{ErasureKey, MemoryStore, SqliteOptions, SqliteStore};

use crate::documents::ruled;
use crate::scene::{Everything, NOON, Scene, fact};

const PUBLISHERS: usize = 64;

async fn race<S: Everything + 'static>(store: Arc<S>, over: &str) -> Scene {
    let document = ruled("category: orders", &format!("caps: {{day: 5, over: {over}}}"));
    let scene = Scene::on(store, &document, NOON).await;
    let mut publishers = tokio::task::JoinSet::new();
    for n in 0..PUBLISHERS {
        // Half of them come through another node.
        let scene = if n % 2 == 0 { scene.clone() } else { scene.another_node() };
        publishers.spawn(async move {
            let body = fact("e", Some("alice"), json!({"n": n}), scene.now());
            scene.act(Act::accept(vec![body])).await;
        });
    }
    publishers.join_all().await;
    assert_eq!(scene.count(NotificationState::Active).await, 5);
    scene.balanced().await;
    scene
}

pub(crate) async fn in_a_file() -> (Arc<SqliteStore>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(ErasureKey::new([0; 32]), 1);
    (Arc::new(SqliteStore::open(folder.path(), options).await.unwrap()), folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_cap_of_five_lets_five_of_sixty_four_racing_publishers_through_in_memory() {
    let scene = race(Arc::new(MemoryStore::new(ErasureKey::new([0; 32]))), "suppress").await;
    assert_eq!(scene.count(NotificationState::Suppressed).await, 59);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_cap_of_five_lets_five_of_sixty_four_racing_publishers_through_in_a_file() {
    let (store, _folder) = in_a_file().await;
    let scene = race(store, "suppress").await;
    assert_eq!(scene.count(NotificationState::Suppressed).await, 59);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_a_race_defers_comes_five_a_day() {
    let (store, _folder) = in_a_file().await;
    let scene = race(store, "defer").await;
    assert_eq!(scene.count(NotificationState::Held).await, 59);
    scene.until("2026-12-10T00:00:00Z").await;
    assert_eq!(scene.count(NotificationState::Active).await, 5 * 8, "today and seven deferrals");
    assert_eq!(scene.count(NotificationState::Suppressed).await, PUBLISHERS - 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn acts_that_arrive_together_are_decided_one_after_the_other() {
    let document = ruled("category: orders, once_per: data.k", "caps: {day: 5, over: suppress}");
    let scene = Scene::new(&document).await;
    let body = |n: usize| fact("e", Some("alice"), json!({"n": n, "k": n / 2}), scene.now());
    let acts = (0..PUBLISHERS).map(|n| Act::accept(vec![body(n)])).collect();
    assert!(scene.together(acts, false).await.iter().all(Result::is_ok));
    assert_eq!(scene.count(NotificationState::Active).await, 5);
    let told_twice = scene
        .all()
        .await
        .iter()
        .filter(|row| row.stopped.as_ref().is_some_and(|stopped| stopped.reason.as_str() == "already_told"))
        .count();
    assert_eq!(told_twice, 5, "the second of each pair whose first went");
    scene.balanced().await;
}
