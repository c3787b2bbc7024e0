//! `/v1/events`.

use rstest::rstest;
use serde_json::{Value, json};
use tidings_core::act::{Act, Unit};
use tidings_core::model::Lane;

use super::bench::{Bench, Reply, SHOP};

fn placed(id: &str) -> Value {
    json!({"type": "order.placed", "id": id, "source": "shop",
        "data": {"order_id": 1001, "customer": "alice", "total": 30}})
}

#[tokio::test]
async fn a_type_that_no_rule_knows_is_accepted_and_said_so() {
    let bench = Bench::new().await;
    let reply = bench.post("/v1/events", &json!({"type": "nobody.listens"})).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    assert_eq!(reply.body["results"][0]["note"], "no_rule");
}

#[tokio::test]
async fn the_same_event_twice_is_a_duplicate_and_other_data_a_conflict() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let first = bench.post("/v1/events", &placed("evt-1")).await;
    let second = bench.post("/v1/events", &placed("evt-1")).await;
    assert_eq!((second.status, &second.body["duplicate"]), (202, &json!(1)));
    assert_eq!(second.body["results"][0]["event"], first.body["results"][0]["event"]);
    let mut other = placed("evt-1");
    other["data"]["total"] = json!(31);
    let reply = bench.post("/v1/events", &other).await;
    assert_eq!((reply.status, reply.code()), (409, "event_conflict"));
}

#[tokio::test]
async fn lines_are_read_one_by_one() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let lines = format!("{}\n\n{}\nnot json\n{}\n", placed("a"), json!({"id": "b"}), placed("a"));
    let media = [("content-type", "application/x-ndjson")];
    let reply = bench.call_as(&bench.key, "POST", "/v1/events", &media, lines).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    let counts = ["accepted", "duplicate", "rejected"].map(|name| reply.body[name].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 2]);
    let rejected = &reply.body["results"][1];
    assert_eq!(rejected["code"], "missing_field");
    assert_eq!(rejected["pointer"], "/type");
    assert_eq!(rejected["detail"], "line 3: an event needs a type");
    assert_eq!(reply.body["results"][2]["code"], "malformed_json");
}

