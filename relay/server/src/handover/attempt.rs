//! One attempt at one delivery: from its claim to the word of what came of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidings_core::act::{Act, Unit};
use tidings_core::configuration::{Alert, Configuration, Provider as Settings};
use tidings_core::delivery::{self, Handover, Outcome};
use tidings_protocol::{ProjectId, Timestamp};

use super::claims::Hold;
use super::lanes::{Ended, LaneKey};
use super::{Handovers, RETRY_AFTER};
use crate::channels::{ATTEMPT_DEADLINE, Links, Provider};

/// A provider that does not keep its own deadline is given up a little later.
pub(crate) const GIVE_UP_AFTER: Duration = ATTEMPT_DEADLINE.saturating_add(Duration::from_secs(2));

impl Handovers {
    /// Starts the attempt at a delivery that was claimed.
    pub(super) async fn begin(
        &self,
        (handover, hold): (Box<Handover>, Hold),
        settings: Option<Settings>,
        links: Option<Links>,
    ) {
        let key: LaneKey = (handover.project.clone(), handover.provider.clone());
        let Some(settings) = settings else {
            let outcome = Outcome::Misconfigured { code: "provider_gone".into() };
            return self.conclude(key.0, handover.delivery, handover.attempt, outcome).await;
        };
        let address = handover.address.clone();
        let host = delivery::host(handover.channel, &address).unwrap_or_default();
        let probe = self.0.lanes.begun((&key, &host));
        let provider = match self.0.accounts.get(&key.0, &key.1, &settings).await {
            Ok(provider) => provider.map_err(|code| Outcome::Misconfigured { code: code.into() }),
            Err(_) => Err(Outcome::transient("store")),
        };
        let this = self.clone();
        self.0.attempts.spawn(async move {
            let began = Instant::now();
            let (project, delivery, attempt) =
                (handover.project.clone(), handover.delivery.clone(), handover.attempt);
            let channel = handover.channel.as_str();
            let outcome = match (provider, links) {
                (Ok(provider), Some(links)) => this.ask(provider, handover, links).await,
                (Ok(_), None) => Outcome::transient("store"),
                (Err(outcome), _) => outcome,
            };
            metrics::counter!("tidings_attempts_total", "channel" => channel, "outcome" => outcome.kind())
                .increment(1);
            metrics::histogram!("tidings_attempt_seconds", "channel" => channel).record(began.elapsed());
            let ended = Ended { host: &host, address: &address, outcome: &outcome, probe };
            if this.0.lanes.ended(&key, &settings, ended, this.0.clock.now()) {
                let code = outcome.code().unwrap_or_default();
                let text = format!("{}: {code}", key.1);
                this.0.listeners.alarms.note(project.clone(), Alert::ProviderDown, text);
            }
            this.conclude(project, delivery, attempt, outcome).await;
            drop(hold);
            this.0.ended.notify_one();
        });
    }

    /// Asks a provider. One that does not answer in time, or fails in itself, leaves an outcome that nobody knows.
    async fn ask(&self, provider: Arc<dyn Provider>, handover: Box<Handover>, links: Links) -> Outcome {
        let asking = self.0.attempts.spawn(async move { provider.hand_over(&handover, &links).await });
        let unknown = |code: &str| Outcome::Unknown { code: code.into() };
        match tokio::time::timeout(GIVE_UP_AFTER, asking).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                tracing::error!(%error, "a provider failed in itself");
                unknown("failed_in_itself")
            }
            Err(_) => unknown("timeout"),
        }
    }

    /// The ways out of deliveries that were claimed; none for those whose ways out could not be kept, which wait.
    pub(super) async fn links(
        &self,
        configuration: &Configuration,
        claimed: &[Box<Handover>],
        now: Timestamp,
    ) -> Vec<Option<Links>> {
        let handovers: Vec<&Handover> = claimed.iter().map(|handover| &**handover).collect();
        if handovers.is_empty() {
            return Vec::new();
        }
        match self.0.links.make(configuration, &handovers, now).await {
            Ok(links) => links.into_iter().map(Some).collect(),
            Err(error) => {
                tracing::warn!(%error, "ways out could not be kept: what was claimed waits");
                claimed.iter().map(|_| None).collect()
            }
        }
    }

    /// Tells what came of an attempt, for as long as it takes: only this node knows it.
    pub(super) async fn conclude(
        &self,
        project: ProjectId,
        delivery: Box<str>,
        attempt: u32,
        outcome: Outcome,
    ) {
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
