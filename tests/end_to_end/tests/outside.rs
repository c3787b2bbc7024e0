//! What leaves the relay by text message, webhook and hook, and what comes back, through the whole binary.

mod outside {
    pub(crate) mod receiver;
}

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use outside::receiver::{Asked, Receiver};
use serde_json::{Value, json};
use tidings_end_to_end::{Relay, Site};

/// How long something may take that takes milliseconds on a machine of its own.
const DEADLINE: Duration = Duration::from_secs(60);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NUMBER: &str = "+491701234567";

/// A relay that may call the loopback.
fn start(site: Site) -> Relay {
    let mut command = site.serve("127.0.0.1:0");
    command.args(["--allow-network", "127.0.0.0/8"]);
    Relay::try_start(command, site).unwrap_or_else(|refused| panic!("it starts: {}", refused.said))
}

/// Two vendors of text messages, a webhook, a hook.
fn document(first: &str, second: &str, hook: &str) -> String {
    format!(
        r#"
tidings: 1
project: {{name: shop, unknown_recipient: create}}
providers:
  sms_a: {{channel: sms, kind: http, preset: vendor_a, url: "http://{first}/a", password: {{secret: sms}}, inbound: {{secret: sms_in}}, segments_max: 1, cost: 0.07}}
  sms_b: {{channel: sms, kind: http, preset: vendor_b, url: "http://{second}/b", password: {{secret: sms}}, cost: 0.09}}
  calls: {{channel: webhook, kind: webhook, password: {{secret: hook}}}}
channels: {{sms: {{providers: [sms_a, sms_b]}}, webhook: {{providers: [calls]}}}}
categories:
  texts: {{legal: service, channels: [sms]}}
  calls: {{legal: service, channels: [webhook]}}
  alarms: {{legal: essential, channels: [sms]}}
templates: {{hello: {{en: {{title: Hello}}}}}}
hooks: {{backend: {{url: "http://{hook}/hook", on: [consent.changed, delivery.received], signing: {{secret: hook}}}}}}
"#
    )
}

fn set_up(relay: &Relay, first: &str, second: &str, hook: &str) {
    let caller = relay.caller();
    assert_eq!(caller.apply(&document(first, second, hook)).status, 200);
    for (name, value) in [("sms", "token"), ("sms_in", "sesame"), ("hook", SECRET)] {
        assert_eq!(caller.put(&format!("/v1/secrets/{name}"), &json!({"value": value})).status, 204);
    }
    let address = json!({"address": NUMBER, "verified": true});
    let _done = caller.put("/v1/recipients/alice/endpoints/sms", &address).ok(200);
}

/// Sends something to Alice; answers its id.
fn send(relay: &Relay, category: &str, title: &str) -> String {
    let body = json!({"recipients": ["alice"], "category": category, "content": {"title": title}});
    let sent = relay.caller().post("/v1/notifications", &body).ok(202);
    sent["notifications"][0]["id"].as_str().expect("an id").to_owned()
}

/// Waits until a story says something.
fn story(relay: &Relay, id: &str, says: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let story = relay.caller().get(&format!("/v1/notifications/{id}")).ok(200);
        if story["timeline"].as_array().expect("a timeline").iter().any(&says) {
            return story;
        }
        assert!(began.elapsed() < DEADLINE, "the story never says it: {story:#}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn outcome(state: &'static str) -> impl Fn(&Value) -> bool {
    move |line| line["kind"] == "outcome" && line["state"] == state
}

fn json_of(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).expect("JSON")
}

