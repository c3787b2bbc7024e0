//! Web Push to receivers that check it by the text of the standards, in another language with another library.

use serde_json::{Value, json};
use tidings_end_to_end::Script;

use crate::rig::{Shop, push};

/// A push service, and a subscription there that is an address of alice's.
fn subscribed(shop: &Shop) -> (Script, String) {
    let mut service = Script::start("browser.py");
    let subscription = service.ask("subscription", "subscription")["subscription"].clone();
    let endpoint = subscription["endpoint"].as_str().expect("an endpoint is a text");
    let name = endpoint.rsplit('/').next().expect("it has a last part").to_owned();
    let page = shop.page("alice");
    let path = page.split_once("/p/").expect("it is a page").1;
    let json = [("content-type", "application/json")];
    let path = format!("/p/{path}/subscription");
    let put = shop.relay.stranger().call("PUT", &path, &json, subscription.to_string().as_bytes());
    assert_eq!(put.status, 204, "{}", put.text());
    (service, name)
}

#[test]
fn a_push_is_sealed_for_its_receiver_and_signed_by_the_project() {
    let shop = Shop::open_with(
        &[],
        &[],
        "providers: {web: {kind: webpush, channel: push, contact: 'mailto:ops@shop.example'}}\n",
    );
    let (mut service, _) = subscribed(&shop);
    let send = json!({"category": "orders", "collapse": "1001", "content": {"title": "Order 1001", "body": "It left"}});
    let id = shop.send("alice", &send);
    let came = service.until("push");
    assert_eq!(came["payload"], json!({"tidings": 1, "notification": id, "collapse": "1001"}));
    assert_eq!(came["claims"]["sub"], "mailto:ops@shop.example");
    assert_eq!(came["headers"]["urgency"], "high");
    assert!(!came["headers"]["topic"].as_str().expect("a topic").contains("1001"), "{came}");
    assert_eq!(shop.delivered(&id)["state"], "sent");

    shop.apply("channels: {push: {content: full}}\n");
    let id = shop.send("alice", &json!({"category": "orders", "content": {"title": "Order 1002", "body": "It left", "link": "https://shop.example/1002"}}));
    let second = service.until("push");
    let words = json!({
        "tidings": 1, "notification": id, "title": "Order 1002", "body": "It left", "link": "https://shop.example/1002",
        "category": "orders", "priority": "high", "expires_at": second["payload"]["expires_at"], "round": "1",
    });
    assert_eq!(second["payload"], words);
    assert!(second["payload"]["expires_at"].is_string(), "{second}");
    assert_eq!(second["key"], came["key"], "a project has one key");
    assert_eq!(shop.delivered(&id)["state"], "sent");
    shop.books_balance();
}

#[test]
fn a_subscription_that_is_gone_is_taken_away() {
    let shop = Shop::open();
    let (mut service, name) = subscribed(&shop);
    assert_eq!(shop.addresses("alice").len(), 1);
    service.ask(&format!("refuse {name} 410"), "ready");
    let id = shop.send("alice", &push("Anybody there?"));
    service.until("refused");
    assert_eq!(shop.delivered(&id)["state"], "dead");
    assert_eq!(shop.addresses("alice"), Vec::<Value>::new());
    shop.books_balance();
}

#[test]
fn a_service_that_is_busy_is_asked_again_when_it_says() {
    let shop = Shop::open();
    let (mut service, name) = subscribed(&shop);
    service.ask(&format!("refuse {name} 429 1"), "ready");
    service.ask(&format!("refuse {name} 503"), "ready");
    let id = shop.send("alice", &push("Please wait"));
    let refused: Vec<_> = (0..2).map(|_| service.until("refused")["status"].clone()).collect();
    assert_eq!(refused, [429, 503]);
    assert_eq!(service.until("push")["payload"]["notification"], *id);
    assert_eq!(shop.delivered(&id)["state"], "sent");
    let story = shop.story(&id).to_string();
    assert!(story.contains("http_429") && story.contains("http_503"), "{story}");
    shop.books_balance();
}

#[test]
fn a_service_that_takes_less_gets_a_push_without_words() {
    let shop = Shop::open_with(&[], &[], "channels: {push: {content: full}}\n");
    let (mut service, name) = subscribed(&shop);
    service.ask(&format!("refuse {name} 413"), "ready");
    let id = shop.send("alice", &push("Too much"));
    service.until("refused");
    assert_eq!(service.until("push")["payload"], json!({"tidings": 1, "notification": id}));
    assert_eq!(shop.delivered(&id)["state"], "sent");
    assert!(!shop.story(&id).to_string().contains("413"), "it was one attempt");
}

#[test]
fn an_erased_recipient_gets_no_push() {
    let shop = Shop::open();
    let (mut service, _) = subscribed(&shop);
    let erased = shop.relay.caller().call("DELETE", "/v1/recipients/alice", &[], b"");
    assert_eq!(erased.status, 204, "{}", erased.text());
    shop.send("alice", &push("For somebody new"));
    let id = shop.send("bob", &push("No address"));
    assert_eq!(shop.addresses("alice"), Vec::<Value>::new());
    assert!(shop.story(&id).to_string().contains("no_endpoint"), "{}", shop.story(&id));
    let other = service.ask("subscription", "subscription")["subscription"].to_string();
    shop.address("bob", &other);
    let id = shop.send("bob", &push("For bob"));
    assert_eq!(service.until("push")["payload"]["notification"], *id, "the first push that came at all");
}
