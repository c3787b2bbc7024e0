//! Figures 10 and 11: how soon a relay that was killed listens again, how large the binary is, and what an idle relay
//! keeps resident.

use std::time::{Duration, Instant};

use super::Extent;
use crate::document;
use crate::ledger::Ledger;
use crate::publisher::Publisher;
use crate::relay::{Relay, binary};
use crate::report::{Bound, Figure, Measure};
use crate::spread::Spread;

const MEGABYTE: f64 = 1_000_000.0;

/// Figure 10.
///
/// # Errors
/// If the run fails.
pub(crate) async fn start(extent: Extent) -> anyhow::Result<Figure> {
    let rounds = if extent.short { 20 } else { 1_000 };
    let mut relay = Relay::start(document::LOAD).await?;
    let publisher = Publisher::new(&relay, 1_000);
    let mut ledger = Ledger::default();
    for _ in 0..rounds {
        ledger += publisher.to_each(1).await?;
    }
    let (mut times, mut logs) = (vec![], vec![]);
    for _ in 0..extent.blocks().pairs {
        // What is published last stands in the log of the database when the relay is killed.
        for _ in 0..10 {
            ledger += publisher.to_each(1).await?;
        }
        relay.process.kill_now()?;
        let log = std::fs::metadata(relay.folder.path().join("tidings.sqlite3-wal"));
        logs.push(log.map_or(0.0, |log| f64::from(u32::try_from(log.len()).unwrap_or(u32::MAX))) / MEGABYTE);
        let began = Instant::now();
        relay.start_again()?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    let mut figure = Figure::new("10", "cold start, exec → listening", ledger);
    figure.note(format!("log of the database at the kill: {:.0} MB", Spread::of(&logs).median));
    let name = format!("with {} notifications", ledger.accepted);
    let measure = Measure::new(&name, "ms", Spread::of(&times));
    figure.add(measure.must(Bound::AtMost(250.0)).moonshot(Bound::AtMost(50.0)));
    Ok(figure)
}

/// Figure 11.
///
/// # Errors
/// If the run fails.
#[expect(clippy::cast_precision_loss, reason = "bytes of one machine are far below 2^52")]
pub(crate) async fn size() -> anyhow::Result<Figure> {
    let bytes = std::fs::metadata(binary()?)?.len() as f64;
    let relay = Relay::start(document::LOAD).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut figure = Figure::new("11", "size", Ledger::default());
    let binary = Measure::new("the stripped binary", "MB", Spread::once(bytes / MEGABYTE));
    figure.add(binary.must(Bound::AtMost(25.0)).moonshot(Bound::AtMost(12.0)));
    let idle = relay.process.memory()? as f64 / MEGABYTE;
    let idle = Measure::new("resident, serving and idle", "MB", Spread::once(idle));
    figure.add(idle.must(Bound::AtMost(40.0)).moonshot(Bound::AtMost(20.0)));
    Ok(figure)
}
