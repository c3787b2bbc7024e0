//! What a browser tells of a notification that was pushed to it.

use axum::body::Body;
use rstest::rstest;
use serde_json::{Value, json};
use tidings_core::act::{Act, Unit};
use tidings_core::delivery::Outcome;

use super::bench::{Bench, Reply};

const DOCUMENT: &str = r#"
tidings: 1
project: {name: shop, locale: en, time_zone: Europe/Berlin, unknown_recipient: create}
providers: {sms: {channel: sms, kind: http, preset: vendor_a, password: {secret: sms}}}
categories:
  orders: {legal: service, channels: [push]}
"#;

/// A notification that is pushed to a browser of alice's.
struct Pushed {
    bench: Bench,
    page: String,
    subscription: Value,
    notification: String,
    delivery: Box<str>,
}

async fn page(bench: &Bench, recipient: &str) -> String {
    let made = bench.post(&format!("/v1/recipients/{recipient}/page"), &json!(null)).await;
    made.body["link"].as_str().unwrap().strip_prefix("http://127.0.0.1:7420").unwrap().to_owned()
}

fn browser(name: &str) -> Value {
    let endpoint = format!("https://push.example/{name}");
    json!({"endpoint": endpoint, "expirationTime": null, "keys": {"p256dh": "BKey", "auth": "Secret"}})
}

impl Pushed {
    /// A notification whose push waits.
    async fn waiting() -> Self {
        let bench = Bench::new().await;
        bench.apply(DOCUMENT).await;
        let (page, subscription) = (page(&bench, "alice").await, browser("abc"));
        let path = format!("{page}/subscription");
        assert_eq!(bench.call_as("", "PUT", &path, &[], subscription.to_string()).await.status, 204);
        let sms = json!({"address": "+491701234567", "verified": true});
        assert_eq!(bench.put("/v1/recipients/alice/endpoints/sms", &sms).await.status, 200);
        let send = json!({"recipients": ["alice"], "category": "orders", "content": {"title": "Order 1001"},
            "deliver": [{"channels": ["push"]}, {"after": "5m", "unless": "received", "channels": ["sms"]}]});
        let sent = bench.post("/v1/notifications", &send).await;
        let notification = sent.body["notifications"][0]["id"].as_str().unwrap().to_owned();
        let listed = bench.get("/v1/deliveries?channel=push").await.body;
        let delivery = listed["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{listed}")).into();
        Self { bench, page, subscription, notification, delivery }
    }

    /// One that the push service has not answered yet.
    async fn on_its_way() -> Self {
        let this = Self::waiting().await;
        let delivery = this.delivery.clone();
        this.submit(Act::HandOver {
            delivery,
            owner: 1,
            present_until: None,
            rests_until: None,
            address_rests_until: None,
        })
        .await;
        this
    }

    /// One that the push service took.
    async fn sent() -> Self {
        let this = Self::on_its_way().await;
        let delivery = this.delivery.clone();
        this.submit(Act::Conclude { delivery, attempt: 1, outcome: Outcome::accepted(None) }).await;
        this
    }

    async fn submit(&self, act: Act) {
        let unit = Unit { project: self.bench.project(), sandbox: false, repeat: None, act };
        self.bench.app.writer.write(unit).await.unwrap().answer.unwrap();
    }

    async fn tell(&self, page: &str, receipt: &str, subscription: &Value) -> Reply {
        let path = format!("{page}/notifications/{}/receipts", self.notification);
        let body = json!({"receipt": receipt, "subscription": subscription});
        self.bench.call_as("", "POST", &path, &[], Body::from(body.to_string())).await
    }

    async fn tells(&self, receipt: &str) {
        let reply = self.tell(&self.page, receipt, &self.subscription).await;
        assert_eq!(reply.status, 204, "{}", reply.body);
    }

    /// The receipts of the story, each with its delivery.
    async fn receipts(&self) -> Vec<(String, String)> {
        let story = self.story().await;
        let lines = story["timeline"].as_array().unwrap().clone();
        let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let told = lines.iter().filter(|line| line["kind"] == "receipt");
        told.map(|line| (text(line, "receipt"), text(line, "delivery"))).collect()
    }

    async fn story(&self) -> Value {
        self.bench.get(&format!("/v1/notifications/{}", self.notification)).await.body
    }

    async fn state(&self) -> Value {
        let listed = self.bench.get("/v1/deliveries?channel=push").await.body;
        listed["items"][0]["state"].clone()
    }
}

