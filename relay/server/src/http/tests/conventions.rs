//! What holds for every call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt as _;
use rstest::rstest;
use serde_json::json;

use super::bench::{Bench, SHOP};

#[tokio::test]
async fn a_key_is_taken_as_bearer_and_as_basic_password() {
    use base64::Engine as _;
    let bench = Bench::new().await;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!(":{}", bench.key));
    let request = Request::get("/v1/stop").header("authorization", format!("Basic {basic}"));
    assert_eq!(bench.send(request.body(Body::empty()).unwrap()).await.status, 200);
    assert_eq!(bench.get("/v1/stop").await.status, 200);
}

#[rstest]
#[case("")]
#[case("tdk_live_0000000000000000000000000000000000000000000")]
#[case("not a key")]
#[tokio::test]
async fn a_call_without_a_valid_key_is_a_problem_that_names_the_way(#[case] key: &str) {
    let bench = Bench::new().await;
    let reply = bench.call_as(key, "GET", "/v1/stop", &[], Body::empty()).await;
    assert_eq!((reply.status, reply.code()), (401, "unauthorized"));
    assert_eq!(reply.header("content-type"), "application/problem+json");
    assert!(reply.header("www-authenticate").contains("Bearer"));
    let known = reply.body["detail"].as_str().unwrap().contains("not known");
    assert_eq!(known, key.starts_with("tdk_"), "{}", reply.body);
}

#[tokio::test]
async fn a_key_opens_only_its_scopes() {
    let bench = Bench::new().await;
    let made = bench.post("/v1/keys", &json!({"scopes": ["send"], "label": "publisher"})).await;
    let key = made.body["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("tdk_live_"));
    assert_eq!(bench.call_as(&key, "POST", "/v1/to/alice", &[], "hi").await.status, 202);
    let reply = bench.call_as(&key, "GET", "/v1/notifications", &[], Body::empty()).await;
    assert_eq!((reply.status, reply.code(), &reply.body["scope"]), (403, "forbidden", &json!("read")));
}

#[tokio::test]
async fn every_error_of_the_framework_is_a_problem_too() {
    let bench = Bench::new().await;
    let reply = bench.get("/v1/nothing").await;
    assert_eq!((reply.status, reply.code()), (404, "not_found"));
    let reply = bench.call_as(&bench.key, "PATCH", "/v1/events", &[], Body::empty()).await;
    assert_eq!((reply.status, reply.code()), (405, "method_not_allowed"));
    assert_eq!(reply.header("content-type"), "application/problem+json");
    let reply = bench.call_as(&bench.key, "POST", "/v1/events", &[("content-encoding", "gzip")], "x").await;
    assert_eq!((reply.status, reply.code()), (415, "unsupported_media_type"));
    for field in ["type", "title", "status", "detail", "code", "errors", "trace_id"] {
        assert!(reply.body.get(field).is_some(), "{field}");
    }
    assert_eq!(reply.body["trace_id"], reply.header("trace-id"));
}

#[tokio::test]
async fn the_callers_trace_is_kept() {
    let bench = Bench::new().await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let reply =
        bench.call_as(&bench.key, "GET", "/v1/nothing", &[("traceparent", parent)], Body::empty()).await;
    assert_eq!(reply.body["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
}

#[rstest]
#[case(b"{".as_slice(), 400, "malformed_json")]
#[case(b"\"\xff\"".as_slice(), 400, "invalid_utf8")]
#[case(br#"{"type":"\ud800"}"#.as_slice(), 400, "malformed_json")]
#[case(br#"{"type":"\u0000"}"#.as_slice(), 422, "invalid")]
#[case(br#"{"type":"a","type":"b"}"#.as_slice(), 422, "duplicate_field")]
#[case(br#"{"typ":"a"}"#.as_slice(), 422, "unknown_field")]
#[case(br#"{}"#.as_slice(), 422, "missing_field")]
#[case(br#"{"type":7}"#.as_slice(), 422, "invalid")]
#[tokio::test]
async fn a_bad_body_says_what_is_wrong(#[case] body: &'static [u8], #[case] status: u16, #[case] code: &str) {
    let bench = Bench::new().await;
    let reply = bench.call_as(&bench.key, "POST", "/v1/events", &[], body).await;
    assert_eq!((reply.status, reply.code()), (status, code), "{}", reply.body);
}

#[tokio::test]
async fn a_request_may_have_a_mebibyte_and_no_more() {
    let bench = Bench::new().await;
    let reply = bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], "x".repeat(1 << 20)).await;
    assert_ne!(reply.status, 413);
    let reply = bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], "x".repeat((1 << 20) + 1)).await;
    assert_eq!((reply.status, reply.code(), &reply.body["limit"]), (413, "too_large", &json!(1 << 20)));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_read_before_it_is_refused() {
    let bench = Bench::new().await;
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let pieces = futures_util::stream::iter(0..32).map(move |_| {
        let _ = counted.fetch_add(1 << 16, Ordering::Relaxed);
        Ok::<_, std::io::Error>(vec![b' '; 1 << 16])
    });
    let body = Body::from_stream(pieces);
    let length = [("content-length", "2097152")];
    let reply = bench.call_as(&bench.key, "POST", "/v1/events", &length, body).await;
    assert_eq!((reply.status, reply.code(), &reply.body["actual"]), (413, "too_large", &json!(2 << 20)));
    assert_eq!(read.load(Ordering::Relaxed), 2 << 20);
}

