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
async fn every_page_of_a_reset_says_so_and_the_last_one_ends_it() {
    let bench = Bench::new().await;
    let (token, _) = bench.connect("alice", "laptop").await;
    for n in 0..5 {
        bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], format!("n{n}")).await;
    }
    let (mut cursor, mut pages, mut titles) = (String::new(), Vec::new(), Vec::new());
    loop {
        let page = get(&bench, &token, &format!("/v1/me/changes?limit=2&wait=1s&cursor={cursor}")).await;
        let from = page.body["from"].as_str().unwrap_or_default();
        assert_eq!(from, cursor, "{}", page.body);
        cursor = page.body["to"].as_str().unwrap().to_owned();
        assert!(cursor.len() <= 64);
        let items = page.body["items"].as_array().unwrap();
        titles.extend(items.iter().filter_map(|item| item["title"].as_str().map(str::to_owned)));
        let more = page.body["more"].as_bool().unwrap();
        pages.push((page.body["reset"].as_bool().unwrap(), more));
        // What a page within the reset ends with counts as held, like any other.
        let held = operate(
            &bench,
            &token,
            json!([{"id": format!("h{}", pages.len()), "op": "held", "cursor": cursor}]),
        );
        assert_eq!(held.await.body["refused"], json!([]));
        if !more {
            break;
        }
    }
    assert_eq!(pages, [(true, true), (true, true), (true, false)]);
    assert_eq!(titles, ["n0", "n1", "n2", "n3", "n4"]);
    let next = get(&bench, &token, &format!("/v1/me/changes?cursor={cursor}")).await;
    assert_eq!((&next.body["reset"], &next.body["to"]), (&json!(false), &json!(cursor)), "{}", next.body);
}

#[tokio::test]
async fn a_receipt_stands_in_the_story_when_the_device_says_and_not_later_than_it_came() {
    let bench = Bench::new().await;
    let (token, _) = bench.connect("alice", "laptop").await;
    let sent = bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], "hi").await;
    let id = sent.body["id"].as_str().unwrap();
    let shown = bench.now();
    bench.advance(60_000);
    let future = bench.now().plus_millis(3_600_000);
    let receipt = |op: &str, receipt: &str, at: tidings_protocol::Timestamp| json!({"id": op, "op": "receipt", "notification": id, "receipt": receipt, "at": at});
    operate(&bench, &token, json!([receipt("a", "displayed", shown), receipt("b", "read", future)])).await;
    let story = bench.get(&format!("/v1/notifications/{id}")).await;
    let lines = story.body["timeline"].as_array().unwrap();
    let at = |kind: &str| lines.iter().find(|line| line["receipt"] == kind).unwrap()["at"].clone();
    assert_eq!(at("displayed"), json!(shown));
    assert_eq!(at("read"), json!(bench.now()));
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
