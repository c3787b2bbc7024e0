//! Deliveries: what is handed over when and by whom, what follows from each outcome, and what stops one on its way.

use rstest::rstest;
use tidings_core::act::{Act, Answer};
use tidings_core::delivery::{Handover, Outcome};
use tidings_core::model::StopSwitch;
use tidings_core::ports::DueHandover;
use tidings_protocol::{Channel, Decision, DeliveryState, NotificationId, Span};

use crate::documents::ruled;
use crate::scene::{Scene, project, words};

const PROVIDERS: &str = "providers:
  post: {channel: email, kind: smtp, host: mail.example, from: shop@example.org}
  sms_a: {channel: sms, kind: http, preset: vendor_a, cost: 0.07}
  sms_b: {channel: sms, kind: http, preset: vendor_b, cost: 0.09}
";
const PHONE: &str = "+4915112345678";

pub(crate) fn document(keys: &str, lines: &str) -> String {
    ruled(keys, &format!("{PROVIDERS}{lines}"))
}

/// Alice has a mailbox and a phone.
pub(crate) async fn scene(keys: &str, lines: &str) -> Scene {
    let scene = Scene::new(&document(keys, lines)).await;
    scene.zone("alice", "UTC").await;
    scene.address("alice", Channel::Email, "alice@example.org").await;
    scene.address("alice", Channel::Sms, PHONE).await;
    scene
}

pub(crate) async fn only(scene: &Scene) -> Handover {
    let mut claimed = scene.claim().await;
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    claimed.remove(0)
}

fn refused(code: &str) -> Outcome {
    Outcome::Misconfigured { code: code.into() }
}

pub(crate) fn unknown() -> Outcome {
    Outcome::Unknown { code: "timeout".into() }
}

/// A provider rests for a minute: what is due for it goes to another one, if there is one.
pub(crate) async fn rest(scene: &Scene, provider: &str) {
    let rests_until = Some(scene.now().plus_millis(60_000));
    for DueHandover { delivery, .. } in scene.due_for(provider).await {
        let claim =
            Act::HandOver { delivery, owner: 7, present_until: None, rests_until, address_rests_until: None };
        assert!(matches!(scene.act(claim).await, Answer::Handover(None)));
    }
}

/// States, in order, of the deliveries of a notification.
pub(crate) async fn states(scene: &Scene, id: &NotificationId) -> Vec<String> {
    let (_, _, deliveries) = scene.store.story(&project(), id).await.unwrap().unwrap();
    let word = |row: &tidings_core::model::Delivery| {
        let reason = row.reason.map_or("-", tidings_protocol::Reason::as_str);
        format!("{} {} {reason}", row.channel, row.state)
    };
    deliveries.iter().map(word).collect()
}

#[tokio::test]
async fn what_a_provider_takes_has_reached_somebody() {
    let scene = scene("category: letters", "").await;
    let id = scene.e("alice", 1).await;
    assert_eq!(scene.state(&id).await, "active -");
    let handover = only(&scene).await;
    assert_eq!((&*handover.provider, &*handover.address), ("post", "alice@example.org"));
    assert_eq!((handover.attempt, &*handover.category_name), (1, "Letters"));
    assert_eq!(handover.form.shown(), "Hello 1\nHello 1");
    assert!(scene.claim().await.is_empty(), "it is claimed once");
    assert_eq!(scene.conclude(&handover, Outcome::accepted(Some("id-1"))).await, DeliveryState::Sent);
    scene.stands(&id, "reached -", "outcome accepted sent email").await;
    let named = scene.store.delivery_named(&project(), "id-1").await.unwrap();
    assert_eq!(named.unwrap().id, handover.delivery);
}

#[tokio::test]
async fn a_hand_over_says_which_showing_it_is() {
    let keys = "category: mixed, deliver: [{channels: [inapp, email], repeat: {every: 5m, times: 3, until: acknowledged}}]";
    let scene = scene(keys, "").await;
    scene.e("alice", 1).await;
    let first = only(&scene).await;
    let wish = Outcome::Transient { code: "smtp_450".into(), retry_after: Some(Span::from_millis(360_000)) };
    scene.conclude(&first, wish).await;
    scene.minutes(8).await;
    let second = only(&scene).await;
    assert_eq!((first.round, second.round), (1, 2));
}

