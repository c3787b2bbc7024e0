use rstest::rstest;
use tidings_protocol::{
    Channel, Decision, DeliveryState, NotificationId, NotificationState, Reason, StoryKind,
};

use crate::act::{Act, Answer, ConsentRequest, IfRevision, PreferenceChange, RecipientChange};
use crate::acts::testing::{HOUR, World, person};
use crate::model::{BookKey, Delivery, Ledger, PlannedStep, Term, utc_day};

/// A mail on its way beside a notification in the inbox. Mail has no provider yet, so it is put there by hand.
fn with_mail(world: &mut World, id: &NotificationId, state: DeliveryState) -> Box<str> {
    let mail: Box<str> = format!("{id}.mail").into();
    let delivery = Delivery {
        id: mail.clone(),
        notification: id.clone(),
        person: person("alice"),
        channel: Channel::Email,
        address: Some("alice@example.org".into()),
        state,
        reason: None,
        step: 1,
        made_at: world.now,
        changed_at: world.now,
        way: None,
    };
    world.deliveries.insert(mail.clone(), delivery);
    for term in [Term::Made(Ledger::Deliveries), Term::Delivery(state)] {
        let key = BookKey { project: person("alice").project, day: utc_day(world.now), term };
        *world.books.0.entry(key).or_default() += 1;
    }
    let row = world.notifications.get_mut(id).unwrap();
    let step = PlannedStep { channels: vec![Channel::Inapp, Channel::Email], ..row.plan[0].clone() };
    row.plan = vec![step].into();
    mail
}

fn decide(world: &mut World, decision: Decision, channels: &[Channel]) -> Vec<NotificationId> {
    let request = ConsentRequest {
        recipient: "alice".parse().unwrap(),
        decision,
        category: "offers".parse().unwrap(),
        channels: channels.to_vec(),
        policy_version: None,
        text_shown: None,
        collected: None,
    };
    match world.act(Act::DecideConsent(Box::new(request))) {
        Ok(Answer::Consent { too_late, .. }) => too_late,
        other => panic!("{other:?}"),
    }
}

fn active_offer(mail: DeliveryState) -> (World, NotificationId, Box<str>) {
    let mut world = World::new();
    decide(&mut world, Decision::Granted, &[]);
    let id = world.send("alice", "offers");
    let mail = with_mail(&mut world, &id, mail);
    (world, id, mail)
}

#[test]
fn a_channel_that_is_forbidden_stops_its_deliveries_and_leaves_the_others() {
    let (mut world, id, mail) = active_offer(DeliveryState::Waiting);
    assert!(decide(&mut world, Decision::Withdrawn, &[Channel::Email]).is_empty());
    let delivery = &world.deliveries[&mail];
    assert_eq!((delivery.state, delivery.reason), (DeliveryState::Suppressed, Some(Reason::NoLongerAllowed)));
    assert_eq!(world.state(&id), NotificationState::Active);
    assert!(world.row(&id).is_visible());
}

#[test]
fn what_is_being_handed_over_is_too_late_and_says_so() {
    let (mut world, id, mail) = active_offer(DeliveryState::HandingOver);
    assert_eq!(decide(&mut world, Decision::Withdrawn, &[]), std::slice::from_ref(&id));
    assert_eq!(world.deliveries[&mail].state, DeliveryState::HandingOver);
    assert_eq!(world.state(&id), NotificationState::Cancelled, "the inbox could still be stopped");
    let told = world.stories[&id].iter().find(|entry| entry.reason == Some(Reason::TooLate)).unwrap();
    assert_eq!((told.kind, told.channel), (StoryKind::Cancelled, Some(Channel::Email)));
}

#[test]
fn a_step_that_waits_at_a_notification_that_reached_its_recipient_is_stopped_too() {
    let (mut world, id, mail) = active_offer(DeliveryState::Waiting);
    let cursor = world.cursor("alice", world.numbers("alice").0);
    world.greet("alice", World::greeting("phone", Some(&cursor))).unwrap();
    assert_eq!(world.state(&id), NotificationState::Reached);
    decide(&mut world, Decision::Withdrawn, &[]);
    assert_eq!(world.deliveries[&mail].state, DeliveryState::Suppressed);
    assert_eq!(world.state(&id), NotificationState::Reached);
}

#[test]
fn what_had_nothing_but_a_forbidden_channel_was_never_handed_over() {
    let (mut world, id, _) = active_offer(DeliveryState::Waiting);
    decide(&mut world, Decision::Withdrawn, &[]);
    assert_eq!(world.state(&id), NotificationState::Cancelled);
    assert_eq!(world.row(&id).inapp.unwrap().state, DeliveryState::Cancelled);
}

