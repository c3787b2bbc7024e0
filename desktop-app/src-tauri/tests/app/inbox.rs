//! What a person does with a notification, on this computer and on another one.

use serde_json::json;
use tidings_desktop::{ListQuery, MarkChange, Shelf};

use crate::rig::{Bench, until};

fn on(shelf: Shelf) -> ListQuery {
    ListQuery { shelf, ..ListQuery::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_archived_snoozed_and_read_lies_where_it_belongs() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let ids: Vec<String> =
        ["one", "two", "three"].map(|title| bench.relay.tell("alice", &json!({"title": title}))).into();
    app.has(&account, &ids[2]).await;
    let mark = async |id: &String, change| {
        app.controller.mark(account.clone(), vec![id.clone()], change).await.unwrap()
    };
    mark(&ids[0], MarkChange::Archive).await;
    mark(&ids[1], MarkChange::Snooze { until: 32_503_680_000_000.0 }).await;
    mark(&ids[2], MarkChange::Read).await;
    let titles = async |query| -> Vec<String> {
        app.rows(&account, query).await.into_iter().map(|row| row.title).collect()
    };
    assert_eq!(titles(on(Shelf::Inbox)).await, ["three"]);
    assert_eq!(titles(on(Shelf::Snoozed)).await, ["two"]);
    assert_eq!(titles(on(Shelf::Archive)).await, ["one"]);
    assert_eq!(titles(ListQuery { unread_only: true, ..ListQuery::default() }).await, Vec::<String>::new());
    mark(&ids[1], MarkChange::Snooze { until: 0.0 }).await;
    mark(&ids[0], MarkChange::Unarchive).await;
    mark(&ids[2], MarkChange::Unread).await;
    assert_eq!(
        titles(ListQuery { unread_only: true, ..ListQuery::default() }).await,
        ["three", "two", "one"]
    );
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_offline_waits_is_counted_and_arrives() {
    let mut bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let told = bench.relay.tell("alice", &json!({"title": "Hello"}));
    app.has(&account, &told).await;
    // Its popup is one more thing to tell, a moment after it came.
    until(async || bench.relay.receipts(&told).contains(&"displayed".to_owned()).then_some(())).await;
    app.flushed(&account).await;
    bench.relay_gone();
    app.controller.mark(account.clone(), vec![told.clone()], MarkChange::Read).await.unwrap();
    app.controller.feedback(account.clone(), told.clone(), true).await.unwrap();
    let pending = app.controller.pending(account.clone()).await.unwrap();
    // This computer's time zone is told at some moment after the sign-in, by the app itself.
    let asked = pending.iter().map(|asked| asked.kind.as_str()).filter(|kind| *kind != "profile");
    assert_eq!(asked.collect::<Vec<_>>(), ["mark", "feedback"]);
    let count = app.view(&account).await.pending;
    assert!((2..=3).contains(&count), "{count}");
    assert!(!app.has(&account, &told).await.unread, "it counts here at once");
    bench.relay_back();
    app.controller.retry(account.clone()).await.unwrap();
    app.flushed(&account).await;
    until(async || bench.relay.receipts(&told).contains(&"read".to_owned()).then_some(())).await;
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_checked_links_are_opened() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let good = bench.relay.tell("alice", &json!({"title": "Good", "link": "https://shop.example/o/1"}));
    app.has(&account, &good).await;
    app.controller.follow(account.clone(), good.clone()).await.unwrap();
    assert_eq!(*app.desktop.links.lock().unwrap(), ["https://shop.example/o/1"]);
    for bad in ["file:///etc/passwd", "javascript:alert(1)"] {
        assert_eq!(app.controller.open_link(bad.to_owned()).await.unwrap_err().code, "link_refused");
    }
    assert_eq!(app.desktop.links.lock().unwrap().len(), 1);
    until(async || bench.relay.receipts(&good).contains(&"clicked".to_owned()).then_some(())).await;
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sender_writes_is_text_and_short() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let content = json!({"title": "<img src=x onerror=alert(1)> \u{202E}gnp.exe", "body": "x".repeat(3_000)});
    let told = bench.relay.tell("alice", &content);
    let row = app.has(&account, &told).await;
    assert_eq!(row.title, "<img src=x onerror=alert(1)> gnp.exe");
    assert!(row.preview.chars().count() <= 241);
    let item = app.controller.item(account, told).await.unwrap().unwrap();
    assert_eq!(item.body.len(), 3_000);
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_words_and_the_story_tells_why() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let lamp = bench.relay.tell("alice", &json!({"title": "Your lamp", "body": "is on its way"}));
    bench.relay.tell("alice", &json!({"title": "Your chair"}));
    app.has(&account, &lamp).await;
    let found =
        app.rows(&account, ListQuery { text: Some("LAMP your".into()), ..ListQuery::default() }).await;
    assert_eq!(found.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), [lamp.as_str()]);
    let story = app.controller.story(account.clone(), lamp.clone()).await.unwrap();
    assert!(story.lines.iter().any(|line| line.kind == "decided"), "{story:?}");
    app.controller.close().await;
}
