//! Over HTTP: an event converts, variants are counted, one wins, and the next start still knows.

use serde_json::{Value, json};
use tidings_end_to_end::Relay;

const DOCUMENT: &str = r#"
tidings: 1
project: {name: shop, locale: en, time_zone: Europe/Berlin, unknown_recipient: create}
categories:
  offers: {name: {en: Offers}, legal: service, priority: normal, channels: [inapp]}
rules:
  offer: {on: offer.made, category: offers, conversion: {event: order.placed, within: 7d, match: data.offer},
          variants: {long: {template: long}, short: {template: short}}, winner: {by: conversion, after: 15, confidence: 0.95}}
templates:
  long: {en: {title: "An offer that you will like"}}
  short: {en: {title: "An offer"}}
"#;

fn event(relay: &Relay, event_type: &str, recipient: &str, offer: usize) -> Value {
    let body = json!({"type": event_type, "recipient": recipient, "data": {"offer": offer}});
    relay.caller().post("/v1/events", &body).ok(202)["results"][0].clone()
}

fn offer(relay: &Relay, recipient: &str, number: usize) -> Value {
    let made = event(relay, "offer.made", recipient, number);
    let id = made["notifications"][0]["id"].as_str().unwrap_or_else(|| panic!("one is made: {made}"));
    relay.caller().get(&format!("/v1/notifications/{id}")).ok(200)
}

fn show(relay: &Relay, recipient: &str, notification: &Value) {
    let device = relay.caller_with(&relay.token(recipient, "laptop"));
    let shown = json!({"id": "op-1", "op": "receipt", "notification": notification, "receipt": "displayed"});
    let done = device.post("/v1/me/operations", &json!({"ops": [shown]})).ok(200);
    assert_eq!(done["done"], json!(["op-1"]), "{done}");
}

#[test]
fn what_converts_better_wins_and_a_killed_relay_still_knows() {
    let relay = Relay::start();
    assert_eq!(relay.caller().apply(DOCUMENT).ok(200)["version"], 1);
    for number in 0..70 {
        let recipient = format!("r{number}");
        let story = offer(&relay, &recipient, number);
        show(&relay, &recipient, &story["id"]);
        if story["variant"] == "short" {
            let ordered = event(&relay, "order.placed", &recipient, number);
            assert_eq!(ordered["converted"], json!([story["id"]]), "{ordered}");
        }
    }
    let rule = relay.caller().get("/v1/rules/offer").ok(200);
    assert_eq!(
        (&rule["winner"]["state"], &rule["winner"]["variant"]),
        (&json!("won"), &json!("short")),
        "{rule}"
    );
    assert_eq!(rule["story"].as_array().map(Vec::len), Some(1), "{rule}");
    let (long, short) = (&rule["variants"][0], &rule["variants"][1]);
    assert_eq!((&long["converted"], &short["converted"]), (&json!(0), &short["displayed"]), "{rule}");
    let shown = long["displayed"].as_u64().zip(short["displayed"].as_u64()).map(|(long, short)| long + short);
    assert_eq!(shown, Some(70), "{rule}");

    let feed = relay.caller().get("/v1/changes?limit=500").ok(200);
    let told = feed["items"]
        .as_array()
        .expect("a page")
        .iter()
        .filter(|entry| entry["kind"] == "notification.converted");
    assert!(told.clone().count() > 0);
    assert!(told.clone().all(|entry| entry["detail"]["variant"] == "short"), "{feed}");

    let relay = Relay::start_on(relay.kill());
    assert_eq!(relay.caller().get("/v1/rules/offer").ok(200), rule);
    for number in 70..76 {
        let story = offer(&relay, &format!("r{number}"), number);
        let lines = story["timeline"].as_array().expect("lines");
        let line = lines.iter().find(|line| line["gate"] == "variant").expect("it says which");
        assert_eq!((&story["variant"], &line["reason"]), (&json!("short"), &json!("won")), "{story}");
        assert!(line["text"].as_str().is_some_and(|text| text.contains("converted, beside 0.0 %")), "{line}");
    }
    let problem = relay.caller().get("/v1/rules/nothing").problem(404, "not_found");
    assert_eq!(problem["status"], 404);
}
