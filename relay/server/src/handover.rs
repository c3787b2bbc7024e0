//! Hands deliveries over to providers.
//!
//! It decides nothing: it reads which deliveries are due, lane by lane, claims as many as their provider takes now, and
//! tells the writer what came of each. A lane is a project's provider; one that rests is not looked at, and no lane gets
//! more than its share of a round, so that the backlog of one never keeps another waiting. Claiming is beginning: what a
//! node that died had claimed has an outcome that nobody knows, and the next start says so.

mod accounts;
mod breaker;
mod gone;
mod lanes;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tidings_core::act::{Act, Answer, Unit};
use tidings_core::configuration::{Alert, Provider as Settings};
use tidings_core::delivery::{self, Handover, Outcome};
use tidings_core::ports::{Clock, HandoverLane, HandoverReader, Ids, Registry, StoreError};
use tidings_protocol::{ProjectId, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::accounts::Accounts;
pub(crate) use self::gone::GoneAddresses;
pub(crate) use self::lanes::Lanes;
use self::lanes::{Admitted, LaneKey};
use crate::channels::{ATTEMPT_DEADLINE, Links, Provider};
use crate::dispatch::TimeGuard;
use crate::socket::LiveConfiguration;
use crate::submit::Submit;
use crate::writer::Listeners;

/// Without a bell it looks this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long it waits after the store was not available.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Deliveries of a dead node that are concluded in one transaction.
const RECOVERED_AT_ONCE: usize = 256;
/// A provider that does not keep its own deadline is given up a little later.
const GIVE_UP_AFTER: Duration = ATTEMPT_DEADLINE.saturating_add(Duration::from_secs(2));

/// What handing over stands on.
#[derive(Clone, Debug)]
pub(crate) struct Handovers(Arc<Inner>);

/// See [`Handovers`].
pub(crate) struct Inner {
    pub(crate) waiting: Arc<dyn HandoverReader>,
    pub(crate) live: Arc<dyn LiveConfiguration>,
    pub(crate) submit: Arc<dyn Submit>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) guard: Arc<TimeGuard>,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) listeners: Arc<Listeners>,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) accounts: Accounts,
    /// This start of this node.
    pub(crate) incarnation: u64,
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
    /// When there is something to do again, if it is known.
    next: Option<Timestamp>,
}

