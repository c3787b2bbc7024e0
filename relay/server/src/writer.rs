//! The one writer of a node: requests that arrive together commit together.
//!
//! One task takes what waits, at most a batch, gives it to [`commit_together`], answers, and tells what changed to those
//! who watch. A batch runs to its end even when the node stops. When the queue is full a request is turned away at once
//! (503 with `Retry-After`): waiting longer would only make the queue longer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tidings_core::act::{AfterCommit, Refusal, Settled, Unit};
use tidings_core::flows::{Node, commit_together};
use tidings_core::model::PersonKey;
use tidings_protocol::ProjectId;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::bells::Bells;
use crate::hub::Hub;
use crate::submit::Submit;

/// Requests that wait for the writer. At a few milliseconds a batch the last of them waits well under a second.
pub(crate) const QUEUE_UNITS_MAX: usize = 8_192;
/// Requests of one transaction: larger ones gain nothing and make the first answer wait.
pub(crate) const BATCH_UNITS_MAX: usize = 512;

/// Where units are handed in.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Waiting>,
    in_flight: Arc<Mutex<BTreeSet<InFlight>>>,
}

/// Why a unit was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WriterError {
    /// Too much waits.
    #[error("the relay is busy: try again in a second")]
    Busy,
    /// The relay stops.
    #[error("the relay is stopping: try again")]
    Stopping,
    /// The same `Idempotency-Key` is being worked on.
    #[error("a request with this Idempotency-Key is still being worked on: ask again for its answer")]
    InFlight,
}

/// The exit code of a relay whose disk failed: EX_IOERR of sysexits.
const STORE_LOST_EXIT: i32 = 74;

/// Who hears of a commit, beside those who asked for it.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) hub: Arc<Hub>,
    pub(crate) inboxes: Bells<PersonKey>,
    pub(crate) feeds: Bells<ProjectId>,
    /// What is done when nobody can know what the disk holds.
    pub(crate) store_lost: fn(),
}

impl Listeners {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, inboxes: Bells::default(), feeds: Bells::default(), store_lost: end_process }
    }
}

#[derive(Debug)]
struct Waiting {
    unit: Unit,
    answer: oneshot::Sender<Settled>,
}

type InFlight = (ProjectId, Box<str>, Box<str>);

impl Writer {
    /// A writer and the queue that [`run`] empties.
    pub(crate) fn new() -> (Self, WriterQueue) {
        let (queue, waiting) = mpsc::channel(QUEUE_UNITS_MAX);
        (Self { queue, in_flight: Arc::default() }, WriterQueue(waiting))
    }

    /// Hands a unit in and waits for its answer.
    ///
    /// # Errors
    /// [`WriterError`]: nothing was done, except with [`WriterError::Stopping`], where it is not known.
    ///
    /// # Cancel safety
    /// Dropping the future drops the answer, not the unit.
    pub(crate) async fn write(&self, unit: Unit) -> Result<Settled, WriterError> {
        let key = unit
            .repeat
            .as_ref()
            .map(|repeat| (unit.project.clone(), repeat.route.clone(), repeat.key.clone()));
        let _guard = key.map(|key| self.enter(key)).transpose()?;
        let (answer, settled) = oneshot::channel();
        self.queue.try_send(Waiting { unit, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => WriterError::Busy,
            mpsc::error::TrySendError::Closed(_) => WriterError::Stopping,
        })?;
        settled.await.map_err(|_| WriterError::Stopping)
    }

    /// How many units wait.
    pub(crate) fn depth(&self) -> usize {
        QUEUE_UNITS_MAX - self.queue.capacity()
    }

    fn enter(&self, key: InFlight) -> Result<InFlightGuard, WriterError> {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_flight.insert(key.clone()) {
            return Err(WriterError::InFlight);
        }
        Ok(InFlightGuard { keys: Arc::clone(&self.in_flight), key })
    }
}

/// Inner work has no one to turn away: it waits for room.
#[async_trait]
impl Submit for Writer {
    async fn submit(&self, unit: Unit) -> Settled {
        let stopped = || Settled {
            answer: Err(Refusal::Unavailable { detail: WriterError::Stopping.to_string().into() }),
            replay: None,
        };
        let (answer, settled) = oneshot::channel();
        if self.queue.send(Waiting { unit, answer }).await.is_err() {
            return stopped();
        }
        settled.await.unwrap_or_else(|_| stopped())
    }
}

#[derive(Debug)]
struct InFlightGuard {
    keys: Arc<Mutex<BTreeSet<InFlight>>>,
    key: InFlight,
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// What waits for the writer.
#[derive(Debug)]
pub(crate) struct WriterQueue(mpsc::Receiver<Waiting>);

/// Commits what waits until the token is cancelled; then takes nothing more and finishes what it has.
pub(crate) async fn run(
    node: Node,
    mut queue: WriterQueue,
    listeners: Arc<Listeners>,
    stop: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH_UNITS_MAX);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled(), if !queue.0.is_closed() => queue.0.close(),
            taken = queue.0.recv_many(&mut batch, BATCH_UNITS_MAX) => {
                if taken == 0 {
                    return;
                }
                commit(&node, &mut batch, &listeners).await;
            }
        }
    }
}

async fn commit(node: &Node, batch: &mut Vec<Waiting>, listeners: &Listeners) {
    let (units, answers): (Vec<_>, Vec<_>) = batch.drain(..).map(|one| (one.unit, one.answer)).unzip();
    metrics::histogram!("tidings_commit_units")
        .record(f64::from(u32::try_from(units.len()).unwrap_or(u32::MAX)));
    let (settled, after) = commit_together(node, units).await;
    for (answer, settled) in answers.into_iter().zip(settled) {
        // Whoever asked may have gone; the unit is committed all the same.
        drop(answer.send(settled));
    }
    tell(listeners, after);
}

/// A failed flush leaves pages in memory that may not be on disk; only a new start tells what is true (SEMANTICS 2).
fn end_process() {
    tracing::error!(
        "a write to the disk failed, and its outcome is not known: the relay ends, start it again"
    );
    std::process::exit(STORE_LOST_EXIT);
}

fn tell(listeners: &Listeners, after: AfterCommit) {
    if after.store_lost {
        (listeners.store_lost)();
    }
    for ((gate, reason), count) in &after.decided {
        metrics::counter!("tidings_decided_total", "gate" => *gate, "reason" => *reason).increment(*count);
    }
    for hint in &after.hints {
        listeners.inboxes.ring(&hint.person);
    }
    for person in &after.erased {
        listeners.inboxes.ring(person);
    }
    for project in &after.feeds {
        listeners.feeds.ring(project);
    }
    listeners.hub.after_commit(after);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures_util::FutureExt as _;
    use tidings_core::act::{Act, Refusal, Render, RepeatKey};
    use tidings_core::ports::{BatchId, Store, StoreError, Transaction};
    use tidings_protocol::RecipientId;
    use tidings_store::{ErasureKey, MemoryStore};

    use crate::app::Remembered;
    use crate::world::{AnchoredClock, RandomIds};

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
}
