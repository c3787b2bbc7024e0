//! Deliveries that wait for a provider, what was spent, and public tokens.

use tidings_core::model::{Changes, Delivery, Erased, Notification, Paid};
use tidings_core::ports::{Begun, HandoverLane, Need, Opens, PublicToken};
use tidings_core::retention::Outdated;
use tidings_protocol::{Channel, DeliveryState, NotificationState, Priority};

use crate::samples::*;
use crate::{Whole, on_every_store, read, write};

on_every_store!(
    what_waits_is_found_by_lane_the_most_urgent_first,
    addresses_that_name_their_server_wait_in_a_lane_of_its_own,
    what_is_with_a_provider_is_found_by_whoever_comes_after,
    a_delivery_is_found_by_the_id_that_its_provider_gave_it,
    all_that_is_known_of_a_hand_over_is_kept,
    what_was_spent_is_added_up_by_day,
    words_of_a_dead_delivery_go_when_nobody_can_revive_it,
    a_public_token_opens_what_it_was_made_for_until_it_ends,
);

/// A delivery of anna's in another project's or provider's lane.
fn waits(id: &str, lane: (&str, &str), priority: Priority, due: i64) -> Delivery {
    let mut row = mail(&person(lane.0, "anna"), "n1", DeliveryState::Waiting);
    row.id = id.into();
    let way = row.way.as_deref_mut().unwrap();
    (way.provider, way.priority, way.due) = (lane.1.into(), priority, at(due));
    row
}

async fn put(store: &impl Whole, batch: u128, rows: Vec<Delivery>) {
    write(store, batch, &Changes { deliveries_new: rows, ..Changes::default() }).await;
}

