use rstest::rstest;
use serde_json::{Value, json};
use tidings_protocol::item::SettingsItem;
use tidings_protocol::{Channel, Decision, NotificationState, Reason, Timestamp};

use super::{codes, done, one, with_phone};
use crate::acts::testing::{HOUR, NOON, World, person};
use crate::model::FeedKind;

fn consent(id: &str, decision: &str) -> Value {
    json!({"id": id, "op": "consent", "category": "offers", "channels": ["inapp"], "decision": decision,
        "policy_version": "2026-11"})
}

fn decision(world: &World) -> Option<Decision> {
    let key = ("offers".parse().unwrap(), Channel::Inapp);
    world.person("alice").consents.states.get(&key).map(|state| state.decision)
}

#[rstest]
#[case(json!({"op": "preference", "category": "general", "channel": "inapp", "chosen": false}))]
#[case(json!({"op": "quiet_hours", "quiet_hours": {"spans": [{"from": "21:00", "to": "07:00"}]}}))]
#[case(json!({"op": "pause", "until": "2099-01-01T00:00:00Z"}))]
#[case(json!({"op": "profile", "time_zone": "Asia/Shanghai"}))]
#[case(json!({"op": "profile", "locale": "zh-Hans"}))]
fn a_setting_raises_both_numbers_once_and_its_value_again_neither(#[case] mut op: Value) {
    let mut world = with_phone();
    let (seq, version) = world.numbers("alice");
    op["id"] = "a".into();
    assert_eq!(done(&one(&mut world, &op)), ["a"]);
    assert_eq!(world.numbers("alice"), (seq + 1, version + 1));
    assert_eq!(world.person("alice").inbox.as_ref().unwrap().settings_seq, seq + 1);
    assert_eq!(world.after.hints[0].items.len(), 1);
    world.wait(1);
    op["id"] = "b".into();
    assert_eq!(done(&one(&mut world, &op)), ["b"]);
    assert_eq!(world.numbers("alice"), (seq + 1, version + 1));
}

#[test]
fn of_two_settings_the_later_wins_whichever_comes_first() {
    let mut world = with_phone();
    world.wait(10_000);
    let pause = |id: &str, at: i64, until: &str| {
        let at = Timestamp::from_millis(NOON + at);
        json!({"id": id, "at": at, "op": "pause", "until": until})
    };
    one(&mut world, &pause("b", 5_000, "2099-01-01T00:00:00Z"));
    let answered = one(&mut world, &pause("a", 4_999, "2098-01-01T00:00:00Z"));
    assert_eq!(codes(&answered), ["superseded"]);
    assert_eq!(answered.refused[0].value.as_ref().unwrap()["paused_until"], "2099-01-01T00:00:00.000Z");
    let until = |world: &World| {
        let preferences = &world.person("alice").recipient.as_ref().unwrap().preferences;
        preferences.paused_until.as_ref().and_then(|(until, _)| *until).map(|until| until.to_string())
    };
    assert_eq!(until(&world).as_deref(), Some("2099-01-01T00:00:00.000Z"));
    one(&mut world, &pause("c", 5_000, "2098-01-01T00:00:00Z"));
    assert_eq!(until(&world).as_deref(), Some("2098-01-01T00:00:00.000Z"));
}

#[rstest]
#[case(json!({"op": "preference", "category": "general", "channel": "inapp"}), "chosen", json!(false), json!(true))]
#[case(json!({"op": "quiet_hours"}), "quiet_hours", json!({"spans": []}), json!(null))]
#[case(json!({"op": "pause"}), "until", json!("2099-01-01T00:00:00Z"), json!(null))]
#[case(json!({"op": "profile"}), "time_zone", json!("Asia/Shanghai"), json!("Asia/Tokyo"))]
fn a_setting_that_loses_by_its_stamp_is_answered_with_the_true_settings(
    #[case] op: Value,
    #[case] field: &str,
    #[case] later: Value,
    #[case] earlier: Value,
) {
    let mut world = with_phone();
    world.wait(10_000);
    let asked = |id: &str, at: i64, value: Value| {
        let mut op = op.clone();
        (op["id"], op["at"]) = (id.into(), json!(Timestamp::from_millis(NOON + at)));
        op[field] = value;
        op
    };
    one(&mut world, &asked("b", 5_000, later));
    let numbers = world.numbers("alice");
    let answered = one(&mut world, &asked("a", 4_999, earlier));
    assert_eq!((codes(&answered), world.numbers("alice")), (vec!["superseded"], numbers));
    assert!(answered.refused[0].value.is_some());
}

