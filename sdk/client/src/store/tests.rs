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
use crate::seal::EncryptionKey;
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

#[tokio::test]
async fn two_processes_on_one_file_show_a_notification_once() {
    let (folder, key) = (Folder::new(), EncryptionKey::random());
    let one = folder.open(Some(&key)).await.store;
    let two = folder.open(Some(&key)).await.store;
    one.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    let show = Decision::Show { id: "a".parse().unwrap(), round: 0 };
    let (first, second) = tokio::join!(one.claim(&show), two.claim(&show));
    assert_ne!(first.unwrap(), second.unwrap());
    assert!(two.screen().await.unwrap().candidates.is_empty());
    let withdraw = Decision::Withdraw { id: "a".parse().unwrap() };
    let (first, second) = tokio::join!(one.claim(&withdraw), two.claim(&withdraw));
    assert_ne!(first.unwrap(), second.unwrap());
}

#[tokio::test]
async fn two_processes_on_one_file_sum_up_once_and_never_in_part() {
    let folder = Folder::new();
    let one = folder.open(None).await.store;
    let two = folder.open(None).await.store;
    let items = (0..1_200).map(|number| item(&format!("n{number}"), "N")).collect();
    one.apply(&batch(None, 1, items)).await.unwrap();
    let all = one.screen().await.unwrap().candidates;
    let summary = |count: usize| Decision::Summary {
        items: all.iter().take(count).map(|candidate| (candidate.id.clone(), 0)).collect(),
    };
    assert!(two.claim(&Decision::Pass { id: all[700].id.clone(), round: 0 }).await.unwrap());
    assert!(!one.claim(&summary(1_200)).await.unwrap());
    assert_eq!(one.screen().await.unwrap().candidates.len(), 1_199, "nothing of it was claimed");
    assert!(one.claim(&summary(700)).await.unwrap());
    assert_eq!(two.screen().await.unwrap().candidates.len(), 499);
}

#[tokio::test]
async fn two_processes_on_one_file_apply_a_page_once() {
    let folder = Folder::new();
    let one = folder.open(None).await.store;
    let two = folder.open(None).await.store;
    let page = batch(None, 1, vec![item("a", "A")]);
    let (first, second) = tokio::join!(one.apply(&page), two.apply(&page));
    let moved =
        [first.unwrap(), second.unwrap()].iter().filter(|applied| **applied == Applied::Moved).count();
    assert_eq!(moved, 1);
}

#[tokio::test]
async fn another_key_drops_the_content_and_keeps_outbox_and_what_was_shown() {
    let folder = Folder::new();
    let store = folder.open(Some(&EncryptionKey::random())).await.store;
    store.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    store.claim(&Decision::Show { id: "a".parse().unwrap(), round: 0 }).await.unwrap();
    store.queue(&mark_read(1, "a")).await.unwrap();
    store.close().await;
    let other = EncryptionKey::random();
    let opened = folder.open(Some(&other)).await;
    assert!(opened.other_key);
    let loaded = opened.store.load().await.unwrap();
    assert_eq!((loaded.cursor, loaded.outbox.len()), (None, 1));
    opened.store.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    assert!(opened.store.screen().await.unwrap().candidates.is_empty(), "it was shown before");
    drop(opened);
    assert!(!folder.open(Some(&other)).await.other_key);
    assert!(folder.open(None).await.other_key, "no key is another key");
}

#[tokio::test]
async fn with_a_key_no_word_of_a_notification_is_in_the_file() {
    let folder = Folder::new();
    let store = folder.open(Some(&EncryptionKey::random())).await.store;
    store.apply(&batch(None, 1, vec![item("a", "Confidential订单")])).await.unwrap();
    store.close().await;
    let holds = |path: &Path, word: &str| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    };
    for word in ["Confidential", "订单", "第一行", "shop.example", "you ordered it"] {
        assert!(!holds(&folder.file(), word), "{word}");
    }
    assert!(holds(&folder.file(), "orders"), "categories are plain");
}

