//! Events: bounds of data, time, ids and batches; CloudEvents; recipients never seen.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tidings_end_to_end::{Caller, Relay, Reply};

fn post_as(caller: &Caller, media: &str, body: &str) -> Reply {
    caller.call("POST", "/v1/events", &[("content-type", media)], body.as_bytes())
}

fn one(caller: &Caller, event: &Value) -> Value {
    caller.post("/v1/events", event).ok(202)["results"][0].clone()
}

/// RFC 3339 by `date`, which knows the calendar.
fn instant(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let date =
        std::process::Command::new("date").args(["-u", "+%FT%TZ", "-d", &format!("@{seconds}")]).output();
    String::from_utf8(date.expect("date runs").stdout).expect("digits").trim().to_owned()
}

#[test]
fn a_type_that_no_rule_knows_is_accepted_and_said_so() {
    let relay = Relay::start();
    let caller = relay.caller();
    let result = one(&caller, &json!({"type": "nobody.listens", "recipient": "alice"}));
    assert_eq!((&result["status"], &result["note"]), (&json!("accepted"), &json!("no_rule")), "{result}");
    let event = caller.get(&format!("/v1/events/{}", result["event"].as_str().expect("an id"))).ok(200);
    assert_eq!(event["type"], "nobody.listens", "{event}");
    assert_eq!(caller.get("/v1/accounting").ok(200)["events"]["accepted"], 1);
}

