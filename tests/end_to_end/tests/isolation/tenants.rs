//! Two projects with the same recipients, events and devices: nothing of one is seen or changed from the other.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidings_end_to_end::{Caller, Relay};

use crate::keys::{filled, routes};

/// Stands in everything that the first project stores.
const MARK: &str = "alphasecret";

fn document(name: &str) -> String {
    format!(
        "tidings: 1\nproject: {{name: {name}}}\npolicy: {{version: \"1\", text: {{en: \"{name} policy\"}}}}\n\
         categories:\n  general: {{name: {{en: \"{name}\"}}, legal: service, channels: [inapp, email]}}\n\
         \x20 offers: {{name: {{en: \"{name}\"}}, legal: marketing, channels: [inapp]}}\n\
         rules: {{r: {{on: order.placed, category: general, template: t}}}}\n\
         templates: {{t: {{en: {{title: \"{name} {{{{ data.text }}}}\"}}}}}}\n"
    )
}

/// Fills a project; answers the ids of what it made.
fn fill(caller: &Caller, name: &str) -> BTreeMap<&'static str, Vec<String>> {
    let _applied = caller.apply(&document(name)).ok(200);
    let _secret = caller.put("/v1/secrets/smtp", &json!({"value": name}));
    let _person = caller.put("/v1/recipients/alice", &json!({"attributes": {"name": name}}));
    let address = json!({"address": format!("{name}@shop.example"), "verified": true});
    let _endpoint = caller.put("/v1/recipients/alice/endpoints/email", &address).ok(200);
    let _member = caller.put("/v1/topics/staff/recipients/alice", &json!({}));
    let event = json!({"type": "order.placed", "id": "evt-1", "source": "shop", "recipient": "alice", "data": {"text": name}});
    let event = caller.post("/v1/events", &event).ok(202);
    assert_eq!(event["accepted"], 1, "another project's event is no duplicate: {event}");
    let content = json!({"title": name, "body": name});
    let to_topic = caller.post("/v1/notifications", &json!({"topic": "staff", "content": content})).ok(202);
    let direct =
        caller.post("/v1/notifications", &json!({"recipients": ["alice"], "content": content})).ok(202);
    let grant = json!({"decision": "granted", "category": "offers", "channels": ["inapp"], "policy_version": "1", "text_shown": name});
    let consent = caller.post("/v1/recipients/alice/consent", &grant).ok(201);
    let stop = json!({"channel": "email", "address": format!("stop-{name}@shop.example"), "reason": "asked"});
    let _stop = caller.post("/v1/stop-list", &stop).ok(201);
    let stopped = caller.get("/v1/stop-list").ok(200);
    let key = caller.post("/v1/keys", &json!({"label": name})).ok(201);
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("an id: {value}")).to_owned();
    [
        (
            "notification",
            vec![
                text(&event["results"][0]["notifications"][0]["id"]),
                text(&direct["notifications"][0]["id"]),
            ],
        ),
        ("event", vec![text(&event["results"][0]["event"])]),
        ("send", vec![text(&to_topic["send"]["id"]), text(&direct["send"]["id"])]),
        (
            "entry",
            vec![
                text(&consent["entry"]),
                text(stopped["items"][0].get("id").or(stopped["items"][0].get("entry")).expect("an id")),
            ],
        ),
        ("key", vec![text(&key["id"])]),
    ]
    .into()
}

/// All that a project can read of itself, without the instants of reading.
fn snapshot(caller: &Caller, ids: &BTreeMap<&'static str, Vec<String>>) -> Vec<Value> {
    let mut paths: Vec<String> = [
        "/v1/notifications",
        "/v1/events?source=shop&id=evt-1",
        "/v1/recipients/alice",
        "/v1/recipients/alice/export",
        "/v1/recipients/alice/consent",
        "/v1/recipients/alice/preferences",
        "/v1/configuration",
        "/v1/configuration/versions",
        "/v1/stop",
        "/v1/stop-list",
        "/v1/keys",
        "/v1/accounting",
        "/v1/deliveries",
        "/v1/changes?limit=500",
    ]
    .map(str::to_owned)
    .into();
    paths.extend(ids["notification"].iter().map(|id| format!("/v1/notifications/{id}")));
    paths.extend(ids["send"].iter().map(|id| format!("/v1/sends/{id}")));
    paths.iter().map(|path| timeless(caller.get(path).ok(200))).collect()
}

fn timeless(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        for name in ["as_of", "exported_at", "at"] {
            fields.remove(name);
        }
    }
    value
}

