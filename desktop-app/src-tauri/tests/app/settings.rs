//! Preferences, consent, devices, a test, an export.

use std::fs;

use tidings_desktop::{AppEvent, ConsentView, QuietHoursView, QuietSpanView, SettingsView};

use crate::rig::{Bench, Running, until};

async fn settings(app: &Running, account: &str) -> SettingsView {
    until(async || app.controller.settings(account.to_owned()).await.expect("the settings are read")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_consented_to_before_it_is_decided() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let offers = async || {
        let all = settings(&app, &account).await;
        all.categories.into_iter().find(|category| category.id == "offers").expect("offers")
    };
    assert_eq!((offers().await.basis.as_str(), offers().await.consent.len()), ("consent", 0));
    for (granted, decided) in [(true, ConsentView::Granted), (false, ConsentView::Withdrawn)] {
        let channels = vec!["inapp".into()];
        app.controller.decide_consent(account.clone(), "offers".into(), channels, granted).await.unwrap();
        app.flushed(&account).await;
        until(async || (offers().await.consent.get("inapp") == Some(&decided)).then_some(())).await;
    }
    let ledger = bench.relay.call("GET", "/v1/recipients/alice/consent", "application/json", "");
    let text = ledger.to_string();
    assert!(
        text.contains("We write rarely") && text.contains("granted") && text.contains("withdrawn"),
        "{text}"
    );
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn preferences_and_quiet_hours_are_kept() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    settings(&app, &account).await;
    app.controller
        .set_preference(account.clone(), "orders".into(), Some("inapp".into()), false)
        .await
        .unwrap();
    let span = QuietSpanView {
        from: "22:00".into(),
        to: "07:30".into(),
        days: Some(vec!["fri".into(), "sat".into()]),
    };
    let hours = QuietHoursView { spans: vec![span], time_zone: None };
    app.controller.set_quiet_hours(account.clone(), Some(hours.clone())).await.unwrap();
    app.flushed(&account).await;
    let is_kept = |kept: &SettingsView| {
        let orders = kept.categories.iter().find(|category| category.id == "orders").expect("orders");
        !orders.chosen["inapp"] && kept.quiet_hours.as_ref() == Some(&hours)
    };
    until(async || Some(settings(&app, &account).await).filter(is_kept)).await;
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_with_what_was_asked() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    settings(&app, &account).await;
    let nowhere = QuietHoursView { spans: Vec::new(), time_zone: Some("Mars/Olympus".into()) };
    app.controller.set_quiet_hours(account.clone(), Some(nowhere)).await.unwrap();
    let is_told = |event: &AppEvent| matches!(event, AppEvent::Refused { asked: Some(asked), .. } if asked.kind == "quiet_hours");
    until(async || app.desktop.events.lock().unwrap().iter().any(is_told).then_some(())).await;
    assert_eq!(settings(&app, &account).await.quiet_hours, None, "it was put back");
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_takes_its_whole_way() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let sent = app.controller.send_test(account.clone()).await.unwrap();
    app.has(&account, &sent).await;
    assert_eq!(app.popup(&sent).await.title, "It works");
    let is_told = |event: &AppEvent| matches!(event, AppEvent::Popup { notification, problem: None, .. } if *notification == sent);
    until(async || app.desktop.events.lock().unwrap().iter().any(is_told).then_some(())).await;
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_listed_data_is_exported_and_erased() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    settings(&app, &account).await;
    let devices = app.controller.devices(account.clone()).await.unwrap();
    assert!(matches!(devices.as_slice(), [device] if device.this), "{devices:?}");
    let path = app.controller.export(account.clone()).await.unwrap();
    assert!(fs::read_to_string(path).unwrap().contains("alice"));
    assert!(app.controller.stored(account.clone()).await.unwrap().bytes > 0.0);
    app.controller.erase(account).await.unwrap();
    assert_eq!(app.controller.overview().await.unwrap().accounts.len(), 0);
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_computer_in_another_time_zone_moves_quiet_hours_and_says_so() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let zone_file = bench.app_folder().join("accounts").join(&account).join("zone");
    // Nothing was known of her zone: the relay is told of this computer's, and nobody is bothered with it.
    let here = until(async || settings(&app, &account).await.time_zone).await;
    until(async || fs::read_to_string(&zone_file).ok().filter(|told| *told == here)).await;
    let is_told = |event: &AppEvent| matches!(event, AppEvent::ZoneMoved { .. });
    assert!(!app.desktop.events.lock().unwrap().iter().any(is_told));
    // Another device says another zone: this computer was not moved, and leaves it.
    let body = serde_json::json!({"time_zone": "Asia/Tokyo"}).to_string();
    bench.relay.call("PATCH", "/v1/recipients/alice", "application/merge-patch+json", &body);
    until(async || settings(&app, &account).await.time_zone.filter(|zone| zone == "Asia/Tokyo")).await;
    app.controller.close().await;
    // The computer is moved.
    fs::write(&zone_file, "America/Lima").unwrap();
    let again = bench.app().await;
    let moved =
        AppEvent::ZoneMoved { account: account.clone(), from: "America/Lima".into(), to: here.clone() };
    until(async || again.desktop.events.lock().unwrap().contains(&moved).then_some(())).await;
    until(async || settings(&again, &account).await.time_zone.filter(|zone| *zone == here)).await;
    again.controller.close().await;
}