impl Round {
    fn sooner(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

impl Handovers {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Hands over until the token is cancelled, then waits for what is under way.
    pub(crate) async fn run(self, stop: CancellationToken) {
        self.recover(&stop).await;
        let bell = self.0.listeners.hub.handover_bell();
        loop {
            let pause = match self.round().await {
                Ok(round) if round.taken > 0 => Duration::ZERO,
                Ok(round) => round.next.map_or(LOOK_EVERY, |at| self.until(at)).min(LOOK_EVERY),
                Err(error) => {
                    tracing::warn!(%error, "deliveries that wait could not be read");
                    RETRY_AFTER
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
                () = self.0.ended.notified() => {}
                () = self.0.listeners.gone.noted() => self.stop_gone().await,
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

    /// One round over all lanes.
    async fn round(&self) -> Result<Round, StoreError> {
        let mut round = Round::default();
        if self.0.guard.is_paused() {
            return Ok(round);
        }
        for lane in self.0.waiting.handover_lanes().await? {
            self.lane(lane, &mut round).await?;
        }
        Ok(round)
    }

    async fn lane(&self, lane: HandoverLane, round: &mut Round) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        if lane.due > now {
            round.sooner(lane.due);
            return Ok(());
        }
        let key: LaneKey = (lane.project, lane.provider);
        let configuration = self.0.live.live(&key.0).await?;
        // Of one that is not in the document any more the act decides: another provider, or none.
        let gone = Settings::webpush();
        let settings = delivery::provider(&configuration, &key.1).unwrap_or(&gone);
        let room = match self.0.lanes.admits(&key, settings, now) {
            Admitted::Now(room) => room,
            Admitted::From(at) => {
                round.sooner(at);
                return Ok(());
            }
            Admitted::Full => return Ok(()),
        };
        let due = self.0.waiting.due_handovers(&key.0, &key.1, now, room).await?;
        let claims: FuturesUnordered<_> = due
            .into_iter()
            .map(|(delivery, person)| {
                let present_until = self.0.listeners.hub.present_until(&person);
                let act = Act::HandOver { delivery, owner: self.0.incarnation, present_until };
                self.submit(&key.0, act)
            })
            .collect();
        for answer in claims.collect::<Vec<_>>().await {
            round.taken += 1;
            if let Some(Answer::Handover(Some(handover))) = answer {
                self.begin(handover).await;
            }
        }
        Ok(())
    }

    async fn submit(&self, project: &ProjectId, act: Act) -> Option<Answer> {
        let unit = Unit { project: project.clone(), sandbox: false, repeat: None, act };
        match self.0.submit.submit(unit).await.answer {
            Ok(answer) => Some(answer),
            Err(refusal) => {
                tracing::warn!(code = refusal.code(), "a delivery could not be moved");
                None
            }
        }
    }

    /// Starts the attempt at a delivery that was claimed.
    async fn begin(&self, handover: Box<Handover>) {
        let key: LaneKey = (handover.project.clone(), handover.provider.clone());
        self.0.lanes.begun(&key);
        let settings = match self.0.live.live(&key.0).await {
            Ok(configuration) => delivery::provider(&configuration, &key.1).cloned(),
            Err(_) => None,
        };
        let settings = settings.unwrap_or_else(Settings::webpush);
        let provider = match self.0.accounts.get(&key.0, &key.1, &settings).await {
            Ok(provider) => provider.map_err(|code| Outcome::Misconfigured { code: code.into() }),
            Err(_) => Err(Outcome::transient("store")),
        };
        let this = self.clone();
        self.0.attempts.spawn(async move { this.attempt(key, settings, provider, handover).await });
    }

    async fn attempt(
        &self,
        key: LaneKey,
        settings: Settings,
        provider: Result<Arc<dyn Provider>, Outcome>,
        handover: Box<Handover>,
    ) {
        let began = std::time::Instant::now();
        let outcome = match provider {
            Ok(provider) => {
                let links = Links::default();
                let handing = provider.hand_over(&handover, &links);
                let late = |_| Outcome::Unknown { code: "timeout".into() };
                tokio::time::timeout(GIVE_UP_AFTER, handing).await.unwrap_or_else(late)
            }
            Err(outcome) => outcome,
        };
        let (channel, kind) = (handover.channel.as_str(), outcome.kind());
        metrics::counter!("tidings_attempts_total", "channel" => channel, "outcome" => kind).increment(1);
        metrics::histogram!("tidings_attempt_seconds", "channel" => channel).record(began.elapsed());
        if self.0.lanes.ended(&key, &settings, &outcome, self.0.clock.now()) {
            let code = outcome.code().unwrap_or_default();
            let text = format!("{}: {code}", key.1);
            self.0.listeners.alarms.note(key.0.clone(), Alert::ProviderDown, text);
        }
        self.conclude(key.0, handover.delivery, handover.attempt, outcome).await;
        self.0.ended.notify_one();
    }

    /// Tells what came of an attempt, for as long as it takes: only this node knows it.
    async fn conclude(&self, project: ProjectId, delivery: Box<str>, attempt: u32, outcome: Outcome) {
        loop {
            let act = Act::Conclude { delivery: delivery.clone(), attempt, outcome: outcome.clone() };
            let unit = Unit { project: project.clone(), sandbox: false, repeat: None, act };
            match self.0.submit.submit(unit).await.answer {
                Err(refusal) if refusal.is_transient() => tokio::time::sleep(RETRY_AFTER).await,
                Ok(_) => return,
                Err(refusal) => {
                    tracing::error!(code = refusal.code(), "what came of a delivery was refused");
                    return;
                }
            }
        }
    }
}
