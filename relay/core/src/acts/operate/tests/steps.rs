//! What devices tell ends steps in the same commit.

use rstest::rstest;
use serde_json::json;
use tidings_protocol::{NotificationId, NotificationState, Reason};

use super::one;
use crate::act::{Act, Answer, EventAnswer};
use crate::acts::testing::{HOUR, World};
use crate::model::DueKey;

const MINUTE: i64 = HOUR / 60;

/// The shop with a rule that goes on until somebody does something.
fn with_rule(unless: &str) -> World {
    let rule = format!(
        r#"
rules:
  failed:
    on: payment.failed
    category: alarms
    template: failed
    deliver:
      - {{channels: [inapp]}}
      - {{after: 5m, unless: {unless}, notify: data.second, channels: [inapp]}}
      - {{after: 10m, unless: {unless}, notify: data.third, channels: [inapp]}}
templates:
  failed: {{en: {{title: Payment failed}}}}
categories:"#
    );
    World::where_instead("\ncategories:", &rule)
}

fn fail(world: &mut World) -> NotificationId {
    let data = json!({"second": "bob", "third": "carol"});
    let body = World::fact("payment.failed", "alice", world.now, data);
    let Ok(Answer::Events(answers)) = world.act(Act::accept(vec![body])) else { panic!() };
    let EventAnswer::Accepted { notifications, .. } = &answers[0] else { panic!("{answers:?}") };
    notifications[0].id.clone()
}

fn step_waits(world: &World, id: &NotificationId) -> bool {
    world.due.contains_key(&DueKey::Step(id.clone()))
}

#[rstest]
#[case("received", "displayed", true, Reason::ReceivedInTime)]
#[case("displayed", "displayed", true, Reason::DisplayedInTime)]
#[case("displayed", "dismissed", false, Reason::DisplayedInTime)]
#[case("read", "displayed", false, Reason::ReadInTime)]
#[case("read", "read", true, Reason::ReadInTime)]
#[case("acknowledged", "read", false, Reason::AcknowledgedInTime)]
#[case("acknowledged", "acknowledged", true, Reason::AcknowledgedInTime)]
fn a_receipt_ends_the_steps_that_wait_for_its_absence(
    #[case] unless: &str,
    #[case] receipt: &str,
    #[case] ends: bool,
    #[case] reason: Reason,
) {
    let mut world = with_rule(unless);
    let id = fail(&mut world);
    assert!(step_waits(&world, &id));
    one(&mut world, &json!({"id": "a", "op": "receipt", "notification": id, "receipt": receipt}));
    assert_eq!(step_waits(&world, &id), !ends);
    let told = world.stories[&id].iter().filter(|entry| entry.reason == Some(reason)).count();
    assert_eq!(told, if ends { 2 } else { 0 });
}

#[rstest]
#[case("received", true)]
#[case("displayed", false)]
fn held_ends_what_waits_for_received_only(#[case] unless: &str, #[case] ends: bool) {
    let mut world = with_rule(unless);
    let id = fail(&mut world);
    let cursor = world.cursor("alice", 1);
    one(&mut world, &json!({"id": "a", "op": "held", "cursor": cursor}));
    assert_eq!(step_waits(&world, &id), !ends);
}

#[test]
fn an_acknowledgement_by_anyone_of_the_chain_ends_it_for_all() {
    let mut world = with_rule("acknowledged");
    let first = fail(&mut world);
    world.wait(5 * MINUTE);
    let row = world.due[&DueKey::Step(first.clone())].clone();
    world.act(Act::Advance(row)).unwrap();
    let bobs = world.notifications.values().find(|row| row.person.recipient.as_str() == "bob").unwrap();
    let bobs = bobs.id.clone();
    assert!(step_waits(&world, &first), "carol is next");
    let op = json!([{"id": "a", "op": "receipt", "notification": bobs, "receipt": "acknowledged"}]);
    world.operate("bob", "tablet", op);
    assert!(!step_waits(&world, &first));
    assert_eq!(world.state(&first), NotificationState::Cancelled);
    assert_eq!(world.state(&bobs), NotificationState::Reached);
}

/// Found by simulation (seed 7): the next recipient had not been read.
#[test]
fn where_the_first_step_reaches_nobody_the_next_is_told_at_once() {
    let rule = r#"
rules:
  failed:
    on: payment.failed
    category: alarms
    template: failed
    deliver: [{channels: [sms]}, {after: 5m, notify: data.second, channels: [inapp]}]
templates:
  failed: {en: {title: Payment failed}}
categories:"#;
    let mut world = World::where_instead("\ncategories:", rule);
    fail(&mut world);
    assert_eq!(world.numbers("bob").0, 1);
}
