//! Pushes that carry words, while the relay is not reached.

use std::time::Duration;

use serde_json::json;
use tidings_sdk::{Client, NotificationId, Presentation};

use crate::fake_relay::{FakeRelay, PATIENCE, notification};
use crate::{presented, started, titles};

/// The relay takes the call and says nothing.
const NOT_LONG: Duration = Duration::from_millis(300);

async fn pushed(client: &Client, payload: &serde_json::Value, deadline: Duration) -> Vec<Presentation> {
    client.handle_push(payload.to_string().as_bytes(), deadline).await.unwrap()
}

fn words(id: &str) -> serde_json::Value {
    json!({"tidings": 1, "notification": id, "title": "Foretold", "body": "In the push", "category": "orders",
        "priority": "high", "expires_at": "2099-01-01T00:00:00.000Z"})
}

fn told(id: &str, title: &str) -> serde_json::Value {
    let mut item = notification(id, title);
    item["round"] = json!(1);
    item
}

fn shown(presentation: &Presentation) -> (&NotificationId, &str) {
    let Presentation::Show(item) = presentation else { panic!("not shown: {presentation:?}") };
    (&item.id, &item.content.title)
}

#[tokio::test]
async fn words_of_a_push_are_shown_without_a_relay_and_the_relays_own_are_not_shown_again() {
    let mut relay = FakeRelay::start().await;
    let (client, mut session) = started(&mut relay).await;
    presented(&client).await;
    let n2 = "n2".parse().unwrap();
    let first = pushed(&client, &words("n2"), NOT_LONG).await;
    assert_eq!(first.iter().map(shown).collect::<Vec<_>>(), [(&n2, "Foretold")]);
    let Presentation::Show(item) = &first[0] else { panic!() };
    assert_eq!((item.content.body.as_str(), item.category.as_str()), ("In the push", "orders"));
    assert_eq!(pushed(&client, &words("n2"), NOT_LONG).await, [], "a push may come twice");
    assert_eq!(titles(&client).await.len(), 2, "it is in the inbox");
    session.changes(Some("e.1"), "e.2", vec![told("n2", "Told")]).await;
    session.changes(Some("e.2"), "e.3", vec![told("n3", "Third")]).await;
    assert_eq!(shown(&presented(&client).await).1, "Third");
    let item = client.inbox().item(&n2).await.unwrap().unwrap();
    assert_eq!((item.content.title.as_str(), item.place), ("Told", 1));
    assert_eq!(pushed(&client, &words("n2"), NOT_LONG).await, [], "a push may come late");
    assert_eq!(client.inbox().item(&n2).await.unwrap().unwrap().content.title, "Told");
}

#[tokio::test]
async fn what_the_relay_never_tells_of_is_withdrawn_with_the_second_page_after_it() {
    let mut relay = FakeRelay::start().await;
    let (client, mut session) = started(&mut relay).await;
    presented(&client).await;
    pushed(&client, &words("n2"), NOT_LONG).await;
    // A page that was on its way when the push came.
    session.changes(Some("e.1"), "e.2", vec![told("n3", "Third")]).await;
    assert_eq!(shown(&presented(&client).await).1, "Third");
    assert_eq!(titles(&client).await.len(), 3);
    session.changes(Some("e.2"), "e.3", vec![told("n4", "Fourth")]).await;
    assert_eq!(presented(&client).await, Presentation::Withdraw("n2".parse().unwrap()));
    assert_eq!(shown(&presented(&client).await).1, "Fourth");
    assert_eq!(titles(&client).await.len(), 3);
    assert_eq!(pushed(&client, &words("n2"), NOT_LONG).await, [], "it was shown once");
    assert_eq!(titles(&client).await.len(), 3, "nor is it in the inbox again");
}

#[tokio::test]
async fn a_push_without_words_shows_nothing_without_a_relay() {
    let mut relay = FakeRelay::start().await;
    let (client, _session) = started(&mut relay).await;
    presented(&client).await;
    let free = json!({"tidings": 1, "notification": "n2", "collapse": "k"});
    assert_eq!(pushed(&client, &free, NOT_LONG).await, []);
    let gone =
        json!({"tidings": 1, "notification": "n2", "title": "Old", "expires_at": "2001-01-01T00:00:00.000Z"});
    assert_eq!(pushed(&client, &gone, NOT_LONG).await, []);
    assert_eq!(titles(&client).await, ["First"]);
}

#[tokio::test]
async fn a_relay_that_is_reached_is_believed_and_not_the_words_of_a_push() {
    let mut relay = FakeRelay::start().await;
    let (client, _session) = started(&mut relay).await;
    presented(&client).await;
    let other = client.clone();
    let mut background = tokio::task::JoinSet::new();
    background.spawn(async move { pushed(&other, &words("n2"), PATIENCE).await });
    let page = json!({"from": "e.1", "to": "e.1", "more": false, "reset": false, "items": []});
    relay.call().await.answer(200, &page).await;
    let held = relay.call().await;
    let id = held.body["ops"][0]["id"].clone();
    held.answer(200, &json!({"done": [id], "refused": []})).await;
    assert_eq!(background.join_next().await.unwrap().unwrap(), [], "it was taken back in the meantime");
    assert_eq!(titles(&client).await, ["First"]);
}
