//! Files that are damaged, and disks that are full.

use super::*;

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_begun_anew() {
    let folder = Folder::new();
    let store = folder.open(None).await.store;
    store.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    store.close().await;
    drop(store);
    std::fs::write(folder.file(), vec![0x5a; 40_000]).unwrap();
    let opened = folder.open(None).await;
    let aside = opened.set_aside.expect("the file was damaged");
    assert_eq!(std::fs::read(aside).unwrap().len(), 40_000);
    assert_eq!(opened.store.load().await.unwrap().cursor, None);
}

#[tokio::test]
async fn what_a_damaged_file_still_tells_is_carried_over() {
    let (folder, key) = (Folder::new(), EncryptionKey::random());
    let store = folder.open(Some(&key)).await.store;
    store.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    store.claim(&Decision::Show { id: "a".parse().unwrap(), round: 0 }).await.unwrap();
    store.queue(&mark_read(1, "a")).await.unwrap();
    store.save_tokens("access", None, "refresh").await.unwrap();
    let device = store.load().await.unwrap().identity;
    sqlx::query("UPDATE items SET words = x'00'").execute(&mut *store.writer().await).await.unwrap();
    let error = store.list(&ListQuery::default(), None, 10).await.unwrap_err();
    assert_eq!(error.fault(), StorageFault::Corrupt);
    drop(store);
    let opened = folder.open(Some(&key)).await;
    assert!(opened.set_aside.is_some());
    let loaded = opened.store.load().await.unwrap();
    assert_eq!((loaded.cursor, loaded.outbox.len(), loaded.identity), (None, 1, device));
    assert_eq!(opened.store.credentials().await.unwrap().refresh_token.as_deref(), Some("refresh"));
    opened.store.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    assert!(opened.store.screen().await.unwrap().candidates.is_empty(), "it was shown before");
    drop(opened);
    assert!(folder.open(Some(&key)).await.set_aside.is_none());
}

#[tokio::test]
async fn a_full_disk_is_said_and_leaves_nothing_half_done() {
    let folder = Folder::new();
    let store = folder.open(None).await.store;
    store.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    {
        let mut writer = store.writer().await;
        let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *writer).await.unwrap();
        let limit = format!("PRAGMA max_page_count = {}", pages + 4);
        sqlx::query(sqlx::AssertSqlSafe(limit)).execute(&mut *writer).await.unwrap();
    }
    let many = (0..400).map(|number| item(&format!("n{number}"), "N")).collect();
    let error = store.apply(&batch(Some(1), 2, many)).await.unwrap_err();
    assert_eq!(error.fault(), StorageFault::Full);
    assert_eq!(store.load().await.unwrap().cursor, Some(cursor(1)));
    let rows = store.list(&ListQuery::default(), None, 500).await.unwrap().items;
    assert_eq!(rows.len(), 1);
    let public = crate::Error::from(error);
    assert!(matches!(public, crate::Error::Storage { recoverable: true, fault: StorageFault::Full, .. }));
    let error = store.apply(&batch(Some(1), 2, vec![item("b", &"B".repeat(100_000))])).await.unwrap_err();
    assert_eq!(error.fault(), StorageFault::Full, "it is said each time");
    // Room was made.
    sqlx::query("PRAGMA max_page_count = 100000").execute(&mut *store.writer().await).await.unwrap();
    store.apply(&batch(Some(1), 2, vec![item("b", "B")])).await.unwrap();
    assert_eq!(store.load().await.unwrap().cursor, Some(cursor(2)));
}