#[tokio::test]
async fn what_a_provider_cannot_take_now_waits_and_goes_again_with_another_key() {
    let scene = scene("category: letters", "").await;
    let id = scene.e("alice", 1).await;
    let first = only(&scene).await;
    let wish = Outcome::Transient { code: "smtp_450".into(), retry_after: Some(Span::from_millis(60_000)) };
    assert_eq!(scene.conclude(&first, wish).await, DeliveryState::Waiting);
    scene.stands(&id, "active -", "outcome retry waiting email").await;
    scene.run(scene.now().plus_millis(59_999)).await;
    assert!(scene.claim().await.is_empty(), "the provider asked for a minute");
    let delivery = first.delivery.clone();
    let early = Act::HandOver {
        delivery,
        owner: 7,
        present_until: None,
        rests_until: None,
        address_rests_until: None,
    };
    assert!(
        matches!(scene.act(early).await, Answer::Handover(None)),
        "whoever looked too early gets nothing"
    );
    scene.minutes(2).await;
    let second = only(&scene).await;
    assert_eq!(second.attempt, 2);
    assert_ne!(second.key, first.key, "the first outcome is known");
    assert_eq!(scene.conclude(&second, Outcome::accepted(None)).await, DeliveryState::Sent);
}

#[tokio::test]
async fn a_wrong_account_gives_way_to_the_next_provider_at_once() {
    let scene = scene("category: calls, deliver: [{channels: [sms]}]", "").await;
    let id = scene.e("alice", 1).await;
    let first = only(&scene).await;
    assert_eq!(&*first.provider, "sms_a", "the cheapest is asked first");
    assert_eq!(scene.conclude(&first, refused("http_401")).await, DeliveryState::Waiting);
    let second = only(&scene).await;
    assert_eq!((&*second.provider, second.attempt), ("sms_b", 2));
    scene.conclude(&second, Outcome::accepted(None)).await;
    scene.stands(&id, "reached -", "outcome next_provider waiting sms").await;
}

#[tokio::test]
async fn a_provider_that_was_given_up_is_not_asked_again() {
    let scene = scene("category: calls, deliver: [{channels: [sms]}]", "").await;
    let id = scene.e("alice", 1).await;
    for provider in ["sms_a", "sms_b"] {
        let handover = only(&scene).await;
        assert_eq!(&*handover.provider, provider);
        scene.conclude(&handover, refused("http_401")).await;
    }
    scene.minutes(10).await;
    assert!(
        scene.claim().await.iter().all(|again| &*again.provider != "sms_a"),
        "{:?}",
        states(&scene, &id).await
    );
}

#[tokio::test]
async fn a_subscription_behind_which_nobody_is_is_forgotten() {
    let scene = scene("category: mixed, deliver: [{channels: [push]}]", "").await;
    scene.address("alice", Channel::Push, "{\"endpoint\":\"https://push.example/1\"}").await;
    scene.e("alice", 1).await;
    let handover = only(&scene).await;
    scene.conclude(&handover, Outcome::AddressGone { code: "http_410".into() }).await;
    let next = scene.e("alice", 2).await;
    assert_eq!(scene.state(&next).await, "suppressed no_endpoint");
}

#[tokio::test]
async fn a_provider_that_fails_for_two_minutes_gives_way_to_the_next() {
    let scene = scene("category: calls, deliver: [{channels: [sms]}]", "").await;
    scene.e("alice", 1).await;
    let mut asked = Vec::new();
    for _ in 0..60 {
        if let Some(handover) = scene.claim().await.pop() {
            asked.push(handover.provider.clone());
            scene.conclude(&handover, Outcome::transient("http_503")).await;
            if &*handover.provider == "sms_b" {
                break;
            }
        }
        scene.run(scene.now().plus_millis(5_000)).await;
    }
    assert_eq!(asked.last().map(|name| &**name), Some("sms_b"), "{asked:?}");
    assert!(asked.len() > 2, "one failure is not the end of a provider: {asked:?}");
    let passed = scene.now().millis_since(crate::scene::instant(crate::scene::NOON));
    assert!((120_000..300_000).contains(&passed), "{passed}");
}