#[tokio::test]
async fn an_answer_names_no_type_of_ours() {
    let bench = Bench::new().await;
    let reply = bench.put("/v1/recipients/alice/preferences", &json!({"quiet_hours": "23:00-07:00"})).await;
    assert_eq!((reply.status, &reply.body["errors"][0]["pointer"]), (422, &json!("/quiet_hours")));
    let detail = reply.body["detail"].as_str().unwrap();
    assert!(detail.ends_with("expected is an object."), "{detail}");
}

#[tokio::test]
async fn a_limit_of_time_says_both_numbers() {
    let bench = Bench::new().await;
    let send = json!({"recipients": ["alice"], "content": {"title": "t"}, "expires": "91d"});
    let reply = bench.post("/v1/notifications", &send).await;
    assert_eq!(
        (&reply.body["limit"], &reply.body["actual"]),
        (&json!("90d"), &json!("91d")),
        "{}",
        reply.body
    );
    for (given, limit) in [(300_001, 300_000), (-2_592_000_001, -2_592_000_000)] {
        let (given, limit) = (bench.now().plus_millis(given), bench.now().plus_millis(limit));
        assert_eq!(bench.post("/v1/events", &json!({"type": "a", "time": limit})).await.status, 202);
        let reply = bench.post("/v1/events", &json!({"type": "a", "time": given})).await;
        let said = (reply.status, &reply.body["limit"], &reply.body["actual"]);
        assert_eq!(said, (422, &json!(limit), &json!(given)), "{}", reply.body);
    }
}

#[tokio::test]
async fn an_unknown_field_of_a_query_is_named() {
    let bench = Bench::new().await;
    let reply = bench.get("/v1/notifications?recipent=alice").await;
    assert_eq!((reply.status, reply.code()), (422, "unknown_field"));
    assert_eq!(reply.body["errors"][0]["hint"], "recipient");
}

#[tokio::test]
async fn a_page_of_the_browser_may_call_only_if_its_origin_is_listed() {
    let bench = Bench::with(|options| options.origins = vec!["https://shop.example".to_owned()]).await;
    let from = |origin| [("origin", origin)];
    let reply =
        bench.call_as(&bench.key, "GET", "/v1/stop", &from("https://evil.example"), Body::empty()).await;
    assert_eq!((reply.status, reply.code()), (403, "origin"));
    let reply =
        bench.call_as(&bench.key, "GET", "/v1/stop", &from("https://shop.example"), Body::empty()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), "https://shop.example");
}

#[tokio::test]
async fn a_key_that_calls_too_often_hears_when_to_come_back() {
    let bench = Bench::with(|options| options.requests_per_second = 3).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let reply = bench.get("/v1/stop").await;
        assert!(reply.status == 200 || reply.header("retry-after") == "1", "{}", reply.body);
        statuses.push(reply.status);
    }
    assert_eq!(statuses[..3], [200, 200, 200]);
    assert!(statuses.contains(&429));
}

