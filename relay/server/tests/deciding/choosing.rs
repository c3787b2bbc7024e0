//! The gates that choose whom and on which channel: stop switch, recipient, cohort, holdout, consent and preference.

use rstest::rstest;
use serde_json::json;
use tidings_core::act::{Act, Answer, EventAnswer, SendTo};
use tidings_core::model::{Fired, StopSwitch};
use tidings_core::ports::StopEntry;
use tidings_protocol::{Channel, Decision};

use crate::documents::{rule, ruled, with};
use crate::scene::{Scene, fact, person, project, words};

#[tokio::test]
async fn the_stop_switch_of_a_project_or_a_rule_stops_what_is_new_and_what_is_released() {
    let document = with(
        "rules:\n  r: {on: e, template: plain, category: orders}\n  s: {on: e, template: plain, category: orders, delay: 1h}",
    );
    let scene = Scene::new(&document).await;
    let running = scene.event("e", "alice", json!({"n": 1})).await;
    scene.stands(&running[0], "active -", "stop pass running").await;

    scene.stop(StopSwitch { project: false, rules: ["r".parse().unwrap()].into() }).await;
    let made = scene.event("e", "alice", json!({"n": 2})).await;
    scene.stands(&made[0], "suppressed rule_stopped", "stop stop rule_stopped").await;
    assert_eq!(scene.state(&made[1]).await, "held delay", "the other rule runs");

    scene.stop(StopSwitch { project: true, ..StopSwitch::default() }).await;
    let stopped = scene.event("e", "alice", json!({"n": 3})).await;
    scene.stands(&stopped[0], "suppressed project_stopped", "stop stop project_stopped").await;
    scene.minutes(60).await;
    scene.stands(&made[1], "suppressed project_stopped", "stop stop project_stopped").await;
    let direct = scene.send("alice", words("orders")).await;
    scene.stands(&direct, "suppressed project_stopped", "stop stop project_stopped").await;
}

#[tokio::test]
async fn somebody_unknown_is_made_or_refused_as_the_project_says() {
    let creates = rule("category: orders");
    let scene = Scene::new(&creates).await;
    let id = scene.e("alice", 1).await;
    scene.stands(&id, "active -", "recipient pass created").await;
    let id = scene.e("alice", 2).await;
    scene.stands(&id, "active -", "recipient pass known").await;

    let scene = Scene::new(&creates.replace("unknown_recipient: create", "unknown_recipient: refuse")).await;
    let id = scene.e("alice", 1).await;
    scene.stands(&id, "suppressed unknown_recipient", "recipient stop unknown_recipient").await;
    assert!(scene.store.person(&person("alice")).await.unwrap().recipient.is_none());
    scene.zone("alice", "UTC").await;
    let id = scene.e("alice", 2).await;
    scene.stands(&id, "active -", "recipient pass known").await;
}

#[tokio::test]
async fn a_cohort_lets_its_share_through_and_everybody_of_its_topic() {
    let scene = Scene::new(&rule("category: orders, cohort: {percent: 10, include: {topic: staff}}")).await;
    let (mut inside, mut outside) = (0, None);
    for n in 0..300 {
        let who = format!("r{n}");
        let id = scene.e(&who, n).await;
        match scene.state(&id).await.as_str() {
            "active -" => inside += 1,
            "suppressed outside_cohort" => outside = Some((who, id)),
            other => panic!("{other}"),
        }
    }
    assert!((10..60).contains(&inside), "{inside} of 300");
    let (who, id) = outside.unwrap();
    scene.stands(&id, "suppressed outside_cohort", "cohort stop outside_cohort").await;
    scene.act(Scene::joining(&who, "staff", true)).await;
    let id = scene.e(&who, 1000).await;
    scene.stands(&id, "active -", "cohort pass in_cohort").await;
}

#[rstest]
#[case("0", "active -", "holdout pass not_held_out")]
#[case("100", "suppressed held_out", "holdout stop held_out")]
#[tokio::test]
async fn a_holdout_leaves_its_share_out(#[case] percent: &str, #[case] state: &str, #[case] line: &str) {
    let scene = Scene::new(&rule(&format!("category: orders, holdout: {{percent: {percent}}}"))).await;
    let id = scene.e("alice", 1).await;
    scene.stands(&id, state, line).await;
}