#[tokio::test]
async fn what_is_refused_for_good_is_dead_and_may_be_replayed_more_than_once() {
    let scene = scene("category: letters", "").await;
    let id = scene.e("alice", 1).await;
    let first = only(&scene).await;
    let no = || Outcome::Permanent { code: "smtp_554".into() };
    assert_eq!(scene.conclude(&first, no()).await, DeliveryState::Dead);
    scene.stands(&id, "failed permanent", "outcome permanent dead email").await;
    for attempt in 2..4 {
        for revived in [true, false] {
            let act = Act::ReplayDelivery(first.delivery.clone());
            let Answer::Delivery { revived: was, .. } = scene.act(act).await else { panic!("a delivery") };
            assert_eq!(was, revived);
        }
        let again = only(&scene).await;
        assert_eq!(again.attempt, attempt);
        let outcome = if attempt == 2 { no() } else { Outcome::accepted(None) };
        scene.conclude(&again, outcome).await;
    }
    assert_eq!(scene.state(&id).await, "reached -");
    scene.balanced().await;
}

#[tokio::test]
async fn an_outcome_that_nobody_knows_is_repeated_once_with_the_same_key() {
    let scene = scene("category: letters", "").await;
    let id = scene.e("alice", 1).await;
    let first = only(&scene).await;
    assert_eq!(scene.conclude(&first, unknown()).await, DeliveryState::Waiting);
    scene.minutes(1).await;
    let second = only(&scene).await;
    assert_eq!((second.attempt, &second.key), (2, &first.key));
    assert_eq!(scene.conclude(&second, unknown()).await, DeliveryState::Dead);
    scene.stands(&id, "failed outcome_unknown", "outcome outcome_unknown dead email").await;
}

#[tokio::test]
async fn a_late_word_that_it_was_taken_stops_the_repetition() {
    let scene = scene("category: letters", "").await;
    let id = scene.e("alice", 1).await;
    let first = only(&scene).await;
    scene.conclude(&first, unknown()).await;
    assert_eq!(scene.conclude(&first, Outcome::accepted(None)).await, DeliveryState::Sent);
    scene.minutes(5).await;
    assert!(scene.claim().await.is_empty());
    scene.stands(&id, "reached -", "outcome accepted sent email").await;
    // A third word about it is told and changes nothing.
    assert_eq!(scene.conclude(&first, Outcome::transient("late")).await, DeliveryState::Sent);
}

#[tokio::test]
async fn a_late_word_that_it_was_taken_is_the_last_when_the_repetition_is_on_its_way() {
    let scene = scene("category: letters", "").await;
    let id = scene.e("alice", 1).await;
    let first = only(&scene).await;
    scene.conclude(&first, unknown()).await;
    scene.minutes(5).await;
    let second = only(&scene).await;
    assert_eq!((second.attempt, &second.key), (2, &first.key));
    assert_eq!(scene.conclude(&first, Outcome::accepted(None)).await, DeliveryState::Sent);
    // What comes of the repetition makes no third attempt of something that was taken.
    assert_eq!(scene.conclude(&second, Outcome::transient("http_503")).await, DeliveryState::Sent);
    scene.minutes(60).await;
    assert!(scene.claim().await.is_empty());
    scene.stands(&id, "reached -", "outcome accepted sent email").await;
}

#[tokio::test]
async fn a_withdrawal_stops_what_waits_and_is_told_too_late_of_what_is_on_its_way() {
    let scene = scene("category: offers, deliver: [{channels: [email]}]", "").await;
    scene.consent("alice", "offers", &[Channel::Email], Decision::Granted).await;
    let (one, two) = (scene.e("alice", 1).await, scene.e("alice", 2).await);
    let mut claimed = scene.claim().await;
    let first = claimed.remove(0);
    scene.conclude(&first, Outcome::transient("smtp_450")).await;
    scene.consent("alice", "offers", &[Channel::Email], Decision::Withdrawn).await;
    let (waiting, begun) = if first.notification == one { (&one, &two) } else { (&two, &one) };
    assert_eq!(states(&scene, waiting).await, ["email suppressed no_longer_allowed"]);
    assert_eq!(states(&scene, begun).await, ["email handing_over -"]);
    assert!(scene.told(begun).await.contains(&"cancelled too_late email".to_owned()));
    // What comes back untaken is not sent again.
    scene.conclude(&claimed[0], Outcome::transient("smtp_450")).await;
    scene.minutes(60).await;
    assert!(scene.claim().await.is_empty());
    scene.balanced().await;
}

