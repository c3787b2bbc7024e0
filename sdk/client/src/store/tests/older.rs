//! Files of earlier versions.

use super::*;

#[tokio::test]
async fn a_file_without_places_fetches_its_inbox_once_more_and_keeps_its_outbox() {
    let folder = Folder::new();
    let options = SqliteConnectOptions::new().filename(folder.file()).create_if_missing(true);
    let mut older = options.connect().await.unwrap();
    let first = include_str!("../../../migrations/0001_inbox.sql");
    sqlx::raw_sql(first).execute(&mut older).await.unwrap();
    let rows = "PRAGMA user_version = 1; \
         INSERT INTO account (one, tag, device, nonce, cursor, pages) VALUES (1, 't', 'd', 'n', 'e.7', 3); \
         INSERT INTO outbox (page, operation) VALUES (3, '{\"id\": \"op-1\", \"op\": \"pause\", \"until\": null}')";
    sqlx::raw_sql(rows).execute(&mut older).await.unwrap();
    older.close().await.unwrap();
    let loaded = folder.open(None).await.store.load().await.unwrap();
    assert_eq!((loaded.cursor, loaded.outbox.len()), (None, 1));
    assert_eq!(loaded.identity.device.as_str(), "d");
}

/// A file of a version that sealed each column for itself, with one notification.
async fn file_of_columns(file: &Path, key: Option<&EncryptionKey>) {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let mut older = options.connect().await.unwrap();
    for migration in [
        include_str!("../../../migrations/0001_inbox.sql"),
        include_str!("../../../migrations/0002_places.sql"),
    ] {
        sqlx::raw_sql(migration).execute(&mut older).await.unwrap();
    }
    let sealer = Sealer::new(key, "t".to_owned());
    let account = "INSERT INTO account (one, tag, device, nonce, cursor, key_check) VALUES (1, 't', 'd', 'n', 'e.7', ?)";
    sqlx::query(account).bind(sealer.check_value()).execute(&mut older).await.unwrap();
    let row = "INSERT INTO items (id, category, priority, title, body, link, actions, because, collapse, needs_acknowledgement, \
         created_at, expires_at, server_round, round, read_at, arrived, written, generation, after_absence, unsettled, place) \
         VALUES ('a', 'orders', 'high', ?, ?, ?, ?, ?, 'order-1', 1, 1000, 9223372036854775807, 0, 0, 5, 1, 1, 0, 0, 0, 1)";
    let mut row = sqlx::query(row);
    let because = r#"{"rule": null, "event_type": null, "text": "you ordered it"}"#;
    for (column, text) in [
        ("title", "订单"),
        ("body", "第一行\nline two"),
        ("link", "https://shop.example/1"),
        ("actions", "[]"),
        ("because", because),
    ] {
        row = row.bind(sealer.seal("a", column, text.as_bytes()));
    }
    row.execute(&mut older).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 2").execute(&mut older).await.unwrap();
    older.close().await.unwrap();
}

#[tokio::test]
async fn a_file_whose_columns_were_sealed_one_by_one_is_read_and_sealed_anew() {
    let key = EncryptionKey::random();
    for key in [Some(&key), None] {
        let folder = Folder::new();
        file_of_columns(&folder.file(), key).await;
        let opened = folder.open(key).await;
        assert!(!opened.other_key && opened.set_aside.is_none());
        let mut expected = notification("a", "订单");
        expected.view.read_at = Some(Timestamp::from_millis(5));
        assert_eq!(opened.store.row(&expected.id).await.unwrap(), Some(expected));
        assert_eq!(opened.store.load().await.unwrap().cursor, Some(cursor(7)));
        let columns = "SELECT count(*) FROM pragma_table_info('items') WHERE name IN ('title', 'because')";
        let left: i64 =
            sqlx::query_scalar(columns).fetch_one(&mut *opened.store.writer().await).await.unwrap();
        assert_eq!(left, 0);
    }
    let folder = Folder::new();
    file_of_columns(&folder.file(), Some(&key)).await;
    let opened = folder.open(Some(&EncryptionKey::random())).await;
    assert!(opened.other_key && opened.set_aside.is_none());
    assert_eq!(opened.store.row(&"a".parse().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn words_that_an_earlier_version_wrote_as_json_are_read() {
    let key = EncryptionKey::random();
    for key in [Some(&key), None] {
        let folder = Folder::new();
        let store = folder.open(key).await.store;
        store.apply(&batch(None, 1, vec![item("a", "A"), item("b", "B")])).await.unwrap();
        let words = serde_json::json!({"place": 1, "category": "orders", "priority": "high",
            "content": {"title": "订单", "body": "第一行\nline two", "link": "https://shop.example/1", "actions": []},
            "collapse": "order-1", "needs_acknowledgement": true,
            "because": {"rule": null, "event_type": null, "text": "you ordered it"},
            "created_at": 1_000, "expires_at": i64::MAX});
        let words = store.sealer.seal("a", "words", words.to_string().as_bytes());
        let older = sqlx::query("UPDATE items SET words = ? WHERE id = 'a'").bind(words);
        older.execute(&mut *store.writer().await).await.unwrap();
        let read = store.list(&ListQuery::default(), None, 2).await.unwrap().items;
        assert_eq!(read, [notification("b", "B"), notification("a", "订单")]);
    }
}
