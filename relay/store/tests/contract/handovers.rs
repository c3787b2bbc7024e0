//! Deliveries that wait for a provider, what was spent, and public tokens.

use tidings_core::model::{Changes, Delivery, Erased};
use tidings_core::ports::{Begun, HandoverLane, Need, Opens, PublicToken};
use tidings_protocol::{Channel, DeliveryState, Priority};

use crate::samples::*;
use crate::{Whole, on_every_store, read, write};

on_every_store!(
    what_waits_is_found_by_lane_the_most_urgent_first,
    what_is_with_a_provider_is_found_by_whoever_comes_after,
    a_delivery_is_found_by_the_id_that_its_provider_gave_it,
    what_was_spent_is_added_up_by_day,
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
    ];
    put(&store, 1, rows).await;
    let lane = |project_id, provider: &str, due| HandoverLane {
        project: project(project_id),
        provider: provider.into(),
        due: at(due),
    };
    let lanes = store.handover_lanes().await.unwrap();
    assert_eq!(lanes, [lane("p", "a", 1), lane("p", "b", 2), lane("q", "a", 7)]);
    let due = async |now, limit| {
        let due = store.due_handovers(&project("p"), "a", at(now), limit).await.unwrap();
        due.into_iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(due(5, 9).await, ["d2", "d4", "d3", "d1"]);
    assert_eq!(due(5, 2).await, ["d2", "d4"]);
    assert_eq!(due(4, 9).await, ["d4", "d3", "d1"], "the urgent one is not due");
    assert!(due(0, 9).await.is_empty());
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
    store.put_public_tokens(&[token(1, None), page.clone()]).await.unwrap();
    let again = PublicToken { opens: Opens::Page, ..token(1, None) };
    store.put_public_tokens(&[again]).await.unwrap();
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
