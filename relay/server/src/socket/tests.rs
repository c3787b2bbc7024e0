//! Real sockets on the loopback against a relay of one inbox.

mod rig;

use serde_json::{Value, json};
use tidings_core::session::{HELLOS_AT_ONCE_MAX, SLOW_MILLIS_MAX};
use tidings_protocol::frame::SUBPROTOCOL;
use tidings_protocol::limits::{FRAME_BYTES_MAX, SESSIONS_PER_RECIPIENT_MAX};

use self::rig::{PATIENCE, Rig, TOKEN};
use super::*;

/// A connection's own state, in bytes, beside the socket's buffers: a quarter of what PERFORMANCE.md grants.
const CONNECTION_BYTES_MAX: usize = 1_056;
/// Long frames that are more than the kernel's buffers, the hub's queue and the session's bound take together.
const COMMITS: u64 = 5_000;
/// Pings that are more than the kernel's buffers of both ends take: 39 MB.
const PINGS: usize = 300_000;

#[test]
fn what_a_connection_keeps_of_its_own_is_small() {
    let connection = size_of::<Connection>();
    assert!(connection <= CONNECTION_BYTES_MAX, "{connection}");
}

#[tokio::test]
async fn a_device_says_hello_and_gets_what_there_is_and_what_comes() {
    let rig = Rig::start().await;
    rig.commit(3);
    let mut client = rig.connect().await;
    client.say(json!({"t": "hello", "device": "laptop", "token": TOKEN})).await;
    let welcome = client.hear().await;
    assert_eq!(
        (&welcome["t"], &welcome["head"], &welcome["reset"], &welcome["ping_seconds"]),
        (&json!("welcome"), &json!("e1.3"), &json!(true), &json!(30))
    );
    let changes = client.hear().await;
    assert_eq!(
        (&changes["t"], &changes["from"], &changes["to"]),
        (&json!("changes"), &Value::Null, &json!("e1.3"))
    );
    assert_eq!(changes["items"][0]["kind"], "settings");

    rig.commit(1);
    let live = client.hear().await;
    assert_eq!((&live["from"], &live["to"]), (&json!("e1.3"), &json!("e1.4")));

    client.say(json!({"t": "held", "cursor": "e1.4"})).await;
    client.say(json!({"t": "ops", "ops": [{"id": "op-1", "op": "pause", "until": null}]})).await;
    let done = client.hear().await;
    assert_eq!(done, json!({"t": "done", "done": ["op-1"], "refused": []}));
    assert_eq!(rig.operated(), ["held:e1.4", "op-1"]);
}

#[tokio::test]
async fn what_a_device_says_and_then_goes_is_done() {
    let rig = Rig::start().await;
    rig.commit(1);
    for (device, ends_well) in [("polite", true), ("rude", false)] {
        let mut client = rig.open(device).await;
        client.say(json!({"t": "held", "cursor": "e1.1"})).await;
        client.say(json!({"t": "ops", "ops": [{"id": device, "op": "pause", "until": null}]})).await;
        client.leave(ends_well).await;
        rig.settles(|operated| operated.iter().any(|id| id == device)).await;
    }
    assert_eq!(rig.operated(), ["held:e1.1", "polite", "held:e1.1", "rude"]);
}

#[tokio::test]
async fn the_handshakes_token_is_enough_and_the_subprotocol_is_agreed() {
    let rig = Rig::start().await;
    let mut client = rig.connect_with(&[("authorization", &format!("Bearer {TOKEN}"))]).await.unwrap();
    client.say(json!({"t": "hello", "device": "laptop"})).await;
    assert_eq!(client.hear().await["t"], "welcome");
    assert_eq!(client.subprotocol.as_deref(), Some(SUBPROTOCOL));
}

#[tokio::test]
async fn a_wrong_token_is_told_so() {
    let rig = Rig::start().await;
    for hello in [
        json!({"t": "hello", "device": "laptop", "token": "forged"}),
        json!({"t": "hello", "device": "laptop"}),
    ] {
        let mut client = rig.connect().await;
        client.say(hello).await;
        assert_eq!(client.bye().await, "unauthorized");
    }
}

#[tokio::test]
async fn what_is_no_frame_is_a_protocol_error() {
    let rig = Rig::start().await;
    for text in ["{", r#"{"t":"held"}"#, r#"{"t":"token","token":"\u0000"}"#] {
        let mut client = rig.open("laptop").await;
        client.say_text(text).await;
        assert_eq!(client.bye().await, "protocol_error", "{text}");
    }
    let mut client = rig.open("laptop").await;
    client.say_bytes(vec![1, 2, 3]).await;
    assert_eq!(client.bye().await, "protocol_error");
    let mut client = rig.open("laptop").await;
    client.say_text(&"x".repeat(FRAME_BYTES_MAX + 1)).await;
    assert_eq!(client.bye().await, "protocol_error");
}

