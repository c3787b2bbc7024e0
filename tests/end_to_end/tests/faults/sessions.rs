//! Many sessions, the same device twice, a device that never reads.

use std::time::{Duration, Instant};

use serde_json::json;
use tidings_end_to_end::{Device, Relay};

#[test]
fn a_recipient_has_32_sessions_and_no_more() {
    let relay = Relay::start();
    let mut devices: Vec<Device> = (0..32).map(|index| relay.device("alice", &format!("d{index}"))).collect();
    let mut one_more = Device::open(relay.address(), Some(&relay.token("alice", "d32")));
    one_more.send(&json!({"t": "hello", "device": "d32"}));
    let _bye = one_more.bye("too_many_sessions");
    // Another person is not in the way, and the same device again takes its own place.
    let _bob = relay.device("bob", "d0");
    let _again = relay.device("alice", "d0");
    let _bye = devices[0].bye("replaced");
    let sent = relay.caller().call("POST", "/v1/to/alice", &[], b"hi").ok(202);
    let id = sent["id"].as_str().expect("an id");
    for device in &mut devices[1..] {
        let _change = device.until_item(id);
    }
    devices.pop().expect("there are 32").cut();
    // Once one is gone there is room; when the relay sees it is its own affair.
    let since = Instant::now();
    loop {
        let mut again = Device::open(relay.address(), Some(&relay.token("alice", "d32")));
        again.send(&json!({"t": "hello", "device": "d32"}));
        if again.frame().is_some_and(|frame| frame["t"] == "welcome") {
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "there is room");
    }
}

#[test]
fn the_same_device_again_replaces_itself_and_another_installation_does_not() {
    let relay = Relay::start();
    let mut first = relay.device("alice", "laptop");
    let mut second = relay.device("alice", "laptop");
    let _bye = first.bye("replaced");
    let mut other = Device::open(relay.address(), Some(&relay.token("alice", "laptop")));
    other.send(&json!({"t": "hello", "device": "laptop", "nonce": "another installation"}));
    let _bye = other.bye("device_conflict");
    let sent = relay.caller().call("POST", "/v1/to/alice", &[], b"hi").ok(202);
    let _still_there = second.until_item(sent["id"].as_str().expect("an id"));
}

#[test]
fn a_device_that_never_reads_harms_nobody_else_and_is_sent_away() {
    let mut relay = Relay::start();
    let before = relay.resident_kib();
    let mut reading = relay.device("alice", "reading");
    let mut deaf: Vec<Device> = (0..8).map(|index| relay.device("alice", &format!("deaf{index}"))).collect();
    let caller = relay.caller();
    // Bodies of eight kilobytes fill what the sockets buffer.
    let body = "订".repeat(3_900);
    let mut last = String::new();
    for _ in 0..600 {
        let content = json!({"title": "t", "body": body});
        let sent =
            caller.post("/v1/notifications", &json!({"recipients": ["alice"], "content": content})).ok(202);
        last = sent["notifications"][0]["id"].as_str().expect("an id").to_owned();
    }
    let _all = reading.until_item(&last);
    let grown = relay.resident_kib().saturating_sub(before);
    assert!(grown < 192 * 1024, "it grew by {grown} KiB");
    // Sent away within its deadline of half a minute: what it finds at the end is the bye, or a cut connection.
    let since = Instant::now();
    let sessions = || relay.caller().get("/metrics").text();
    while !sessions()
        .lines()
        .any(|line| line.starts_with("tidings_sessions_ended_total") && line.contains("slow"))
    {
        assert!(since.elapsed() < Duration::from_secs(60), "it is sent away");
    }
    let sent = caller.call("POST", "/v1/to/alice", &[], b"after").ok(202);
    let _others = reading.until_item(sent["id"].as_str().expect("an id"));
    // It comes back and misses nothing.
    deaf.remove(0).cut();
    let mut back = relay.device("alice", "deaf0");
    let _caught_up = back.until_item(sent["id"].as_str().expect("an id"));
    assert!(relay.is_running());
}