async fn what_waits_is_found_by_lane_the_most_urgent_first(store: impl Whole) {
    let rows = vec![
        waits("d1", ("p", "a"), Priority::Low, 1),
        waits("d2", ("p", "a"), Priority::Urgent, 5),
        waits("d3", ("p", "a"), Priority::Normal, 4),
        waits("d4", ("p", "a"), Priority::Normal, 3),
        waits("d5", ("p", "a"), Priority::High, 9),
        waits("d6", ("p", "b"), Priority::High, 2),
        waits("d7", ("q", "a"), Priority::High, 7),
        Delivery { state: DeliveryState::Sent, ..waits("d8", ("q", "c"), Priority::High, 1) },
        // From before there were ways: it is in no lane, and hides none.
        Delivery { way: None, ..waits("d0", ("a", "a"), Priority::High, 1) },
        Delivery { way: None, ..waits("d9", ("p", "a"), Priority::High, 1) },
    ];
    put(&store, 1, rows).await;
    let lane = |project_id, provider: &str, due| HandoverLane {
        project: project(project_id),
        provider: provider.into(),
        host: "".into(),
        due: at(due),
    };
    let lanes = store.handover_lanes().await.unwrap();
    assert_eq!(lanes, [lane("p", "a", 1), lane("p", "b", 2), lane("q", "a", 7)]);
    let due = async |now, limit| {
        let due = store.due_handovers(&lane("p", "a", 1), at(now), limit).await.unwrap();
        due.into_iter().map(|row| row.delivery.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(due(5, 9).await, ["d2", "d4", "d3", "d1"]);
    assert_eq!(due(5, 2).await, ["d2", "d4"]);
    assert_eq!(due(4, 9).await, ["d4", "d3", "d1"], "the urgent one is not due");
    assert!(due(0, 9).await.is_empty());
}

async fn addresses_that_name_their_server_wait_in_a_lane_of_its_own(store: impl Whole) {
    let to = |id: &str, priority, due, url: &str| {
        let mut row = waits(id, ("p", "hook"), priority, due);
        (row.channel, row.address) = (Channel::Webhook, Some(url.into()));
        row
    };
    let urgent = to("d1", Priority::Urgent, 4, "https://slow.example/1");
    let rows = vec![
        urgent.clone(),
        to("d2", Priority::Low, 2, "https://slow.example/2"),
        to("d3", Priority::Low, 3, "https://quick.example/3"),
        waits("d4", ("p", "hook"), Priority::Low, 5),
    ];
    put(&store, 1, rows).await;
    let lanes = async || {
        let lanes = store.handover_lanes().await.unwrap().into_iter();
        lanes.map(|lane| (lane.host.to_string(), lane.due)).collect::<Vec<_>>()
    };
    let (none, quick, slow) = (String::new(), "quick.example".to_owned(), "slow.example".to_owned());
    assert_eq!(lanes().await, [(none.clone(), at(5)), (quick.clone(), at(3)), (slow.clone(), at(2))]);
    let due = async |host: &str| {
        let lane =
            HandoverLane { project: project("p"), provider: "hook".into(), host: host.into(), due: at(0) };
        let due = store.due_handovers(&lane, at(9), 9).await.unwrap();
        due.into_iter().map(|row| (row.delivery.to_string(), row.address)).collect::<Vec<_>>()
    };
    let found = |id: &str, url: &str| (id.to_owned(), Box::from(url));
    assert_eq!(
        due(&slow).await,
        [found("d1", "https://slow.example/1"), found("d2", "https://slow.example/2")]
    );
    assert_eq!(due(&quick).await, [found("d3", "https://quick.example/3")]);
    assert_eq!(due(&none).await.len(), 1);
    let gone = Delivery { state: DeliveryState::HandingOver, ..urgent.clone() };
    let moved = to("d2", Priority::Low, 2, "https://quick.example/2");
    let changes = Changes { deliveries_changed: vec![gone, moved], ..Changes::default() };
    write(&store, 2, &changes).await;
    assert_eq!(lanes().await, [(none, at(5)), (quick, at(2))], "it left with its last one");
    write(&store, 3, &Changes { deliveries_changed: vec![urgent], ..Changes::default() }).await;
    assert_eq!(lanes().await.pop(), Some((slow, at(4))), "it came back");
}

async fn what_is_with_a_provider_is_found_by_whoever_comes_after(store: impl Whole) {
    let begun = |id: &str, owner| {
        let mut row = waits(id, ("p", "a"), Priority::Low, 1);
        row.state = DeliveryState::HandingOver;
        let way = row.way.as_deref_mut().unwrap();
        (way.attempts, way.owner) = (3, Some(owner));
        row
    };
    put(&store, 1, vec![begun("d1", 7), begun("d2", u64::MAX), waits("d3", ("p", "a"), Priority::Low, 1)])
        .await;
    let row = |id: &str, owner| Begun {
        project: project("p"),
        delivery: id.into(),
        attempt: 3,
        owner: Some(owner),
    };
    assert_eq!(store.begun_handovers(None, 9).await.unwrap(), [row("d1", 7), row("d2", u64::MAX)]);
    assert_eq!(store.begun_handovers(Some("d1"), 9).await.unwrap(), [row("d2", u64::MAX)]);
    assert_eq!(store.begun_handovers(None, 1).await.unwrap(), [row("d1", 7)]);
}

async fn a_delivery_is_found_by_the_id_that_its_provider_gave_it(store: impl Whole) {
    let mut row = waits("d1", ("p", "a"), Priority::Low, 1);
    row.way.as_deref_mut().unwrap().provider_id = Some("theirs".into());
    put(&store, 1, vec![row.clone()]).await;
    assert_eq!(store.delivery_named(&project("p"), "theirs").await.unwrap(), Some(row));
    assert_eq!(store.delivery_named(&project("q"), "theirs").await.unwrap(), None);
    assert_eq!(store.delivery_named(&project("p"), "other").await.unwrap(), None);
}

async fn all_that_is_known_of_a_hand_over_is_kept(store: impl Whole) {
    let mut row = waits("d1", ("p", "a"), Priority::Low, 1);
    let way = row.way.as_deref_mut().unwrap();
    (way.attempts, way.known, way.tries, way.round, way.repeated) = (5, 4, 3, 2, true);
    (way.first_at, way.provider_at) = (Some(at(1)), Some(at(2)));
    (way.given_up, way.owner) = (vec!["b".into()], Some(7));
    way.paid = Some(Paid { day: 20_000, millionths: 70_000, is_kept: true, unknown: Some(4) });
    (way.code, way.provider_id) = (Some("http_503".into()), Some("id-1".into()));
    put(&store, 1, vec![row.clone()]).await;
    assert_eq!(store.delivery_named(&project("p"), "id-1").await.unwrap(), Some(row));
}

async fn what_was_spent_is_added_up_by_day(store: impl Whole) {
    let spent = |day, cost| Changes {
        spending: [((project("p"), Channel::Sms, day), cost)].into(),
        ..Changes::default()
    };
    for (batch, (day, cost)) in [(1, 70_000), (1, 90_000), (2, 5)].into_iter().enumerate() {
        write(&store, u128::try_from(batch).unwrap() + 1, &spent(day, cost)).await;
    }
    let of = async |channel| read(&store, &[Need::Spending(project("p"), channel)]).await.spending;
    let sms = Channel::Sms;
    assert_eq!(of(sms).await, [(project("p"), sms, 1, 160_000), (project("p"), sms, 2, 5)]);
    assert!(of(Channel::Email).await.is_empty());
}

async fn words_of_a_dead_delivery_go_when_nobody_can_revive_it(store: impl Whole) {
    let anna = person("p", "anna");
    let of = |id: &str, created: i64, expires: i64| Notification {
        state: NotificationState::Failed,
        due: None,
        created_at: at(created),
        expires_at: at(expires),
        ..held(&anna, id, &id.replace('n', "e"))
    };
    let rows = [("n1", 0, 10), ("n2", 0, 50), ("n3", 5, 50)];
    let changes = Changes {
        events_new: ["e1", "e2", "e3"].map(|id| event("p", id)).into(),
        notifications_new: rows.iter().map(|(id, created, expires)| of(id, *created, *expires)).collect(),
        deliveries_new: rows.iter().map(|(id, ..)| mail(&anna, id, DeliveryState::Dead)).collect(),
        ..known(&anna)
    };
    write(&store, 1, &changes).await;
    let worded = async || {
        let needs = ["n1", "n2", "n3"].map(|id| Need::AllDeliveries(notification_id(id)));
        let rows = read(&store, &needs).await.deliveries.into_iter();
        let with_words = rows.filter(|row| row.way.as_ref().unwrap().form.is_some());
        with_words.map(|row| row.notification.to_string()).collect::<Vec<_>>()
    };
    let purge = async |now, inbox, limit| {
        let outdated = Outdated { inbox: at(inbox), story: at(0), events: at(0) };
        store.purge(at(now), &[(project("p"), outdated)], limit).await.unwrap()
    };
    assert_eq!(purge(9, 0, 100).await, 0, "all may be revived");
    assert_eq!(worded().await, ["n1", "n2", "n3"]);
    assert_eq!(purge(10, 0, 100).await, 1, "one is worth nothing any more");
    assert_eq!(worded().await, ["n2", "n3"]);
    assert_eq!(purge(11, 1, 100).await, 1, "and one is past its retention");
    assert_eq!(worded().await, ["n3"]);
    assert_eq!(purge(50, 1, 0).await, 0, "a bounded amount");
    assert_eq!(purge(50, 1, 100).await, 1);
    assert_eq!(purge(60, 1, 100).await, 0, "once");
    let rows = read(&store, &[Need::AllDeliveries(notification_id("n1"))]).await.deliveries;
    assert_eq!((rows[0].state, &*rows[0].way.as_ref().unwrap().provider), (DeliveryState::Dead, "smtp"));
}

async fn a_public_token_opens_what_it_was_made_for_until_it_ends(store: impl Whole) {
    let opens = Opens::Unsubscribe { category: category("news"), channel: Channel::Email };
    let token = |hash, expires_at| PublicToken {
        hash: [hash; 32],
        person: person("p", "anna"),
        opens: opens.clone(),
        made_at: at(0),
        expires_at,
    };
    let page = PublicToken { opens: Opens::Page, ..token(2, Some(at(5))) };
    store.put_public_tokens(&[token(1, None), page.clone()], None).await.unwrap();
    let again = PublicToken { opens: Opens::Page, ..token(1, None) };
    store.put_public_tokens(&[again], None).await.unwrap();
    assert_eq!(store.public_token(&[1; 32], at(9)).await.unwrap(), Some(token(1, None)), "the first stays");
    assert_eq!(store.public_token(&[2; 32], at(4)).await.unwrap(), Some(page));
    assert_eq!(store.public_token(&[2; 32], at(5)).await.unwrap(), None);
    assert_eq!(store.public_token(&[3; 32], at(0)).await.unwrap(), None);
    store.purge(at(6), &[], 100).await.unwrap();
    write(&store, 1, &known(&person("p", "anna"))).await;
    let erased = vec![(person("p", "anna"), Erased { at: at(7), epoch: 1 })];
    write(&store, 2, &Changes { erased, ..Changes::default() }).await;
    assert_eq!(store.public_token(&[1; 32], at(9)).await.unwrap(), None, "it goes with its recipient");
}
