//! The one window. It is made when it is shown and destroyed when it is closed, so that the app in the tray has no web
//! view alive.

use std::future::Future;

use serde::Serialize;
use tauri::ipc::{Invoke, InvokeBody, InvokeError, InvokeResponseBody};
use tauri::{AppHandle, Emitter as _, Manager as _, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Wry};
use tidings_desktop::Problem;

/// The window's name, to which the capabilities are given.
const MAIN: &str = "main";
/// The one event that the pages listen to.
const EVENT: &str = "told";

/// Brings the window up; if there is none, makes one and hands it over.
pub(crate) fn raise(
    app: &AppHandle,
    made_up: bool,
    is_made: impl FnOnce(&WebviewWindow),
) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(MAIN) {
        window.unminimize()?;
        window.show()?;
        return window.set_focus();
    }
    let page = if made_up { "index.html?mock" } else { "index.html" };
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App(page.into()))
        .title("Tidings")
        .inner_size(1120.0, 740.0)
        .min_inner_size(640.0, 440.0)
        // Nothing leads out of the app but what goes through the check of the scheme.
        .on_navigation(|url| {
            matches!(url.scheme(), "tauri" | "about") || url.host_str() == Some("tauri.localhost")
        })
        .build()?;
    is_made(&window);
    Ok(())
}

/// Tells the pages, if there are any.
pub(crate) fn tell(app: &AppHandle, event: &(impl Serialize + Clone)) {
    if let Err(error) = app.emit_to(MAIN, EVENT, event.clone()) {
        tracing::warn!(%error, "the window is not told of something");
    }
}

/// Answers a call of the pages with what comes of it, JSON to JSON.
pub(crate) fn answer<F>(invoke: Invoke<Wry>, ask: impl FnOnce(String, String) -> F) -> bool
where
    F: Future<Output = Result<String, Problem>> + Send + 'static,
{
    let Invoke { message, resolver, .. } = invoke;
    let InvokeBody::Json(arguments) = message.payload() else { return false };
    let answer = ask(message.command().to_owned(), arguments.to_string());
    resolver.respond_async_serialized(async move {
        match answer.await {
            Ok(answer) => Ok(InvokeResponseBody::Json(answer)),
            Err(problem) => Err(InvokeError::from(problem)),
        }
    });
    true
}
