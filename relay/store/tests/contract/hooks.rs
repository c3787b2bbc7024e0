//! How far hooks have told the feed.

use tidings_core::model::{Changes, FeedEntry, FeedKind};
use tidings_core::ports::HookRow;

use crate::samples::*;
use crate::{Whole, on_every_store, write};

on_every_store!(a_hook_is_kept_where_it_stands_until_it_is_removed, the_feed_before_an_instant_has_an_end);

fn hook(name: &str, told: u64) -> HookRow {
    HookRow {
        project: project("p"),
        name: name.into(),
        told,
        failed: 0,
        next_at: None,
        code: None,
        gone: None,
    }
}

async fn a_hook_is_kept_where_it_stands_until_it_is_removed(store: impl Whole) {
    store.put_hook(&hook("b", 3)).await.unwrap();
    store.put_hook(&hook("a", 1)).await.unwrap();
    store.put_hook(&HookRow { project: project("q"), ..hook("c", 9) }).await.unwrap();
    let failed = HookRow {
        failed: 2,
        next_at: Some(at(7)),
        code: Some("http_503".into()),
        gone: Some(4),
        ..hook("a", 2)
    };
    store.put_hook(&failed).await.unwrap();
    assert_eq!(store.hooks(&project("p")).await.unwrap(), [failed, hook("b", 3)]);
    store.remove_hook(&project("p"), "a").await.unwrap();
    store.remove_hook(&project("p"), "a").await.unwrap();
    assert_eq!(store.hooks(&project("p")).await.unwrap(), [hook("b", 3)]);
}

async fn the_feed_before_an_instant_has_an_end(store: impl Whole) {
    let entry = |of: &str, millis: i64| FeedEntry {
        project: project(of),
        recipient: person(of, "anna").recipient,
        notification: None,
        at: at(millis),
        kind: FeedKind::Feedback,
        detail: serde_json::json!({}),
    };
    let feed = vec![entry("p", 1), entry("p", 2), entry("q", 2), entry("p", 3)];
    write(&store, 1, &Changes { feed, ..Changes::default() }).await;
    for (millis, number) in [(1, 0), (2, 1), (3, 2), (4, 3)] {
        assert_eq!(store.feed_before(&project("p"), at(millis)).await.unwrap(), number, "before {millis}");
    }
    assert_eq!(store.feed_before(&project("r"), at(9)).await.unwrap(), 0);
}
