//! Connecting, several accounts, signing out, restarts and damage.

use std::fs;

use serde_json::json;
use tidings_desktop::{AccountView, AppEvent, ConnectionView, ListQuery, SecretPlace};

use crate::rig::{Bench, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_link_connects_and_the_account_is_there_after_a_restart_without_a_network() {
    let mut bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let told = bench.relay.tell("alice", &json!({"title": "Hello"}));
    app.has(&account, &told).await;
    let view = app.view(&account).await;
    assert_eq!((view.recipient.as_deref(), view.unread), (Some("alice"), 1));
    app.controller.close().await;
    bench.relay_gone();
    let again = bench.app().await;
    assert_eq!(again.has(&account, &told).await.title, "Hello");
    assert!(matches!(again.view(&account).await.connection, ConnectionView::Offline { .. }));
    bench.relay_back();
    again.controller.retry(account.clone()).await.unwrap();
    until(async || (again.view(&account).await.connection == ConnectionView::Live).then_some(())).await;
    again.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_link_leaves_nothing_behind() {
    let bench = Bench::start();
    let app = bench.app().await;
    let code = async |link: &str| app.connect(link).await.unwrap_err().code;
    assert_eq!(code("tidings://connect?relay=https://relay.example").await, "broken_link");
    let address = &bench.relay.address;
    assert_eq!(
        code(&format!("tidings://connect?relay=http://{address}&code=WRONG123")).await,
        "code_refused"
    );
    assert_eq!(app.controller.overview().await.unwrap().accounts.len(), 0);
    assert_eq!(fs::read_dir(bench.app_folder().join("accounts")).unwrap().count(), 0);
    assert!(bench.keys.kept.lock().unwrap().is_empty(), "no key stays in the keychain");
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_live_side_by_side_and_one_is_wiped() {
    let bench = Bench::start();
    let (app, alice) = bench.app_of("alice").await;
    let bob = app.connect(&bench.relay.link("bob")).await.unwrap().id;
    let (to_alice, to_bob) =
        (bench.relay.tell("alice", &json!({"title": "A"})), bench.relay.tell("bob", &json!({"title": "B"})));
    app.has(&alice, &to_alice).await;
    app.has(&bob, &to_bob).await;
    until(async || (*app.desktop.badge.lock().unwrap() == 2).then_some(())).await;
    app.controller.sign_out(alice.clone(), false).await.unwrap();
    assert_eq!(*app.desktop.badge.lock().unwrap(), 1, "the badge counts who is left");
    assert!(!bench.app_folder().join("accounts").join(&alice).exists());
    assert!(!bench.keys.kept.lock().unwrap().contains_key(&alice));
    let gone = AppEvent::Account { account: alice.clone(), view: None };
    assert!(app.desktop.events.lock().unwrap().contains(&gone));
    assert_eq!(app.rows(&bob, ListQuery::default()).await.len(), 1);
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_out_and_keeps_can_read_on_and_sign_in_again() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let told = bench.relay.tell("alice", &json!({"title": "Kept"}));
    app.has(&account, &told).await;
    app.controller.sign_out(account.clone(), true).await.unwrap();
    let is_out = |connection| matches!(connection, ConnectionView::SignedOut { .. });
    until(async || is_out(app.view(&account).await.connection).then_some(())).await;
    assert_eq!(app.has(&account, &told).await.title, "Kept");
    let link = bench.relay.link("alice");
    let again =
        app.controller.connect(link, None, SecretPlace::Keychain, Some(account.clone())).await.unwrap();
    assert_eq!(again.id, account, "it is the same account");
    let more = bench.relay.tell("alice", &json!({"title": "More"}));
    app.has(&account, &more).await;
    assert_eq!(app.controller.overview().await.unwrap().accounts.len(), 1);
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_keychain_the_person_is_asked_and_a_file_takes_the_key() {
    let bench = Bench::start();
    *bench.keys.is_locked.lock().unwrap() = true;
    let app = bench.app().await;
    let link = bench.relay.link("alice");
    assert_eq!(app.connect(&link).await.unwrap_err().code, "no_keychain");
    let view =
        app.controller.connect(link, None, SecretPlace::File, None).await.expect("the code is still good");
    assert!(bench.app_folder().join("accounts").join(&view.id).join("key").exists());
    app.controller.close().await;
    let again = bench.app().await;
    assert_eq!(again.view(&view.id).await.problem, None);
    again.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_keychain_is_locked_says_so_and_opens_when_it_is_unlocked() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let told = bench.relay.tell("alice", &json!({"title": "Hello"}));
    app.has(&account, &told).await;
    app.controller.close().await;
    *bench.keys.is_locked.lock().unwrap() = true;
    let locked = bench.app().await;
    assert_eq!(locked.view(&account).await.problem.map(|problem| problem.code), Some("no_keychain".into()));
    assert_eq!(locked.controller.sign_out(account.clone(), true).await.unwrap_err().code, "no_keychain");
    *bench.keys.is_locked.lock().unwrap() = false;
    locked.controller.retry(account.clone()).await.unwrap();
    assert_eq!(locked.has(&account, &told).await.title, "Hello");
    locked.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_inbox_is_told_and_fetched_again() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let told = bench.relay.tell("alice", &json!({"title": "Hello"}));
    app.has(&account, &told).await;
    app.controller.close().await;
    let folder = bench.app_folder().join("accounts").join(&account);
    let file = folder.join("inbox.tidings");
    let mut bytes = fs::read(&file).unwrap();
    // The second page on: the head stays, so that it is still taken for a database.
    bytes[4_096..].fill(0xA5);
    fs::write(&file, bytes).unwrap();
    let again = bench.app().await;
    let is_settled = |view: &AccountView| !matches!(view.connection, ConnectionView::Offline { .. });
    let view = until(async || Some(again.view(&account).await).filter(is_settled)).await;
    assert_eq!((view.repaired, view.problem), (true, None));
    let is_out = matches!(view.connection, ConnectionView::SignedOut { .. });
    if is_out {
        // The credentials were among what was damaged: the person signs in again, into the same account.
        let link = bench.relay.link("alice");
        again.controller.connect(link, None, SecretPlace::Keychain, Some(account.clone())).await.unwrap();
    }
    assert_eq!(again.has(&account, &told).await.title, "Hello");
    again.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_from_elsewhere_is_only_offered() {
    let bench = Bench::start();
    let app = bench.app().await;
    app.controller.offer_link("tidings://erase?relay=https://a.example&code=A");
    assert_eq!(*app.desktop.raised.lock().unwrap(), 0);
    app.controller.offer_link(&bench.relay.link("alice"));
    assert_eq!(*app.desktop.raised.lock().unwrap(), 1);
    assert!(matches!(app.controller.missed().await.unwrap().as_slice(), [AppEvent::Connect { .. }]));
    assert_eq!(app.controller.missed().await.unwrap(), [], "it is told once");
    assert_eq!(app.controller.overview().await.unwrap().accounts.len(), 0, "nothing connects by itself");
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_does_not_open_can_be_deleted() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    app.controller.close().await;
    *bench.keys.is_locked.lock().unwrap() = true;
    let locked = bench.app().await;
    locked.controller.sign_out(account.clone(), false).await.unwrap();
    assert_eq!(locked.controller.overview().await.unwrap().accounts.len(), 0);
    assert!(!bench.app_folder().join("accounts").join(&account).exists());
    locked.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_accounts_that_cannot_be_written_leaves_no_half_account() {
    let bench = Bench::start();
    let app = bench.app().await;
    // A folder stands where the list is written before it takes its place.
    fs::create_dir(bench.app_folder().join("accounts.new")).unwrap();
    let refused = app.connect(&bench.relay.link("alice")).await.unwrap_err();
    assert_eq!(refused.code, "storage_failed");
    assert_eq!(fs::read_dir(bench.app_folder().join("accounts")).unwrap().count(), 0);
    assert_eq!(app.controller.overview().await.unwrap().accounts.len(), 0);
    app.controller.close().await;
}
