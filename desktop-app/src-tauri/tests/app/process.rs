//! The app's process: in the tray without a web view, its window made and destroyed, one instance.

use crate::desktop::{Desktop, has_web_view, pss_kib, until_so};

/// What the app may take in the tray, all its processes together, in KiB. An unoptimised binary takes far more than
/// what ships; this only notices what is loaded by mistake. The figures of what ships are in `docs/benchmarks.md`.
const TRAY_PSS_MAX_KIB: u64 = 140_000;

#[tokio::test(flavor = "multi_thread")]
async fn closing_the_window_leaves_the_tray_and_no_web_view() {
    let mut desktop = Desktop::start();
    let (_bus, registered) = desktop.tray().await;
    let app = desktop.app(&[]);
    let pid = app.id();
    desktop.running.push(app);
    until_so(&desktop, "a window", || desktop.windows() == 1);
    until_so(&desktop, "a place in the tray", || registered.lock().expect("nobody panicked").len() == 1);
    until_so(&desktop, "a web view", || has_web_view(pid));
    println!("window open: {} KiB PSS", pss_kib(pid));
    desktop.close_window();
    until_so(&desktop, "no web view", || !has_web_view(pid));
    println!("window closed: {} KiB PSS", pss_kib(pid));
    // Another start shows the window again, and does not stay.
    let mut second = desktop.app(&[]);
    let shown = until_so(&desktop, "a window again", || desktop.windows() == 1);
    println!("window again after {} ms", shown.as_millis());
    let ended = second.wait().expect("it was started");
    assert!(ended.success(), "the second start ends: {ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_start_is_small() {
    let mut desktop = Desktop::start();
    let (_bus, registered) = desktop.tray().await;
    let app = desktop.app(&["--hidden"]);
    let pid = app.id();
    desktop.running.push(app);
    until_so(&desktop, "a place in the tray", || registered.lock().expect("nobody panicked").len() == 1);
    assert_eq!(desktop.windows(), 0);
    assert!(!has_web_view(pid));
    let pss = pss_kib(pid);
    println!("hidden start: {pss} KiB PSS");
    assert!(pss <= TRAY_PSS_MAX_KIB, "{pss} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tray_closing_minimises() {
    let mut desktop = Desktop::start();
    let app = desktop.app(&[]);
    let pid = app.id();
    desktop.running.push(app);
    until_so(&desktop, "a window", || desktop.windows() == 1);
    until_so(&desktop, "a web view", || has_web_view(pid));
    desktop.close_window();
    assert!(has_web_view(pid), "the window is there, only out of sight");
    let mut second = desktop.app(&[]);
    until_so(&desktop, "a window again", || desktop.windows() == 1);
    assert!(second.wait().expect("it was started").success());
}
