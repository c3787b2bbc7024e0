//! Topics and segments are walked in chunks of 500, each in a commit of its own.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::json;
use tidings_core::act::{Act, Answer, SendTo};
use tidings_core::ports::{EventRef, NotificationFilter};
use tidings_protocol::{EventId, EventState, NotificationState, Reason, SendId};

use crate::documents::{rule, with};
use crate::scene::{Scene, fact, project, words};

async fn crowd(scene: &Scene, topic: &str, count: usize) {
    let members: Vec<Act> = (0..count).map(|n| Scene::joining(&format!("m{n:05}"), topic, true)).collect();
    for part in members.chunks(100) {
        assert!(scene.together(part.to_vec(), false).await.iter().all(Result::is_ok));
    }
}

async fn sent(scene: &Scene, topic: &str) -> SendId {
    let act = scene.sending(words("orders"), SendTo::Topic(topic.parse().unwrap()));
    match scene.act(act).await {
        Answer::Sent { send, .. } => send,
        other => panic!("{other:?}"),
    }
}

/// The state of the event, and whom it told, each once.
async fn told(scene: &Scene, event: &EventId) -> (EventState, BTreeSet<String>) {
    let which = EventRef::Id(event.clone());
    let state = scene.store.event(&project(), &which).await.unwrap().unwrap().state;
    let filter =
        NotificationFilter { event: Some(event.clone()), limit: 100_000, ..NotificationFilter::default() };
    let rows = scene.store.notifications(&project(), &filter).await.unwrap();
    let people: BTreeSet<String> = rows.iter().map(|row| row.person.recipient.to_string()).collect();
    assert_eq!(people.len(), rows.len(), "nobody is told twice");
    (state, people)
}

#[rstest]
#[case(0)]
#[case(1)]
#[case(499)]
#[case(500)]
#[case(501)]
#[case(1_201)]
#[tokio::test]
async fn every_member_of_a_topic_is_told_exactly_once(#[case] members: usize) {
    let scene = Scene::new(&with("")).await;
    crowd(&scene, "news", members).await;
    let send = sent(&scene, "news").await;
    let event: EventId = send.as_str().parse().unwrap();
    assert_eq!(told(&scene, &event).await.0, EventState::Open);
    scene.minutes(0).await;
    let (state, people) = told(&scene, &event).await;
    assert_eq!((state, people.len()), (EventState::Done, members));
}

#[tokio::test]
async fn a_walk_that_ended_names_nobody_who_may_be_erased_later() {
    let scene = Scene::new(&with("")).await;
    crowd(&scene, "news", 3).await;
    let send = sent(&scene, "news").await;
    scene.minutes(0).await;
    let which = EventRef::Id(send.as_str().parse().unwrap());
    let event = scene.store.event(&project(), &which).await.unwrap().unwrap();
    let places: Vec<_> = event.fan_outs.iter().map(|walk| (walk.finished, walk.after.clone())).collect();
    assert_eq!(places, [(true, None)]);
}

#[tokio::test]
async fn a_walk_goes_on_with_another_node_where_the_first_one_fell() {
    let scene = Scene::new(&rule("category: orders, notify: {topic: news}")).await;
    crowd(&scene, "news", 1_201).await;
    let body = fact("e", None, json!({"n": 1}), scene.now());
    scene.made(Act::accept(vec![body]), false).await;
    scene.work().await;
    assert_eq!(scene.all().await.len(), 500, "one chunk in one commit");
    // Joined behind the walk and before it; left before it.
    scene.act(Scene::joining("a0", "news", true)).await;
    scene.act(Scene::joining("z0", "news", true)).await;
    scene.act(Scene::joining("m01200", "news", false)).await;
    let second = scene.another_node();
    let due = second.store.due(tidings_core::model::Lane::FanOut, second.now(), 10, 10).await.unwrap();
    // Both nodes took the same row; the second of them finds it done or goes on with the next chunk.
    let both = vec![Act::Advance(due[0].clone()), Act::Advance(due[0].clone())];
    assert!(second.together(both, false).await.iter().all(Result::is_ok));
    second.minutes(0).await;
    let event = second.all().await[0].cause.event.clone();
    let (state, people) = told(&second, &event).await;
    assert_eq!(state, EventState::Done);
    assert!(!people.contains("a0") && people.contains("z0") && !people.contains("m01200"));
    assert_eq!(people.len(), 1_201);
}

