//! What the writer takes from its queue, batch by batch.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{BATCH_UNITS_MAX, Waiting, WriterQueue};

/// How long a unit that nobody waits for may wait for others.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);
/// Units that somebody waits for, from which on a few more do not matter to them.
pub(super) const TAKES_ALONG: usize = 16;

/// What is taken from the queue, batch by batch.
pub(super) struct Taking {
    queue: WriterQueue,
    stop: CancellationToken,
    batch: Vec<Waiting>,
    patient: Patient,
}

impl Taking {
    pub(super) fn new(queue: WriterQueue, stop: CancellationToken) -> Self {
        Self { queue, stop, batch: Vec::with_capacity(BATCH_UNITS_MAX), patient: Patient::default() }
    }

    /// What is to be committed next; none when the queue is closed and nothing is left. Whoever takes it empties it.
    pub(super) async fn next(&mut self) -> Option<&mut Vec<Waiting>> {
        let Self { queue: WriterQueue(queue), stop, batch, patient } = self;
        while batch.is_empty() {
            // Together with what waits it is one transaction at most.
            let room = BATCH_UNITS_MAX - patient.units.len();
            tokio::select! {
                biased;
                () = stop.cancelled(), if !queue.is_closed() => queue.close(),
                () = patient.due() => batch.append(&mut patient.units),
                taken = queue.recv_many(batch, room) => match taken {
                    0 if patient.units.is_empty() => return None,
                    0 => batch.append(&mut patient.units),
                    _ => patient.part(batch),
                }
            }
        }
        Some(batch)
    }
}

/// Units whose answer nobody waits for. They wait for each other, so that a few devices share a flush; a small batch of
/// others goes first, and a large one takes them along.
#[derive(Debug, Default)]
struct Patient {
    units: Vec<Waiting>,
    /// When the first of them has waited long enough.
    until: Option<Instant>,
}

impl Patient {
    /// Parts a batch: what may wait stays here.
    fn part(&mut self, batch: &mut Vec<Waiting>) {
        if self.units.is_empty() {
            self.until = Some(Instant::now() + PATIENCE);
        }
        self.units.extend(batch.extract_if(.., |one| one.unit.is_patient()));
        if batch.len() >= TAKES_ALONG || self.units.len() >= BATCH_UNITS_MAX {
            batch.append(&mut self.units);
        }
    }

    /// Waits until they have waited long enough; without end where there are none.
    async fn due(&self) {
        match self.until.filter(|_| !self.units.is_empty()) {
            Some(until) => tokio::time::sleep_until(until).await,
            None => std::future::pending().await,
        }
    }
}
