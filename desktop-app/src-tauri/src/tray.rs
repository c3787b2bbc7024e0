//! The place in the tray: how many are unread, pause, open, quit.

use std::sync::Arc;

use tauri::image::Image;
use tauri::menu::{Menu, MenuItem, PredefinedMenuItem};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager as _};
use tidings_sdk::Timestamp;

use crate::controller::Controller;
use crate::words::words;

/// By which the app finds its own tray again.
const TRAY: &str = "tray";

/// Makes the place in the tray.
pub(crate) fn build(app: &AppHandle) -> tauri::Result<()> {
    let tray = TrayIconBuilder::with_id(TRAY).icon(picture(false)?).menu(&menu(app)?);
    tray.on_menu_event(|app, event| chosen(app, event.id().as_ref())).build(app)?;
    Ok(())
}

/// Writes the entries anew, in the language that is chosen now.
pub(crate) fn rename(app: &AppHandle) -> tauri::Result<()> {
    match app.tray_by_id(TRAY) {
        Some(tray) => tray.set_menu(Some(menu(app)?)),
        None => Ok(()),
    }
}

/// Shows how many are unread.
pub(crate) fn badge(app: &AppHandle, unread: u32) -> tauri::Result<()> {
    let Some(tray) = app.tray_by_id(TRAY) else { return Ok(()) };
    tray.set_icon(Some(picture(unread > 0)?))?;
    let count = usize::try_from(unread).unwrap_or(usize::MAX);
    let title = if unread == 0 { None } else { Some(unread.to_string()) };
    tray.set_title(title)?;
    set_tooltip(&tray, &words(controller(app).local().language).unread(count))
}

/// Not every desktop has them; where they are missing, the number beside the picture says the same.
fn set_tooltip(tray: &TrayIcon, text: &str) -> tauri::Result<()> {
    tray.set_tooltip(Some(text))
}

fn menu(app: &AppHandle) -> tauri::Result<Menu<tauri::Wry>> {
    let words = words(controller(app).local().language);
    let entry = |id: &str, text: &str| MenuItem::with_id(app, id, text, true, None::<&str>);
    let line = || PredefinedMenuItem::separator(app);
    Menu::with_items(
        app,
        &[
            &entry("open", words.open)?,
            &line()?,
            &entry("pause_hour", words.pause_hour)?,
            &entry("pause_tomorrow", words.pause_tomorrow)?,
            &entry("resume", words.resume)?,
            &line()?,
            &entry("quit", words.quit)?,
        ],
    )
}

fn chosen(app: &AppHandle, entry: &str) {
    match entry {
        "open" => crate::window::show(app),
        "pause_hour" => pause(app, Some(in_an_hour())),
        "pause_tomorrow" => pause(app, tomorrow()),
        "resume" => pause(app, None),
        "quit" => app.exit(0),
        other => tracing::warn!(other, "a tray entry that this version does not know"),
    }
}

fn pause(app: &AppHandle, until: Option<Timestamp>) {
    let controller = controller(app);
    tauri::async_runtime::spawn(async move { controller.pause_all(until).await });
}

fn in_an_hour() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()).plus_millis(3_600_000)
}

/// Eight in the morning of the next day, in the zone of this computer.
fn tomorrow() -> Option<Timestamp> {
    let next =
        jiff::Zoned::now().tomorrow().ok()?.with().hour(8).minute(0).second(0).subsec_nanosecond(0).build();
    Some(Timestamp::from_millis(next.ok()?.timestamp().as_millisecond()))
}

fn controller(app: &AppHandle) -> Arc<Controller> {
    Arc::clone(&app.state::<Arc<Controller>>())
}

fn picture(unread: bool) -> tauri::Result<Image<'static>> {
    Image::from_bytes(if unread {
        include_bytes!("../icons/tray-unread.png")
    } else {
        include_bytes!("../icons/tray.png")
    })
}

/// Whether this desktop has a tray that shows us.
#[cfg(target_os = "linux")]
pub(crate) fn is_there() -> bool {
    let asked = async {
        let bus = zbus::Connection::session().await?;
        let watcher = "org.kde.StatusNotifierWatcher";
        let reply = bus
            .call_method(
                Some(watcher),
                "/StatusNotifierWatcher",
                Some("org.freedesktop.DBus.Properties"),
                "Get",
                &(watcher, "IsStatusNotifierHostRegistered"),
            )
            .await?;
        let value: zbus::OwnedVariant = reply.body().deserialize()?;
        zbus::Result::Ok(bool::try_from(value).unwrap_or(false))
    };
    zbus::block_on(asked).unwrap_or(false)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_there() -> bool {
    true
}
