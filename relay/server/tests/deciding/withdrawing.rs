//! What recipients take back stops everything that is not handed over yet; and who is erased is forgotten, not their
//! decisions.

use serde_json::json;
use tidings_core::act::{Act, SmsAnswer, SmsGiveBack};
use tidings_core::sms::{Chain, SmsWord};
use tidings_protocol::{Channel, Decision, DeliveryState, NotificationState};

use crate::documents::{rule, ruled};
use crate::scene::{Scene, fact, person, project};

const TWO_WAYS: &str =
    "category: offers, deliver: [{channels: [inapp]}, {after: 1h, unless: read, channels: [email]}]";

async fn offered() -> (Scene, tidings_protocol::NotificationId) {
    let scene = Scene::new(&rule(TWO_WAYS)).await;
    scene.consent("alice", "offers", &[], Decision::Granted).await;
    let id = scene.e("alice", 1).await;
    assert!(scene.row(&id).await.is_visible());
    (scene, id)
}

#[tokio::test]
async fn a_withdrawal_for_the_inbox_alone_takes_out_of_it_what_no_device_has() {
    let (scene, id) = offered().await;
    let before = scene.row(&id).await.seq;
    scene.consent("alice", "offers", &[Channel::Inapp], Decision::Withdrawn).await;
    let row = scene.row(&id).await;
    assert_eq!(row.inapp.unwrap().state, DeliveryState::Cancelled);
    assert!(!row.is_visible() && row.seq > before, "devices are told that it is gone");
    scene.stands(&id, "active -", "outcome no_longer_allowed cancelled inapp").await;
    // The mail is still allowed and still to come; there is no address for it.
    scene.minutes(60).await;
    scene.stands(&id, "suppressed no_longer_allowed", "channel_plan stop no_endpoint email").await;
}

#[tokio::test]
async fn what_a_device_has_stays_when_the_inbox_is_withdrawn() {
    let (scene, id) = offered().await;
    scene.receive("alice").await;
    scene.choose("alice", "offers", Channel::Inapp, false).await;
    assert!(scene.row(&id).await.is_visible());
    assert_eq!(scene.state(&id).await, "reached -");
    scene.balanced().await;
}

#[tokio::test]
async fn switching_the_inbox_off_ends_what_had_no_other_way() {
    let scene = Scene::new(&ruled("category: mixed", "quiet_hours: {default: \"22:00-08:00\"}")).await;
    let active = scene.e("alice", 1).await;
    scene.until("2026-11-23T23:00:00Z").await;
    let held = scene.e("alice", 2).await;
    scene.choose("alice", "mixed", Channel::Inapp, false).await;
    scene.stands(&active, "suppressed no_longer_allowed", "outcome no_longer_allowed cancelled inapp").await;
    assert_eq!(scene.state(&held).await, "held quiet_hours", "mail is left");
    scene.choose("alice", "mixed", Channel::Email, false).await;
    scene.stands(&held, "cancelled category_off", "preference category_off cancelled").await;
}

#[tokio::test]
async fn a_withdrawal_cancels_what_is_held_and_what_is_placed() {
    let (scene, active) = offered().await;
    scene.until("2026-11-23T13:00:00Z").await;
    let document = rule("category: offers, delay: 1h");
    scene.apply(&document).await;
    let held = scene.e("alice", 2).await;
    scene.consent("alice", "offers", &[], Decision::Withdrawn).await;
    for id in [&active, &held] {
        scene.stands(id, "cancelled consent_withdrawn", "consent consent_withdrawn cancelled").await;
        assert!(!scene.row(id).await.is_visible());
    }
}

