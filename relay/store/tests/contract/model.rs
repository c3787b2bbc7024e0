//! Both stores hold the same after the same changes, whatever they are, and refuse the same.

use proptest::prelude::*;
use tempfile::TempDir;
use tidings_core::configuration::WinnerMeasure;
use tidings_core::model::{
    Changes, CollectedRow, ConversionKey, DueKey, DueRow, Endpoint, EntryHash, Erased, FeedEntry, FeedKind,
    OnceKey, PersonKey, ReceiptRow, TallyKey,
};
use tidings_core::ports::{BatchId, ConversionAsked, DueReader, Insight, Need, Registry, Store, StoreError};
use tidings_core::retention::Outdated;
use tidings_core::trial::Tally;
use tidings_protocol::{Channel, DeliveryState, DeviceId, DeviceReceipt, NotificationState, Span, TopicId};
use tidings_store::{SqliteOptions, SqliteStore};

use crate::insight::win;
use crate::memory;
use crate::samples::*;

/// What one transaction does: which kind of change, to whom, to which row.
type Step = (u8, u8, u8);

fn changes((kind, who, which): Step, epoch: u32) -> Changes {
    let of = &person(["p", "q"][usize::from(who % 2)], ["anna", "ben"][usize::from(who / 2 % 2)]);
    let (n, e) = (format!("n{which}"), format!("{}-e{which}", of.project));
    let n = format!("{}-{n}", of.project);
    let states = [NotificationState::Reached, NotificationState::Held, NotificationState::Erased];
    let state = states[usize::from(which % 3)];
    let mut changed = with_matches(placed(of, &n, &e, u64::from(which) + 1), Some("x"));
    changed.state = state;
    changed.trial = Some("t".into());
    changed.counted.displayed = which > 0;
    changed.keys.conversion = Some(ConversionKey {
        event_type: "y".into(),
        value: which.is_multiple_of(2).then(|| "v".into()),
        within: Span::from_millis(DAY),
    });
    changed.flags.displayed_at = (which > 0).then(|| at(0));
    changed.flags.converted_at = (which > 2).then(|| at(1));
    changed.told =
        vec![tidings_core::model::Entry::new(at(i64::from(which)), tidings_protocol::StoryKind::Ended)];
    let mut new = Changes::default();
    match kind % 14 {
        0 => new = known(of),
        1 => new.events_new = vec![event(of.project.as_str(), &e)],
        2 => new.notifications_new = vec![placed(of, &n, &e, u64::from(which) + 1)],
        3 => new.notifications_new = vec![with_matches(held(of, &n, &e), None)],
        4 => new.notifications_changed = vec![changed],
        5 => new.deliveries_new = vec![mail(of, &n, DeliveryState::Waiting)],
        6 => new.deliveries_changed = vec![mail(of, &n, DeliveryState::Sent)],
        7 => {
            let key = if which.is_multiple_of(2) {
                DueKey::Release(notification_id(&n))
            } else {
                DueKey::FanOut(event_id(&e), None)
            };
            new.due_set = vec![DueRow { key, person: of.clone(), at: at(i64::from(which)) }];
            new.memberships = vec![(of.clone(), TopicId::new("t").unwrap(), which.is_multiple_of(2))];
        }
        8 => new.due_cleared = vec![(of.project.clone(), DueKey::Release(notification_id(&n)))],
        9..=12 => new = kept(kind % 14, of, &n, which),
        _ => new.erased = vec![(of.clone(), Erased { at: at(1), epoch })],
    }
    count(&mut new);
    new
}

