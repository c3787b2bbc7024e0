//! The stop switch, the stop list, secrets, keys, the books, the feed, dead letters.

use axum::body::Body;
use serde_json::json;
use tidings_core::model::{BookKey, Changes, Delivery, Ledger, PersonKey, Term, utc_day};
use tidings_core::ports::BatchId;
use tidings_protocol::{Channel, DeliveryState, NotificationId};

use super::bench::{Bench, SHOP};

#[tokio::test]
async fn the_stop_switch_stops_one_rule_or_everything() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let reply = bench.put("/v1/stop", &json!({"stopped": true, "rule": "order_placed"})).await;
    assert_eq!(reply.body, json!({"stopped": true, "rule": "order_placed", "rules": ["order_placed"]}));
    assert_eq!(bench.get("/v1/stop").await.body, json!({"stopped": false, "rules": ["order_placed"]}));
    let event = json!({"type": "order.placed", "data": {"order_id": 1, "customer": "alice", "total": 3}});
    let reply = bench.post("/v1/events", &event).await;
    let made = &reply.body["results"][0]["notifications"][0];
    assert_eq!(
        (&made["state"], &made["reason"]),
        (&json!("suppressed"), &json!("rule_stopped")),
        "{}",
        reply.body
    );
    bench.put("/v1/stop", &json!({"stopped": false, "rule": "order_placed"})).await;
    bench.put("/v1/stop", &json!({"stopped": true})).await;
    let sent = bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], "hi").await;
    assert_eq!(sent.body["stopped_by"]["reason"], "project_stopped");
    assert_eq!(bench.get("/v1/stop").await.body, json!({"stopped": true, "rules": []}));
    let reply = bench.put("/v1/stop", &json!({"stopped": true, "rule": "nothing"})).await;
    assert_eq!((reply.status, reply.code()), (422, "unknown_rule"));
}

#[tokio::test]
async fn an_address_is_put_on_the_stop_list_and_taken_off() {
    let bench = Bench::new().await;
    let added = bench
        .post("/v1/stop-list", &json!({"channel": "email", "address": "a@example.org", "reason": "bounced"}))
        .await;
    assert_eq!(added.status, 201, "{}", added.body);
    bench.put("/v1/recipients/alice", &json!({})).await;
    let set = bench.put("/v1/recipients/alice/endpoints/email", &json!({"address": "a@example.org"})).await;
    assert_eq!(set.body["stopped"], true);
    let list = bench.get("/v1/stop-list").await;
    assert_eq!(list.body["items"][0]["id"], added.body["id"]);
    let path = format!("/v1/stop-list/{}", added.body["id"].as_str().unwrap());
    assert_eq!(bench.delete(&path).await.status, 204);
    assert_eq!(bench.delete(&path).await.status, 404);
    assert_eq!(bench.get("/v1/stop-list").await.body["items"], json!([]));
}

#[tokio::test]
async fn an_address_that_is_on_the_list_already_answers_its_entry() {
    let bench = Bench::new().await;
    let stop = async |channel: &str, address: &str, reason: &str| {
        bench.post("/v1/stop-list", &json!({"channel": channel, "address": address, "reason": reason})).await
    };
    let mail = stop("email", "Alice@Example.org", "bounced").await;
    let phone = stop("sms", "+491701234567", "asked").await;
    assert_eq!((mail.status, phone.status), (201, 201));
    let again = stop("email", "alice@EXAMPLE.org", "asked").await;
    assert_eq!((again.status, &again.body), (200, &mail.body));
    let again = stop("sms", "+49 170 1234567", "bounced").await;
    assert_eq!((again.status, &again.body), (200, &phone.body));
    assert_eq!(bench.get("/v1/stop-list").await.body["items"].as_array().map(Vec::len), Some(2));
    let key = [("idempotency-key", "k")];
    let body = json!({"channel": "email", "address": "alice@example.org"}).to_string();
    for replayed in ["", "true"] {
        let reply = bench.call_as(&bench.key, "POST", "/v1/stop-list", &key, body.clone()).await;
        assert_eq!(
            (reply.status, reply.header("idempotent-replayed"), &reply.body),
            (200, replayed, &mail.body)
        );
    }
}

