//! Moves what is due: releases, steps, fan-outs, expiries; purges what is past its retention; recounts the books.
//!
//! The dispatch decides nothing. It reads which rows are due, lane by lane and a quantum of each project at a time, and
//! hands them to the writer as acts; the act looks at the row again inside its transaction, so that a row that is read
//! twice is moved once. It sleeps until the next row is due or the hub's bell says that an earlier one was added.

mod clicks;
mod purge;
mod recount;
mod time_guard;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tidings_core::act::{Act, Unit};
use tidings_core::model::Lane;
use tidings_core::ports::{BookReader, Clock, DueReader, InboxReader, Registry, StoreError};
use tidings_protocol::Timestamp;
use tokio_util::sync::CancellationToken;

pub use self::time_guard::{Anchor, JUMP_MILLIS_MAX, STEADY_MILLIS_MIN, TimeGuard};
use crate::alerts::Alarms;
use crate::hub::{DueBell, Hub};
use crate::socket::LiveConfiguration;
use crate::submit::Submit;

/// Rows of one project that are taken from a lane in one round, so that a large project does not delay the others.
pub const QUANTUM_ROWS: usize = 64;
/// Rows that are taken from a lane in one round.
pub const ROUND_ROWS_MAX: usize = 256;
/// Without a bell the dispatch looks this often: rows that another node added are found by it.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a round waits after the store was not available.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often the heads of sessions are compared with the store.
const HEADS_EVERY: Duration = Duration::from_secs(60);
/// How often the books are recounted.
const BOOKS_EVERY: Duration = Duration::from_secs(60);
/// How often a bounded amount of what is past its retention is deleted.
const PURGE_EVERY: Duration = Duration::from_secs(60);
/// Rows that one purge deletes: a few milliseconds of the store's time.
const PURGE_ROWS: usize = 500;
/// How often the wall clock is looked at.
const CLOCK_EVERY: Duration = Duration::from_secs(1);

/// The lanes, in the order of a round.
const LANES: [Lane; 3] = [Lane::Release, Lane::Step, Lane::FanOut];

/// What the dispatch stands on.
#[derive(Clone)]
pub struct Dispatch {
    /// Which rows are due.
    pub due: Arc<dyn DueReader>,
    /// The books.
    pub books: Arc<dyn BookReader>,
    /// Which projects there are.
    pub registry: Arc<dyn Registry>,
    /// What their documents say of retention.
    pub live: Arc<dyn LiveConfiguration>,
    /// The heads of inboxes.
    pub inboxes: Arc<dyn InboxReader>,
    /// The writer.
    pub submit: Arc<dyn Submit>,
    /// The sessions of this node.
    pub hub: Arc<Hub>,
    /// What operators hear of.
    pub(crate) alarms: Arc<Alarms>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether the time can be trusted.
    pub guard: Arc<TimeGuard>,
}

impl std::fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dispatch").field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Rows that were handed in.
    pub taken: usize,
    /// Rows of these that stay due: the writer refused them.
    pub put_off: usize,
}

/// What is looked at now and then.
#[derive(Clone, Copy, Debug)]
enum Check {
    Heads,
    Books,
    Purge,
    Clock,
}

