//! The document.

use serde_json::json;

use super::bench::{Bench, SHOP};

#[tokio::test]
async fn a_document_is_applied_read_and_rolled_back() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("/v1/configuration").await.body["version"], 0);
    let first = bench.call_as(&bench.key, "PUT", "/v1/configuration", &[], SHOP).await;
    assert_eq!(
        (&first.body["version"], &first.body["changed"], first.header("etag")),
        (&json!(1), &json!(true), "\"1\"")
    );
    let same =
        bench.call_as(&bench.key, "PUT", "/v1/configuration", &[], format!("# a comment\n{SHOP}")).await;
    assert_eq!((&same.body["version"], &same.body["changed"]), (&json!(1), &json!(false)));
    let other = SHOP.replace("Order {{ data.order_id }} confirmed", "Thank you");
    bench.apply(&other).await;
    let read = bench.get("/v1/configuration").await;
    assert_eq!((&read.body["version"], &read.body["document"]), (&json!(2), &json!(other)));
    let text =
        bench.call_as(&bench.key, "GET", "/v1/configuration", &[("accept", "application/yaml")], "").await;
    assert_eq!(text.body, json!(other));

    let diff = bench.get("/v1/configuration/diff?from=1&to=2").await;
    assert_eq!(diff.body["differences"][0]["pointer"], "/templates/order_placed/en/title");
    let diff = bench.call_as(&bench.key, "POST", "/v1/configuration/diff", &[], SHOP).await;
    assert_eq!((&diff.body["from"], diff.body["differences"].as_array().unwrap().len()), (&json!(2), 1));

    let back = bench.post("/v1/configuration/rollback", &json!({"version": 1})).await;
    assert_eq!((back.status, &back.body["version"]), (200, &json!(3)), "{}", back.body);
    assert_eq!(bench.get("/v1/configuration").await.body["document"], SHOP);
    let versions = bench.get("/v1/configuration/versions?limit=2").await;
    let numbers: Vec<_> =
        versions.body["items"].as_array().unwrap().iter().map(|item| item["version"].clone()).collect();
    assert_eq!(numbers, [json!(3), json!(2)]);
    assert_eq!(bench.get("/v1/configuration/versions/2").await.body["document"], other);
    assert_eq!(bench.post("/v1/configuration/rollback", &json!({"version": 9})).await.status, 404);
}

#[tokio::test]
async fn what_filters_write_is_the_recipients_and_not_the_forms() {
    let bench = Bench::new().await;
    let title = "{{ data.total | money('EUR') }} on {{ data.at | date }}";
    bench.apply(&SHOP.replace("Order {{ data.order_id }} confirmed", title)).await;
    bench.put("/v1/recipients/alice", &json!({"locale": "de", "time_zone": "Asia/Shanghai"})).await;
    let data = json!({"order_id": 1, "customer": "alice", "total": 1234.5, "at": "2026-11-22T20:00:00Z"});
    let sent = bench.post("/v1/events", &json!({"type": "order.placed", "data": data})).await;
    let id = sent.body["results"][0]["notifications"][0]["id"].as_str().unwrap().to_owned();
    let story = bench.get(&format!("/v1/notifications/{id}")).await;
    let expected = "1.234,50\u{a0}€ on 23.11.2026";
    assert_eq!(story.body["content"]["title"], expected, "there is no German form, and Alice is in Shanghai");
    let asked = json!({"template": "order_placed", "locale": "de", "data": data});
    let preview = bench.post("/v1/configuration/preview", &asked).await;
    assert_eq!((&preview.body["locale"], preview.status), (&json!("en"), 200), "{}", preview.body);
    let written = preview.body["inapp"]["title"].as_str().unwrap();
    assert!(written.starts_with("1.234,50\u{a0}€ on 22.11.2026"), "{written}");
}

#[tokio::test]
async fn a_document_is_applied_only_on_the_version_that_it_was_made_on() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let old = [("if-match", "\"0\"")];
    let reply =
        bench.call_as(&bench.key, "PUT", "/v1/configuration", &old, SHOP.replace("Offers", "Deals")).await;
    assert_eq!((reply.status, &reply.body["current"]), (412, &json!(1)));
    let any = [("if-match", "*")];
    let reply =
        bench.call_as(&bench.key, "PUT", "/v1/configuration", &any, SHOP.replace("Offers", "Deals")).await;
    assert_eq!((reply.status, &reply.body["version"]), (200, &json!(2)), "{}", reply.body);
}