#[tokio::test]
async fn an_id_in_a_path_is_checked() {
    let bench = Bench::new().await;
    let reply = bench.call_as(&bench.key, "POST", "/v1/to/a%2Fb", &[], "hi").await;
    assert_eq!((reply.status, reply.code()), (422, "invalid"));
    let long = format!("/v1/to/{}", "a".repeat(129));
    assert_eq!(bench.call_as(&bench.key, "POST", &long, &[], "hi").await.status, 422);
    let fits = format!("/v1/to/{}", "a".repeat(128));
    assert_eq!(bench.call_as(&bench.key, "POST", &fits, &[], "hi").await.status, 202);
}

#[tokio::test]
async fn a_repeated_call_answers_as_the_first_time() {
    let bench = Bench::new().await;
    let key = [("idempotency-key", "k-1")];
    let first = bench.call_as(&bench.key, "POST", "/v1/to/alice", &key, "hi").await;
    let second = bench.call_as(&bench.key, "POST", "/v1/to/alice", &key, "hi").await;
    assert_eq!((first.status, &first.body), (second.status, &second.body));
    assert_eq!((first.header("idempotent-replayed"), second.header("idempotent-replayed")), ("", "true"));
    let other = bench.call_as(&bench.key, "POST", "/v1/to/alice", &key, "ho").await;
    assert_eq!((other.status, other.code()), (422, "idempotency_mismatch"));
    // The key belongs to the route and its path: another recipient never gets alice's answer.
    let other = bench.call_as(&bench.key, "POST", "/v1/to/bob", &key, "hi").await;
    assert_eq!((other.status, other.code()), (422, "idempotency_mismatch"));
    let listed = bench.get("/v1/notifications?recipient=alice").await;
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_tried_in_the_sandbox_is_no_answer_to_a_live_call_of_the_same_key() {
    let bench = Bench::new().await;
    let sandbox = bench.post("/v1/keys", &json!({"sandbox": true})).await;
    let sandbox = sandbox.body["key"].as_str().unwrap();
    let key = [("idempotency-key", "k-3")];
    let tried = bench.call_as(sandbox, "POST", "/v1/to/alice", &key, "hi").await;
    let live = bench.call_as(&bench.key, "POST", "/v1/to/alice", &key, "hi").await;
    assert_eq!((tried.status, live.status, live.header("idempotent-replayed")), (202, 202, ""));
    assert_ne!(tried.body["id"], live.body["id"], "{}", live.body);
    let again = bench.call_as(sandbox, "POST", "/v1/to/alice", &key, "hi").await;
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &tried.body));
}

#[tokio::test]
async fn a_repeated_call_beside_the_core_answers_as_the_first_time() {
    let bench = Bench::new().await;
    let key = [("idempotency-key", "k-2")];
    let body = json!({"recipient": "alice"}).to_string();
    let first = bench.call_as(&bench.key, "POST", "/v1/connect-codes", &key, body.clone()).await;
    let second = bench.call_as(&bench.key, "POST", "/v1/connect-codes", &key, body).await;
    assert_eq!(first.body["code"], second.body["code"]);
    assert_eq!(second.header("idempotent-replayed"), "true");
}

