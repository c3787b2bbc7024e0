//! The shop: its document, which is the worked example that ships with the project, and its day.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidings_core::configuration::Bundle;

use super::outside::Outside;
use super::people::Cast;
use super::publisher::Publisher;
use crate::calls::Calls;
use crate::error::CommandError;

const DOCUMENT: &str = include_str!("../../../../../examples/shop/shop.yaml");
const FILES: [(&str, &str); 4] = [
    ("mail/order_placed.en.mjml", include_str!("../../../../../examples/shop/mail/order_placed.en.mjml")),
    ("mail/order_placed.zh.mjml", include_str!("../../../../../examples/shop/mail/order_placed.zh.mjml")),
    ("mail/promotion.en.mjml", include_str!("../../../../../examples/shop/mail/promotion.en.mjml")),
    ("mail/promotion.zh.mjml", include_str!("../../../../../examples/shop/mail/promotion.zh.mjml")),
];

/// What to try next.
pub(super) const NEXT: &str = "What to try next:
  tidings serve                                      a relay of your own
  tidings apply examples/shop/shop.yaml              with the shop's rules
  tidings simulate examples/shop/shop.yaml examples/shop/day.ndjson
  now change one cap in shop.yaml, then see who would hear less:
  tidings plan examples/shop/shop.yaml --since 7d";

/// The shop's document with the demo's own mail server and vendors. Where a payment waits for minutes it waits for seconds.
/// Nobody listens for hooks here.
fn document(outside: &Outside) -> String {
    let mail = format!("host: 127.0.0.1, port: {}, tls: none, from", outside.mail_port);
    let vendor = |name: &str, path: &str| {
        format!("preset: {name}, url: \"http://127.0.0.1:{}/{path}\",", outside.text_port)
    };
    let lines = DOCUMENT.lines().filter(|line| !line.starts_with("hooks:"));
    let document = lines.collect::<Vec<_>>().join("\n");
    document
        .replace("host: mail.shop.example, user: shop, password: {secret: smtp}, from", &mail)
        .replace("preset: vendor_a,", &vendor("vendor_a", "a"))
        .replace("preset: vendor_b,", &vendor("vendor_b", "b"))
        .replace("{after: 5m, unless: acknowledged,", "{after: 2s, unless: acknowledged,")
        .replace("{after: 15m, unless: acknowledged,", "{after: 4s, unless: acknowledged,")
}

/// Makes the shop's document live.
pub(super) async fn open(calls: &Calls, outside: &Outside) -> Result<(), CommandError> {
    let files: BTreeMap<String, String> =
        FILES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    calls.put(&["v1", "configuration"], &Bundle { document: document(outside), files }).await?;
    Ok(())
}

/// An order, as the shop's backend states it.
pub(super) fn order(kind: &str, id: &str, order: u64, customer: &str) -> Value {
    json!({"type": kind, "id": id, "source": "shop", "data": {
        "order_id": order, "customer": customer, "total": 30, "currency": "EUR",
        "items": [{"name": "Lamp"}], "tags": ["lamp"],
    }})
}

/// The morning's facts, in the order in which they happen; answers what happened in the shop.
pub(super) async fn morning(publisher: &Publisher, cast: &Cast) -> Result<Vec<String>, CommandError> {
    let mut said = Vec::new();
    for (number, name) in (1001..).zip(cast.names()) {
        let id = format!("evt-order-{name}");
        publisher.state(order("order.placed", &id, number, name)).await?;
        said.push(format!("  {name} buys a lamp (order {number})"));
    }
    for name in cast.names() {
        let cart = json!({"type": "cart.abandoned", "id": format!("evt-cart-{name}"), "source": "shop",
            "data": {"customer": name, "items": [{"name": "Chair"}]}});
        publisher.state(cart).await?;
        said.push(format!("  {name} leaves a chair in the cart"));
    }
    let first = cast.names().next().unwrap_or_default().to_owned();
    publisher.state(order("order.shipped", "evt-shipped", 1001, &first)).await?;
    said.push(format!("  {first}'s order is shipped"));
    cast.settle().await?;
    cast.read_and_acknowledge().await?;
    Ok(said)
}
