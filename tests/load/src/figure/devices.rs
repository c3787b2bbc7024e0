//! Many devices for real: as many as one process may have on this kind of machine, idle and then all told at once; then six
//! relays behind six addresses, each with its own store and project.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::Extent;
use crate::blocks::Meter;
use crate::child::Process;
use crate::crowd::{Arrivals, Crowd, Manner};
use crate::document;
use crate::ledger::Ledger;
use crate::publisher::Publisher;
use crate::relay::Relay;
use crate::report::{Figure, Measure};
use crate::spread::Spread;

/// A process may have 20,000 descriptors on this kind of machine; some are not sockets.
const DEVICES: u64 = 19_800;
const RELAYS: u8 = 6;
const PATIENCE: Duration = Duration::from_secs(60);

/// One relay with its devices, as the process that ran it tells.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    ledger: Ledger,
    devices: u64,
    connected_in_s: f64,
    relay_mb: f64,
    idle_cores: f64,
    broadcast_s: f64,
    broadcast_cpu_s: f64,
}

/// The figure.
///
/// # Errors
/// If a run fails or something is lost.
pub(crate) async fn run(extent: Extent) -> anyhow::Result<Figure> {
    let mut figure = Figure::new("devices", "many devices at once", Ledger::default());
    let one = alone(extent, Ipv4Addr::LOCALHOST).await?;
    tell(&mut figure, "one relay", &[one]);
    let many = six(extent)?;
    tell(&mut figure, "six relays, each with its own store and project", &many);
    Ok(figure)
}

/// One relay on an address of the loopback range, with all the devices that it may have.
///
/// # Errors
/// If the run fails or something is lost.
#[expect(clippy::cast_precision_loss, reason = "bytes of one machine are far below 2^52")]
pub(crate) async fn alone(extent: Extent, address: Ipv4Addr) -> anyhow::Result<Told> {
    let devices = if extent.short { 1_000 } else { DEVICES };
    let relay = Relay::start_at(&format!("{address}:0"), document::LOAD).await?;
    let publisher = Publisher::new(&relay, devices);
    let mut ledger = publisher.to_each(1).await?;
    let before = relay.process.memory()?;
    let arrivals = Arrivals::new(0);
    let began = Instant::now();
    let manner = Manner { recipients: devices, devices: 1, holds: true };
    let _crowd = Crowd::gather(&relay, manner, &arrivals).await?;
    let connected_in_s = began.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let meter = Meter::begin(&relay.process)?;
    tokio::time::sleep(Duration::from_secs(if extent.short { 3 } else { 30 })).await;
    let idle = meter.end()?;
    let (meter, began) = (Meter::begin(&relay.process)?, Instant::now());
    ledger += publisher.to_each(1).await?;
    arrivals.wait_for(devices, PATIENCE).await?;
    let broadcast_s = began.elapsed().as_secs_f64();
    ledger.delivered = arrivals.items();
    Ok(Told {
        ledger,
        devices,
        connected_in_s,
        relay_mb: (relay.process.memory()?.saturating_sub(before)) as f64 / 1e6,
        idle_cores: idle.cpu.as_secs_f64() / idle.wall.as_secs_f64(),
        broadcast_s,
        broadcast_cpu_s: meter.end()?.cpu.as_secs_f64(),
    })
}

/// Each relay and its generator have a process of their own: a generator may have no more descriptors than a relay.
fn six(extent: Extent) -> anyhow::Result<Vec<Told>> {
    let mut processes = Vec::new();
    for last in 1..=RELAYS {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["devices-of-one", "--address", &format!("127.0.0.{last}")]).stderr(Stdio::inherit());
        if extent.short {
            command.arg("--short");
        }
        processes.push(std::thread::spawn(move || Process::start(command)));
    }
    let told = |joined: std::thread::JoinHandle<anyhow::Result<Process>>| {
        let process = joined.join().ok().context("a relay's generator panicked")??;
        Ok(serde_json::from_str(&process.first_line)?)
    };
    processes.into_iter().map(told).collect()
}

fn tell(figure: &mut Figure, name: &str, told: &[Told]) {
    let sum = |of: fn(&Told) -> f64| told.iter().map(of).sum::<f64>();
    let all = |of: fn(&Told) -> f64| Spread::of(&told.iter().map(of).collect::<Vec<_>>());
    let devices: u64 = told.iter().map(|one| one.devices).sum();
    told.iter().for_each(|one| figure.ledger += one.ledger);
    let measure = |what: &str| format!("{name}, {devices} devices: {what}");
    figure.add(Measure::new(&measure("all connected after"), "s", all(|one| one.connected_in_s)));
    figure.add(Measure::new(&measure("memory of the relays"), "MB", Spread::once(sum(|one| one.relay_mb))));
    figure.add(Measure::new(&measure("cores while idle"), "", Spread::once(sum(|one| one.idle_cores))));
    figure.add(Measure::new(&measure("all told after"), "s", all(|one| one.broadcast_s)));
    figure.add(Measure::new(&measure("CPU to tell all"), "s", Spread::once(sum(|one| one.broadcast_cpu_s))));
}
