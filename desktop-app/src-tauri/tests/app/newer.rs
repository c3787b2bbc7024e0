//! A relay that offers a newer app.

use tidings_desktop::{AppEvent, NewerView};

use crate::rig::{Bench, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_the_relay_offers_is_told_with_its_page() {
    let bench = Bench::with(&["--app-version", "99.1.0", "--app-url", "https://shop.example/tidings"]);
    let (app, account) = bench.app_of("alice").await;
    let newer = NewerView { version: "99.1.0".into(), url: "https://shop.example/tidings".into() };
    let told = AppEvent::Newer { newer: Some(newer.clone()) };
    until(async || app.desktop.events.lock().unwrap().contains(&told).then_some(())).await;
    assert_eq!(app.controller.overview().await.unwrap().computer.newer, Some(newer));
    // It goes with the account whose relay offered it.
    app.controller.sign_out(account, false).await.unwrap();
    assert_eq!(app.controller.overview().await.unwrap().computer.newer, None);
    app.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_that_runs_is_no_news() {
    let bench =
        Bench::with(&["--app-version", env!("CARGO_PKG_VERSION"), "--app-url", "https://shop.example/"]);
    let (app, account) = bench.app_of("alice").await;
    // What is asked later is answered later: by then the offer was looked at.
    app.controller.devices(account).await.unwrap();
    assert_eq!(app.controller.overview().await.unwrap().computer.newer, None);
    app.controller.close().await;
}