#[tokio::test]
async fn an_event_that_nobody_could_store_is_refused_alone() {
    let bench = Bench::new().await;
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    let event = |more: &str| format!(r#"{{"type":"a"{more}}}"#);
    let batch = [
        event(""),
        event(&format!(r#","data":{deep}"#)),
        event(r#","data":{"x":"\u0000"}"#),
        event(r#","data":{"x":1,"x":2}"#),
        event(r#","id":"last""#),
    ];
    let reply = bench.call_as(&bench.key, "POST", "/v1/events", &[], format!(" [{}]", batch.join(","))).await;
    assert_eq!((reply.status, &reply.body["accepted"], &reply.body["rejected"]), (202, &json!(2), &json!(3)));
    let codes: Vec<_> = reply.body["results"].as_array().unwrap().iter().map(|one| &one["code"]).collect();
    assert_eq!(
        codes,
        [&Value::Null, &json!("too_deep"), &json!("invalid"), &json!("duplicate_field"), &Value::Null]
    );
    let reply = bench.call_as(&bench.key, "POST", "/v1/events", &[], "[{\"type\":\"a\"}").await;
    assert_eq!((reply.status, reply.code()), (400, "malformed_json"));
}

#[tokio::test]
async fn an_idempotency_key_is_of_a_cloud_events_attributes_too() {
    let bench = Bench::new().await;
    let send = async |id: &str| {
        let headers = [
            ("ce-specversion", "1.0"),
            ("ce-type", "a"),
            ("ce-source", "shop"),
            ("ce-id", id),
            ("idempotency-key", "k"),
        ];
        bench.call_as(&bench.key, "POST", "/v1/events", &headers, "{}").await
    };
    assert_eq!(send("1").await.status, 202);
    assert_eq!(send("1").await.header("idempotent-replayed"), "true");
    let other = send("2").await;
    assert_eq!((other.status, other.code()), (422, "idempotency_mismatch"));
}

#[tokio::test]
async fn a_batch_of_rejected_events_is_rejected() {
    let bench = Bench::new().await;
    let reply = bench.post("/v1/events", &json!([{"id": "a"}, {"typ": "b"}])).await;
    assert_eq!((reply.status, &reply.body["rejected"]), (422, &json!(2)));
    let reply = bench.post("/v1/events", &json!([])).await;
    assert_eq!((reply.status, reply.code()), (422, "invalid"));
}

#[tokio::test]
async fn cloud_events_come_in_three_modes() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let data = json!({"order_id": 7, "customer": "alice", "total": 1});
    let binary = [
        ("ce-specversion", "1.0"),
        ("ce-type", "order.placed"),
        ("ce-source", "shop"),
        ("ce-id", "c-1"),
        ("ce-subject", "bob"),
        ("ce-region", "eu%20west"),
        ("content-type", "application/json"),
    ];
    let reply = bench.call_as(&bench.key, "POST", "/v1/events", &binary, data.to_string()).await;
    assert_eq!((reply.status, &reply.body["accepted"]), (202, &json!(1)), "{}", reply.body);
    let read = bench.get("/v1/events?source=shop&id=c-1").await;
    assert_eq!(read.body["recipient"], "bob");
    assert_eq!(read.body["extensions"]["region"], "eu west");

    let event =
        json!({"specversion": "1.0", "type": "order.placed", "source": "shop", "id": "c-2", "data": data});
    let structured = [("content-type", "application/cloudevents+json; charset=utf-8")];
    let reply = bench.call_as(&bench.key, "POST", "/v1/events", &structured, event.to_string()).await;
    assert_eq!(reply.body["accepted"], 1, "{}", reply.body);

    let mut third = event.clone();
    third["id"] = json!("c-3");
    let batch = [("content-type", "application/cloudevents-batch+json")];
    let reply =
        bench.call_as(&bench.key, "POST", "/v1/events", &batch, json!([event, third]).to_string()).await;
    assert_eq!((&reply.body["accepted"], &reply.body["duplicate"]), (&json!(1), &json!(1)), "{}", reply.body);
}

#[rstest]
#[case(json!({"type": "t", "time": "2026-11-22T12:05:00.000Z"}), 202)]
#[case(json!({"type": "t", "time": "2026-11-22T12:05:00.001Z"}), 422)]
#[case(json!({"type": "t", "time": "2026-10-23T12:00:00.000Z"}), 202)]
#[case(json!({"type": "t", "time": "2026-10-23T11:59:59.999Z"}), 422)]
#[case(json!({"type": "t".repeat(128)}), 202)]
#[case(json!({"type": "t".repeat(129)}), 422)]
#[case(json!({"type": ""}), 422)]
#[case(json!({"type": "t", "data": "x".repeat((64 << 10) - 2)}), 202)]
#[case(json!({"type": "t", "data": "x".repeat((64 << 10) - 1)}), 422)]
#[tokio::test]
async fn an_event_is_bounded_from_both_sides(#[case] event: Value, #[case] status: u16) {
    let bench = Bench::new().await;
    let reply = bench.post("/v1/events", &event).await;
    assert_eq!(reply.status, status, "{}", reply.body);
}

#[rstest]
#[case(32, 202)]
#[case(33, 422)]
#[tokio::test]
async fn data_is_bounded_in_depth(#[case] depth: usize, #[case] status: u16) {
    let bench = Bench::new().await;
    let body = format!("{{\"type\":\"t\",\"data\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let reply = bench.call_as(&bench.key, "POST", "/v1/events", &[], body).await;
    assert_eq!(reply.status, status, "{}", reply.body);
}

#[rstest]
#[case(1_000, 202)]
#[case(1_001, 413)]
#[tokio::test]
async fn a_request_has_at_most_a_thousand_events(#[case] count: usize, #[case] status: u16) {
    let bench = Bench::new().await;
    let reply = bench.post("/v1/events", &json!(vec![json!({"type": "t"}); count])).await;
    assert_eq!(reply.status, status);
}

#[tokio::test]
async fn verdicts_are_answered_as_far_as_asked() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let event = json!({"type": "promotion.published", "data": {"customer": "alice", "headline": "Lamps"}});
    let made = async |verdicts| {
        let reply = bench.post(&format!("/v1/events?verdicts={verdicts}"), &event).await;
        reply.body["results"][0]["notifications"][0].clone()
    };
    let stops = made("stops").await;
    assert_eq!(
        (&stops["state"], &stops["stopped_by"]["gate"]),
        (&json!("suppressed"), &json!("consent")),
        "{stops}"
    );
    assert!(made("all").await["verdicts"].as_array().unwrap().len() > 2);
    assert!(made("none").await.get("stopped_by").is_none());
    let reply = bench.post("/v1/events?verdicts=some", &event).await;
    assert_eq!(reply.status, 422);
}

#[tokio::test]
async fn an_event_tells_every_rule_that_was_considered() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let mut event = placed("evt-0");
    event["data"]["total"] = json!(0);
    let reply = bench.post("/v1/events", &event).await;
    assert_eq!(reply.body["results"][0]["rules_not_fired"][0]["reason"], "no_match", "{}", reply.body);
    let id = reply.body["results"][0]["event"].as_str().unwrap();
    let read = bench.get(&format!("/v1/events/{id}")).await;
    assert_eq!(read.body["rules"][0]["rule"], "order_placed");
    assert_eq!(read.body["id"], "evt-0");
    assert_eq!(bench.get("/v1/events/nothing").await.status, 404);
}

#[tokio::test]
async fn nothing_of_another_project_is_found() {
    let bench = Bench::new().await;
    let reply = bench.post("/v1/events", &json!({"type": "t", "id": "mine"})).await;
    let id = reply.body["results"][0]["event"].as_str().unwrap().to_owned();
    let other = bench.post("/v1/projects", &json!({"name": "other"})).await;
    let key = other.body["key"].as_str().unwrap();
    let read = bench.call_as(key, "GET", &format!("/v1/events/{id}"), &[], "").await;
    assert_eq!(read.status, 404);
    let read = bench.call_as(key, "GET", "/v1/events?id=mine", &[], "").await;
    assert_eq!(read.status, 404);
    // Its key makes no projects.
    let made = bench.call_as(key, "POST", "/v1/projects", &[], json!({"name": "third"}).to_string()).await;
    assert_eq!(made.status, 403);
}

#[tokio::test]
async fn a_rule_for_an_audience_stands_among_those_that_were_considered() {
    const NEWS: &str = "tidings: 1
project: {name: news, unknown_recipient: create}
categories: {general: {name: {en: General}, legal: service, priority: normal, channels: [inapp]}}
rules: {all_staff: {on: news.published, notify: {topic: staff}, category: general, template: news}}
templates: {news: {en: {title: News}}}
";
    let bench = Bench::new().await;
    bench.apply(NEWS).await;
    let stated = bench.post("/v1/events", &json!({"type": "news.published", "id": "n", "source": "s"})).await;
    assert_eq!(stated.body["results"][0]["fan_outs"][0]["rule"], "all_staff", "{}", stated.body);
    let event = bench.get("/v1/events?source=s&id=n").await;
    assert_eq!(event.body["rules"], json!([{"rule": "all_staff", "reason": "fired", "recipients": 0}]));
    assert_eq!(event.body["fan_outs"][0]["audience"], Value::Null, "nobody has counted it");
    for name in ["alice", "bob"] {
        assert_eq!(bench.put(&format!("/v1/topics/staff/recipients/{name}"), &json!({})).await.status, 204);
    }
    let walk = bench.app.ports.due.due(Lane::FanOut, bench.now(), 10, 10).await.unwrap().remove(0);
    let unit = Unit { project: bench.project(), sandbox: false, repeat: None, act: Act::Advance(walk) };
    bench.app.writer.write(unit).await.unwrap().answer.unwrap();
    let event = bench.get("/v1/events?source=s&id=n").await;
    let told = &event.body["fan_outs"][0];
    assert_eq!((&told["audience"], &told["finished"]), (&json!(2), &json!(true)), "{}", event.body);
}

#[tokio::test]
async fn notifications_are_found_by_an_events_own_id() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let event = |source: Option<&str>, id: &str, customer: &str| json!({"type": "order.placed", "id": id, "source": source, "data": {"order_id": 1, "customer": customer, "total": 3}});
    let first = bench.post("/v1/events", &event(Some("shop"), "one", "alice")).await;
    bench.post("/v1/events", &event(Some("till"), "one", "bob")).await;
    bench.post("/v1/events", &event(Some("shop"), "two", "carol")).await;
    let of = async |query: &str| bench.get(&format!("/v1/notifications?{query}")).await;
    let who = |reply: &Reply| {
        let items = reply.body["items"].as_array().unwrap_or_else(|| panic!("{}", reply.body)).clone();
        items.iter().map(|item| item["recipient"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let relays = first.body["results"][0]["event"].as_str().unwrap();
    assert_eq!(who(&of(&format!("event={relays}")).await), ["alice"]);
    assert_eq!(who(&of("event=two").await), ["carol"]);
    assert_eq!(who(&of("event=one&source=till").await), ["bob"]);
    assert_eq!(who(&of("event=one&source=shop").await), ["alice"]);
    let ambiguous = of("event=one").await;
    assert_eq!((ambiguous.status, &ambiguous.body["errors"][0]["pointer"]), (422, &json!("?source")));
    assert!(ambiguous.body["detail"].as_str().unwrap().contains("shop, till"), "{}", ambiguous.body);
    assert_eq!(who(&of("event=three").await), [""; 0]);
    assert_eq!(of("source=shop").await.status, 422);
}

#[tokio::test]
async fn a_story_names_the_category_that_rests_on_the_contract() {
    let bench = Bench::new().await;
    bench
        .apply(&SHOP.replace(
            "legal: service, priority: high, channels: [inapp]",
            "legal: service, priority: high, channels: [inapp, email]",
        ))
        .await;
    let event = json!({"type": "order.placed", "data": {"order_id": 1, "customer": "alice", "total": 3}});
    let made = bench.post("/v1/events", &event).await;
    let id = made.body["results"][0]["notifications"][0]["id"].as_str().unwrap();
    let story = bench.get(&format!("/v1/notifications/{id}")).await;
    let lines = story.body["timeline"].as_array().unwrap();
    let line =
        lines.iter().find(|line| line["reason"] == "service_basis_contract").expect("one channel needs none");
    assert_eq!(line["text"], "Orders rest on the contract; no consent is needed");
}
