//! Figure 5: frames to many sockets for each second of the relay's processor.
//!
//! A recipient has up to 32 devices, and what a commit changed goes to each as one frame that is encoded once. With one
//! fact a commit and recipient a wake-up writes one item (K=1); with sixteen it writes sixteen (K=16). The same facts are
//! published to nobody as well: what the sockets alone cost is the difference.

use std::time::Duration;

use super::Extent;
use crate::blocks::{Meter, Used};
use crate::crowd::{Arrivals, Crowd, Manner};
use crate::document;
use crate::ledger::Ledger;
use crate::probe::sends::{Sends, frames_per_cpu_second};
use crate::publisher::Publisher;
use crate::relay::Relay;
use crate::report::{Bound, Figure, Measure};
use crate::spread::Spread;

/// Devices of each recipient: the relay takes 32.
pub(super) const DEVICES_EACH: u64 = 25;
/// Bytes that one item of a frame takes on the wire, in the middle.
pub(super) const ITEM_BYTES: usize = 480;
const PATIENCE: Duration = Duration::from_secs(20);

/// Sockets, and the must-reach and moonshot shares of the probe for K=1 and K=16.
const CASES: [(u64, u64, f64, f64); 4] =
    [(1_000, 1, 0.65, 0.85), (1_000, 16, 0.40, 0.75), (10_000, 1, 0.65, 0.85), (10_000, 16, 0.40, 0.75)];

/// Figure 5.
///
/// # Errors
/// If the run fails or something is lost.
pub(crate) async fn run(extent: Extent) -> anyhow::Result<Figure> {
    let mut figure = Figure::new("5", "fan-out, items for each CPU-second", Ledger::default());
    figure.note(format!("{DEVICES_EACH} devices a recipient; an item is about {ITEM_BYTES} bytes"));
    let cases = CASES.iter().filter(|case| !extent.short || case.0 == 1_000);
    for &(sockets, together, must, moonshot) in cases {
        let done = case(extent, sockets, together).await?;
        figure.ledger += done.ledger;
        figure.note(format!("{} frames carried {} items", done.frames, done.ledger.delivered));
        let name = |what: &str| format!("{what}, {sockets} sockets, K={together}");
        let bound = |share: f64| Bound::AtLeast(done.probe.median * share);
        let alone = Measure::new(&name("the sockets alone"), "/s", done.alone);
        let alone = alone.must(bound(must)).moonshot(bound(moonshot)).probe("send(2) loop", done.probe);
        figure.add(if together == 1 { alone.guarded() } else { alone });
        let whole = Measure::new(&name("with the publish that causes it"), "/s", done.whole);
        figure.add(whole.probe("send(2) loop", done.probe));
    }
    Ok(figure)
}

struct Done {
    frames: u64,
    ledger: Ledger,
    alone: Spread,
    whole: Spread,
    probe: Spread,
}

async fn case(extent: Extent, sockets: u64, together: u64) -> anyhow::Result<Done> {
    let relay = Relay::start(document::LOAD).await?;
    let recipients = sockets / DEVICES_EACH;
    let publisher = Publisher::new(&relay, recipients);
    let rounds = if extent.short { 30 } else { 100 };
    let mut ledger = publisher.to_each(together).await?;
    let meter = Meter::begin(&relay.process)?;
    for _ in 0..rounds {
        ledger += publisher.to_each(together).await?;
    }
    let to_nobody = meter.end()?;

    let arrivals = Arrivals::new(0);
    let manner = Manner { recipients, devices: DEVICES_EACH, holds: false };
    let _crowd = Crowd::gather(&relay, manner, &arrivals).await?;
    let (mut whole, mut alone, mut probe) = (vec![], vec![], vec![]);
    for _ in 0..extent.blocks().pairs {
        let (meter, before) = (Meter::begin(&relay.process)?, arrivals.items());
        for round in 1..=rounds {
            ledger += publisher.to_each(together).await?;
            // The next round finds nothing that waits.
            arrivals.wait_for(before + sockets * together * round, PATIENCE).await?;
        }
        let used = meter.end()?;
        let items = arrivals.items() - before;
        whole.push(used.per_cpu_second(items));
        let sockets_alone = Used { cpu: used.cpu.saturating_sub(to_nobody.cpu), ..used };
        alone.push(sockets_alone.per_cpu_second(items));
        probe.push(sends(sockets, together, rounds).await?);
    }
    ledger.delivered = arrivals.items();
    relay.books().await?;
    let frames = arrivals.frames();
    Ok(Done {
        frames,
        ledger,
        alone: Spread::of(&alone),
        whole: Spread::of(&whole),
        probe: Spread::of(&probe),
    })
}

/// What the probe reaches with frames of one item, `together` of them a call: frames for each second of its processor.
///
/// # Errors
/// If the probe fails.
pub(super) async fn sends(sockets: u64, together: u64, rounds: u64) -> anyhow::Result<f64> {
    frames_per_cpu_second(Sends {
        sockets: usize::try_from(sockets)?,
        frame_bytes: ITEM_BYTES,
        together: usize::try_from(together)?,
        rounds: usize::try_from(rounds)?,
    })
    .await
}
