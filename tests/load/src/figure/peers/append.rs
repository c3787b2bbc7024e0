//! Redis appends events to a stream and flushes its file before it answers, as a relay has an event on disk before it
//! answers 202. The events and the connections are those of figure 3; no rule is run and nobody is notified.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::bail;
use tokio::task::JoinSet;

use crate::blocks::Meter;
use crate::document::order;
use crate::figure::Extent;
use crate::ledger::Ledger;
use crate::peer::Program;
use crate::probe::disk;
use crate::report::{Figure, Measure};
use crate::spread::Spread;
use crate::wire::redis::{Connection, Reply, command};

/// As many as publish in figure 3.
const CONNECTIONS: usize = 256;
/// Customers that the events are about, as in figure 3.
const CUSTOMERS: u64 = 10_000;
const STREAM: &str = "orders";

/// Adds what Redis does; a note if it is not installed.
///
/// # Errors
/// If the run fails or something is lost.
pub(super) async fn run(figure: &mut Figure, extent: Extent) -> anyhow::Result<()> {
    let Some(peer) = Program::Redis.start()? else {
        figure.note(Program::Redis.missing());
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let (blocks, next) = (extent.blocks(), Arc::default());
    let (mut rates, mut per_cpu, mut appends) = (vec![], vec![], vec![]);
    // What is made on first use is made before the first block.
    let mut ledger = closed_loop(peer.address, blocks.lasts / 3, &next).await?;
    for _ in 0..blocks.pairs {
        let meter = Meter::begin(&peer.process)?;
        let block = closed_loop(peer.address, blocks.lasts, &next).await?;
        let used = meter.end()?;
        rates.push(used.per_second(block.accepted));
        per_cpu.push(used.per_cpu_second(block.accepted));
        ledger += block;
        appends.push(disk::appends(folder.path(), blocks.lasts / 3)?);
    }
    let kept = length(peer.address).await?;
    ledger.lost = ledger.accepted.saturating_sub(kept);
    if kept > ledger.accepted + ledger.unanswered {
        bail!("the stream has {kept} events, and {} were answered", ledger.accepted);
    }
    ledger.check().map_err(anyhow::Error::msg)?;
    figure.ledger += ledger;
    let name = |what: &str| format!("Redis, XADD with appendfsync always: {what}");
    let events = Measure::new(&name("events a second"), "/s", Spread::of(&rates));
    figure.add(events.probe("rows appended in groups of 256", Spread::of(&appends)));
    figure.add(Measure::new(&name("events a CPU-second"), "/s", Spread::of(&per_cpu)));
    figure
        .note(format!("{CONNECTIONS} connections append to one stream, which has {kept} events at the end"));
    figure.note(Program::Redis.version()?);
    Ok(())
}

/// Connections that each append one event after the other for a while.
async fn closed_loop(to: SocketAddr, lasts: Duration, next: &Arc<AtomicU64>) -> anyhow::Result<Ledger> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let connection = Connection::open(to).await?;
        let (stop, next) = (Arc::clone(&stop), Arc::clone(next));
        tasks.spawn(async move { append(connection, &stop, &next).await });
    }
    tokio::time::sleep(lasts).await;
    stop.store(true, Ordering::Relaxed);
    let mut ledger = Ledger::default();
    while let Some(part) = tasks.join_next().await {
        ledger += part?;
    }
    Ok(ledger)
}

async fn append(mut connection: Connection, stop: &AtomicBool, next: &AtomicU64) -> Ledger {
    let (mut ledger, run) = (Ledger::default(), std::process::id());
    while !stop.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let event = order(run, number, &format!("r{}", number % CUSTOMERS));
        ledger.attempted += 1;
        match connection.call(&command(&["XADD", STREAM, "*", "event", &event])).await {
            Ok(Reply::Text(_)) => ledger.accepted += 1,
            Ok(Reply::Number(_) | Reply::Refusal(_)) => ledger.rejected += 1,
            Err(_) => {
                ledger.unanswered += 1;
                return ledger;
            }
        }
    }
    ledger
}

/// How many events the stream has.
async fn length(to: SocketAddr) -> anyhow::Result<u64> {
    match Connection::open(to).await?.call(&command(&["XLEN", STREAM])).await? {
        Reply::Number(events) => Ok(events),
        Reply::Text(text) | Reply::Refusal(text) => bail!("XLEN answers {text:?}"),
    }
}
