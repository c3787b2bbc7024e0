//! A shop's relay that may call this machine.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidings_end_to_end::{Relay, Site};

const DOCUMENT: &str = r#"
tidings: 1
project: {name: shop, locale: en, time_zone: Europe/Berlin, unknown_recipient: create}
policy: {version: "2026-11", url: "https://shop.example/privacy", text: {en: What we send you and why, zh: 我们发送什么以及原因}}
categories:
  general: {name: {en: General, zh: 一般}, legal: service, priority: normal, channels: [inapp]}
  orders:  {name: {en: Orders, zh: 订单}, legal: service, priority: high, channels: [inapp, push]}
  offers:  {name: {en: Offers, zh: 优惠}, legal: marketing, priority: low, channels: [inapp, push, email]}
  recalls: {name: {en: Recalls, zh: 召回}, legal: essential, priority: urgent, channels: [inapp, push]}
"#;
/// The longest wait for what the relay does by itself.
const SOON: Duration = Duration::from_secs(60);

/// See the module.
pub(crate) struct Shop {
    pub(crate) relay: Relay,
}

impl Shop {
    /// With the built-in provider of browsers only.
    pub(crate) fn open() -> Self {
        Self::open_with(&[], &[], "")
    }

    /// With options of the command line, secrets, and more lines of the document.
    pub(crate) fn open_with(options: &[&str], secrets: &[(&str, &str)], more: &str) -> Self {
        let site = Site::new();
        let mut command = site.serve("127.0.0.1:0");
        command.args(["--allow-network", "127.0.0.0/8"]).args(options);
        let relay =
            Relay::try_start(command, site).unwrap_or_else(|refused| panic!("it starts: {}", refused.said));
        let shop = Self { relay };
        for (name, value) in secrets {
            shop.put(&format!("/v1/secrets/{name}"), &json!({"value": value}), 204);
        }
        shop.apply(more);
        shop
    }

    /// The document with more lines.
    pub(crate) fn apply(&self, more: &str) {
        let (yaml, document) = ([("content-type", "application/yaml")], format!("{DOCUMENT}{more}"));
        drop(self.relay.caller().call("PUT", "/v1/configuration", &yaml, document.as_bytes()).ok(200));
    }

    pub(crate) fn put(&self, path: &str, body: &Value, status: u16) {
        let json = [("content-type", "application/json")];
        let reply = self.relay.caller().call("PUT", path, &json, body.to_string().as_bytes());
        assert_eq!(reply.status, status, "{}", reply.text());
    }

    /// A link to somebody's page.
    pub(crate) fn page(&self, recipient: &str) -> String {
        let path = format!("/v1/recipients/{recipient}/page");
        let made = self.relay.caller().post(&path, &Value::Null).ok(201);
        made["link"].as_str().expect("a link is a text").to_owned()
    }

    /// A push address of somebody's.
    pub(crate) fn address(&self, recipient: &str, address: &str) {
        let path = format!("/v1/recipients/{recipient}/endpoints/push");
        self.put(&path, &json!({"address": address, "verified": true}), 200);
    }

    pub(crate) fn addresses(&self, recipient: &str) -> Vec<Value> {
        let exported = self.relay.caller().get(&format!("/v1/recipients/{recipient}/export")).ok(200);
        exported["endpoints"].as_array().expect("an export has endpoints").clone()
    }

    /// Sends a notification; answers its id.
    pub(crate) fn send(&self, recipient: &str, send: &Value) -> String {
        let mut send = send.clone();
        send["recipients"] = json!([recipient]);
        let answer = self.relay.caller().post("/v1/notifications", &send);
        let answer = answer.json();
        answer["notifications"][0]["id"].as_str().unwrap_or_else(|| panic!("an id: {answer}")).to_owned()
    }

    /// The push of a notification, once its delivery is neither waiting nor on its way.
    pub(crate) fn delivered(&self, notification: &str) -> Value {
        self.when(notification, |delivery| {
            !["waiting", "handing_over"].map(Value::from).contains(&delivery["state"])
        })
    }

    /// The push service took it. What a real browser tells of it may be written down before the service's answer is.
    #[track_caller]
    pub(crate) fn taken(&self, notification: &str) {
        let delivery = self.delivered(notification);
        assert!(matches!(delivery["state"].as_str(), Some("sent" | "received")), "{delivery}");
    }

    /// The push of a notification, once it is as it should be.
    #[track_caller]
    pub(crate) fn when(&self, notification: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let page = self.relay.caller().get("/v1/deliveries?channel=push&limit=500").ok(200);
            let items = page["items"].as_array().expect("a page has items").clone();
            let found = items.into_iter().find(|delivery| delivery["notification"] == *notification);
            if let Some(delivery) = found.as_ref().filter(|delivery| is_so(delivery)) {
                return delivery.clone();
            }
            assert!(since.elapsed() < SOON, "it comes so far: {found:?} {}", self.story(notification));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn story(&self, notification: &str) -> Value {
        self.relay.caller().get(&format!("/v1/notifications/{notification}")).ok(200)
    }

    /// Waits until the story of a notification has these receipts, all of one delivery.
    #[track_caller]
    pub(crate) fn told(&self, notification: &str, receipts: &[&str]) {
        let since = Instant::now();
        loop {
            let story = self.story(notification);
            let lines = story["timeline"].as_array().expect("a story has lines").iter();
            let told: Vec<_> = lines.filter(|line| line["kind"] == "receipt").collect();
            if told.iter().map(|line| &line["receipt"]).eq(receipts) {
                assert!(told.iter().all(|line| line["delivery"] == told[0]["delivery"]), "{story}");
                return;
            }
            assert!(since.elapsed() < SOON, "it comes so far: {story}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn books_balance(&self) {
        let books = self.relay.caller().get("/v1/accounting").ok(200);
        assert_eq!(books["residue"], 0, "{books}");
    }
}

/// A send that is pushed.
pub(crate) fn push(title: &str) -> Value {
    json!({"category": "orders", "content": {"title": title}})
}
