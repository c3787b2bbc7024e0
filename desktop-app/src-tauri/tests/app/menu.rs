//! The place in the tray and its menu, as a desktop shows them: read and chosen over D-Bus.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use serde_json::Value;
use tidings_desktop::SecretPlace;
use zbus::{Connection, OwnedObjectPath, OwnedVariant, Proxy, Variant};

use crate::desktop::{Desktop, PATIENCE, name, until_so};
use crate::rig::{Bench, until};

/// An entry with those below it, as `com.canonical.dbusmenu` writes it.
type Layout = (i32, HashMap<String, OwnedVariant>, Vec<OwnedVariant>);

/// The place of the app that registered first. A proxy remembers what it read: what changes is read by a new one.
async fn item(bus: &Connection, registered: &Arc<Mutex<Vec<String>>>) -> Proxy<'static> {
    let service = until(async || registered.lock().unwrap().first().cloned()).await;
    let at = service.find('/').unwrap_or(service.len());
    let (name, path) = (service[..at].to_owned(), service[at..].to_owned());
    Proxy::new(bus, name, path, "org.kde.StatusNotifierItem").await.unwrap()
}

/// The menu of the app that registered first.
struct Menu<'a>(Proxy<'a>);

impl Menu<'_> {
    async fn of(bus: &Connection, registered: &Arc<Mutex<Vec<String>>>) -> Self {
        let item = item(bus, registered).await;
        let menu: OwnedObjectPath = item.get_property("Menu").await.unwrap();
        let name = item.destination().to_owned();
        Self(Proxy::new(bus, name, menu, "com.canonical.dbusmenu").await.unwrap())
    }

    /// The entries that say something: label and number.
    async fn entries(&self) -> Vec<(String, i32)> {
        let body = (0_i32, -1_i32, vec!["label"]);
        let (_, (_, _, children)): (u32, Layout) = self.0.call("GetLayout", &body).await.unwrap();
        let entries = children.into_iter().filter_map(|child| {
            let (id, mut properties, _) = Layout::try_from(child).ok()?;
            Some((String::try_from(properties.remove("label")?).ok()?, id))
        });
        entries.filter(|(label, _)| !label.is_empty()).collect()
    }

    async fn choose(&self, label: &str) {
        let (_, id) =
            until(async || self.entries().await.into_iter().find(|(known, _)| known == label)).await;
        let event = (id, "clicked", Variant::from(0_i32), 0_u32);
        self.0.call::<_, _, ()>("Event", &event).await.unwrap();
    }
}

/// Alice is signed in on a desktop whose app does not run.
async fn signed_in(bench: &Bench, desktop: &Desktop) {
    let folder = desktop.home.path().join(".local/share/dev.tidings.desktop");
    let before = bench.app_in(folder).await;
    let link = bench.relay.link("alice");
    before.controller.connect(link, None, SecretPlace::File, None).await.expect("it connects");
    before.controller.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tray_counts_what_is_unread_and_a_click_opens_the_window() {
    let bench = Bench::start();
    let mut desktop = Desktop::start();
    signed_in(&bench, &desktop).await;
    let (bus, registered) = desktop.tray().await;
    let app = desktop.app(&["--hidden"]);
    desktop.running.push(app);
    let place = item(&bus, &registered).await;
    let mut new_icons = place.receive_signal("NewIcon").await.unwrap();
    let label = async || item(&bus, &registered).await.get_property::<String>("XAyatanaLabel").await.unwrap();
    let picture = async || {
        let item = item(&bus, &registered).await;
        item.get_property::<Vec<(i32, i32, Vec<u8>)>>("IconPixmap").await.unwrap()
    };
    assert_eq!(label().await, "");
    let plain = picture().await;
    assert_eq!((plain[0].0, plain[0].1, plain[0].2.len()), (64, 64, 64 * 64 * 4));

    bench.relay.tell("alice", &serde_json::json!({"title": "One"}));
    until(async || (label().await == "1").then_some(())).await;
    let told = tokio::time::timeout(PATIENCE, new_icons.next()).await;
    assert!(matches!(told, Ok(Some(_))), "whoever shows the picture is told that it is another one");
    assert_ne!(picture().await, plain, "the picture has a mark");
    let title: String = item(&bus, &registered).await.get_property("Title").await.unwrap();
    assert_eq!(title, "Tidings: 1 unread");

    assert_eq!(desktop.windows(), 0);
    place.call::<_, _, ()>("Activate", &(0, 0)).await.unwrap();
    until_so(&desktop, "a window", || desktop.windows() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tray_that_starts_anew_has_the_app_again() {
    let mut desktop = Desktop::start();
    // The app comes first: its place appears with the tray.
    let app = desktop.app(&["--hidden"]);
    desktop.running.push(app);
    for _ in 0..2 {
        let (bus, registered) = desktop.tray().await;
        until(async || registered.lock().unwrap().first().cloned()).await;
        bus.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_menu_opens_pauses_resumes_and_quits() {
    let bench = Bench::start();
    let mut desktop = Desktop::start();
    signed_in(&bench, &desktop).await;

    let (bus, registered) = desktop.tray().await;
    let app = desktop.app(&["--hidden"]);
    let pid = app.id();
    desktop.running.push(app);
    let menu = Menu::of(&bus, &registered).await;
    let labels: Vec<String> = until(async || Some(menu.entries().await).filter(|entries| entries.len() == 5))
        .await
        .into_iter()
        .map(|(label, _)| label)
        .collect();
    let expected = ["Open Tidings", "Pause for an hour", "Pause until tomorrow", "End the pause", "Quit"];
    assert_eq!(labels, expected);

    let paused = async || {
        let chosen = bench.relay.call("GET", "/v1/recipients/alice/preferences", "application/json", "");
        chosen["paused_until"].clone()
    };
    menu.choose("Pause for an hour").await;
    let hour = until(async || Some(paused().await).filter(|until| *until != Value::Null)).await;
    menu.choose("Pause until tomorrow").await;
    until(async || Some(paused().await).filter(|until| *until != Value::Null && *until != hour)).await;
    menu.choose("End the pause").await;
    until(async || (paused().await == Value::Null).then_some(())).await;

    assert_eq!(desktop.windows(), 0);
    menu.choose("Open Tidings").await;
    until_so(&desktop, "a window", || desktop.windows() == 1);
    menu.choose("Quit").await;
    until_so(&desktop, "the end", || name(pid).is_empty());
}
