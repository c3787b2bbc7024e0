//! Several processes on one file.

use super::*;

#[tokio::test]
async fn two_processes_on_one_file_show_a_notification_once() {
    let (folder, key) = (Folder::new(), EncryptionKey::random());
    let one = folder.open(Some(&key)).await.store;
    let two = folder.open(Some(&key)).await.store;
    one.apply(&batch(None, 1, vec![item("a", "A")])).await.unwrap();
    let show = Decision::Show { id: "a".parse().unwrap(), round: 0 };
    let (first, second) = tokio::join!(one.claim(&show), two.claim(&show));
    assert_ne!(first.unwrap(), second.unwrap());
    assert!(two.screen().await.unwrap().candidates.is_empty());
    let withdraw = Decision::Withdraw { id: "a".parse().unwrap() };
    let (first, second) = tokio::join!(one.claim(&withdraw), two.claim(&withdraw));
    assert_ne!(first.unwrap(), second.unwrap());
}

#[tokio::test]
async fn two_processes_on_one_file_sum_up_once_and_never_in_part() {
    let folder = Folder::new();
    let one = folder.open(None).await.store;
    let two = folder.open(None).await.store;
    let items = (0..1_200).map(|number| item(&format!("n{number}"), "N")).collect();
    one.apply(&batch(None, 1, items)).await.unwrap();
    let all = one.screen().await.unwrap().candidates;
    let summary = |count: usize| Decision::Summary {
        items: all.iter().take(count).map(|candidate| (candidate.id.clone(), 0)).collect(),
    };
    assert!(two.claim(&Decision::Pass { id: all[700].id.clone(), round: 0 }).await.unwrap());
    assert!(!one.claim(&summary(1_200)).await.unwrap());
    assert_eq!(one.screen().await.unwrap().candidates.len(), 1_199, "nothing of it was claimed");
    assert!(one.claim(&summary(700)).await.unwrap());
    assert_eq!(two.screen().await.unwrap().candidates.len(), 499);
}

#[tokio::test]
async fn two_processes_on_one_file_apply_a_page_once() {
    let folder = Folder::new();
    let one = folder.open(None).await.store;
    let two = folder.open(None).await.store;
    let page = batch(None, 1, vec![item("a", "A")]);
    let (first, second) = tokio::join!(one.apply(&page), two.apply(&page));
    let moved =
        [first.unwrap(), second.unwrap()].iter().filter(|applied| **applied == Applied::Moved).count();
    assert_eq!(moved, 1);
}

#[tokio::test]
async fn the_lease_goes_to_one_and_to_the_next_when_it_is_released() {
    let folder = Folder::new();
    let one = folder.open(None).await.store;
    let two = folder.open(None).await.store;
    let (mut first, mut second) = (Lease::new(), Lease::new());
    assert!(first.beat(&one).await.unwrap().held);
    assert!(!second.beat(&two).await.unwrap().held);
    first.tell(&one, "live", None).await.unwrap();
    assert_eq!(second.beat(&two).await.unwrap().connection, "live");
    first.release(&one).await.unwrap();
    assert!(second.beat(&two).await.unwrap().held);
    assert!(!first.beat(&one).await.unwrap().held);
}

#[tokio::test]
async fn a_lease_of_a_client_that_is_gone_is_taken_at_once() {
    let folder = Folder::new();
    let store = folder.open(None).await.store;
    let mut first = Lease::new();
    assert!(first.beat(&store).await.unwrap().held);
    drop(first);
    assert!(Lease::new().beat(&store).await.unwrap().held);
}
