//! Units in, batches out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tidings_core::act::{Act, Refusal, Render, RepeatKey};
use tidings_core::ports::{BatchId, Store, StoreError, Transaction};
use tidings_protocol::operation::{Operation, Request};
use tidings_protocol::{Cursor, RecipientId};
use tidings_store::{ErasureKey, MemoryStore};
use tokio::time::Instant;

use crate::app::Remembered;
use crate::world::{AnchoredClock, RandomIds};

use super::taking::{PATIENCE, TAKES_ALONG};
use super::*;

fn unit(key: Option<&str>) -> Unit {
    let repeat = key.map(|key| RepeatKey {
        route: "/v1/to/{recipient}".into(),
        key: key.into(),
        fingerprint: [0; 32],
        render: Render(Arc::new(|_| (200, "".into()))),
    });
    let act = Act::Erase(RecipientId::new("alice").unwrap());
    Unit { project: ProjectId::new("p").unwrap(), sandbox: false, repeat, act }
}

#[test]
fn a_full_queue_turns_the_next_unit_away_at_once() {
    let (writer, _queue) = Writer::new();
    let waiting: Vec<_> = (0..QUEUE_UNITS_MAX)
        .map(|_| {
            let mut write = Box::pin(writer.write(unit(None)));
            assert!(write.as_mut().now_or_never().is_none());
            write
        })
        .collect();
    assert_eq!(writer.depth(), QUEUE_UNITS_MAX);
    let refused = writer.write(unit(None)).now_or_never().unwrap();
    assert_eq!(refused.unwrap_err(), WriterError::Busy);
    drop(waiting);
}

#[test]
fn a_key_that_is_being_worked_on_is_refused_until_it_is_answered() {
    let (writer, _queue) = Writer::new();
    let mut first = Box::pin(writer.write(unit(Some("k"))));
    assert!(first.as_mut().now_or_never().is_none());
    let second = writer.write(unit(Some("k"))).now_or_never().unwrap();
    assert_eq!(second.unwrap_err(), WriterError::InFlight);
    assert!(writer.write(unit(Some("other"))).now_or_never().is_none());
    drop(first);
    assert!(writer.write(unit(Some("k"))).now_or_never().is_none());
}

#[test]
fn a_writer_that_has_stopped_says_so() {
    let (writer, queue) = Writer::new();
    drop(queue);
    let refused = writer.write(unit(None)).now_or_never().unwrap();
    assert_eq!(refused.unwrap_err(), WriterError::Stopping);
}

fn held(device: &str) -> Unit {
    let cursor = Cursor::new("e1.1").unwrap();
    let id = "held:e1.1".parse().unwrap();
    let act = Act::Operate {
        recipient: RecipientId::new("alice").unwrap(),
        device: device.parse().unwrap(),
        sent: Some(1),
        operations: vec![Ok(Operation { id, at: None, request: Request::Held { cursor } })],
    };
    Unit { act, ..unit(None) }
}

/// How many units each commit had, with how long after the begin it came in milliseconds.
async fn commits_of(units: Vec<(u64, Unit)>) -> Vec<(usize, u128)> {
    let began = Instant::now();
    let (queue, waiting) = mpsc::channel(QUEUE_UNITS_MAX);
    let sends = async move {
        for (after, unit) in units {
            tokio::time::sleep_until(began + Duration::from_millis(after)).await;
            queue.send(Waiting { unit, answer: oneshot::channel().0 }).await.unwrap();
        }
        // The queue stays open: a closed one waits for nothing.
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    let takes = async {
        let mut commits = Vec::new();
        let mut taking = Taking::new(WriterQueue(waiting), CancellationToken::new());
        while let Some(batch) = taking.next().await {
            commits.push((batch.len(), began.elapsed().as_millis()));
            batch.clear();
        }
        commits
    };
    tokio::join!(sends, takes).1
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_waits_for_others() {
    let alone = commits_of(vec![(0, held("a")), (5, held("b")), (50, held("c"))]).await;
    let patience = PATIENCE.as_millis();
    assert_eq!(alone, [(2, patience), (1, 50 + patience)]);
    let beside = commits_of(vec![(0, held("a")), (3, unit(None)), (30, unit(None))]).await;
    assert_eq!(beside, [(1, 3), (1, patience), (1, 30)], "a single one does not take it along");
    let many = std::iter::repeat_with(|| (3, unit(None))).take(TAKES_ALONG).chain([(3, held("b"))]);
    let many = commits_of(std::iter::once((0, held("a"))).chain(many).collect()).await;
    assert_eq!(many.iter().map(|(units, _)| units).sum::<usize>(), TAKES_ALONG + 2);
    assert!(many.iter().all(|(_, at)| *at == 3), "{many:?}");
}

#[tokio::test(start_paused = true)]
async fn a_transaction_has_no_more_units_for_what_waited() {
    let waits = std::iter::repeat_with(|| (0, held("a"))).take(BATCH_UNITS_MAX - 1);
    let comes = std::iter::repeat_with(|| (1, unit(None))).take(BATCH_UNITS_MAX);
    let commits = commits_of(waits.chain(comes).collect()).await;
    assert_eq!(commits.iter().map(|(units, _)| units).sum::<usize>(), 2 * BATCH_UNITS_MAX - 1);
    assert!(commits.iter().all(|(units, _)| *units <= BATCH_UNITS_MAX), "{commits:?}");
    let full = std::iter::repeat_with(|| (0, held("a"))).take(BATCH_UNITS_MAX).collect();
    assert_eq!(commits_of(full).await, [(BATCH_UNITS_MAX, 0)], "as many as one takes do not wait");
}

/// A store whose disk failed.
struct Lost;

#[async_trait::async_trait]
impl Store for Lost {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Err(StoreError::Lost)
    }

    async fn committed(&self, _: BatchId) -> Result<bool, StoreError> {
        Err(StoreError::Lost)
    }
}

static ENDED: AtomicBool = AtomicBool::new(false);

#[tokio::test]
async fn a_failed_flush_ends_the_process_after_the_answers() {
    let memory = Arc::new(MemoryStore::new(ErasureKey::new([0; 32])));
    let node = Node {
        store: Arc::new(Lost),
        registry: memory,
        configurations: Arc::new(Remembered::default()),
        clock: Arc::new(AnchoredClock::default()),
        ids: Arc::new(RandomIds),
    };
    let end = || ENDED.store(true, Ordering::Release);
    let listeners = Listeners { store_lost: end, ..Listeners::new(Hub::new()) };
    let (writer, queue) = Writer::new();
    let stop = CancellationToken::new();
    let answers = async {
        let settled = writer.write(unit(None)).await.unwrap();
        stop.cancel();
        settled
    };
    let (settled, ()) = tokio::join!(answers, run(node, queue, Arc::new(listeners), stop.clone()));
    assert!(matches!(settled.answer, Err(Refusal::Unavailable { .. })));
    assert!(ENDED.load(Ordering::Acquire));
}