#[rstest]
#[case(json!({"op": "preference", "category": "generals", "chosen": false}), "unknown_category")]
#[case(json!({"op": "preference", "category": "alarms", "chosen": false}), "invalid")]
#[case(json!({"op": "quiet_hours", "quiet_hours": {"spans": [{"from": "25:00", "to": "07:00"}]}}), "invalid")]
#[case(json!({"op": "profile", "time_zone": "Asia/Shangai"}), "invalid")]
#[case(json!({"op": "profile", "locale": "!"}), "invalid")]
#[case(json!({"op": "consent", "category": "offer", "channels": ["email"], "decision": "granted"}), "unknown_category")]
fn a_setting_that_cannot_be_is_refused_with_the_true_ones(#[case] mut op: Value, #[case] code: &str) {
    let mut world = with_phone();
    let numbers = world.numbers("alice");
    op["id"] = "a".into();
    let answered = one(&mut world, &op);
    assert_eq!((codes(&answered), world.numbers("alice")), (vec![code], numbers));
    let value = answered.refused[0].value.clone().unwrap();
    assert_eq!(serde_json::from_value::<SettingsItem>(value).unwrap().categories.len(), 3);
}

#[test]
fn switching_a_category_off_cancels_what_waits_in_it() {
    let mut world = with_phone();
    let placed = world.send("alice", "general");
    let alarm = world.send("alice", "alarms");
    world.wait(11 * HOUR);
    let held = world.send("alice", "general");
    assert_eq!(world.state(&held), NotificationState::Held);
    one(&mut world, &json!({"id": "a", "op": "preference", "category": "general", "chosen": false}));
    for id in [&placed, &held] {
        let stopped = world.row(id).stopped.as_ref().unwrap();
        assert_eq!((world.state(id), stopped.reason), (NotificationState::Cancelled, Reason::CategoryOff));
    }
    assert!(!world.row(&placed).is_visible() && world.row(&placed).seq > world.row(&placed).created_seq);
    assert!(world.due.is_empty(), "nothing is left to do");
    assert_eq!(world.state(&alarm), NotificationState::Active, "essential comes always");
    assert_eq!(world.fed(FeedKind::PreferenceChanged), 1);
}

#[test]
fn what_was_received_stays_when_its_category_is_switched_off() {
    let mut world = with_phone();
    let id = world.send("alice", "general");
    let cursor = world.cursor("alice", 1);
    one(&mut world, &json!({"id": "a", "op": "held", "cursor": cursor}));
    one(&mut world, &json!({"id": "b", "op": "preference", "category": "general", "chosen": false}));
    assert_eq!(world.state(&id), NotificationState::Reached);
    assert!(world.row(&id).is_visible());
}

#[rstest]
#[case::zone(json!({"op": "profile", "time_zone": "Asia/Tokyo"}))]
#[case::quiet_hours(json!({"op": "quiet_hours", "quiet_hours": {"spans": []}}))]
fn what_moves_the_night_moves_what_waits_for_its_end(#[case] mut op: Value) {
    let mut world = with_phone();
    world.wait(11 * HOUR);
    let held = world.send("alice", "general");
    let due = world.row(&held).due.unwrap();
    assert!(due.millis_since(world.now) >= 9 * HOUR);
    op["id"] = "a".into();
    one(&mut world, &op);
    // In Tokyo it is eight in the morning already.
    assert_eq!(world.state(&held), NotificationState::Active);
    assert!(world.due.is_empty());
}

#[test]
fn a_pause_holds_what_comes_and_its_end_lets_it_go() {
    let mut world = with_phone();
    one(&mut world, &json!({"id": "a", "op": "pause", "until": "2026-12-31T12:00:00Z"}));
    let held = world.send("alice", "general");
    assert_eq!(world.row(&held).stopped.as_ref().unwrap().reason, Reason::Paused);
    world.wait(1);
    one(&mut world, &json!({"id": "b", "op": "pause", "until": null}));
    assert_eq!(world.state(&held), NotificationState::Active);
}

#[test]
fn a_withdrawal_is_written_and_cancels_what_waits() {
    let mut world = with_phone();
    assert_eq!(done(&one(&mut world, &consent("a", "granted"))), ["a"]);
    let placed = world.send("alice", "offers");
    world.wait(11 * HOUR);
    let held = world.send("alice", "offers");
    let (seq, version) = world.numbers("alice");
    one(&mut world, &consent("b", "withdrawn"));
    for id in [&placed, &held] {
        let stopped = world.row(id).stopped.as_ref().unwrap();
        assert_eq!(
            (world.state(id), stopped.reason),
            (NotificationState::Cancelled, Reason::ConsentWithdrawn)
        );
    }
    let (seq_after, version_after) = world.numbers("alice");
    assert!(seq_after > seq && version_after > version);
    assert_eq!(world.person("alice").inbox.as_ref().unwrap().withdrawn_seq, seq + 1);
    assert_eq!((world.person("alice").consents.head.entries, world.fed(FeedKind::ConsentChanged)), (2, 2));
    let entry = &world.written.consent_entries[0].1;
    let collected = entry.personal.as_ref().unwrap().collected.as_ref().unwrap();
    assert_eq!((&*collected.how, collected.by.as_deref()), ("device", Some("phone")));
    assert!(world.written.operations.iter().all(|row| row.for_ever));
}

