//! The same again: repetitions of what nobody knows, and repeats that buzz.

use tidings_core::act::{Act, Answer};
use tidings_core::delivery::Outcome;
use tidings_core::ports::DueHandover;
use tidings_protocol::{Channel, DeliveryState, NotificationId, Span};

use crate::handing_over::{document, only, rest, scene, states, unknown};
use crate::scene::{Scene, project};

const PHONE: &str = r#"{"endpoint":"https://push.example/1"}"#;
const BUZZES: &str =
    "category: mixed, deliver: [{channels: [push], repeat: {every: 5m, times: 2, until: acknowledged}}]";

#[tokio::test]
async fn a_key_is_kept_until_it_is_known_what_became_of_it() {
    let scene = scene("category: letters", "").await;
    scene.e("alice", 1).await;
    let first = only(&scene).await;
    scene.conclude(&first, unknown()).await;
    scene.minutes(1).await;
    let second = only(&scene).await;
    scene.conclude(&second, Outcome::transient("smtp_421")).await;
    scene.minutes(5).await;
    let third = only(&scene).await;
    assert_eq!((third.attempt, &third.key), (3, &first.key), "the first may have been taken");
    scene.conclude(&third, Outcome::AddressBusy { code: "smtp_450".into(), retry_after: None }).await;
    scene.minutes(60).await;
    let fourth = only(&scene).await;
    assert_eq!((fourth.attempt, &fourth.key), (4, &first.key));
    assert_eq!(scene.conclude(&fourth, unknown()).await, DeliveryState::Dead, "one repetition in its life");
}

#[tokio::test]
async fn a_key_that_was_refused_for_good_is_not_used_again() {
    let scene = scene("category: letters", "").await;
    scene.e("alice", 1).await;
    let first = only(&scene).await;
    scene.conclude(&first, unknown()).await;
    scene.minutes(1).await;
    let second = only(&scene).await;
    scene.conclude(&second, Outcome::Permanent { code: "smtp_554".into() }).await;
    scene.act(Act::ReplayDelivery(second.delivery.clone())).await;
    assert_ne!(only(&scene).await.key, first.key);
}

#[tokio::test]
async fn a_repetition_is_passed_on_while_its_provider_rests() {
    let scene = scene("category: calls, deliver: [{channels: [sms]}]", "").await;
    let id = scene.e("alice", 1).await;
    let first = only(&scene).await;
    assert_eq!(&*first.provider, "sms_a");
    scene.conclude(&first, unknown()).await;
    scene.minutes(1).await;
    rest(&scene, "sms_a").await;
    scene.stands(&id, "active -", "outcome next_provider waiting sms").await;
    let second = only(&scene).await;
    assert_eq!((&*second.provider, second.attempt, &second.key), ("sms_b", 2, &first.key));
    assert_eq!(scene.conclude(&second, Outcome::accepted(None)).await, DeliveryState::Sent);
    scene.stands(&id, "reached -", "outcome accepted sent sms").await;
    scene.balanced().await;
}

#[tokio::test]
async fn an_address_that_takes_nothing_is_left_alone_and_no_other_is() {
    let scene = scene("category: letters", "").await;
    scene.address("bob", Channel::Email, "bob@example.org").await;
    let (alice, _bob) = (scene.e("alice", 1).await, scene.e("bob", 2).await);
    let until = scene.now().plus_millis(60_000);
    for DueHandover { delivery, address, .. } in scene.due_for("post").await {
        let address_rests_until = address.starts_with("alice").then_some(until);
        let claim =
            Act::HandOver { delivery, owner: 7, present_until: None, rests_until: None, address_rests_until };
        let Answer::Handover(handover) = scene.act(claim).await else { panic!("it is no claim") };
        assert_eq!(handover.is_some(), !address.starts_with("alice"));
    }
    scene.stands(&alice, "active -", "channel_plan hold retry email").await;
    scene.run(until.plus_millis(-1)).await;
    assert!(scene.claim().await.is_empty());
    scene.run(until).await;
    assert_eq!(only(&scene).await.attempt, 1, "it was not tried before");
}