impl Dispatch {
    /// Runs until the token is cancelled: due work, and beside it the slow checks. A round that has begun is finished.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(
            self.move_due(&stop),
            self.every(HEADS_EVERY, &stop, Check::Heads),
            self.every(BOOKS_EVERY, &stop, Check::Books),
            self.every(PURGE_EVERY, &stop, Check::Purge),
            self.every(CLOCK_EVERY, &stop, Check::Clock),
            clicks::look_daily(&self, &stop),
        );
    }

    /// Hands everything in that is due at this moment, one quantum of each lane and project.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked; what was handed in before is done.
    pub async fn round(&self) -> Result<Round, StoreError> {
        let mut round = Round::default();
        if self.guard.is_paused() {
            return Ok(round);
        }
        let now = self.clock.now();
        for lane in LANES {
            let rows = self.due.due(lane, now, QUANTUM_ROWS, ROUND_ROWS_MAX).await?;
            let units = rows.into_iter().map(|row| (row.person.project.clone(), Act::Advance(row)));
            self.hand_in(units, &mut round).await;
        }
        let expired = self.due.expired(now, ROUND_ROWS_MAX).await?;
        let units = expired.into_iter().map(|(person, id)| (person.project.clone(), Act::Expire(person, id)));
        self.hand_in(units, &mut round).await;
        Ok(round)
    }

    /// Hands acts in together, so that they share a transaction, and waits for all of them.
    async fn hand_in(
        &self,
        acts: impl Iterator<Item = (tidings_protocol::ProjectId, Act)>,
        round: &mut Round,
    ) {
        let mut waiting: FuturesUnordered<_> = acts
            .map(|(project, act)| self.submit.submit(Unit { project, sandbox: false, repeat: None, act }))
            .collect();
        while let Some(settled) = waiting.next().await {
            round.taken += 1;
            match settled.answer {
                Ok(_) => {}
                Err(refusal) if refusal.is_transient() => round.put_off += 1,
                // The row stays due. It must not be tried again at once for ever.
                Err(refusal) => {
                    round.put_off += 1;
                    tracing::error!(code = refusal.code(), "due work was refused");
                    metrics::counter!("tidings_due_refused_total", "code" => refusal.code()).increment(1);
                }
            }
        }
    }

    async fn move_due(&self, stop: &CancellationToken) {
        let bell = self.hub.due_bell();
        loop {
            let pause = match self.round().await {
                Ok(round) if round.put_off > 0 => RETRY_AFTER,
                Ok(round) if round.taken > 0 => Duration::ZERO,
                Ok(_) => self.until_next().await,
                Err(error) => {
                    tracing::warn!(%error, "due work could not be read");
                    RETRY_AFTER
                }
            };
            if self.sleep(pause, &bell, stop).await {
                return;
            }
        }
    }

    /// Sleeps, at the longest until earlier work is due; answers whether the dispatch is to stop.
    async fn sleep(&self, pause: Duration, bell: &DueBell, stop: &CancellationToken) -> bool {
        let end = tokio::time::sleep(pause);
        tokio::pin!(end);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return true,
                () = &mut end => return false,
                at = bell.rung() => {
                    let earlier = tokio::time::Instant::now() + self.until(at);
                    if earlier < end.deadline() {
                        end.as_mut().reset(earlier);
                    }
                }
            }
        }
    }

    async fn until_next(&self) -> Duration {
        match self.due.next_due().await {
            Ok(Some(at)) if !self.guard.is_paused() => self.until(at).min(LOOK_EVERY),
            Ok(_) => LOOK_EVERY,
            Err(error) => {
                tracing::warn!(%error, "the next due work could not be read");
                RETRY_AFTER
            }
        }
    }

    fn until(&self, at: Timestamp) -> Duration {
        let millis = at.millis_since(self.clock.now()).max(0).unsigned_abs();
        Duration::from_millis(millis)
    }

    async fn compare_heads(&self) {
        if let Err(error) = self.hub.compare_heads(&*self.inboxes).await {
            tracing::warn!(%error, "the heads of inboxes could not be compared");
        }
    }

    async fn purge(&self) {
        if self.guard.is_paused() {
            return;
        }
        match purge::purge(self, PURGE_ROWS).await {
            Ok(0) => {}
            Ok(rows) => metrics::counter!("tidings_purged_rows_total").increment(rows),
            Err(error) => tracing::warn!(%error, "old rows could not be purged"),
        }
    }

    async fn recount(&self) {
        if let Err(error) = recount::recount(self).await {
            tracing::warn!(%error, "the books could not be recounted");
        }
    }

    async fn every(&self, pause: Duration, stop: &CancellationToken, check: Check) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            match check {
                Check::Heads => self.compare_heads().await,
                Check::Books => self.recount().await,
                Check::Purge => self.purge().await,
                Check::Clock => self.guard.look(self.clock.now()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