#[tokio::test]
async fn a_stopped_address_is_not_used_however_it_is_written() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let address = json!({"address": "Alice@Example.org", "verified": true});
    assert_eq!(bench.put("/v1/recipients/alice", &json!({})).await.status, 201);
    assert_eq!(bench.put("/v1/recipients/alice/endpoints/email", &address).await.body["stopped"], false);
    bench
        .post(
            "/v1/stop-list",
            &json!({"channel": "email", "address": "alice@example.ORG", "reason": "asked"}),
        )
        .await;
    assert_eq!(bench.put("/v1/recipients/alice/endpoints/email", &address).await.body["stopped"], true);
}

#[tokio::test]
async fn a_secret_is_written_and_never_read() {
    let bench = Bench::new().await;
    assert_eq!(bench.put("/v1/secrets/smtp", &json!({"value": "hush"})).await.status, 204);
    let reply = bench.get("/v1/secrets/smtp").await;
    assert_eq!(reply.status, 405);
    let project = bench.app.directory.projects()[0].id.clone();
    let row = bench.app.ports.registry.secret(&project, "smtp").await.unwrap().unwrap();
    assert!(!row.sealed.windows(4).any(|bytes| bytes == b"hush"));
}

#[tokio::test]
async fn a_key_that_is_taken_back_opens_nothing() {
    let bench = Bench::new().await;
    let made = bench.post("/v1/keys", &json!({"label": "old"})).await;
    let key = made.body["key"].as_str().unwrap();
    assert_eq!(bench.call_as(key, "GET", "/v1/stop", &[], Body::empty()).await.status, 200);
    let listed = bench.get("/v1/keys").await;
    assert!(listed.body["items"].as_array().unwrap().iter().all(|row| row.get("key").is_none()));
    let path = format!("/v1/keys/{}", made.body["id"].as_str().unwrap());
    assert_eq!(bench.delete(&path).await.status, 204);
    assert_eq!(bench.call_as(key, "GET", "/v1/stop", &[], Body::empty()).await.status, 401);
}

#[tokio::test]
async fn a_key_gives_no_more_than_it_has() {
    let bench = Bench::new().await;
    let made = bench.post("/v1/keys", &json!({"scopes": ["configure", "send"]})).await;
    let key = made.body["key"].as_str().unwrap();
    let asked = json!({"scopes": ["erase"]}).to_string();
    assert_eq!(bench.call_as(key, "POST", "/v1/keys", &[], asked).await.status, 403);
    let odd = bench.post("/v1/keys", &json!({"scopes": ["sned"]})).await;
    assert_eq!((odd.status, &odd.body["errors"][0]["hint"]), (422, &json!("send")));
}

#[tokio::test]
async fn the_books_name_every_term_and_balance() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], "hi").await;
    bench
        .post(
            "/v1/events",
            &json!({"type": "promotion.published", "data": {"customer": "alice", "headline": "x"}}),
        )
        .await;
    let books = bench.get("/v1/accounting").await.body;
    assert_eq!(books["events"], json!({"accepted": 2, "open": 0, "done": 2, "residue": 0}));
    assert_eq!(
        (&books["notifications"]["made"], &books["notifications"]["suppressed"]),
        (&json!(2), &json!(1))
    );
    for term in [
        "held",
        "active",
        "reached",
        "failed",
        "expired",
        "merged",
        "cancelled",
        "retracted",
        "erased",
        "residue",
    ] {
        assert!(books["notifications"].get(term).is_some(), "{term}");
    }
    for term in [
        "waiting",
        "handing_over",
        "placed",
        "received",
        "sent",
        "dead",
        "suppressed",
        "cancelled",
        "expired",
        "erased",
    ] {
        assert!(books["deliveries"].get(term).is_some(), "{term}");
    }
    assert_eq!((&books["residue"], &books["stuck"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn the_feed_is_read_in_order_and_waits() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let before = bench.get("/v1/changes?limit=500").await;
    let after = before.body["next"].as_str().unwrap().to_owned();
    let path = format!("/v1/changes?after={after}&wait=60s");
    let decide = async {
        bench.put("/v1/recipients/alice", &json!({})).await;
        bench
            .post("/v1/recipients/alice/consent", &json!({"decision": "refused", "category": "promotions"}))
            .await
    };
    let (page, decided) = tokio::join!(bench.get(&path), decide);
    assert_eq!(decided.status, 201, "{}", decided.body);
    assert_eq!(page.body["items"][0]["kind"], "consent.changed", "{}", page.body);
    assert!(page.body["next"].is_string());
}

#[tokio::test]
async fn dead_letters_can_be_asked_for_and_revived() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("/v1/deliveries?state=dead").await.body, json!({"items": [], "next": null}));
    let reply = bench.post("/v1/deliveries/replay", &json!({"state": "dead"})).await;
    assert_eq!((reply.status, &reply.body), (202, &json!({"replayed": 0})));
    assert_eq!(bench.post("/v1/deliveries/replay", &json!({"state": "sent"})).await.status, 422);
    assert_eq!(bench.post("/v1/deliveries/nothing/replay", &json!({})).await.status, 404);
    assert_eq!(bench.post("/v1/notifications/nothing/replay", &json!({})).await.status, 404);
}