#[tokio::test]
async fn what_failed_in_the_evening_does_not_wake_anybody_at_night() {
    let scene = scene("category: letters", "quiet_hours: {default: '22:00-08:00', pass: [urgent]}").await;
    scene.until("2026-11-23T21:59:50Z").await;
    let id = scene.e("alice", 1).await;
    let first = only(&scene).await;
    scene.conclude(&first, Outcome::transient("smtp_450")).await;
    scene.until("2026-11-23T22:30:00Z").await;
    assert!(scene.claim().await.is_empty());
    scene.stands(&id, "active -", "quiet_hours hold quiet_hours email").await;
    scene.until("2026-11-24T07:59:59Z").await;
    assert!(scene.claim().await.is_empty());
    scene.until("2026-11-24T08:00:00Z").await;
    assert_eq!(only(&scene).await.attempt, 2);
}

#[rstest]
#[case("suppress", "suppressed cap", "outcome cap suppressed sms")]
#[case("defer", "active -", "cap hold cap sms")]
#[tokio::test]
async fn a_channels_cap_counts_its_first_hand_overs(
    #[case] over: &str,
    #[case] state: &str,
    #[case] line: &str,
) {
    let lines = format!("channels: {{sms: {{cap: {{day: 1, over: {over}}}}}}}");
    let scene = scene("category: calls, deliver: [{channels: [sms]}]", &lines).await;
    let first = scene.e("alice", 1).await;
    let handover = only(&scene).await;
    scene.conclude(&handover, Outcome::transient("http_503")).await;
    scene.minutes(1).await;
    let again = only(&scene).await;
    scene.conclude(&again, Outcome::accepted(None)).await;
    assert_eq!(scene.state(&first).await, "reached -", "a repetition takes nothing");
    let second = scene.e("alice", 2).await;
    assert!(scene.claim().await.is_empty());
    scene.stands(&second, state, line).await;
    scene.until("2026-11-24T00:00:00Z").await;
    assert_eq!(scene.claim().await.len(), usize::from(over == "defer"));
}

#[tokio::test]
async fn over_a_budget_the_next_channel_of_the_plan_is_used() {
    let keys = "category: calls, deliver: [{channels: [sms]}, {after: 15m, channels: [email]}]";
    let scene = scene(keys, "channels: {sms: {budget: {day: 0.15}}}").await;
    for n in 1..3 {
        scene.e("alice", n).await;
        let handover = only(&scene).await;
        assert_eq!(handover.channel, Channel::Sms);
        scene.conclude(&handover, Outcome::accepted(None)).await;
    }
    let third = scene.e("alice", 3).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(only(&scene).await.channel, Channel::Email);
    assert_eq!(states(&scene, &third).await, ["sms suppressed budget", "email handing_over -"]);
    scene.until("2026-11-24T00:00:00Z").await;
    let _old = scene.claim().await;
    scene.e("alice", 4).await;
    assert!(scene.claim().await.iter().any(|handover| handover.channel == Channel::Sms), "another day");
}

#[tokio::test]
async fn a_long_text_costs_as_many_as_it_has_parts() {
    let keys = "category: calls, deliver: [{channels: [sms]}]";
    let scene = scene(keys, "channels: {sms: {budget: {day: 0.22}}}").await;
    scene.e("alice", 1).await;
    let first = only(&scene).await;
    scene.conclude(&first, Outcome::Accepted { provider_id: None, parts: 3 }).await;
    let second = scene.e("alice", 2).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(scene.state(&second).await, "suppressed budget");
}

#[tokio::test]
async fn low_priority_takes_the_cheapest_way_unless_it_was_planned() {
    let lines = "channels: {sms: {providers: [sms_a]}}";
    let keys = "category: calls, priority: low";
    let unplanned = scene(keys, lines).await;
    let id = unplanned.e("alice", 1).await;
    assert_eq!(states(&unplanned, &id).await, [""; 0]);
    unplanned.stands(&id, "active -", "channel_plan stop cheaper_channel sms").await;
    let planned = scene("category: calls, priority: low, deliver: [{channels: [inapp, sms]}]", lines).await;
    let id = planned.e("alice", 1).await;
    assert_eq!(states(&planned, &id).await, ["sms waiting -"]);
}

