//! Direct sends.

use rstest::rstest;
use serde_json::{Value, json};
use tidings_core::model::Lane;

use super::bench::{Bench, Reply, SHOP};

fn send() -> Value {
    json!({"recipients": ["alice"], "content": {"title": "Hello"}})
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = send();
    change(&mut body);
    body
}

#[tokio::test]
async fn title_category_priority_and_link_are_taken_from_query_or_header() {
    let bench = Bench::new().await;
    bench.apply(SHOP).await;
    let headers = [("title", "Läuft"), ("priority", "high")];
    let path = "/v1/to/alice?category=orders&link=https://shop.example/o";
    let reply = bench.call_as(&bench.key, "POST", path, &headers, "Your order\nis here").await;
    assert_eq!((reply.status, &reply.body["category"]), (202, &json!("orders")), "{}", reply.body);
    let story = bench.get(reply.body["story"].as_str().unwrap()).await;
    assert_eq!(
        story.body["content"],
        json!({"title": "Läuft", "body": "Your order\nis here", "link": "https://shop.example/o"})
    );
    assert_eq!(story.body["priority"], "high");
}

#[tokio::test]
async fn what_waits_is_held_and_not_stopped() {
    let bench = Bench::new().await;
    let document = SHOP.replace("template: order_placed}", "template: order_placed, delay: 1h}");
    bench.apply(&document).await;
    let event = json!({"type": "order.placed", "data": {"order_id": 1, "customer": "alice", "total": 3}});
    let made = bench.post("/v1/events", &event).await.body["results"][0]["notifications"][0].clone();
    assert_eq!(
        (&made["state"], &made["reason"], made.get("stopped_by")),
        (&json!("held"), &json!("delay"), None)
    );
    assert_eq!(made["held_by"]["gate"], "delay", "{made}");
    let listed = bench.get("/v1/notifications?state=held&rule=order_placed").await.body["items"][0].clone();
    assert_eq!(
        (&listed["stopped_by"], &listed["held_by"]["reason"]),
        (&Value::Null, &json!("delay")),
        "{listed}"
    );
    let story = bench.get(&format!("/v1/notifications/{}", made["id"].as_str().unwrap())).await.body;
    assert_eq!((&story["stopped_by"], &story["held_by"]["reason"]), (&Value::Null, &json!("delay")));
}

#[tokio::test]
async fn an_id_that_is_too_long_is_told_with_limit_and_actual() {
    let bench = Bench::new().await;
    let long = "a".repeat(129);
    let body = with(|b| b["recipients"] = json!([long]));
    let event = json!({"type": "t", "recipient": long});
    for reply in [
        bench.post("/v1/notifications", &body).await,
        bench.post("/v1/events", &event).await,
        bench.put(&format!("/v1/recipients/{long}"), &json!({})).await,
        bench.get(&format!("/v1/notifications?recipient={long}")).await,
    ] {
        let told = (reply.status, reply.code(), &reply.body["limit"], &reply.body["actual"]);
        assert_eq!(told, (422, "limit", &json!(128), &json!(129)), "{}", reply.body);
    }
}

#[tokio::test]
async fn deliveries_of_the_inbox_stand_among_the_deliveries() {
    let bench = Bench::new().await;
    let mut ids = Vec::new();
    for name in ["alice", "bob", "alice"] {
        let sent = bench.call_as(&bench.key, "POST", &format!("/v1/to/{name}"), &[], "hi").await;
        ids.push(format!("{}.inapp", sent.body["id"].as_str().unwrap()));
        bench.advance(1_000);
    }
    ids.reverse();
    let list = async |query: &str| {
        let reply = bench.get(&format!("/v1/deliveries?{query}")).await;
        let items = reply.body["items"].as_array().unwrap_or_else(|| panic!("{}", reply.body)).clone();
        let ids: Vec<_> = items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        (ids, reply.body["next"].as_str().map(str::to_owned))
    };
    assert_eq!(list("").await, (ids.clone(), None));
    assert_eq!(list("channel=inapp&state=placed").await.0, ids);
    assert_eq!(list("recipient=bob").await.0, [ids[1].clone()]);
    for none in ["state=received", "channel=push", "provider=mail", "reason=no_endpoint", "state=dead"] {
        assert_eq!(list(none).await, (Vec::new(), None), "{none}");
    }
    let (first, next) = list("limit=2").await;
    assert_eq!(first, ids[..2]);
    assert_eq!(list(&format!("limit=2&after={}", next.unwrap())).await, (ids[2..].to_vec(), None));
}