#[tokio::test]
async fn every_list_has_pages_and_knows_its_fields() {
    let bench = Bench::new().await;
    let hooks = "hooks:\n  one: {url: 'https://a.example/h', on: [receipt.read]}\n  two: {url: 'https://b.example/h', on: [receipt.read]}\n";
    let providers = "providers:\n  text: {channel: webhook, kind: webhook, password: {secret: hook}}\n";
    bench.apply(&format!("{SHOP}{hooks}{providers}")).await;
    for name in ["a", "b"] {
        let made = bench.post("/v1/projects", &json!({"name": name})).await;
        assert_eq!(made.status, 201);
        assert_eq!(bench.post("/v1/keys", &json!({"label": name})).await.status, 201);
        bench.advance(1_000);
    }
    let mut device = String::new();
    for name in ["phone", "laptop"] {
        (device, _) = bench.connect("alice", name).await;
        bench.advance(1_000);
    }
    let lists = [
        ("/v1/projects", "name", json!(["b", "a", "shop"])),
        ("/v1/keys", "label", json!(["b", "a", "test"])),
        ("/v1/hooks", "name", json!(["one", "two"])),
        ("/v1/providers", "name", json!(["text", "webpush"])),
        ("/v1/me/devices", "id", json!(["laptop", "phone"])),
    ];
    for (path, field, expected) in lists {
        let secret = if path.starts_with("/v1/me") { &device } else { &bench.key };
        let get = async |query: &str| {
            bench.call_as(secret, "GET", &format!("{path}?{query}"), &[], Body::empty()).await
        };
        let (mut names, mut after) = (Vec::new(), String::new());
        loop {
            let page = get(&format!("limit=1&after={after}")).await;
            assert_eq!(page.body["items"].as_array().map(Vec::len), Some(1), "{path}: {}", page.body);
            names.push(page.body["items"][0][field].clone());
            match page.body["next"].as_str() {
                Some(next) => after = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(json!(names), expected, "{path}");
        assert_eq!(get("limit=501").await.code(), "limit", "{path}");
        let unknown = get("lmit=1").await;
        assert_eq!((unknown.status, unknown.code()), (422, "unknown_field"), "{path}");
        assert_eq!(unknown.body["errors"][0]["hint"], "limit", "{path}");
    }
}

#[tokio::test]
async fn what_a_call_asks_of_the_document_takes_a_key_too() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let preview = json!({"template": "promotion", "data": {"headline": "Lamps"}}).to_string();
    let other = SHOP.replace("name: shop,", "name: lamps,");
    let calls = [
        ("/v1/configuration/check", SHOP.to_owned()),
        ("/v1/configuration/diff", other.clone()),
        ("/v1/configuration/plan", other.clone()),
        ("/v1/configuration/preview", preview),
    ];
    let mut firsts = Vec::new();
    for (path, body) in &calls {
        let first = bench.call_as(&bench.key, "POST", path, &[("idempotency-key", "k")], body.clone()).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (200, ""), "{path}: {}", first.body);
        firsts.push(first.body);
    }
    bench.advance(60_000);
    // Another document is live since, and they answer as the first time all the same.
    bench.apply(&SHOP.replace("{{ data.headline }}", "Offers")).await;
    for ((path, body), first) in calls.into_iter().zip(firsts) {
        let again = bench.call_as(&bench.key, "POST", path, &[("idempotency-key", "k")], body).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"), "{path}");
        assert_eq!(again.body, first, "{path}");
        let mismatch = bench.call_as(&bench.key, "POST", path, &[("idempotency-key", "k")], "{}").await;
        assert_eq!((mismatch.status, mismatch.code()), (422, "idempotency_mismatch"), "{path}");
    }
}

#[tokio::test]
async fn a_keyed_refresh_answers_the_same_pair_for_a_day() {
    let bench = Bench::new().await;
    let (_, refresh) = bench.connect("alice", "laptop").await;
    let body = json!({"refresh_token": refresh}).to_string();
    let key = [("idempotency-key", "k")];
    let first = bench.call_as("", "POST", "/v1/me/token", &key, body.clone()).await;
    bench.advance(23 * 3_600_000);
    let again = bench.call_as("", "POST", "/v1/me/token", &key, body).await;
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!((again.status, again.body), (200, first.body));
}

#[tokio::test]
async fn one_persons_key_is_nobody_elses() {
    let bench = Bench::new().await;
    let (alice, _) = bench.connect("alice", "laptop").await;
    let (bob, _) = bench.connect("bob", "laptop").await;
    let key = [("idempotency-key", "k")];
    let hers = bench.call_as(&alice, "POST", "/v1/me/test", &key, "").await;
    let his = bench.call_as(&bob, "POST", "/v1/me/test", &key, "").await;
    assert_eq!((hers.status, his.status, &his.body["recipient"]), (202, 202, &json!("bob")), "{}", his.body);
    let again = bench.call_as(&alice, "POST", "/v1/me/test", &key, "").await;
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &hers.body));
}

#[rstest]
#[case(255, 202)]
#[case(256, 422)]
#[tokio::test]
async fn an_idempotency_key_has_at_most_255_characters(#[case] length: usize, #[case] status: u16) {
    let bench = Bench::new().await;
    let key = "k".repeat(length);
    let reply = bench.call_as(&bench.key, "POST", "/v1/to/alice", &[("idempotency-key", &key)], "hi").await;
    assert_eq!(reply.status, status);
}

