//! What is shown on the screen, and what people answer there.

use serde_json::json;
use tidings_desktop::{AppEvent, ListQuery, MarkChange, PopupAnswer, PopupKey, Urgency};

use crate::rig::{Bench, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_popup_is_shown_reported_clicked_and_reported_again() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let told = bench.relay.tell("alice", &json!({"title": "Tea", "body": "is <b>ready</b>"}));
    let popup = app.popup(&told).await;
    assert_eq!((popup.title.as_str(), popup.body.as_str()), ("Tea", "is <b>ready</b>"));
    assert_eq!((popup.urgency, popup.stays), (Urgency::Normal, false));
    until(async || bench.relay.receipts(&told).contains(&"displayed".to_owned()).then_some(())).await;
    app.answers.send(PopupAnswer::Opened(popup.key)).await.unwrap();
    until(async || bench.relay.receipts(&told).contains(&"clicked".to_owned()).then_some(())).await;
    assert_eq!(*app.desktop.raised.lock().unwrap(), 1);
    let open = AppEvent::Open { account, notification: Some(told) };
    assert!(app.desktop.events.lock().unwrap().contains(&open));
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_took_is_not_reported_as_displayed_and_is_told() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    *app.desktop.is_deaf.lock().unwrap() = true;
    let told = bench.relay.tell("alice", &json!({"title": "Tea"}));
    let is_told = |event: &AppEvent| {
        matches!(event, AppEvent::Popup { notification, problem: Some(problem), .. }
            if *notification == told && problem.code == "no_popups")
    };
    until(async || app.desktop.events.lock().unwrap().iter().any(is_told).then_some(())).await;
    app.has(&account, &told).await;
    // What came after it is reported, so that the report of this one would be there if it was made.
    *app.desktop.is_deaf.lock().unwrap() = false;
    let later = bench.relay.tell("alice", &json!({"title": "Coffee"}));
    until(async || bench.relay.receipts(&later).contains(&"displayed".to_owned()).then_some(())).await;
    assert!(!bench.relay.receipts(&told).contains(&"displayed".to_owned()));
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_comes_back_and_its_link_is_opened() {
    let bench = Bench::start();
    let (app, _) = bench.app_of("alice").await;
    let actions = json!([{"id": "track", "label": "Track", "link": "https://shop.example/t/1"}]);
    let told = bench.relay.tell("alice", &json!({"title": "Parcel", "actions": actions}));
    let popup = app.popup(&told).await;
    assert_eq!(popup.actions, [("track".to_owned(), "Track".to_owned())]);
    app.answers.send(PopupAnswer::Chosen(popup.key, "track".into())).await.unwrap();
    until(async || bench.relay.receipts(&told).contains(&"acted".to_owned()).then_some(())).await;
    until(async || (app.desktop.links.lock().unwrap().len() == 1).then_some(())).await;
    assert_eq!(*app.desktop.links.lock().unwrap(), ["https://shop.example/t/1"]);
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_an_acknowledgement_stays_and_goes_when_it_has_it() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let alarm = bench.relay.alarm("alice");
    let popup = app.popup(&alarm).await;
    assert!(popup.stays);
    assert!(app.has(&account, &alarm).await.awaits_acknowledgement);
    app.controller.mark(account.clone(), vec![alarm.clone()], MarkChange::Read).await.unwrap();
    let [(button, label)] = popup.actions.as_slice() else { panic!("one button: {popup:?}") };
    assert_eq!(label, "Acknowledge");
    app.answers.send(PopupAnswer::Chosen(popup.key.clone(), button.clone())).await.unwrap();
    until(async || bench.relay.receipts(&alarm).contains(&"acknowledged".to_owned()).then_some(())).await;
    until(async || app.desktop.withdrawn.lock().unwrap().contains(&popup.key).then_some(())).await;
    until(async || (!app.has(&account, &alarm).await.awaits_acknowledgement).then_some(())).await;
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_elsewhere_is_withdrawn_here() {
    let (bench, elsewhere) = (Bench::start(), tempfile::tempdir().unwrap());
    let (app, account) = bench.app_of("alice").await;
    let told = bench.relay.tell("alice", &json!({"title": "Tea"}));
    let popup = app.popup(&told).await;
    let other = Bench { folder: elsewhere, ..bench };
    let (phone, on_phone) = other.app_of("alice").await;
    phone.has(&on_phone, &told).await;
    phone.controller.mark(on_phone, vec![told.clone()], MarkChange::Read).await.unwrap();
    until(async || app.desktop.withdrawn.lock().unwrap().contains(&popup.key).then_some(())).await;
    assert!(!app.has(&account, &told).await.unread);
    phone.controller.close().await;
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_before_the_person_s_eyes_is_not_shown_again() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let alarm = bench.relay.alarm("alice");
    let key = app.popup(&alarm).await.key;
    app.controller.look_at(Some(account.clone()), Some(alarm.clone())).await.unwrap();
    assert!(app.desktop.withdrawn.lock().unwrap().contains(&key), "looking at it takes its popup away");
    // Another round of the same: it wakes from a sleep that ends at once.
    let soon = app.has(&account, &alarm).await.created_at;
    app.controller
        .mark(account.clone(), vec![alarm.clone()], MarkChange::Snooze { until: soon + 1_000.0 })
        .await
        .unwrap();
    let after = bench.relay.tell("alice", &json!({"title": "After"}));
    app.popup(&after).await;
    until(async || {
        app.rows(&account, ListQuery::default()).await.iter().find(|row| row.id == alarm).cloned()
    })
    .await;
    let shown = app.desktop.popups.lock().unwrap().iter().filter(|popup| popup.key == key).count();
    assert_eq!(shown, 1);
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pile_after_an_absence_is_one_summary_that_goes_when_all_is_read() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    app.controller.close().await;
    for number in 0..6 {
        bench.relay.tell("alice", &json!({"title": format!("Number {number}")}));
    }
    let again = bench.app().await;
    let key = PopupKey { account: account.clone(), notification: None };
    let popups = || again.desktop.popups.lock().unwrap().clone();
    let summary = until(async || popups().into_iter().find(|popup| popup.key == key)).await;
    assert_eq!(summary.title, "6 notifications came while you were away");
    assert_eq!(popups().len(), 1);
    again.controller.mark_all_read(account.clone(), None).await.unwrap();
    until(async || again.desktop.withdrawn.lock().unwrap().contains(&key).then_some(())).await;
    again.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_one_with_the_same_key_takes_the_place() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let collapse = json!({"collapse": "order-1"});
    let first = bench.relay.tell_with("alice", "orders", &json!({"title": "Packed"}), &collapse);
    let key = app.popup(&first).await.key;
    let second = bench.relay.tell_with("alice", "orders", &json!({"title": "Shipped"}), &collapse);
    assert_eq!(app.popup(&second).await.replaces, Some(key));
    app.has(&account, &second).await;
    app.controller.close().await;
}
