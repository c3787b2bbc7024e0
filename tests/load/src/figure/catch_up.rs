//! Figure 7: a device that missed much is complete again, with everything on its own disk and acknowledged.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tidings_sdk::{Access, Client, Completeness, EncryptionKey};

use super::Extent;
use crate::child::own_cpu;
use crate::crowd::{Arrivals, Crowd, Manner};
use crate::document;
use crate::ledger::Ledger;
use crate::probe::inbox::{Rows, insert};
use crate::publisher::Publisher;
use crate::relay::Relay;
use crate::report::{Bound, Figure, Measure};
use crate::spread::Spread;

/// What one device missed.
const MISSED: u64 = 10_000;
/// Devices that come back together.
const DEVICES: u64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the relay is asked whether it knows, so that asking takes nothing from what is measured.
const ASKS_EVERY: Duration = Duration::from_millis(1);

/// Figure 7.
///
/// # Errors
/// If the run fails or something is lost.
pub(crate) async fn run(extent: Extent) -> anyhow::Result<Figure> {
    let mut figure = Figure::new("7", "catch-up, durable and acknowledged", Ledger::default());
    let relay = Relay::start(document::LOAD).await?;
    let publisher = Publisher::new(&relay, 1);
    for _ in 0..MISSED / 1_000 {
        figure.ledger += publisher.to_each(1_000).await?;
    }
    let (mut times, mut limits, mut relays, mut devices, mut bare) = (vec![], vec![], vec![], vec![], vec![]);
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    for _ in 0..extent.blocks().pairs {
        let folder = tempfile::tempdir()?;
        let before = (relay.process.cpu()?, own_cpu()?);
        times.push(millis(alone(&relay, folder.path()).await?));
        let between = own_cpu()?;
        relays.push(millis(relay.process.cpu()? - before.0));
        devices.push(millis(between - before.1));
        let rows = Rows { count: MISSED, together: 500 };
        limits.push(millis(insert(&folder.path().join("raw"), rows).await?));
        bare.push(millis(own_cpu()? - between));
    }
    let one = Measure::new("10,000 for one device", "ms", Spread::of(&times));
    let one = one.must(Bound::AtMost(100.0)).moonshot(Bound::AtMost(35.0));
    figure.add(one.probe("the rows alone into SQLite", Spread::of(&limits)).guarded());
    let device = Measure::new("of it, the device's processor time", "ms", Spread::of(&devices));
    figure.add(device.probe("the rows alone into SQLite", Spread::of(&bare)));
    figure.add(Measure::new("of it, the relay's processor time", "ms", Spread::of(&relays)));
    crowd(extent, &mut figure).await?;
    Ok(figure)
}

/// One device with the SDK: from opening an empty inbox until the relay knows that it holds everything.
async fn alone(relay: &Relay, folder: &std::path::Path) -> anyhow::Result<Duration> {
    let code = relay.call("POST", "/v1/connect-codes", &json!({"recipient": "r0"})).await?;
    let code = code["code"].as_str().context("a code")?.to_owned();
    let newest = relay.call("GET", "/v1/notifications?recipient=r0&limit=1", &Value::Null).await?;
    let newest = newest["items"][0]["id"].as_str().context("the newest notification")?.to_owned();
    let began = Instant::now();
    let client = Client::builder(format!("http://{}", relay.address), folder)
        .access(Access::code(code))
        .encryption_key(EncryptionKey::random())
        .build()
        .await?;
    let complete = |state: &Completeness| matches!(state, Completeness::Complete { .. });
    client.completeness().wait_for(complete).await.context("the client was closed")?;
    held_by_a_device(relay, &client, &newest, began).await?;
    let took = began.elapsed();
    client.close().await;
    Ok(took)
}

/// Waits until the relay says that this device holds the newest notification.
async fn held_by_a_device(
    relay: &Relay,
    client: &Client,
    newest: &str,
    began: Instant,
) -> anyhow::Result<()> {
    let device = client.device().await?.to_string();
    loop {
        let story = relay.call("GET", &format!("/v1/notifications/{newest}"), &Value::Null).await?;
        if story["state"] == "reached" {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            bail!("{device} does not say that it holds {newest}: {story}");
        }
        tokio::time::sleep(ASKS_EVERY).await;
    }
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
