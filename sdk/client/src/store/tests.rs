mod damage;
mod keys;
mod lists;
mod model;
mod older;
mod processes;

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tidings_protocol::item::{Because, ContentItem, Item, View, Watermark};
use tidings_protocol::operation::Request;
use tidings_protocol::{Cursor, Priority, Stamp};
use tidings_sdk_core::MemoryDeviceStore;

use super::*;
use crate::error::StorageFault;
use crate::seal::{EncryptionKey, Sealer};
use crate::text::Needle;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("inbox.tidings")
    }

    async fn open(&self, key: Option<&EncryptionKey>) -> Opened {
        Store::open(&self.file(), key).await.unwrap()
    }
}

fn cursor(number: u64) -> Cursor {
    Cursor::new(format!("e.{number}")).unwrap()
}

fn notification(id: &str, title: &str) -> NotificationItem {
    NotificationItem {
        id: id.parse().unwrap(),
        place: 1,
        category: "orders".parse().unwrap(),
        priority: Priority::High,
        content: ContentItem {
            title: title.to_owned(),
            body: "第一行\nline two".to_owned(),
            link: Some("https://shop.example/1".to_owned()),
            ..ContentItem::default()
        },
        collapse: Some("order-1".to_owned()),
        needs_acknowledgement: true,
        round: 0,
        because: Because { text: "you ordered it".to_owned(), ..Because::default() },
        created_at: Timestamp::from_millis(1_000),
        expires_at: Timestamp::from_millis(i64::MAX),
        view: View::default(),
    }
}

fn batch(expected: Option<u64>, to: u64, items: Vec<Item>) -> Batch {
    Batch {
        expected: expected.map(cursor),
        to: cursor(to),
        begins_reset: expected.is_none(),
        ends: true,
        after_absence: false,
        items,
    }
}

fn item(id: &str, title: &str) -> Item {
    Item::Notification(Box::new(notification(id, title)))
}

fn mark_read(number: u32, id: &str) -> Operation {
    Operation {
        id: format!("op-{number}").parse().unwrap(),
        at: Some(Timestamp::from_millis(2_000)),
        request: Request::Mark {
            notification: id.parse().unwrap(),
            read: Some(true),
            archived: None,
            snoozed_until: None,
        },
    }
}

/// Some of one instant, which their operations tell apart.
fn stamp(at: u8) -> Stamp {
    Stamp { at: Timestamp::from_millis(i64::from(at / 2)), by: format!("op-{at}").into() }
}

async fn titles(store: &Store, needle: &str) -> Vec<String> {
    let needle = Needle::new(needle).unwrap();
    let mut titles = Vec::new();
    let mut after = None;
    loop {
        let found = store.search_slice(&needle, &ListQuery::default(), after.as_ref()).await.unwrap();
        titles.extend(found.items.into_iter().map(|item| item.content.title));
        match found.next {
            Some(next) => after = Some(next),
            None => return titles,
        }
    }
}

#[tokio::test]
async fn what_was_applied_is_there_after_a_crash_with_its_cursor() {
    let (folder, key) = (Folder::new(), EncryptionKey::random());
    let store = folder.open(Some(&key)).await.store;
    store.apply(&batch(None, 1, vec![item("a", "订单")])).await.unwrap();
    store.queue(&mark_read(1, "a")).await.unwrap().unwrap();
    // Dropped without closing, as a crash between two pages leaves it.
    drop(store);
    let opened = folder.open(Some(&key)).await;
    assert!(!opened.other_key && opened.set_aside.is_none());
    let loaded = opened.store.load().await.unwrap();
    assert_eq!(loaded.cursor, Some(cursor(1)));
    assert_eq!(loaded.outbox.len(), 1);
    let stored = opened.store.row(&"a".parse().unwrap()).await.unwrap().unwrap();
    assert!(stored.view.read_at.is_some());
    assert_eq!(NotificationItem { view: View::default(), ..stored }, notification("a", "订单"));
}

#[tokio::test]
async fn a_page_for_another_cursor_changes_nothing() {
    let folder = Folder::new();
    let store = folder.open(None).await.store;
    store.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    let applied = store.apply(&batch(Some(5), 6, vec![item("b", "B")])).await.unwrap();
    assert_eq!(applied, Applied::Elsewhere { cursor: Some(cursor(1)) });
    assert_eq!(store.row(&"b".parse().unwrap()).await.unwrap(), None);
}

/// Found by simulation (seed 551): the value was from before the watermark, and was put back after it.
#[tokio::test]
async fn the_value_of_a_refusal_that_a_watermark_overtook_is_not_put_back() {
    let folder = Folder::new();
    let store = folder.open(None).await.store;
    store.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    let queued = store.queue(&mark_read(1, "a")).await.unwrap().unwrap();
    let watermark = Watermark { place: 1, stamp: stamp(8), category: None };
    let read = Item::ReadUpTo { cursor: cursor(1), watermark };
    store.apply(&batch(Some(1), 2, vec![read])).await.unwrap();
    let refused = tidings_protocol::operation::Refused {
        id: queued.operation.id.clone(),
        code: "superseded".to_owned(),
        detail: String::new(),
        permanent: true,
        value: Some(serde_json::json!({})),
    };
    let settlement = Settlement { done: Vec::new(), refused: vec![(queued, refused)] };
    store.settle(&settlement).await.unwrap();
    let row = store.row(&"a".parse().unwrap()).await.unwrap().unwrap();
    assert!(row.view.read_at.is_some());
}