#[rstest]
#[case("orders", None, "active -", "consent pass service_basis_contract")]
#[case("orders", Some(Decision::Withdrawn), "suppressed consent_withdrawn", "consent stop consent_withdrawn")]
#[case("orders", Some(Decision::Refused), "suppressed consent_refused", "consent stop consent_refused")]
#[case("surveys", None, "active -", "consent pass service_inbox")]
#[case("surveys", Some(Decision::Refused), "suppressed consent_refused", "consent stop consent_refused")]
#[case("asked", None, "suppressed no_consent", "consent stop no_consent")]
#[case("offers", None, "suppressed no_consent", "consent stop no_consent")]
#[case("offers", Some(Decision::Granted), "active -", "consent pass consent_granted")]
#[case("offers", Some(Decision::Withdrawn), "suppressed consent_withdrawn", "consent stop consent_withdrawn")]
#[case("alarms", None, "active -", "consent pass essential_no_consent")]
#[case("alarms", Some(Decision::Withdrawn), "active -", "consent pass essential_no_consent")]
#[tokio::test]
async fn the_legal_class_and_the_latest_decision_say_whether_it_may_come(
    #[case] category: &str,
    #[case] decision: Option<Decision>,
    #[case] state: &str,
    #[case] line: &str,
) {
    let scene = Scene::new(&rule(&format!("category: {category}"))).await;
    if let Some(decision) = decision {
        scene.consent("alice", category, &[], decision).await;
    }
    let id = scene.e("alice", 1).await;
    scene.stands(&id, state, line).await;
}

#[tokio::test]
async fn a_strict_policy_asks_a_grant_for_every_service() {
    let strict = rule("category: letters").replace("policy: {", "policy: {strict: true, ");
    let scene = Scene::new(&strict).await;
    let id = scene.e("alice", 1).await;
    scene.stands(&id, "suppressed no_consent", "consent stop no_consent").await;
    scene.consent("alice", "letters", &[], Decision::Granted).await;
    let id = scene.e("alice", 2).await;
    scene.stands(&id, "suppressed no_endpoint", "consent pass consent_granted").await;
}

#[tokio::test]
async fn a_grant_on_one_channel_leaves_the_other_out_with_its_own_reason() {
    let scene = Scene::new(&rule("category: offers")).await;
    scene.consent("alice", "offers", &[Channel::Inapp], Decision::Granted).await;
    let id = scene.e("alice", 1).await;
    scene.stands(&id, "active -", "consent stop no_consent email").await;
    scene.stands(&id, "active -", "consent pass consent_granted inapp").await;
}

#[tokio::test]
async fn a_channel_that_is_switched_off_is_left_out_and_all_of_them_are_the_category() {
    let scene = Scene::new(&rule("category: mixed")).await;
    scene.choose("alice", "mixed", Channel::Email, false).await;
    let id = scene.e("alice", 1).await;
    scene.stands(&id, "active -", "preference stop channel_off email").await;
    scene.choose("alice", "mixed", Channel::Inapp, false).await;
    let id = scene.e("alice", 2).await;
    scene.stands(&id, "suppressed category_off", "preference stop category_off").await;
    scene.choose("alice", "mixed", Channel::Inapp, true).await;
    let id = scene.e("alice", 3).await;
    scene.stands(&id, "active -", "preference pass not_switched_off inapp").await;
}

#[tokio::test]
async fn what_is_essential_passes_preference_throttle_caps_quiet_hours_and_pause() {
    let document = ruled(
        "category: alarms, throttle: {count: 1, per: 1h}",
        "caps: {day: 1, over: suppress}\nquiet_hours: {default: \"00:00-23:00\"}",
    );
    let scene = Scene::new(&document).await;
    scene.pause("alice", Some("2026-11-24T12:00:00Z")).await;
    for n in 0..3 {
        let id = scene.e("alice", n).await;
        scene.stands(&id, "active -", "preference pass essential_always").await;
        scene.stands(&id, "active -", "cap pass no_cap").await;
        scene.stands(&id, "active -", "throttle pass throttle_room").await;
        scene.stands(&id, "active -", "quiet_hours pass now").await;
    }
}

#[tokio::test]
async fn what_is_essential_waits_for_its_own_delay() {
    let scene = Scene::new(&rule("category: alarms, delay: 1h")).await;
    let id = scene.e("alice", 1).await;
    scene.held_until(&id, "2026-11-23T13:00:00Z").await;
    scene.minutes(60).await;
    assert_eq!(scene.state(&id).await, "active -");
}

