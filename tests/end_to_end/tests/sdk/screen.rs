//! What is shown, replaced, withdrawn, and what never appears.

use std::time::Duration;

use serde_json::json;
use tidings_sdk::{Access, Client, Presentation, Query};

use crate::rig::{
    Bench, NOWHERE, PATIENCE, flushed, has, has_so, is_live, items, live, next, shown, soon, titles, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_retracted_during_an_absence_never_appears() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let known = bench.send("alice", "Known before");
    has(&alice, &known).await;
    alice.close().await;
    let mistake = bench.send("alice", "A mistake");
    for id in [&mistake, &known] {
        let retracted = bench.caller().delete(&format!("/v1/notifications/{id}"));
        assert!(retracted.status < 300, "{}", retracted.text());
    }
    let alice = live(bench.again("laptop")).await;
    assert!(titles(&alice).await.is_empty());
    let mut screen = alice.presentations();
    bench.send("alice", "Meant so");
    assert_eq!(shown(&mut screen).await.content.title, "Meant so");
    assert_eq!(titles(&alice).await, ["Meant so"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_retracted_on_the_screen_is_withdrawn() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let mut screen = alice.presentations();
    let mistake = bench.send("alice", "A mistake");
    alice.shown(&shown(&mut screen).await.id).await.unwrap();
    assert!(bench.caller().delete(&format!("/v1/notifications/{mistake}")).status < 300);
    assert_eq!(next(&mut screen).await, Presentation::Withdraw(mistake));
    assert!(titles(&alice).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_one_with_the_same_key_takes_the_place_of_the_older() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let mut screen = alice.presentations();
    let with = |title: &str| json!({"collapse": "1001", "content": {"title": title}});
    let first = bench.send_with("alice", "orders", with("Packed"));
    assert_eq!(shown(&mut screen).await.id, first);
    let second = bench.send_with("alice", "orders", with("Shipped"));
    let update = next(&mut screen).await;
    let Presentation::Update { item, replaces } = update else { panic!("{update:?}") };
    assert_eq!((item.id, replaces), (second, first));
    until(|| async { titles(&alice).await == ["Shipped"] }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_an_acknowledgement_stays_after_reading_and_goes_once_confirmed() {
    let bench = Bench::start();
    let (laptop, phone) = (bench.connected("alice", "laptop").await, bench.connected("alice", "phone").await);
    let (mut on_laptop, mut on_phone) = (laptop.presentations(), phone.presentations());
    let alarm = bench.alarm("alice");
    let item = shown(&mut on_laptop).await;
    assert_eq!((&item.id, item.needs_acknowledgement), (&alarm, true));
    assert_eq!(shown(&mut on_phone).await.id, alarm);
    laptop.mark_read(&alarm).await.unwrap();
    has_so(&phone, &alarm, |item| item.view.read_at.is_some()).await;
    // Had reading withdrawn it, that would come out before what is sent now.
    let other = bench.send("alice", "Something else");
    assert_eq!((shown(&mut on_laptop).await.id, shown(&mut on_phone).await.id), (other.clone(), other));
    phone.act(&alarm, "take").await.unwrap();
    assert_eq!(next(&mut on_laptop).await, Presentation::Withdraw(alarm.clone()));
    assert_eq!(next(&mut on_phone).await, Presentation::Withdraw(alarm.clone()));
    assert!(has_so(&laptop, &alarm, |item| item.view.acknowledged_at.is_some()).await.needs_acknowledgement);
    flushed(&phone).await;
    let receipts = bench.receipts(&alarm);
    for receipt in ["read", "acted", "acknowledged"] {
        assert_eq!(receipts.iter().filter(|known| *known == receipt).count(), 1, "{receipt}: {receipts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_brings_what_is_new_over_http_and_the_relay_hears_that_it_is_held() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "phone").await;
    alice.close().await;
    // The process with the connection is without a network: what comes, comes through the other one's push.
    let app = bench.offline("phone").await;
    until(|| async { holder(&bench).await.is_some() }).await;
    let first = holder(&bench).await;
    let extension = bench.again("phone").build().await.unwrap();
    let (one, two) = (bench.send("alice", "One"), bench.send("alice", "Two"));
    // No time at all is not an error: what is here is presented.
    assert_eq!(extension.handle_push(b"{}", Duration::ZERO).await.unwrap(), []);
    let presented = soon(extension.handle_push(b"{}", PATIENCE)).await.unwrap();
    let shown: Vec<_> = presented
        .into_iter()
        .map(|presentation| {
            let Presentation::Show(item) = presentation else { panic!("{presentation:?}") };
            item.id
        })
        .collect();
    assert_eq!(shown, [one.clone(), two.clone()]);
    assert_eq!(holder(&bench).await, first, "no socket was opened for it");
    for id in [&one, &two] {
        assert_eq!(bench.story(id)["state"], "reached");
    }
    // It is shown once, by whichever process.
    assert_eq!(soon(extension.handle_push(b"{}", PATIENCE)).await.unwrap(), []);
    until(|| async { items(&app, Query::default()).await.len() == 2 }).await;
    assert_eq!(app.handle_push(b"{}", Duration::ZERO).await.unwrap(), []);
}

async fn holder(bench: &Bench) -> Option<String> {
    let mut file = crate::rig::open_file(&bench.file("phone")).await;
    sqlx::query_scalar("SELECT holder FROM lease").fetch_one(&mut file).await.expect("it has a lease")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_network_a_push_presents_what_is_here() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "phone").await;
    let sent = bench.send("alice", "Here already");
    has(&alice, &sent).await;
    alice.close().await;
    let builder = Client::builder(NOWHERE, bench.folder()).account("phone").access(Access::saved());
    let offline = builder.build().await.unwrap();
    let presented = soon(offline.handle_push(b"not even JSON", PATIENCE)).await.unwrap();
    assert!(matches!(&presented[..], [Presentation::Show(item)] if item.id == sent), "{presented:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sleeps_leaves_every_screen_and_comes_back_as_another_round() {
    let bench = Bench::start();
    let (laptop, phone) = (bench.connected("alice", "laptop").await, bench.connected("alice", "phone").await);
    let (mut on_laptop, mut on_phone) = (laptop.presentations(), phone.presentations());
    let sent = bench.send("alice", "Later");
    let first = shown(&mut on_laptop).await;
    assert_eq!(shown(&mut on_phone).await.id, sent);
    laptop.snooze(&sent, first.created_at.plus_millis(4_000)).await.unwrap();
    assert_eq!(next(&mut on_laptop).await, Presentation::Withdraw(sent.clone()));
    assert_eq!(next(&mut on_phone).await, Presentation::Withdraw(sent.clone()));
    for screen in [&mut on_laptop, &mut on_phone] {
        let again = shown(screen).await;
        assert_eq!((again.id, again.round), (sent.clone(), first.round + 1));
    }
    is_live(&laptop).await;
}
