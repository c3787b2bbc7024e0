//! What the device asked for and the relay has not answered. An operation leaves the outbox only by an answer.
//!
//! Operations go out in the device's order, one frame at a time: a second frame in flight could overtake the rest of
//! a first one that the relay stopped at. They carry ids, so that sending one twice has no second effect.

use std::collections::{BTreeMap, BTreeSet};

use tidings_protocol::limits::{FRAME_BYTES_MAX, OPERATIONS_PER_FRAME_MAX, OPERATIONS_WAITING_MAX};
use tidings_protocol::operation::{Operation, Refused};
use tidings_protocol::{OperationId, Timestamp};

use crate::backoff::{Backoff, Jitter};
use crate::store::Settlement;

/// Room that a frame keeps for what surrounds its operations, in bytes.
const FRAME_MARGIN_BYTES: usize = 1 << 10;
/// How long an answer to an `ops` frame may take, in milliseconds.
const ANSWER_MILLIS_MAX: i64 = 30_000;

/// An operation with its place in the device's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Queued {
    /// Rises with every operation of the device.
    pub number: u64,
    /// How many pages the store had applied when this was asked for: what arrived later is not meant by it.
    pub page: u64,
    /// What is asked.
    pub operation: Operation,
}

/// [`OPERATIONS_WAITING_MAX`] operations wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("10,000 operations wait for the relay already; they are sent as soon as it is reached")]
pub struct OutboxFull;

/// The operations that wait for an answer.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    waiting: BTreeMap<u64, Queued>,
    in_flight: BTreeSet<u64>,
    answer_by: Option<Timestamp>,
    not_before: Option<Timestamp>,
    backoff: Backoff,
}

impl Outbox {
    /// Begins with what the store kept.
    #[must_use]
    pub fn new(kept: impl IntoIterator<Item = Queued>) -> Self {
        let mut outbox = Self::default();
        for queued in kept {
            outbox.waiting.insert(queued.number, queued);
        }
        outbox
    }

    /// Takes an operation that is durable. Taking one again changes nothing.
    ///
    /// # Errors
    /// [`OutboxFull`] at [`OPERATIONS_WAITING_MAX`]; the operation stays in the store and is loaded later.
    pub fn queue(&mut self, queued: Queued) -> Result<(), OutboxFull> {
        if self.waiting.len() >= OPERATIONS_WAITING_MAX && !self.waiting.contains_key(&queued.number) {
            return Err(OutboxFull);
        }
        self.waiting.entry(queued.number).or_insert(queued);
        Ok(())
    }

    /// The operations of the next frame, oldest first, or none while a frame is in flight or a refusal asks to wait.
    pub fn next_frame(&mut self, now: Timestamp) -> Option<Vec<Operation>> {
        if !self.in_flight.is_empty() || self.not_before.is_some_and(|at| now < at) {
            return None;
        }
        self.not_before = None;
        let mut bytes = FRAME_MARGIN_BYTES;
        let mut frame = Vec::new();
        for queued in self.waiting.values().take(OPERATIONS_PER_FRAME_MAX) {
            let length = serde_json::to_vec(&queued.operation).map_or(0, |text| text.len() + 1);
            // One that is too long for any frame goes alone: the relay's refusal is its answer.
            if !frame.is_empty() && bytes + length > FRAME_BYTES_MAX {
                break;
            }
            bytes += length;
            self.in_flight.insert(queued.number);
            frame.push(queued.operation.clone());
        }
        if frame.is_empty() {
            return None;
        }
        self.answer_by = Some(now.plus_millis(ANSWER_MILLIS_MAX));
        Some(frame)
    }

    /// The connection ended: what was not answered is sent again.
    pub fn handle_disconnected(&mut self) {
        self.in_flight.clear();
        self.answer_by = None;
        self.not_before = None;
    }

    /// Takes the relay's answer. What took effect and what can never take effect leave the outbox; what was refused
    /// for a moment, and what the relay did not come to, stay and are sent again.
    pub fn handle_answer(
        &mut self,
        now: Timestamp,
        done: &[OperationId],
        refused: Vec<Refused>,
        jitter: Jitter,
    ) -> Settlement {
        let transient = refused.iter().any(|answer| !answer.permanent);
        let done: BTreeSet<&OperationId> = done.iter().collect();
        let mut refused: BTreeMap<OperationId, Refused> = refused
            .into_iter()
            .filter(|answer| answer.permanent)
            .map(|answer| (answer.id.clone(), answer))
            .collect();
        let mut settlement = Settlement::default();
        self.waiting.retain(|_, queued| {
            let id = &queued.operation.id;
            if done.contains(id) {
                settlement.done.push(queued.clone());
            } else if let Some(answer) = refused.remove(id) {
                settlement.refused.push((queued.clone(), answer));
            } else {
                return true;
            }
            false
        });
        self.in_flight.clear();
        self.answer_by = None;
        let moved = !settlement.done.is_empty() || !settlement.refused.is_empty();
        if moved {
            self.backoff.succeeded();
        }
        if transient || !moved {
            let wait = self.backoff.after_failure(jitter).max(crate::backoff::FIRST_MILLIS);
            self.not_before = Some(now.plus_millis(wait));
        }
        settlement
    }

    /// When to look again: a wait ends, or an answer is overdue.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        match (self.answer_by, self.not_before) {
            (Some(answer_by), _) => Some(answer_by),
            (None, Some(at)) if !self.waiting.is_empty() => Some(at),
            (None, _) => None,
        }
    }

    /// Whether the relay took a frame and never answered it.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.answer_by.is_some_and(|at| now >= at)
    }

    /// What waits, in order.
    pub fn waiting(&self) -> impl Iterator<Item = &Queued> {
        self.waiting.values()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
#[path = "outbox/tests.rs"]
mod tests;
