//! The app's processes: in the tray without a web view, the window's started and ended, one instance.

use std::fs;
use std::process::{Child, Command};

use crate::desktop::{Desktop, has_web_view, name, pss_kib, tree, until_so};

/// What the app may take in the tray, all its processes together, in KiB: 60 MB. The figures of what ships are in
/// `docs/benchmarks.md`.
const TRAY_PSS_MAX_KIB: u64 = 60_000_000 / 1_024;

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
    let loaded = fs::read_to_string(format!("/proc/{pid}/maps")).expect("it runs");
    for library in ["libwebkit", "libjavascriptcore", "libgtk", "libLLVM"] {
        assert!(!loaded.contains(library), "{library} is loaded though nothing is shown");
    }
    assert_eq!(tree(pid), [pid], "no other process, thus no web view");
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

#[tokio::test(flavor = "multi_thread")]
async fn the_window_comes_on_the_display_of_who_asks_for_it() {
    let mut desktop = Desktop::start();
    let (_bus, registered) = desktop.tray().await;
    let app = desktop.app_without_display();
    desktop.running.push(app);
    until_so(&desktop, "a place in the tray", || registered.lock().expect("nobody panicked").len() == 1);
    let mut second = desktop.app(&[]);
    until_so(&desktop, "a window", || desktop.windows() == 1);
    assert!(second.wait().expect("it was started").success());
}

/// The window's process of an app.
fn window_of(app: u32) -> Option<u32> {
    tree(app).into_iter().find(|pid| *pid != app)
}

fn send(signal: &str, pid: u32) {
    let sent = Command::new("kill").args([signal, &pid.to_string()]).status();
    assert!(sent.expect("kill runs").success());
}

/// An app with its window, in the tray.
async fn shown(desktop: &mut Desktop) -> (zbus::Connection, u32, u32) {
    let (bus, registered) = desktop.tray().await;
    let app = desktop.app(&[]);
    let pid = app.id();
    desktop.running.push(app);
    until_so(desktop, "a place in the tray", || registered.lock().expect("nobody panicked").len() == 1);
    until_so(desktop, "a window", || desktop.windows() == 1);
    let window = window_of(pid).expect("it has a process");
    (bus, pid, window)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_crashes_leaves_the_app_and_comes_again() {
    let mut desktop = Desktop::start();
    let (_bus, app, window) = shown(&mut desktop).await;
    send("-KILL", window);
    until_so(&desktop, "no window", || desktop.windows() == 0);
    assert!(!name(app).is_empty(), "the app runs on");
    let mut second = desktop.app(&[]);
    until_so(&desktop, "a window again", || desktop.windows() == 1);
    assert!(second.wait().expect("it was started").success());
    assert_ne!(window_of(app), Some(window));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_crashes_takes_its_window_with_it_and_starts_again() {
    let mut desktop = Desktop::start();
    let (_bus, app, window) = shown(&mut desktop).await;
    send("-KILL", app);
    until_so(&desktop, "no window without its app", || name(window).is_empty() && desktop.windows() == 0);
    let again = desktop.app(&[]);
    desktop.running.push(again);
    until_so(&desktop, "a window again", || desktop.windows() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_ends_the_app_and_nothing_is_left() {
    let mut desktop = Desktop::start();
    let (bus, app, window) = shown(&mut desktop).await;
    drop(bus);
    let ended = |child: &mut Child| matches!(child.try_wait(), Ok(Some(status)) if status.success());
    desktop.end_bus();
    let mut running = desktop.running.pop().expect("the app");
    until_so(&desktop, "the end of the app", || ended(&mut running));
    until_so(&desktop, "the end of the window", || name(window).is_empty());
    assert!(name(app).is_empty());
    let left = fs::read_dir(desktop.home.path()).expect("a home").flatten();
    let sockets = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("tidings-desktop-"));
    assert_eq!(sockets.count(), 0, "no socket is left");
}

#[test]
fn the_window_does_not_start_without_its_app() {
    let window = env!("CARGO_BIN_EXE_tidings-desktop-window");
    let started = Command::new(window).stdin(std::process::Stdio::null()).output().expect("it runs");
    assert!(!started.status.success());
    assert!(String::from_utf8_lossy(&started.stderr).contains("started by tidings-desktop"));
}
