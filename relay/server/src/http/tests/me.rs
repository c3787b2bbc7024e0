//! The device's side without a socket.

use axum::body::Body;
use serde_json::{Value, json};

use super::bench::{Bench, Reply, SHOP};

async fn get(bench: &Bench, token: &str, path: &str) -> Reply {
    bench.call_as(token, "GET", path, &[], Body::empty()).await
}

async fn operate(bench: &Bench, token: &str, ops: Value) -> Reply {
    bench.call_as(token, "POST", "/v1/me/operations", &[], json!({"ops": ops}).to_string()).await
}

#[tokio::test]
async fn operations_are_answered_one_by_one() {
    let bench = Bench::new().await;
    let (token, _) = bench.connect("alice", "laptop").await;
    let ops = json!([
        {"id": "a", "op": "dance"},
        {"id": "b", "op": "receipt", "notification": "nothing", "receipt": "read"},
        {"id": "c", "op": "pause", "until": null},
    ]);
    let reply = operate(&bench, &token, ops).await;
    assert_eq!((reply.status, &reply.body["done"]), (200, &json!(["c"])), "{}", reply.body);
    let codes: Vec<_> =
        reply.body["refused"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(codes, [json!("a"), json!("b")]);
}

#[tokio::test]
async fn nobody_acts_on_somebody_elses_notification() {
    let bench = Bench::new().await;
    let (bob, _) = bench.connect("bob", "phone").await;
    let sent = bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], "hi").await;
    let id = sent.body["id"].as_str().unwrap();
    assert_eq!(get(&bench, &bob, &format!("/v1/me/notifications/{id}")).await.status, 404);
    let reply =
        operate(&bench, &bob, json!([{"id": "a", "op": "receipt", "notification": id, "receipt": "read"}]))
            .await;
    assert_eq!(reply.body["done"], json!([]));
}

#[tokio::test]
async fn a_call_for_changes_waits_until_there_is_one() {
    let bench = Bench::new().await;
    let (token, _) = bench.connect("alice", "laptop").await;
    let first = get(&bench, &token, "/v1/me/changes").await;
    let cursor = first.body["to"].as_str().unwrap();
    let path = format!("/v1/me/changes?cursor={cursor}&wait=60s");
    let (page, sent) = tokio::join!(
        get(&bench, &token, &path),
        bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], "hi")
    );
    assert_eq!(page.body["from"], cursor);
    assert_eq!(page.body["items"][0]["id"], sent.body["id"], "{}", page.body);
}

#[tokio::test]
async fn a_cursor_from_the_future_or_of_another_history_begins_from_nothing() {
    let bench = Bench::new().await;
    let (token, _) = bench.connect("alice", "laptop").await;
    bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], "hi").await;
    for cursor in ["ffffffff.1", "nonsense"] {
        let page = get(&bench, &token, &format!("/v1/me/changes?cursor={cursor}")).await;
        assert_eq!((&page.body["reset"], &page.body["from"]), (&json!(true), &json!(null)), "{}", page.body);
    }
    let to = get(&bench, &token, "/v1/me/changes").await.body["to"].as_str().unwrap().to_owned();
    let (epoch, _) = to.split_once('.').unwrap();
    let page = get(&bench, &token, &format!("/v1/me/changes?cursor={epoch}.999999")).await;
    assert_eq!(page.body["reset"], true);
}

#[tokio::test]
async fn a_device_that_is_removed_is_signed_out_at_once() {
    let bench = Bench::new().await;
    let (laptop, _) = bench.connect("alice", "laptop").await;
    let (phone, refresh) = bench.connect("alice", "phone").await;
    let devices = get(&bench, &laptop, "/v1/me/devices").await;
    assert_eq!(devices.body["items"].as_array().unwrap().len(), 2);
    bench.advance(1_000);
    let removed = bench.call_as(&laptop, "DELETE", "/v1/me/devices/phone", &[], Body::empty()).await;
    assert_eq!(removed.status, 204, "{}", removed.body);
    assert_eq!(get(&bench, &phone, "/v1/me").await.code(), "revoked");
    let reply =
        bench.call_as("", "POST", "/v1/me/token", &[], json!({"refresh_token": refresh}).to_string()).await;
    assert_eq!(reply.status, 401);
    assert_eq!(get(&bench, &laptop, "/v1/me/devices").await.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(get(&bench, &laptop, "/v1/me/devices/phone").await.status, 404);
}

#[tokio::test]
async fn a_person_tests_exports_and_erases_themselves() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let (token, _) = bench.connect("alice", "laptop").await;
    let test = bench.call_as(&token, "POST", "/v1/me/test", &[], Body::empty()).await;
    assert_eq!((test.status, &test.body["recipient"]), (202, &json!("alice")), "{}", test.body);
    let story = get(
        &bench,
        &token,
        &format!("/v1/me{}", test.body["story"].as_str().unwrap().strip_prefix("/v1").unwrap()),
    )
    .await;
    assert_eq!(story.status, 200, "{}", story.body);
    let export = get(&bench, &token, "/v1/me/export").await;
    assert_eq!(export.body["notifications"][0]["content"]["title"], "It works");
    bench.advance(1_000);
    assert_eq!(bench.call_as(&token, "DELETE", "/v1/me", &[], Body::empty()).await.status, 204);
    assert_eq!(get(&bench, &token, "/v1/me").await.code(), "erased");
}

#[tokio::test]
async fn at_most_500_operations_come_in_one_request() {
    let bench = Bench::new().await;
    let (token, _) = bench.connect("alice", "laptop").await;
    let ops = |count: usize| {
        (0..count).map(|n| json!({"id": format!("o{n}"), "op": "pause", "until": null})).collect::<Value>()
    };
    assert_eq!(operate(&bench, &token, ops(500)).await.status, 200);
    assert_eq!(operate(&bench, &token, ops(501)).await.status, 422);
}
