//! What a key opens, and what it does not.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidings_end_to_end::{Caller, Relay, Reply};

/// A call of the relay, as `/openapi.json` lists it.
pub(crate) struct Route {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The scope that it needs; none if it takes no key.
    pub(crate) scope: Option<String>,
}

/// Every call.
pub(crate) fn routes(relay: &Relay) -> Vec<Route> {
    let document = relay.stranger().get("/openapi.json").ok(200);
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let summary = operation["summary"].as_str().expect("a summary");
            let scope =
                summary.rsplit_once("Scope: ").map(|(_, scope)| scope.trim_end_matches('.').to_owned());
            routes.push(Route { method: method.to_ascii_uppercase(), path: path.clone(), scope });
        }
    }
    assert!(routes.len() > 60, "the document lists them all");
    routes
}

/// The path with values for its names.
pub(crate) fn filled(path: &str, values: &BTreeMap<&str, String>) -> String {
    let part = |part: &str| match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
        Some(name) => values.get(name).cloned().unwrap_or_else(|| panic!("{path}: a value for {name}")),
        None => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn names() -> BTreeMap<&'static str, String> {
    ["id", "recipient", "channel", "topic", "entry", "name", "version", "token", "provider"]
        .into_iter()
        .map(|name| (name, if name == "channel" { "email".to_owned() } else { "1".to_owned() }))
        .collect()
}

fn call(caller: &Caller, route: &Route, values: &BTreeMap<&str, String>) -> Reply {
    caller.call(&route.method, &filled(&route.path, values), &[("content-type", "application/json")], b"{}")
}

#[test]
fn a_key_with_one_scope_opens_the_calls_of_that_scope_and_no_other() {
    let relay = Relay::start();
    let routes = routes(&relay);
    let scopes = ["send", "read", "recipients", "consent", "erase", "tokens", "configure"];
    for scope in scopes {
        let made = relay.caller().post("/v1/keys", &json!({"label": scope, "scopes": [scope]})).ok(201);
        let caller = relay.caller_with(made["key"].as_str().expect("a key"));
        for route in &routes {
            let reply = call(&caller, route, &names());
            let what = format!("{scope}: {} {}: {}", route.method, route.path, reply.status);
            match &route.scope {
                Some(needed) if needed == scope => assert!(![401, 403].contains(&reply.status), "{what}"),
                Some(needed) => {
                    assert_eq!(reply.status, 403, "{what}");
                    assert_eq!(reply.problem(403, "forbidden")["scope"], needed.as_str(), "{what}");
                }
                None => assert!(reply.status != 500, "{what}"),
            }
        }
    }
    assert!(
        routes
            .iter()
            .filter_map(|route| route.scope.as_deref())
            .all(|scope| scopes.contains(&scope) || scope == "operate")
    );
}

#[test]
fn every_call_of_a_backend_or_device_is_closed_to_strangers() {
    let relay = Relay::start();
    let open = ["/healthz", "/readyz", "/v1/connect", "/v1/me/token", "/v1/socket", "/openapi.json"];
    for route in routes(&relay) {
        // Pictures and scripts of the pages say nothing of anybody.
        let is_asset = route.path.starts_with("/p/") && !route.path.contains('{');
        if open.contains(&route.path.as_str()) || is_asset {
            continue;
        }
        for caller in [relay.stranger(), relay.caller_with("tdk_live_wrong"), relay.caller_with("")] {
            let reply = call(&caller, &route, &names());
            if route.path.contains("{token}") {
                // The way there is its own key, and neither of these was ever given away: all that is unknown looks alike.
                let mut other = names();
                other.insert("token", "AAAAAAAAAAAAAAAAAAAAAA".to_owned());
                assert_eq!(reply.status, call(&caller, &route, &other).status, "{}", route.path);
                assert!(reply.status != 500, "{}: {}", route.path, reply.text());
                continue;
            }
            // So many at once are guesses, and slowed down.
            let code = if reply.status == 429 { "rate_limited" } else { "unauthorized" };
            let _problem = reply.problem(if reply.status == 429 { 429 } else { 401 }, code);
        }
    }
}

#[test]
fn a_key_gives_no_more_than_it_has_and_is_taken_back_at_once() {
    let relay = Relay::start();
    let made = relay.caller().post("/v1/keys", &json!({"scopes": ["configure"]})).ok(201);
    let weak = relay.caller_with(made["key"].as_str().expect("a key"));
    let _more = weak.post("/v1/keys", &json!({"scopes": ["send"]})).problem(403, "forbidden");
    let same = weak.post("/v1/keys", &json!({})).ok(201);
    assert_eq!(same["scopes"], json!(["configure"]));
    let _gone = relay.caller().delete(&format!("/v1/keys/{}", made["id"].as_str().expect("an id"))).ok(204);
    let _closed = weak.get("/v1/keys").problem(401, "unauthorized");
    let listed = relay.caller().get("/v1/keys").ok(200);
    assert!(!listed.to_string().contains("tdk_"), "a key is shown once");
}

#[test]
fn a_sandbox_key_decides_everything_and_hands_nothing_over() {
    let relay = Relay::start();
    let made = relay.caller().post("/v1/keys", &json!({"sandbox": true})).ok(201);
    let key = made["key"].as_str().expect("a key");
    assert!(key.starts_with("tdk_test_"), "{made}");
    let sandbox = relay.caller_with(key);
    let mut device = relay.device("alice", "laptop");
    let sent = sandbox.call("POST", "/v1/to/alice", &[], b"a rehearsal").ok(202);
    let story = sandbox.get(sent["story"].as_str().expect("a path")).ok(200);
    assert!(story["timeline"].as_array().is_some_and(|timeline| !timeline.is_empty()), "{story}");
    let event = sandbox.post("/v1/events", &json!({"type": "a", "recipient": "alice"})).ok(202);
    assert_eq!(event["accepted"], 1);
    // What comes next is real, and is the first that the device hears of.
    let real = relay.caller().call("POST", "/v1/to/alice", &[], b"real").ok(202);
    let id = real["id"].as_str().expect("an id");
    loop {
        let changes = device.until("changes");
        let items: Vec<&Value> = changes["items"]
            .as_array()
            .expect("items")
            .iter()
            .filter(|item| item["kind"] == "notification")
            .collect();
        assert!(items.iter().all(|item| item["id"] == id), "{changes}");
        if !items.is_empty() {
            break;
        }
    }
    assert_eq!(relay.caller().get("/v1/accounting").ok(200)["residue"], 0);
}
