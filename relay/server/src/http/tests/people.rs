//! Recipients, endpoints, preferences, consent, erasure.

use axum::body::Body;
use serde_json::json;

use super::bench::{Bench, SHOP};

#[tokio::test]
async fn a_recipient_is_made_replaced_merged_and_read() {
    let bench = Bench::new().await;
    let alice = json!({"time_zone": "Asia/Shanghai", "locale": "zh-Hans", "attributes": {"name": "Alice", "vip": true}});
    let made = bench.put("/v1/recipients/alice", &alice).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let again = bench.put("/v1/recipients/alice", &alice).await;
    assert_eq!((again.status, &again.body), (200, &made.body));
    let patch = json!({"locale": null, "attributes": {"vip": null, "city": "Berlin"}}).to_string();
    let merged = bench.call_as(&bench.key, "PATCH", "/v1/recipients/alice", &[], patch).await;
    assert_eq!(
        merged.body,
        json!({"id": "alice", "time_zone": "Asia/Shanghai", "locale": null, "attributes": {"name": "Alice", "city": "Berlin"}})
    );
    let replaced = bench.put("/v1/recipients/alice", &json!({})).await;
    assert_eq!(replaced.body, json!({"id": "alice", "time_zone": null, "locale": null, "attributes": {}}));
    assert_eq!(bench.get("/v1/recipients/nobody").await.status, 404);
}

#[tokio::test]
async fn a_consent_to_no_channel_is_no_consent_to_all_of_them() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let decision = json!({"decision": "granted", "category": "promotions", "channels": [], "policy_version": "2026-11",
        "text_shown": "Offers", "collected": {"how": "form", "at": "2026-11-22T09:00:00.000Z", "locale": "en"}});
    let reply = bench.post("/v1/recipients/alice/consent", &decision).await;
    assert_eq!((reply.status, reply.code()), (422, "invalid"), "{}", reply.body);
    assert!(reply.body["detail"].as_str().unwrap().contains("at least one channel"), "{}", reply.body);
}

#[tokio::test]
async fn a_change_takes_the_revision_that_it_was_made_on() {
    let bench = Bench::new().await;
    let none = [("if-none-match", "*")];
    let body = || json!({"attributes": {"a": 1}}).to_string();
    let made = bench.call_as(&bench.key, "PUT", "/v1/recipients/alice", &none, body()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let again = bench.call_as(&bench.key, "PUT", "/v1/recipients/alice", &none, body()).await;
    assert_eq!((again.status, again.code()), (412, "precondition_failed"));
    let tag = made.header("etag").to_owned();
    let other = json!({"attributes": {"a": 2}}).to_string();
    let kept = [("if-match", tag.as_str())];
    assert_eq!(bench.call_as(&bench.key, "PUT", "/v1/recipients/alice", &kept, other).await.status, 200);
    assert_eq!(bench.call_as(&bench.key, "PUT", "/v1/recipients/alice", &kept, body()).await.status, 412);
    let odd = [("if-match", "x")];
    assert_eq!(bench.call_as(&bench.key, "PUT", "/v1/recipients/alice", &odd, body()).await.status, 412);
}

#[tokio::test]
async fn a_star_matches_whatever_is_there_and_nothing_that_is_not() {
    let bench = Bench::new().await;
    let any = [("if-match", "*")];
    let put = async |name: &str, headers: &[(&str, &str)]| {
        bench.call_as(&bench.key, "PUT", &format!("/v1/recipients/{name}"), headers, "{}").await
    };
    let absent = put("alice", &any).await;
    assert_eq!((absent.status, absent.code()), (412, "precondition_failed"));
    assert_eq!(bench.get("/v1/recipients/alice").await.status, 404, "nothing was made");
    let tag = put("alice", &[]).await.header("etag").to_owned();
    assert_eq!(put("alice", &any).await.status, 200);
    let patched = bench.call_as(&bench.key, "PATCH", "/v1/recipients/alice", &any, "{}").await;
    assert_eq!(patched.status, 200, "{}", patched.body);
    assert_eq!(put("alice", &[("if-match", &format!("\"999\", {tag}"))]).await.status, 200, "one of several");
    assert_eq!(put("alice", &[("if-match", "\"998\", \"999\"")]).await.status, 412);
}

#[tokio::test]
async fn what_a_get_answered_can_be_put_back() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let whole = json!({"time_zone": "Asia/Shanghai", "locale": "zh-Hans", "attributes": {"name": "Alice"}});
    assert_eq!(bench.put("/v1/recipients/alice", &whole).await.status, 201);
    let address = json!({"address": "alice@example.org", "verified": true});
    let endpoint = bench.put("/v1/recipients/alice/endpoints/email", &address).await;
    let stop = bench.put("/v1/stop", &json!({"stopped": true, "rule": "promotion"})).await;
    assert_eq!((endpoint.status, stop.status), (200, 200));
    for path in ["/v1/recipients/alice", "/v1/recipients/alice/preferences", "/v1/stop", "/v1/configuration"]
    {
        let read = bench.get(path).await;
        let put = bench.put(path, &read.body).await;
        assert_eq!(put.status, 200, "{path}: {}", put.body);
        assert_eq!(bench.get(path).await.body, read.body, "{path}: nothing changed");
    }
    let again = bench.put("/v1/recipients/alice/endpoints/email", &endpoint.body).await;
    assert_eq!((again.status, again.body), (200, endpoint.body));
    let back = bench.get("/v1/recipients/alice").await.body;
    let sent = bench.call_as(&bench.key, "PATCH", "/v1/recipients/alice", &[], back.to_string()).await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    // What the path names cannot be changed in the body.
    let other = bench.put("/v1/recipients/bob", &back).await;
    assert_eq!((other.status, &other.body["errors"][0]["pointer"]), (422, &json!("/id")), "{}", other.body);
    let moved = json!({"address": "+491701234567", "channel": "sms"});
    let moved = bench.put("/v1/recipients/alice/endpoints/email", &moved).await;
    assert_eq!((moved.status, &moved.body["errors"][0]["pointer"]), (422, &json!("/channel")));
}