#[test]
fn no_call_shows_or_changes_anything_of_another_project() {
    let relay = Relay::start();
    let alpha = relay.caller();
    let made = alpha.post("/v1/projects", &json!({"name": "beta"})).ok(201);
    let beta = relay.caller_with(made["key"].as_str().expect("its key"));
    let ids = fill(&alpha, MARK);
    let mut phone = relay.device("alice", "phone");
    let _first = phone.until("changes");
    let _same_ids = fill(&beta, "beta");
    // The fan-out to the topic is done when its progress says so.
    let done = |caller: &Caller| {
        (0..10_000).any(|_| {
            let state = caller.get(&format!("/v1/sends/{}", ids["send"][0])).ok(200)["state"].clone();
            state == "done"
        })
    };
    assert!(done(&alpha));
    let before = snapshot(&alpha, &ids);
    assert!(before.iter().any(|value| value.to_string().contains(MARK)));
    let device = beta.post("/v1/tokens", &json!({"recipient": "alice", "device": "phone"})).ok(201);
    let device = relay.caller_with(device["token"].as_str().expect("a token"));
    let every: Vec<String> = ids.values().flatten().cloned().chain(["alice".to_owned()]).collect();
    // Reading first, so that what is erased at the end could still have been seen.
    let mut routes = routes(&relay);
    routes.sort_by_key(|route| {
        ["GET", "POST", "PUT", "PATCH", "DELETE"].iter().position(|method| *method == route.method)
    });
    let mut refused = 0;
    for route in routes.iter().filter(|route| route.path != "/v1/socket") {
        for id in &every {
            let values: BTreeMap<&str, String> = [
                ("id", id.clone()),
                ("recipient", "alice".to_owned()),
                ("channel", "email".to_owned()),
                ("topic", "staff".to_owned()),
                ("entry", id.clone()),
                ("name", "smtp".to_owned()),
                ("version", "1".to_owned()),
                ("token", id.clone()),
                ("provider", "smtp".to_owned()),
            ]
            .into();
            let path = filled(&route.path, &values);
            for caller in [&beta, &device] {
                for body in [&b"{}"[..], br#"{"state":"dead"}"#, br#"{"value":"x"}"#] {
                    let reply =
                        caller.call(&route.method, &path, &[("content-type", "application/json")], body);
                    assert!(reply.status != 500, "{} {path}: {}", route.method, reply.text());
                    assert!(!reply.text().contains(MARK), "{} {path}: {}", route.method, reply.text());
                    refused += usize::from(reply.status == 404);
                    if route.method == "GET" {
                        break;
                    }
                }
            }
            if !route.path.contains('{') {
                break;
            }
        }
    }
    assert!(refused > 50, "its ids are not there: {refused}");
    for query in ["recipient=alice", &format!("event={}", ids["event"][0]), "state=active"] {
        let listed = beta.get(&format!("/v1/notifications?{query}"));
        assert!(!listed.text().contains(&ids["notification"][0]), "{}", listed.text());
    }
    assert_eq!(snapshot(&alpha, &ids), before, "nothing of it was changed");
    assert_eq!(beta.get("/v1/accounting").ok(200)["residue"], 0);
    // Its device is still connected, and hears of its own project alone.
    let _theirs = beta.call("POST", "/v1/to/alice", &[], b"from beta");
    let ours = alpha.call("POST", "/v1/to/alice", &[], b"from alpha").ok(202);
    let changes = phone.until_item(ours["id"].as_str().expect("an id"));
    assert!(!changes.to_string().contains("from beta"), "{changes}");
}

#[test]
fn a_cursor_and_an_operation_of_another_person_change_nothing() {
    let relay = Relay::start();
    let sent = relay.caller().call("POST", "/v1/to/bob", &[], b"for bob").ok(202);
    let (id, bob) = (sent["id"].as_str().expect("an id"), relay.caller_with(&relay.token("bob", "b")));
    let of_bob = bob.get("/v1/me/changes").ok(200);
    let alice = relay.caller_with(&relay.token("alice", "a"));
    let _none = alice.get(&format!("/v1/me/notifications/{id}")).problem(404, "not_found");
    let stolen =
        alice.get(&format!("/v1/me/changes?cursor={}", of_bob["to"].as_str().expect("a cursor"))).ok(200);
    assert_eq!(
        (&stolen["reset"], stolen["items"].to_string().contains(id)),
        (&json!(true), false),
        "{stolen}"
    );
    let ops = json!({"ops": [
        {"id": "1", "op": "receipt", "notification": id, "receipt": "read"},
        {"id": "2", "op": "mark", "notification": id, "archived": true},
        {"id": "3", "op": "feedback", "notification": id, "value": "useful"},
    ]});
    let answer = alice.post("/v1/me/operations", &ops).ok(200);
    let refused = answer["refused"].as_array().expect("refusals");
    assert_eq!((answer["done"].as_array().map(Vec::len), refused.len()), (Some(0), 3), "{answer}");
    assert!(
        refused.iter().all(|refusal| refusal["code"] == "not_found" && refusal["permanent"] == true),
        "{answer}"
    );
    let again = bob.get("/v1/me/changes").ok(200);
    assert_eq!(again["items"], of_bob["items"], "nobody read it");
    let devices = alice.get("/v1/me/devices").ok(200);
    assert!(!devices.to_string().contains("\"b\""), "{devices}");
    let _other = alice.delete("/v1/me/devices/b").problem(404, "not_found");
}