/// What is kept beside notifications.
fn kept(kind: u8, of: &PersonKey, n: &str, which: u8) -> Changes {
    let mut new = Changes::default();
    match kind {
        9 => {
            let key = OnceKey {
                person: of.clone(),
                rule: rule("r"),
                value: "v".into(),
                notification: notification_id(n),
                until: at(i64::from(which)),
            };
            if which.is_multiple_of(2) { new.once_taken = vec![key] } else { new.once_given_back = vec![key] }
        }
        10 => new.consent_entries = vec![(of.clone(), consent(of, u64::from(which), EntryHash::default()))],
        11 => {
            new.endpoints_set = vec![(
                of.clone(),
                Endpoint {
                    channel: Channel::Email,
                    address: format!("{which}@example.org").into(),
                    verified: which.is_multiple_of(2),
                    stopped: false,
                },
            )];
            new.feed = vec![FeedEntry {
                project: of.project.clone(),
                recipient: of.recipient.clone(),
                notification: None,
                at: at(0),
                kind: FeedKind::Feedback,
                detail: serde_json::json!({"n": which}),
            }];
        }
        _ => {
            let key = TallyKey {
                project: of.project.clone(),
                rule: rule("r"),
                trial: "t".into(),
                variant: ["a", "b"][usize::from(which % 2)].into(),
            };
            new.tallies =
                [(key, Tally { displayed: 1, converted: u64::from(which), ..Tally::default() })].into();
            new.wins =
                vec![win(of.project.as_str(), "t", WinnerMeasure::Read, ["a", "b"][usize::from(which % 2)])];
            new.receipts = vec![ReceiptRow {
                person: of.clone(),
                notification: notification_id(n),
                device: DeviceId::new("phone").unwrap(),
                receipt: DeviceReceipt::Displayed,
                at: at(i64::from(which)),
            }];
            new.collected =
                vec![CollectedRow { person: of.clone(), event_type: "x".into(), at: at(0), until: at(DAY) }];
        }
    }
    new
}

async fn step(store: &impl Store, batch: u128, changes: &Changes) -> Result<(), bool> {
    let mut transaction = store.begin().await.unwrap();
    match transaction.write(BatchId(batch), changes).await {
        Ok(()) => transaction.commit().await.map_err(|_| false),
        Err(StoreError::Data { .. }) => Err(true),
        Err(other) => panic!("{other:?}"),
    }
}

async fn both_do_the_same(steps: &[Step]) {
    let folder = TempDir::new().unwrap();
    let memory = memory();
    let sqlite = SqliteStore::open(folder.path(), SqliteOptions::new(erasure(), 1)).await.unwrap();
    for id in ["p", "q"] {
        memory.put_project(&project_row(id)).await.unwrap();
        sqlite.put_project(&project_row(id)).await.unwrap();
    }
    for (batch, one) in (1..).zip(steps) {
        let changes = changes(*one, batch);
        let done = step(&memory, u128::from(batch), &changes).await;
        assert_eq!(done, step(&sqlite, u128::from(batch), &changes).await, "{one:?}");
    }
    assert_eq!(memory.dump(), sqlite.dump().await.unwrap());
    let convertible = |name: &str, of: &str, value: Option<&str>| {
        Need::Convertible(ConversionAsked {
            project: project(of),
            rule: rule("r"),
            event_type: "y".into(),
            value: value.map(Into::into),
            recipient: value.is_none().then(|| name.parse().unwrap()),
            at: at(5),
        })
    };
    let needs: Vec<Need> = ["anna", "ben"]
        .into_iter()
        .flat_map(|name| [person("p", name), person("q", name)])
        .flat_map(|of| [Need::Person(of.clone()), Need::Everything(of.clone()), Need::PendingDeliveries(of)])
        .chain(["p", "q"].map(|of| convertible("anna", of, Some("v"))))
        .chain([convertible("anna", "p", None), convertible("ben", "q", None)])
        .collect();
    let found = memory.begin().await.unwrap().read(&needs).await.unwrap();
    let same = sqlite.begin().await.unwrap().read(&needs).await.unwrap();
    assert_eq!(format!("{found:?}"), format!("{same:?}"));
    for of in ["p", "q"] {
        let span = (at(-DAY), at(2 * DAY));
        let sums = memory.sums(&project(of), span.0, span.1).await.unwrap();
        assert_eq!(sums, sqlite.sums(&project(of), span.0, span.1).await.unwrap());
        let channels = memory.sums_of_channels(&project(of), span.0, span.1).await.unwrap();
        assert_eq!(channels, sqlite.sums_of_channels(&project(of), span.0, span.1).await.unwrap());
    }
    let now = at(100 * DAY);
    let keeps = |name: &str, inbox: i64| {
        let outdated = Outdated { inbox: at(inbox * DAY), story: at(2 * DAY), events: at(DAY) };
        (project(name), outdated)
    };
    let keeps = [keeps("p", 1), keeps("q", 0)];
    assert_eq!(
        memory.purge(now, &keeps, usize::MAX).await.unwrap(),
        sqlite.purge(now, &keeps, usize::MAX).await.unwrap()
    );
    assert_eq!(memory.dump(), sqlite.dump().await.unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn memory_and_sqlite_hold_the_same(steps in prop::collection::vec((0_u8..14, 0_u8..4, 0_u8..4), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(both_do_the_same(&steps));
    }
}
