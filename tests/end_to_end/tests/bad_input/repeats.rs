//! The same call again: answered as the first time, refused if it says something else, never done twice.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::{Value, json};
use tidings_end_to_end::{Caller, Relay, Reply};

fn keyed(caller: &Caller, path: &str, key: &str, body: &Value) -> Reply {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    caller.call("POST", path, &headers, body.to_string().as_bytes())
}

#[test]
fn a_repeated_key_answers_as_the_first_time_and_another_body_is_refused() {
    let relay = Relay::start();
    let caller = relay.caller();
    let cases = [
        ("/v1/events", json!({"type": "a"}), json!({"type": "b"})),
        ("/v1/events", json!([{"type": "a"}, {}]), json!([{"type": "a"}])),
        ("/v1/to/alice", json!({"title": "t"}), json!({"title": "u"})),
        (
            "/v1/notifications",
            json!({"recipients": ["a"], "content": {"title": "t"}}),
            json!({"recipients": ["b"], "content": {"title": "t"}}),
        ),
        ("/v1/connect-codes", json!({"recipient": "a"}), json!({"recipient": "b"})),
        (
            "/v1/stop-list",
            json!({"channel": "email", "address": "a@b.example", "reason": "asked"}),
            json!({"channel": "email", "address": "c@b.example", "reason": "asked"}),
        ),
        ("/v1/keys", json!({"label": "a"}), json!({"label": "b"})),
        ("/v1/tokens", json!({"recipient": "a"}), json!({"recipient": "b"})),
    ];
    for (index, (path, body, other)) in cases.into_iter().enumerate() {
        let key = format!("key-{index}");
        let first = keyed(&caller, path, &key, &body);
        assert!(first.status < 300, "{path}: {}", first.text());
        assert_eq!(first.header("idempotent-replayed"), None, "{path}");
        let again = keyed(&caller, path, &key, &body);
        assert_eq!(
            (again.status, again.header("idempotent-replayed")),
            (first.status, Some("true")),
            "{path}"
        );
        assert_eq!(again.json(), first.json(), "{path}");
        let _mismatch = keyed(&caller, path, &key, &other).problem(422, "idempotency_mismatch");
    }
    let events = caller.get("/v1/accounting").ok(200);
    assert_eq!(events["residue"], 0, "{events}");
}

#[test]
fn a_key_belongs_to_a_project_and_a_route_and_outlives_a_restart() {
    let relay = Relay::start();
    let caller = relay.caller();
    let other = caller.post("/v1/projects", &json!({"name": "other"})).ok(201);
    let other = relay.caller_with(other["key"].as_str().expect("its key"));
    let event = json!({"type": "a"});
    let first = keyed(&caller, "/v1/events", "one", &event).ok(202);
    let elsewhere = keyed(&other, "/v1/events", "one", &json!({"type": "b"}));
    assert_eq!((elsewhere.status, elsewhere.header("idempotent-replayed")), (202, None));
    let route = keyed(&caller, "/v1/to/alice", "one", &json!({"title": "t"}));
    assert_eq!((route.status, route.header("idempotent-replayed")), (202, None));
    let relay = Relay::start_on(relay.kill());
    let again = keyed(&relay.caller(), "/v1/events", "one", &event);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.ok(202), first);
}

/// What is no event, send or consent keeps its answer as well, and no secret of it stands on the disk.
#[test]
fn calls_that_open_something_are_answered_again_after_a_restart() {
    let relay = Relay::start();
    let caller = relay.caller();
    let code = caller.post("/v1/connect-codes", &json!({"recipient": "alice"})).ok(201);
    let connect = json!({"code": code["code"], "device": "laptop", "platform": "shell"});
    let connected = keyed(&relay.stranger(), "/v1/connect", "connect", &connect).ok(200);
    let refresh = json!({"refresh_token": connected["refresh_token"]});
    let refreshed = keyed(&relay.stranger(), "/v1/me/token", "refresh", &refresh).ok(200);
    let stop = json!({"channel": "email", "address": "a@b.example", "reason": "asked"});
    let document = json!({"document": "tidings: 1", "files": {}});
    let calls = [
        ("/v1/connect-codes", json!({"recipient": "a"}), "/code"),
        ("/v1/keys", json!({"label": "a"}), "/key"),
        ("/v1/projects", json!({"name": "other"}), "/key"),
        ("/v1/tokens", json!({"recipient": "a"}), "/token"),
        ("/v1/recipients/alice/page", json!({}), "/link"),
        ("/v1/stop-list", stop, ""),
        ("/v1/deliveries/replay", json!({"state": "dead"}), ""),
        ("/v1/configuration/check", document, ""),
    ];
    let mut secrets = vec![refreshed["refresh_token"].clone(), refreshed["access_token"].clone()];
    let first: Vec<Value> = calls
        .iter()
        .map(|(path, body, secret)| {
            let reply = keyed(&caller, path, "one", body);
            assert!(reply.status < 300, "{path}: {}", reply.text());
            secrets.extend(reply.json().pointer(secret).filter(|_| !secret.is_empty()).cloned());
            reply.json()
        })
        .collect();
    let relay = Relay::start_on(relay.kill());
    let caller = relay.caller();
    for ((path, body, _), first) in calls.iter().zip(first) {
        let again = keyed(&caller, path, "one", body);
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{path}: {}", again.text());
        assert_eq!(again.json(), first, "{path}");
    }
    for (path, key, body, first) in
        [("/v1/connect", "connect", connect, connected), ("/v1/me/token", "refresh", refresh, refreshed)]
    {
        let again = keyed(&relay.stranger(), path, key, &body);
        assert_eq!((again.header("idempotent-replayed"), again.json()), (Some("true"), first), "{path}");
    }
    let site = relay.kill();
    let files = std::fs::read_dir(site.data()).expect("the relay's folder").flatten();
    let databases: Vec<Vec<u8>> = files
        .filter(|file| file.file_name().to_string_lossy().contains(".sqlite3"))
        .map(|file| std::fs::read(file.path()).expect("a file of the store"))
        .collect();
    assert!(!databases.is_empty());
    for secret in secrets {
        let secret = secret.as_str().expect("a text").rsplit('/').next().unwrap_or_default().as_bytes();
        let stands = |bytes: &Vec<u8>| bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!databases.iter().any(stands), "{}", String::from_utf8_lossy(secret));
    }
}

