//! A transaction is whole or nothing, and there is one at a time.

use tidings_core::model::Changes;
use tidings_core::ports::{BatchId, CommitError, Need, StoreError};

use crate::samples::*;
use crate::{Whole, on_every_store, read, write};

on_every_store!(
    what_is_committed_is_found_and_known_by_its_batch,
    a_dropped_transaction_leaves_nothing,
    a_transaction_reads_what_it_wrote,
    readers_see_nothing_of_a_transaction_before_its_commit,
    one_row_that_is_refused_refuses_the_batch,
    a_transaction_that_was_refused_cannot_be_committed,
    sixty_four_racing_transactions_count_to_sixty_four,
);

async fn what_is_committed_is_found_and_known_by_its_batch(store: impl Whole) {
    let anna = person("p", "anna");
    let mut changes = Changes {
        events_new: vec![event("p", "e1")],
        notifications_new: vec![placed(&anna, "n1", "e1", 1)],
        ..known(&anna)
    };
    count(&mut changes);
    write(&store, 1, &changes).await;

    let found = read(
        &store,
        &[
            Need::Person(anna.clone()),
            Need::Event(event_id("e1")),
            Need::Notification(project("p"), notification_id("n1")),
        ],
    )
    .await;
    assert_eq!(found.people[0].recipient, Some(recipient()));
    assert_eq!(found.people[0].inbox, Some(inbox(7, 0)));
    assert_eq!(found.events, [event("p", "e1")]);
    assert_eq!(found.notifications, [placed(&anna, "n1", "e1", 1)]);
    assert!(store.committed(BatchId(1)).await.unwrap());
    assert!(!store.committed(BatchId(2)).await.unwrap());
}

async fn a_dropped_transaction_leaves_nothing(store: impl Whole) {
    let before = store.dump().await;
    let mut transaction = store.begin().await.unwrap();
    transaction.write(BatchId(1), &known(&person("p", "anna"))).await.unwrap();
    drop(transaction);
    assert_eq!(store.dump().await, before);
    assert!(!store.committed(BatchId(1)).await.unwrap());
    write(&store, 1, &known(&person("p", "anna"))).await;
    assert_ne!(store.dump().await, before);
}

async fn a_transaction_reads_what_it_wrote(store: impl Whole) {
    let anna = person("p", "anna");
    let mut transaction = store.begin().await.unwrap();
    transaction.write(BatchId(1), &known(&anna)).await.unwrap();
    let found = transaction.read(&[Need::Person(anna)]).await.unwrap();
    assert!(found.people[0].is_known());
}

async fn readers_see_nothing_of_a_transaction_before_its_commit(store: impl Whole) {
    let anna = person("p", "anna");
    write(&store, 1, &known(&anna)).await;
    let mut transaction = store.begin().await.unwrap();
    let changes = Changes { inboxes: vec![(anna.clone(), inbox(7, 5))], ..Changes::default() };
    transaction.write(BatchId(2), &changes).await.unwrap();
    assert_eq!(store.heads(std::slice::from_ref(&anna)).await.unwrap(), [(anna.clone(), 7, 0)]);
    transaction.commit().await.unwrap();
    assert_eq!(store.heads(std::slice::from_ref(&anna)).await.unwrap(), [(anna.clone(), 7, 5)]);
}

async fn one_row_that_is_refused_refuses_the_batch(store: impl Whole) {
    let anna = person("p", "anna");
    let first = Changes { events_new: vec![event("p", "e1")], ..known(&anna) };
    write(&store, 1, &first).await;
    let before = store.dump().await;
    let refused = [
        Changes { events_new: vec![event("p", "e2"), event("p", "e1")], ..Changes::default() },
        Changes { events_changed: vec![event("p", "e1"), event("p", "e9")], ..Changes::default() },
        Changes { events_changed: vec![event("q", "e1")], ..Changes::default() },
        Changes { notifications_changed: vec![held(&anna, "n9", "e1")], ..Changes::default() },
        Changes {
            notifications_new: vec![held(&anna, "n1", "e1"), held(&anna, "n2", "e1")],
            ..Changes::default()
        },
    ];
    for changes in refused {
        let mut transaction = store.begin().await.unwrap();
        let refused = transaction.write(BatchId(2), &changes).await;
        assert!(matches!(refused, Err(StoreError::Data { .. })), "{refused:?} for {changes:?}");
        drop(transaction);
        assert_eq!(store.dump().await, before);
        let refused = store.begin().await.unwrap().finish(BatchId(2), &changes).await;
        assert!(
            matches!(refused, Err(CommitError::RolledBack(StoreError::Data { .. }))),
            "{refused:?} for {changes:?}"
        );
        assert_eq!(store.dump().await, before);
    }
    // What comes after it begins in a transaction of its own.
    write(&store, 3, &known(&person("p", "carla"))).await;
    assert_ne!(store.dump().await, before);
}

async fn a_transaction_that_was_refused_cannot_be_committed(store: impl Whole) {
    let before = store.dump().await;
    let mut transaction = store.begin().await.unwrap();
    transaction.write(BatchId(1), &known(&person("p", "anna"))).await.unwrap();
    let refused = Changes { events_changed: vec![event("p", "e9")], ..known(&person("p", "ben")) };
    assert!(transaction.write(BatchId(2), &refused).await.is_err());
    let committed = transaction.commit().await;
    assert!(matches!(committed, Err(CommitError::RolledBack(StoreError::Data { .. }))), "{committed:?}");
    assert_eq!(store.dump().await, before);
}

async fn sixty_four_racing_transactions_count_to_sixty_four(store: impl Whole) {
    let anna = person("p", "anna");
    write(&store, 1_000, &known(&anna)).await;
    let mut racing = tokio::task::JoinSet::new();
    for batch in 0..64 {
        let (store, anna) = (store.clone(), anna.clone());
        racing.spawn(async move {
            let mut transaction = store.begin().await.unwrap();
            let found = transaction.read(&[Need::Person(anna.clone())]).await.unwrap();
            let mut inbox = found.people[0].inbox.clone().unwrap();
            tokio::task::yield_now().await;
            inbox.seq += 1;
            let changes = Changes { inboxes: vec![(anna, inbox)], ..Changes::default() };
            transaction.write(BatchId(batch), &changes).await.unwrap();
            transaction.commit().await.unwrap();
        });
    }
    racing.join_all().await;
    assert_eq!(store.heads(std::slice::from_ref(&anna)).await.unwrap(), [(anna, 7, 64)]);
}