#[tokio::test]
async fn a_condition_that_fails_or_lacks_a_field_makes_nothing_and_says_why() {
    let scene = Scene::new(&rule("category: orders, when: data.total > 10")).await;
    for (data, wanted) in [
        (json!({"n": 1, "total": 11}), None),
        (json!({"n": 1, "total": 10}), Some(Fired::NoMatch)),
        (json!({"n": 1}), Some(Fired::MissingField)),
        (json!({"n": 1, "total": "11"}), Some(Fired::Error)),
    ] {
        let body = fact("e", Some("alice"), data, scene.now());
        let Answer::Events(answers) = scene.act(Act::accept(vec![body])).await else { panic!() };
        let EventAnswer::Accepted { notifications, not_fired, .. } = &answers[0] else { panic!() };
        assert_eq!(not_fired.first().map(|rule| rule.fired), wanted);
        assert_eq!(notifications.len(), usize::from(wanted.is_none()));
    }
}

#[rstest]
#[case("mixed", "active -", "stop_list stop address_stopped email")]
#[case("letters", "suppressed address_stopped", "stop_list stop address_stopped")]
#[case("dues", "suppressed address_stopped", "stop_list stop address_stopped")]
#[tokio::test]
async fn an_address_on_the_stop_list_is_never_used_not_even_for_what_is_essential(
    #[case] category: &str,
    #[case] state: &str,
    #[case] line: &str,
) {
    let scene = Scene::new(&rule(&format!("category: {category}"))).await;
    scene.zone("alice", "UTC").await;
    scene.address("alice", Channel::Email, "alice@example.org").await;
    let entry = StopEntry {
        project: project(),
        channel: Channel::Email,
        address: "alice@example.org".into(),
        reason: "complaint".into(),
        id: "1".into(),
        at: scene.now(),
    };
    scene.store.put_stop_entry(&entry, true, None).await.unwrap();
    let id = scene.e("alice", 1).await;
    scene.stands(&id, state, line).await;
    scene.store.put_stop_entry(&entry, false, None).await.unwrap();
    let id = scene.e("alice", 2).await;
    assert!(scene.told(&id).await.iter().any(|line| line.starts_with("stop_list pass address_free")));
}

#[tokio::test]
async fn a_rule_may_ask_for_the_recipient_in_its_condition_and_in_its_keys() {
    let document = with(
        "rules:\n  r: {on: e, template: plain, category: orders, when: \"recipient.time_zone == 'Europe/Berlin'\"}\n  \
         s: {on: f, template: plain, category: orders, collapse: recipient.time_zone}",
    );
    let scene = Scene::new(&document).await;
    scene.zone("alice", "Europe/Berlin").await;
    scene.zone("bob", "Europe/Paris").await;
    assert_eq!(scene.event("e", "alice", json!({"n": 1})).await.len(), 1);
    assert_eq!(scene.event("e", "bob", json!({"n": 1})).await.len(), 0);
    let keyed = scene.event("f", "bob", json!({"n": 1})).await.remove(0);
    assert!(scene.row(&keyed).await.keys.collapse.is_some());
}

#[tokio::test]
async fn the_sandbox_does_everything_but_the_hand_over() {
    let scene = Scene::new(&rule("category: orders")).await;
    let body = fact("e", Some("alice"), json!({"n": 1}), scene.now());
    let made = scene.made(Act::accept(vec![body]), true).await;
    scene.stands(&made[0], "suppressed sandbox", "channel_plan stop sandbox").await;
    assert!(scene.row(&made[0]).await.created_seq.is_none());
}

#[tokio::test]
async fn a_direct_send_passes_the_same_gates_and_a_category_that_is_unknown_is_refused() {
    let scene = Scene::new(&with("")).await;
    let id = scene.send("alice", words("offers")).await;
    scene.stands(&id, "suppressed no_consent", "consent stop no_consent").await;
    let id = scene.send("alice", words("orders")).await;
    scene.stands(&id, "active -", "render pass rendered").await;
    let to = SendTo::Recipients(vec!["alice".parse().unwrap()]);
    let act = scene.sending(words("oders"), to.clone());
    let refused = scene.together(vec![act], false).await.remove(0).unwrap_err();
    assert_eq!(refused.code(), "unknown_category");
    assert!(format!("{refused:?}").contains("orders"), "the nearest name is told: {refused:?}");
    let later = tidings_core::model::DirectSend {
        not_before: Some(scene.now().plus_millis(3_600_000)),
        ..words("orders")
    };
    let id = scene.send("alice", later).await;
    scene.held_until(&id, "2026-11-23T13:00:00Z").await;
    let twice = SendTo::Recipients(["bob", "carol", "bob"].map(|who| who.parse().unwrap()).to_vec());
    assert_eq!(scene.made(scene.sending(words("orders"), twice), false).await.len(), 2, "each once");
    assert_eq!(scene.store.projects().await.unwrap()[0].id, project());
}