/// Alice has a phone that only push reaches, and push has words of its own.
async fn buzzed(keys: &str) -> (Scene, NotificationId) {
    let words = r#"plain: {en: {title: "Hello {{ data.n }}""#;
    let own = format!(r#"{words}, push: {{title: "Buzz {{{{ data.n }}}}"}}"#);
    let scene = Scene::new(&document(keys, "channels: {push: {content: full}}").replace(words, &own)).await;
    scene.zone("alice", "UTC").await;
    scene.address("alice", Channel::Push, PHONE).await;
    let id = scene.e("alice", 1).await;
    (scene, id)
}

#[tokio::test]
async fn a_step_that_repeats_by_push_alone_buzzes_in_each_round() {
    let (scene, id) = buzzed(BUZZES).await;
    let first = only(&scene).await;
    scene.conclude(&first, Outcome::accepted(None)).await;
    assert!(first.form.shown().starts_with("Buzz 1"), "{}", first.form.shown());
    assert!(!scene.told(&id).await.contains(&"ended unacknowledged".to_owned()), "it goes on");
    for round in 2..=3 {
        scene.minutes(4).await;
        assert!(scene.claim().await.is_empty());
        scene.minutes(1).await;
        let again = only(&scene).await;
        assert_eq!((again.form.shown(), again.attempt), (first.form.shown(), 1), "the same words");
        assert_eq!(scene.row(&id).await.round, round);
        scene.conclude(&again, Outcome::accepted(None)).await;
    }
    scene.minutes(60).await;
    assert!(scene.claim().await.is_empty(), "twice and no more");
    scene.stands(&id, "reached -", "ended unacknowledged").await;
    assert_eq!(states(&scene, &id).await, ["push sent accepted"; 3]);
    assert!(scene.row(&id).await.forms.is_empty(), "nobody needs the words any more");
    scene.balanced().await;
}

#[tokio::test]
async fn a_repeat_buzzes_about_what_was_seen_until_it_is_acknowledged() {
    let (scene, id) =
        buzzed(&BUZZES.replace("[push]", "[inapp, push]").replace("times: 2", "times: 9")).await;
    scene.receive("alice").await;
    scene.receipt("alice", &id, "displayed").await;
    assert_eq!(states(&scene, &id).await, ["push cancelled displayed_in_time"]);
    scene.minutes(5).await;
    let again = only(&scene).await;
    scene.conclude(&again, Outcome::transient("http_503")).await;
    scene.receipt("alice", &id, "acknowledged").await;
    assert_eq!(
        states(&scene, &id).await,
        ["push cancelled displayed_in_time", "push cancelled acknowledged_in_time"]
    );
    scene.minutes(60).await;
    assert!(scene.claim().await.is_empty());
    scene.balanced().await;
}

#[tokio::test]
async fn a_buzz_that_is_still_on_its_way_is_not_doubled() {
    let (scene, id) = buzzed(BUZZES).await;
    let first = only(&scene).await;
    let wish = Some(Span::from_millis(1_800_000));
    scene.conclude(&first, Outcome::Transient { code: "http_429".into(), retry_after: wish }).await;
    scene.minutes(11).await;
    assert_eq!(scene.row(&id).await.round, 3);
    assert_eq!(states(&scene, &id).await, ["push waiting retry"]);
    let (_, _, rows) = scene.store.story(&project(), &id).await.unwrap().unwrap();
    assert_eq!(rows.len(), 1);
}

#[tokio::test]
async fn latest_passes_over_the_window_and_never_over_quiet_hours() {
    let keys = |latest: &str| {
        format!("category: letters, send: {{window: '08:00-10:00', latest: {latest}}}, expires: 3d")
    };
    let quiet = "quiet_hours: {default: '22:00-08:00'}";
    let by_day = scene(&keys("1h"), quiet).await;
    let id = by_day.e("alice", 1).await;
    by_day.minutes(59).await;
    assert!(by_day.claim().await.is_empty());
    by_day.minutes(1).await;
    let first = only(&by_day).await;
    assert_eq!(first.attempt, 1, "at 13:00 the window is closed, and it goes all the same");
    let wish = Some(Span::from_millis(3_600_000));
    by_day.conclude(&first, Outcome::Transient { code: "smtp_450".into(), retry_after: wish }).await;
    by_day.until("2026-11-23T14:30:00Z").await;
    let second = only(&by_day).await;
    assert_eq!(second.attempt, 2, "its window is not asked again");
    by_day.until("2026-11-23T21:59:59Z").await;
    by_day.conclude(&second, Outcome::transient("smtp_450")).await;
    by_day.until("2026-11-24T07:59:59Z").await;
    assert!(by_day.claim().await.is_empty());
    by_day.stands(&id, "active -", "quiet_hours hold quiet_hours email").await;
    by_day.until("2026-11-24T08:00:00Z").await;
    assert_eq!(only(&by_day).await.attempt, 3);

    let by_night = scene(&keys("11h"), quiet).await;
    by_night.e("alice", 1).await;
    by_night.until("2026-11-24T07:59:59Z").await;
    assert!(by_night.claim().await.is_empty(), "at 23:00 everybody sleeps");
    by_night.until("2026-11-24T08:00:00Z").await;
    assert_eq!(by_night.claim().await.len(), 1);
}

/// Whoever is asleep when it is claimed is not woken, at whatever instant it was released.
#[tokio::test]
async fn quiet_hours_that_begin_after_the_release_hold_at_the_claim() {
    let scene = scene("category: letters", "").await;
    let id = scene.e("alice", 1).await;
    let item = serde_json::json!({"spans": [{"from": "11:00", "to": "13:00"}]});
    scene.quiet("alice", item).await;
    assert!(scene.claim().await.is_empty());
    scene.stands(&id, "active -", "quiet_hours hold quiet_hours email").await;
    scene.minutes(60).await;
    assert_eq!(scene.claim().await.len(), 1);
}

#[tokio::test]
async fn repeats_go_on_by_push_where_the_inbox_was_switched_off() {
    let (scene, id) = buzzed(&BUZZES.replace("[push]", "[inapp, push]")).await;
    let first = only(&scene).await;
    scene.choose("alice", "mixed", Channel::Inapp, false).await;
    assert_eq!(scene.row(&id).await.inapp.unwrap().state, DeliveryState::Cancelled);
    scene.conclude(&first, Outcome::accepted(None)).await;
    scene.minutes(5).await;
    assert_eq!(scene.claim().await.len(), 1);
}
