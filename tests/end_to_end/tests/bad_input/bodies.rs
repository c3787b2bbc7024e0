//! Bodies: their form, their size, their fields.

use serde_json::{Value, json};
use tidings_end_to_end::{Caller, Relay, Reply};

const MIB: usize = 1 << 20;

fn post(caller: &Caller, path: &str, body: &[u8]) -> Reply {
    caller.call("POST", path, &[("content-type", "application/json")], body)
}

#[test]
fn an_unknown_field_of_any_body_is_named_with_the_nearest_one() {
    let relay = Relay::start();
    let caller = relay.caller();
    let content = json!({"title": "t"});
    let grant =
        json!({"decision": "granted", "category": "general", "policy_version": "1", "text_shown": "t"});
    let with = |body: &Value, name: &str| {
        let mut body = body.clone();
        body[name] = json!("x");
        body
    };
    let cases = [
        ("POST", "/v1/events", json!({"type": "a", "recipeint": "x"}), "/recipeint", "recipient"),
        ("POST", "/v1/events", json!({"typ": "order.placed"}), "/typ", "type"),
        (
            "POST",
            "/v1/notifications",
            json!({"recipient": ["a"], "content": content}),
            "/recipient",
            "recipients",
        ),
        (
            "POST",
            "/v1/notifications",
            json!({"recipients": ["a"], "content": {"titel": "t"}}),
            "/content/titel",
            "title",
        ),
        (
            "POST",
            "/v1/notifications",
            json!({"recipients": ["a"], "content": {"title": "t", "actions": [{"id": "a", "lable": "b"}]}}),
            "/content/actions/0/lable",
            "label",
        ),
        ("PUT", "/v1/recipients/a", json!({"timezone": "UTC"}), "/timezone", "time_zone"),
        ("PATCH", "/v1/recipients/a", json!({"localle": "en"}), "/localle", "locale"),
        ("PUT", "/v1/recipients/a/endpoints/email", json!({"adress": "a@b.example"}), "/adress", "address"),
        (
            "POST",
            "/v1/recipients/a/consent",
            with(&grant, "policy_versoin"),
            "/policy_versoin",
            "policy_version",
        ),
        ("PUT", "/v1/recipients/a/preferences", json!({"quiet_hour": null}), "/quiet_hour", "quiet_hours"),
        ("PUT", "/v1/secrets/smtp", json!({"valeu": "x"}), "/valeu", "value"),
        ("PUT", "/v1/stop", json!({"stoped": true}), "/stoped", "stopped"),
        ("POST", "/v1/stop-list", json!({"channel": "email", "addres": "a@b.example"}), "/addres", "address"),
        ("POST", "/v1/deliveries/replay", json!({"sate": "dead"}), "/sate", "state"),
        ("POST", "/v1/connect-codes", json!({"recipent": "a"}), "/recipent", "recipient"),
        ("POST", "/v1/connect", json!({"code": "K7QF92MX", "devise": "a"}), "/devise", "device"),
        ("POST", "/v1/me/token", json!({"refresh_tokn": "a"}), "/refresh_tokn", "refresh_token"),
        ("POST", "/v1/tokens", json!({"recipient": "a", "expire": "1h"}), "/expire", "expires"),
        ("POST", "/v1/keys", json!({"scope": []}), "/scope", "scopes"),
        ("POST", "/v1/configuration/preview", json!({"templat": "a"}), "/templat", "template"),
        ("POST", "/v1/configuration/rollback", json!({"versoin": 1}), "/versoin", "version"),
    ];
    for (method, path, body, pointer, hint) in cases {
        let reply =
            caller.call(method, path, &[("content-type", "application/json")], body.to_string().as_bytes());
        assert_eq!(reply.status, 422, "{method} {path} {body}: {}", reply.text());
        let problem = reply.problem(422, "unknown_field");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{path}: {problem}");
        assert_eq!(problem["errors"][0]["hint"], hint, "{path}: {problem}");
    }
}

