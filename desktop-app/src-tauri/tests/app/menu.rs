//! The tray's menu, as a desktop shows it: read and chosen over D-Bus.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tidings_desktop::SecretPlace;
use zbus::{Connection, OwnedObjectPath, OwnedVariant, Proxy, Variant};

use crate::desktop::{Desktop, name, until_so};
use crate::rig::{Bench, until};

/// An entry with those below it, as `com.canonical.dbusmenu` writes it.
type Layout = (i32, HashMap<String, OwnedVariant>, Vec<OwnedVariant>);

/// The menu of the app that registered first.
struct Menu<'a>(Proxy<'a>);

impl Menu<'_> {
    async fn of(bus: &Connection, registered: &Arc<Mutex<Vec<String>>>) -> Self {
        let service = until(async || registered.lock().unwrap().first().cloned()).await;
        let at = service.find('/').unwrap_or(service.len());
        let (name, path) = (service[..at].to_owned(), service[at..].to_owned());
        let item = Proxy::new(bus, name.clone(), path, "org.kde.StatusNotifierItem").await.unwrap();
        let menu: OwnedObjectPath = item.get_property("Menu").await.unwrap();
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

#[tokio::test(flavor = "multi_thread")]
async fn the_menu_opens_pauses_resumes_and_quits() {
    let bench = Bench::start();
    let mut desktop = Desktop::start();
    // Signed in before, without its window.
    let folder = desktop.home.path().join(".local/share/dev.tidings.desktop");
    let before = bench.app_in(folder).await;
    let link = bench.relay.link("alice");
    before.controller.connect(link, None, SecretPlace::File, None).await.expect("it connects");
    before.controller.close().await;

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
