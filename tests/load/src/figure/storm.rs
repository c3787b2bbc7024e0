//! Figure 8: the relay is killed with all devices connected and facts coming in; it starts again, and everybody comes
//! back at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Extent;
use crate::document;
use crate::publisher::Publisher;
use crate::relay::Relay;
use crate::report::{Bound, Figure, Measure};
use crate::spread::Spread;
use crate::wire::device::{Device, Identity};

/// Facts a second while everybody comes back.
const PER_SECOND: u32 = 5_000;
/// Handshakes in flight: as many as the listener's queue holds.
const CONNECTING_MAX: usize = 512;
const PATIENCE: Duration = Duration::from_secs(60);

/// Figure 8.
///
/// # Errors
/// If the run fails or something is lost.
pub(crate) async fn run(extent: Extent) -> anyhow::Result<Figure> {
    let devices: u64 = if extent.short { 1_000 } else { 19_800 };
    let mut relay = Relay::start(document::LOAD).await?;
    let publisher = Publisher::new(&relay, devices);
    let mut ledger = publisher.to_each(1).await?;
    let identities = identities(&relay, devices)?;
    let crowd = come_back(&relay, &identities).await?;
    // Killed while facts come in.
    let kill = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        relay.process.kill_now()
    };
    let (published, killed) = tokio::join!(publisher.closed_loop(64, 1, Duration::from_secs(2)), kill);
    killed?;
    ledger += published?;
    drop(crowd);
    let began = Instant::now();
    relay.start_again()?;
    let ready = began.elapsed();
    let resume = async {
        let crowd = come_back(&relay, &identities).await?;
        anyhow::Ok((crowd, began.elapsed()))
    };
    let load = publisher.open_loop(64, PER_SECOND, Duration::from_secs(5));
    let (resumed, published) = tokio::join!(resume, load);
    let (crowd, resumed) = resumed?;
    ledger += published?.0;
    let books = relay.books().await?;
    let counted = books["events"]["accepted"].as_u64().context("the books count events")?;
    ledger.lost = ledger.accepted.saturating_sub(counted);
    ledger.delivered = u64::try_from(crowd.len())?;
    ledger.check().map_err(anyhow::Error::msg)?;
    let mut figure = Figure::new("8", "reconnect storm after kill -9", ledger);
    figure.note(format!("{devices} devices, {PER_SECOND}/s are published while they come back"));
    let all = Measure::new("until all have resumed", "s", Spread::once(resumed.as_secs_f64()));
    figure.add(all.must(Bound::AtMost(3.0)).moonshot(Bound::AtMost(1.0)));
    figure.add(Measure::new("of it, until the relay listens", "s", Spread::once(ready.as_secs_f64())));
    Ok(figure)
}

fn identities(relay: &Relay, devices: u64) -> anyhow::Result<Arc<[Identity]>> {
    let identity = |number: u64| {
        let token = relay.signing.token(&format!("r{number}"), "d0")?;
        Ok(Identity { token, device: "d0".to_owned() })
    };
    (0..devices).map(identity).collect()
}

/// Connects every device, as often as it takes. Devices stay connected while the answer lives.
async fn come_back(relay: &Relay, identities: &Arc<[Identity]>) -> anyhow::Result<Vec<Device>> {
    let gate = Arc::new(Semaphore::new(CONNECTING_MAX));
    let failed = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for place in 0..identities.len() {
        let (gate, identities, to) = (Arc::clone(&gate), Arc::clone(identities), relay.address);
        let (failed, stop) = (Arc::clone(&failed), Arc::clone(&stop));
        tasks.spawn(async move {
            let _place = gate.acquire_owned().await?;
            loop {
                match Device::open(to, None, &identities[place], None, true).await {
                    Ok((device, _)) => return Ok(device),
                    Err(error) if stop.load(Ordering::Relaxed) => return Err(error),
                    Err(_) => {
                        failed.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
        });
    }
    let mut devices = Vec::with_capacity(identities.len());
    let all = async {
        while let Some(device) = tasks.join_next().await {
            devices.push(device??);
        }
        anyhow::Ok(())
    };
    let in_time = tokio::time::timeout(PATIENCE, all).await;
    stop.store(true, Ordering::Relaxed);
    in_time.with_context(|| format!("{} attempts failed", failed.load(Ordering::Relaxed)))??;
    Ok(devices)
}