#[test]
fn a_wrong_kind_and_a_missing_field_are_found_where_they_stand() {
    let relay = Relay::start();
    let caller = relay.caller();
    let cases = [
        ("/v1/events", json!({}), "missing_field", "/type"),
        ("/v1/events", json!({"type": 1}), "invalid", "/type"),
        ("/v1/events", json!({"type": ""}), "invalid", "/type"),
        ("/v1/events", json!({"type": "a\nb"}), "invalid", "/type"),
        ("/v1/events", json!({"type": "a", "time": "yesterday"}), "invalid", "/time"),
        ("/v1/events", json!({"type": "a", "time": 5}), "invalid", "/time"),
        ("/v1/events", json!({"type": "a", "recipient": "a/b"}), "invalid", "/recipient"),
        ("/v1/events", json!({"type": "a", "recipient": ["a"]}), "invalid", "/recipient"),
        ("/v1/events", json!("order.placed"), "invalid", ""),
        ("/v1/notifications", json!({"content": {"title": "t"}}), "missing_field", "/recipients"),
        ("/v1/notifications", json!({"recipients": ["a"]}), "missing_field", "/content"),
        (
            "/v1/notifications",
            json!({"recipients": "a", "content": {"title": "t"}}),
            "invalid",
            "/recipients",
        ),
        (
            "/v1/notifications",
            json!({"recipients": ["a", ".."], "content": {"title": "t"}}),
            "invalid",
            "/recipients/1",
        ),
        (
            "/v1/notifications",
            json!({"recipients": ["a"], "content": {"title": "t"}, "priority": "hihg"}),
            "invalid",
            "/priority",
        ),
        (
            "/v1/notifications",
            json!({"recipients": ["a"], "content": {"title": "t", "link": "javascript:alert(1)"}}),
            "invalid",
            "/content/link",
        ),
        (
            "/v1/notifications",
            json!({"recipients": ["a"], "content": {"title": "t"}, "expires": "91d"}),
            "invalid",
            "/expires",
        ),
        (
            "/v1/notifications",
            json!({"recipients": ["a"], "category": "nope", "content": {"title": "t"}}),
            "unknown_category",
            "/category",
        ),
    ];
    for (path, body, code, pointer) in cases {
        let problem = caller.post(path, &body).problem(422, code);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}: {problem}");
    }
}