#[tokio::test]
async fn a_mistake_is_told_with_line_column_and_hint_and_nothing_is_applied() {
    let bench = Bench::new().await;
    let wrong = SHOP.replace("category: promotions, template", "category: promotion, template");
    for (method, path) in [("POST", "/v1/configuration/check"), ("PUT", "/v1/configuration")] {
        let reply = bench.call_as(&bench.key, method, path, &[], wrong.clone()).await;
        assert_eq!((reply.status, reply.code()), (422, "configuration"));
        let error = &reply.body["errors"][0];
        assert_eq!((&error["line"], &error["hint"]), (&json!(11), &json!("promotions")), "{}", reply.body);
        assert!(error["column"].as_u64().unwrap() > 1);
    }
    assert_eq!(bench.get("/v1/configuration").await.body["version"], 0);
    let right = bench.call_as(&bench.key, "POST", "/v1/configuration/check", &[], SHOP).await;
    assert_eq!((right.status, &right.body["rules"]), (200, &json!(2)));
}

#[tokio::test]
async fn a_bundle_brings_its_files() {
    let bench = Bench::new().await;
    let document = "tidings: 1\ncategories: {general: {legal: service, channels: [inapp]}}\ntemplates: {t: {en: {title: T, email: {subject: S, html: {file: mail/t.html}}}}}\n";
    let reply = bench
        .put("/v1/configuration", &json!({"document": document, "files": {"mail/t.html": "<p>hi</p>"}}))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(bench.get("/v1/configuration").await.body["files"]["mail/t.html"], "<p>hi</p>");
    let alone = bench.put("/v1/configuration", &json!({"document": document})).await;
    assert_eq!(alone.status, 422);
}

#[tokio::test]
async fn a_template_is_previewed_for_every_channel() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let asked = json!({"template": "order_placed", "locale": "zh-Hans-CN", "data": {"order_id": 1001}});
    let reply = bench.post("/v1/configuration/preview", &asked).await;
    assert_eq!(
        (reply.status, &reply.body["inapp"]["title"]),
        (200, &json!("订单 1001 已确认")),
        "{}",
        reply.body
    );
    assert_eq!(reply.body["locale"], "zh");
    let reply = bench.post("/v1/configuration/preview", &json!({"template": "order_placed"})).await;
    assert_eq!((reply.status, reply.code()), (422, "template"));
    let reply = bench.post("/v1/configuration/preview", &json!({"template": "order_place"})).await;
    assert_eq!(reply.body["errors"][0]["hint"], "order_placed");
}

#[tokio::test]
async fn a_configuration_may_be_larger_than_other_bodies() {
    let bench = Bench::new().await;
    let large = format!("{SHOP}# {}\n", "x".repeat(2 << 20));
    assert_eq!(bench.call_as(&bench.key, "POST", "/v1/configuration/check", &[], large).await.status, 200);
    let larger = format!("{SHOP}# {}\n", "x".repeat(8 << 20));
    assert_eq!(bench.call_as(&bench.key, "POST", "/v1/configuration/check", &[], larger).await.status, 413);
}

#[tokio::test]
async fn two_projects_never_have_one_name() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let reply = bench.post("/v1/projects", &json!({"name": "shop"})).await;
    assert_eq!((reply.status, reply.code()), (422, "name_taken"));
    let other = bench.post("/v1/projects", &json!({"name": "other"})).await;
    let key = other.body["key"].as_str().unwrap();
    let reply = bench.call_as(key, "PUT", "/v1/configuration", &[], SHOP).await;
    assert_eq!((reply.status, reply.code()), (422, "name_taken"), "{}", reply.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_who_would_hear_less_and_writes_nothing() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    for number in 0..3 {
        let data = json!({"order_id": number, "customer": "alice", "total": 10 * number});
        bench.post("/v1/events", &json!({"type": "order.placed", "data": data})).await;
        bench.advance(1_000);
    }
    let other = SHOP.replace("when: data.total > 0", "when: data.total > 10");
    let reply = bench.call_as(&bench.key, "POST", "/v1/configuration/plan?since=1d", &[], other).await;
    assert_eq!((reply.status, &reply.body["events"]), (200, &json!(3)), "{}", reply.body);
    let change = &reply.body["rules"]["order_placed"];
    assert_eq!((&change["before"], &change["after"], &change["less"]), (&json!(2), &json!(1), &json!(1)));
    assert_eq!(bench.get("/v1/configuration").await.body["version"], 1);
    let wrong = bench.call_as(&bench.key, "POST", "/v1/configuration/plan", &[], "tidings: 2").await;
    assert_eq!((wrong.status, wrong.code()), (422, "configuration"));
}
