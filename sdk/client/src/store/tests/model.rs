//! The file beside the store in memory: after each step both are the same.

use super::*;

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
