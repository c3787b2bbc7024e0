//! The place in the tray, as Tauri makes it: how many are unread, and the menu.

use tauri::image::Image;
use tauri::menu::{Menu, MenuItem, PredefinedMenuItem};
use tauri::tray::TrayIconBuilder;
use tauri::{AppHandle, Wry};
use tidings_desktop::MenuEntry;

use super::whole::controller;

/// By which the app finds its own tray again.
const TRAY: &str = "tray";

/// Makes the place in the tray.
pub(crate) fn build(app: &AppHandle) -> tauri::Result<()> {
    let tray = TrayIconBuilder::with_id(TRAY).icon(picture(false)?).menu(&menu(app)?);
    tray.on_menu_event(|app, event| {
        let (controller, id) = (controller(app), event.id().as_ref().to_owned());
        tauri::async_runtime::spawn(async move { controller.choose(&id).await });
    })
    .build(app)?;
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
    tray.set_title((unread > 0).then(|| unread.to_string()))?;
    // Not every system has them; where they are missing, the number beside the picture says the same.
    tray.set_tooltip(Some(controller(app).unread_words(unread)))
}

fn menu(app: &AppHandle) -> tauri::Result<Menu<Wry>> {
    let menu = Menu::new(app)?;
    for entry in controller(app).menu() {
        match entry {
            MenuEntry::Line => menu.append(&PredefinedMenuItem::separator(app)?)?,
            MenuEntry::Choice { id, label } => {
                menu.append(&MenuItem::with_id(app, id, label, true, None::<&str>)?)?;
            }
        }
    }
    Ok(menu)
}

fn picture(unread: bool) -> tauri::Result<Image<'static>> {
    Image::from_bytes(if unread {
        include_bytes!("../../icons/tray-unread.png")
    } else {
        include_bytes!("../../icons/tray.png")
    })
}