#[test]
fn data_is_bounded_in_bytes_and_depth_from_both_sides() {
    let relay = Relay::start();
    let caller = relay.caller();
    // {"a":"…"} is eight bytes around the text.
    let sized = |bytes: usize| json!({"type": "a", "data": {"a": "x".repeat(bytes - 8)}});
    assert_eq!(one(&caller, &sized(64 << 10))["status"], "accepted");
    let problem = caller.post("/v1/events", &sized((64 << 10) + 1)).problem(422, "limit");
    assert_eq!((&problem["limit"], &problem["actual"]), (&json!(65_536), &json!(65_537)), "{problem}");
    assert_eq!(problem["errors"][0]["pointer"], "/data", "{problem}");
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        post_as(&caller, "application/json", &format!(r#"{{"type":"a","data":{{"a":{open}{close}}}}}"#))
    };
    let _fits = nested(32).ok(202);
    let problem = nested(33).problem(422, "limit");
    assert_eq!((&problem["limit"], &problem["actual"]), (&json!(32), &json!(33)), "{problem}");
    let _very = nested(400_000).problem(422, "too_deep");
}

#[test]
fn a_thousand_events_are_read_and_one_more_is_not() {
    let relay = Relay::start();
    let caller = relay.caller();
    let many = |count: usize| Value::from(vec![json!({"type": "a"}); count]);
    assert_eq!(caller.post("/v1/events", &many(1_000)).ok(202)["accepted"], 1_000);
    let problem = caller.post("/v1/events", &many(1_001)).problem(413, "limit");
    assert_eq!((&problem["limit"], &problem["actual"]), (&json!(1_000), &json!(1_001)), "{problem}");
    let lines = "{\"type\":\"a\"}\n".repeat(1_001);
    let _lines = post_as(&caller, "application/x-ndjson", &lines).problem(413, "limit");
    let _none = caller.post("/v1/events", &json!([])).problem(422, "invalid");
    assert_eq!(
        caller.get("/v1/accounting").ok(200)["events"]["accepted"],
        1_000,
        "nothing of a batch that is too large"
    );
}

#[test]
fn the_time_of_an_event_is_bounded_from_both_sides() {
    let relay = Relay::start();
    let caller = relay.caller();
    let (now, day, minute) = (SystemTime::now(), Duration::from_secs(86_400), Duration::from_secs(60));
    let at = |time: SystemTime| caller.post("/v1/events", &json!({"type": "a", "time": instant(time)}));
    let _oldest = at(now - day * 30 + minute).ok(202);
    let _newest = at(now + minute * 4).ok(202);
    for outside in [now - day * 30 - minute, now + minute * 6] {
        assert_eq!(at(outside).problem(422, "invalid")["errors"][0]["pointer"], "/time");
    }
}

#[test]
fn ids_have_at_most_128_bytes_and_no_slash_or_control_character() {
    let relay = Relay::start();
    let caller = relay.caller();
    let fits = "r".repeat(128);
    let _fits = caller.call("POST", &format!("/v1/to/{fits}"), &[], b"hi").ok(202);
    let _long = caller.call("POST", &format!("/v1/to/{fits}r"), &[], b"hi").problem(422, "limit");
    for bad in ["a%2Fb", "a%0Ab", "a%00b", "%2E%2E", "%2E", "%C2%85"] {
        let reply = caller.call("POST", &format!("/v1/to/{bad}"), &[], b"hi");
        assert_eq!(reply.status, 422, "{bad}: {}", reply.text());
        let _problem = reply.problem(422, "invalid");
    }
    let _utf8 = caller.call("POST", "/v1/to/%FF", &[], b"hi");
    assert!((400..500).contains(&_utf8.status), "{}", _utf8.text());
    for (field, limit) in [("id", 128), ("type", 128)] {
        let mut event = json!({"type": "a"});
        event[field] = "x".repeat(limit).into();
        assert_eq!(one(&caller, &event)["status"], "accepted");
        event[field] = "x".repeat(limit + 1).into();
        let problem = caller.post("/v1/events", &event).problem(422, "limit");
        assert_eq!((&problem["limit"], &problem["actual"]), (&json!(limit), &json!(limit + 1)), "{problem}");
    }
    let mut event = json!({"type": "a", "recipient": "x".repeat(129)});
    assert_eq!(caller.post("/v1/events", &event).problem(422, "limit")["errors"][0]["pointer"], "/recipient");
    event = json!({"type": "a", "id": "a\u{7}"});
    assert_eq!(caller.post("/v1/events", &event).problem(422, "invalid")["errors"][0]["pointer"], "/id");
}

#[test]
fn one_bad_line_spoils_nothing_but_itself_and_is_named() {
    let relay = Relay::start();
    let caller = relay.caller();
    let lines = "{\"type\":\"a\",\"id\":\"1\",\"source\":\"s\"}\n\n{\"id\":\"2\"}\n{\"type\":\"a\",\"id\":\"1\",\"source\":\"s\"}\nno json\n{\"type\":\"a\"}";
    let answer = post_as(&caller, "application/x-ndjson", lines).ok(202);
    let counts = [&answer["accepted"], &answer["duplicate"], &answer["rejected"]];
    assert_eq!(counts, [&json!(2), &json!(1), &json!(2)], "{answer}");
    let results = answer["results"].as_array().expect("one for each");
    let statuses: Vec<_> = results.iter().map(|result| result["status"].as_str().expect("a word")).collect();
    assert_eq!(statuses, ["accepted", "rejected", "duplicate", "rejected", "accepted"]);
    let missing = json!({"status": "rejected", "code": "missing_field", "pointer": "/type", "detail": "line 3: an event needs a type"});
    assert_eq!(results[1], missing);
    assert_eq!(results[3]["code"], "malformed_json");
    assert!(results[3]["detail"].as_str().is_some_and(|detail| detail.starts_with("line 5: ")), "{answer}");
    assert_eq!(results[2]["event"], results[0]["event"]);
    // Invalid UTF-8 in one line leaves the others.
    let body = b"{\"type\":\"a\"}\n{\"type\":\"\xff\"}\n";
    let answer = caller.call("POST", "/v1/events", &[("content-type", "application/x-ndjson")], body).ok(202);
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(1), &json!(1)), "{answer}");
    // Every one rejected is 422, and still one result for each.
    let reply = caller.post("/v1/events", &json!([{}, {"type": 5}]));
    let problem = reply.problem(422, "rejected");
    assert_eq!(
        (&problem["rejected"], problem["results"].as_array().map(Vec::len)),
        (&json!(2), Some(2)),
        "{problem}"
    );
}

