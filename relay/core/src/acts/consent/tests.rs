use rstest::rstest;
use tidings_protocol::{Channel, Decision, NotificationId, NotificationState};

use crate::act::{Act, Answer, ConsentRequest, Refusal};
use crate::acts::testing::World;
use crate::model::{ConsentEntry, entry_hash};

fn request(decision: Decision) -> ConsentRequest {
    ConsentRequest {
        recipient: "alice".parse().unwrap(),
        decision,
        category: "offers".parse().unwrap(),
        channels: Vec::new(),
        policy_version: Some("2026-11".into()),
        text_shown: Some("Offers, at most two a week".into()),
        collected: None,
    }
}

fn decide(world: &mut World, request: ConsentRequest) -> Result<Vec<NotificationId>, Refusal> {
    let answer = world.act(Act::DecideConsent(Box::new(request)))?;
    let Answer::Consent { entry, too_late } = answer else { panic!("{answer:?}") };
    assert_eq!(world.written.consent_entries[0].1.id, entry);
    Ok(too_late)
}

#[test]
fn a_decision_holds_for_every_channel_of_the_category_if_it_names_none() {
    let mut world = World::new();
    decide(&mut world, request(Decision::Granted)).unwrap();
    let states = &world.person("alice").consents.states;
    let channels: Vec<Channel> = states.keys().map(|(_, channel)| *channel).collect();
    assert_eq!(channels, [Channel::Inapp, Channel::Email]);
    let one = ConsentRequest { channels: vec![Channel::Sms, Channel::Sms], ..request(Decision::Granted) };
    decide(&mut world, one).unwrap();
    assert_eq!(world.written.consent_entries[0].1.channels, [Channel::Sms]);
}

#[test]
fn each_entry_names_the_one_before_and_its_personal_fields_can_go() {
    let mut world = World::new();
    let mut entries: Vec<ConsentEntry> = Vec::new();
    for decision in [Decision::Granted, Decision::Withdrawn, Decision::Refused] {
        decide(&mut world, request(decision)).unwrap();
        entries.push(world.written.consent_entries[0].1.clone());
    }
    for (place, entry) in entries.iter().enumerate() {
        let before = place.checked_sub(1).map(|before| entries[before].hash).unwrap_or_default();
        assert_eq!((entry.number, entry.previous), (place as u64 + 1, before));
        assert_eq!(entry.commitment, entry.personal.as_ref().unwrap().commitment());
        let left = ConsentEntry { personal: None, ..entry.clone() };
        assert_eq!(entry_hash(&left), entry.hash);
        let forged = ConsentEntry { decision: Decision::Granted, at: world.now.plus_millis(1), ..left };
        assert_ne!(entry_hash(&forged), entry.hash);
    }
    assert_ne!(entries[1].commitment, entries[2].commitment, "each has its own salt");
}

#[test]
fn marketing_comes_after_the_grant_and_not_before() {
    let mut world = World::new();
    let before = world.send("alice", "offers");
    decide(&mut world, request(Decision::Granted)).unwrap();
    let after = world.send("alice", "offers");
    assert_eq!(world.state(&before), NotificationState::Suppressed);
    assert_eq!(world.state(&after), NotificationState::Active);
    decide(&mut world, request(Decision::Withdrawn)).unwrap();
    assert_eq!(world.state(&after), NotificationState::Cancelled);
}

#[rstest]
#[case("offer", "2026-11", "unknown_category")]
#[case("offers", "2025-01", "stale")]
#[case("offers", &"x".repeat(129), "stale")]
fn a_grant_that_cannot_be_writes_nothing(#[case] category: &str, #[case] policy: &str, #[case] code: &str) {
    let mut world = World::new();
    let grant = ConsentRequest {
        category: category.parse().unwrap(),
        policy_version: Some(policy.into()),
        ..request(Decision::Granted)
    };
    assert_eq!(decide(&mut world, grant).unwrap_err().code(), code);
    assert!(world.people.is_empty());
}

#[test]
fn an_unknown_category_is_refused_with_the_one_that_was_meant() {
    let mut world = World::new();
    let grant = ConsentRequest { category: "ofers".parse().unwrap(), ..request(Decision::Granted) };
    let Err(Refusal::UnknownCategory { hint, .. }) = decide(&mut world, grant) else { panic!() };
    assert_eq!(hint.as_deref(), Some("offers"));
}

#[rstest]
#[case(4_000, true)]
#[case(4_001, false)]
fn the_text_that_was_shown_has_at_most_4000_characters(#[case] characters: usize, #[case] fits: bool) {
    let text_shown = Some("ä".repeat(characters).into());
    let request = ConsentRequest { text_shown, ..request(Decision::Withdrawn) };
    assert_eq!(decide(&mut World::new(), request).is_ok(), fits);
}