#[tokio::test]
async fn a_body_is_text_unless_it_says_that_it_is_json() {
    let bench = Bench::new().await;
    let reply = bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], "{\"body\":\"x\"}").await;
    let story = bench.get(reply.body["story"].as_str().unwrap()).await;
    assert_eq!(story.body["content"]["title"], "{\"body\":\"x\"}");
    let json = [("content-type", "application/json")];
    let reply = bench.call_as(&bench.key, "POST", "/v1/to/alice", &json, "{\"body\":\"x\"}").await;
    let story = bench.get(reply.body["story"].as_str().unwrap()).await;
    assert_eq!(story.body["content"]["title"], "x");
    let reply = bench.call_as(&bench.key, "POST", "/v1/to/alice", &json, "{\"boby\":\"x\"}").await;
    assert_eq!(reply.code(), "unknown_field");
    let reply = bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], " ").await;
    assert_eq!((reply.status, reply.code()), (422, "missing_field"));
}

#[rstest]
#[case(with(|b| b["content"]["title"] = json!("t".repeat(200))), 202)]
#[case(with(|b| b["content"]["title"] = json!("t".repeat(201))), 422)]
#[case(with(|b| b["content"]["body"] = json!("t".repeat(4_000))), 202)]
#[case(with(|b| b["content"]["body"] = json!("t".repeat(4_001))), 422)]
#[case(with(|b| b["content"]["body"] = json!("字".repeat(4_000))), 202)]
#[case(with(|b| b["content"]["actions"] = json!(vec![json!({"id": "a", "label": "A"}); 4])), 202)]
#[case(with(|b| b["content"]["actions"] = json!(vec![json!({"id": "a", "label": "A"}); 5])), 422)]
#[case(with(|b| b["content"]["link"] = json!("javascript:alert(1)")), 422)]
#[case(with(|b| b["content"]["link"] = json!("no url")), 422)]
#[case(with(|b| b["expires"] = json!("90d")), 202)]
#[case(with(|b| b["expires"] = json!("91d")), 422)]
#[case(with(|b| b["recipients"] = json!([])), 422)]
#[case(with(|b| b["recipients"] = json!((0..1_000).map(|n| format!("p{n}")).collect::<Vec<_>>())), 202)]
#[case(with(|b| b["recipients"] = json!((0..1_001).map(|n| format!("p{n}")).collect::<Vec<_>>())), 422)]
#[case(with(|b| b["topic"] = json!("staff")), 422)]
#[case(with(|b| b["template"] = json!("t")), 422)]
#[case(with(|b| b["category"] = json!("nothing")), 422)]
#[case(with(|b| b["priority"] = json!("soon")), 422)]
#[case(json!({"recipients": ["alice"]}), 422)]
#[case(json!({"content": {"title": "t"}}), 422)]
#[tokio::test]
async fn a_direct_send_is_bounded_from_both_sides(#[case] body: Value, #[case] status: u16) {
    let bench = Bench::new().await;
    let reply = bench.post("/v1/notifications", &body).await;
    assert_eq!(reply.status, status, "{}", reply.body);
}

#[tokio::test]
async fn a_send_to_a_topic_has_progress_and_can_be_stopped() {
    let bench = Bench::new().await;
    assert_eq!(bench.put("/v1/topics/staff/recipients/alice", &json!({})).await.status, 204);
    let reply = bench.post("/v1/notifications", &json!({"topic": "staff", "content": {"title": "Hi"}})).await;
    assert_eq!((reply.status, &reply.body["send"]["state"]), (202, &json!("open")), "{}", reply.body);
    assert!(reply.body.get("notifications").is_none());
    assert_eq!(reply.body["send"]["audience"], 1);
    let path = format!("/v1/sends/{}", reply.body["send"]["id"].as_str().unwrap());
    assert_eq!(bench.get(&path).await.body["state"], "open");
    let stopped = bench.delete(&path).await;
    assert_eq!((stopped.status, &stopped.body["state"]), (200, &json!("done")), "{}", stopped.body);
    assert_eq!(bench.get("/v1/sends/nothing").await.status, 404);
}

#[tokio::test]
async fn a_notification_can_be_taken_back() {
    let bench = Bench::new().await;
    let sent = bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], "hi").await;
    let path = sent.body["story"].as_str().unwrap();
    let reply = bench.delete(path).await;
    assert_eq!((reply.status, &reply.body["state"]), (200, &json!("retracted")), "{}", reply.body);
    assert_eq!(bench.get(path).await.body["state"], "retracted");
    assert_eq!(bench.delete("/v1/notifications/nothing").await.status, 404);
}

