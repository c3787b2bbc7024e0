//! The one window. It is made when it is shown and destroyed when it is closed, so that the app in the tray has no web
//! view alive.

use std::sync::Arc;

use tauri::{AppHandle, Manager as _, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent};

use crate::controller::Controller;
use crate::port::{Popup, PopupKey, Screen, Urgency};
use crate::words::words;

/// The window's name, to which the capabilities are given.
pub(crate) const MAIN: &str = "main";

/// Whether the window runs on made-up data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MadeUp(pub(crate) bool);

/// Brings the window up, from wherever it is called.
pub(crate) fn show(app: &AppHandle) {
    let made = app.clone();
    let shown = app.run_on_main_thread(move || {
        if let Err(error) = raise(&made) {
            tracing::error!(%error, "the window is not shown");
        }
    });
    if let Err(error) = shown {
        tracing::error!(%error, "the window is not shown");
    }
}

fn raise(app: &AppHandle) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(MAIN) {
        window.unminimize()?;
        window.show()?;
        return window.set_focus();
    }
    let page = if app.state::<MadeUp>().0 { "index.html?mock" } else { "index.html" };
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App(page.into()))
        .title("Tidings")
        .inner_size(1120.0, 740.0)
        .min_inner_size(640.0, 440.0)
        // Nothing leads out of the app but what goes through the check of the scheme.
        .on_navigation(|url| {
            matches!(url.scheme(), "tauri" | "about") || url.host_str() == Some("tauri.localhost")
        })
        .build()?;
    window.on_window_event(closing(&window));
    Ok(())
}

/// With a tray, closing destroys the window and its web view. Without one the app would be out of reach: the window
/// is minimised, and that is said once.
fn closing(window: &WebviewWindow) -> impl Fn(&WindowEvent) + Send + 'static {
    let window = window.clone();
    move |event| {
        if let WindowEvent::CloseRequested { api, .. } = event
            && !crate::tray::is_there()
        {
            api.prevent_close();
            if let Err(error) = window.minimize() {
                tracing::warn!(%error, "the window is not minimised");
            }
            say_once(window.app_handle());
        } else if matches!(event, WindowEvent::Destroyed) {
            look_away(window.app_handle());
        }
    }
}

fn say_once(app: &AppHandle) {
    let controller = Arc::clone(&app.state::<Arc<Controller>>());
    let local = controller.local();
    if local.told_closing {
        return;
    }
    controller.told_closing();
    let screen = Arc::clone(&app.state::<Arc<dyn Screen>>());
    let words = words(local.language);
    let popup = Popup {
        key: PopupKey { account: String::new(), notification: None },
        replaces: None,
        title: words.stays_title.to_owned(),
        body: words.stays_body.to_owned(),
        urgency: Urgency::Low,
        actions: Vec::new(),
        stays: false,
        silent: true,
    };
    // The daemon takes its time, and this is the window's own thread.
    tauri::async_runtime::spawn_blocking(move || {
        if let Err(problem) = screen.show(&popup) {
            tracing::warn!(
                code = problem.code,
                detail = problem.detail,
                "that the app keeps running is not said"
            );
        }
    });
}

/// Nobody looks at anything any more.
fn look_away(app: &AppHandle) {
    let controller = Arc::clone(&app.state::<Arc<Controller>>());
    tauri::async_runtime::spawn(async move {
        if let Err(problem) = controller.look_at(None, None).await {
            tracing::warn!(code = problem.code, "the closed window still counts as looked at");
        }
    });
}
