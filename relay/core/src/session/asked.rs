//! What a device asks, in its order: one batch is being committed at a time, the rest waits.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;
use tidings_protocol::limits::OPERATIONS_PER_FRAME_MAX;
use tidings_protocol::operation::{Answered, Operation, OperationError, Refused, Request};
use tidings_protocol::{OperationId, Timestamp};

use super::limits::{ASKED_FRAMES_MAX, RETRY_MILLIS};
use super::place::Place;
use crate::act::Refusal;

/// What a device asks.
#[derive(Debug, Default)]
pub(super) struct Asked {
    waiting: VecDeque<Ask>,
    /// Stands by itself: most of the time there is none.
    flying: Option<Box<Batch>>,
    /// The highest place that is committed as held.
    held: u64,
    /// Not before then: the store was not available.
    retry_at: Option<Timestamp>,
}

#[derive(Debug)]
enum Ask {
    /// Everything up to this place is durable on the device.
    Held(u64),
    /// One frame of operations.
    Operations(Vec<Value>),
}

impl Ask {
    /// How many operations it is. A frame has at most [`OPERATIONS_PER_FRAME_MAX`].
    fn len(&self) -> usize {
        match self {
            Self::Held(_) => 1,
            Self::Operations(asked) => asked.len(),
        }
    }
}

/// What is being committed.
#[derive(Debug, Default)]
struct Batch {
    /// The highest place in it.
    held: Option<u64>,
    /// The ids that stand for `held` frames, which have none of the device's own.
    held_ids: BTreeSet<OperationId>,
    /// The device's own ids.
    asked: Vec<OperationId>,
    /// Whether there is a frame in it that is answered.
    frames: bool,
}

impl Asked {
    /// Whether another frame may be read from the device.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < ASKED_FRAMES_MAX
    }

    /// Whether nothing waits and nothing is being committed.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.flying.is_none()
    }

    /// The device holds everything up to a place that was sent to it.
    pub(super) fn hold(&mut self, place: u64) {
        let flying = self.flying.as_ref().and_then(|batch| batch.held);
        if place <= self.held || flying >= Some(place) {
            return;
        }
        match self.waiting.back_mut() {
            Some(Ask::Held(waiting)) => *waiting = place.max(*waiting),
            Some(Ask::Operations(_)) | None => self.waiting.push_back(Ask::Held(place)),
        }
    }

    /// The device asks for operations.
    pub(super) fn ask(&mut self, operations: Vec<Value>) {
        self.waiting.push_back(Ask::Operations(operations));
    }

    /// The inbox begins anew: places of the old one mean nothing.
    pub(super) fn forget_places(&mut self, held: u64) {
        self.held = held;
        self.waiting.retain(|ask| matches!(ask, Ask::Operations(_)));
        if let Some(batch) = &mut self.flying {
            batch.held = None;
        }
    }

    /// When the next batch may begin, if it has to wait.
    pub(super) const fn retry_at(&self) -> Option<Timestamp> {
        self.retry_at
    }

    /// The next batch to commit, if there is one and none is under way.
    pub(super) fn begin_batch(
        &mut self,
        place: &Place,
        now: Timestamp,
    ) -> Option<Vec<Result<Operation, OperationError>>> {
        if self.retry_at.is_some_and(|at| now < at) {
            return None;
        }
        self.retry_at = None;
        if self.flying.is_some() || self.waiting.is_empty() {
            return None;
        }
        let mut batch = Batch::default();
        let mut operations = Vec::new();
        let mut room = OPERATIONS_PER_FRAME_MAX;
        while let Some(next) = self.waiting.pop_front_if(|next| next.len() <= room) {
            room -= next.len();
            match next {
                Ask::Held(held) => operations.push(Ok(batch.hold(held, place))),
                Ask::Operations(asked) => {
                    batch.frames = true;
                    operations.extend(asked.into_iter().map(Operation::read));
                }
            }
        }
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        batch.asked = operations.iter().filter_map(id_of).filter(|id| !batch.held_ids.contains(id)).collect();
        self.flying = Some(Box::new(batch));
        Some(operations)
    }

    /// What became of the batch; answers what the device is told, if anything.
    pub(super) fn end_batch(
        &mut self,
        answer: Result<Answered, &Refusal>,
        now: Timestamp,
    ) -> Option<Answered> {
        let batch = self.flying.take()?;
        match answer {
            Ok(mut answered) => {
                let later = |refused: &Refused| !refused.permanent && batch.held_ids.contains(&refused.id);
                let again = answered.refused.iter().any(later);
                self.end_held(&batch, again, now);
                answered.done.retain(|id| !batch.held_ids.contains(id));
                answered.refused.retain(|refused| !batch.held_ids.contains(&refused.id));
                batch.frames.then_some(answered)
            }
            Err(refusal) => {
                let permanent = !refusal.is_transient();
                self.end_held(&batch, !permanent, now);
                let refused = batch.asked.iter().map(|id| Refused {
                    id: id.clone(),
                    code: refusal.code().to_owned(),
                    detail: refusal.to_string(),
                    permanent,
                    value: None,
                });
                batch.frames.then(|| Answered { done: Vec::new(), refused: refused.collect() })
            }
        }
    }

    /// A `held` that was not committed is asked for again: the device does not know that it was lost, and says it only
    /// once.
    fn end_held(&mut self, batch: &Batch, again: bool, now: Timestamp) {
        let Some(held) = batch.held else { return };
        if again {
            self.waiting.push_front(Ask::Held(held));
            self.retry_at = Some(now.plus_millis(RETRY_MILLIS));
        } else {
            self.held = self.held.max(held);
        }
    }
}

impl Batch {
    /// The operation of a `held` frame. Its id names the place, so that it takes effect once however often it is said.
    fn hold(&mut self, held: u64, place: &Place) -> Operation {
        let cursor = place.cursor(held);
        let id =
            OperationId::new(format!("held:{cursor}")).expect("a cursor of ours is short and has no slash");
        self.held = self.held.max(Some(held));
        self.held_ids.insert(id.clone());
        Operation { id, at: None, request: Request::Held { cursor } }
    }
}

fn id_of(operation: &Result<Operation, OperationError>) -> Option<OperationId> {
    match operation {
        Ok(operation) => Some(operation.id.clone()),
        Err(error) => error.id.clone(),
    }
}
