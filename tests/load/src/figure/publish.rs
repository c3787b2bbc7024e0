//! Figures 3 and 4: facts that are on disk before they are answered, one a request and a hundred a request.

use anyhow::bail;

use super::Extent;
use crate::blocks::Meter;
use crate::document;
use crate::ledger::Ledger;
use crate::probe::{disk, post};
use crate::publisher::Publisher;
use crate::relay::Relay;
use crate::report::{Bound, Figure, Measure};
use crate::spread::Spread;

/// Recipients that the facts are about.
const RECIPIENTS: u64 = 10_000;

/// Figure 3: one event a request.
///
/// # Errors
/// If the run fails or its ledger does not balance.
pub(crate) async fn one_a_request(extent: Extent) -> anyhow::Result<Figure> {
    let goals = Goals { must: 40_000.0, moonshot: 60_000.0 };
    run(extent, "3", "durable publish, one event a request", (256, 1), goals).await
}

/// Figure 4: NDJSON of 100.
///
/// # Errors
/// If the run fails or its ledger does not balance.
pub(crate) async fn hundred_a_request(extent: Extent) -> anyhow::Result<Figure> {
    let goals = Goals { must: 100_000.0, moonshot: 300_000.0 };
    run(extent, "4", "durable publish, NDJSON of 100", (16, 100), goals).await
}

struct Goals {
    must: f64,
    moonshot: f64,
}

async fn run(
    extent: Extent,
    number: &str,
    name: &str,
    (connections, batch): (usize, usize),
    goals: Goals,
) -> anyhow::Result<Figure> {
    let relay = Relay::start(document::LOAD).await?;
    let publisher = Publisher::new(&relay, RECIPIENTS);
    let (noop, noop_address) = post::start()?;
    let noop_publisher = publisher.aimed_at(noop_address);
    let folder = tempfile::tempdir()?;
    let blocks = extent.blocks();
    let mut ledger = Ledger::default();
    let (mut rates, mut per_cpu, mut post_per_cpu, mut rows, mut appends) =
        (vec![], vec![], vec![], vec![], vec![]);
    // What is made on first use (recipients, statements, pages) is made before the first block.
    ledger += publisher.closed_loop(connections, batch, blocks.lasts / 3).await?;
    for _ in 0..blocks.pairs {
        let meter = Meter::begin(&relay.process)?;
        let block = publisher.closed_loop(connections, batch, blocks.lasts).await?;
        let used = meter.end()?;
        rates.push(used.per_second(block.accepted));
        per_cpu.push(used.per_cpu_second(block.accepted));
        ledger += block;
        let meter = Meter::begin(&noop)?;
        let block = noop_publisher.closed_loop(connections, batch, blocks.lasts / 3).await?;
        post_per_cpu.push(meter.end()?.per_cpu_second(block.accepted));
        rows.push(disk::commits(folder.path(), blocks.lasts / 3).await?);
        appends.push(disk::appends(folder.path(), blocks.lasts / 6)?);
    }
    account(&relay, &mut ledger).await?;
    let mut figure = Figure::new(number, name, ledger);
    figure.note(format!("an append in groups makes {:.0} rows a second", Spread::of(&appends).median));
    figure.note(format!(
        "{connections} keep-alive connections, {RECIPIENTS} recipients; peak memory of the relay {} MB",
        relay.process.peak_memory()? / 1_000_000
    ));
    let events = Measure::new("events a second", "/s", Spread::of(&rates))
        .must(Bound::AtLeast(goals.must))
        .moonshot(Bound::AtLeast(goals.moonshot))
        .probe("SQLite rows in groups, two indexes", Spread::of(&rows));
    figure.add(events);
    let cpu = Measure::new("events a CPU-second of the relay", "/s", Spread::of(&per_cpu))
        .probe("POSTs that do nothing", Spread::of(&post_per_cpu));
    figure.add(cpu.guarded());
    Ok(figure)
}

/// Compares what was answered with what the relay counts.
async fn account(relay: &Relay, ledger: &mut Ledger) -> anyhow::Result<()> {
    let books = relay.books().await?;
    let counted = books["events"]["accepted"].as_u64().unwrap_or(0);
    // What was not answered may have been accepted.
    ledger.lost = ledger.accepted.saturating_sub(counted);
    if counted > ledger.accepted + ledger.unanswered {
        bail!("the relay counts {counted} events, and {} were answered", ledger.accepted);
    }
    ledger.check().map_err(anyhow::Error::msg)
}
