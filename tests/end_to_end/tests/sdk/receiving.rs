//! Connecting, receiving, reading.

use serde_json::json;
use tidings_sdk::{Change, Client, Completeness, Connection, Presentation, Query};

use crate::rig::{
    Bench, flushed, has, has_so, is_live, items, live, next, reaches, shown, soon, titles, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_code_connects_a_device_and_what_is_sent_is_shown_there_at_once() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    assert_eq!(alice.device().await.unwrap().as_str(), "laptop");
    let (_, recipient) = alice.owner().await.unwrap().expect("it signed in");
    assert_eq!(recipient.as_str(), "alice");
    let mut screen = alice.presentations();
    let content =
        json!({"content": {"title": "订单已发货", "body": "Tomorrow", "link": "https://shop.example/1"}});
    let sent = bench.send_with("alice", "orders", content);
    let item = shown(&mut screen).await;
    assert_eq!(
        (&item.id, item.content.title.as_str(), item.category.as_str()),
        (&sent, "订单已发货", "orders")
    );
    assert_eq!(
        (item.content.body.as_str(), item.content.link.as_deref()),
        ("Tomorrow", Some("https://shop.example/1"))
    );
    assert!(!item.because.text.is_empty(), "why works offline: {:?}", item.because);
    assert!(matches!(alice.completeness().get(), Completeness::Complete { .. }));
    until(|| async { bench.story(&sent)["state"] == "reached" }).await;
    let story = alice.story(&sent).await.unwrap();
    assert_eq!((story.id, story.state.as_str()), (sent, "reached"));
    assert!(story.timeline.iter().any(|entry| entry.kind == "outcome"), "{}", story.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_accounts_live_side_by_side_with_a_file_each() {
    let bench = Bench::start();
    let (alice, bob) = (bench.connected("alice", "hers").await, bench.connected("bob", "his").await);
    let (hers, his) = (bench.send("alice", "For Alice"), bench.send("bob", "For Bob"));
    has(&alice, &hers).await;
    has(&bob, &his).await;
    assert_eq!(
        (titles(&alice).await, titles(&bob).await),
        (vec!["For Alice".into()], vec!["For Bob".into()])
    );
    assert!(bench.file("hers").exists() && bench.file("his").exists());
    alice.sign_out(tidings_sdk::SignOut::Wipe).await.unwrap();
    assert!(titles(&alice).await.is_empty());
    let second = bench.send("bob", "Still here");
    has(&bob, &second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_during_an_absence_is_there_without_a_gap_and_summed_up_once() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let mut screen = alice.presentations();
    bench.send("alice", "0");
    shown(&mut screen).await;
    alice.close().await;
    for number in 1..=10 {
        bench.send("alice", &number.to_string());
    }
    let alice = bench.again("laptop").build().await.unwrap();
    assert!(matches!(alice.completeness().get(), Completeness::Incomplete { missing_after: Some(_) }));
    let mut screen = alice.presentations();
    assert_eq!(next(&mut screen).await, Presentation::Summary { count: 10 });
    is_live(&alice).await;
    assert!(matches!(alice.completeness().get(), Completeness::Complete { .. }));
    let newest_first: Vec<String> = (0..=10).rev().map(|number: u32| number.to_string()).collect();
    assert_eq!(titles(&alice).await, newest_first);
    // Nothing of the pile comes again: the next thing on the screen is what is new.
    bench.send("alice", "Live again");
    assert_eq!(shown(&mut screen).await.content.title, "Live again");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_that_were_missed_are_caught_up_whole_and_acknowledged() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    alice.close().await;
    bench.pings("alice", 3_000);
    let alice = live(bench.again("laptop")).await;
    let all = items(&alice, Query::default()).await;
    let mut titles: Vec<_> = all.iter().map(|item| item.content.title.clone()).collect();
    titles.sort();
    titles.dedup();
    assert_eq!((all.len(), titles.len()), (3_000, 3_000), "each of them, and none twice");
    // The relay heard that all of it is durable here.
    let received = || bench.caller().get("/v1/accounting").ok(200)["deliveries"]["received"].as_u64();
    until(|| async { received() == Some(3_000) }).await;
    let mark = alice.inbox().page(Query::default(), None, 1).await.unwrap().mark;
    alice.mark_all_read(mark, None).await.unwrap();
    flushed(&alice).await;
    assert_eq!(alice.inbox().page(Query::default(), None, 1).await.unwrap().unread, 0);
    assert_eq!(bench.caller().get("/v1/accounting").ok(200)["residue"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_on_one_device_leaves_the_screen_of_the_other() {
    let bench = Bench::start();
    let (laptop, phone) = (bench.connected("alice", "laptop").await, bench.connected("alice", "phone").await);
    let (mut on_laptop, mut on_phone) = (laptop.presentations(), phone.presentations());
    let sent = bench.send("alice", "Once is enough");
    assert_eq!((shown(&mut on_laptop).await.id, shown(&mut on_phone).await.id), (sent.clone(), sent.clone()));
    laptop.mark_read(&sent).await.unwrap();
    assert_eq!(next(&mut on_phone).await, Presentation::Withdraw(sent.clone()));
    assert!(has(&phone, &sent).await.view.read_at.is_some());
    assert_eq!(next(&mut on_laptop).await, Presentation::Withdraw(sent));
}

#[tokio::test(flavor = "multi_thread")]
async fn marking_everything_read_means_what_was_seen_and_nothing_newer() {
    let bench = Bench::start();
    let (laptop, phone) = (bench.connected("alice", "laptop").await, bench.connected("alice", "phone").await);
    let seen = bench.send("alice", "Seen");
    has(&laptop, &seen).await;
    let mark = laptop.inbox().page(Query::default(), None, 50).await.unwrap().mark;
    let newer = bench.send("alice", "Newer");
    has(&laptop, &newer).await;
    laptop.mark_all_read(mark, None).await.unwrap();
    has_so(&phone, &seen, |item| item.view.read_at.is_some()).await;
    for device in [&laptop, &phone] {
        let unread = items(device, Query { unread: Some(true), ..Query::default() }).await;
        assert_eq!(unread.into_iter().map(|item| item.id).collect::<Vec<_>>(), std::slice::from_ref(&newer));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_marked_unread_after_everything_was_read_is_unread_on_every_device() {
    let bench = Bench::start();
    let (laptop, phone) = (bench.connected("alice", "laptop").await, bench.connected("alice", "phone").await);
    let (one, two) = (bench.send("alice", "One"), bench.send("alice", "Two"));
    for device in [&laptop, &phone] {
        has(device, &one).await;
        has(device, &two).await;
    }
    laptop.mark_all_read(None, None).await.unwrap();
    has_so(&phone, &one, |item| item.view.read_at.is_some()).await;
    phone.mark_unread(&one).await.unwrap();
    for device in [&laptop, &phone] {
        has_so(device, &one, |item| item.view.read_at.is_none()).await;
        flushed(device).await;
        assert!(has(device, &two).await.view.read_at.is_some());
    }
    // One that fetches everything anew sees the same, and all of it is read again by the next such mark.
    let tablet = bench.connected("alice", "tablet").await;
    assert!(has(&tablet, &one).await.view.read_at.is_none());
    assert!(has(&tablet, &two).await.view.read_at.is_some());
    tablet.mark_all_read(None, None).await.unwrap();
    for device in [&laptop, &phone, &tablet] {
        has_so(device, &one, |item| item.view.read_at.is_some()).await;
    }
}

async fn changed(client: &Client, observer: &mut tidings_sdk::Observer) -> Change {
    assert!(!matches!(client.connection().get(), Connection::SignedOut { .. }));
    soon(observer.next()).await.unwrap().expect("the client is open")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observed_list_says_what_came_what_changed_and_what_went() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let query = Query { category: Some("orders".parse().unwrap()), ..Query::default() };
    let mut list = alice.inbox().observe(query, 50);
    assert!(matches!(changed(&alice, &mut list).await, Change::Reset(page) if page.items.is_empty()));
    bench.send("alice", "Of another category");
    let sent = bench.send_with("alice", "orders", json!({"content": {"title": "Of this one"}}));
    assert!(matches!(changed(&alice, &mut list).await, Change::Changed(item) if item.id == sent));
    alice.mark_read(&sent).await.unwrap();
    let read = changed(&alice, &mut list).await;
    assert!(matches!(&read, Change::Changed(item) if item.view.read_at.is_some()), "{read:?}");
    alice.archive(&sent).await.unwrap();
    let removed = loop {
        // The relay's own word on the read mark may come between.
        let change = changed(&alice, &mut list).await;
        if let Change::Removed(id) = change {
            break id;
        }
        assert!(matches!(&change, Change::Changed(item) if item.id == sent), "{change:?}");
    };
    assert_eq!(removed, sent);
    let archived = items(&alice, Query { archived: true, ..Query::default() }).await;
    assert_eq!(archived.into_iter().map(|item| item.id).collect::<Vec<_>>(), [sent]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_killed_and_comes_back_loses_nothing_and_the_device_finds_it_by_itself() {
    let mut bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let mut sent = Vec::new();
    for round in 0..3 {
        sent.extend((0..5).map(|number| bench.send("alice", &format!("{round}.{number}"))));
        alice.mark_read(sent.last().expect("five were sent")).await.unwrap();
        bench = bench.restarted();
        for id in &sent {
            has(&alice, id).await;
        }
    }
    is_live(&alice).await;
    flushed(&alice).await;
    let mut kept: Vec<_> = items(&alice, Query::default()).await.into_iter().map(|item| item.id).collect();
    kept.sort();
    sent.sort();
    assert_eq!(kept, sent, "each once, and nothing else");
    for id in sent.iter().skip(4).step_by(5) {
        until(|| async { bench.receipts(id).contains(&"read".to_owned()) }).await;
    }
    assert_eq!(bench.caller().get("/v1/accounting").ok(200)["residue"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_client_is_closed_for_every_call_and_may_be_closed_again() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let sent = bench.send("alice", "Seen");
    has(&alice, &sent).await;
    let (mut screen, mut list) = (alice.presentations(), alice.inbox().observe(Query::default(), 10));
    alice.close().await;
    alice.close().await;
    assert!(soon(list.next()).await.unwrap().is_none() && soon(screen.next()).await.unwrap().is_none());
    let closed = [
        alice.mark_read(&sent).await.err(),
        alice.pending().await.err(),
        alice.settings().await.err(),
        alice.inbox().page(Query::default(), None, 10).await.err(),
        alice.inbox().item(&sent).await.err(),
        alice.story(&sent).await.err(),
        alice.export().await.err(),
        alice.erase().await.err(),
        alice.handle_push(b"{}", crate::rig::PATIENCE).await.err(),
        alice.sign_out(tidings_sdk::SignOut::Wipe).await.err(),
        alice.device().await.err(),
    ];
    for (place, error) in closed.iter().enumerate() {
        assert!(matches!(error, Some(tidings_sdk::Error::Closed)), "call {place}: {error:?}");
    }
    // Nothing of it was done.
    let offline = bench.offline("laptop").await;
    assert_eq!(titles(&offline).await, ["Seen"]);
    reaches(&offline, |connection| matches!(connection, Connection::Offline { .. })).await;
}
