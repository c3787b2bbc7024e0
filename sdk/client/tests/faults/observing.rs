//! A list that is followed is the list that is read, whatever happens to it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidings_sdk::{Change, Client, Feedback, InboxItem, NotificationId, Observer, Query, Timestamp};
use tokio::time::timeout;

use crate::fake_relay::{FakeRelay, PATIENCE, notification};
use crate::started;

const LIMIT: u32 = 3;

/// A list as somebody has it who follows it.
struct Followed {
    client: Client,
    observer: Observer,
    items: BTreeMap<(Timestamp, NotificationId), InboxItem>,
}

impl Followed {
    /// Follows until it is the list as it is read.
    async fn agrees(&mut self, wanted: impl Fn(&[InboxItem]) -> bool) {
        let agrees = async {
            loop {
                let read = self.client.inbox().page(Query::default(), None, LIMIT).await.unwrap().items;
                if self.items.values().rev().eq(&read) && wanted(&read) {
                    return;
                }
                self.follow().await;
            }
        };
        timeout(PATIENCE, agrees).await.expect("the followed list is another one");
    }

    async fn follow(&mut self) {
        let place = |item: &InboxItem| (item.created_at, item.id.clone());
        for change in self.observer.next_all().await.unwrap().unwrap() {
            match change {
                Change::Reset(page) => {
                    self.items = page.items.into_iter().map(|item| (place(&item), item)).collect();
                }
                Change::Changed(item) => {
                    let before = self.items.insert(place(&item), *item.clone());
                    assert_ne!(before, Some(*item), "nothing changed");
                }
                Change::Removed(id) => self.items.retain(|(_, known), _| *known != id),
                other => panic!("{other:?}"),
            }
        }
    }
}

fn at(second: u32, id: &str, title: &str) -> Value {
    let mut item = notification(id, title);
    item["created_at"] = json!(format!("2026-11-22T10:00:{second:02}.000Z"));
    item
}

fn titles(items: &[InboxItem]) -> Vec<&str> {
    items.iter().map(|item| item.content.title.as_str()).collect()
}

#[tokio::test]
async fn a_followed_list_is_the_list_that_is_read() {
    let mut relay = FakeRelay::start().await;
    let (client, mut session) = started(&mut relay).await;
    let observer = client.inbox().observe(Query::default(), LIMIT);
    let mut list = Followed { client: client.clone(), observer, items: BTreeMap::new() };
    list.agrees(|read| titles(read) == ["First"]).await;
    // What is still there is looked at once more, and is not told again.
    session.changes(Some("e.1"), "e.2", vec![at(2, "n2", "2")]).await;
    list.agrees(|read| titles(read) == ["2", "First"]).await;
    session.changes(Some("e.2"), "e.3", vec![at(3, "n3", "3"), at(4, "n4", "4")]).await;
    list.agrees(|read| titles(read) == ["4", "3", "2"]).await;
    let retracted = json!({"kind": "retracted", "id": "n4"});
    session.changes(Some("e.3"), "e.4", vec![at(3, "n3", "Three"), retracted]).await;
    list.agrees(|read| titles(read) == ["Three", "2", "First"]).await;

    let id: NotificationId = "n3".parse().unwrap();
    let there = |read: &[InboxItem], is: &dyn Fn(&InboxItem) -> bool| {
        read.iter().any(|item| item.id == "n3".parse().unwrap() && is(item))
    };
    client.mark_read(&id).await.unwrap();
    list.agrees(|read| there(read, &|item| item.view.read_at.is_some())).await;
    client.mark_unread(&id).await.unwrap();
    list.agrees(|read| there(read, &|item| item.view.unread.is_some())).await;
    client.acknowledge(&id).await.unwrap();
    list.agrees(|read| there(read, &|item| item.view.acknowledged_at.is_some())).await;
    client.snooze(&id, "2099-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
    list.agrees(|read| there(read, &|item| item.view.snoozed_until.is_some() && item.round == 1)).await;
    client.archive(&id).await.unwrap();
    list.agrees(|read| titles(read) == ["2", "First"]).await;
    client.unarchive(&id).await.unwrap();
    list.agrees(|read| titles(read) == ["Three", "2", "First"]).await;
    // What changes nothing of the list tells nothing.
    client.feedback(&id, Feedback::Useful).await.unwrap();
    client.clicked(&id).await.unwrap();
    session.changes(Some("e.4"), "e.5", vec![at(1, "n0", "Older")]).await;
    list.agrees(|read| titles(read) == ["Three", "2", "Older"]).await;
}
