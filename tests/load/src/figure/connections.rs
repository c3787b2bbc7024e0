//! Figure 6: what a connected device costs in memory, in the relay and in the kernel, when nothing happens.

use std::time::Duration;

use anyhow::Context as _;

use super::Extent;
use crate::blocks::Meter;
use crate::crowd::{Arrivals, Crowd, Manner};
use crate::document;
use crate::publisher::Publisher;
use crate::relay::Relay;
use crate::report::{Bound, Figure, Measure};
use crate::spread::Spread;

const PATIENCE: Duration = Duration::from_secs(30);
const GIB: f64 = 1_073_741_824.0;

/// Figure 6.
///
/// # Errors
/// If the run fails.
#[expect(clippy::cast_precision_loss, reason = "bytes and devices of one machine are far below 2^52")]
pub(crate) async fn run(extent: Extent) -> anyhow::Result<Figure> {
    let devices: u64 = if extent.short { 2_000 } else { 9_000 };
    let relay = Relay::start(document::LOAD).await?;
    let (user_idle, kernel_idle) = (relay.process.memory()?, kernel_memory()?);
    let publisher = Publisher::new(&relay, devices);
    let mut ledger = publisher.to_each(1).await?;
    let arrivals = Arrivals::new(0);
    let manner = Manner { recipients: devices, devices: 1, holds: true };
    let mut first = Crowd::gather(&relay, manner, &arrivals).await?;
    ledger += publisher.to_each(1).await?;
    arrivals.wait_for(devices, PATIENCE).await?;
    let user_half = relay.process.memory()?;
    let mut crowd = Crowd::gather_from(&relay, manner, 1, &arrivals).await?;
    ledger += publisher.to_each(1).await?;
    arrivals.wait_for(devices * 3, PATIENCE).await?;
    let idle = Duration::from_secs(if extent.short { 5 } else { 60 });
    tokio::time::sleep(Duration::from_secs(2)).await;
    let meter = Meter::begin(&relay.process)?;
    tokio::time::sleep(idle).await;
    let used = meter.end()?;
    let user_full = relay.process.memory()?;
    let connected = devices * 2;
    // Everything that the process took beyond its start counts: the caches of its store as well, which are bounded.
    let user = user_full.saturating_sub(user_idle) as f64 / connected as f64;
    // Both ends of each connection are on this machine: the relay's is half of what the kernel took.
    let kernel = (kernel_memory()?.saturating_sub(kernel_idle)) as f64 / connected as f64 / 2.0;
    ledger.delivered = arrivals.items();
    let mut figure = Figure::new("6", "connected devices, idle", ledger);
    figure.note(format!(
        "{} of {connected} still connected; idle for {} s",
        first.connected() + crowd.connected(),
        idle.as_secs()
    ));
    let per_gib = GIB / (user + kernel);
    let many = Measure::new("devices per GiB, kernel included", "", Spread::once(per_gib));
    figure.add(many.must(Bound::AtLeast(130_000.0)).moonshot(Bound::AtLeast(195_000.0)));
    let ours = Measure::new("the relay's own memory for each", "B", Spread::once(user));
    figure.add(ours.must(Bound::AtMost(4096.0)).moonshot(Bound::AtMost(1536.0)));
    let half = user_full.saturating_sub(user_half) as f64 / devices as f64;
    figure.add(Measure::new("of it, for each of the second half", "B", Spread::once(half)));
    figure.add(Measure::new("the kernel's for the relay's end of each", "B", Spread::once(kernel)));
    let cores = used.cpu.as_secs_f64() / used.wall.as_secs_f64() * 1_000_000.0 / connected as f64;
    figure.add(Measure::new("cores for 1,000,000 idle, by proportion", "", Spread::once(cores)));
    Ok(figure)
}

/// Bytes of the kernel's own objects: sockets, their entries and buffers among them.
fn kernel_memory() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("SUnreclaim:"));
    let kib: u64 =
        line.and_then(|rest| rest.split_whitespace().next()).context("the slab is told")?.parse()?;
    Ok(kib * 1024)
}
