//! What the simulation does to the memory store, without any runtime.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use tidings_core::ports::{BatchId, CommitError, DueReader, InboxReader, Store, StoreError};
use tidings_store::{Fault, Faults, PortCall};

use crate::memory;
use crate::samples::*;

/// One call meets one fault, every time.
struct At(PortCall, Fault);

#[async_trait]
impl Faults for At {
    async fn at(&self, call: PortCall) -> Fault {
        if call == self.0 { self.1 } else { Fault::None }
    }
}

/// Asks once; the memory store waits for nothing but its turn.
fn once<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match once(future) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("it waits"),
    }
}

fn commit(store: &impl Store, batch: u128) -> Result<(), CommitError> {
    let mut transaction = ready(store.begin()).map_err(CommitError::RolledBack)?;
    let written = ready(transaction.write(BatchId(batch), &known(&person("p", "anna"))));
    written.map_err(CommitError::RolledBack)?;
    ready(transaction.commit())
}

#[test]
fn a_commit_that_fails_has_written_nothing() {
    for (fault, full) in [(Fault::Fail, false), (Fault::Full, true)] {
        let store = memory();
        let failed = commit(&store.with_faults(Arc::new(At(PortCall::Commit, fault))), 1);
        let Err(CommitError::RolledBack(error)) = failed else { panic!("{failed:?}") };
        assert_eq!(matches!(error, StoreError::Full), full);
        assert_eq!(store.dump(), "");
        assert!(commit(&store, 1).is_ok(), "the other node goes on");
    }
}

#[test]
fn a_commit_whose_answer_is_lost_is_found_by_its_batch() {
    let store = memory();
    let node = store.with_faults(Arc::new(At(PortCall::Commit, Fault::AnswerLost)));
    assert!(matches!(commit(&node, 1), Err(CommitError::Unknown)));
    assert!(ready(node.committed(BatchId(1))).unwrap());
    assert_eq!(ready(store.heads(&[person("p", "anna")])).unwrap().len(), 1);
}

#[test]
fn each_call_can_fail_by_itself() {
    let failing = |call| memory().with_faults(Arc::new(At(call, Fault::Fail)));
    assert!(ready(failing(PortCall::Begin).begin()).is_err());
    assert!(ready(failing(PortCall::Committed).committed(BatchId(1))).is_err());
    assert!(ready(failing(PortCall::Inbox).heads(&[])).is_err());
    assert!(ready(failing(PortCall::Due).next_due()).is_err());
    assert!(ready(failing(PortCall::Inbox).next_due()).is_ok());
}

#[test]
fn writers_take_turns_in_the_order_in_which_they_asked() {
    let store = memory();
    let first = ready(store.begin()).unwrap();
    let mut second = pin!(store.begin());
    let mut third = pin!(store.begin());
    let mut context = Context::from_waker(Waker::noop());
    assert!(second.as_mut().poll(&mut context).is_pending());
    assert!(third.as_mut().poll(&mut context).is_pending());
    drop(first);
    assert!(third.as_mut().poll(&mut context).is_pending());
    let Poll::Ready(Ok(turn)) = second.as_mut().poll(&mut context) else { panic!("it is the second's turn") };
    drop(turn);
    assert!(third.as_mut().poll(&mut context).is_ready());
}

#[test]
fn who_gives_up_waiting_holds_nobody_up() {
    let store = memory();
    let first = ready(store.begin()).unwrap();
    assert!(once(store.begin()).is_pending(), "it is dropped while it waits");
    drop(first);
    assert!(once(store.begin()).is_ready());
}
