//! Lists, counts and search.

use super::*;

#[tokio::test]
async fn a_list_goes_on_where_the_page_ended() {
    let folder = Folder::new();
    let store = folder.open(None).await.store;
    let items = (0..5).map(|number| item(&format!("n{number}"), "N")).collect();
    store.apply(&batch(None, 1, items)).await.unwrap();
    let first = store.list(&ListQuery::default(), None, 2).await.unwrap().items;
    let last = &first[1];
    let place = Place { created_at: last.created_at.as_millis(), id: last.id.as_str().to_owned() };
    let rest = store.list(&ListQuery::default(), Some(&place), 10).await.unwrap().items;
    let ids: Vec<_> = first.iter().chain(&rest).map(|item| item.id.as_str().to_owned()).collect();
    assert_eq!(ids, ["n4", "n3", "n2", "n1", "n0"]);
}

#[tokio::test]
async fn the_count_of_unread_follows_every_writer_and_category() {
    let folder = Folder::new();
    let store = folder.open(None).await.store;
    let unread = async |category: Option<&str>| {
        let category = category.map(|id| id.parse().unwrap());
        store.list(&ListQuery { category, ..ListQuery::default() }, None, 1).await.unwrap().unread
    };
    store.apply(&batch(None, 1, vec![item("a", "A"), item("b", "B")])).await.unwrap();
    assert_eq!((unread(None).await, unread(None).await), (2, 2));
    store.queue(&mark_read(1, "a")).await.unwrap();
    assert_eq!(unread(None).await, 1);
    let other_process = folder.open(None).await.store;
    other_process.apply(&batch(Some(1), 2, vec![item("c", "C")])).await.unwrap();
    assert_eq!((unread(None).await, unread(Some("offers")).await), (2, 0));
    assert_eq!((unread(Some("orders")).await, unread(None).await), (2, 2));
}

#[tokio::test]
async fn a_search_finds_chinese_wherever_it_stands_newest_first() {
    let (folder, key) = (Folder::new(), EncryptionKey::random());
    let store = folder.open(Some(&key)).await.store;
    let items = (0..1_200).map(|number| {
        let title = if number % 400 == 0 {
            format!("您的订单{number}已发货")
        } else {
            format!("Offer {number}")
        };
        let mut item = notification(&format!("n{number:04}"), &title);
        item.created_at = Timestamp::from_millis(number);
        Item::Notification(Box::new(item))
    });
    store.apply(&batch(None, 1, items.collect())).await.unwrap();
    let expected = ["您的订单800已发货", "您的订单400已发货", "您的订单0已发货"];
    assert_eq!(titles(&store, "订单").await, expected);
    assert_eq!(titles(&store, "ＯＦＦＥＲ 1199").await, ["Offer 1199"]);
    assert_eq!(titles(&store, "第一行 two").await.len(), 1_200);
}