#[test]
fn a_text_goes_out_is_reported_and_is_stopped_by_who_got_it() {
    let ids = std::sync::atomic::AtomicU32::new(1);
    let vendor = Receiver::new(move |_| {
        let id = ids.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        (200, format!(r#"{{"id": "a-{id}"}}"#))
    });
    let other = Receiver::answering(500, "");
    let backend = Receiver::answering(204, "");
    let relay = start(Site::new());
    set_up(&relay, vendor.address(), other.address(), backend.address());

    let id = send(&relay, "texts", &"parcel ".repeat(28));
    let asked = vendor.asked(1)[0].clone();
    assert_eq!((asked.line.as_str(), asked.header("authorization")), ("POST /a HTTP/1.1", "Bearer token"));
    assert_eq!(json_of(&asked)["to"], NUMBER);
    assert!(json_of(&asked)["text"].as_str().expect("a text").ends_with("parcel..."));
    assert_eq!(asked.header("idempotency-key"), json_of(&asked)["reference"]);
    story(&relay, &id, outcome("sent"));
    story(&relay, &id, |line| {
        line["text"].as_str().is_some_and(|text| text.contains("shortened to 1 segments"))
    });

    let stranger = relay.caller_with("sesame");
    let report = json!({"id": "a-1", "status": "delivered"});
    assert_eq!(stranger.post("/v1/inbound/sms_a", &report).ok(200)["state"], "received");
    assert_eq!(stranger.post("/v1/inbound/sms_a", &report).ok(200)["state"], "received", "twice is once");
    story(&relay, &id, outcome("received"));

    let says = |id: &str, text: &str| {
        stranger.post("/v1/inbound/sms_a", &json!({"from": NUMBER, "text": text, "id": id})).ok(200)
    };
    assert_eq!(says("in-1", "STOP")["decisions"], 3, "two categories, and what is made later");
    let stopped = send(&relay, "texts", "Not to be sent");
    let row = relay.caller().get(&format!("/v1/notifications/{stopped}")).ok(200);
    assert_eq!(
        (&row["state"], &row["stopped_by"]["reason"]),
        (&json!("suppressed"), &json!("consent_withdrawn"))
    );
    send(&relay, "alarms", "Water in the cellar");
    assert_eq!(json_of(&vendor.asked(2)[1])["text"], "Water in the cellar", "what is essential goes on");
    says("in-2", "START");
    send(&relay, "texts", "Here again");
    assert_eq!(json_of(&vendor.asked(3)[2])["text"], "Here again");

    let heard: Vec<Value> = backend.asked(5).iter().map(|asked| json_of(asked)["kind"].clone()).collect();
    assert_eq!(heard.iter().filter(|kind| **kind == "consent.changed").count(), 4, "{heard:?}");
    assert!(heard.contains(&json!("delivery.received")), "{heard:?}");
    assert_balanced(&relay);
}

#[test]
fn a_vendor_that_refuses_the_account_hands_the_text_to_the_next_and_one_that_bounces_it_ends_it() {
    let first = Receiver::answering(401, "");
    let second = Receiver::answering(200, r#"{"messages": [{"status": "0", "id": "b-1"}]}"#);
    let relay = start(Site::new());
    set_up(&relay, first.address(), second.address(), "127.0.0.1:9");
    let id = send(&relay, "texts", "Hello");
    let asked = second.asked(1)[0].clone();
    assert_eq!((asked.header("x-api-key"), first.asked(1).len()), ("token", 1));
    assert!(asked.body.contains("recipient=491701234567"), "{}", asked.body);
    story(&relay, &id, outcome("sent"));
    let report = json!({"id": "b-1", "status": "undelivered", "error": "6"});
    assert_eq!(relay.caller().post("/v1/inbound/sms_b", &report).ok(200)["state"], "dead");
    story(&relay, &id, outcome("dead"));
    let began = Instant::now();
    while relay.caller().get("/v1/stop-list").ok(200)["items"][0]["address"] != NUMBER {
        assert!(began.elapsed() < DEADLINE, "a number that nobody has is on the stop list");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_balanced(&relay);
}

/// What openssl makes of a signed request.
fn openssl(asked: &Asked) -> String {
    let signed =
        format!("{}.{}.{}", asked.header("webhook-id"), asked.header("webhook-timestamp"), asked.body);
    let script = r#"key=$(printf %s "$KEY" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
        printf %s "$SIGNED" | openssl dgst -sha256 -mac HMAC -macopt hexkey:"$key" -binary | openssl base64 -A"#;
    let environment = BTreeMap::from([("KEY", SECRET.trim_start_matches("whsec_")), ("SIGNED", &signed)]);
    let made = Command::new("sh").args(["-c", script]).envs(environment).output().expect("openssl runs");
    format!("v1,{}", String::from_utf8(made.stdout).expect("Base64"))
}

#[test]
fn a_webhook_reaches_its_receiver_signed_and_one_that_is_gone_is_not_called_again() {
    let receiver =
        Receiver::new(|asked| (if asked.body.contains("first") { 200 } else { 410 }, String::new()));
    let relay = start(Site::new());
    set_up(&relay, "127.0.0.1:9", "127.0.0.1:9", "127.0.0.1:9");
    let url = json!({"address": format!("http://{}/alice", receiver.address())});
    let _done = relay.caller().put("/v1/recipients/alice/endpoints/webhook", &url).ok(200);
    let id = send(&relay, "calls", "first");
    let asked = receiver.asked(1)[0].clone();
    assert_eq!(asked.header("webhook-signature"), openssl(&asked));
    assert_eq!(
        (&json_of(&asked)["data"]["title"], &json_of(&asked)["data"]["id"]),
        (&json!("first"), &json!(id))
    );
    story(&relay, &id, outcome("sent"));
    let gone = send(&relay, "calls", "second");
    story(&relay, &gone, outcome("dead"));
    let after = send(&relay, "calls", "third");
    let row = relay.caller().get(&format!("/v1/notifications/{after}")).ok(200);
    assert_ne!(row["state"], "active", "{row}");
    assert_eq!(receiver.asked(2).len(), 2);
    assert_balanced(&relay);
}

#[test]
fn without_leave_of_the_node_nothing_inside_is_called() {
    let receiver = Receiver::answering(200, "{}");
    let relay = Relay::start();
    set_up(&relay, receiver.address(), receiver.address(), receiver.address());
    let url = json!({"address": format!("http://{}/alice", receiver.address())});
    let _done = relay.caller().put("/v1/recipients/alice/endpoints/webhook", &url).ok(200);
    let call = send(&relay, "calls", "inside");
    story(&relay, &call, outcome("dead"));
    let text = send(&relay, "texts", "inside");
    story(&relay, &text, |line| line["text"].as_str().is_some_and(|text| text.contains("not_public")));
    let _done = relay.caller().post("/v1/inbound/sms_a", &json!({"from": NUMBER, "text": "STOP"})).ok(200);
    let began = Instant::now();
    while relay.caller().get("/v1/hooks").ok(200)["items"][0]["code"] != "not_public" {
        assert!(began.elapsed() < DEADLINE, "the hook says why it is not told");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(receiver.so_far(), 0);
}

#[test]
fn a_hook_goes_on_after_the_relay_was_killed() {
    let backend = Receiver::answering(200, "");
    let relay = start(Site::new());
    set_up(&relay, "127.0.0.1:9", "127.0.0.1:9", backend.address());
    let decide = |relay: &Relay, decision: &str| {
        let body = json!({"decision": decision, "category": "texts", "channels": ["sms"]});
        let _done = relay.caller().post("/v1/recipients/alice/consent", &body).ok(201);
    };
    decide(&relay, "granted");
    backend.asked(1);
    let site = relay.kill();
    let relay = start(site);
    decide(&relay, "withdrawn");
    let began = Instant::now();
    let decisions = loop {
        let asked = backend.asked(2);
        let mut seen = BTreeMap::new();
        for one in &asked {
            seen.insert(one.header("webhook-id").to_owned(), json_of(one)["detail"]["decision"].clone());
        }
        if seen.len() == 2 {
            break seen;
        }
        assert!(began.elapsed() < DEADLINE, "{asked:?}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(decisions.into_values().collect::<Vec<_>>(), ["granted", "withdrawn"]);
}

fn assert_balanced(relay: &Relay) {
    let books = relay.caller().get("/v1/accounting").ok(200);
    for ledger in ["events", "notifications", "deliveries"] {
        assert_eq!(books[ledger]["residue"], 0, "{books:#}");
    }
}
