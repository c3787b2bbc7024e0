//! What a person does: durable at once, at the relay once, put back if refused.

use serde_json::json;
use tidings_sdk::{
    Access, Change, Channel, Client, Connection, Decision, Error, Feedback, Query, QuietHoursItem,
    RefusedOperation, Timestamp,
};

use crate::rig::{Bench, execute, flushed, has, has_so, id, items, live, reaches, soon, titles, until};

#[tokio::test(flavor = "multi_thread")]
async fn everything_a_person_does_with_a_notification_stands_in_its_story_and_in_the_feed() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let alarm = bench.alarm("alice");
    let item = has(&alice, &alarm).await;
    alice.shown(&alarm).await.unwrap();
    alice.clicked(&alarm).await.unwrap();
    alice.mark_read(&alarm).await.unwrap();
    alice.act(&alarm, "look").await.unwrap();
    alice.acknowledge(&alarm).await.unwrap();
    alice.dismissed(&alarm).await.unwrap();
    alice.feedback(&alarm, Feedback::Useful).await.unwrap();
    alice.snooze(&alarm, item.created_at.plus_millis(3_600_000)).await.unwrap();
    alice.archive(&alarm).await.unwrap();
    assert!(matches!(alice.act(&alarm, "no-such").await, Err(Error::Invalid { field: "action", .. })));
    flushed(&alice).await;
    let receipts = bench.receipts(&alarm);
    for receipt in ["displayed", "clicked", "read", "acted", "acknowledged", "dismissed"] {
        assert_eq!(receipts.iter().filter(|known| *known == receipt).count(), 1, "{receipt}: {receipts:?}");
    }
    let story = bench.story(&alarm);
    let timeline = story["timeline"].as_array().unwrap();
    assert!(timeline.iter().any(|entry| entry["kind"] == "feedback"), "{story}");
    let acted = timeline.iter().find(|entry| entry["receipt"] == "acted").unwrap();
    assert_eq!((&acted["action"], &acted["device"]), (&json!("look"), &json!("laptop")));
    let feed = bench.feed(&alarm);
    for kind in ["receipt.displayed", "receipt.read", "receipt.acted", "receipt.acknowledged"] {
        assert_eq!(feed.iter().filter(|entry| entry["kind"] == kind).count(), 1, "{kind}: {feed:?}");
    }
    // A device that signs in now sees the marks: they are the recipient's, not the device's.
    let phone = bench.connected("alice", "phone").await;
    let there = has(&phone, &alarm).await;
    assert!(there.view.archived_at.is_some() && there.view.snoozed_until.is_some());
    assert!(there.view.read_at.is_some() && there.view.acknowledged_at.is_some());
    assert!(titles(&phone).await.is_empty(), "what is archived is not in the list");
    phone.unarchive(&alarm).await.unwrap();
    has_so(&alice, &alarm, |item| item.view.archived_at.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_while_the_relay_is_down_survives_a_restart_of_the_app_and_takes_effect_once() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let (one, two) = (bench.alarm("alice"), bench.send("alice", "Two"));
    has(&alice, &one).await;
    has(&alice, &two).await;
    let (url, folder) = (bench.url(), bench.folder().to_owned());
    let Bench { relay, .. } = &bench;
    let stopped = std::process::Command::new("kill").args(["-STOP", &relay.pid().to_string()]).status();
    assert!(stopped.unwrap().success());
    alice.close().await;
    // The relay answers nothing any more: not a closed port, which is noticed at once, but silence.
    let offline =
        Client::builder(&url, &folder).account("laptop").access(Access::saved()).build().await.unwrap();
    let asked = [
        offline.mark_read(&one).await.unwrap(),
        offline.acknowledge(&one).await.unwrap(),
        offline.act(&one, "look").await.unwrap(),
        offline.archive(&two).await.unwrap(),
    ];
    assert!(!matches!(offline.connection().get(), Connection::Live));
    assert_eq!(titles(&offline).await, ["Alarm"], "the list shows it before the relay knows");
    offline.close().await;
    let again = bench.offline("laptop").await;
    let pending: Vec<_> = again.pending().await.unwrap().into_iter().map(|pending| pending.id).collect();
    assert_eq!(pending, asked, "in their order");
    again.close().await;
    let bench = bench.restarted();
    let alice = live(bench.again("laptop")).await;
    flushed(&alice).await;
    let receipts = bench.receipts(&one);
    for receipt in ["read", "acknowledged", "acted"] {
        assert_eq!(receipts.iter().filter(|known| *known == receipt).count(), 1, "{receipt}: {receipts:?}");
    }
    let acted = bench.feed(&one).into_iter().filter(|entry| entry["kind"] == "receipt.acted").count();
    assert_eq!(acted, 1);
    let archived = items(&alice, Query { archived: true, ..Query::default() }).await;
    assert_eq!(archived.into_iter().map(|item| item.id).collect::<Vec<_>>(), [two]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_network_everything_is_done_but_what_the_relay_alone_knows() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let alarm = bench.alarm("alice");
    let created_at = has(&alice, &alarm).await.created_at;
    flushed(&alice).await;
    alice.close().await;
    let offline = bench.offline("laptop").await;
    let mut list = offline.inbox().observe(Query::default(), 10);
    assert!(matches!(soon(list.next()).await.unwrap(), Some(Change::Reset(page)) if page.items.len() == 1));
    let offers = || "offers".parse().unwrap();
    let asked = [
        offline.shown(&alarm).await,
        offline.clicked(&alarm).await,
        offline.dismissed(&alarm).await,
        offline.mark_read(&alarm).await,
        offline.mark_unread(&alarm).await,
        offline.mark_all_read(None, None).await,
        offline.acknowledge(&alarm).await,
        offline.act(&alarm, "look").await,
        offline.feedback(&alarm, Feedback::NotUseful).await,
        offline.snooze(&alarm, created_at.plus_millis(3_600_000)).await,
        offline.archive(&alarm).await,
        offline.unarchive(&alarm).await,
        offline.set_preference(offers(), Some(Channel::Inapp), false).await,
        offline.set_quiet_hours(Some(QuietHoursItem::default())).await,
        offline.pause(Some(created_at.plus_millis(3_600_000))).await,
        offline.set_profile(Some("Asia/Shanghai".to_owned()), None).await,
        offline.decide_consent(offers(), Channel::Inapp, true).await,
    ];
    let asked: Vec<_> = asked.into_iter().map(|asked| asked.expect("it is durable at once")).collect();
    let pending: Vec<_> = offline.pending().await.unwrap().into_iter().map(|pending| pending.id).collect();
    assert_eq!(pending, asked, "in their order");
    let settings = offline.settings().await.unwrap().expect("they were stored");
    assert!(settings.paused_until.is_some() && settings.quiet_hours.is_some());
    assert_eq!(settings.profile.time_zone.as_deref(), Some("Asia/Shanghai"));
    let known = settings.categories.iter().find(|known| known.id == offers()).unwrap();
    assert_eq!((known.chosen[&Channel::Inapp], known.consent[&Channel::Inapp]), (false, Decision::Granted));
    let mut search =
        offline.inbox().search(Query { text: Some("alarm".to_owned()), ..Query::default() }).unwrap();
    assert_eq!(search.next().await.unwrap().map(|item| item.id), Some(alarm.clone()));
    assert_eq!(offline.inbox().page(Query::default(), None, 10).await.unwrap().unread, 0);
    assert!(matches!(soon(offline.story(&alarm)).await, Err(Error::Offline)));
    assert!(matches!(soon(offline.export()).await, Err(Error::Offline)));
    assert!(matches!(soon(offline.erase()).await, Err(Error::Offline)));
    assert_eq!(titles(&offline).await, ["Alarm"], "a failed erasure erases nothing");
    offline.close().await;
    let again = live(bench.again("laptop")).await;
    flushed(&again).await;
    assert!(bench.receipts(&alarm).contains(&"acknowledged".to_owned()));
}

async fn refused(client: &Client) -> RefusedOperation {
    soon(client.refused().next()).await.unwrap().expect("the client is open")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_under_a_policy_that_has_changed_is_refused_and_put_back() {
    let bench = Bench::start();
    bench.connected("alice", "laptop").await.close().await;
    let offline = bench.offline("laptop").await;
    let offers: tidings_sdk::CategoryId = "offers".parse().unwrap();
    let channel = Channel::Inapp;
    let grant = offline.decide_consent(offers.clone(), channel, true).await.unwrap();
    let local = offline.settings().await.unwrap().expect("it has synced");
    let consent = |settings: &tidings_sdk::SettingsItem| {
        let known = settings.categories.iter().find(|known| known.id == offers).expect("the category");
        known.consent.get(&channel).copied()
    };
    assert_eq!(consent(&local), Some(Decision::Granted), "it is shown as decided");
    offline.close().await;
    bench.apply_with_policy("2");
    let alice = live(bench.again("laptop")).await;
    let refusal = refused(&alice).await;
    assert_eq!((refusal.id, refusal.code.as_str()), (grant, "stale"));
    let settings = alice.settings().await.unwrap().expect("it has synced");
    assert_eq!(consent(&settings), None, "what is true is shown again");
    assert_eq!(settings.policy.as_ref().map(|policy| policy.version.as_str()), Some("2"));
    let ledger = bench.caller().get("/v1/recipients/alice/consent").ok(200);
    assert!(!ledger.to_string().contains("granted\":true"), "{ledger}");
    // Under the policy of today it is taken.
    alice.decide_consent(offers.clone(), channel, true).await.unwrap();
    flushed(&alice).await;
    bench.send_with("alice", "offers", json!({"content": {"title": "An offer"}}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preference_for_a_category_that_is_gone_is_refused_and_the_rest_is_taken() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let sent = bench.send("alice", "Beside it");
    has(&alice, &sent).await;
    let wrong = alice.set_preference("no-such".parse().unwrap(), None, false).await.unwrap();
    alice.mark_read(&sent).await.unwrap();
    let refusal = refused(&alice).await;
    assert_eq!((refusal.id, refusal.code.as_str()), (wrong, "unknown_category"));
    assert!(!refusal.detail.is_empty());
    flushed(&alice).await;
    assert!(bench.receipts(&sent).contains(&"read".to_owned()));
    // A mark on what is nobody's is refused too.
    let strange = alice.mark_read(&id(&json!({"id": "no-such-notification"}))).await.unwrap();
    assert_eq!(refused(&alice).await.id, strange);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_carries_the_relays_time_however_wrong_the_devices_clock_was() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let sent = bench.send("alice", "When was it read?");
    let created = has(&alice, &sent).await.created_at;
    alice.close().await;
    // The last contact found the relay's clock an hour behind the device's; the estimate is used offline.
    execute(&bench.file("laptop"), "UPDATE account SET clock_offset_ms = -3600000").await;
    let offline = bench.offline("laptop").await;
    until(|| async {
        let operation = offline.mark_read(&sent).await.unwrap();
        let pending = offline.pending().await.unwrap();
        let at = pending.iter().find(|pending| pending.id == operation).and_then(|pending| pending.at);
        at.is_some_and(|at| at < created)
    })
    .await;
    offline.close().await;
    // The welcome has the relay's time: from then on it is right again, and the relay keeps no time of the future.
    let alice = live(bench.again("laptop")).await;
    flushed(&alice).await;
    let second = bench.send("alice", "And this?");
    let created = has(&alice, &second).await.created_at;
    alice.mark_read(&second).await.unwrap();
    flushed(&alice).await;
    let read_at: Timestamp =
        has_so(&alice, &second, |item| item.view.read_at.is_some()).await.view.read_at.unwrap();
    assert!(
        (0..60_000).contains(&(read_at.as_millis() - created.as_millis() + 1_000)),
        "{created} {read_at}"
    );
    reaches(&alice, |connection| *connection == Connection::Live).await;
}

/// What was queued before the last one: the same file as if the person had tapped so often, without so many flushes.
const FILL: &str = "INSERT INTO outbox (page, operation) WITH RECURSIVE n (i) AS
    (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
    SELECT pages, json_object('id', 'kept-' || i, 'op', 'feedback', 'notification', (SELECT id FROM items LIMIT 1),
        'value', CASE i % 2 WHEN 0 THEN 'useful' ELSE 'not_useful' END) FROM n, account";

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_operations_wait_one_more_is_refused_and_all_take_effect_when_the_relay_is_back() {
    let bench = Bench::start();
    let alice = bench.connected("alice", "laptop").await;
    let sent = bench.send("alice", "Seen");
    has(&alice, &sent).await;
    flushed(&alice).await;
    alice.close().await;
    execute(&bench.file("laptop"), FILL).await;
    let offline = bench.offline("laptop").await;
    offline.mark_read(&sent).await.expect("the ten thousandth waits too");
    assert_eq!(offline.pending().await.unwrap().len(), 10_000);
    let refused = offline.archive(&sent).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused { code, .. } if code == "outbox_full"), "{refused}");
    assert_eq!(offline.pending().await.unwrap().len(), 10_000, "nothing was half done");
    let item = has(&offline, &sent).await;
    assert!(item.view.read_at.is_some() && item.view.archived_at.is_none());
    offline.close().await;

    let back = live(bench.again("laptop")).await;
    let since = std::time::Instant::now();
    flushed(&back).await;
    let console: &mut dyn std::io::Write = &mut std::io::stderr();
    writeln!(console, "10000 operations were answered in {:?}", since.elapsed()).expect("it is open");
    assert!(bench.receipts(&sent).contains(&"read".to_owned()));
    back.archive(&sent).await.expect("there is room again");
    flushed(&back).await;
    back.close().await;
    let mut file = crate::rig::open_file(&bench.file("laptop")).await;
    let refused: i64 = sqlx::query_scalar("SELECT count(*) FROM refused").fetch_one(&mut file).await.unwrap();
    assert_eq!(refused, 0);
}