#[tokio::test]
async fn a_sandbox_key_does_everything_but_the_hand_over() {
    let bench = Bench::new().await;
    let made = bench.post("/v1/keys", &json!({"sandbox": true})).await;
    let key = made.body["key"].as_str().unwrap();
    assert!(key.starts_with("tdk_test_"));
    let (token, _) = bench.connect("alice", "laptop").await;
    let reply = bench.call_as(key, "POST", "/v1/to/alice", &[], "hi").await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    let changes = bench.call_as(&token, "GET", "/v1/me/changes", &[], "").await;
    let items = changes.body["items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["kind"] != "notification"), "{items:?}");
}

#[tokio::test]
async fn a_list_is_read_page_by_page_newest_first() {
    let bench = Bench::new().await;
    for number in 0..5 {
        bench.advance(1_000);
        bench.call_as(&bench.key, "POST", "/v1/to/alice", &[], format!("number {number}")).await;
    }
    let mut seen = Vec::new();
    let mut path = "/v1/notifications?recipient=alice&limit=2".to_owned();
    loop {
        let page = bench.get(&path).await;
        let items = page.body["items"].as_array().unwrap().clone();
        seen.extend(items.iter().map(|item| item["created_at"].as_str().unwrap().to_owned()));
        let Some(next) = page.body["next"].as_str() else { break };
        path = format!("/v1/notifications?recipient=alice&limit=2&after={next}");
    }
    let mut sorted = seen.clone();
    sorted.sort_by(|one, other| other.cmp(one));
    assert_eq!((seen.len(), &seen), (5, &sorted));
}

#[tokio::test]
async fn a_direct_send_takes_the_steps_that_a_rule_takes_and_refuses_what_cannot_work() {
    let bench = Bench::new().await;
    let send = |deliver: Value| json!({"recipients": ["alice"], "expires": "1h", "content": {"title": "Hi"}, "deliver": deliver});
    let steps = json!([
        {"channels": ["inapp"], "repeat": {"every": "1m", "times": 2, "until": "read"}},
        {"after": "5m", "unless": "read", "channels": ["email"]}
    ]);
    let sent = bench.post("/v1/notifications", &send(steps)).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    let waits =
        bench.app.ports.due.due(Lane::Step, bench.now().plus_millis(3_600_000), 10, 10).await.unwrap();
    let mut waits: Vec<_> = waits.iter().map(|row| row.at.millis_since(bench.now())).collect();
    waits.sort_unstable();
    assert_eq!(waits, [60_000, 300_000], "the showing that repeats, and the mail");
    let refused = [
        (json!([]), "/deliver"),
        (json!([{"channels": []}]), "/deliver/0/channels"),
        (json!([{"channels": ["inapp", "inapp"]}]), "/deliver/0/channels"),
        (json!([{"after": "1m", "channels": ["inapp"]}]), "/deliver/0/after"),
        (json!([{"channels": ["inapp"]}, {"unless": "read", "channels": ["email"]}]), "/deliver/1/unless"),
        (
            json!([{"channels": ["sms"]}, {"after": "1m", "unless": "read", "channels": ["email"]}]),
            "/deliver/1/unless",
        ),
        (
            json!([{"channels": ["inapp"]}, {"after": "1m", "notify": "data.boss", "channels": ["inapp"]}]),
            "/deliver/1/notify",
        ),
        (json!([{"channels": ["inapp"]}, {"after": "2h", "channels": ["email"]}]), "/deliver/1/after"),
        (
            json!([{"channels": ["inapp"]}, {"after": "5m", "channels": ["email"]}, {"after": "4m", "channels": ["sms"]}]),
            "/deliver/2/after",
        ),
        (
            json!([{"channels": ["sms"], "repeat": {"every": "1m", "times": 2, "until": "read"}}]),
            "/deliver/0/repeat",
        ),
        (
            json!([{"channels": ["inapp"], "repeat": {"every": "1m", "times": 101, "until": "read"}}]),
            "/deliver/0/repeat/times",
        ),
        (
            json!([{"channels": ["inapp"], "repeat": {"every": "0s", "times": 1, "until": "read"}}]),
            "/deliver/0/repeat/every",
        ),
        (json!(vec![json!({"channels": ["inapp"]}); 17]), "/deliver"),
    ];
    for (deliver, pointer) in refused {
        let reply = bench.post("/v1/notifications", &send(deliver.clone())).await;
        let said = reply.body["errors"][0]["pointer"].as_str();
        assert_eq!((reply.status, said), (422, Some(pointer)), "{deliver}: {}", reply.body);
    }
}

#[tokio::test]
async fn what_is_replaced_or_taken_back_says_what_did_it() {
    let bench = Bench::new().await;
    let send = |title: &str| json!({"recipients": ["alice"], "collapse": "x", "content": {"title": title}});
    let first = bench.post("/v1/notifications", &send("first")).await;
    bench.advance(1_000);
    let second = bench.post("/v1/notifications", &send("second")).await;
    let id = |reply: &Reply| reply.body["notifications"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/notifications/{}", id(&first));
    assert_eq!(bench.get(&path).await.body["stopped_by"]["gate"], "collapse");
    let path = format!("/v1/notifications/{}", id(&second));
    bench.delete(&path).await;
    assert_eq!(bench.get(&path).await.body["stopped_by"]["gate"], "retract");
}
