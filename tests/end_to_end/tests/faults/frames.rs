//! Frames that are not what was agreed.

use std::io::Write as _;

use serde_json::{Value, json};
use tidings_end_to_end::{Device, Relay};
use tokio_tungstenite::tungstenite::Message;

fn hello(cursor: &str) -> Value {
    json!({"t": "hello", "device": "laptop", "nonce": "laptop", "cursor": cursor})
}

#[test]
fn a_first_frame_that_is_no_hello_ends_the_session() {
    let relay = Relay::start();
    let token = relay.token("alice", "laptop");
    for frame in [
        json!({"t": "ops", "ops": []}),
        json!({"t": "held", "cursor": "e1.1"}),
        json!({"t": "resume", "cursor": null}),
        json!({"t": "token", "token": token}),
    ] {
        let mut device = Device::open(relay.address(), Some(&token));
        device.send(&frame);
        let _bye = device.bye("protocol_error");
    }
}

#[test]
fn a_second_hello_ends_the_session() {
    let relay = Relay::start();
    let mut device = relay.device("alice", "laptop");
    device.send(&json!({"t": "hello", "device": "laptop", "nonce": "laptop"}));
    let _bye = device.bye("protocol_error");
}

#[test]
fn a_device_that_does_not_say_hello_within_five_seconds_is_sent_away() {
    let relay = Relay::start();
    let since = std::time::Instant::now();
    let mut silent = Device::open(relay.address(), Some(&relay.token("alice", "laptop")));
    let _bye = silent.bye("protocol_error");
    let waited = since.elapsed().as_millis();
    assert!((4_500..15_000).contains(&waited), "{waited} ms");
}

#[test]
fn what_is_no_frame_ends_the_session() {
    let relay = Relay::start();
    let deep = format!(r#"{{"t":"dance","x":{}{}}}"#, "[".repeat(40), "]".repeat(40));
    let cases = [
        Message::binary(vec![1, 2, 3]),
        Message::text("no json"),
        Message::text("[]"),
        Message::text(r#"{"t":"held"}"#),
        Message::text(r#"{"t":"held","cursor":5}"#),
        Message::text(r#"{"t":"token","token":"a\u0000"}"#),
        Message::text(deep),
        Message::text("x".repeat((64 << 10) + 1)),
    ];
    for message in cases {
        let mut device = relay.device("alice", "laptop");
        device.say(message);
        let _bye = device.bye("protocol_error");
    }
    // What is not UTF-8 and what is no WebSocket: the connection ends, whatever is still said.
    for bytes in [&b"\x81\x82\x00\x00\x00\x00\xff\xff"[..], b"\xff\xff\xff\xff\xff\xff", b"\x81\x05hello"] {
        let mut device = relay.device("alice", "laptop");
        device.stream().write_all(bytes).expect("the relay reads");
        while device.frame().is_some() {}
    }
    let _alive = relay.device("alice", "laptop");
}

#[test]
fn a_frame_of_64_kib_is_read_and_an_unknown_one_skipped() {
    let relay = Relay::start();
    let mut device = relay.device("alice", "laptop");
    let around = r#"{"t":"dance","x":""}"#.len();
    let frame = json!({"t": "dance", "x": "x".repeat((64 << 10) - around)});
    assert_eq!(frame.to_string().len(), 64 << 10);
    device.send(&frame);
    device.send(&json!({"t": "ops", "ops": [{"id": "1", "op": "pause", "until": null}], "more": 1}));
    assert_eq!(device.until("done")["done"], json!(["1"]));
}

#[test]
fn a_cursor_from_the_future_another_epoch_or_nowhere_starts_again() {
    let relay = Relay::start();
    let sent = relay.caller().call("POST", "/v1/to/alice", &[], b"hi").ok(202);
    let mut device = relay.device("alice", "laptop");
    let changes = device.until_item(sent["id"].as_str().expect("an id"));
    let cursor = changes["to"].as_str().expect("a cursor").to_owned();
    let (epoch, seq) = cursor.rsplit_once('.').expect("epoch and number");
    let future = format!("{epoch}.{}", seq.parse::<u64>().expect("a number") + 1_000);
    let cursors = [
        future,
        format!("{epoch}.18446744073709551615"),
        format!("e12345.{seq}"),
        "e.".to_owned(),
        "garbage".to_owned(),
        ".".repeat(64),
    ];
    let token = relay.token("alice", "laptop");
    for bad in &cursors {
        let mut device = Device::open(relay.address(), Some(&token));
        device.send(&hello(bad));
        let welcome = device.expect("welcome");
        assert_eq!((&welcome["reset"], &welcome["head"]), (&json!(true), &json!(cursor)), "{bad}");
        let changes = device.until("changes");
        assert_eq!((&changes["from"], &changes["reset"]), (&Value::Null, &json!(true)), "{bad}: {changes}");
        assert!(changes["items"].to_string().contains("\"hi\""), "{bad}: {changes}");
        // The same in the middle of a session, and as what it holds: nothing was held that was not sent.
        device.send(&json!({"t": "held", "cursor": bad}));
        device.send(&json!({"t": "resume", "cursor": bad}));
        loop {
            let again = device.until("changes");
            if again["items"].to_string().contains("\"hi\"") {
                assert_eq!(again["reset"], true, "{bad}: {again}");
                break;
            }
        }
        let caller = relay.caller_with(&token);
        let page = caller.get(&format!("/v1/me/changes?cursor={bad}")).ok(200);
        assert_eq!(page["reset"], true, "{bad}: {page}");
    }
    // A cursor longer than any is no cursor.
    for none in ["x".repeat(65), "💥".to_owned(), String::new()] {
        let mut device = Device::open(relay.address(), Some(&token));
        device.send(&hello(&none));
        let _bye = device.bye("protocol_error");
    }
    // The right one goes on from there.
    let mut device = Device::open(relay.address(), Some(&token));
    device.send(&hello(&cursor));
    assert_eq!(device.expect("welcome")["reset"], false);
}

#[test]
fn a_socket_that_is_cut_in_the_middle_of_a_frame_changes_nothing() {
    let relay = Relay::start();
    let sent = relay.caller().call("POST", "/v1/to/alice", &[], b"hi").ok(202);
    let id = sent["id"].as_str().expect("an id");
    let ops =
        json!({"t": "ops", "ops": [{"id": "1", "op": "receipt", "notification": id, "receipt": "read"}]})
            .to_string();
    for length in [1, 2, 6, 20] {
        let mut device = relay.device("alice", "laptop");
        let mut frame = vec![0x81, 0xfe, 0, u8::try_from(ops.len()).expect("it is short"), 0, 0, 0, 0];
        frame.extend_from_slice(ops.as_bytes());
        device.stream().write_all(&frame[..length]).expect("the relay reads");
        device.cut();
    }
    let mut device = relay.device("alice", "laptop");
    let item = device.until_item(id);
    assert!(
        item["items"][0]["view"]["read_at"].is_null() || !item.to_string().contains("read_at\":\""),
        "{item}"
    );
    device.send(&serde_json::from_str(&ops).expect("it is JSON"));
    assert_eq!(device.until("done")["done"], json!(["1"]));
}
