//! Those who misbehave, and what the others notice: the latency of 1,000 devices while somebody does not read, reads a
//! byte a second, reconnects without end, or publishes garbage at full speed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;

use super::Extent;
use crate::blocks::Blocks;
use crate::crowd::{Arrivals, Crowd, Manner};
use crate::document::{LOAD, with_rules};
use crate::ledger::Ledger;
use crate::publisher::Publisher;
use crate::relay::Relay;
use crate::report::{Bound, Figure, Measure};
use crate::spread::Spread;
use crate::wire::device::{Device, Identity};
use crate::wire::http::{Connection, request};

const DEVICES: u64 = 1_000;
const PER_SECOND: u32 = 200;
const PATIENCE: Duration = Duration::from_secs(20);
/// The others' p99 moves by less than half; a tenth of a millisecond is nothing.
const MOVES_MAX: f64 = 1.5;

/// Who misbehaves.
#[derive(Clone, Copy, Debug)]
enum Offender {
    NeverReads,
    ReadsAByteASecond,
    ReconnectsInALoop,
    PublishesGarbage,
}

const OFFENDERS: [(Offender, &str); 4] = [
    (Offender::NeverReads, "50 devices that never read"),
    (Offender::ReadsAByteASecond, "50 devices that read a byte a second"),
    (Offender::ReconnectsInALoop, "1,000 devices that reconnect in a loop"),
    (Offender::PublishesGarbage, "a publisher of garbage at full speed"),
];

/// The figure.
///
/// # Errors
/// If a run fails or something is lost.
pub(crate) async fn run(extent: Extent) -> anyhow::Result<Figure> {
    let mut figure = Figure::new("faults", "the others' p99 while somebody misbehaves", Ledger::default());
    for (offender, name) in OFFENDERS {
        let (quiet, beside) = case(extent, offender, &mut figure).await?;
        let measure = Measure::new(name, "ms", beside).must(Bound::AtMost(quiet.median * MOVES_MAX + 0.1));
        figure.add(measure.probe("without them", quiet));
    }
    let relay = Relay::start(&with_rules(9_990, 0)).await?;
    let publisher = Publisher::new(&relay, DEVICES);
    let many = Spread::of(&p99s(extent, &relay, &publisher, &mut figure.ledger).await?);
    let relay = Relay::start(LOAD).await?;
    let publisher = Publisher::new(&relay, DEVICES);
    let few = Spread::of(&p99s(extent, &relay, &publisher, &mut figure.ledger).await?);
    let measure = Measure::new("10,000 rules", "ms", many).must(Bound::AtMost(few.median * MOVES_MAX + 0.1));
    figure.add(measure.probe("without them", few));
    Ok(figure)
}

async fn case(extent: Extent, offender: Offender, figure: &mut Figure) -> anyhow::Result<(Spread, Spread)> {
    let relay = Relay::start(LOAD).await?;
    // One publisher for both: an order of the same number again would be a repetition, and tell nobody.
    let publisher = Publisher::new(&relay, DEVICES);
    let quiet = p99s(extent, &relay, &publisher, &mut figure.ledger).await?;
    let before = relay.process.memory()?;
    let stop = Arc::new(AtomicBool::new(false));
    let turned_away = Arc::new(AtomicU64::new(0));
    let offenders = offend(offender, &relay, &stop, &turned_away)?;
    let beside = p99s(extent, &relay, &publisher, &mut figure.ledger).await?;
    stop.store(true, Ordering::Relaxed);
    drop(offenders);
    let grown = relay.process.peak_memory()?.saturating_sub(before) / 1_000_000;
    figure.note(format!(
        "{offender:?}: {} turned away, {grown} MB more at most",
        turned_away.load(Ordering::Relaxed)
    ));
    Ok((Spread::of(&quiet), Spread::of(&beside)))
}

/// Many blocks even in the short form: a p99 is a handful of facts, and one bad moment of a shared machine is a block's.
fn blocks(extent: Extent) -> Blocks {
    Blocks { pairs: 7, lasts: Duration::from_secs(if extent.short { 2 } else { 5 }) }
}