#[test]
fn a_key_of_255_characters_is_taken_and_of_256_is_not() {
    let relay = Relay::start();
    let caller = relay.caller();
    let event = json!({"type": "a"});
    let _fits = keyed(&caller, "/v1/events", &"k".repeat(255), &event).ok(202);
    let problem = keyed(&caller, "/v1/events", &"k".repeat(256), &event).problem(422, "limit");
    assert_eq!((&problem["limit"], &problem["actual"]), (&json!(255), &json!(256)), "{problem}");
}

#[test]
fn the_same_call_at_the_same_time_has_one_effect() {
    let relay = Relay::start();
    let caller = relay.caller();
    for round in 0..10 {
        let key = format!("race-{round}");
        let event = json!({"type": "a", "data": {"round": round}});
        let replies: Vec<Reply> = std::thread::scope(|scope| {
            let racers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| keyed(&caller, "/v1/events", &key, &event))).collect();
            racers.into_iter().map(|racer| racer.join().expect("it does not panic")).collect()
        });
        let fresh =
            replies.iter().filter(|r| r.status == 202 && r.header("idempotent-replayed").is_none()).count();
        assert_eq!(fresh, 1, "exactly one is the first");
        for reply in &replies {
            if reply.status != 202 {
                assert!(reply.header("retry-after").is_some());
                let _conflict = reply.problem(409, "idempotency_in_flight");
            }
        }
    }
    assert_eq!(caller.get("/v1/accounting").ok(200)["events"]["accepted"], 10);
}

#[test]
fn the_same_id_with_other_data_is_a_conflict_and_with_the_same_a_duplicate() {
    let relay = Relay::start();
    let caller = relay.caller();
    let event = |total: u32| json!({"type": "order.placed", "id": "evt-1", "source": "shop", "data": {"total": total}});
    let first = caller.post("/v1/events", &event(30)).ok(202);
    let again = caller.post("/v1/events", &event(30)).ok(202);
    assert_eq!(
        (&again["duplicate"], &again["results"][0]["event"]),
        (&json!(1), &first["results"][0]["event"])
    );
    let _conflict = caller.post("/v1/events", &event(31)).problem(409, "event_conflict");
    // In a batch the conflict is one result; another source has ids of its own.
    let mut elsewhere = event(31);
    elsewhere["source"] = "warehouse".into();
    let batch = caller.post("/v1/events", &json!([event(31), event(30), elsewhere])).ok(202);
    let counts = [&batch["accepted"], &batch["duplicate"], &batch["rejected"]];
    assert_eq!(counts, [&json!(1), &json!(1), &json!(1)], "{batch}");
    assert_eq!(batch["results"][0]["code"], "event_conflict", "{batch}");
    // Twice in one batch is a duplicate too.
    let twin = json!({"type": "a", "id": "twin", "source": "shop"});
    let batch = caller.post("/v1/events", &json!([twin, twin])).ok(202);
    assert_eq!((&batch["accepted"], &batch["duplicate"]), (&json!(1), &json!(1)), "{batch}");
}

#[test]
fn a_caller_that_hangs_up_in_the_middle_of_its_body_changes_nothing() {
    let relay = Relay::start();
    let caller = relay.caller();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(relay.address()).expect("it listens");
        let half = format!(
            "POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 40\r\n\r\n{{\"type\":\"a\"}}",
            relay.key()
        );
        stream.write_all(half.as_bytes()).expect("it reads");
        drop(stream);
    }
    let _whole = caller.post("/v1/events", &json!({"type": "a"})).ok(202);
    assert_eq!(caller.get("/v1/accounting").ok(200)["events"]["accepted"], 1);
}
