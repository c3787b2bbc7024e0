//! Many orders at once, and a relay that is killed while they come in.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;
use url::Url;

use super::people::Member;
use super::publisher::Publisher;
use super::relay::RelayProcess;
use super::shop::order;
use crate::calls::Calls;
use crate::error::CommandError;

/// People whose phones are on.
const PHONES: u64 = 6;
/// People who are in a tunnel until the relay is back: what is theirs waits without an acknowledgement.
const IN_TUNNEL: u64 = 6;
/// Orders of each of them: below the shop's cap of 20 a day, so that nothing is put off until tomorrow.
const ORDERS_EACH: u64 = 15;
/// Publishers at work.
const WORKERS: usize = 128;
/// What has to be in flight when the power fails.
const IN_FLIGHT_MIN: usize = 50;
/// How long it may take until so much is in flight.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_micros(200);

/// Connected people.
pub(super) struct Crowd {
    members: Vec<Member>,
    /// Those who are still in the tunnel.
    late: Vec<String>,
    calls: Calls,
    folder: PathBuf,
}

/// What was in flight when the power failed.
pub(super) struct Fall {
    pub(super) publishes: usize,
    pub(super) deliveries: u64,
    pub(super) back_after_ms: u128,
}

impl Crowd {
    pub(super) async fn connect(calls: &Calls, relay: &Url, folder: &Path) -> Result<Self, CommandError> {
        let phones: Vec<String> = (1..=PHONES).map(|number| format!("phone-{number}")).collect();
        let late: Vec<String> = (1..=IN_TUNNEL).map(|number| format!("tunnel-{number}")).collect();
        for name in phones.iter().chain(&late) {
            calls.put(&["v1", "recipients", name], &json!({"time_zone": "Etc/UTC"})).await?;
            let awake = json!({"quiet_hours": {"spans": []}});
            calls.put(&["v1", "recipients", name, "preferences"], &awake).await?;
        }
        let mut members = Vec::new();
        for name in &phones {
            members.push(Member::connect(calls, relay, folder, name).await?);
        }
        Ok(Self { members, late, calls: calls.clone(), folder: folder.into() })
    }

    /// Keeps the publishers at work, kills the relay among it, and starts it again where it was.
    pub(super) async fn through_a_power_failure(
        &self,
        publisher: &Publisher,
        relay: RelayProcess,
    ) -> Result<(RelayProcess, Fall), CommandError> {
        let before = publisher.promised();
        let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let customers: Arc<[String]> =
            self.late.iter().cloned().chain(self.members.iter().map(|member| member.name.clone())).collect();
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            let (publisher, stop, next) = (publisher.clone(), Arc::clone(&stop), Arc::clone(&next));
            let customers = Arc::clone(&customers);
            workers.spawn(async move { publish(&publisher, &customers, &stop, &next).await });
        }
        let busy = async {
            let wanted = IN_TUNNEL * ORDERS_EACH;
            while publisher.in_flight() < IN_FLIGHT_MIN || publisher.promised_in_tunnel() < wanted {
                tokio::time::sleep(LOOK).await;
            }
        };
        let late =
            |_| CommandError::Found { detail: "the relay was never busy enough to be killed".to_owned() };
        tokio::time::timeout(BUSY_TIMEOUT, busy).await.map_err(late)?;
        let publishes = publisher.in_flight();
        let in_tunnel = publisher.promised_in_tunnel();
        let on_phones = (publisher.promised() - before).saturating_sub(in_tunnel);
        let killed = Instant::now();
        let (folder, address, key) = relay.kill().await?;
        stop.store(true, Ordering::Release);
        while let Some(worker) = workers.join_next().await {
            worker.map_err(|error| CommandError::Found { detail: error.to_string() })??;
        }
        let mut received = 0;
        for member in &self.members {
            received += member.rows().await? as u64;
        }
        // A phone may have received what was committed and not answered yet: that makes up for nothing in the tunnel.
        let deliveries = in_tunnel + on_phones.saturating_sub(received);
        if deliveries < IN_FLIGHT_MIN as u64 {
            return Err(CommandError::Found {
                detail: format!("only {deliveries} deliveries were in flight when the relay was killed"),
            });
        }
        let relay = RelayProcess::start(&folder, Some((&address, &key))).await?;
        publisher.move_to(&relay.calls(None)?);
        let back_after_ms = killed.elapsed().as_millis();
        Ok((relay, Fall { publishes, deliveries, back_after_ms }))
    }

    /// The people in the tunnel come out.
    pub(super) async fn arrive_late(mut self, relay: &Url) -> Result<Self, CommandError> {
        for name in std::mem::take(&mut self.late) {
            self.members.push(Member::connect(&self.calls, relay, &self.folder, &name).await?);
        }
        Ok(self)
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    pub(super) async fn close(&self) {
        for member in &self.members {
            member.client.close().await;
        }
    }
}

/// One publisher: orders of the people with phones first, then of visitors without one, until it is told to stop.
async fn publish(
    publisher: &Publisher,
    customers: &[String],
    stop: &AtomicBool,
    next: &AtomicU64,
) -> Result<(), CommandError> {
    while !stop.load(Ordering::Acquire) {
        let number = next.fetch_add(1, Ordering::AcqRel);
        let visitor = || format!("visitor-{}", number % 500);
        let place = usize::try_from(number / ORDERS_EACH).unwrap_or(usize::MAX);
        let customer = customers.get(place).cloned().unwrap_or_else(visitor);
        publisher
            .state(order("order.placed", &format!("evt-busy-{number}"), 10_000 + number, &customer))
            .await?;
    }
    Ok(())
}
