//! Hands deliveries over to providers.
//!
//! It decides nothing: it reads which deliveries are due, lane by lane, claims as many as their provider takes now, and
//! tells the writer what came of each. A lane is a project's provider, and a server of its own where addresses name theirs.
//! One that rests is asked only for what another provider could take, and no lane gets more than its share of a round, so
//! that the backlog of one never keeps another waiting. Claiming is beginning: what a node that died had claimed has an
//! outcome that nobody knows, and the next start says so.

mod accounts;
mod attempt;
mod breaker;
mod claims;
mod gone;
mod lanes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tidings_core::act::{Act, Answer, Unit};
use tidings_core::configuration::{Configuration, Provider as Settings};
use tidings_core::delivery::{self, Outcome};
use tidings_core::ports::{
    Begun, Clock, DueHandover, HandoverLane, HandoverReader, Ids, Registry, StoreError,
};
use tidings_protocol::{ProjectId, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::accounts::Accounts;
pub(crate) use self::attempt::GIVE_UP_AFTER;
use self::claims::Hold;
pub(crate) use self::claims::{Claims, LOST_AFTER};
pub(crate) use self::gone::GoneAddresses;
pub(crate) use self::lanes::Lanes;
use self::lanes::{Admitted, LaneKey};
use crate::access::Directory;
use crate::channels::links::LinkMaker;
use crate::dispatch::TimeGuard;
use crate::socket::LiveConfiguration;
use crate::submit::Submit;
use crate::writer::Listeners;

/// Without a bell it looks this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long it waits after the store was not available.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Deliveries of one lane that are claimed in one round.
const QUANTUM: usize = 16;
/// Deliveries of a provider that rests which are given to another one in one round.
const PASSED_ON: usize = 64;
/// Deliveries of a dead node that are concluded in one transaction.
const RECOVERED_AT_ONCE: usize = 256;

/// What handing over stands on.
#[derive(Clone, Debug)]
pub(crate) struct Handovers(Arc<Inner>);

/// See [`Handovers`].
pub(crate) struct Inner {
    pub(crate) waiting: Arc<dyn HandoverReader>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) live: Arc<dyn LiveConfiguration>,
    pub(crate) submit: Arc<dyn Submit>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) guard: Arc<TimeGuard>,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) listeners: Arc<Listeners>,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) accounts: Accounts,
    pub(crate) links: LinkMaker,
    /// This start of this node.
    pub(crate) incarnation: u64,
    pub(crate) claims: Arc<Claims>,
    /// After so long an attempt that nobody holds is taken up again.
    pub(crate) lost_after: Duration,
    /// Rung when an attempt ended: its lane has room again.
    pub(crate) ended: Notify,
    pub(crate) attempts: TaskTracker,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handovers").field("lanes", &self.lanes).finish_non_exhaustive()
    }
}

/// What a round found.
#[derive(Debug, Default)]
struct Round {
    taken: usize,
    /// The writer refused some: they stay due.
    refused: usize,
    /// When there is something to do again, if it is known.
    next: Option<Timestamp>,
}

