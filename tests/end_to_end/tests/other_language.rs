//! A client in another language, written from docs/PROTOCOL.md alone, receives, keeps, acknowledges and comes back.
//!
//! It is a process with a folder. The test publishes through HTTP, and believes three witnesses only: the relay's stories,
//! its books, and the client's own file.

#[path = "other_language/client.rs"]
mod client;

use client::Client;
use serde_json::{Value, json};
use tidings_end_to_end::{Relay, Site};

fn publish(relay: &Relay, text: &str) -> String {
    let reply =
        relay.caller().call("POST", "/v1/to/alice", &[("content-type", "text/plain")], text.as_bytes());
    reply.ok(202)["id"].as_str().expect("a notification has an id").to_owned()
}

fn code(relay: &Relay) -> String {
    let reply = relay.caller().post("/v1/connect-codes", &json!({"recipient": "alice"}));
    reply.ok(201)["code"].as_str().expect("a code is a text").to_owned()
}

fn story(relay: &Relay, id: &str) -> Value {
    relay.caller().get(&format!("/v1/notifications/{id}")).ok(200)
}

/// Lines of a story that say what a device did.
fn told(story: &Value, kind: &str, field: &str, word: &str) -> usize {
    let timeline = story["timeline"].as_array().expect("a story has a timeline");
    timeline.iter().filter(|line| line["kind"] == kind && line[field] == word).count()
}

/// Waits until the feed has an entry of this kind about this notification.
fn wait_for(relay: &Relay, kind: &str, id: &str) {
    let mut after = String::new();
    for _ in 0..20 {
        let page = relay.caller().get(&format!("/v1/changes?limit=500&wait=5s&after={after}")).ok(200);
        let items = page["items"].as_array().expect("a page has items");
        if items.iter().any(|item| item["kind"] == kind && item["notification"] == id) {
            return;
        }
        page["next"].as_str().expect("it is never null").clone_into(&mut after);
    }
    panic!("{kind} of {id} is in the feed");
}

fn books_balance(relay: &Relay) {
    let books = relay.caller().get("/v1/accounting").ok(200);
    assert_eq!(books["residue"], 0, "{books}");
}

fn again(site: Site, address: &str) -> Relay {
    let command = site.serve(address);
    Relay::try_start(command, site).unwrap_or_else(|refused| panic!("it starts again: {}", refused.said))
}

#[test]
fn a_client_from_the_page_receives_holds_and_acknowledges() {
    let relay = Relay::start();
    let mut client = Client::start(&relay, Some(&code(&relay)));
    client.until(|line| line["is"] == "stored");
    let id = publish(&relay, "Tea is ready");
    client.until(|line| line["is"] == "item" && line["id"] == *id);
    client.until(|line| line["is"] == "stored");
    wait_for(&relay, "receipt.received", &id);
    client.tell(&format!("ack {id}"));
    let done = client.until(|line| line["is"] == "done");
    assert_eq!(done["refused"], json!([]));
    wait_for(&relay, "receipt.acknowledged", &id);

    let story = story(&relay, &id);
    assert_eq!(story["state"], "reached", "{story}");
    assert_eq!(told(&story, "outcome", "state", "received"), 1, "{story}");
    assert_eq!(told(&story, "receipt", "receipt", "acknowledged"), 1, "{story}");
    client.until(|line| line["is"] == "item" && line["id"] == *id);
    let file = client.end();
    assert_eq!(file["items"][&id]["title"], "Tea is ready");
    assert!(file["items"][&id]["view"]["acknowledged_at"].is_string(), "{file}");
    assert_eq!(file["outbox"], json!([]));
    books_balance(&relay);
}