#[tokio::test]
async fn what_a_browser_showed_arrived_and_stands_in_the_story_once() {
    let pushed = Pushed::sent().await;
    assert_eq!(pushed.state().await, "sent");
    for _ in 0..2 {
        pushed.tells("displayed").await;
    }
    assert_eq!(pushed.receipts().await, [("displayed".to_owned(), pushed.delivery.to_string())]);
    assert_eq!(pushed.state().await, "received");
    let story = pushed.story().await.to_string();
    assert!(story.contains("received_in_time"), "nobody is sent a text any more: {story}");
    let feed = pushed.bench.get("/v1/changes").await.body.to_string();
    assert_eq!(feed.matches("receipt.displayed").count(), 1, "{feed}");
    assert_eq!(pushed.bench.get("/v1/accounting").await.body["residue"], 0);
}

#[tokio::test]
async fn what_was_clicked_was_shown_whatever_became_of_the_word_of_that() {
    let pushed = Pushed::sent().await;
    pushed.tells("clicked").await;
    let told: Vec<_> = pushed.receipts().await.into_iter().map(|(receipt, _)| receipt).collect();
    assert_eq!((told, pushed.state().await), (vec!["displayed".into(), "clicked".into()], json!("received")));
}

#[tokio::test]
async fn a_browser_may_be_faster_than_the_answer_of_its_push_service() {
    let pushed = Pushed::on_its_way().await;
    pushed.tells("displayed").await;
    assert_eq!(pushed.state().await, "handing_over");
    assert!(pushed.story().await.to_string().contains("received_in_time"));
    let (delivery, outcome) = (pushed.delivery.clone(), Outcome::accepted(None));
    pushed.submit(Act::Conclude { delivery, attempt: 1, outcome }).await;
    assert_eq!(pushed.state().await, "sent");
    assert_eq!(pushed.bench.get("/v1/accounting").await.body["residue"], 0);
}

#[tokio::test]
async fn nobody_but_the_browser_that_it_was_pushed_to_may_tell() {
    let pushed = Pushed::sent().await;
    let others = page(&pushed.bench, "bob").await;
    let own = &pushed.subscription;
    assert_eq!(pushed.tell(&others, "displayed", own).await.status, 404, "the page of somebody else");
    let path = format!("{}/subscription", pushed.page);
    let second = browser("def");
    assert_eq!(pushed.bench.call_as("", "PUT", &path, &[], second.to_string()).await.status, 204);
    assert_eq!(pushed.tell(&pushed.page, "displayed", &second).await.status, 404, "another browser of hers");
    let guess = pushed.tell("/p/AAAAAAAAAAAAAAAAAAAAAA", "displayed", own).await;
    assert_eq!(guess.status, 404, "a guess");
    assert_eq!(pushed.receipts().await, []);
}

#[tokio::test]
async fn what_was_not_pushed_was_not_shown() {
    let pushed = Pushed::waiting().await;
    assert_eq!(pushed.tell(&pushed.page, "displayed", &pushed.subscription).await.status, 404);
    assert_eq!(pushed.receipts().await, []);
}

#[rstest]
#[case::read(json!({"receipt": "read", "subscription": browser("abc")}), "/receipt")]
#[case::acknowledged(json!({"receipt": "acknowledged", "subscription": browser("abc")}), "/receipt")]
#[case::no_subscription(json!({"receipt": "displayed", "subscription": {}}), "/subscription")]
#[tokio::test]
async fn a_browser_tells_nothing_else(#[case] body: Value, #[case] pointer: &str) {
    let pushed = Pushed::sent().await;
    let path = format!("{}/notifications/{}/receipts", pushed.page, pushed.notification);
    let reply = pushed.bench.call_as("", "POST", &path, &[], body.to_string()).await;
    assert_eq!((reply.status, &reply.body["errors"][0]["pointer"]), (422, &json!(pointer)));
    assert_eq!(pushed.receipts().await, []);
}
