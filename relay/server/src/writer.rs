//! The one writer of a node: requests that arrive together commit together.
//!
//! One task takes what waits, at most a batch, gives it to [`commit_together`], answers, and tells what changed to those
//! who watch. What nobody waits for may wait a moment for company. A batch runs to its end even when the node stops. When the queue is full a request is turned away at once
//! (503 with `Retry-After`): waiting longer would only make the queue longer.

mod taking;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tidings_core::act::{AfterCommit, Refusal, Settled, Unit};
use tidings_core::flows::{Node, commit_together};
use tidings_core::model::PersonKey;
use tidings_protocol::ProjectId;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::taking::Taking;
use crate::alerts::Alarms;
use crate::bells::Bells;
use crate::handover::GoneAddresses;
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
    pub(crate) gone: GoneAddresses,
    pub(crate) alarms: Arc<Alarms>,
    /// What is done when nobody can know what the disk holds.
    pub(crate) store_lost: fn(),
}

impl Listeners {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self {
            hub,
            inboxes: Bells::default(),
            feeds: Bells::default(),
            gone: GoneAddresses::default(),
            alarms: Arc::default(),
            store_lost: end_process,
        }
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
pub(crate) async fn run(node: Node, queue: WriterQueue, listeners: Arc<Listeners>, stop: CancellationToken) {
    let mut taking = Taking::new(queue, stop);
    while let Some(batch) = taking.next().await {
        commit(&node, batch, &listeners).await;
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
    listeners.gone.note(after.gone.clone());
    for ((project, alert), text) in &after.alarms {
        listeners.alarms.note(project.clone(), *alert, text.clone());
    }
    listeners.hub.after_commit(after);
}

#[cfg(test)]
mod tests;
