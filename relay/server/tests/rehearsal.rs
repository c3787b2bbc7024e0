//! Scenarios and plans under a virtual clock: who would have got what, when, and why not.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use serde_json::{Value, json};
use tidings_core::act::{Act, Answer, EventAnswer};
use tidings_core::configuration::Bundle;
use tidings_core::model::{Event, Lane};
use tidings_core::ports::{
    DueReader as _, EventRef, InboxReader as _, Insight as _, NotificationFilter, StoryReader as _,
};
use tidings_protocol::{Channel, EventId, RecipientId, Timestamp, Verdict};
use tidings_server::rehearsal::{Backtest, Line, Rehearsal, Scenario, ScenarioError};

const RULES: &str = "
tidings: 1
project: {name: shop, locale: en, time_zone: Etc/UTC, currency: EUR, unknown_recipient: create}
categories:
  orders: {legal: service, priority: high, channels: [inapp], cap: {day: 3, over: suppress}}
quiet_hours: {default: \"22:00-08:00\"}
rules:
  placed: {on: order.placed, when: data.total > 0, notify: data.customer, category: orders, template: placed}
templates:
  placed: {en: {title: \"Order {{ data.order_id }}\"}}
";

fn bundle(document: &str) -> Bundle {
    Bundle { document: document.to_owned(), ..Bundle::default() }
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn placed(at: &str, id: &str, total: i64) -> Value {
    json!({"at": at, "event": {"type": "order.placed", "id": id, "source": "shop",
        "data": {"order_id": id, "customer": "alice", "total": total}}})
}

async fn play(document: &str, lines: &[Value]) -> Vec<Line> {
    let text = lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let scenario = Scenario::read(&text).unwrap();
    let rehearsal = Rehearsal::new(&bundle(document), scenario.begins().unwrap()).await.unwrap();
    scenario.play(&rehearsal).await.unwrap()
}

fn told(line: &Line) -> (String, Verdict, Option<&str>) {
    (line.at.to_string(), line.verdict, line.reason)
}

#[tokio::test]
async fn a_scenario_tells_who_gets_what_when_and_why_not() {
    let lines = play(
        RULES,
        &[
            placed("2026-11-23T12:00:00.000Z", "one", 1),
            placed("2026-11-23T23:00:00.000Z", "two", 1),
            placed("2026-11-23T23:00:00.000Z", "none", 0),
        ],
    )
    .await;
    assert_eq!(
        lines.iter().map(told).collect::<Vec<_>>(),
        [
            ("2026-11-23T12:00:00.000Z".to_owned(), Verdict::Pass, Some("planned")),
            ("2026-11-23T23:00:00.000Z".to_owned(), Verdict::Stop, Some("no_match")),
            ("2026-11-23T23:00:00.000Z".to_owned(), Verdict::Hold, Some("quiet_hours")),
            ("2026-11-24T08:00:00.000Z".to_owned(), Verdict::Pass, Some("planned")),
        ]
    );
    assert_eq!(lines[2].due, Some(instant("2026-11-24T08:00:00.000Z")));
    assert_eq!((lines[0].event.as_str(), lines[0].recipient.as_deref()), ("one", Some("alice")));
    assert_eq!((lines[1].event.as_str(), lines[1].rule.as_deref()), ("none", Some("placed")));
    assert_eq!(lines[0].rule.as_deref(), Some("placed"));
}

#[tokio::test]
async fn a_receipt_of_a_scenario_counts_as_a_devices() {
    let at = "2026-11-23T12:00:00.000Z";
    let lines = play(&RULES.replace(
        "template: placed}",
        "template: placed, deliver: [{channels: [inapp]}, {after: 5m, unless: received, channels: [sms]}]}",
    ), &[placed(at, "one", 1), json!({"at": at, "receipt": {"recipient": "alice", "receipt": "received"}})])
    .await;
    assert_eq!(lines.last().map(told), Some((at.to_owned(), Verdict::Stop, Some("received_in_time"))));
}

#[tokio::test]
async fn an_event_that_fires_no_rule_has_a_line_that_says_why() {
    let at = "2026-11-23T12:00:00.000Z";
    let event = |id: &str, kind: &str, data: Value| json!({"at": at, "event": {"type": kind, "id": id, "recipient": "bob", "data": data}});
    let lines = play(
        RULES,
        &[
            event("unknown", "order.lost", json!({})),
            event("lacks", "order.placed", json!({"customer": "alice"})),
            event("nobody", "order.placed", json!({"total": 1, "customer": []})),
            placed(at, "one", 1),
            placed(at, "one", 1),
        ],
    )
    .await;
    let told = |event: &str| {
        let of = lines.iter().filter(|line| line.event == event);
        of.map(|line| (line.rule.as_deref(), line.recipient.as_deref(), line.reason.unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(told("unknown"), [(None, Some("bob"), "no_rule")]);
    assert_eq!(told("lacks"), [(Some("placed"), Some("bob"), "missing_field")]);
    assert_eq!(told("nobody"), [(Some("placed"), Some("bob"), "no_recipient")]);
    assert_eq!(told("one"), [(None, None, "duplicate"), (Some("placed"), Some("alice"), "planned")]);
}

#[tokio::test]
async fn what_a_withdrawal_or_a_preference_cancels_has_a_line() {
    let document = RULES
        .replace("  orders:", "  offers: {legal: marketing, channels: [inapp]}\n  orders:")
        .replace("rules:", "rules:\n  offer: {on: offer, notify: data.customer, category: offers, template: placed, delay: 1h}");
    let at = |minute: u32| format!("2026-11-23T12:{minute:02}:00.000Z");
    let offer = |minute: u32, id: &str| json!({"at": at(minute), "event": {"type": "offer", "id": id, "data": {"customer": "alice", "order_id": 1}}});
    let consent = |minute: u32, decision: &str| json!({"at": at(minute), "consent": {"recipient": "alice", "decision": decision, "category": "offers"}});
    let lines = play(
        &document,
        &[
            json!({"at": at(0), "recipient": {"id": "alice"}}),
            consent(0, "granted"),
            offer(1, "one"),
            consent(2, "withdrawn"),
            consent(3, "granted"),
            offer(4, "two"),
            json!({"at": at(5), "preference": {"recipient": "alice", "categories": {"offers": {"inapp": false}}}}),
        ],
    )
    .await;
    let told: Vec<_> =
        lines.iter().map(|line| (line.event.as_str(), line.verdict, line.reason.unwrap())).collect();
    assert_eq!(
        told,
        [
            ("one", Verdict::Hold, "delay"),
            ("one", Verdict::Stop, "consent_withdrawn"),
            ("two", Verdict::Hold, "delay"),
            ("two", Verdict::Stop, "category_off"),
        ]
    );
    assert_eq!(lines[1].at.to_string(), at(2));
}

#[tokio::test]
async fn a_recipient_of_a_scenario_has_addresses() {
    let document = RULES
        .replace("categories:", "providers: {mail: {channel: email, kind: smtp, host: mail.shop.example, from: \"hi@shop.example\"}}\ncategories:")
        .replace("channels: [inapp]", "channels: [inapp, email]");
    let at = "2026-11-23T12:00:00.000Z";
    for endpoints in [
        json!({"email": {"address": "alice@example.org", "verified": true}}),
        json!([{"channel": "email", "address": "alice@example.org", "verified": true}]),
    ] {
        let lines = play(
            &document,
            &[json!({"at": at, "recipient": {"id": "alice", "endpoints": endpoints}}), placed(at, "one", 1)],
        )
        .await;
        let channels: Vec<_> = lines.iter().map(|line| (line.channel.unwrap(), line.verdict)).collect();
        assert_eq!(channels, [(Channel::Inapp, Verdict::Pass), (Channel::Email, Verdict::Pass)]);
    }
}

/// What is asked at each instant of a scenario, and of each story at its end, is found by an index: it takes no longer when
/// twenty times as much waits.
#[tokio::test]
async fn an_instant_costs_the_same_however_much_waits() {
    let document = RULES
        .replace("categories:", "providers: {mail: {channel: email, kind: smtp, host: mail.shop.example, from: \"hi@shop.example\"}}\ncategories:")
        .replace("channels: [inapp], cap: {day: 3, over: suppress}", "channels: [inapp, email]");
    let stocked = async |count: u32| {
        let begins = instant("2026-11-23T09:00:00.000Z");
        let rehearsal = Rehearsal::new(&bundle(&document), begins).await.unwrap();
        let (recipient, address) = ("alice".parse().unwrap(), Some(("alice@example.org".into(), true)));
        rehearsal.act(Act::PutEndpoint { recipient, channel: Channel::Email, address }).await.answer.unwrap();
        for first in (0..count).step_by(200) {
            rehearsal.act(Act::accept((first..first + 200).map(body).collect())).await.answer.unwrap();
        }
        rehearsal
    };
    let spent = async |rehearsal: &Rehearsal| {
        let (store, now, project) = (rehearsal.store(), rehearsal.now(), rehearsal.project());
        let one = NotificationFilter { limit: 1, ..NotificationFilter::default() };
        let id = store.notifications(project, &one).await.unwrap().remove(0).id;
        let clock = std::time::Instant::now();
        for _ in 0..200 {
            store.next_due().await.unwrap();
            store.expired(now, 500).await.unwrap();
            store.due(Lane::Release, now, 500, 500).await.unwrap();
            assert_eq!(store.story(project, &id).await.unwrap().unwrap().2.len(), 1, "the mail");
        }
        clock.elapsed()
    };
    let (few, many) = (stocked(200).await, stocked(4_000).await);
    // Another process may take a turn: once within the bound is enough.
    let mut shares = Vec::new();
    while shares.len() < 3 && shares.iter().all(|share| *share >= 4.0) {
        shares.push(spent(&many).await.as_secs_f64() / spent(&few).await.as_secs_f64());
    }
    assert!(
        shares.iter().any(|share| *share < 4.0),
        "with twenty times as much it took {shares:?} times as long"
    );
}

#[test]
fn a_line_that_cannot_be_read_is_named() {
    let line = |text: &str| match Scenario::read(text) {
        Err(ScenarioError::Line { line, .. }) => line,
        other => panic!("a mistake was due, not {other:?}"),
    };
    assert_eq!(line("{}"), 1);
    assert_eq!(line("\n{\"at\":\"2026-11-23T12:00:00Z\"}"), 2);
    let two =
        format!("{}\n{}", placed("2026-11-23T12:00:00Z", "a", 1), placed("2026-11-23T11:59:59Z", "b", 1));
    assert_eq!(line(&two), 2);
}

/// Events as a relay accepted them, one an hour.
async fn accepted(count: u32) -> Vec<Event> {
    let begins = instant("2026-11-23T09:00:00.000Z");
    let rehearsal = Rehearsal::new(&bundle(RULES), begins).await.unwrap();
    let mut events = Vec::new();
    for number in 0..count {
        rehearsal.run_until(begins.plus_millis(i64::from(number) * 3_600_000)).await.unwrap();
        let act = Act::accept(vec![body(number)]);
        let Ok(Answer::Events(answers)) = rehearsal.act(act).await.answer else { panic!("it is accepted") };
        let EventAnswer::Accepted { event, .. } = &answers[0] else { panic!("it is accepted") };
        events.push(stored(&rehearsal, event).await);
    }
    events
}

async fn stored(rehearsal: &Rehearsal, event: &EventId) -> Event {
    let which = EventRef::Id(event.clone());
    rehearsal.store().event(rehearsal.project(), &which).await.unwrap().expect("it was accepted")
}

fn body(number: u32) -> tidings_core::model::EventBody {
    tidings_core::model::EventBody {
        source: Some("shop".into()),
        external_id: Some(format!("evt-{number}").into()),
        event_type: "order.placed".into(),
        recipient: None,
        time: instant("2026-11-23T09:00:00.000Z"),
        data: json!({"order_id": number, "customer": "alice", "total": 1}),
        extensions: json!({}),
        digest: tidings_core::model::EntryHash([0; 32]),
        send: None,
    }
}

#[tokio::test]
async fn a_plan_counts_who_hears_more_less_and_later() {
    let events = accepted(5).await;
    let backtest = Backtest {
        people: &[],
        events: &events,
        since: instant("2026-11-23T08:00:00.000Z"),
        until: instant("2026-11-24T12:00:00.000Z"),
        wins: &[],
    };
    let compare = async |other: &str| backtest.compare(&bundle(RULES), &bundle(other)).await.unwrap();

    let same = compare(RULES).await;
    assert_eq!((same.events, same.total.before, same.total.after), (5, 3, 3), "the cap of three holds");
    assert_eq!((same.total.more, same.total.less, same.total.later), (0, 0, 0));
    assert!(same.recipients_changed.is_empty());
    assert!(same.more_share().abs() < 1e-9);

    let wider = compare(&RULES.replace("day: 3", "day: 4")).await;
    assert_eq!((wider.total.after, wider.total.more, wider.total.less), (4, 1, 0));
    assert!((wider.more_share() - 1.0 / 3.0).abs() < 1e-9);
    assert_eq!(wider.rules["placed"].more, 1);
    assert_eq!(wider.categories["orders"].more, 1);
    assert_eq!(wider.recipients_changed["alice"].more, 1);

    let narrower = compare(&RULES.replace("day: 3", "day: 1")).await;
    assert_eq!((narrower.total.after, narrower.total.more, narrower.total.less), (1, 0, 2));

    let later = compare(&RULES.replace("template: placed}", "template: placed, delay: 30m}")).await;
    assert_eq!((later.total.later, later.total.less), (3, 0));
}

#[tokio::test]
async fn a_plan_writes_nothing_and_gives_the_same_twice() {
    let events = accepted(3).await;
    let backtest = Backtest {
        people: &[],
        events: &events,
        since: instant("2026-11-23T08:00:00.000Z"),
        until: instant("2026-11-24T12:00:00.000Z"),
        wins: &[],
    };
    let other = bundle(&RULES.replace("day: 3", "day: 2"));
    let first = backtest.compare(&bundle(RULES), &other).await.unwrap();
    assert_eq!(first, backtest.compare(&bundle(RULES), &other).await.unwrap());
}

/// Rule `placed` as it stands, and as it waits for the best hour.
fn at_the_best_hour() -> String {
    RULES.replace("template: placed}", "template: placed, send: {window: \"09:00-21:00\", best_hour: true}}")
}

/// Alice reads one thing a day at half past seven in the evening, twenty days long.
fn evenings() -> Vec<Value> {
    let read = |day: u32| {
        let at = format!("2026-11-{day:02}T19:30:00.000Z");
        let receipt = json!({"at": at, "receipt": {"recipient": "alice", "receipt": "read"}});
        [placed(&at, &format!("evt-{day}"), 1), receipt]
    };
    (1..=20).flat_map(read).collect()
}

#[tokio::test]
async fn the_receipts_of_a_scenario_teach_the_best_hour() {
    let mut lines = evenings();
    lines.push(placed("2026-11-21T10:00:00.000Z", "last", 1));
    let played = play(&at_the_best_hour(), &lines).await;
    let last: Vec<_> = played.iter().filter(|line| line.event == "last").map(told).collect();
    assert_eq!(
        last,
        [
            ("2026-11-21T10:00:00.000Z".to_owned(), Verdict::Hold, Some("best_hour")),
            ("2026-11-21T19:00:00.000Z".to_owned(), Verdict::Pass, Some("planned")),
        ]
    );
}

#[tokio::test]
async fn a_plan_knows_what_was_learned_of_its_recipients() {
    let text = evenings().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let scenario = Scenario::read(&text).unwrap();
    let rehearsal = Rehearsal::new(&bundle(&at_the_best_hour()), scenario.begins().unwrap()).await.unwrap();
    scenario.play(&rehearsal).await.unwrap();
    let alice = rehearsal.person(&RecipientId::new("alice").unwrap());
    let alice = rehearsal.store().page(&alice, None, 1).await.unwrap().person;
    let events = accepted(1).await;
    let backtest = Backtest {
        people: std::slice::from_ref(&alice),
        events: &events,
        since: instant("2026-11-23T08:00:00.000Z"),
        until: instant("2026-11-24T12:00:00.000Z"),
        wins: &[],
    };
    let report = backtest.compare(&bundle(RULES), &bundle(&at_the_best_hour())).await.unwrap();
    assert_eq!((report.total.later, report.total.less), (1, 0), "nine o'clock becomes seven in the evening");
}

const RUNNERS: &str = "
tidings: 1
project: {name: shop, locale: en, time_zone: Etc/UTC, currency: EUR, unknown_recipient: create}
categories:
  orders: {legal: service, priority: high, channels: [inapp]}
segments: {runners: {when: recipient.interests.running > 0.5}}
rules:
  shoe: {on: shoe.new, notify: data.customer, category: orders, template: words, tags: data.tags}
  race: {on: race.announced, notify: {segment: runners}, category: orders, template: words}
templates:
  words: {en: {title: Hello}}
";

/// Alice and Bob are told of two shoes each; Alice clicks.
fn shoes() -> Vec<Value> {
    let mut lines = Vec::new();
    for (minute, who, receipt) in
        [(1, "alice", "clicked"), (2, "bob", "read"), (3, "alice", "clicked"), (4, "bob", "read")]
    {
        let at = format!("2026-11-23T12:0{minute}:00.000Z");
        let data = json!({"customer": who, "tags": ["running"]});
        lines.push(
            json!({"at": at, "event": {"type": "shoe.new", "id": format!("shoe-{minute}"), "data": data}}),
        );
        lines.push(json!({"at": at, "receipt": {"recipient": who, "receipt": receipt}}));
    }
    lines
}

#[tokio::test]
async fn the_clicks_of_a_scenario_teach_interests() {
    let mut lines = shoes();
    lines.push(json!({"at": "2026-11-23T13:00:00.000Z", "event": {"type": "race.announced", "id": "race", "data": {}}}));
    let played = play(RUNNERS, &lines).await;
    let of_race = played.iter().filter(|line| line.event == "race");
    assert_eq!(of_race.map(|line| line.recipient.as_deref()).collect::<Vec<_>>(), [Some("alice")]);
}

const VARIANTS: &str = "
tidings: 1
project: {name: shop, locale: en, time_zone: Etc/UTC, currency: EUR, unknown_recipient: create}
categories:
  offers: {legal: service, priority: high, channels: [inapp]}
rules:
  offer: {on: offer.made, category: offers, conversion: {event: order.placed, within: 7d},
          variants: {long: {template: long}, short: {template: short}}, winner: {by: conversion, after: 15, confidence: 0.95}}
templates:
  long: {en: {title: \"An offer that you will like\"}}
  short: {en: {title: \"An offer\"}}
";

/// Sixty people are shown an offer, and those who got the short one order; then one more offer is made.
fn offers(short: impl Fn(&str) -> bool) -> Vec<Value> {
    let at =
        |minute: usize| instant("2026-11-23T12:00:00.000Z").plus_millis(minute as i64 * 60_000).to_string();
    let mut lines = Vec::new();
    for n in 0..61 {
        let who = format!("r{n}");
        lines.push(
            json!({"at": at(n), "event": {"type": "offer.made", "id": who, "recipient": who, "data": {}}}),
        );
        lines.push(json!({"at": at(n), "receipt": {"recipient": who, "receipt": "displayed"}}));
        if short(&who) {
            let ordered =
                json!({"type": "order.placed", "id": format!("o{n}"), "recipient": who, "data": {}});
            lines.push(json!({"at": at(n), "event": ordered}));
        }
    }
    lines
}

async fn played(lines: &[Value]) -> Rehearsal {
    let text = lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let scenario = Scenario::read(&text).unwrap();
    let rehearsal = Rehearsal::new(&bundle(VARIANTS), scenario.begins().unwrap()).await.unwrap();
    scenario.play(&rehearsal).await.unwrap();
    rehearsal
}

#[tokio::test]
async fn a_scenario_converts_and_finds_a_winner_and_a_plan_begins_with_those_that_were_found() {
    let variants = played(&offers(|_| false)).await.stories().await.unwrap();
    let short: Vec<String> = variants
        .into_iter()
        .filter(|(row, _)| row.variant.as_deref() == Some("short"))
        .map(|(row, _)| row.person.recipient.to_string())
        .collect();
    let rehearsal = played(&offers(|who| short.iter().any(|one| one == who))).await;
    let stories = rehearsal.stories().await.unwrap();
    let converted = stories.iter().filter(|(row, _)| row.flags.converted_at.is_some()).count();
    assert!(converted >= short.len(), "{converted} of {}", short.len());
    let offer = tidings_protocol::RuleId::new("offer").unwrap();
    let wins = rehearsal.store().trials(rehearsal.project(), &offer).await.unwrap().wins;
    assert_eq!((wins.len(), wins[0].variant.as_ref()), (1, "short"));

    let begins = instant("2026-12-23T12:00:00.000Z");
    let later = Rehearsal::new(&bundle(VARIANTS), begins).await.unwrap();
    later.take_over(&wins).await.unwrap();
    for n in 0..8 {
        let body = tidings_core::model::EventBody {
            event_type: "offer.made".into(),
            recipient: Some(format!("n{n}").parse().unwrap()),
            time: begins,
            ..body(n)
        };
        later.event(body).await;
    }
    let rows = later.stories().await.unwrap();
    assert_eq!(rows.len(), 8);
    assert!(rows.iter().all(|(row, _)| row.variant.as_deref() == Some("short")));
}
