use rstest::rstest;
use tidings_protocol::{EntryId, RecipientId};

use super::*;
use crate::act::{Act, ConsentRequest};
use crate::acts::testing::{World, person};
use crate::sms::{Chain, Taken};

const NUMBER: &str = "+491701234567";

/// Alice and Bob have one number; Carol has another.
fn world() -> World {
    let mut world = World::new();
    for (recipient, number) in [("alice", NUMBER), ("bob", NUMBER), ("carol", "+491709999999")] {
        let act = Act::PutEndpoint {
            recipient: RecipientId::new(recipient).unwrap(),
            channel: Channel::Sms,
            address: Some((number.into(), true)),
        };
        world.act(act).unwrap();
    }
    world
}

fn decide(world: &mut World, recipient: &str, category: &str, decision: Decision) {
    let request = ConsentRequest {
        recipient: RecipientId::new(recipient).unwrap(),
        decision,
        category: CategoryId::new(category).unwrap(),
        channels: vec![Channel::Sms],
        policy_version: (decision == Decision::Granted).then(|| "2026-11".into()),
        text_shown: None,
        collected: None,
    };
    world.act(Act::DecideConsent(Box::new(request))).unwrap();
}

/// What the ledger says that was taken from Alice.
fn taken(entries: &[crate::model::ConsentEntry]) -> Vec<SmsGiveBack> {
    let mut chain = Chain::default();
    entries.iter().for_each(|entry| chain.follow(entry));
    let recipient = RecipientId::new("alice").unwrap();
    chain.taken().into_iter().map(|taken| SmsGiveBack { recipient: recipient.clone(), taken }).collect()
}

/// How many have the number, and how many decisions were made; the entries of Alice are added to her ledger.
fn say(world: &mut World, word: SmsWord, ledger: &mut Vec<crate::model::ConsentEntry>) -> (usize, usize) {
    let give_back = if word == SmsWord::Start { taken(ledger) } else { Vec::new() };
    let heard = SmsAnswer { number: NUMBER.into(), provider: "sms_a".into(), word, give_back };
    let Answer::SmsHeard { recipients, decisions, .. } = world.act(Act::HearSms(Box::new(heard))).unwrap()
    else {
        panic!("another answer")
    };
    keep(world, ledger);
    (recipients, decisions)
}

fn keep(world: &World, ledger: &mut Vec<crate::model::ConsentEntry>) {
    let written = world.written.consent_entries.iter().filter(|(key, _)| *key == person("alice"));
    ledger.extend(written.map(|(_, entry)| entry.clone()));
}

fn decided(world: &World, recipient: &str, category: &str) -> Option<Decision> {
    let states = &world.people[&person(recipient)].consents.states;
    states.get(&(CategoryId::new(category).unwrap(), Channel::Sms)).map(|state| state.decision)
}

#[test]
fn stop_takes_everything_but_what_is_essential_from_all_who_have_the_number() {
    let (mut world, mut ledger) = (world(), Vec::new());
    decide(&mut world, "alice", "offers", Decision::Granted);
    assert_eq!(say(&mut world, SmsWord::Stop, &mut ledger), (2, 6));
    for recipient in ["alice", "bob"] {
        assert_eq!(decided(&world, recipient, "offers"), Some(Decision::Withdrawn));
        assert_eq!(decided(&world, recipient, "general"), Some(Decision::Withdrawn));
        assert_eq!(decided(&world, recipient, "alarms"), None);
    }
    assert_eq!(decided(&world, "carol", "offers"), None);
    let personal = ledger[0].personal.as_ref().unwrap().collected.as_ref().unwrap();
    assert_eq!((&*personal.how, personal.by.as_deref()), ("sms_keyword", Some("sms_a")));
    assert_eq!(say(&mut world, SmsWord::Stop, &mut ledger), (2, 0), "what is stopped is not stopped again");
}

#[test]
fn start_gives_back_what_stop_took_and_invents_no_grant() {
    let (mut world, mut ledger) = (world(), Vec::new());
    decide(&mut world, "alice", "offers", Decision::Granted);
    keep(&world, &mut ledger);
    say(&mut world, SmsWord::Stop, &mut ledger);
    // Alice agreed to offers, general needs no agreement, and nothing else is stopped; of Bob nothing was told.
    assert_eq!(say(&mut world, SmsWord::Start, &mut ledger), (2, 3));
    assert_eq!(decided(&world, "alice", "offers"), Some(Decision::Granted));
    assert_eq!(decided(&world, "alice", "general"), Some(Decision::Granted));
    let last = ledger.iter().rev().find(|entry| entry.category.as_str() == "offers").unwrap();
    assert_eq!(last.policy_version.as_deref(), Some("2026-11"), "to the policy that was agreed to");
    assert_eq!(say(&mut world, SmsWord::Start, &mut ledger), (2, 0));
}

#[rstest]
#[case::never_asked(None)]
#[case::refused(Some(Decision::Refused))]
#[case::withdrawn_elsewhere(Some(Decision::Withdrawn))]
fn start_grants_no_marketing_that_was_not_granted_before_stop(#[case] before: Option<Decision>) {
    let (mut world, mut ledger) = (world(), Vec::new());
    if let Some(before) = before {
        decide(&mut world, "alice", "offers", before);
        keep(&world, &mut ledger);
    }
    say(&mut world, SmsWord::Stop, &mut ledger);
    say(&mut world, SmsWord::Start, &mut ledger);
    assert_ne!(decided(&world, "alice", "offers"), Some(Decision::Granted));
}

#[test]
fn what_was_decided_after_stop_is_not_touched_by_start() {
    let (mut world, mut ledger) = (world(), Vec::new());
    decide(&mut world, "alice", "offers", Decision::Granted);
    keep(&world, &mut ledger);
    say(&mut world, SmsWord::Stop, &mut ledger);
    let stale = taken(&ledger);
    decide(&mut world, "alice", "offers", Decision::Withdrawn);
    let heard =
        SmsAnswer { number: NUMBER.into(), provider: "sms_a".into(), word: SmsWord::Start, give_back: stale };
    world.act(Act::HearSms(Box::new(heard))).unwrap();
    assert_eq!(decided(&world, "alice", "offers"), Some(Decision::Withdrawn));
}

#[test]
fn nobody_gets_what_was_taken_from_somebody_else() {
    let mut world = world();
    let taken = Taken {
        category: CategoryId::new("offers").unwrap(),
        entry: EntryId::new("e-1").unwrap(),
        was_granted: true,
        policy_version: None,
    };
    let give_back = vec![SmsGiveBack { recipient: RecipientId::new("carol").unwrap(), taken }];
    let heard = SmsAnswer { number: NUMBER.into(), provider: "a".into(), word: SmsWord::Start, give_back };
    world.act(Act::HearSms(Box::new(heard))).unwrap();
    assert_eq!(decided(&world, "carol", "offers"), None);
}