/// A device that was offline while the recipient withdrew elsewhere grants with what it saw before.
#[rstest]
#[case::before_the_withdrawal(0, &["stale"], Decision::Withdrawn)]
#[case::at_the_withdrawal(1, &[], Decision::Granted)]
fn a_grant_must_have_seen_the_latest_withdrawal(
    #[case] past: u64,
    #[case] refused: &[&str],
    #[case] after: Decision,
) {
    let mut world = with_phone();
    one(&mut world, &consent("a", "granted"));
    world.operate("alice", "laptop", json!([consent("a", "withdrawn")]));
    let withdrawn = world.person("alice").inbox.as_ref().unwrap().withdrawn_seq;
    let mut grant = consent("b", "granted");
    grant["cursor"] = world.cursor("alice", withdrawn - 1 + past).into();
    let answered = one(&mut world, &grant);
    assert_eq!((codes(&answered), decision(&world)), (refused.to_vec(), Some(after)));
}

#[test]
fn without_a_cursor_what_the_device_held_counts() {
    let mut world = with_phone();
    one(&mut world, &consent("a", "withdrawn"));
    assert_eq!(codes(&one(&mut world, &consent("b", "granted"))), ["stale"]);
    let cursor = world.cursor("alice", world.person("alice").inbox.as_ref().unwrap().seq);
    let both = json!([{"id": "c", "op": "held", "cursor": cursor}, consent("d", "granted")]);
    assert_eq!(done(&world.operate("alice", "phone", both)), ["c", "d"]);
    assert_eq!(codes(&one(&mut world, &consent("b", "granted"))), ["stale"], "a refusal stays one");
}

#[rstest]
#[case(Some("2026-11"), &[])]
#[case(Some("2025-01"), &["stale"])]
#[case(None, &["stale"])]
fn a_grant_must_refer_to_the_current_policy(#[case] policy: Option<&str>, #[case] refused: &[&str]) {
    let mut world = with_phone();
    let mut grant = consent("a", "granted");
    grant["policy_version"] = json!(policy);
    assert_eq!(codes(&one(&mut world, &grant)), refused);
    let mut withdrawal = consent("b", "withdrawn");
    withdrawal["policy_version"] = json!(policy);
    assert_eq!(done(&one(&mut world, &withdrawal)), ["b"], "a withdrawal needs none");
}

#[test]
fn a_push_address_moves_to_whoever_brings_it() {
    let mut world = with_phone();
    world.greet("bob", World::greeting("tablet", None)).unwrap();
    let op = json!([{"id": "a", "op": "endpoint", "channel": "push", "address": "{\"endpoint\":\"x\"}"}]);
    world.operate("bob", "tablet", op.clone());
    let versions = (world.numbers("alice").1, world.numbers("bob").1);
    world.operate("alice", "phone", op);
    assert!(world.people[&person("bob")].endpoints.is_empty());
    assert!(world.person("alice").endpoints[0].verified);
    assert_eq!((world.numbers("alice").1, world.numbers("bob").1), (versions.0 + 1, versions.1 + 1));
    let again = json!([{"id": "b", "op": "endpoint", "channel": "push", "address": "{\"endpoint\":\"x\"}"}]);
    world.operate("alice", "phone", again);
    assert_eq!(world.numbers("alice").1, versions.0 + 1);
}

#[rstest]
#[case("email", "alice@example.org", None, "code_required")]
#[case("sms", "+4930123", None, "code_required")]
#[case("sms", "+4930123", Some("123456"), "code_wrong")]
#[case("email", "alice", Some("123456"), "invalid")]
#[case("webhook", "https://alice.example", None, "invalid")]
#[case("inapp", "x", None, "invalid")]
fn an_address_that_could_be_anybodys_is_not_set_by_a_device(
    #[case] channel: &str,
    #[case] address: &str,
    #[case] code: Option<&str>,
    #[case] refused: &str,
) {
    let mut world = with_phone();
    let op = json!({"id": "a", "op": "endpoint", "channel": channel, "address": address, "code": code});
    assert_eq!(codes(&one(&mut world, &op)), [refused]);
    assert!(world.person("alice").endpoints.is_empty());
}