#[test]
fn a_body_that_is_no_json_is_refused_with_its_reason() {
    let relay = Relay::start();
    let caller = relay.caller();
    let cases: [(&[u8], u16, &str); 9] = [
        (b"", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b"{} {}", 400, "malformed_json"),
        (b"\xff\xfe", 400, "invalid_utf8"),
        (b"{\"type\":\"a\xc3\"}", 400, "invalid_utf8"),
        (br#"{"type":"a\ud800"}"#, 400, "malformed_json"),
        (br#"{"type":"a","data":{"b":"\udc00\ud800"}}"#, 400, "malformed_json"),
        (br#"{"type":"a","data":{"b":"\u0000"}}"#, 422, "invalid"),
        (br#"{"type":"a","type":"b"}"#, 422, "duplicate_field"),
    ];
    for (body, status, code) in cases {
        let reply = post(&caller, "/v1/events", body);
        assert_eq!(reply.status, status, "{}: {}", String::from_utf8_lossy(body), reply.text());
        let _problem = reply.problem(status, code);
    }
    // Everywhere else too, names included.
    let _names = post(&caller, "/v1/events", br#"{"type":"a","data":{"\u0000":1}}"#).problem(422, "invalid");
    let _twice = post(&caller, "/v1/events", br#"{"type":"a","data":{"b":{"c":1,"c":2}}}"#)
        .problem(422, "duplicate_field");
    let text = caller.call("POST", "/v1/to/alice", &[], b"a\0b");
    let _text = text.problem(422, "invalid");
    let _text = caller.call("POST", "/v1/to/alice", &[], b"\xff").problem(400, "invalid_utf8");
    let _title = caller.call("POST", "/v1/to/alice?title=%00", &[], b"a").problem(422, "invalid");
    let _title = caller.call("POST", "/v1/to/alice?title=%ff", &[], b"a").problem(400, "invalid_utf8");
    let attributes = br#"{"attributes":{"a":"\u0000"}}"#;
    let _person = caller.call("PUT", "/v1/recipients/alice", &[], attributes).problem(422, "invalid");
    let _document =
        caller.call("PUT", "/v1/configuration", &[], b"tidings: 1\n# \xff").problem(400, "invalid_utf8");
}

/// An event whose request has this many bytes: white space around it counts for the request, not for its data.
fn event_of(bytes: usize) -> Vec<u8> {
    let mut body = br#"{"type":"size.test"}"#.to_vec();
    body.resize(bytes, b' ');
    body
}

#[test]
fn a_request_of_a_mebibyte_is_read_and_a_byte_more_is_not() {
    let relay = Relay::start();
    let caller = relay.caller();
    let _accepted = post(&caller, "/v1/events", &event_of(MIB)).ok(202);
    let problem = post(&caller, "/v1/events", &event_of(MIB + 1)).problem(413, "too_large");
    assert_eq!((&problem["limit"], &problem["actual"]), (&json!(MIB), &json!(MIB + 1)), "{problem}");
    // A length that is not named is found out on the way.
    let mut chunked = format!(
        "POST /v1/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         transfer-encoding: chunked\r\n\r\n",
        relay.key()
    )
    .into_bytes();
    for chunk in event_of(MIB + 1).chunks(1 << 16) {
        chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let problem = caller.raw(&chunked).expect("it is answered").problem(413, "too_large");
    assert_eq!(problem["limit"], MIB, "{problem}");
    // A length that nobody has the memory for costs nothing.
    let lie = format!(
        "POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 9999999999999\r\n\r\n",
        relay.key()
    );
    let problem = caller.raw(lie.as_bytes()).expect("it is answered").problem(413, "too_large");
    assert_eq!(problem["actual"], 9_999_999_999_999_u64, "{problem}");
}

#[test]
fn a_document_of_eight_mebibytes_is_read_and_a_byte_more_is_not() {
    let relay = Relay::start();
    let caller = relay.caller();
    let shown = caller.get("/v1/configuration").ok(200);
    let mut document = shown["document"].as_str().expect("the live document").to_owned();
    document.push('\n');
    while document.len() + 64 <= 8 * MIB {
        document.push_str("# -----------------------------------------------------------\n");
    }
    document.push_str(&"#".repeat(8 * MIB - document.len()));
    let _applied = caller.apply(&document).ok(200);
    let problem = caller.apply(&format!("{document}#")).problem(413, "too_large");
    assert_eq!((&problem["limit"], &problem["actual"]), (&json!(8 * MIB), &json!(8 * MIB + 1)), "{problem}");
}

#[test]
fn limits_of_content_hold_from_both_sides() {
    let relay = Relay::start();
    let caller = relay.caller();
    let action = |index: usize| json!({"id": format!("a{index}"), "label": "Do it"});
    let actions = |count: usize| (0..count).map(action).collect::<Vec<_>>();
    // Characters, not bytes: each of these has three.
    let title = |count: usize| json!({"title": "订".repeat(count)});
    let body = |count: usize| json!({"title": "t", "body": "订".repeat(count)});
    let cases = [
        (title(200), title(201), "/content/title", 200, 201),
        (body(4_000), body(4_001), "/content/body", 4_000, 4_001),
        (
            json!({"title": "t", "actions": actions(4)}),
            json!({"title": "t", "actions": actions(5)}),
            "/content/actions",
            4,
            5,
        ),
    ];
    for (fits, too_much, pointer, limit, actual) in cases {
        let send = |content: &Value| {
            caller.post("/v1/notifications", &json!({"recipients": ["a"], "content": content}))
        };
        let _sent = send(&fits).ok(202);
        let problem = send(&too_much).problem(422, "limit");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert_eq!((&problem["limit"], &problem["actual"]), (&json!(limit), &json!(actual)), "{problem}");
    }
    // Every part fits, the whole does not: 16 KiB.
    let link = format!("https://shop.example/{}", "a".repeat(1_900));
    let whole = json!({"title": "t", "body": "订".repeat(4_000), "link": link, "icon": link, "image": link});
    let problem = caller
        .post("/v1/notifications", &json!({"recipients": ["a"], "content": whole}))
        .problem(422, "limit");
    assert_eq!(
        (&problem["limit"], &problem["errors"][0]["pointer"]),
        (&json!(16 << 10), &json!("/content")),
        "{problem}"
    );
    let named = |count: usize| {
        let recipients: Vec<_> = (0..count).map(|index| format!("r{index}")).collect();
        caller.post("/v1/notifications", &json!({"recipients": recipients, "content": {"title": "t"}}))
    };
    let _sent = named(1_000).ok(202);
    let problem = named(1_001).problem(422, "limit");
    assert_eq!((&problem["limit"], &problem["actual"]), (&json!(1_000), &json!(1_001)), "{problem}");
}
