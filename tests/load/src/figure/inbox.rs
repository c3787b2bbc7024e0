//! Figure 9: the SDK's inbox on the device beside a bare SQLite database of the same rows.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;
use tidings_sdk::{Access, Client, Completeness, EncryptionKey, Query};

use super::Extent;
use crate::blocks::{OwnMeter, Used};
use crate::document;
use crate::ledger::Ledger;
use crate::probe::inbox::{Pages, Rows, Schema, insert, open, pages};
use crate::publisher::Publisher;
use crate::relay::Relay;
use crate::report::{Bound, Figure, Measure};
use crate::spread::Spread;

/// What the goals are shares of.
const SAME: &str = "SQLite with the same schema";

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
    let key = EncryptionKey::random();
    let raw = |schema: Schema| folder.path().join(format!("{schema:?}.sqlite3"));
    let rows = |schema| Rows { schema, count: items, together: 500 };
    let least = insert(&raw(Schema::Least), rows(Schema::Least)).await?;
    let same = insert(&raw(Schema::Client), rows(Schema::Client)).await?;
    let code = relay.call("POST", "/v1/connect-codes", &json!({"recipient": "r0"})).await?;
    let access = Access::code(code["code"].as_str().context("a code")?);
    let meter = OwnMeter::begin()?;
    let client = build(&relay, folder.path(), access, key.clone()).await?;
    let complete = |state: &Completeness| matches!(state, Completeness::Complete { .. });
    client.completeness().wait_for(complete).await.context("the client was closed")?;
    let received = meter.end()?;
    let cpu = |used: Used| used.per_cpu_second(items);
    let name = "items received, sealed and stored, for each CPU-second of the device";
    compare(&mut figure, name, cpu(received), [cpu(same), cpu(least)]);
    let name = "the same a second, with the relay's reading and the network";
    let inserts = Measure::new(name, "/s", Spread::once(received.per_second(items)));
    figure.add(inserts.probe(SAME, Spread::once(same.per_second(items))));

    let lasts = Duration::from_secs(if extent.short { 1 } else { 5 });
    let same = pages(&raw(Schema::Client), Schema::Client, lasts).await?;
    let read = lists(&client, lasts).await?;
    let least = pages(&raw(Schema::Least), Schema::Least, lasts).await?;
    let cpu = |pages: Pages| 1e6 / pages.cost;
    let name = "pages of 50, newest first, for each CPU-second of the device";
    compare(&mut figure, name, cpu(read), [cpu(same), cpu(least)]);
    let rate = Measure::new("the same a second", "/s", Spread::once(read.rate));
    figure.add(rate.probe(SAME, Spread::once(same.rate)));
    client.close().await;

    let (mut opened, mut bare) = (vec![], vec![]);
    for _ in 0..5 {
        let began = Instant::now();
        let client = build(&relay, folder.path(), Access::saved(), key.clone()).await?;
        client.inbox().page(Query::default(), None, 50).await?;
        opened.push(began.elapsed().as_secs_f64() * 1000.0);
        client.close().await;
        let began = Instant::now();
        drop(open(&raw(Schema::Least), Schema::Least).await?);
        bare.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    let name = format!("open with {items}, first page read");
    let opening = Measure::new(&name, "ms", Spread::of(&opened)).moonshot(Bound::AtMost(10.0));
    figure.add(opening.probe("SQLite opened", Spread::of(&bare)));
    Ok(figure)
}

/// What the client does beside the limit, which is SQLite with the same schema, and beside SQLite with the least that would do.
fn compare(figure: &mut Figure, name: &str, value: f64, [same, least]: [f64; 2]) {
    let measure = Measure::new(name, "/s", Spread::once(value));
    let bounds = measure.must(Bound::AtLeast(same * 0.4)).moonshot(Bound::AtLeast(same * 0.7));
    figure.add(bounds.probe(SAME, Spread::once(same)));
    let measure = Measure::new("the same", "/s", Spread::once(value));
    figure.add(measure.probe("SQLite with six columns and one index", Spread::once(least)));
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