#[tokio::test]
async fn a_decision_that_arrives_with_the_erasure_stays_in_the_ledger_without_its_person() {
    let scene = Scene::new(&rule("category: orders")).await;
    scene.consent("alice", "offers", &[], Decision::Granted).await;
    let chains = async || scene.store.chains(&project(), None, 10).await.unwrap();
    assert_eq!(chains().await.len(), 1);
    let acts = vec![
        Scene::deciding("alice", "offers", &[], Decision::Withdrawn),
        Act::Erase("alice".parse().unwrap()),
        Scene::joining("bob", "staff", true),
    ];
    let answers = scene.together(acts, false).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert!(scene.store.person(&person("alice")).await.unwrap().recipient.is_none());
    assert!(scene.store.person(&person("bob")).await.unwrap().recipient.is_some());
    let left = chains().await;
    assert_eq!(left.len(), 1, "{left:?}");
    let entries = &left[0].1;
    assert_eq!(entries.len(), 2, "the withdrawal is in the chain");
    assert!(entries.iter().all(|entry| entry.personal.is_none()));
    assert_eq!(entries[1].decision, Decision::Withdrawn);
    scene.balanced().await;
}

#[tokio::test]
async fn what_arrives_after_the_erasure_finds_nobody_and_what_came_before_is_erased() {
    let scene = Scene::new(&rule("category: orders")).await;
    let event = |n| Act::accept(vec![fact("e", Some("alice"), json!({"n": n}), scene.now())]);
    let answers = scene.together(vec![event(1), Act::Erase("alice".parse().unwrap()), event(2)], false).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(scene.count(NotificationState::Erased).await, 1);
    assert_eq!(scene.count(NotificationState::Active).await, 1);
    scene.balanced().await;
}

#[tokio::test]
async fn who_is_erased_while_things_wait_leaves_nothing_that_waits() {
    let keys = "category: calls, deliver: [{channels: [inapp]}, {after: 5m, unless: read, channels: [sms]}]";
    let document = crate::documents::with(&format!(
        "rules:\n  r: {{on: e, template: plain, {keys}}}\n  h: {{on: e, template: plain, category: orders, delay: 1h}}\n  d: {{on: e, template: plain, category: orders, digest: {{window: 1h, template: several}}}}"
    ));
    let scene = Scene::new(&document).await;
    assert_eq!(scene.event("e", "alice", json!({"n": 1})).await.len(), 3);
    scene.act(Act::Erase("alice".parse().unwrap())).await;
    assert_eq!(scene.count(NotificationState::Erased).await, 3);
    scene.minutes(300).await;
    assert_eq!(scene.count(NotificationState::Erased).await, 3);
}

#[tokio::test]
async fn a_stop_covers_categories_that_are_made_later_and_start_gives_them_back() {
    const NUMBER: &str = "+4915112345678";
    let keys = "category: fresh, deliver: [{channels: [sms]}]";
    let lines = "providers: {sms_a: {channel: sms, kind: http, preset: vendor_a}}";
    let fresh = ruled(keys, lines);
    let with = |class: &str| {
        fresh.replace("templates:\n", &format!("  fresh: {{legal: {class}, channels: [sms]}}\ntemplates:\n"))
    };
    let scene = Scene::new(&ruled("category: calls", lines)).await;
    scene.zone("alice", "UTC").await;
    scene.address("alice", Channel::Sms, NUMBER).await;
    let say =
        |word, give_back| SmsAnswer { number: NUMBER.into(), provider: "sms_a".into(), word, give_back };
    scene.act(Act::HearSms(Box::new(say(SmsWord::Stop, Vec::new())))).await;
    scene.apply(&with("service")).await;
    let stopped = scene.e("alice", 1).await;
    scene.stands(&stopped, "suppressed consent_withdrawn", "consent stop consent_withdrawn").await;
    scene.apply(&with("essential")).await;
    let told = scene.e("alice", 2).await;
    assert_eq!(scene.state(&told).await, "active -");
    scene.apply(&with("service")).await;
    let entries = scene.store.consent_entries(&person("alice"), 0, 100).await.unwrap();
    let mut chain = Chain::default();
    entries.iter().for_each(|entry| chain.follow(entry));
    let taken = chain.taken().into_iter();
    let taken = taken.map(|taken| SmsGiveBack { recipient: "alice".parse().unwrap(), taken }).collect();
    scene.act(Act::HearSms(Box::new(say(SmsWord::Start, taken)))).await;
    let again = scene.e("alice", 3).await;
    assert_eq!(scene.state(&again).await, "active -");
    scene.balanced().await;
}
