//! What a key keeps from whoever reads the file.

use super::*;

#[tokio::test]
async fn another_key_drops_the_content_and_keeps_outbox_and_what_was_shown() {
    let folder = Folder::new();
    let store = folder.open(Some(&EncryptionKey::random())).await.store;
    store.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    store.claim(&Decision::Show { id: "a".parse().unwrap(), round: 0 }).await.unwrap();
    store.queue(&mark_read(1, "a")).await.unwrap();
    store.close().await;
    let other = EncryptionKey::random();
    let opened = folder.open(Some(&other)).await;
    assert!(opened.other_key);
    let loaded = opened.store.load().await.unwrap();
    assert_eq!((loaded.cursor, loaded.outbox.len()), (None, 1));
    opened.store.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    assert!(opened.store.screen().await.unwrap().candidates.is_empty(), "it was shown before");
    drop(opened);
    assert!(!folder.open(Some(&other)).await.other_key);
    assert!(folder.open(None).await.other_key, "no key is another key");
}

#[tokio::test]
async fn with_a_key_no_word_of_a_notification_is_in_the_file() {
    let folder = Folder::new();
    let store = folder.open(Some(&EncryptionKey::random())).await.store;
    store.apply(&batch(None, 1, vec![item("a", "Confidential订单")])).await.unwrap();
    store.close().await;
    let holds = |path: &Path, word: &str| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    };
    for word in ["Confidential", "订单", "第一行", "shop.example", "you ordered it"] {
        assert!(!holds(&folder.file(), word), "{word}");
    }
    assert!(holds(&folder.file(), "orders"), "categories are plain");
}
