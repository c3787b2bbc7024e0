//! Tokens and their ends: renewal, revocation, erasure, signing out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use sqlx::Row as _;
use tidings_end_to_end::Caller;
use tidings_sdk::{Access, AccessWanted, Client, Connection, Error, Query, SignOut, SignedOut};

use crate::rig::{Bench, execute, flushed, has, items, live, open_file, reaches, titles, until};

fn is_signed_out(wanted: SignedOut) -> impl Fn(&Connection) -> bool + Send {
    move |connection| *connection == Connection::SignedOut { why: wanted }
}

fn short_token(caller: &Caller) -> String {
    let asked = json!({"recipient": "alice", "device": "laptop", "expires": "2s"});
    let made = caller.post("/v1/tokens", &asked).ok(201);
    made["token"].as_str().expect("a token").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_receives_through_several_lifetimes_of_its_access_token() {
    let bench = Bench::start();
    let (asked, caller) = (Arc::new(AtomicUsize::new(0)), bench.caller());
    let counted = Arc::clone(&asked);
    let access = Access::callback(move |why: AccessWanted| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        assert_eq!(why == AccessWanted::First, first, "{why:?}");
        let token = short_token(&caller);
        async move { token }
    });
    let alice = live(Client::builder(bench.url(), bench.folder()).access(access)).await;
    for lifetime in 1..=3 {
        until(|| async { asked.load(Ordering::SeqCst) > lifetime }).await;
        let sent = bench.send("alice", &format!("In lifetime {lifetime}"));
        has(&alice, &sent).await;
    }
    assert_eq!(titles(&alice).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_token_that_runs_out_signs_the_device_out() {
    let bench = Bench::start();
    let access = Access::token(short_token(&bench.caller()));
    let alice = live(Client::builder(bench.url(), bench.folder()).access(access)).await;
    reaches(&alice, is_signed_out(SignedOut::Unauthorized)).await;
}

async fn refresh_token(bench: &Bench) -> String {
    let mut file = open_file(&bench.file("laptop")).await;
    let row = sqlx::query("SELECT refresh_token FROM account").fetch_one(&mut file).await.expect("a row");
    row.try_get::<Option<String>, _>(0).expect("a text").expect("it has signed in")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_that_ran_out_is_renewed_with_a_refresh_token_that_rotates() {
    let bench = Bench::start();
    bench.connected("alice", "laptop").await.close().await;
    let first = refresh_token(&bench).await;
    let mut known = vec![first];
    for _ in 0..3 {
        execute(&bench.file("laptop"), "UPDATE account SET access_expires_at = 0").await;
        let alice = live(bench.again("laptop")).await;
        alice.close().await;
        let now = refresh_token(&bench).await;
        assert!(!known.contains(&now), "it rotates");
        known.push(now);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_one_device_only() {
    let bench = Bench::start();
    let code = bench.code("alice");
    let builder = |account: &str| {
        Client::builder(bench.url(), bench.folder())
            .account(account)
            .device(account)
            .access(Access::code(&code))
    };
    let first = live(builder("laptop")).await;
    let second = builder("phone").build().await.unwrap();
    reaches(&second, is_signed_out(SignedOut::Unauthorized)).await;
    assert_eq!(first.connection().get(), Connection::Live);
    // The same code again on the device that spent it does no harm.
    first.close().await;
    live(builder("laptop")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_removed_is_signed_out_at_once_and_stays_so() {
    let bench = Bench::start();
    let (laptop, phone) = (bench.connected("alice", "laptop").await, bench.connected("alice", "phone").await);
    let sent = bench.send("alice", "Before");
    has(&phone, &sent).await;
    let mine = bench.relay.caller_with(&bench.relay.token("alice", "laptop"));
    let removed = mine.delete("/v1/me/devices/phone");
    assert!(removed.status < 300, "{}", removed.text());
    reaches(&phone, is_signed_out(SignedOut::Revoked)).await;
    let later = bench.send("alice", "After");
    has(&laptop, &later).await;
    assert_eq!(titles(&phone).await, ["Before"], "what it has stays readable, and nothing more comes");
    assert!(matches!(phone.story(&sent).await, Err(Error::SignedOut)));
    phone.close().await;
    let again = bench.again("phone").build().await.unwrap();
    reaches(&again, |connection| matches!(connection, Connection::SignedOut { .. })).await;
    again.close().await;
    // The person may connect it again: as another device, because a removed id stays removed.
    let back = bench.connected("alice", "phone").await;
    has(&back, &later).await;
    assert_ne!(back.device().await.unwrap().as_str(), "phone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_wipes_every_device_and_a_device_that_was_away_when_it_comes_back() {
    let bench = Bench::start();
    let (laptop, phone) = (bench.connected("alice", "laptop").await, bench.connected("alice", "phone").await);
    let away = bench.connected("alice", "away").await;
    let sent = bench.send("alice", "SECRET-WORDS");
    for device in [&laptop, &phone, &away] {
        has(device, &sent).await;
    }
    away.close().await;
    laptop.erase().await.unwrap();
    for device in [&laptop, &phone] {
        reaches(device, is_signed_out(SignedOut::Erased)).await;
        until(|| async { items(device, Query::default()).await.is_empty() }).await;
        assert!(device.pending().await.unwrap().is_empty());
        assert_eq!(device.owner().await.unwrap(), None);
    }
    let away = bench.again("away").build().await.unwrap();
    reaches(&away, is_signed_out(SignedOut::Erased)).await;
    until(|| async { items(&away, Query::default()).await.is_empty() }).await;
    assert_eq!(bench.caller().get("/v1/recipients/alice").status, 404);
    for (device, name) in [(laptop, "laptop"), (phone, "phone"), (away, "away")] {
        device.close().await;
        let bytes = crate::keeping::bytes(&bench.file(name));
        assert!(!crate::keeping::contains(&bytes, "SECRET-WORDS"), "{name} has no trace of it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_has_only_its_refresh_token_left_wipes_when_it_comes_back_after_an_erasure() {
    let bench = Bench::start();
    let away = bench.connected("alice", "away").await;
    let sent = bench.send("alice", "SECRET-WORDS");
    has(&away, &sent).await;
    away.close().await;
    let no_access = "UPDATE account SET access_token = NULL, access_expires_at = NULL";
    execute(&bench.file("away"), no_access).await;
    let offline = bench.offline("away").await;
    offline.mark_read(&sent).await.unwrap();
    assert_eq!((titles(&offline).await.len(), offline.pending().await.unwrap().len()), (1, 1));
    offline.close().await;
    let erased = bench.caller().delete("/v1/recipients/alice");
    assert_eq!(erased.status, 204, "{}", erased.text());
    // Whoever has the name since is somebody else.
    bench.send("alice", "For the next one of that name");
    let away = bench.again("away").build().await.unwrap();
    reaches(&away, is_signed_out(SignedOut::Erased)).await;
    until(|| async { items(&away, Query::default()).await.is_empty() }).await;
    assert!(away.pending().await.unwrap().is_empty());
    assert_eq!(away.owner().await.unwrap(), None);
    away.close().await;
    let bytes = crate::keeping::bytes(&bench.file("away"));
    assert!(!crate::keeping::contains(&bytes, "SECRET-WORDS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_what_the_relay_knows_of_the_person() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let sent = bench.send("alice", "To be exported");
    bench.send("bob", "Not hers");
    has(&alice, &sent).await;
    let export = alice.export().await.unwrap();
    let json: serde_json::Value = serde_json::from_slice(&export).expect("it is JSON");
    let text = json.to_string();
    assert!(text.contains(sent.as_str()) && text.contains("laptop"), "{text}");
    assert!(!text.contains("Not hers") && !text.contains("\"bob\""), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_keeps_the_inbox_or_wipes_it_as_asked() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let sent = bench.send("alice", "Kept");
    has(&alice, &sent).await;
    alice.sign_out(SignOut::Keep).await.unwrap();
    reaches(&alice, is_signed_out(SignedOut::NoCredentials)).await;
    alice.mark_read(&sent).await.unwrap();
    alice.close().await;
    let kept = bench.again("laptop").build().await.unwrap();
    reaches(&kept, is_signed_out(SignedOut::NoCredentials)).await;
    assert_eq!((titles(&kept).await.len(), kept.pending().await.unwrap().len()), (1, 1));
    assert!(matches!(kept.export().await, Err(Error::SignedOut)));
    kept.close().await;
    // The same person signs in again: what waited is sent.
    let back = bench.connected("alice", "laptop").await;
    flushed(&back).await;
    assert!(bench.receipts(&sent).contains(&"read".to_owned()));
    back.sign_out(SignOut::Wipe).await.unwrap();
    reaches(&back, is_signed_out(SignedOut::NoCredentials)).await;
    assert!(titles(&back).await.is_empty());
    assert_eq!(back.owner().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_person_on_the_same_file_finds_nothing_of_the_former_one() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "shared").await;
    let sent = bench.send("alice", "Hers");
    has(&alice, &sent).await;
    alice.sign_out(SignOut::Keep).await.unwrap();
    alice.mark_read(&sent).await.unwrap();
    alice.close().await;
    let bob = bench.connected("bob", "shared").await;
    assert!(titles(&bob).await.is_empty() && bob.pending().await.unwrap().is_empty());
    has(&bob, &bench.send("bob", "His")).await;
    assert!(
        !bench.receipts(&sent).contains(&"read".to_owned()),
        "what she wanted to send was not sent by him"
    );
}