#[tokio::test]
async fn a_send_that_is_stopped_half_way_takes_back_what_it_made() {
    let scene = Scene::new(&with("")).await;
    crowd(&scene, "news", 1_201).await;
    let send = sent(&scene, "news").await;
    scene.work().await;
    scene.receive("m00000").await;
    let Answer::SendStopped { retracted, .. } = scene.act(Act::StopSend(send.clone())).await else {
        panic!()
    };
    assert_eq!(retracted, 500);
    let event: EventId = send.as_str().parse().unwrap();
    let row = scene.store.event(&project(), &EventRef::Id(event.clone())).await.unwrap().unwrap();
    assert_eq!(row.fan_outs[0].stopped, Some(Reason::SendStopped));
    scene.minutes(5).await;
    let (state, people) = told(&scene, &event).await;
    assert_eq!((state, people.len()), (EventState::Done, 500));
    assert_eq!(scene.count(NotificationState::Retracted).await, 499);
    assert!(scene.all().await.iter().all(|row| !row.is_visible()));
}

#[tokio::test]
async fn a_segment_is_who_fits_when_the_walk_comes_by() {
    let document = with(
        "segments: {staff: {when: \"in_topic('staff')\"}}\nrules:\n  r: {on: e, template: plain, category: orders, notify: {segment: staff}}",
    );
    let scene = Scene::new(&document).await;
    crowd(&scene, "everybody", 1_201).await;
    for n in [0, 499, 500, 1_000, 1_200] {
        scene.act(Scene::joining(&format!("m{n:05}"), "staff", true)).await;
    }
    let body = fact("e", None, json!({"n": 1}), scene.now());
    scene.made(Act::accept(vec![body]), false).await;
    scene.work().await;
    assert_eq!(scene.all().await.len(), 2);
    scene.act(Scene::joining("m01000", "staff", false)).await;
    scene.minutes(0).await;
    let event = scene.all().await[0].cause.event.clone();
    let (state, people) = told(&scene, &event).await;
    let wanted = ["m00000", "m00499", "m00500", "m01200"].map(str::to_owned);
    assert_eq!((state, people), (EventState::Done, wanted.into()));
}

#[tokio::test]
async fn a_send_to_a_segment_tells_everybody_who_fits() {
    let scene = Scene::new(&with("segments: {staff: {when: \"in_topic('staff')\"}}")).await;
    crowd(&scene, "everybody", 501).await;
    for member in ["m00000", "m00500"] {
        scene.act(Scene::joining(member, "staff", true)).await;
    }
    let act = scene.sending(words("orders"), SendTo::Segment("staff".into()));
    let Answer::Sent { send, .. } = scene.act(act).await else { panic!() };
    scene.minutes(0).await;
    let (state, people) = told(&scene, &send.as_str().parse().unwrap()).await;
    assert_eq!((state, people), (EventState::Done, ["m00000", "m00500"].map(str::to_owned).into()));
}

#[tokio::test]
async fn a_rule_that_is_removed_half_way_tells_nobody_more_and_the_walk_ends() {
    let scene = Scene::new(&rule("category: orders, notify: {topic: news}")).await;
    crowd(&scene, "news", 1_201).await;
    let body = fact("e", None, json!({"n": 1}), scene.now());
    scene.made(Act::accept(vec![body]), false).await;
    scene.work().await;
    scene.apply(&with("")).await;
    scene.minutes(0).await;
    let event = scene.all().await[0].cause.event.clone();
    let (state, people) = told(&scene, &event).await;
    assert_eq!((state, people.len()), (EventState::Done, 500));
}

#[tokio::test]
async fn the_stop_switch_reaches_the_chunks_that_are_still_to_come() {
    let scene = Scene::new(&rule("category: orders, notify: {topic: news}")).await;
    crowd(&scene, "news", 700).await;
    let body = fact("e", None, json!({"n": 1}), scene.now());
    scene.made(Act::accept(vec![body]), false).await;
    scene.work().await;
    scene.stop(tidings_core::model::StopSwitch { project: true, ..Default::default() }).await;
    scene.minutes(0).await;
    assert_eq!(scene.count(NotificationState::Active).await, 500);
    assert_eq!(scene.count(NotificationState::Suppressed).await, 200);
    scene.balanced().await;
}
