//! Figure 7: a device that missed much is complete again, with everything on its own disk and acknowledged.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;
use tidings_sdk::{Access, Client, Completeness, EncryptionKey, Query};

use super::Extent;
use crate::blocks::{Meter, OwnMeter};
use crate::crowd::{Arrivals, Crowd, Manner};
use crate::document;
use crate::ledger::Ledger;
use crate::probe::inbox::{Rows, Schema, insert};
use crate::publisher::Publisher;
use crate::relay::Relay;
use crate::report::{Bound, Figure, Measure};
use crate::spread::Spread;

/// What one device missed.
const MISSED: u64 = 10_000;
/// Devices that come back together.
const DEVICES: u64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// Figure 7.
///
/// # Errors
/// If the run fails or something is lost.
pub(crate) async fn run(extent: Extent) -> anyhow::Result<Figure> {
    let mut figure = Figure::new("7", "catch-up, durable and acknowledged", Ledger::default());
    let relay = Relay::start(document::LOAD).await?;
    let pairs = u64::try_from(extent.blocks().pairs)?;
    let publisher = Publisher::new(&relay, pairs);
    for _ in 0..MISSED / 1_000 {
        figure.ledger += publisher.to_each(1_000).await?;
    }
    let (mut firsts, mut nexts, mut bare) = (vec![], vec![], vec![]);
    for pair in 0..pairs {
        let recipient = format!("r{pair}");
        // Of the first device the notifications become reached, which the relay writes down for each; the next only has
        // them.
        firsts.push(alone(&relay, &recipient).await?);
        let folder = tempfile::tempdir()?;
        bare.push(
            insert(&folder.path().join("raw"), Rows { schema: Schema::Least, count: MISSED, together: 500 })
                .await?,
        );
        nexts.push(alone(&relay, &recipient).await?);
    }
    let wall = Spread::of(&bare.iter().map(|used| millis(used.wall)).collect::<Vec<_>>());
    let cpu = Spread::of(&bare.iter().map(|used| millis(used.cpu)).collect::<Vec<_>>());
    for (whose, all) in [("the first device", &firsts), ("the next device", &nexts)] {
        let of = |value: fn(&CaughtUp) -> Duration| {
            Spread::of(&all.iter().map(|one| millis(value(one))).collect::<Vec<_>>())
        };
        let one = Measure::new(&format!("10,000 for {whose}"), "ms", of(|one| one.took));
        let one = one.must(Bound::AtMost(100.0)).moonshot(Bound::AtMost(35.0));
        figure.add(one.probe("the rows alone into SQLite", wall).guarded());
        let device = Measure::new("of it, the device's processor time", "ms", of(|one| one.device));
        figure.add(device.probe("the rows alone into SQLite", cpu));
        figure.add(Measure::new("of it, the relay's processor time", "ms", of(|one| one.relay)));
    }
    crowd(extent, &mut figure).await?;
    Ok(figure)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// What it took until a device had everything, and the relay knew it.
struct CaughtUp {
    took: Duration,
    /// This process's processor time until everything is on the device's disk.
    device: Duration,
    /// The relay's until it knows.
    relay: Duration,
}

/// One device with the SDK: from opening an empty inbox until the relay knows that it holds everything.
async fn alone(relay: &Relay, recipient: &str) -> anyhow::Result<CaughtUp> {
    let folder = tempfile::tempdir()?;
    let code = relay.call("POST", "/v1/connect-codes", &json!({"recipient": recipient})).await?;
    let code = code["code"].as_str().context("a code")?.to_owned();
    let (device, meter) = (OwnMeter::begin()?, Meter::begin(&relay.process)?);
    let client = Client::builder(format!("http://{}", relay.address), folder.path())
        .access(Access::code(code))
        .encryption_key(EncryptionKey::random())
        .build()
        .await?;
    let complete = |state: &Completeness| matches!(state, Completeness::Complete { .. });
    client.completeness().wait_for(complete).await.context("the client was closed")?;
    let device = device.end()?.cpu;
    acknowledged(&client).await?;
    let used = meter.end()?;
    client.close().await;
    Ok(CaughtUp { took: used.wall, device, relay: used.cpu })
}

/// Waits until the relay has committed what the device holds: it does what a device says in its order, so an operation
/// that it answers comes after that. Asking the relay again and again would be work of both that no catch-up has.
async fn acknowledged(client: &Client) -> anyhow::Result<()> {
    let mut changes = client.inbox().changes();
    let page = client.inbox().page(Query::default(), None, 1).await?;
    client.clicked(&page.items.first().context("a notification")?.id).await?;
    let answered = async {
        while !client.pending().await?.is_empty() {
            changes.next().await.context("the client was closed")?;
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, answered).await.context("the relay does not answer the operation")?
}

/// Many devices at once: each reads what it missed and says that it holds it.
async fn crowd(extent: Extent, figure: &mut Figure) -> anyhow::Result<()> {
    let each: u64 = if extent.short { 20 } else { 1_000 };
    let relay = Relay::start(document::LOAD).await?;
    let publisher = Publisher::new(&relay, DEVICES);
    for _ in 0..each / 20 {
        figure.ledger += publisher.to_each(20).await?;
    }
    let arrivals = Arrivals::new(0);
    let began = Instant::now();
    let manner = Manner { recipients: DEVICES, devices: 1, holds: true };
    let crowd = Crowd::gather(&relay, manner, &arrivals).await?;
    let took = began.elapsed();
    if crowd.caught_up() != DEVICES * each {
        bail!("{} items of {} came", crowd.caught_up(), DEVICES * each);
    }
    let name = format!("{DEVICES} devices × {each}");
    let measure = Measure::new(&name, "s", Spread::once(took.as_secs_f64()));
    figure.add(if each == 1_000 {
        measure.must(Bound::AtMost(10.0)).moonshot(Bound::AtMost(4.0))
    } else {
        measure
    });
    Ok(())
}
