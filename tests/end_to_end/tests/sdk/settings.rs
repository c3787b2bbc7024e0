//! What a person decides in the client changes what the relay decides.

use serde_json::{Value, json};
use tidings_sdk::{Channel, Client, Connection, Error, Query, QuietHoursItem, QuietSpanItem, SignedOut};

use crate::rig::{Bench, flushed, has, items, soon};

fn content() -> Value {
    json!({"content": {"title": "Does it come?"}})
}

/// What became of it, and which gate decided.
fn verdict(bench: &Bench, category: &str) -> (String, String) {
    let made = bench.decide("alice", category, content());
    let state = made["state"].as_str().expect("a state").to_owned();
    let story =
        bench.caller().get(&format!("/v1/notifications/{}", made["id"].as_str().expect("an id"))).ok(200);
    let timeline = story["timeline"].as_array().expect("a timeline").clone();
    let decisive = |entry: &Value| entry["verdict"] == "stop" || entry["kind"] == "held";
    let gate = timeline.iter().find(|entry| decisive(entry)).and_then(|entry| entry["gate"].as_str());
    (state, gate.unwrap_or_default().to_owned())
}

fn is(state: &str, gate: &str) -> (String, String) {
    (state.to_owned(), gate.to_owned())
}

async fn alice(bench: &Bench) -> Client {
    bench.connected("alice", "laptop").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_that_is_switched_off_does_not_come_and_another_does() {
    let bench = Bench::start();
    let alice = alice(&bench).await;
    let orders: tidings_sdk::CategoryId = "orders".parse().unwrap();
    assert_eq!(verdict(&bench, "orders"), is("active", ""));
    alice.set_preference(orders.clone(), None, false).await.unwrap();
    flushed(&alice).await;
    assert_eq!(verdict(&bench, "orders"), is("suppressed", "preference"));
    assert_eq!(verdict(&bench, "general"), is("active", ""));
    let settings = alice.settings().await.unwrap().unwrap();
    let known = settings.categories.iter().find(|known| known.id == orders).unwrap();
    assert!(!known.chosen[&Channel::Inapp]);
    alice.set_preference(orders, Some(Channel::Inapp), true).await.unwrap();
    flushed(&alice).await;
    assert_eq!(verdict(&bench, "orders"), is("active", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_that_are_set_on_a_device_hold_back_until_they_are_lifted() {
    let bench = Bench::start();
    let alice = alice(&bench).await;
    let span = |from: &str, to: &str| QuietSpanItem { from: from.into(), to: to.into(), days: None };
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let hour = since.as_secs() / 3_600 % 24;
    let around_now = span(&format!("{:02}:00", (hour + 23) % 24), &format!("{:02}:00", (hour + 2) % 24));
    let quiet = QuietHoursItem { spans: vec![around_now], time_zone: Some("Etc/UTC".into()) };
    alice.set_quiet_hours(Some(quiet.clone())).await.unwrap();
    flushed(&alice).await;
    assert_eq!(verdict(&bench, "general"), is("held", "quiet_hours"));
    assert_eq!(alice.settings().await.unwrap().unwrap().quiet_hours, Some(quiet));
    alice.set_quiet_hours(None).await.unwrap();
    flushed(&alice).await;
    assert_eq!(verdict(&bench, "general"), is("active", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_back_until_it_ends() {
    let bench = Bench::start();
    let alice = alice(&bench).await;
    let now = has(&alice, &bench.send("alice", "Now")).await.created_at;
    alice.pause(Some(now.plus_millis(3_600_000))).await.unwrap();
    flushed(&alice).await;
    assert_eq!(verdict(&bench, "general"), is("held", "pause"));
    alice.pause(None).await.unwrap();
    flushed(&alice).await;
    assert_eq!(verdict(&bench, "general"), is("active", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_person_is_and_what_they_read_is_said_by_the_device() {
    let bench = Bench::start();
    let alice = alice(&bench).await;
    alice.set_profile(Some("Asia/Shanghai".into()), Some("zh-Hans".into())).await.unwrap();
    flushed(&alice).await;
    let known = bench.caller().get("/v1/recipients/alice").ok(200);
    assert_eq!((&known["time_zone"], &known["locale"]), (&json!("Asia/Shanghai"), &json!("zh-Hans")));
    assert!(matches!(alice.set_profile(None, None).await, Err(Error::Invalid { field: "time_zone", .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_comes_only_between_a_grant_and_its_withdrawal() {
    let bench = Bench::start();
    let alice = alice(&bench).await;
    let offers: tidings_sdk::CategoryId = "offers".parse().unwrap();
    assert_eq!(verdict(&bench, "offers"), is("suppressed", "consent"));
    alice.decide_consent(offers.clone(), Channel::Inapp, true).await.unwrap();
    flushed(&alice).await;
    assert_eq!(verdict(&bench, "offers"), is("active", ""));
    alice.decide_consent(offers, Channel::Inapp, false).await.unwrap();
    flushed(&alice).await;
    assert_eq!(verdict(&bench, "offers"), is("suppressed", "consent"));
    let ledger = bench.caller().get("/v1/recipients/alice/consent").ok(200);
    assert!(
        ledger.to_string().contains("We write rarely"),
        "the text that was shown is in the ledger: {ledger}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_comes_to_every_device_and_a_removed_device_is_signed_out() {
    let bench = Bench::start();
    let laptop = bench.connected("alice", "laptop").await;
    let phone = bench.connected("alice", "phone").await;
    let sent = laptop.send_test().await.unwrap();
    has(&laptop, &sent).await;
    has(&phone, &sent).await;
    let devices = laptop.devices().await.unwrap();
    let mine: Vec<_> = devices.iter().map(|device| (device.id.as_str(), device.this)).collect();
    assert_eq!(
        (mine.len(), mine.contains(&("laptop", true)), mine.contains(&("phone", false))),
        (2, true, true)
    );
    laptop.remove_device(&"phone".parse().unwrap()).await.unwrap();
    let revoked = Connection::SignedOut { why: SignedOut::Revoked };
    assert_eq!(soon(phone.connection().wait_for(|connection| *connection == revoked)).await, Some(revoked));
    assert!(matches!(laptop.remove_device(&"nobody".parse().unwrap()).await, Err(Error::Refused { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sleeps_is_listed_apart() {
    let bench = Bench::start();
    let laptop = bench.connected("alice", "laptop").await;
    let (first, second) = (bench.send("alice", "first"), bench.send("alice", "second"));
    let created_at = has(&laptop, &first).await.created_at;
    has(&laptop, &second).await;
    let mut changes = laptop.inbox().changes();
    let before = soon(changes.next()).await;
    laptop.snooze(&first, created_at.plus_millis(3_600_000)).await.unwrap();
    assert!(soon(changes.next()).await > before, "who looks again sees it");
    let titles = async |asleep| -> Vec<String> {
        let listed = items(&laptop, Query { asleep: Some(asleep), ..Query::default() }).await;
        listed.into_iter().map(|item| item.content.title).collect()
    };
    assert_eq!((titles(true).await, titles(false).await), (vec!["first".into()], vec!["second".into()]));
    laptop.snooze(&first, created_at).await.unwrap();
    assert_eq!(
        (titles(true).await.len(), titles(false).await.len()),
        (0, 2),
        "a time that has passed wakes it"
    );
}