impl Round {
    fn sooner(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

/// What became of a claim.
enum Claimed {
    Begun(Box<delivery::Handover>, Hold),
    /// It was put off, stopped or given to another provider.
    Moved,
    Refused,
}

impl Handovers {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// With another time after which what nobody holds is lost.
    #[cfg(test)]
    pub(crate) fn losing_after(mut self, lost_after: Duration) -> Self {
        Arc::get_mut(&mut self.0).expect("it does not run yet").lost_after = lost_after;
        self
    }

    /// Hands over until the token is cancelled, then waits for what is under way.
    pub(crate) async fn run(self, stop: CancellationToken) {
        self.recover(&stop).await;
        let bell = self.0.listeners.hub.handover_bell();
        let mut first = 0;
        let mut looked = Instant::now();
        while !stop.is_cancelled() {
            self.stop_gone().await;
            if looked.elapsed() >= self.0.lost_after / 3 {
                looked = Instant::now();
                self.take_up_lost().await;
            }
            let pause = match self.round(first, &stop).await {
                Ok(round) if round.refused > 0 => RETRY_AFTER,
                Ok(round) if round.taken > 0 => Duration::ZERO,
                Ok(round) => round.next.map_or(LOOK_EVERY, |at| self.until(at)).min(LOOK_EVERY),
                Err(error) => {
                    tracing::warn!(%error, "deliveries that wait could not be read");
                    RETRY_AFTER
                }
            };
            first += 1;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.0.listeners.gone.noted() => {}
                () = tokio::time::sleep(pause) => {}
                () = self.0.ended.notified() => {}
                _ = bell.rung() => {}
            }
        }
        self.0.attempts.close();
        self.0.attempts.wait().await;
    }

    async fn stop_gone(&self) {
        let now = self.0.clock.now();
        if let Err(error) = self.0.listeners.gone.write(&*self.0.registry, &*self.0.ids, now).await {
            tracing::warn!(%error, "an address that is gone is not on the stop list yet");
        }
    }

    fn until(&self, at: Timestamp) -> Duration {
        Duration::from_millis(at.millis_since(self.0.clock.now()).max(0).unsigned_abs())
    }

    /// What a node that died had begun has an outcome that nobody knows.
    async fn recover(&self, stop: &CancellationToken) {
        let mut after: Option<Box<str>> = None;
        while !stop.is_cancelled() {
            let begun = match self.0.waiting.begun_handovers(after.as_deref(), RECOVERED_AT_ONCE).await {
                Ok(begun) => begun,
                Err(error) => {
                    tracing::warn!(%error, "deliveries that were under way could not be read");
                    tokio::time::sleep(RETRY_AFTER).await;
                    continue;
                }
            };
            let Some(last) = begun.last() else { return };
            after = Some(last.delivery.clone());
            let lost = begun.into_iter().filter(|row| row.owner != Some(self.0.incarnation));
            let concluded: FuturesUnordered<_> = lost
                .map(|row| {
                    let outcome = Outcome::Unknown { code: "node_died".into() };
                    self.conclude(row.project, row.delivery, row.attempt, outcome)
                })
                .collect();
            concluded.collect::<Vec<()>>().await;
        }
    }

    /// Takes up what this start began and nobody holds: a claim whose answer was lost, or an attempt that ended without a
    /// word. What others began is theirs: this node cannot tell whether they live.
    async fn take_up_lost(&self) {
        let mut begun = Vec::new();
        loop {
            let after = begun.last().map(|row: &Begun| row.delivery.clone());
            match self.0.waiting.begun_handovers(after.as_deref(), RECOVERED_AT_ONCE).await {
                Ok(rows) if rows.is_empty() => break,
                Ok(rows) => begun.extend(rows),
                Err(error) => {
                    tracing::warn!(%error, "deliveries that are under way could not be read");
                    return;
                }
            }
        }
        let now = (Instant::now(), self.0.lost_after);
        for (row, outcome, hold) in self.0.claims.lost(begun, self.0.incarnation, now) {
            tracing::warn!(code = outcome.code(), "a delivery that nobody held is taken up again");
            let this = self.clone();
            self.0.attempts.spawn(async move {
                this.conclude(row.project, row.delivery, row.attempt, outcome).await;
                drop(hold);
            });
        }
    }

    /// One round over all lanes, beginning at another one each time, so that those in front never take all the room.
    async fn round(&self, first: usize, stop: &CancellationToken) -> Result<Round, StoreError> {
        let mut round = Round::default();
        if self.0.guard.is_paused() {
            return Ok(round);
        }
        let mut lanes = self.0.waiting.handover_lanes().await?;
        if !lanes.is_empty() {
            let middle = first % lanes.len();
            lanes.rotate_left(middle);
        }
        for lane in lanes {
            if stop.is_cancelled() {
                break;
            }
            let project = lane.project.clone();
            if self.0.directory.project(&project).is_none_or(|row| row.stop.project) {
                continue;
            }
            // What is wrong with one project's document is no reason to keep the others waiting.
            if let Err(error) = self.lane(lane, &mut round).await {
                tracing::warn!(%error, %project, "a lane of deliveries could not be looked at");
            }
        }
        Ok(round)
    }

    async fn lane(&self, lane: HandoverLane, round: &mut Round) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        if lane.due > now {
            round.sooner(lane.due);
            return Ok(());
        }
        let key: LaneKey = (lane.project.clone(), lane.provider.clone());
        let configuration = self.0.live.live(&key.0).await?;
        let settings = delivery::provider(&configuration, &key.1);
        let (quantum, rests_until) =
            match settings.map(|settings| self.0.lanes.admits((&key, &lane.host), settings, now)) {
                Some(Admitted::Now(room)) => (room.min(QUANTUM), None),
                Some(Admitted::From(at)) => {
                    round.sooner(at);
                    return Ok(());
                }
                Some(Admitted::Full) => return Ok(()),
                Some(Admitted::Rests(until)) => {
                    round.sooner(until);
                    if !has_others(&configuration, &key.1) {
                        return Ok(());
                    }
                    (PASSED_ON, Some(until))
                }
                // The document does not name it any more: the act gives them to another one, or ends them.
                None => (PASSED_ON, None),
            };
        let due = self.0.waiting.due_handovers(&lane, now, quantum).await?;
        let claims: FuturesUnordered<_> = due
            .into_iter()
            .map(|DueHandover { delivery, person, address }| {
                let present_until = self.0.listeners.hub.present_until(&person);
                let address_rests_until = self.0.lanes.address_rests(&key, &address, now);
                let owner = self.0.incarnation;
                let act = Act::HandOver {
                    delivery: delivery.clone(),
                    owner,
                    present_until,
                    rests_until,
                    address_rests_until,
                };
                self.claim(&key.0, delivery, act)
            })
            .collect();
        let (mut begun, mut holds) = (Vec::new(), Vec::new());
        for claimed in claims.collect::<Vec<_>>().await {
            match claimed {
                Claimed::Begun(handover, hold) => {
                    round.taken += 1;
                    begun.push(handover);
                    holds.push(hold);
                }
                Claimed::Moved => round.taken += 1,
                Claimed::Refused => round.refused += 1,
            }
        }
        let links = self.links(&configuration, &begun, now).await;
        for ((handover, hold), links) in begun.into_iter().zip(holds).zip(links) {
            self.begin((handover, hold), settings.cloned(), links).await;
        }
        Ok(())
    }

    async fn claim(&self, project: &ProjectId, delivery: Box<str>, act: Act) -> Claimed {
        let unit = Unit { project: project.clone(), sandbox: false, repeat: None, act };
        match self.0.submit.submit(unit).await.answer {
            Ok(Answer::Handover(Some(handover))) => {
                let hold = self.0.claims.hold(&handover.delivery, handover.attempt);
                Claimed::Begun(handover, hold)
            }
            Ok(_) => Claimed::Moved,
            Err(refusal) => {
                tracing::warn!(code = refusal.code(), "a delivery could not be claimed");
                self.0.claims.unanswered(&delivery);
                Claimed::Refused
            }
        }
    }
}

/// Whether the channel of a provider has another one.
fn has_others(configuration: &Configuration, name: &str) -> bool {
    let Some(Settings { channel, .. }) = delivery::provider(configuration, name) else { return true };
    configuration.providers.iter().any(|(other, provider)| other != name && provider.channel == *channel)
}