#[tokio::test]
async fn a_search_finds_chinese_wherever_it_stands_newest_first() {
    let (folder, key) = (Folder::new(), EncryptionKey::random());
    let store = folder.open(Some(&key)).await.store;
    let items = (0..1_200).map(|number| {
        let title = if number % 400 == 0 {
            format!("您的订单{number}已发货")
        } else {
            format!("Offer {number}")
        };
        let mut item = notification(&format!("n{number:04}"), &title);
        item.created_at = Timestamp::from_millis(number);
        Item::Notification(Box::new(item))
    });
    store.apply(&batch(None, 1, items.collect())).await.unwrap();
    let expected = ["您的订单800已发货", "您的订单400已发货", "您的订单0已发货"];
    assert_eq!(titles(&store, "订单").await, expected);
    assert_eq!(titles(&store, "ＯＦＦＥＲ 1199").await, ["Offer 1199"]);
    assert_eq!(titles(&store, "第一行 two").await.len(), 1_200);
}

#[tokio::test]
async fn a_file_without_places_fetches_its_inbox_once_more_and_keeps_its_outbox() {
    let folder = Folder::new();
    let options = SqliteConnectOptions::new().filename(folder.file()).create_if_missing(true);
    let mut older = options.connect().await.unwrap();
    let first = include_str!("../../migrations/0001_inbox.sql");
    sqlx::raw_sql(first).execute(&mut older).await.unwrap();
    let rows = "PRAGMA user_version = 1; \
         INSERT INTO account (one, tag, device, nonce, cursor, pages) VALUES (1, 't', 'd', 'n', 'e.7', 3); \
         INSERT INTO outbox (page, operation) VALUES (3, '{\"id\": \"op-1\", \"op\": \"pause\", \"until\": null}')";
    sqlx::raw_sql(rows).execute(&mut older).await.unwrap();
    older.close().await.unwrap();
    let loaded = folder.open(None).await.store.load().await.unwrap();
    assert_eq!((loaded.cursor, loaded.outbox.len()), (None, 1));
    assert_eq!(loaded.identity.device.as_str(), "d");
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_begun_anew() {
    let folder = Folder::new();
    let store = folder.open(None).await.store;
    store.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    store.close().await;
    drop(store);
    std::fs::write(folder.file(), vec![0x5a; 40_000]).unwrap();
    let opened = folder.open(None).await;
    let aside = opened.set_aside.expect("the file was damaged");
    assert_eq!(std::fs::read(aside).unwrap().len(), 40_000);
    assert_eq!(opened.store.load().await.unwrap().cursor, None);
}

#[tokio::test]
async fn what_a_damaged_file_still_tells_is_carried_over() {
    let (folder, key) = (Folder::new(), EncryptionKey::random());
    let store = folder.open(Some(&key)).await.store;
    store.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    store.claim(&Decision::Show { id: "a".parse().unwrap(), round: 0 }).await.unwrap();
    store.queue(&mark_read(1, "a")).await.unwrap();
    store.save_tokens("access", None, "refresh").await.unwrap();
    let device = store.load().await.unwrap().identity;
    sqlx::query("UPDATE items SET title = x'00'").execute(&mut *store.writer().await).await.unwrap();
    let error = store.list(&ListQuery::default(), None, 10).await.unwrap_err();
    assert_eq!(error.fault(), StorageFault::Corrupt);
    drop(store);
    let opened = folder.open(Some(&key)).await;
    assert!(opened.set_aside.is_some());
    let loaded = opened.store.load().await.unwrap();
    assert_eq!((loaded.cursor, loaded.outbox.len(), loaded.identity), (None, 1, device));
    assert_eq!(opened.store.credentials().await.unwrap().refresh_token.as_deref(), Some("refresh"));
    opened.store.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    assert!(opened.store.screen().await.unwrap().candidates.is_empty(), "it was shown before");
    drop(opened);
    assert!(folder.open(Some(&key)).await.set_aside.is_none());
}

#[tokio::test]
async fn a_full_disk_is_said_and_leaves_nothing_half_done() {
    let folder = Folder::new();
    let store = folder.open(None).await.store;
    store.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    {
        let mut writer = store.writer().await;
        let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *writer).await.unwrap();
        let limit = format!("PRAGMA max_page_count = {}", pages + 4);
        sqlx::query(sqlx::AssertSqlSafe(limit)).execute(&mut *writer).await.unwrap();
    }
    let many = (0..400).map(|number| item(&format!("n{number}"), "N")).collect();
    let error = store.apply(&batch(Some(1), 2, many)).await.unwrap_err();
    assert_eq!(error.fault(), StorageFault::Full);
    assert_eq!(store.load().await.unwrap().cursor, Some(cursor(1)));
    let rows = store.list(&ListQuery::default(), None, 500).await.unwrap();
    assert_eq!(rows.len(), 1);
    let public = crate::Error::from(error);
    assert!(matches!(public, crate::Error::Storage { recoverable: true, fault: StorageFault::Full, .. }));
    // There is room again: the limit was the connection's, and the one that failed is not used any more.
    store.apply(&batch(Some(1), 2, vec![item("b", "B")])).await.unwrap();
    assert_eq!(store.list(&ListQuery::default(), None, 500).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_lease_goes_to_one_and_to_the_next_when_it_is_released() {
    let folder = Folder::new();
    let one = folder.open(None).await.store;
    let two = folder.open(None).await.store;
    let (mut first, mut second) = (Lease::new(), Lease::new());
    assert!(first.beat(&one).await.unwrap().held);
    assert!(!second.beat(&two).await.unwrap().held);
    first.tell(&one, "live", None).await.unwrap();
    assert_eq!(second.beat(&two).await.unwrap().connection, "live");
    first.release(&one).await.unwrap();
    assert!(second.beat(&two).await.unwrap().held);
    assert!(!first.beat(&one).await.unwrap().held);
}

#[tokio::test]
async fn a_lease_of_a_client_that_is_gone_is_taken_at_once() {
    let folder = Folder::new();
    let store = folder.open(None).await.store;
    let mut first = Lease::new();
    assert!(first.beat(&store).await.unwrap().held);
    drop(first);
    assert!(Lease::new().beat(&store).await.unwrap().held);
}

#[tokio::test]
async fn a_list_goes_on_where_the_page_ended() {
    let folder = Folder::new();
    let store = folder.open(None).await.store;
    let items = (0..5).map(|number| item(&format!("n{number}"), "N")).collect();
    store.apply(&batch(None, 1, items)).await.unwrap();
    let first = store.list(&ListQuery::default(), None, 2).await.unwrap();
    let last = &first[1];
    let place = Place { created_at: last.created_at.as_millis(), id: last.id.as_str().to_owned() };
    let rest = store.list(&ListQuery::default(), Some(&place), 10).await.unwrap();
    let ids: Vec<_> = first.iter().chain(&rest).map(|item| item.id.as_str().to_owned()).collect();
    assert_eq!(ids, ["n4", "n3", "n2", "n1", "n0"]);
    assert_eq!(store.unread(None).await.unwrap(), 5);
}

/// One step on a store, small enough for two stores to be compared after each.
#[derive(Clone, Debug)]
enum Step {
    Page { items: Vec<Change>, reset: bool, more: bool },
    Queue(Asked),
    Done,
    Refused,
    Claim(u8),
}

#[derive(Clone, Debug)]
enum Change {
    Notification { id: u8, round: u8, read: Option<bool> },
    Retracted(u8),
    ReadUpTo { place: u8, at: u8 },
    Settings,
}

#[derive(Clone, Debug)]
enum Asked {
    Read(u8, bool),
    Snooze(u8),
    ReadAll,
    Pause,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = prop_oneof![
        5 => (0..6_u8, 0..3_u8, any::<Option<bool>>())
            .prop_map(|(id, round, read)| Change::Notification { id, round, read }),
        1 => (0..6_u8).prop_map(Change::Retracted),
        2 => (0..6_u8, 0..9_u8).prop_map(|(place, at)| Change::ReadUpTo { place, at }),
        1 => Just(Change::Settings),
    ];
    let asked = prop_oneof![
        (0..6_u8, any::<bool>()).prop_map(|(id, read)| Asked::Read(id, read)),
        (0..6_u8).prop_map(Asked::Snooze),
        Just(Asked::ReadAll),
        Just(Asked::Pause),
    ];
    let page = (prop::collection::vec(change, 0..5), prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    let step = prop_oneof![
        4 => page.prop_map(|(items, reset, more)| Step::Page { items, reset, more }),
        3 => asked.prop_map(Step::Queue),
        2 => Just(Step::Done),
        1 => Just(Step::Refused),
        1 => (0..6_u8).prop_map(Step::Claim),
    ];
    prop::collection::vec(step, 1..25)
}

fn named(id: u8) -> NotificationId {
    format!("n{id}").parse().unwrap()
}

fn change(change: &Change) -> Item {
    match change {
        Change::Notification { id, round, read } => {
            let mut item = notification(named(*id).as_str(), "N");
            item.round = u32::from(*round);
            item.created_at = Timestamp::from_millis(i64::from(*id));
            item.place = u64::from(*id);
            match read {
                Some(true) => item.view.read_at = Some(Timestamp::from_millis(7)),
                Some(false) => item.view.unread = Some(stamp(4)),
                None => {}
            }
            Item::Notification(Box::new(item))
        }
        Change::Retracted(id) => Item::Retracted { id: named(*id) },
        Change::ReadUpTo { place, at } => Item::ReadUpTo {
            cursor: cursor(0),
            watermark: Watermark { place: u64::from(*place), stamp: stamp(*at), category: None },
        },
        Change::Settings => Item::Settings(Box::default()),
    }
}

/// Some of one instant, which their operations tell apart.
fn stamp(at: u8) -> Stamp {
    Stamp { at: Timestamp::from_millis(i64::from(at / 2)), by: format!("op-{at}").into() }
}

fn asked(number: u32, asked: &Asked) -> Operation {
    let mark = |id: u8, read, snoozed_until| Request::Mark {
        notification: named(id),
        read,
        archived: None,
        snoozed_until,
    };
    let request = match asked {
        Asked::Read(id, read) => mark(*id, Some(*read), None),
        Asked::Snooze(id) => mark(*id, None, Some(Timestamp::from_millis(9_000))),
        Asked::ReadAll => Request::ReadUpTo { cursor: cursor(0), category: None },
        Asked::Pause => Request::Pause { until: Some(Timestamp::from_millis(5)) },
    };
    let id = format!("op-{number}").parse().unwrap();
    Operation { id, at: Some(Timestamp::from_millis(i64::from(number) + 100)), request }
}

async fn take<S: DeviceStore>(store: &S, number: u32, step: &Step) -> String {
    let loaded = store.load().await.unwrap();
    match step {
        Step::Page { items, reset, more } => {
            let batch = Batch {
                expected: loaded.cursor,
                to: cursor(u64::from(number)),
                begins_reset: *reset,
                ends: !more,
                after_absence: number.is_multiple_of(2),
                items: items.iter().map(change).collect(),
            };
            assert_eq!(store.apply(&batch).await.unwrap(), Applied::Moved);
        }
        Step::Queue(what) => {
            store.queue(&asked(number, what)).await.unwrap().unwrap();
        }
        Step::Done => {
            let done = loaded.outbox.into_iter().take(2).collect();
            store.settle(&Settlement { done, refused: Vec::new() }).await.unwrap();
        }
        Step::Refused => {
            let refused = loaded.outbox.into_iter().take(1).map(|queued| {
                let archived = serde_json::json!({"archived_at": "2026-11-22T09:00:00.000Z"});
                let refused = tidings_protocol::operation::Refused {
                    id: queued.operation.id.clone(),
                    code: "no".to_owned(),
                    detail: String::new(),
                    permanent: true,
                    value: number.is_multiple_of(2).then_some(archived),
                };
                (queued, refused)
            });
            let refused = refused.collect();
            store.settle(&Settlement { done: Vec::new(), refused }).await.unwrap();
        }
        Step::Claim(id) => {
            let screen = store.screen().await.unwrap();
            if let Some(found) = screen.candidates.iter().find(|candidate| candidate.id == named(*id)) {
                let show = Decision::Show { id: named(*id), round: found.local.round };
                assert!(store.claim(&show).await.unwrap());
            }
        }
    }
    let mut rows = Vec::new();
    for id in 0..6 {
        rows.push(store.row(&named(id)).await.unwrap());
    }
    let (screen, settings) = (store.screen().await.unwrap(), store.settings().await.unwrap());
    let loaded = store.load().await.unwrap();
    format!("{:?}\n{:?}\n{rows:?}\n{screen:?}\n{settings:?}", loaded.cursor, loaded.outbox)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_file_does_what_the_store_in_memory_does(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = Folder::new();
            let file = folder.open(Some(&EncryptionKey::random())).await.store;
            let memory = MemoryDeviceStore::new(Identity {
                device: "d".parse().unwrap(),
                nonce: String::new(),
            });
            for (number, step) in (1_u32..).zip(&steps) {
                let expected = take(&memory, number, step).await;
                let found = take(&file, number, step).await;
                assert_eq!(found, expected, "after step {number}: {step:?}");
            }
            file.close().await;
        });
    }
}