#[tokio::test]
async fn nobody_is_buzzed_about_what_was_seen_or_while_active_elsewhere() {
    let keys = "category: mixed, deliver: [{channels: [inapp, push]}]";
    let scene = scene(keys, "").await;
    scene.address("alice", Channel::Push, "{\"endpoint\":\"https://push.example/1\"}").await;
    let id = scene.e("alice", 1).await;
    let due = scene.due_for("webpush").await;
    let claim = |present_until| Act::HandOver {
        delivery: due[0].delivery.clone(),
        owner: 7,
        present_until,
        rests_until: None,
        address_rests_until: None,
    };
    let present = Some(scene.now().plus_millis(30_000));
    assert!(matches!(scene.act(claim(present)).await, Answer::Handover(None)));
    scene.stands(&id, "active -", "channel_plan hold present push").await;
    scene.receive("alice").await;
    scene.receipt("alice", &id, "displayed").await;
    assert_eq!(states(&scene, &id).await, ["push cancelled displayed_in_time"]);
    let other = scene.e("alice", 2).await;
    assert_eq!(scene.claim().await.len(), 1, "nobody is there now");
    assert_eq!(states(&scene, &other).await, ["push handing_over -"]);
}

#[tokio::test]
async fn an_acknowledgement_ends_what_waits_and_is_too_late_for_what_is_on_its_way() {
    let keys = "category: calls, deliver: [{channels: [inapp]}, {after: 5m, unless: acknowledged, channels: [sms, email]}]";
    let scene = scene(keys, "").await;
    let id = scene.e("alice", 1).await;
    scene.minutes(5).await;
    let claimed = scene.claim().await;
    let mail = claimed.iter().find(|handover| handover.channel == Channel::Email).unwrap();
    scene.conclude(mail, Outcome::transient("smtp_450")).await;
    scene.receive("alice").await;
    scene.receipt("alice", &id, "acknowledged").await;
    let mut states = states(&scene, &id).await;
    states.sort();
    assert_eq!(states, ["email cancelled acknowledged_in_time", "sms handing_over -"]);
    assert!(scene.told(&id).await.contains(&"cancelled too_late sms".to_owned()));
    scene.balanced().await;
}

#[tokio::test]
async fn a_step_that_died_brings_the_next_one_forward() {
    let keys =
        "category: calls, deliver: [{channels: [sms]}, {after: 15m, unless: received, channels: [email]}]";
    let scene = scene(keys, "").await;
    let id = scene.e("alice", 1).await;
    let text = only(&scene).await;
    scene.conclude(&text, Outcome::AddressGone { code: "unknown_number".into() }).await;
    let mail = only(&scene).await;
    assert_eq!(mail.channel, Channel::Email);
    scene.conclude(&mail, Outcome::Permanent { code: "smtp_554".into() }).await;
    assert_eq!(scene.state(&id).await, "failed permanent");
    scene.balanced().await;
}

#[tokio::test]
async fn what_is_over_retracted_or_stopped_is_not_handed_over() {
    let scene = scene("category: letters, expires: 1h", "").await;
    let (late, back) = (scene.e("alice", 1).await, scene.e("alice", 2).await);
    scene.act(Act::Retract(back.clone())).await;
    assert_eq!(states(&scene, &back).await, ["email cancelled -"]);
    scene.stop(StopSwitch { project: true, ..StopSwitch::default() }).await;
    assert!(scene.claim().await.is_empty());
    scene.stop(StopSwitch::default()).await;
    assert!(scene.claim().await.is_empty(), "it is looked at again a little later");
    scene.minutes(61).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(states(&scene, &late).await, ["email expired -"]);
}

#[tokio::test]
async fn an_address_that_moved_gets_nothing() {
    let scene = scene("category: letters", "").await;
    let id = scene.e("alice", 1).await;
    let handover = only(&scene).await;
    scene.address("alice", Channel::Email, "new@example.org").await;
    scene.conclude(&handover, Outcome::transient("smtp_450")).await;
    scene.minutes(5).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(states(&scene, &id).await, ["email cancelled endpoint_moved"]);
    scene.balanced().await;
}

#[tokio::test]
async fn a_document_without_the_provider_takes_another_one() {
    let keys = "category: calls, deliver: [{channels: [sms]}]";
    let scene = scene(keys, "").await;
    scene.e("alice", 1).await;
    let first = only(&scene).await;
    scene.conclude(&first, Outcome::transient("http_503")).await;
    let left = PROVIDERS.lines().filter(|line| !line.contains("sms_a")).collect::<Vec<_>>().join("\n");
    scene.apply(&ruled(keys, &format!("{left}\n"))).await;
    scene.minutes(5).await;
    assert!(scene.claim().await.is_empty(), "it goes through the lane of the other one");
    assert_eq!(&*only(&scene).await.provider, "sms_b");
}

