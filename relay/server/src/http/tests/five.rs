//! The five tasks of the contract, sent as they are written there and compared.

use axum::body::Body;
use serde_json::{Value, json};

use super::bench::{Bench, SHOP};

/// What must be there, whatever else is: clients ignore unknown fields.
fn holds(actual: &Value, expected: &Value) {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            for (name, expected) in expected {
                holds(
                    actual.get(name).unwrap_or_else(|| panic!("{name} is missing in {actual:?}")),
                    expected,
                );
            }
        }
        (Value::Array(actual), Value::Array(expected)) => {
            assert_eq!(actual.len(), expected.len(), "{actual:?}");
            actual.iter().zip(expected).for_each(|(actual, expected)| holds(actual, expected));
        }
        _ => assert_eq!(actual, expected),
    }
}

#[tokio::test]
async fn one_tell_one_person_something_now() {
    let bench = Bench::new().await;
    let reply = bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], "Backup finished").await;
    assert_eq!(reply.status, 202);
    holds(&reply.body, &json!({"recipient": "alice", "category": "general", "state": "active"}));
    assert_eq!(reply.body["story"], format!("/v1/notifications/{}", reply.body["id"].as_str().unwrap()));

    bench.apply(SHOP).await;
    bench.put("/v1/recipients/bob", &json!({})).await;
    bench.put("/v1/recipients/bob/preferences", &json!({"categories": {"orders": {"inapp": false}}})).await;
    let reply = bench
        .post("/v1/notifications", &json!({"recipients": ["alice", "bob"], "category": "orders", "priority": "high",
            "collapse": "closed", "expires": "8h",
            "content": {"title": "Shop closed today", "body": "Orders ship tomorrow.", "link": "https://shop.example"}}))
        .await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    holds(
        &reply.body["notifications"],
        &json!([
            {"recipient": "alice", "state": "active", "stopped_by": null},
            {"recipient": "bob", "state": "suppressed", "stopped_by": {"gate": "preference", "reason": "category_off"}},
        ]),
    );
}

#[tokio::test]
async fn two_state_a_fact_and_let_the_rules_decide() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let event = json!({"type": "order.placed", "id": "evt-1", "source": "shop", "data": {"order_id": 1001, "customer": "alice",
        "total": 30, "currency": "EUR", "items": [{"name": "Lamp"}], "tags": ["lamp"]}});
    let reply = bench.post("/v1/events", &event).await;
    assert_eq!(reply.status, 202);
    holds(
        &reply.body,
        &json!({"accepted": 1, "duplicate": 0, "rejected": 0, "results": [{"status": "accepted", "configuration": 1,
            "notifications": [{"rule": "order_placed", "recipient": "alice", "state": "active"}], "rules_not_fired": []}]}),
    );
    let reply = bench.post("/v1/events", &json!({"typ": "order.placed"})).await;
    assert_eq!(reply.status, 422);
    holds(
        &reply.body,
        &json!({"type": "https://tidings.example/problems/unknown_field", "title": "Unknown field", "status": 422,
            "code": "unknown_field", "detail": "There is no field typ.",
            "errors": [{"pointer": "/typ", "code": "unknown_field", "detail": "unknown", "hint": "type"}]}),
    );
}

#[tokio::test]
async fn three_a_person_an_address_and_what_they_agreed_to() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let alice = json!({"time_zone": "Asia/Shanghai", "locale": "zh-Hans", "attributes": {"name": "Alice", "vip": true}});
    let made = bench.put("/v1/recipients/alice", &alice).await;
    assert_eq!(made.status, 201);
    let mut expected = alice.clone();
    expected["id"] = json!("alice");
    assert_eq!(made.body, expected);
    let set = bench
        .put(
            "/v1/recipients/alice/endpoints/email",
            &json!({"address": "alice@example.org", "verified": true}),
        )
        .await;
    assert_eq!(set.status, 200);
    let reply = bench
        .post(
            "/v1/recipients/alice/consent",
            &json!({"decision": "granted", "category": "promotions", "channels": ["email"],
            "policy_version": "2026-11", "text_shown": "Offers by e-mail, at most two a week",
            "collected": {"how": "signup_form", "at": "2026-11-22T09:00:00.000Z", "locale": "en"}}),
        )
        .await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    holds(&reply.body, &json!({"state": [{"category": "promotions", "channel": "email", "granted": true}]}));
    let entry = reply.body["entry"].as_str().unwrap();
    assert_eq!(reply.body["receipt"], format!("/v1/recipients/alice/consent/{entry}/receipt"));
}

