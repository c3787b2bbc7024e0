//! A disk without room: whatever has something to write says so in one word, and reading goes on.

use std::cell::Cell;

use serde_json::{Value, json};
use tidings_end_to_end::{Caller, Relay, Reply, Site};

use crate::environment::in_namespace;

/// How often the disk is filled anew for one call: a checkpoint may have made room meanwhile.
const FILLINGS_MAX: usize = 50;
/// How often in a row nothing may fit before the disk counts as full.
const REFUSALS: usize = 5;

const DOCUMENT: &str = r#"
tidings: 1
project: {name: default, locale: en, time_zone: Etc/UTC, unknown_recipient: create}
policy: {version: "1", text: {en: "We write rarely"}}
categories:
  general: {name: {en: General}, legal: service, priority: normal, channels: [inapp]}
  offers: {name: {en: Offers}, legal: marketing, priority: normal, channels: [inapp]}
"#;

/// States facts, large ones and then small ones, until none fits.
fn fill(caller: &Caller, number: &mut usize) {
    for bytes in [60_000, 4_000, 1] {
        let data = json!({"a": "x".repeat(bytes)});
        let mut refused = 0;
        while refused < REFUSALS {
            *number += 1;
            let reply =
                caller.post("/v1/events", &json!({"type": "a", "id": format!("e{number}"), "data": data}));
            match reply.status {
                202 => refused = 0,
                _ => refused += usize::from(reply.problem(507, "storage_full")["code"].is_string()),
            }
        }
    }
}

/// A call by its name.
type Call = (&'static str, Box<dyn Fn() -> Reply>);

/// Calls with what a key and a device may say, one of each kind that writes.
fn calls(caller: &Caller, device: &Caller, code: &str) -> Vec<Call> {
    let as_key = |method: &'static str, path: &'static str, body: Value| {
        let (caller, times) = (caller.clone(), Cell::new(0_u32));
        let call: Box<dyn Fn() -> Reply> = Box::new(move || {
            // Said a second time the same would be nothing to write.
            times.set(times.get() + 1);
            let anew = |text: String| text.replace('%', &times.get().to_string());
            let body = if body.is_null() { String::new() } else { anew(body.to_string()) };
            let path = anew(path.to_owned());
            caller.call(method, &path, &[("content-type", "application/json")], body.as_bytes())
        });
        (path, call)
    };
    let op = json!({"ops": [{"id": "op-1", "op": "pause", "until": "2099-01-01T00:00:00.000Z"}]});
    let (device, connecting) = (device.clone(), Caller::clone(caller));
    let exchange = json!({"code": code, "device": "phone", "platform": "shell", "nonce": "n"});
    let apply = DOCUMENT.replace("General", "Generally");
    let (applying, telling) = (caller.clone(), caller.clone());
    vec![
        ("POST /v1/to", Box::new(move || telling.call("POST", "/v1/to/alice", &[], b"hi"))),
        as_key("POST", "/v1/events", json!([{"type": "a", "id": "new%", "data": {}}])),
        as_key("POST", "/v1/notifications", json!({"recipients": ["alice"], "content": {"title": "hi"}})),
        as_key("PUT", "/v1/recipients/carol%", json!({"locale": "en"})),
        as_key("PATCH", "/v1/recipients/alice", json!({"attributes": {"n": "%"}})),
        as_key("PUT", "/v1/recipients/alice/endpoints/email", json!({"address": "a%@example.org"})),
        as_key(
            "POST",
            "/v1/recipients/alice/consent",
            json!({"decision": "granted", "category": "offers",
            "channels": ["inapp"], "policy_version": "1", "collected": {"how": "form"}}),
        ),
        as_key("PUT", "/v1/recipients/alice/preferences", json!({"paused_until": "2099-01-01T00:00:00.%Z"})),
        as_key("PUT", "/v1/topics/staff%/recipients/alice", Value::Null),
        as_key("DELETE", "/v1/recipients/bob", Value::Null),
        as_key("PUT", "/v1/secrets/smtp", json!({"value": "secret%"})),
        as_key("PUT", "/v1/stop", json!({"stopped": true})),
        as_key(
            "POST",
            "/v1/stop-list",
            json!({"channel": "email", "address": "b@example.org", "reason": "complaint"}),
        ),
        as_key("POST", "/v1/connect-codes", json!({"recipient": "alice"})),
        as_key("POST", "/v1/keys", json!({"label": "more", "scopes": ["read"]})),
        as_key("POST", "/v1/projects", json!({"name": "more"})),
        ("PUT /v1/configuration", Box::new(move || applying.apply(&apply))),
        ("POST /v1/connect", Box::new(move || connecting.post("/v1/connect", &exchange))),
        ("POST /v1/me/operations", Box::new(move || device.post("/v1/me/operations", &op))),
    ]
}

#[test]
fn every_kind_of_call_that_has_something_to_write_says_the_same_of_a_full_disk_and_reading_goes_on() {
    let site = Site::new();
    let Some(command) = in_namespace(&site, "mount -t tmpfs -o size=6m none \"$DATA\"") else { return };
    let relay =
        Relay::try_start(command, site).unwrap_or_else(|refused| panic!("it starts: {}", refused.said));
    let caller = relay.caller();
    assert!(caller.apply(DOCUMENT).status < 300);
    for who in ["alice", "bob"] {
        let _sent = caller.call("POST", &format!("/v1/to/{who}"), &[], b"hi").ok(202);
    }
    let token = caller.post("/v1/tokens", &json!({"recipient": "alice", "device": "laptop"})).ok(201);
    let device = Caller::new(relay.address(), token["token"].as_str());
    let code = caller.post("/v1/connect-codes", &json!({"recipient": "alice"})).ok(201);
    let calls = calls(&caller, &device, code["code"].as_str().expect("a code"));
    let mut number = 0;
    for (what, call) in calls {
        let full = (0..FILLINGS_MAX).any(|_| {
            fill(&caller, &mut number);
            let reply = call();
            if reply.status < 300 {
                return false;
            }
            let problem = reply.problem(507, "storage_full");
            assert!(reply.header("retry-after").is_some(), "{what}: {problem}");
            true
        });
        assert!(full, "{what} always finds room");
        let books = caller.get("/v1/accounting").ok(200);
        assert_eq!(books["residue"], 0, "{what}: {books}");
        let _reads = device.get("/v1/me/changes").ok(200);
    }
}