#[tokio::test]
async fn somebody_who_was_erased_gets_nothing_and_a_late_outcome_changes_nothing() {
    let scene = scene("category: letters", "").await;
    scene.e("alice", 1).await;
    scene.e("alice", 2).await;
    let claimed = scene.claim().await;
    scene.conclude(&claimed[1], Outcome::transient("smtp_450")).await;
    scene.act(Act::Erase("alice".parse().unwrap())).await;
    scene.minutes(60).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(scene.conclude(&claimed[0], Outcome::accepted(None)).await, DeliveryState::Erased);
    scene.balanced().await;
}

#[tokio::test]
async fn words_that_cannot_be_made_for_a_channel_stop_all_of_it() {
    let document = document("category: letters", "")
        .replace("{{ data.n }}\"}}", "{{ data.n }}\", email: {subject: \"{{ data.gone }}\"}}}");
    let scene = Scene::new(&document).await;
    scene.address("alice", Channel::Email, "alice@example.org").await;
    let id = scene.e("alice", 1).await;
    assert_eq!(scene.state(&id).await, "failed template");
    assert!(scene.claim().await.is_empty());
}

#[tokio::test]
async fn a_direct_send_says_its_own_words_on_every_channel() {
    let scene = scene("category: letters", "").await;
    let id = scene.send("alice", words("letters")).await;
    let handover = only(&scene).await;
    assert_eq!(handover.form.shown(), "Hello\nHello");
    scene.conclude(&handover, Outcome::accepted(None)).await;
    scene.stands(&id, "reached -", "outcome waiting email").await;
}

#[tokio::test]
async fn the_sandbox_shows_the_words_of_each_channel_and_hands_nothing_over() {
    let scene = scene("category: mixed", "").await;
    let body = crate::scene::fact("e", Some("alice"), serde_json::json!({"n": 1}), scene.now());
    let made = scene.made(Act::accept(vec![body]), true).await;
    let shown = scene.story(&made[0]).await;
    let mail = shown.iter().find(|entry| entry.channel == Some(Channel::Email)).unwrap();
    assert_eq!(mail.text.as_deref(), Some("Hello 1\nHello 1"));
    assert!(scene.claim().await.is_empty());
}

/// Two people on call; who is second is told only if the first does not answer.
const ON_CALL: &str = "category: calls, notify: 'data.on_call[0]', cancel_on: {event: paid, match: data.n}, deliver: [{channels: [inapp, email]}, {after: 5m, unless: acknowledged, channels: [sms]}, {after: 15m, unless: acknowledged, notify: 'data.on_call[1]', channels: [inapp, sms]}]";

async fn on_call() -> (Scene, NotificationId) {
    let scene = scene(ON_CALL, "").await;
    scene.address("ben", Channel::Sms, "+4915112345679").await;
    let data = serde_json::json!({"n": 1, "on_call": ["alice", "ben"]});
    let id = scene.event("e", "x", data).await.remove(0);
    (scene, id)
}

#[rstest]
#[case("cancelled")]
#[case("retracted")]
#[tokio::test]
async fn nobody_else_is_told_of_what_is_over(#[case] how: &str) {
    let (scene, id) = on_call().await;
    let mail = only(&scene).await;
    scene.conclude(&mail, Outcome::transient("smtp_450")).await;
    if how == "cancelled" {
        scene.event("paid", "x", serde_json::json!({"n": 1, "on_call": ["alice", "ben"]})).await;
    } else {
        scene.act(Act::Retract(id.clone())).await;
    }
    assert_eq!(states(&scene, &id).await, ["email cancelled -"], "in the same commit");
    scene.minutes(60).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(scene.all().await.len(), 1, "ben is not told");
    scene.balanced().await;
}

#[tokio::test]
async fn what_a_provider_has_is_told_too_late_and_its_refusal_begins_no_step() {
    let (scene, id) = on_call().await;
    let mail = only(&scene).await;
    scene.event("paid", "x", serde_json::json!({"n": 1, "on_call": ["alice", "ben"]})).await;
    assert!(scene.told(&id).await.contains(&"cancelled too_late email".to_owned()));
    scene.conclude(&mail, Outcome::Permanent { code: "smtp_554".into() }).await;
    scene.minutes(60).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(scene.all().await.len(), 1);
    scene.balanced().await;
}