#[tokio::test]
async fn nothing_of_one_project_is_seen_with_a_key_of_another() {
    let bench = Bench::new().await;
    bench.put("/v1/recipients/alice", &json!({"attributes": {"name": "Alice"}})).await;
    let sent =
        bench.post("/v1/notifications", &json!({"recipients": ["alice"], "content": {"title": "t"}})).await;
    let consent = bench
        .post("/v1/recipients/alice/consent", &json!({"decision": "granted", "category": "general"}))
        .await;
    let stop = bench.post("/v1/stop-list", &json!({"channel": "email", "address": "a@example.org"})).await;
    let keys = bench.get("/v1/keys").await;
    let other = bench.post("/v1/projects", &json!({"name": "other"})).await;
    let other = other.body["key"].as_str().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let hidden = [
        ("GET", "/v1/recipients/alice".to_owned()),
        ("GET", "/v1/recipients/alice/export".to_owned()),
        ("GET", "/v1/recipients/alice/preferences".to_owned()),
        ("GET", text(&consent.body["receipt"])),
        ("GET", format!("/v1/notifications/{}", text(&sent.body["notifications"][0]["id"]))),
        ("DELETE", format!("/v1/notifications/{}", text(&sent.body["notifications"][0]["id"]))),
        ("GET", format!("/v1/sends/{}", text(&sent.body["send"]["id"]))),
        ("DELETE", format!("/v1/sends/{}", text(&sent.body["send"]["id"]))),
        ("DELETE", format!("/v1/stop-list/{}", text(&stop.body["id"]))),
        ("DELETE", format!("/v1/keys/{}", text(&keys.body["items"][0]["id"]))),
    ];
    for (method, path) in hidden {
        let reply = bench.call_as(other, method, &path, &[], Body::empty()).await;
        assert_eq!((reply.status, reply.code()), (404, "not_found"), "{method} {path}: {}", reply.body);
    }
    for path in [
        "/v1/notifications",
        "/v1/stop-list",
        "/v1/changes",
        "/v1/deliveries",
        "/v1/recipients/alice/consent",
    ] {
        let reply = bench.call_as(other, "GET", path, &[], Body::empty()).await;
        assert_eq!(reply.body["items"], json!([]), "{path}");
    }
    let books = bench.call_as(other, "GET", "/v1/accounting", &[], Body::empty()).await;
    assert_eq!(books.body["events"]["accepted"], 0);
}

#[tokio::test]
async fn the_document_of_all_calls_is_the_one_that_is_kept() {
    let bench = Bench::new().await;
    let reply = bench.call_as("", "GET", "/openapi.json", &[], Body::empty()).await;
    assert_eq!(reply.body["openapi"], "3.1.0");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&reply.body).unwrap());
    if std::env::var_os("TIDINGS_WRITE_GOLDEN").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == text,
        "docs/openapi.json differs: run this test with TIDINGS_WRITE_GOLDEN=1 and look at the change"
    );
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let bench = Bench::new().await;
    let reply = bench.call_as("", "GET", "/openapi.json", &[], Body::empty()).await;
    let text = reply.body.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(reply.body["components"]["schemas"].get(name).is_some(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_sends_nothing_but_mistakes_hears_of_it_late_and_only_of_them() {
    let bench = Bench::new().await;
    let garbage = || {
        bench.call_as(
            &bench.key,
            "POST",
            "/v1/events",
            &[("content-type", "application/json")],
            "{\"typ\": [",
        )
    };
    let began = tokio::time::Instant::now();
    let (mut taken, mut late) = (0, None);
    while late.is_none() && taken < 1_000 {
        let reply = garbage().await;
        match reply.status {
            400 => taken += 1,
            _ => late = Some(reply),
        }
    }
    let late = late.expect("one of a thousand is one too many");
    assert!(taken >= 50, "{taken}: a backend finds its mistake among these");
    assert_eq!((late.status, late.code(), late.header("retry-after")), (429, "rate_limited", "1"));
    assert!(late.body["detail"].as_str().unwrap().contains("bad request"), "{}", late.body);
    assert_eq!(began.elapsed().as_millis(), 1_000, "the one too many waited, the others did not");
    assert_eq!(bench.get("/v1/stop").await.status, 200);
    assert_eq!(began.elapsed().as_millis(), 1_000);
}