#[tokio::test]
async fn health_needs_no_key_and_metrics_do() {
    let bench = Bench::new().await;
    assert_eq!(bench.call_as("", "GET", "/healthz", &[], Body::empty()).await.status, 200);
    let reply = bench.call_as("", "GET", "/readyz", &[], Body::empty()).await;
    assert_eq!((reply.status, reply.code()), (503, "not_ready"));
    bench.app.ready.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(bench.call_as("", "GET", "/readyz", &[], Body::empty()).await.status, 200);
    assert_eq!(bench.call_as("", "GET", "/metrics", &[], Body::empty()).await.status, 401);
    assert_eq!(bench.get("/metrics").await.status, 200);
}

/// Dead deliveries of a notification. There are no providers yet that would make them.
async fn dead(bench: &Bench, of: &NotificationId, channels: &[Channel]) {
    let (project, now) = (bench.project(), bench.now());
    let person = PersonKey { project: project.clone(), recipient: "alice".parse().unwrap() };
    let rows = channels.iter().map(|channel| Delivery {
        id: format!("dead-{channel}").into(),
        notification: of.clone(),
        person: person.clone(),
        channel: *channel,
        address: None,
        state: DeliveryState::Dead,
        reason: None,
        step: 1,
        made_at: now,
        changed_at: now,
        way: Some(Box::new(tidings_core::model::Way::new(
            "smtp".into(),
            tidings_protocol::Priority::Normal,
            now,
            Box::new(tidings_core::delivery::Form::Sms("words".into())),
        ))),
    });
    let mut changes = Changes { deliveries_new: rows.collect(), ..Changes::default() };
    for term in [Term::Made(Ledger::Deliveries), Term::Delivery(DeliveryState::Dead)] {
        let key = BookKey { project: project.clone(), day: utc_day(now), term };
        changes.books.0.insert(key, i64::try_from(channels.len()).unwrap());
    }
    let mut transaction = bench.app.node.store.begin().await.unwrap();
    transaction.write(BatchId(99), &changes).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn all_dead_deliveries_that_a_filter_names_are_revived_and_no_others() {
    let bench = Bench::new().await;
    let sent = bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], "hi").await;
    let id = sent.body["story"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
    dead(&bench, &id, &[Channel::Email, Channel::Sms]).await;
    let still_dead = async || {
        let page = bench.get("/v1/deliveries?state=dead").await;
        let items = page.body["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["channel"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let reply = bench.post("/v1/deliveries/replay", &json!({"channel": "sms"})).await;
    assert_eq!((reply.status, &reply.body), (202, &json!({"replayed": 1})));
    assert_eq!(still_dead().await, ["email"]);
    let reply = bench.post("/v1/deliveries/replay", &json!({"state": "dead"})).await;
    assert_eq!((&reply.body, still_dead().await.len()), (&json!({"replayed": 1}), 0));
    let reply = bench.post("/v1/deliveries/replay", &json!({})).await;
    assert_eq!(reply.body, json!({"replayed": 0}), "a revived one is dead no more");
}