#[test]
fn what_came_while_it_was_away_comes_once_and_in_order() {
    let relay = Relay::start();
    let mut client = Client::start(&relay, Some(&code(&relay)));
    client.until(|line| line["is"] == "stored");
    let before = publish(&relay, "Before");
    client.until(|line| line["is"] == "item" && line["id"] == *before);
    client.tell("cut");
    client.until(|line| line["is"] == "disconnected");
    let missed: Vec<String> = (0..20).map(|number| publish(&relay, &format!("Missed {number}"))).collect();
    // What is done offline waits, and is done after the connection is back.
    client.tell(&format!("ack {before}"));
    client.until(|line| line["is"] == "asked");
    client.tell("connect");
    let welcome = client.until(|line| line["is"] == "welcome");
    assert_eq!(welcome["reset"], false, "its cursor is good");
    client.until(|line| line["is"] == "done");
    let last = missed.last().expect("twenty were missed");
    wait_for(&relay, "receipt.received", last);
    wait_for(&relay, "receipt.acknowledged", &before);
    let file = client.end();
    let applied: Vec<&str> =
        file["applied"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let of_missed: Vec<&str> = applied.iter().copied().filter(|id| *id != before).collect();
    assert_eq!(of_missed, missed.iter().map(String::as_str).collect::<Vec<_>>(), "each once, in order");
    books_balance(&relay);
}

#[test]
fn a_cursor_of_another_epoch_makes_it_begin_anew_and_keep_what_is_true() {
    let relay = Relay::start();
    let mut client = Client::start(&relay, Some(&code(&relay)));
    client.until(|line| line["is"] == "stored");
    let (stays, goes) = (publish(&relay, "Stays"), publish(&relay, "Goes"));
    client.until(|line| line["is"] == "item" && line["id"] == *goes);
    client.tell("cut");
    client.until(|line| line["is"] == "disconnected");
    let retracted = relay.caller().delete(&format!("/v1/notifications/{goes}"));
    assert_eq!(retracted.status, 200, "{}", retracted.text());
    client.tell("cursor 0ffffff.9");
    client.until(|line| line["is"] == "cursor");
    client.tell("connect");
    let welcome = client.until(|line| line["is"] == "welcome");
    assert_eq!(welcome["reset"], true);
    let stored = client.until(|line| line["is"] == "stored");
    assert_eq!(stored["items"], 1, "{stored}");
    let file = client.end();
    assert!(file["items"][&stays].is_object(), "{file}");
    assert!(file["items"][&goes].is_null(), "no page of the reset named it: {file}");
}

#[test]
fn a_restart_and_a_kill_of_the_relay_lose_nothing_and_repeat_nothing() {
    let relay = Relay::start();
    let address = relay.address().to_owned();
    let mut client = Client::start(&relay, Some(&code(&relay)));
    client.until(|line| line["is"] == "stored");
    let mut published = vec![publish(&relay, "One")];
    client.until(|line| line["is"] == "item" && line["id"] == *published[0]);

    let (site, status) = relay.terminate();
    assert!(status.success(), "{status}");
    let bye = client.until(|line| line["is"] == "bye");
    assert_eq!(bye["code"], "restart");
    let relay = again(site, &address);
    published.push(publish(&relay, "Two"));
    let welcome = client.until(|line| line["is"] == "welcome");
    assert_eq!(welcome["reset"], false, "a restart keeps the epoch");
    client.until(|line| line["is"] == "item" && line["id"] == *published[1]);

    let site = relay.kill();
    client.until(|line| line["is"] == "disconnected");
    let relay = again(site, &address);
    published.push(publish(&relay, "Three"));
    let welcome = client.until(|line| line["is"] == "welcome");
    assert_eq!(welcome["reset"], false, "so does a kill");
    client.until(|line| line["is"] == "item" && line["id"] == *published[2]);
    for id in &published {
        wait_for(&relay, "receipt.received", id);
        assert_eq!(told(&story(&relay, id), "outcome", "state", "received"), 1);
    }
    let file = client.end();
    assert_eq!(file["applied"], json!(published), "each once, in order");
    books_balance(&relay);
}
