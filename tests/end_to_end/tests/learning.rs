//! What people open changes whom a segment reaches, from their devices to the next event; after a crash too.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidings_end_to_end::{Caller, Relay};

const DOCUMENT: &str = "
tidings: 1
project: {name: shop, locale: en, time_zone: Etc/UTC, currency: EUR, unknown_recipient: create}
categories:
  news: {name: {en: News}, legal: service, channels: [inapp]}
segments: {runners: {when: recipient.interests.running > 0.5}}
rules:
  shoe: {on: shoe.new, category: news, template: shoe, tags: data.tags}
  race: {on: race.announced, notify: {segment: runners}, category: news, template: race}
  evening: {on: evening, category: news, template: race, send: {best_hour: true}}
templates:
  shoe: {en: {title: \"{{ data.name }}\", link: \"https://shop.example/shoes\"}}
  race: {en: {title: \"A race, for you\"}}
";

/// Somebody is told of two shoes; their device tells what they did with them.
fn two_shoes(relay: &Relay, caller: &Caller, who: &str, receipt: &str) {
    let device = relay.caller_with(&relay.token(who, "phone"));
    for n in 0..2 {
        let event = json!({"type": "shoe.new", "recipient": who, "data": {"name": format!("Shoe {n}"), "tags": ["running"]}});
        let made = caller.post("/v1/events", &event).ok(202);
        let id = &made["results"][0]["notifications"][0]["id"];
        let told = ["displayed", receipt];
        let ops: Vec<Value> = told
            .iter()
            .map(|receipt| json!({"id": format!("{receipt}-{n}"), "op": "receipt", "notification": id, "receipt": receipt}))
            .collect();
        let answer = device.post("/v1/me/operations", &json!({"ops": ops})).ok(200);
        assert_eq!(answer["done"].as_array().map(Vec::len), Some(2), "{answer}");
    }
}

/// Announces a race; answers whom it reaches, once the walk has ended.
fn race(caller: &Caller) -> Vec<String> {
    let accepted = caller.post("/v1/events", &json!({"type": "race.announced", "data": {}})).ok(202);
    let event = accepted["results"][0]["event"].as_str().expect("an id").to_owned();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let state = caller.get(&format!("/v1/events/{event}")).ok(200);
        if state["state"] == "done" {
            break;
        }
        assert!(Instant::now() < deadline, "the walk does not end: {state}");
        std::thread::yield_now();
    }
    let made = caller.get(&format!("/v1/notifications?event={event}")).ok(200);
    let rows = made["items"].as_array().expect("a list").iter();
    rows.map(|row| row["recipient"].as_str().expect("an id").to_owned()).collect()
}

fn learned(caller: &Caller, who: &str) -> Value {
    caller.get(&format!("/v1/recipients/{who}/export")).ok(200)["learned"].clone()
}

#[test]
fn clicks_change_whom_a_segment_reaches_and_a_refusal_or_an_erasure_takes_them_back() {
    let relay = Relay::start();
    let caller = relay.caller();
    let _applied = caller.apply(DOCUMENT).ok(200);
    let _dora = caller.put("/v1/recipients/dora", &json!({}));
    assert_eq!(race(&caller), [""; 0], "nobody has opened anything");

    two_shoes(&relay, &caller, "alice", "clicked");
    two_shoes(&relay, &caller, "bob", "read");
    assert_eq!(race(&caller), ["alice"]);
    let known = learned(&caller, "alice");
    assert_eq!(
        (&known["interests"], &known["active_hours"]["receipts"]),
        (&json!({"running": 0.666}), &json!(2))
    );
    assert_eq!(learned(&caller, "bob")["interests"], json!({"running": 0.0}));
    let alice = relay.caller_with(&relay.token("alice", "laptop"));
    assert_eq!(alice.get("/v1/me/export").ok(200)["learned"], known, "the person sees the same");

    let relay = Relay::start_on(relay.kill());
    let caller = relay.caller();
    assert_eq!(learned(&caller, "alice"), known, "what was learned outlives a crash");
    assert_eq!(race(&caller), ["alice"]);

    let _refused = caller.put("/v1/recipients/alice/preferences", &json!({"profiling": false})).ok(200);
    assert_eq!(race(&caller), [""; 0]);
    let nothing = learned(&caller, "alice");
    assert_eq!((&nothing["interests"], &nothing["active_hours"]["receipts"]), (&json!({}), &json!(0)));

    two_shoes(&relay, &caller, "carol", "clicked");
    assert_eq!(race(&caller), ["carol"]);
    let _erased = caller.delete("/v1/recipients/carol");
    assert_eq!(race(&caller), [""; 0]);
    let event =
        json!({"type": "shoe.new", "recipient": "carol", "data": {"name": "Shoe", "tags": ["running"]}});
    let _comes_back = caller.post("/v1/events", &event).ok(202);
    assert_eq!(learned(&caller, "carol")["interests"], json!({}), "whoever comes back is unknown");
}

#[test]
fn a_story_says_that_too_little_is_known_of_when_somebody_answers() {
    let relay = Relay::start();
    let caller = relay.caller();
    let _applied = caller.apply(DOCUMENT).ok(200);
    let event = json!({"type": "evening", "recipient": "alice", "data": {}});
    let made = caller.post("/v1/events", &event).ok(202);
    let id = made["results"][0]["notifications"][0]["id"].as_str().expect("an id").to_owned();
    let story = caller.get(&format!("/v1/notifications/{id}")).ok(200);
    let lines = story["timeline"].as_array().expect("its lines").iter();
    let line = lines.into_iter().find(|line| line["gate"] == "best_hour").expect("the gate was asked");
    let text = "too little is known of when alice answers, so no hour is preferred: 0 receipts in 60 days, at least 20 are needed";
    assert_eq!((&line["verdict"], &line["text"]), (&json!("pass"), &json!(text)));
}