/// The p99 of each block, in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "microseconds of a run are far below 2^52")]
async fn p99s(
    extent: Extent,
    relay: &Relay,
    publisher: &Publisher,
    ledger: &mut Ledger,
) -> anyhow::Result<Vec<f64>> {
    let blocks = blocks(extent);
    let orders = usize::try_from(PER_SECOND)? * usize::try_from(blocks.lasts.as_secs())? * (blocks.pairs + 1);
    let arrivals = Arrivals::new(usize::try_from(publisher.numbered())? + orders);
    let _crowd =
        Crowd::gather(relay, Manner { recipients: DEVICES, devices: 1, holds: true }, &arrivals).await?;
    let mut p99s = Vec::new();
    let mut accepted = 0;
    for _ in 0..=blocks.pairs {
        let first = usize::try_from(publisher.numbered())?;
        let (block, due) = publisher.open_loop(16, PER_SECOND, blocks.lasts).await?;
        accepted += block.accepted;
        *ledger += block;
        arrivals.wait_for(accepted, PATIENCE).await?;
        let mut histogram: Histogram<u64> = Histogram::new(3)?;
        for (place, due) in due.iter().enumerate() {
            if let Some(at) = arrivals.of(first + place) {
                histogram.record(u64::try_from(at.saturating_duration_since(*due).as_micros())?)?;
            }
        }
        p99s.push(histogram.value_at_percentile(99.0) as f64 / 1000.0);
    }
    // The first block warms up.
    Ok(p99s.split_off(1))
}

fn offend(
    offender: Offender,
    relay: &Relay,
    stop: &Arc<AtomicBool>,
    turned_away: &Arc<AtomicU64>,
) -> anyhow::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    let count = match offender {
        Offender::NeverReads | Offender::ReadsAByteASecond => 50,
        Offender::ReconnectsInALoop => 1_000,
        Offender::PublishesGarbage => 8,
    };
    for number in 0..count {
        let (stop, turned_away, to) = (Arc::clone(stop), Arc::clone(turned_away), relay.address);
        // An offender of its own device, beside the others of the same recipient.
        let identity =
            Identity { token: relay.signing.token(&format!("r{number}"), "bad")?, device: "bad".to_owned() };
        let key = relay.keys[number % relay.keys.len()].clone();
        tasks.spawn(async move {
            match offender {
                Offender::NeverReads => sit(to, &identity, None, &stop).await,
                Offender::ReadsAByteASecond => sit(to, &identity, Some(Duration::from_secs(1)), &stop).await,
                Offender::ReconnectsInALoop => reconnect(to, &identity, &stop, &turned_away).await,
                Offender::PublishesGarbage => garbage(to, &key, &stop, &turned_away).await,
            }
        });
    }
    Ok(tasks)
}

/// Connects, and then reads nothing, or a byte now and then.
async fn sit(to: SocketAddr, identity: &Identity, each: Option<Duration>, stop: &AtomicBool) {
    let Ok((device, _)) = Device::open(to, None, identity, None, false).await else { return };
    let mut stream = device.into_stream();
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(each.unwrap_or(Duration::from_millis(200))).await;
        if each.is_some() && stream.read_u8().await.is_err() {
            return;
        }
    }
}

async fn reconnect(to: SocketAddr, identity: &Identity, stop: &AtomicBool, turned_away: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        if Device::open(to, None, identity, None, false).await.is_err() {
            turned_away.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn garbage(to: SocketAddr, key: &str, stop: &AtomicBool, turned_away: &AtomicU64) {
    let sent = request("POST", "/v1/events", key, "application/json", br#"{"typ": [[[[[[1]]]]]], "x": "#);
    let Ok(mut connection) = Connection::open(to, None).await else { return };
    let until = Instant::now() + Duration::from_secs(120);
    while !stop.load(Ordering::Relaxed) && Instant::now() < until {
        match connection.call(&sent).await {
            Ok(reply) if reply.status == 429 => {
                turned_away.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(_) => return,
        }
    }
}