#[tokio::test]
async fn a_recipients_fields_are_checked() {
    let bench = Bench::new().await;
    for (body, pointer) in [
        (json!({"time_zone": "Mars/Olympus"}), "/time_zone"),
        (json!({"attributes": []}), "/attributes"),
        (json!({"attributes": {"a": "x".repeat(17 << 10)}}), "/attributes"),
        (json!({"timezone": "Europe/Berlin"}), "/timezone"),
    ] {
        let reply = bench.put("/v1/recipients/alice", &body).await;
        assert_eq!(
            (reply.status, reply.body["errors"][0]["pointer"].as_str().unwrap()),
            (422, pointer),
            "{}",
            reply.body
        );
    }
}

#[tokio::test]
async fn an_address_is_set_and_removed() {
    let bench = Bench::new().await;
    bench.put("/v1/recipients/alice", &json!({})).await;
    let path = "/v1/recipients/alice/endpoints/email";
    let set = bench.put(path, &json!({"address": "alice@example.org", "verified": true})).await;
    assert_eq!(
        set.body,
        json!({"channel": "email", "address": "alice@example.org", "verified": true, "stopped": false})
    );
    assert_eq!(bench.delete(path).await.status, 204);
    let reply = bench.put("/v1/recipients/alice/endpoints/inapp", &json!({"address": "x"})).await;
    assert_eq!(reply.status, 422);
    let reply = bench.put("/v1/recipients/alice/endpoints/pigeon", &json!({"address": "x"})).await;
    assert_eq!(reply.status, 422);
}

#[tokio::test]
async fn preferences_are_replaced_and_decide() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    bench.put("/v1/recipients/bob", &json!({})).await;
    let path = "/v1/recipients/bob/preferences";
    let wanted = json!({"categories": {"orders": {"inapp": false}}, "quiet_hours": {"spans": [{"from": "22:00", "to": "08:00"}]}, "paused_until": null, "profiling": false});
    let set = bench.put(path, &wanted).await;
    assert_eq!((set.status, &set.body), (200, &wanted), "{}", set.body);
    assert_eq!(bench.get(path).await.body, wanted);
    let sent = bench.call_as(&bench.key, "POST", "/v1/to/bob?category=orders", &[], "hi").await;
    assert_eq!(
        (&sent.body["state"], &sent.body["stopped_by"]["gate"]),
        (&json!("suppressed"), &json!("preference"))
    );
    let silent = bench.put(path, &json!({})).await;
    assert_eq!(silent.body["profiling"], false, "silence takes no objection back");
    let reply = bench.put(path, &json!({"categories": {"nothing": {"inapp": false}}})).await;
    assert_eq!(reply.status, 422, "{}", reply.body);
}