#[tokio::test]
async fn four_why_did_she_get_it_or_why_not() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    bench.put("/v1/recipients/alice", &json!({"locale": "zh-Hans"})).await;
    bench
        .post(
            "/v1/events",
            &json!({"type": "promotion.published", "data": {"customer": "alice", "headline": "x"}}),
        )
        .await;
    let list = bench
        .get("/v1/notifications?recipient=alice&category=promotions&since=2026-11-15T00:00:00Z&limit=20")
        .await;
    assert_eq!(list.status, 200);
    holds(
        &list.body,
        &json!({"items": [{"rule": "promotion", "state": "suppressed", "stopped_by": {"gate": "consent"},
            "created_at": "2026-11-22T12:00:00.000Z"}], "next": null}),
    );
    let event = json!({"type": "order.placed", "id": "evt-1", "source": "shop", "data": {"order_id": 1001, "customer": "alice", "total": 30}});
    let made = bench.post("/v1/events", &event).await;
    let id = made.body["results"][0]["notifications"][0]["id"].as_str().unwrap();
    let story = bench.get(&format!("/v1/notifications/{id}")).await;
    holds(
        &story.body,
        &json!({"id": id, "recipient": "alice", "category": "orders", "configuration": 1,
            "event": {"id": "evt-1", "source": "shop", "type": "order.placed"}, "content": {"title": "订单 1001 已确认"}}),
    );
    let timeline = story.body["timeline"].as_array().unwrap();
    let consent = timeline.iter().find(|line| line["gate"] == "consent").unwrap();
    holds(consent, &json!({"kind": "decided", "verdict": "pass", "reason": "service_basis_contract"}));
}

#[tokio::test]
async fn five_be_a_client() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let code = bench.post("/v1/connect-codes", &json!({"recipient": "alice"})).await;
    let asked = json!({"code": code.body["code"], "device": "laptop", "platform": "shell"}).to_string();
    let signed_in = bench.call_as("", "POST", "/v1/connect", &[], asked).await;
    assert_eq!(signed_in.status, 200);
    holds(&signed_in.body, &json!({"project": "shop", "recipient": "alice", "device": "laptop"}));
    assert!(signed_in.body["refresh_token"].as_str().unwrap().starts_with("tdr_"));
    let token = signed_in.body["access_token"].as_str().unwrap();

    let sent = bench.call_as(&bench.key, "POST", "/v1/to/alice?category=orders", &[], "Your order").await;
    let changes = bench.call_as(token, "GET", "/v1/me/changes?wait=30s&limit=100", &[], Body::empty()).await;
    assert_eq!(changes.status, 200);
    holds(&changes.body, &json!({"from": null, "more": false, "reset": true}));
    let items = changes.body["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["kind"] == "notification").unwrap();
    holds(item, &json!({"id": sent.body["id"], "category": "orders", "title": "Your order", "view": {}}));

    let at = bench.now().to_string();
    let ops = json!({"ops": [{"id": "op-1", "op": "held", "cursor": changes.body["to"]},
        {"id": "op-2", "op": "receipt", "notification": sent.body["id"], "receipt": "acknowledged", "at": at}]});
    for _ in 0..2 {
        let done = bench.call_as(token, "POST", "/v1/me/operations", &[], ops.to_string()).await;
        assert_eq!(done.body, json!({"done": ["op-1", "op-2"], "refused": []}));
    }
    let story = bench.get(sent.body["story"].as_str().unwrap()).await;
    assert_eq!(story.body["state"], "reached");
    let received = story.body["deliveries"][0]["state"].clone();
    assert_eq!(received, "received");
}
