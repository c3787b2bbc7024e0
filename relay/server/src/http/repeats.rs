//! Repetitions of calls that are not acts of the core (connect codes, keys, the stop switch …): their answers are kept in
//! memory for a day. Acts keep theirs in the transaction that accepts them.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use tidings_protocol::ProjectId;

use super::answer::Answered;
use super::body::Sent;
use super::problem::Problem;
use crate::writer::WriterError;

/// Answers that are kept: a few kilobytes each.
const ANSWERS_MAX: u64 = 10_000;
const KEPT: Duration = Duration::from_secs(24 * 3_600);

type Key = (ProjectId, Box<str>, Box<str>);

/// Answers of the last day.
#[derive(Debug)]
pub(crate) struct Repeats {
    answers: moka::sync::Cache<Key, Arc<Kept>>,
    in_flight: Mutex<BTreeSet<Key>>,
}

#[derive(Debug)]
struct Kept {
    fingerprint: [u8; 32],
    answered: Answered,
}

impl Default for Repeats {
    fn default() -> Self {
        let answers = moka::sync::Cache::builder().max_capacity(ANSWERS_MAX).time_to_live(KEPT).build();
        Self { answers, in_flight: Mutex::default() }
    }
}

impl Repeats {
    /// Does the work, or answers as the first time.
    pub(crate) async fn once<F>(
        &self,
        project: &ProjectId,
        sent: &Sent,
        work: F,
    ) -> Result<Response, Box<Problem>>
    where
        F: Future<Output = Result<Answered, Box<Problem>>> + Send,
    {
        let Some(repeat) = sent.repeat()? else { return Ok(work.await?.response()) };
        let key = (project.clone(), repeat.route, repeat.key);
        if let Some(kept) = self.answers.get(&key) {
            if kept.fingerprint != repeat.fingerprint {
                return Err(mismatch());
            }
            return Ok(kept.answered.clone().replayed().response());
        }
        let _guard = self.enter(key.clone())?;
        let answered = work.await?;
        let kept = Kept { fingerprint: repeat.fingerprint, answered: answered.clone() };
        self.answers.insert(key, Arc::new(kept));
        Ok(answered.response())
    }

    fn enter(&self, key: Key) -> Result<Guard<'_>, Box<Problem>> {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_flight.insert(key.clone()) {
            return Err(WriterError::InFlight.into());
        }
        Ok(Guard { repeats: self, key })
    }
}

struct Guard<'r> {
    repeats: &'r Repeats,
    key: Key,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.repeats.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

fn mismatch() -> Box<Problem> {
    let detail = "This Idempotency-Key was used with another body: use a new key.";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch", detail)
}
