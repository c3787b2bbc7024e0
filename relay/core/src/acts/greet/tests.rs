use std::sync::Arc;

use rstest::rstest;
use tidings_protocol::{DeliveryState, NotificationState, Timestamp};

use crate::act::{Act, DeviceGreeting, Refusal};
use crate::acts::testing::{NOON, World, person};

#[test]
fn whoever_comes_is_made_if_the_project_says_so() {
    let mut world = World::new();
    let (_, head, place) = world.greet("alice", World::greeting("phone", None)).unwrap();
    assert_eq!((head, place), (0, None));
    assert!(world.person("alice").is_known());

    let mut strict = World::where_instead("unknown_recipient: create", "unknown_recipient: refuse");
    let refused = strict.greet("alice", World::greeting("phone", None)).unwrap_err();
    assert_eq!(refused.code(), "unknown_recipient");
    assert!(strict.people.is_empty());
}

#[test]
fn the_cursor_of_a_hello_counts_as_held() {
    let mut world = World::new();
    let id = world.send("alice", "general");
    let cursor = world.cursor("alice", 1);
    let (_, _, place) = world.greet("alice", World::greeting("phone", Some(&cursor))).unwrap();
    assert_eq!(place, Some(1));
    assert_eq!(world.state(&id), NotificationState::Reached);
    assert_eq!(world.row(&id).inapp.unwrap().state, DeliveryState::Received);
}

#[test]
fn a_cursor_of_another_epoch_holds_nothing_and_begins_anew() {
    let mut world = World::new();
    let id = world.send("alice", "general");
    let (_, _, place) = world.greet("alice", World::greeting("phone", Some("ffffffff.1"))).unwrap();
    assert_eq!((place, world.state(&id)), (None, NotificationState::Active));
}

#[rstest]
#[case("a", "a", None)]
#[case("a", "", None)]
#[case("", "b", None)]
#[case("a", "b", Some("device_conflict"))]
fn another_installation_takes_another_id(
    #[case] before: &str,
    #[case] now: &str,
    #[case] refused: Option<&str>,
) {
    let mut world = World::new();
    let with = |nonce: &str| DeviceGreeting { nonce: nonce.into(), ..World::greeting("phone", None) };
    world.greet("alice", with(before)).unwrap();
    let code = world.greet("alice", with(now)).err().map(|refusal| refusal.code());
    assert_eq!(code, refused);
}

#[test]
fn a_device_that_was_removed_stays_out() {
    let mut world = World::new();
    world.greet("alice", World::greeting("phone", None)).unwrap();
    let now = world.now;
    let device = world.people.get_mut(&person("alice")).unwrap().devices.values_mut().next().unwrap();
    Arc::make_mut(device).revoked_at = Some(now);
    assert_eq!(world.greet("alice", World::greeting("phone", None)), Err(Refusal::DeviceRevoked));
    let refused = world.operate_after("alice", "phone", None, serde_json::json!([])).unwrap_err();
    assert_eq!(refused, Refusal::DeviceRevoked);
}

#[test]
fn a_device_that_understands_more_begins_anew() {
    let mut world = World::new();
    world.send("alice", "general");
    let cursor = world.cursor("alice", 1);
    let with = |kinds: &[&str]| DeviceGreeting {
        understands: kinds.iter().map(|kind| Box::from(*kind)).collect(),
        ..World::greeting("phone", Some(&cursor))
    };
    assert_eq!(world.greet("alice", with(&["notification"])).unwrap().2, Some(1));
    assert_eq!(world.greet("alice", with(&["notification", "settings"])).unwrap().2, None);
    assert_eq!(world.greet("alice", with(&["notification", "settings"])).unwrap().2, Some(1));
    assert_eq!(world.greet("alice", with(&["notification"])).unwrap().2, Some(1));
}

#[test]
fn hello_again_within_the_minute_writes_nothing() {
    let mut world = World::new();
    world.greet("alice", World::greeting("phone", None)).unwrap();
    world.wait(59_999);
    world.greet("alice", World::greeting("phone", None)).unwrap();
    assert!(world.written.is_empty());
    world.wait(1);
    world.greet("alice", World::greeting("phone", None)).unwrap();
    assert_eq!(world.written.devices.len(), 1);
}

/// A token that is still valid says hello after the erasure.
#[rstest]
#[case(NOON - 1, false)]
#[case(NOON, false)]
#[case(NOON + 1, true)]
fn a_token_from_before_the_erasure_creates_nobody(#[case] issued: i64, #[case] welcome: bool) {
    let mut world = World::new();
    world.greet("alice", World::greeting("phone", None)).unwrap();
    world.act(Act::Erase("alice".parse().unwrap())).unwrap();
    world.wait(1_000);
    let device = Box::new(World::greeting("phone", None));
    let token_issued_at = Timestamp::from_millis(issued);
    let answer = world.act(Act::Greet { recipient: "alice".parse().unwrap(), device, token_issued_at });
    assert_eq!(answer.is_ok(), welcome);
    assert_eq!(world.person("alice").is_known(), welcome);
}