#[tokio::test]
async fn who_acknowledges_stops_the_texts_of_everybody_else() {
    let (scene, id) = on_call().await;
    let mail = only(&scene).await;
    scene.conclude(&mail, Outcome::accepted(None)).await;
    scene.minutes(5).await;
    scene.conclude(&only(&scene).await, Outcome::accepted(None)).await;
    scene.minutes(10).await;
    let text = only(&scene).await;
    assert_eq!(&*text.recipient.to_string(), "ben");
    scene.receive("ben").await;
    scene.conclude(&text, Outcome::transient("http_503")).await;
    scene.receive("alice").await;
    scene.receipt("alice", &id, "acknowledged").await;
    assert_eq!(states(&scene, &text.notification).await, ["sms cancelled acknowledged_in_time"]);
    scene.minutes(60).await;
    assert!(scene.claim().await.is_empty());
    scene.balanced().await;
}

#[tokio::test]
async fn a_step_that_leads_nowhere_does_not_end_what_is_still_on_its_way() {
    let keys =
        "category: mixed, deliver: [{channels: [email]}, {after: 5m, unless: received, channels: [webhook]}]";
    for handed in [false, true] {
        let scene = scene(keys, "").await;
        let id = scene.e("alice", 1).await;
        let mail = only(&scene).await;
        if !handed {
            scene.conclude(&mail, Outcome::transient("smtp_450")).await;
        }
        scene.minutes(6).await;
        scene.stands(&id, "active -", "channel_plan stop no_endpoint webhook").await;
        let mail = if handed { mail } else { only(&scene).await };
        scene.conclude(&mail, Outcome::accepted(None)).await;
        assert_eq!(scene.state(&id).await, "reached -");
        scene.balanced().await;
    }
}

#[tokio::test]
async fn a_notification_that_failed_goes_on_where_it_died() {
    let scene = scene("category: letters", "").await;
    let id = scene.e("alice", 1).await;
    let mail = only(&scene).await;
    scene.conclude(&mail, Outcome::Permanent { code: "smtp_554".into() }).await;
    scene.act(Act::Replay(id.clone())).await;
    let again = only(&scene).await;
    assert_eq!(again.delivery, mail.delivery, "it is the same one");
    scene.conclude(&again, Outcome::accepted(None)).await;
    assert_eq!(states(&scene, &id).await, ["email sent accepted"]);
    scene.balanced().await;
}

#[tokio::test]
async fn what_lost_its_only_address_ends_and_brings_the_next_step_forward() {
    let keys =
        "category: calls, deliver: [{channels: [sms]}, {after: 15m, unless: received, channels: [email]}]";
    let scene = scene(keys, "").await;
    let id = scene.e("alice", 1).await;
    let recipient = "alice".parse().unwrap();
    scene.act(Act::PutEndpoint { recipient, channel: Channel::Sms, address: None }).await;
    let mail = only(&scene).await;
    assert_eq!(mail.channel, Channel::Email);
    let recipient = "alice".parse().unwrap();
    scene.act(Act::PutEndpoint { recipient, channel: Channel::Email, address: None }).await;
    scene.conclude(&mail, Outcome::transient("smtp_450")).await;
    scene.minutes(5).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(states(&scene, &id).await, ["sms cancelled endpoint_moved", "email cancelled endpoint_moved"]);
    assert!(scene.state(&id).await.starts_with("suppressed"));
    scene.balanced().await;
}

#[tokio::test]
async fn of_two_dead_ones_the_other_still_counts_when_one_is_revived_in_vain() {
    let scene = scene("category: mixed, deliver: [{channels: [email, sms]}]", "").await;
    let id = scene.e("alice", 1).await;
    let claimed = scene.claim().await;
    for handover in &claimed {
        scene.conclude(handover, Outcome::Permanent { code: "no".into() }).await;
    }
    assert!(states(&scene, &id).await.iter().all(|state| state.contains(" dead ")), "both died");
    let mail = claimed.iter().find(|handover| handover.channel == Channel::Email).unwrap();
    scene.act(Act::ReplayDelivery(mail.delivery.clone())).await;
    let recipient = "alice".parse().unwrap();
    scene.act(Act::PutEndpoint { recipient, channel: Channel::Email, address: None }).await;
    assert!(scene.state(&id).await.starts_with("failed"), "{:?}", states(&scene, &id).await);
    scene.balanced().await;
}

