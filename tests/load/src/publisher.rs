//! Backends that state facts: closed loop for throughput, open loop for latency.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::document::order;
use crate::ledger::Ledger;
use crate::relay::Relay;
use crate::wire::blocking::BlockingConnection;
use crate::wire::http::{Connection, request};

/// API.md, Limits.
const EVENTS_PER_REQUEST_MAX: u64 = 1_000;
/// From the opening of all connections to the first instant.
const BEFORE_THE_FIRST: Duration = Duration::from_millis(50);

/// Who publishes what.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    to: SocketAddr,
    keys: Arc<[String]>,
    /// Numbers the orders of the whole run, so that no two have one id.
    next: Arc<AtomicU64>,
    /// Tells runs on one folder apart.
    run: u32,
    recipients: u64,
}

impl Publisher {
    /// One that speaks to a relay about so many recipients.
    pub(crate) fn new(relay: &Relay, recipients: u64) -> Self {
        let keys = relay.keys.clone().into();
        Self { to: relay.address, keys, next: Arc::default(), run: std::process::id(), recipients }
    }

    /// The same orders at another address.
    pub(crate) fn aimed_at(&self, to: SocketAddr) -> Self {
        Self { to, next: Arc::default(), ..self.clone() }
    }

    /// How many orders were numbered so far.
    pub(crate) fn numbered(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// The recipient of an order.
    pub(crate) fn recipient(&self, number: u64) -> String {
        // Neighbouring orders are about people far apart, as they are in life.
        format!("r{}", number.wrapping_mul(7_919) % self.recipients)
    }

    /// Connections that each state `batch` facts a request, one request after the other, for a while.
    ///
    /// # Errors
    /// If a connection cannot be opened.
    pub(crate) async fn closed_loop(
        &self,
        connections: usize,
        batch: usize,
        lasts: Duration,
    ) -> anyhow::Result<Ledger> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for place in 0..connections {
            let connection = Connection::open(self.to, None).await?;
            let (publisher, stop) = (self.clone(), Arc::clone(&stop));
            tasks.spawn(async move { publisher.publish(connection, place, batch, &stop).await });
        }
        tokio::time::sleep(lasts).await;
        stop.store(true, Ordering::Relaxed);
        let mut ledger = Ledger::default();
        while let Some(part) = tasks.join_next().await {
            ledger += part?;
        }
        Ok(ledger)
    }

    /// States facts at instants that were set beforehand, over connections that take turns. Answers the instant of each
    /// fact, in the order of their numbers.
    ///
    /// # Errors
    /// If a connection cannot be opened.
    pub(crate) async fn open_loop(
        &self,
        connections: usize,
        per_second: u32,
        lasts: Duration,
    ) -> anyhow::Result<(Ledger, Vec<Instant>)> {
        let count = u64::from(per_second) * lasts.as_secs();
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        let opened = (0..connections).map(|_| BlockingConnection::open(self.to));
        let opened = opened.collect::<anyhow::Result<Vec<_>>>()?;
        let began = Instant::now() + BEFORE_THE_FIRST;
        let instant = move |place: u64| {
            began + Duration::from_secs(1) * u32::try_from(place).unwrap_or(u32::MAX) / per_second
        };
        let mut lanes = JoinSet::new();
        for (lane, connection) in opened.into_iter().enumerate() {
            let publisher = self.clone();
            let facts = (u64::try_from(lane)?..count).step_by(connections);
            let facts = facts.map(move |place| (instant(place), first + place));
            lanes.spawn_blocking(move || publisher.publish_at(connection, lane, facts));
        }
        let mut ledger = Ledger::default();
        while let Some(part) = lanes.join_next().await {
            ledger += part?;
        }
        Ok((ledger, (0..count).map(instant).collect()))
    }

    fn publish_at(
        &self,
        mut connection: BlockingConnection,
        lane: usize,
        facts: impl Iterator<Item = (Instant, u64)>,
    ) -> Ledger {
        let mut ledger = Ledger::default();
        let key = &self.keys[lane % self.keys.len()];
        for (at, number) in facts {
            let request = self.request_of(number, key);
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            ledger.attempted += 1;
            match connection.call(&request) {
                Ok(202) => ledger.accepted += 1,
                Ok(_) => ledger.rejected += 1,
                Err(_) => ledger.unanswered += 1,
            }
        }
        ledger
    }

    async fn publish(
        self,
        mut connection: Connection,
        place: usize,
        batch: usize,
        stop: &AtomicBool,
    ) -> Ledger {
        let mut ledger = Ledger::default();
        let size = u64::try_from(batch).unwrap_or(1);
        while !stop.load(Ordering::Relaxed) {
            ledger.attempted += size;
            match connection.call(&self.next_request(place, batch)).await {
                Ok(reply) if reply.status == 202 => ledger.accepted += size,
                Ok(_) => ledger.rejected += size,
                Err(_) => {
                    ledger.unanswered += size;
                    return ledger;
                }
            }
        }
        ledger
    }

    /// States so many facts about each recipient; those about one recipient come in one request, and so in one commit.
    ///
    /// # Errors
    /// If the relay cannot be reached.
    pub(crate) async fn to_each(&self, together: u64) -> anyhow::Result<Ledger> {
        let mut connection = Connection::open(self.to, None).await?;
        let recipients: Vec<u64> = (0..self.recipients).collect();
        let mut ledger = Ledger::default();
        for part in recipients.chunks(usize::try_from((EVENTS_PER_REQUEST_MAX / together).max(1))?) {
            let count = u64::try_from(part.len())? * together;
            let first = self.next.fetch_add(count, Ordering::Relaxed);
            let people =
                part.iter().flat_map(|one| std::iter::repeat_n(one, usize::try_from(together).unwrap_or(1)));
            let lines: Vec<String> = (first..)
                .zip(people)
                .map(|(number, one)| order(self.run, number, &format!("r{one}")))
                .collect();
            let body = lines.join("\n");
            let sent = request("POST", "/v1/events", &self.keys[0], "application/x-ndjson", body.as_bytes());
            ledger.attempted += count;
            match connection.call(&sent).await?.status {
                202 => ledger.accepted += count,
                _ => ledger.rejected += count,
            }
        }
        Ok(ledger)
    }

    /// The next request: one event as JSON, or several as lines.
    pub(crate) fn next_request(&self, place: usize, batch: usize) -> Vec<u8> {
        let key = &self.keys[place % self.keys.len()];
        let first = self.next.fetch_add(u64::try_from(batch).unwrap_or(1), Ordering::Relaxed);
        if batch == 1 {
            return self.request_of(first, key);
        }
        let numbers = first..first + u64::try_from(batch).unwrap_or(1);
        let lines: Vec<String> =
            numbers.map(|number| order(self.run, number, &self.recipient(number))).collect();
        request("POST", "/v1/events", key, "application/x-ndjson", lines.join("\n").as_bytes())
    }

    fn request_of(&self, number: u64, key: &str) -> Vec<u8> {
        let body = order(self.run, number, &self.recipient(number));
        request("POST", "/v1/events", key, "application/json", body.as_bytes())
    }
}