#[test]
fn cloud_events_are_read_in_three_modes_and_keep_their_extensions() {
    let relay = Relay::start();
    let caller = relay.caller();
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-type", "order.shipped"),
        ("ce-source", "shop"),
        ("ce-id", "ce-1"),
        ("ce-subject", "alice"),
        ("ce-traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("content-type", "application/json"),
    ];
    let binary = caller.call("POST", "/v1/events", &headers, br#"{"order_id":1}"#).ok(202);
    let event = |id: &str| {
        json!({"specversion": "1.0", "type": "order.shipped", "source": "shop", "id": id,
        "subject": "alice", "partitionkey": "p1", "data": {"order_id": 1}})
    };
    let structured = post_as(&caller, "application/cloudevents+json", &event("ce-2").to_string()).ok(202);
    let batch =
        json!([event("ce-3"), {"specversion": "0.3", "type": "a", "source": "s", "id": "4"}]).to_string();
    let batch = post_as(&caller, "application/cloudevents-batch+json; charset=utf-8", &batch).ok(202);
    assert_eq!((&batch["accepted"], &batch["rejected"]), (&json!(1), &json!(1)), "{batch}");
    for (answer, extension, value) in [
        (binary, "traceparent", headers[5].1),
        (structured, "partitionkey", "p1"),
        (batch, "partitionkey", "p1"),
    ] {
        let id = answer["results"][0]["event"].as_str().expect("an id").to_owned();
        let event = caller.get(&format!("/v1/events/{id}")).ok(200);
        assert_eq!(event["extensions"][extension], value, "{event}");
        assert_eq!(
            (&event["recipient"], &event["data"]),
            (&json!("alice"), &json!({"order_id": 1})),
            "{event}"
        );
    }
    // An attribute that CloudEvents demands and that is not there.
    for missing in ["id", "source", "type"] {
        let mut event = event("ce-5");
        event.as_object_mut().expect("an object").remove(missing);
        let problem = post_as(&caller, "application/cloudevents+json", &event.to_string())
            .problem(422, "missing_field");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{missing}"), "{problem}");
    }
}

#[test]
fn a_recipient_never_seen_is_made_or_refused_as_the_project_says() {
    let relay = Relay::start();
    let caller = relay.caller();
    let sent = caller.call("POST", "/v1/to/newcomer", &[], b"hi").ok(202);
    assert_eq!(sent["state"], "active", "{sent}");
    let _made = caller.get("/v1/recipients/newcomer").ok(200);
    let document = "tidings: 1\nproject: {name: strict, unknown_recipient: refuse}\n\
        categories: {general: {name: {en: General}, legal: service, channels: [inapp]}}\n\
        rules: {greet: {on: greet, category: general, template: t}}\ntemplates: {t: {en: {title: hi}}}\n";
    let _applied = caller.apply(document).ok(200);
    let sent = caller.call("POST", "/v1/to/stranger", &[], b"hi").ok(202);
    let made = one(&caller, &json!({"type": "greet", "recipient": "stranger"}));
    let _absent = caller.get("/v1/recipients/stranger").problem(404, "not_found");
    // The fact and the decision are kept; a person is not made up.
    for refused in [&sent, &made["notifications"][0]] {
        assert_eq!(refused["state"], "suppressed", "{refused}");
        assert_eq!(refused["stopped_by"]["reason"], "unknown_recipient", "{refused}");
    }
    let _known = caller.call("POST", "/v1/to/newcomer", &[], b"hi").ok(202);
    assert_eq!(caller.get("/v1/accounting").ok(200)["residue"], 0);
}
