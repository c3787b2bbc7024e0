//! A recipient that was read is, at the next reading, what was committed since: whatever way it changed, and however the
//! transaction between ended.

use tidings_core::model::{Changes, Endpoint, Erased, Person, PersonKey, Recipient};
use tidings_core::ports::{BatchId, Need, StopEntry};
use tidings_protocol::Channel;

use crate::samples::*;
use crate::{Whole, on_every_store, read, write};

on_every_store!(
    an_inbox_is_what_the_last_commit_left,
    what_was_rolled_back_never_was,
    a_transaction_sees_what_it_wrote_and_leaves_nothing_of_it,
    what_adds_to_a_recipient_is_seen,
    an_erased_recipient_is_unknown_and_may_come_back,
    an_operators_changes_are_seen,
);

async fn anna(store: &impl Whole) -> Person {
    read(store, &[Need::Person(who())]).await.people.remove(0)
}

fn who() -> PersonKey {
    person("p", "anna")
}

fn inboxes(seq: u64) -> Changes {
    Changes { inboxes: vec![(who(), inbox(1, seq))], ..Changes::default() }
}

async fn an_inbox_is_what_the_last_commit_left(store: impl Whole) {
    assert!(!anna(&store).await.is_known());
    write(&store, 1, &known(&who())).await;
    assert!(anna(&store).await.is_known());
    write(&store, 2, &inboxes(9)).await;
    assert_eq!(anna(&store).await.inbox.unwrap().seq, 9);
    let changed = Recipient { revision: 7, ..recipient() };
    write(&store, 3, &Changes { recipients: vec![(who(), changed)], ..Changes::default() }).await;
    let anna = anna(&store).await;
    assert_eq!((anna.recipient.unwrap().revision, anna.inbox.unwrap()), (7, inbox(1, 9)));
}

async fn what_was_rolled_back_never_was(store: impl Whole) {
    write(&store, 1, &known(&who())).await;
    let before = anna(&store).await.inbox;
    let mut transaction = store.begin().await.unwrap();
    transaction.read(&[Need::Person(who())]).await.unwrap();
    transaction.write(BatchId(2), &inboxes(9)).await.unwrap();
    drop(transaction);
    assert_eq!(anna(&store).await.inbox, before);
}

async fn a_transaction_sees_what_it_wrote_and_leaves_nothing_of_it(store: impl Whole) {
    let mut transaction = store.begin().await.unwrap();
    transaction.write(BatchId(1), &known(&who())).await.unwrap();
    let seen = transaction.read(&[Need::Person(who())]).await.unwrap();
    assert!(seen.people[0].is_known());
    drop(transaction);
    assert!(!anna(&store).await.is_known());
}

async fn what_adds_to_a_recipient_is_seen(store: impl Whole) {
    write(&store, 1, &known(&who())).await;
    anna(&store).await;
    let memberships = vec![(who(), "staff".parse().unwrap(), true)];
    let endpoint =
        Endpoint { channel: Channel::Email, address: "a@x.example".into(), verified: true, stopped: false };
    let endpoints_set = vec![(who(), endpoint)];
    write(&store, 2, &Changes { memberships, endpoints_set, ..Changes::default() }).await;
    let anna = anna(&store).await;
    assert_eq!((anna.topics.len(), anna.endpoints.len()), (1, 1));
}

async fn an_erased_recipient_is_unknown_and_may_come_back(store: impl Whole) {
    write(&store, 1, &known(&who())).await;
    anna(&store).await;
    let erased = vec![(who(), Erased { at: at(1), epoch: 1 })];
    write(&store, 2, &Changes { erased, ..Changes::default() }).await;
    let gone = anna(&store).await;
    assert!(!gone.is_known() && gone.inbox.is_none() && gone.erased.is_some());
    write(&store, 3, &known(&who())).await;
    let back = anna(&store).await;
    assert!(back.is_known() && back.erased.is_some());
}

async fn an_operators_changes_are_seen(store: impl Whole) {
    let endpoint =
        Endpoint { channel: Channel::Email, address: "a@x.example".into(), verified: true, stopped: false };
    write(&store, 1, &Changes { endpoints_set: vec![(who(), endpoint)], ..known(&who()) }).await;
    assert!(!anna(&store).await.endpoints[0].stopped);
    let entry = StopEntry {
        project: project("p"),
        id: "s1".into(),
        channel: Channel::Email,
        address: "a@x.example".into(),
        reason: "complaint".into(),
        at: at(0),
    };
    store.put_stop_entry(&entry, true, None).await.unwrap();
    assert!(anna(&store).await.endpoints[0].stopped);
}