#[tokio::test]
async fn a_decision_is_chained_and_has_a_signed_receipt() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    bench.put("/v1/recipients/alice", &json!({})).await;
    let path = "/v1/recipients/alice/consent";
    let grant = json!({"decision": "granted", "category": "promotions", "channels": ["email"], "policy_version": "2026-11",
        "text_shown": "Offers by e-mail", "collected": {"how": "signup_form", "locale": "en"}});
    let first = bench.post(path, &grant).await;
    assert_eq!((first.status, &first.body["state"][0]["granted"]), (201, &json!(true)), "{}", first.body);
    bench.advance(1_000);
    let second = bench.post(path, &json!({"decision": "withdrawn", "category": "promotions"})).await;
    assert_eq!(second.body["previous"], first.body["hash"]);
    assert!(second.body["state"].as_array().unwrap().iter().all(|state| state["granted"] == false));

    let page = bench.get(&format!("{path}?limit=1")).await;
    assert_eq!(page.body["items"][0]["entry"], second.body["entry"]);
    let next = page.body["next"].as_str().unwrap();
    let page = bench.get(&format!("{path}?limit=1&after={next}")).await;
    assert_eq!((&page.body["items"][0]["entry"], &page.body["next"]), (&first.body["entry"], &json!(null)));

    let receipt = bench.get(first.body["receipt"].as_str().unwrap()).await;
    assert_eq!(receipt.body["privacy_notice"]["text_shown"], "Offers by e-mail");
    let header = jsonwebtoken::decode_header(receipt.body["jws"].as_str().unwrap()).unwrap();
    let key = bench.app.vault.public(&header.kid.unwrap()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    let signed =
        jsonwebtoken::decode::<serde_json::Value>(receipt.body["jws"].as_str().unwrap(), &key, &validation);
    assert_eq!(signed.unwrap().claims["ledger"]["hash"], first.body["hash"]);
    // A receipt is no access token.
    let me = bench.call_as(receipt.body["jws"].as_str().unwrap(), "GET", "/v1/me", &[], Body::empty()).await;
    assert_eq!(me.status, 401);
}

#[tokio::test]
async fn a_repeated_decision_makes_one_entry() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    bench.put("/v1/recipients/alice", &json!({})).await;
    let body =
        json!({"decision": "granted", "category": "promotions", "policy_version": "2026-11"}).to_string();
    let key = [("idempotency-key", "consent-1")];
    let path = "/v1/recipients/alice/consent";
    let first = bench.call_as(&bench.key, "POST", path, &key, body.clone()).await;
    let second = bench.call_as(&bench.key, "POST", path, &key, body).await;
    assert_eq!((first.status, &first.body), (second.status, &second.body), "{}", second.body);
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!(bench.get(path).await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn everything_about_a_person_is_exported_and_then_erased() {
    let bench = Bench::new().await;
    bench.put("/v1/recipients/alice", &json!({"attributes": {"name": "Alice"}})).await;
    bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], "hi").await;
    let export = bench.get("/v1/recipients/alice/export").await;
    assert_eq!(export.body["recipient"]["attributes"]["name"], "Alice");
    assert_eq!(export.body["notifications"][0]["content"]["title"], "hi");
    assert_eq!(bench.delete("/v1/recipients/alice").await.status, 204);
    assert_eq!(bench.get("/v1/recipients/alice/export").await.status, 404);
    let books = bench.get("/v1/accounting").await;
    assert_eq!(
        (&books.body["residue"], &books.body["notifications"]["erased"]),
        (&json!(0), &json!(1)),
        "{}",
        books.body
    );
}