#[tokio::test]
async fn an_unknown_frame_is_skipped() {
    let rig = Rig::start().await;
    let mut client = rig.open("laptop").await;
    client.say(json!({"t": "dance", "x": [1]})).await;
    rig.commit(1);
    assert_eq!(client.hear().await["t"], "changes");
}

#[tokio::test]
async fn a_device_that_comes_again_replaces_itself() {
    let rig = Rig::start().await;
    let mut older = rig.open("laptop").await;
    let mut other = rig.open("phone").await;
    let _newer = rig.open("laptop").await;
    assert_eq!(older.bye().await, "replaced");
    rig.commit(1);
    assert_eq!(other.hear().await["t"], "changes", "the other device stays");
}

#[tokio::test]
async fn a_thirty_third_device_is_one_too_many() {
    let rig = Rig::start().await;
    let mut open = Vec::new();
    for index in 0..SESSIONS_PER_RECIPIENT_MAX {
        open.push(rig.open(&format!("device-{index}")).await);
    }
    let mut client = rig.connect().await;
    client.say(json!({"t": "hello", "device": "one-more", "token": TOKEN})).await;
    assert_eq!(client.bye().await, "too_many_sessions");
}

#[tokio::test]
async fn a_device_that_comes_back_without_end_is_made_to_wait() {
    let rig = Rig::start().await;
    for _ in 0..HELLOS_AT_ONCE_MAX {
        drop(rig.open("laptop").await);
    }
    let mut client = rig.connect().await;
    client.say(json!({"t": "hello", "device": "laptop", "token": TOKEN})).await;
    let mut other = rig.open("phone").await;
    rig.commit(1);
    assert_eq!(other.hear().await["t"], "changes", "another device of the same person has nothing of it");
    let began = std::time::Instant::now();
    assert_eq!(client.bye().await, "too_many_sessions");
    assert!(began.elapsed() >= connection::HELD_BACK / 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_device_that_pings_and_does_not_read_is_not_read_either() {
    let rig = Rig::start().await;
    let mut client = rig.open("laptop").await;
    let mut pings = 0;
    while pings < PINGS && client.ping_within(std::time::Duration::from_secs(2), &[0; 125]).await {
        pings += 1;
    }
    assert!(pings < PINGS, "pings wait in the device's own buffers and the kernel's, not in the relay");
    let mut other = rig.open("phone").await;
    rig.commit(1);
    assert_eq!(other.hear().await["t"], "changes");
}

#[tokio::test]
async fn a_relay_that_stops_says_when_to_come_back() {
    let rig = Rig::start().await;
    let mut client = rig.open("laptop").await;
    rig.sockets.stop.cancel();
    let bye = client.hear().await;
    assert_eq!((&bye["t"], &bye["code"]), (&json!("bye"), &json!("restart")));
    assert!((100..3_100).contains(&bye["reconnect_after_ms"].as_u64().unwrap()));
    client.ends().await;
    rig.sockets.tracker.close();
    rig.sockets.tracker.wait().await;
}

#[tokio::test]
async fn an_origin_that_is_not_listed_may_not_connect() {
    let rig = Rig::start().await;
    assert!(rig.connect_with(&[("origin", "https://shop.example")]).await.is_ok());
    assert_eq!(rig.connect_with(&[("origin", "https://evil.example")]).await.err(), Some(403));
}

#[tokio::test]
async fn a_device_that_does_not_read_holds_up_nobody_and_catches_up() {
    let rig = Rig::start().await;
    let mut slow = rig.open("slow").await;
    let mut quick = rig.open("quick").await;
    for _ in 0..COMMITS {
        rig.commit_long();
        tokio::task::yield_now().await;
    }
    let head = json!(format!("e1.{COMMITS}"));
    for client in [&mut quick, &mut slow] {
        let mut at = json!("e1.0");
        while at != head {
            let page = client.hear().await;
            assert_eq!(page["from"], at, "the chain is unbroken");
            at = page["to"].clone();
        }
    }
}

#[tokio::test]
async fn a_device_that_never_reads_is_sent_away() {
    let rig = Rig::start().await;
    let _client = rig.open("laptop").await;
    for _ in 0..COMMITS {
        rig.commit_long();
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.sockets.hub.sessions(), 1, "it is given its time");
    let sent_away = async {
        while rig.sockets.hub.sessions() > 0 {
            rig.clock.advance(SLOW_MILLIS_MAX + 1);
            rig.commit_long();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, sent_away).await.expect("a session that is stuck ends");
}