#[rstest]
#[case(Some("someone@example.org"), DeliveryState::Waiting, DeliveryState::Cancelled)]
#[case(Some("someone@example.org"), DeliveryState::HandingOver, DeliveryState::HandingOver)]
#[case(Some("alice@example.org"), DeliveryState::Waiting, DeliveryState::Waiting)]
#[case(None, DeliveryState::Waiting, DeliveryState::Cancelled)]
fn a_delivery_to_an_address_that_moved_is_cancelled(
    #[case] address: Option<&str>,
    #[case] before: DeliveryState,
    #[case] after: DeliveryState,
) {
    let (mut world, _, mail) = active_offer(before);
    let put = |address: Option<&str>| Act::PutEndpoint {
        recipient: "alice".parse().unwrap(),
        channel: Channel::Email,
        address: address.map(|address| (address.into(), true)),
    };
    // Setting the address that it goes to moves nothing.
    world.act(put(Some("alice@example.org"))).unwrap();
    assert_eq!(world.deliveries[&mail].state, before);
    world.act(put(address)).unwrap();
    assert_eq!(world.deliveries[&mail].state, after);
    let addresses: Vec<&str> = world.person("alice").endpoints.iter().map(|e| &*e.address).collect();
    assert_eq!(addresses, address.into_iter().collect::<Vec<_>>());
}

#[test]
fn preferences_that_the_backend_puts_forget_what_they_do_not_name() {
    let mut world = World::new();
    let placed = world.send("alice", "general");
    let put = |choices: &[(&str, bool)], replace| {
        let choices = choices.iter().map(|(c, on)| ((c.parse().unwrap(), Channel::Inapp), *on)).collect();
        let recipient = Some("alice".parse().unwrap());
        Act::PutPreferences(Box::new(PreferenceChange {
            recipient,
            choices,
            replace,
            ..PreferenceChange::default()
        }))
    };
    world.act(put(&[("general", false)], true)).unwrap();
    assert_eq!(world.state(&placed), NotificationState::Cancelled);
    let choices = |world: &World| {
        let recipient = world.person("alice").recipient.as_ref().unwrap();
        recipient
            .preferences
            .choices
            .iter()
            .map(|((c, _), on)| (c.to_string(), on.chosen))
            .collect::<Vec<_>>()
    };
    world.act(put(&[("offers", true)], false)).unwrap();
    assert_eq!(choices(&world), [("general".into(), false), ("offers".into(), true)]);
    world.act(put(&[("offers", true)], true)).unwrap();
    assert_eq!(choices(&world), [("offers".into(), true)]);
    let refused = world.act(put(&[("offers", false), ("alarms", false)], true)).unwrap_err();
    assert_eq!(refused.code(), "invalid");
    assert_eq!(choices(&world), [("offers".into(), true)], "a refusal changes nothing");
}

fn change(revision: Option<u64>, zone: Option<&str>, replace: bool) -> Act {
    Act::PutRecipient(Box::new(RecipientChange {
        recipient: Some("alice".parse().unwrap()),
        replace,
        time_zone: zone.map(|zone| Some(zone.into())),
        if_revision: revision.map(|revision| match revision {
            0 => IfRevision::Absent,
            revision => IfRevision::Of(vec![revision]),
        }),
        ..RecipientChange::default()
    }))
}

#[test]
fn a_recipient_is_made_by_a_put_and_changed_only_at_the_revision_that_was_read() {
    let mut world = World::new();
    assert_eq!(world.act(change(None, None, false)).unwrap_err().code(), "not_found");
    let revision = |answer| match answer {
        Ok(Answer::Recipient { revision, created }) => (revision, created),
        other => panic!("{other:?}"),
    };
    assert_eq!(revision(world.act(change(Some(0), None, true))), (1, true));
    assert_eq!(world.act(change(Some(0), None, true)).unwrap_err().code(), "precondition_failed");
    assert_eq!(revision(world.act(change(Some(1), Some("Asia/Tokyo"), false))), (2, false));
    assert_eq!(revision(world.act(change(None, Some("Asia/Tokyo"), false))), (2, false));
    assert_eq!(revision(world.act(change(Some(2), None, true))), (3, false));
    assert_eq!(world.person("alice").recipient.as_ref().unwrap().time_zone, None);
}

#[test]
fn a_zone_that_the_backend_sets_moves_what_is_held() {
    let mut world = World::new();
    world.wait(11 * HOUR);
    let held = world.send("alice", "general");
    let (seq, _) = world.numbers("alice");
    world.act(change(None, Some("Asia/Tokyo"), false)).unwrap();
    assert_eq!(world.state(&held), NotificationState::Active);
    assert_eq!(world.numbers("alice").0, seq + 2, "the settings and the notification");
}

#[test]
fn a_membership_raises_the_version_if_it_changes_anything() {
    let mut world = World::new();
    let put = |member| Act::PutMembership {
        recipient: "alice".parse().unwrap(),
        topic: "staff".parse().unwrap(),
        member,
    };
    world.act(put(false)).unwrap();
    assert!(world.people.is_empty(), "nobody is made to be taken out");
    for (member, version) in [(true, 1), (true, 1), (false, 2), (false, 2)] {
        world.act(put(member)).unwrap();
        assert_eq!(world.numbers("alice"), (0, version));
        assert_eq!(world.person("alice").topics.len(), usize::from(member));
    }
}
