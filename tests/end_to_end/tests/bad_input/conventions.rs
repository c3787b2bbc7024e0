//! Paths, methods, queries and headers that are not right.

use serde_json::{Value, json};
use tidings_end_to_end::Relay;

#[test]
fn what_is_no_call_is_a_problem_too() {
    let relay = Relay::start();
    let caller = relay.caller();
    let _path = caller.get("/v1/evnets").problem(404, "not_found");
    let _path = caller.get("/").status;
    let _id = caller.get("/v1/notifications/nope").problem(404, "not_found");
    let _id = caller.get("/v1/events/nope").problem(404, "not_found");
    let method = caller.delete("/v1/events");
    assert!(method.header("allow").is_some_and(|allow| allow.contains("POST")), "{method:?}");
    let _method = method.problem(405, "method_not_allowed");
    let encoded = caller.call("POST", "/v1/events", &[("content-encoding", "gzip")], b"\x1f\x8b");
    let _encoded = encoded.problem(415, "unsupported_media_type");
    let stranger = relay.stranger().get("/v1/accounting");
    assert!(stranger.header("www-authenticate").is_some());
    let _stranger = stranger.problem(401, "unauthorized");
    let _odd = relay
        .stranger()
        .call("GET", "/v1/accounting", &[("authorization", "Digest x")], b"")
        .problem(401, "unauthorized");
    let no_socket = relay.caller_with("x").get("/v1/socket");
    assert!((400..500).contains(&no_socket.status), "{no_socket:?}");
    assert!(no_socket.json()["trace_id"].is_string(), "{no_socket:?}");
}

#[test]
fn a_trace_goes_through_and_one_that_is_none_does_not() {
    let relay = Relay::start();
    let caller = relay.caller();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let given = format!("00-{trace}-00f067aa0ba902b7-01");
    let problem = caller.call("GET", "/v1/nope", &[("traceparent", &given)], b"").problem(404, "not_found");
    assert_eq!(problem["trace_id"], trace);
    let problem =
        caller.call("GET", "/v1/nope", &[("traceparent", "00-<script>-1-1")], b"").problem(404, "not_found");
    assert!(!problem["trace_id"].as_str().is_some_and(|id| id.contains('<')), "{problem}");
}

#[test]
fn an_unknown_query_field_is_named_and_bad_values_are_refused() {
    let relay = Relay::start();
    let caller = relay.caller();
    let post = |path: &str| caller.post(path, &json!({"type": "a"}));
    for words in ["stops", "all", "none"] {
        let _accepted = post(&format!("/v1/events?verdicts={words}")).ok(202);
    }
    assert_eq!(post("/v1/events?verdicts=some").problem(422, "invalid")["errors"][0]["pointer"], "?verdicts");
    let problem = post("/v1/events?verdict=all").problem(422, "unknown_field");
    let fault = &problem["errors"][0];
    assert_eq!((&fault["pointer"], &fault["hint"]), (&json!("?verdict"), &json!("verdicts")), "{problem}");
    let list = |query: &str| caller.get(&format!("/v1/notifications?{query}"));
    let _fits = list("limit=1").ok(200);
    let _fits = list("limit=500").ok(200);
    let _small = list("limit=0").problem(422, "limit");
    let large = list("limit=501").problem(422, "limit");
    assert_eq!((&large["limit"], &large["actual"]), (&json!(500), &json!(501)), "{large}");
    for query in ["limit=-1", "limit=x", "after=%21%21", "since=yesterday", "state=gone", "recipient=a%2Fb"] {
        let reply = list(query);
        assert_eq!(reply.status, 422, "{query}: {}", reply.text());
        assert!(reply.json()["trace_id"].is_string(), "{query}");
    }
    let _waits = caller.get("/v1/changes?wait=61s").problem(422, "invalid");
    let _hint = list("recipent=a").problem(422, "unknown_field");
}

#[test]
fn a_condition_on_an_older_state_is_refused_with_the_current_one() {
    let relay = Relay::start();
    let caller = relay.caller();
    let put = |tag: &str, body: &Value| {
        let headers = [("content-type", "application/json"), ("if-match", tag)];
        caller.call("PUT", "/v1/recipients/alice", &headers, body.to_string().as_bytes())
    };
    let made = caller.put("/v1/recipients/alice", &json!({"locale": "en"}));
    let tag = made.header("etag").expect("a tag").to_owned();
    assert_eq!(made.status, 201);
    let changed = put(&tag, &json!({"locale": "zh"}));
    assert_eq!(changed.status, 200, "{}", changed.text());
    let _stale = put(&tag, &json!({"locale": "de"})).problem(412, "precondition_failed");
    let _garbage = put("banana", &json!({"locale": "de"})).problem(412, "precondition_failed");
    assert_eq!(caller.get("/v1/recipients/alice").ok(200)["locale"], "zh");
    let document = caller.get("/v1/configuration");
    let text = document.ok(200)["document"].as_str().expect("text").to_owned();
    let apply = |tag: &str| {
        caller.call("PUT", "/v1/configuration", &[("if-match", tag)], format!("{text}\n# more").as_bytes())
    };
    let _stale = apply("\"99\"").problem(412, "precondition_failed");
    let _live = apply(document.header("etag").expect("a tag")).ok(200);
}

#[test]
fn guessing_keys_is_slowed_down_with_a_time_to_come_back() {
    let relay = Relay::start();
    let guess = relay.caller_with("tdk_live_0000000000000000000000000000000000000000000");
    let reply = (0..2_000).map(|_| guess.get("/v1/accounting")).find(|reply| reply.status != 401);
    let reply = reply.expect("guesses are counted");
    assert!(reply.header("retry-after").is_some_and(|seconds| seconds.parse::<u64>().is_ok()), "{reply:?}");
    let _slow = reply.problem(429, "rate_limited");
    // Who has a key is not held up by it.
    let _caller = relay.caller().get("/v1/accounting").ok(200);
}

#[test]
fn what_is_no_http_ends_the_connection_and_nothing_else() {
    let relay = Relay::start();
    let caller = relay.caller();
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "a".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x-y: z\r\n".repeat(10_000));
    let smuggle = "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/accounting HTTP/1.1\r\n\r\n".to_owned();
    for bytes in
        ["\u{16}\u{3}\u{1}".to_owned(), "BREW /pot HTCPCP/1.0\r\n\r\n".to_owned(), long, many, smuggle]
    {
        if let Ok(reply) = caller.raw(bytes.as_bytes()) {
            assert!(reply.status >= 400, "{}", reply.text());
        }
    }
    assert_eq!(caller.get("/healthz").status, 200);
}
