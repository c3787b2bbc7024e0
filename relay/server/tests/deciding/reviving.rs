//! Dead deliveries that are replayed. There are no providers yet: a test writes the dead one.

use tidings_core::act::{Act, Answer};
use tidings_core::model::{BookKey, Changes, Delivery, Ledger, Term, utc_day};
use tidings_core::ports::{BatchId, Need};
use tidings_protocol::{Channel, DeliveryState, NotificationId, NotificationState};

use crate::documents::rule;
use crate::scene::{Scene, person, project};

const ID: &str = "d1";

/// A dead mail of a notification, which may have failed by it.
async fn dead_mail(scene: &Scene, of: &NotificationId, fails: bool) {
    let (now, mut row) = (scene.now(), scene.row(of).await);
    let delivery = Delivery {
        id: ID.into(),
        notification: of.clone(),
        person: person("alice"),
        channel: Channel::Email,
        address: Some("alice@example.org".into()),
        state: DeliveryState::Dead,
        reason: None,
        step: 1,
        made_at: now,
        changed_at: now,
        way: Some(Box::new(tidings_core::model::Way::new(
            "smtp".into(),
            tidings_protocol::Priority::Normal,
            now,
            Box::new(tidings_core::delivery::Form::Sms("words".into())),
        ))),
    };
    let mut changes = Changes { deliveries_new: vec![delivery], ..Changes::default() };
    let mut count = |term, by| {
        let key = BookKey { project: project(), day: utc_day(now), term };
        *changes.books.0.entry(key).or_default() += by;
    };
    count(Term::Made(Ledger::Deliveries), 1);
    count(Term::Delivery(DeliveryState::Dead), 1);
    if fails {
        let was = std::mem::replace(&mut row.state, NotificationState::Failed);
        count(Term::Notification(was), -1);
        count(Term::Notification(row.state), 1);
        changes.notifications_changed = vec![row];
    }
    let mut transaction = scene.store.begin().await.unwrap();
    transaction.write(BatchId(99), &changes).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn replay(scene: &Scene) -> (DeliveryState, bool) {
    match scene.act(Act::ReplayDelivery(ID.into())).await {
        Answer::Delivery { state, revived } => (state, revived),
        other => panic!("{other:?}"),
    }
}

async fn stored(scene: &Scene) -> DeliveryState {
    let needs = [Need::Delivery(project(), ID.into())];
    let found = scene.store.begin().await.unwrap().read(&needs).await.unwrap();
    found.deliveries[0].state
}

async fn mixed() -> (Scene, NotificationId) {
    let scene = Scene::new(&rule("category: letters, expires: 1h")).await;
    scene.zone("alice", "UTC").await;
    let id = scene.e("alice", 1).await;
    (scene, id)
}

#[tokio::test]
async fn a_dead_delivery_waits_again_with_its_notification_and_a_repetition_changes_nothing() {
    let (scene, id) = mixed().await;
    dead_mail(&scene, &id, true).await;
    assert_eq!(replay(&scene).await, (DeliveryState::Waiting, true));
    assert_eq!(stored(&scene).await, DeliveryState::Waiting);
    scene.stands(&id, "active -", "released replayed email").await;
    let told = scene.told(&id).await;
    assert_eq!(replay(&scene).await, (DeliveryState::Waiting, false));
    assert_eq!(scene.told(&id).await, told);
    scene.minutes(61).await;
    assert_eq!(stored(&scene).await, DeliveryState::Expired, "what waits has its mover");
}

#[tokio::test]
async fn a_delivery_whose_notification_is_over_stays_dead() {
    let (scene, id) = mixed().await;
    dead_mail(&scene, &id, false).await;
    assert_eq!(scene.row(&id).await.state, NotificationState::Suppressed);
    assert_eq!(replay(&scene).await, (DeliveryState::Dead, false), "it ended");
    let (scene, id) = mixed().await;
    dead_mail(&scene, &id, true).await;
    scene.minutes(61).await;
    assert_eq!(replay(&scene).await, (DeliveryState::Dead, false), "it is too late");
}

#[tokio::test]
async fn a_delivery_that_its_recipient_does_not_want_any_more_stays_dead_and_the_story_says_why() {
    let (scene, id) = mixed().await;
    dead_mail(&scene, &id, true).await;
    scene.choose("alice", "letters", Channel::Email, false).await;
    assert_eq!(replay(&scene).await, (DeliveryState::Dead, false));
    assert!(scene.told(&id).await.iter().any(|line| line == "preference stop channel_off email"));
    assert_eq!(scene.row(&id).await.state, NotificationState::Failed);
}

#[tokio::test]
async fn a_delivery_of_another_project_is_not_found() {
    let (scene, _) = mixed().await;
    let refused =
        scene.together(vec![Act::ReplayDelivery("nobody's".into())], false).await.remove(0).unwrap_err();
    assert_eq!(refused.code(), "not_found");
}
