use serde_json::json;
use tidings_protocol::{DeliveryState, NotificationState};

use crate::act::{Act, Answer, PreferenceChange};
use crate::acts::testing::{HOUR, World, person};
use crate::model::FeedKind;

fn erase(world: &mut World) -> bool {
    match world.act(Act::Erase("alice".parse().unwrap())) {
        Ok(Answer::Erased(anybody)) => anybody,
        other => panic!("{other:?}"),
    }
}

#[test]
fn whatever_state_it_was_in_it_is_counted_as_erased() {
    let mut world = World::new();
    let reached = world.send("alice", "general");
    let suppressed = world.send("alice", "offers");
    let cursor = world.cursor("alice", 1);
    world.greet("alice", World::greeting("phone", Some(&cursor))).unwrap();
    world.wait(11 * HOUR);
    let held = world.send("alice", "general");
    let active = world.send("alice", "alarms");
    let states: Vec<_> = [&reached, &suppressed, &held, &active].map(|id| world.state(id)).into();
    use NotificationState::{Active, Held, Reached, Suppressed};
    assert_eq!(states, [Reached, Suppressed, Held, Active]);

    // The world recounts the books after each act.
    assert!(erase(&mut world));
    for id in [&reached, &suppressed, &held, &active] {
        let row = world.row(id);
        assert_eq!(row.state, NotificationState::Erased);
        assert_eq!((row.created_seq, row.content.as_ref()), (None, None));
        assert!(row.inapp.is_none_or(|inapp| inapp.state == DeliveryState::Erased));
    }
    assert_eq!(world.fed(FeedKind::RecipientErased), 1);
    assert_eq!(world.after.erased, [person("alice")]);
    assert!(!erase(&mut world), "nobody is erased twice");
}

#[test]
fn who_was_never_here_is_not_erased() {
    let mut world = World::new();
    assert!(!erase(&mut world));
    assert!(world.written.is_empty());
}

#[test]
fn what_came_in_the_same_transaction_goes_too() {
    let mut world = World::new();
    world.greet("alice", World::greeting("phone", None)).unwrap();
    let preferences = PreferenceChange {
        recipient: Some("alice".parse().unwrap()),
        choices: [(("general".parse().unwrap(), tidings_protocol::Channel::Inapp), false)].into(),
        ..PreferenceChange::default()
    };
    let topic = Act::PutMembership {
        recipient: "alice".parse().unwrap(),
        topic: "staff".parse().unwrap(),
        member: true,
    };
    let fact = World::fact("order.placed", "alice", world.now, json!({"secret": "lamp"}));
    let acts = vec![
        Act::accept(vec![fact]),
        Act::PutPreferences(Box::new(preferences)),
        topic,
        Act::Erase("alice".parse().unwrap()),
    ];
    assert!(world.acts(acts).iter().all(Result::is_ok));
    let event = &world.written.events_new[0];
    assert_eq!((event.body.recipient.as_ref(), &event.body.data), (None, &json!(null)));
    assert!(world.written.memberships.is_empty() && world.written.recipients.is_empty());
    assert_eq!(world.written.feed.len(), 1);
}

#[test]
fn a_recipient_who_comes_back_has_another_epoch_and_an_empty_inbox() {
    let mut world = World::new();
    world.send("alice", "general");
    let before = world.person("alice").inbox.as_ref().unwrap().epoch;
    erase(&mut world);
    world.wait(1);
    let (epoch, head, _) = world.greet("alice", World::greeting("phone", None)).unwrap();
    assert_eq!((world.person("alice").erased.as_ref().unwrap().epoch, head), (before, 0));
    assert_ne!(epoch, before);
    let answered =
        world.operate("alice", "phone", json!([{"id": "a", "op": "held", "cursor": format!("{epoch:x}.0")}]));
    assert_eq!(answered.done.len(), 1);
}
