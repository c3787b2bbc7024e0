use super::*;
use crate::testing::{at, id};

fn candidate(name: &str) -> Candidate {
    Candidate {
        id: id(name),
        category: "orders".parse().unwrap(),
        collapse: None,
        priority: Priority::Normal,
        needs_acknowledgement: false,
        expires_at: at(1_000),
        created_at: at(0),
        after_absence: false,
        local: LocalView::default(),
    }
}

fn on_screen(state: Candidate) -> OnScreen {
    let (id, category, collapse) = (state.id.clone(), state.category.clone(), state.collapse.clone());
    OnScreen { id, round: state.local.round, category, collapse, state: Some(state) }
}

fn read(mut candidate: Candidate) -> Candidate {
    candidate.local.view.read_at = Some(at(5));
    candidate
}

fn show(name: &str) -> Decision {
    Decision::Show { id: id(name), round: 0 }
}

fn withdraw(name: &str) -> Decision {
    Decision::Withdraw { id: id(name) }
}

#[test]
fn what_is_new_is_shown_oldest_first() {
    let newer = Candidate { created_at: at(2), ..candidate("a") };
    let older = Candidate { created_at: at(1), ..candidate("b") };
    assert_eq!(decide(at(10), &[newer, older], &[]), [show("b"), show("a")]);
}

#[test]
fn what_was_read_elsewhere_is_never_shown() {
    assert_eq!(decide(at(10), &[read(candidate("a"))], &[]), [Decision::Pass { id: id("a"), round: 0 }]);
}

#[test]
fn expiry_is_the_first_instant_at_which_nothing_is_shown() {
    assert_eq!(decide(at(999), &[candidate("a")], &[]), [show("a")]);
    assert_eq!(decide(at(1_000), &[candidate("a")], &[]), [Decision::Pass { id: id("a"), round: 0 }]);
    assert_eq!(decide(at(999), &[], &[on_screen(candidate("a"))]), []);
    assert_eq!(decide(at(1_000), &[], &[on_screen(candidate("a"))]), [withdraw("a")]);
}

#[test]
fn reading_withdraws_but_not_what_waits_for_an_acknowledgement() {
    assert_eq!(decide(at(10), &[], &[on_screen(read(candidate("a")))]), [withdraw("a")]);
    let mut waiting = Candidate { needs_acknowledgement: true, ..read(candidate("a")) };
    assert_eq!(decide(at(10), &[], &[on_screen(waiting.clone())]), []);
    waiting.local.view.acknowledged_at = Some(at(6));
    assert_eq!(decide(at(10), &[], &[on_screen(waiting)]), [withdraw("a")]);
}

#[test]
fn a_retraction_withdraws() {
    let retracted = OnScreen { state: None, ..on_screen(candidate("a")) };
    assert_eq!(decide(at(10), &[], &[retracted]), [withdraw("a")]);
}

#[test]
fn a_newer_one_of_the_same_key_takes_the_olders_place() {
    let keyed = |name| Candidate { collapse: Some("order-1".into()), ..candidate(name) };
    let older = OnScreen { state: None, ..on_screen(keyed("a")) };
    let update = Decision::Update { id: id("b"), round: 0, replaces: id("a") };
    assert_eq!(decide(at(10), &[keyed("b")], std::slice::from_ref(&older)), [update]);
    let elsewhere = Candidate { category: "news".parse().unwrap(), ..keyed("b") };
    assert_eq!(decide(at(10), &[elsewhere], &[older]), [withdraw("a"), show("b")]);
}

#[test]
fn three_after_an_absence_are_shown_and_four_are_summed_up() {
    let absent = |name: &str| Candidate { after_absence: true, ..candidate(name) };
    let names = ["a", "b", "c", "d"];
    let few: Vec<_> = names[..3].iter().map(|name| absent(name)).collect();
    assert_eq!(decide(at(10), &few, &[]), [show("a"), show("b"), show("c")]);
    let many: Vec<_> = names.iter().map(|name| absent(name)).collect();
    let items = names.iter().map(|name| (id(name), 0)).collect();
    assert_eq!(decide(at(10), &many, &[]), [Decision::Summary { items }]);
}

#[test]
fn the_urgent_and_what_waits_for_an_acknowledgement_are_never_summed_up() {
    let absent = |name: &str| Candidate { after_absence: true, ..candidate(name) };
    let mut many: Vec<_> = ["a", "b", "c", "d", "e", "f"].iter().map(|name| absent(name)).collect();
    many[4].priority = Priority::Urgent;
    many[5].needs_acknowledgement = true;
    let items = ["a", "b", "c", "d"].iter().map(|name| (id(name), 0)).collect();
    assert_eq!(decide(at(10), &many, &[]), [show("e"), show("f"), Decision::Summary { items }]);
}

#[test]
fn what_sleeps_is_off_the_screen_until_its_time() {
    let mut asleep = candidate("a");
    asleep.local.round = 1;
    asleep.local.view.snoozed_until = Some(at(50));
    let shown = OnScreen { round: 0, ..on_screen(asleep.clone()) };
    let asleep = [asleep];
    assert_eq!(decide(at(49), &asleep, &[shown]), [withdraw("a")]);
    assert_eq!(next_wake(at(49), &asleep, &[]), Some(at(50)));
    assert_eq!(decide(at(50), &asleep, &[]), [Decision::Show { id: id("a"), round: 1 }]);
}
