//! The file on the device: sealed, searched, damaged.

use std::fs;
use std::path::Path;

use serde_json::json;
use tidings_sdk::{
    Access, Client, ClientBuilder, Connection, EncryptionKey, InboxItem, NotificationId, Query,
};

use crate::rig::{Bench, NOWHERE, flushed, has, has_so, is_live, items, live, reaches, soon, titles};

/// The file with its journal, as a thief reads them.
pub(crate) fn bytes(file: &Path) -> Vec<u8> {
    let mut all = fs::read(file).expect("the file is there");
    for suffix in ["-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        all.extend(fs::read(name).unwrap_or_default());
    }
    all
}

pub(crate) fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn sealed(bench: &Bench, url: &str, key: &EncryptionKey, access: Access) -> ClientBuilder {
    Client::builder(url, bench.folder())
        .account("laptop")
        .device("laptop")
        .access(access)
        .encryption_key(key.clone())
}

fn secret(bench: &Bench) -> NotificationId {
    let content = json!({"content": {"title": "TITLE-WORDS 订单", "body": "BODY-WORDS", "link": "https://link-words.example",
        "actions": [{"id": "track", "label": "ACTION-WORDS"}]}});
    bench.send_with("alice", "orders", content)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_file_has_no_word_of_what_was_said_in_it() {
    let bench = Bench::start();
    let key = EncryptionKey::random();
    let words = ["TITLE-WORDS", "订单", "BODY-WORDS", "link-words", "ACTION-WORDS"];
    let alice = live(sealed(&bench, &bench.url(), &key, Access::code(bench.code("alice")))).await;
    let sent = secret(&bench);
    let item = has(&alice, &sent).await;
    assert_eq!((item.content.body.as_str(), item.content.actions.len()), ("BODY-WORDS", 1));
    let live_bytes = bytes(&bench.file("laptop"));
    alice.close().await;
    for bytes in [live_bytes, bytes(&bench.file("laptop"))] {
        assert!(contains(&bytes, sent.as_str()), "ids are plain: the notification is in there");
        for word in words {
            assert!(!contains(&bytes, word), "{word}");
        }
    }
    // The same without a key, so that the look is known to find what is there.
    let plain = bench.connected("alice", "plain").await;
    has(&plain, &sent).await;
    plain.close().await;
    for word in words {
        assert!(contains(&bytes(&bench.file("plain")), word), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_drops_the_inbox_fetches_it_again_and_keeps_the_outbox() {
    let bench = Bench::start();
    let (key, other) = (EncryptionKey::random(), EncryptionKey::random());
    let alice = live(sealed(&bench, &bench.url(), &key, Access::code(bench.code("alice")))).await;
    let sent = secret(&bench);
    has(&alice, &sent).await;
    alice.close().await;
    let offline = sealed(&bench, NOWHERE, &key, Access::saved()).build().await.unwrap();
    offline.mark_read(&sent).await.unwrap();
    offline.close().await;
    let offline = sealed(&bench, NOWHERE, &other, Access::saved()).build().await.unwrap();
    assert!(titles(&offline).await.is_empty(), "nothing is readable with the wrong key");
    assert_eq!(offline.pending().await.unwrap().len(), 1, "what was done is not lost with the key");
    offline.close().await;
    let alice = live(sealed(&bench, &bench.url(), &other, Access::saved())).await;
    flushed(&alice).await;
    let item = has_so(&alice, &sent, |item| item.view.read_at.is_some()).await;
    assert_eq!(item.content.title, "TITLE-WORDS 订单");
    assert!(bench.receipts(&sent).contains(&"read".to_owned()));
}

async fn found(client: &Client, text: &str) -> Vec<InboxItem> {
    let query = Query { text: Some(text.to_owned()), ..Query::default() };
    let mut search = client.inbox().search(query).unwrap();
    let mut hits = Vec::new();
    while let Some(hit) = soon(search.next()).await.unwrap() {
        hits.push(hit);
    }
    hits
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_in_a_sealed_file_finds_chinese_words_newest_first_and_can_be_left() {
    let bench = Bench::start();
    let key = EncryptionKey::random();
    let alice = live(sealed(&bench, &bench.url(), &key, Access::code(bench.code("alice")))).await;
    let sent: Vec<_> = ["订单 1001 已确认", "优惠：椅子立减", "您的订单已发货", "Order shipped"]
        .iter()
        .map(|title| bench.send("alice", title))
        .collect();
    has(&alice, &sent[3]).await;
    let ids = |hits: Vec<InboxItem>| hits.into_iter().map(|hit| hit.id).collect::<Vec<_>>();
    assert_eq!(ids(found(&alice, "订单").await), [sent[2].clone(), sent[0].clone()]);
    assert_eq!(ids(found(&alice, "单已").await), [sent[2].clone()], "not only where a word begins");
    // Another width and another case are the same text.
    assert_eq!(ids(found(&alice, "ＳＨＩＰＰＥＤ").await), [sent[3].clone()]);
    assert!(found(&alice, "没有").await.is_empty());
    let query = Query { text: Some("订单".to_owned()), ..Query::default() };
    let page = alice.inbox().page(query.clone(), None, 50).await.unwrap();
    assert_eq!(ids(page.items), [sent[2].clone(), sent[0].clone()]);
    // A search that is dropped between two hits, or in the middle of a look, leaves nothing behind.
    let mut left = alice.inbox().search(query.clone()).unwrap();
    assert_eq!(soon(left.next()).await.unwrap().map(|hit| hit.id), Some(sent[2].clone()));
    drop(left);
    let mut unfinished = alice.inbox().search(query).unwrap();
    let look = tokio::time::timeout(std::time::Duration::ZERO, unfinished.next()).await;
    let first = match look {
        Ok(hit) => hit.unwrap(),
        Err(_) => soon(unfinished.next()).await.unwrap(),
    };
    assert_eq!(first.map(|hit| hit.id), Some(sent[2].clone()), "the look that was left is made again");
    drop(unfinished);
    assert_eq!(found(&alice, "订单").await.len(), 2);
    assert!(alice.inbox().search(Query::default()).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_set_aside_fetched_again_and_what_was_done_is_carried_over() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let sent: Vec<_> =
        (0..40).map(|number| bench.send("alice", &format!("{number} {}", "x".repeat(150)))).collect();
    has(&alice, &sent[39]).await;
    alice.close().await;
    let offline = bench.offline("laptop").await;
    offline.mark_read(&sent[0]).await.unwrap();
    offline.close().await;
    damage(&bench.file("laptop")).await;
    let alice = bench.again("laptop").build().await.unwrap();
    let aside = alice.set_aside().expect("the damage is noticed and said").to_owned();
    assert!(aside.exists() && aside != bench.file("laptop"));
    is_live(&alice).await;
    assert_eq!(items(&alice, Query::default()).await.len(), 40);
    flushed(&alice).await;
    assert!(bench.receipts(&sent[0]).contains(&"read".to_owned()), "the outbox was carried over");
    assert_eq!(alice.device().await.unwrap().as_str(), "laptop");
    alice.close().await;
    let again = live(bench.again("laptop")).await;
    assert!(again.set_aside().is_none(), "once");
}

/// Overwrites the first page of the table of notifications.
async fn damage(path: &Path) {
    let mut file = crate::rig::open_file(path).await;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut file).await.unwrap();
    // Counting goes over the smallest index: all of the table's trees are hit.
    let roots: Vec<i64> = sqlx::query_scalar("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'items'")
        .fetch_all(&mut file)
        .await
        .unwrap();
    let page: i64 = sqlx::query_scalar("PRAGMA page_size").fetch_one(&mut file).await.unwrap();
    sqlx::Connection::close(file).await.unwrap();
    let mut bytes = fs::read(path).unwrap();
    let page = usize::try_from(page).unwrap();
    for root in roots {
        let start = (usize::try_from(root).unwrap() - 1) * page;
        bytes[start..start + page].fill(0xa5);
    }
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database_is_set_aside_and_the_device_asks_to_be_connected() {
    let bench = Bench::start();
    bench.connected("alice", "laptop").await.close().await;
    fs::write(
        bench.file("laptop"),
        "not a database at all, but long enough to look like a file ".repeat(100),
    )
    .unwrap();
    let alice = bench.again("laptop").build().await.unwrap();
    assert!(alice.set_aside().is_some());
    reaches(&alice, |connection| matches!(connection, Connection::SignedOut { .. })).await;
    alice.close().await;
    let alice = bench.connected("alice", "laptop").await;
    has(&alice, &bench.send("alice", "As new")).await;
    // The id belongs to the installation that is gone; this is another one.
    assert_ne!(alice.device().await.unwrap().as_str(), "laptop");
}