#[tokio::test]
async fn what_failed_stays_failed_when_the_rest_is_switched_off() {
    let scene = scene("category: mixed, deliver: [{channels: [email, sms]}]", "").await;
    let id = scene.e("alice", 1).await;
    for handover in scene.claim().await {
        let outcome = match handover.channel {
            Channel::Email => Outcome::Permanent { code: "smtp_554".into() },
            _ => Outcome::transient("http_503"),
        };
        scene.conclude(&handover, outcome).await;
    }
    scene.choose("alice", "mixed", Channel::Sms, false).await;
    assert_eq!(scene.state(&id).await, "failed permanent");
    scene.balanced().await;
}

#[tokio::test]
async fn while_a_provider_rests_another_one_has_its_deliveries() {
    let scene = scene("category: calls, deliver: [{channels: [sms]}]", "").await;
    scene.e("alice", 1).await;
    let until = scene.now().plus_millis(60_000);
    rest(&scene, "sms_a").await;
    let lanes = scene.store.handover_lanes().await.unwrap();
    assert_eq!(lanes.iter().map(|lane| &*lane.provider).collect::<Vec<_>>(), ["sms_b"]);
    rest(&scene, "sms_b").await;
    let lanes = scene.store.handover_lanes().await.unwrap();
    assert_eq!((&*lanes[0].provider, lanes[0].due), ("sms_b", until), "it does not go round in circles");
    scene.run(until).await;
    assert_eq!(only(&scene).await.attempt, 1);
}

#[tokio::test]
async fn a_channels_cap_counts_a_notification_once_however_many_devices_it_goes_to() {
    let lines = "channels: {push: {cap: {day: 1, over: suppress}}}";
    let scene = scene("category: mixed, deliver: [{channels: [push]}]", lines).await;
    for n in 1..4 {
        let address = format!("{{\"endpoint\":\"https://push.example/{n}\"}}");
        scene.address("alice", Channel::Push, &address).await;
    }
    scene.e("alice", 1).await;
    assert_eq!(scene.claim().await.len(), 3);
    let second = scene.e("alice", 2).await;
    assert!(scene.claim().await.is_empty());
    assert_eq!(scene.state(&second).await, "suppressed cap");
}

#[tokio::test]
async fn what_a_budget_refuses_counts_against_no_cap() {
    let lines = "channels: {sms: {cap: {day: 1, over: suppress}, budget: {day: 0.01}}}";
    let scene = scene("category: calls, deliver: [{channels: [sms]}]", lines).await;
    scene.e("alice", 1).await;
    assert!(scene.claim().await.is_empty());
    scene
        .apply(&document(
            "category: calls, deliver: [{channels: [sms]}]",
            "channels: {sms: {cap: {day: 1, over: suppress}}}\n",
        ))
        .await;
    scene.e("alice", 2).await;
    assert_eq!(scene.claim().await.len(), 1);
}

#[tokio::test]
async fn a_pause_that_ends_early_frees_what_it_put_off() {
    let keys = "category: letters";
    let scene = scene(keys, "").await;
    let id = scene.e("alice", 1).await;
    scene.conclude(&only(&scene).await, Outcome::transient("smtp_450")).await;
    let until = scene.now().plus_millis(7 * 86_400_000);
    scene.operate("alice", serde_json::json!({"op": "pause", "until": until})).await;
    scene.minutes(5).await;
    assert!(scene.claim().await.is_empty());
    scene.stands(&id, "active -", "pause hold paused email").await;
    scene.operate("alice", serde_json::json!({"op": "pause", "until": null})).await;
    assert_eq!(only(&scene).await.attempt, 2);
}

#[tokio::test]
async fn the_most_urgent_of_what_is_due_goes_first() {
    let scene = scene("category: letters", "").await;
    for (n, priority) in ["low", "normal", "urgent", "high"].into_iter().enumerate() {
        let priority = Some(priority.parse().unwrap());
        let deliver = Some(std::sync::Arc::from([tidings_core::model::PlannedStep {
            channels: vec![Channel::Email],
            after: Span::ZERO,
            unless: None,
            repeat: None,
            linked: false,
        }]));
        let send = tidings_core::model::DirectSend { priority, deliver, ..words("letters") };
        scene.send("alice", send).await;
        assert_eq!(scene.due_for("post").await.len(), n + 1);
    }
    let order: Vec<&str> = scene.claim().await.iter().map(|handover| handover.priority.as_str()).collect();
    assert_eq!(order, ["urgent", "high", "normal", "low"]);
}
