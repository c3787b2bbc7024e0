//! Figures 1 and 2: how long it takes from the instant at which a fact was to be stated until a device has it.
//!
//! Open loop: each fact has its instant beforehand, and a relay that is late is charged for everything that waits
//! behind it. Each device answers `held`, as one that stores does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::Extent;
use crate::crowd::{Arrivals, Crowd, Manner};
use crate::document;
use crate::ledger::Ledger;
use crate::probe::{disk, post};
use crate::publisher::Publisher;
use crate::relay::Relay;
use crate::report::{Bound, Figure, Measure};
use crate::spread::Spread;
use crate::wire::http::Connection;

/// Devices, each of its own recipient.
const DEVICES: u64 = 1_000;
/// Facts a second at which nothing waits for anything.
const IDLE_PER_SECOND: u32 = 200;
/// Facts a second of figure 2.
const LOAD_PER_SECOND: u32 = 15_000;
/// How long the last items may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Figure 1.
///
/// # Errors
/// If the run fails or its ledger does not balance.
pub(crate) async fn idle(extent: Extent) -> anyhow::Result<Figure> {
    let run = run(extent, IDLE_PER_SECOND, 16).await?;
    let mut figure = Figure::new("1", "idle latency, publish → on a device", run.ledger);
    figure.note(format!("{IDLE_PER_SECOND}/s open loop, {DEVICES} devices; {}", run.note));
    let p50 = run.percentile(50.0);
    let bound = |times: f64| Bound::AtMost(run.limit.median * times);
    let name = "fdatasync + HTTP round trip";
    let median = Measure::new("p50", "ms", p50).must(bound(3.0)).moonshot(bound(2.0));
    figure.add(median.probe(name, run.limit).guarded());
    let p99 = Measure::new("p99", "ms", run.percentile(99.0));
    figure.add(p99.must(Bound::AtMost(5.0)).moonshot(Bound::AtMost(1.5)).probe(name, run.limit));
    Ok(figure)
}

/// Figure 2.
///
/// # Errors
/// If the run fails or its ledger does not balance.
pub(crate) async fn at_load(extent: Extent) -> anyhow::Result<Figure> {
    let run = run(extent, LOAD_PER_SECOND, 256).await?;
    let mut figure = Figure::new("2", "latency at load, publish → on a device", run.ledger);
    figure.note(format!("{LOAD_PER_SECOND}/s open loop, {DEVICES} devices; {}", run.note));
    let name = "fdatasync + HTTP round trip";
    let p99 = Measure::new("p99", "ms", run.percentile(99.0))
        .must(Bound::AtMost(10.0))
        .moonshot(Bound::AtMost(3.0));
    figure.add(p99.probe(name, run.limit));
    let far = Measure::new("p99.9", "ms", run.percentile(99.9));
    figure.add(far.must(Bound::AtMost(50.0)).moonshot(Bound::AtMost(15.0)).probe(name, run.limit));
    Ok(figure)
}

struct Run {
    ledger: Ledger,
    /// One histogram a block, in microseconds.
    blocks: Vec<Histogram<u64>>,
    /// Milliseconds of a flush and a round trip.
    limit: Spread,
    note: String,
}

impl Run {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a run are far below 2^52")]
    fn percentile(&self, percentile: f64) -> Spread {
        let of = |block: &Histogram<u64>| block.value_at_percentile(percentile) as f64 / 1000.0;
        Spread::of(&self.blocks.iter().map(of).collect::<Vec<_>>())
    }
}

async fn run(extent: Extent, per_second: u32, connections: usize) -> anyhow::Result<Run> {
    let relay = Relay::start(document::LOAD).await?;
    let publisher = Publisher::new(&relay, DEVICES);
    let blocks = extent.blocks();
    let orders = usize::try_from(per_second)? * usize::try_from(blocks.lasts.as_secs())? * (blocks.pairs + 1);
    let arrivals = Arrivals::new(orders + 1);
    let manner = Manner { recipients: DEVICES, devices: 1, holds: true };
    let mut crowd = Crowd::gather(&relay, manner, &arrivals).await?;
    let (_noop, noop_address) = post::start()?;
    let folder = tempfile::tempdir()?;
    let mut run =
        Run { ledger: Ledger::default(), blocks: Vec::new(), limit: Spread::once(0.0), note: String::new() };
    let mut limits = Vec::new();
    // The first block only warms up.
    for block in 0..=blocks.pairs {
        let first = publisher.numbered();
        let (ledger, due) = publisher.open_loop(connections, per_second, blocks.lasts).await?;
        run.ledger += ledger;
        arrivals.wait_for(run.ledger.accepted, PATIENCE).await?;
        if block > 0 {
            run.blocks.push(latencies(&arrivals, first, &due)?);
        }
        let trip = round_trip(noop_address, &publisher).await?;
        limits.push((disk::flushes(folder.path(), blocks.lasts / 6)? + trip) * 1000.0);
    }
    run.limit = Spread::of(&limits);
    run.ledger.delivered = arrivals.items() - arrivals.again();
    run.ledger.duplicated = arrivals.again();
    run.ledger.lost = run.ledger.accepted.saturating_sub(run.ledger.delivered);
    run.ledger.check().map_err(anyhow::Error::msg)?;
    relay.books().await?;
    run.note = format!("{} devices connected at the end", crowd.connected());
    Ok(run)
}

fn latencies(arrivals: &Arc<Arrivals>, first: u64, due: &[Instant]) -> anyhow::Result<Histogram<u64>> {
    let mut histogram = Histogram::new(3)?;
    for (place, due) in due.iter().enumerate() {
        if let Some(at) = arrivals.of(usize::try_from(first)? + place) {
            histogram.record(u64::try_from(at.saturating_duration_since(*due).as_micros())?)?;
        }
    }
    Ok(histogram)
}

/// Seconds of one request that does nothing, the median of many.
async fn round_trip(to: std::net::SocketAddr, publisher: &Publisher) -> anyhow::Result<f64> {
    let publisher = publisher.aimed_at(to);
    let mut connection = Connection::open(to, None).await?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let request = publisher.next_request(0, 1);
        let began = Instant::now();
        connection.call(&request).await?;
        times.push(began.elapsed().as_secs_f64());
    }
    Ok(Spread::of(&times).median)
}
