//! Figure 9: the SDK's inbox on the device beside a bare SQLite database of the same rows.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;
use tidings_sdk::{Access, Client, Completeness, EncryptionKey, Query};

use super::Extent;
use crate::blocks::OwnMeter;
use crate::document;
use crate::ledger::Ledger;
use crate::probe::inbox::{Pages, Rows, insert, open, pages};
use crate::publisher::Publisher;
use crate::relay::Relay;
use crate::report::{Bound, Figure, Measure};
use crate::spread::Spread;

/// Figure 9.
///
/// # Errors
/// If the run fails.
pub(crate) async fn run(extent: Extent) -> anyhow::Result<Figure> {
    let items: u64 = if extent.short { 5_000 } else { 100_000 };
    let mut figure = Figure::new("9", "the SDK's inbox", Ledger::default());
    let relay = Relay::start(document::LOAD).await?;
    let publisher = Publisher::new(&relay, 1);
    for _ in 0..items / 1_000 {
        figure.ledger += publisher.to_each(1_000).await?;
    }
    let folder = tempfile::tempdir()?;
    let (raw, key) = (folder.path().join("raw.sqlite3"), EncryptionKey::random());
    let inserted = insert(&raw, Rows { count: items, together: 500 }).await?;
    let code = relay.call("POST", "/v1/connect-codes", &json!({"recipient": "r0"})).await?;
    let access = Access::code(code["code"].as_str().context("a code")?);
    let meter = OwnMeter::begin()?;
    let client = build(&relay, folder.path(), access, key.clone()).await?;
    let complete = |state: &Completeness| matches!(state, Completeness::Complete { .. });
    client.completeness().wait_for(complete).await.context("the client was closed")?;
    let received = meter.end()?;
    let limit = inserted.per_cpu_second(items);
    let name = "items received, sealed and stored, for each CPU-second of the device";
    let inserts = Measure::new(name, "/s", Spread::once(received.per_cpu_second(items)));
    figure.add(share(inserts, limit, 0.4, 0.7).probe("rows into SQLite", Spread::once(limit)));
    let name = "the same a second, with the relay's reading and the network";
    let inserts = Measure::new(name, "/s", Spread::once(received.per_second(items)));
    figure.add(inserts.probe("rows into SQLite", Spread::once(inserted.per_second(items))));

    let lasts = Duration::from_secs(if extent.short { 1 } else { 5 });
    let limit = pages(&raw, lasts).await?;
    let read = lists(&client, lasts).await?;
    let rate = Measure::new("pages of 50, newest first", "/s", Spread::once(read.rate));
    figure.add(share(rate, limit.rate, 0.4, 0.7).probe("the same from SQLite", Spread::once(limit.rate)));
    let cost = Measure::new("of it, processor time of a page", "µs", Spread::once(read.cost));
    figure.add(cost.probe("the same from SQLite", Spread::once(limit.cost)));
    client.close().await;

    let (mut opened, mut bare) = (vec![], vec![]);
    for _ in 0..5 {
        let began = Instant::now();
        let client = build(&relay, folder.path(), Access::saved(), key.clone()).await?;
        client.inbox().page(Query::default(), None, 50).await?;
        opened.push(began.elapsed().as_secs_f64() * 1000.0);
        client.close().await;
        let began = Instant::now();
        drop(open(&raw).await?);
        bare.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    let name = format!("open with {items}, first page read");
    let opening = Measure::new(&name, "ms", Spread::of(&opened)).moonshot(Bound::AtMost(10.0));
    figure.add(opening.probe("SQLite opened", Spread::of(&bare)));
    Ok(figure)
}

fn share(measure: Measure, limit: f64, must: f64, moonshot: f64) -> Measure {
    measure.must(Bound::AtLeast(limit * must)).moonshot(Bound::AtLeast(limit * moonshot))
}

async fn build(relay: &Relay, folder: &Path, access: Access, key: EncryptionKey) -> anyhow::Result<Client> {
    let builder = Client::builder(format!("http://{}", relay.address), folder);
    Ok(builder.access(access).encryption_key(key).build().await?)
}

async fn lists(client: &Client, lasts: Duration) -> anyhow::Result<Pages> {
    let inbox = client.inbox();
    Pages::read(lasts, async || {
        inbox.page(Query::default(), None, 50).await?;
        Ok(())
    })
    .await
}
