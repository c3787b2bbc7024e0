//! Scenarios and plans under a virtual clock: who would have got what, when, and why not.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use serde_json::{Value, json};
use tidings_core::act::{Act, Answer, EventAnswer};
use tidings_core::configuration::Bundle;
use tidings_core::model::Event;
use tidings_core::ports::{EventRef, Insight as _, StoryReader as _};
use tidings_protocol::{EventId, Timestamp, Verdict};
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
    (line.at.to_string(), line.verdict, line.reason.map(tidings_protocol::Reason::as_str))
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
            ("2026-11-23T23:00:00.000Z".to_owned(), Verdict::Hold, Some("quiet_hours")),
            ("2026-11-24T08:00:00.000Z".to_owned(), Verdict::Pass, Some("planned")),
        ]
    );
    assert_eq!(lines[1].due, Some(instant("2026-11-24T08:00:00.000Z")));
    assert_eq!((lines[0].event.as_str(), lines[0].recipient.as_str()), ("one", "alice"));
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
        wins: &[],
        since: instant("2026-11-23T08:00:00.000Z"),
        until: instant("2026-11-24T12:00:00.000Z"),
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
        wins: &[],
        since: instant("2026-11-23T08:00:00.000Z"),
        until: instant("2026-11-24T12:00:00.000Z"),
    };
    let other = bundle(&RULES.replace("day: 3", "day: 2"));
    let first = backtest.compare(&bundle(RULES), &other).await.unwrap();
    assert_eq!(first, backtest.compare(&bundle(RULES), &other).await.unwrap());
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
