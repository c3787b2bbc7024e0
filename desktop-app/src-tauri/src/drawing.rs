//! How the window is drawn on Linux: by the processor. A list of texts needs no graphics card, and the first program with
//! GTK on an X display loads OpenGL only to look at it: 30 MB in the tray, where nothing is drawn at all.

/// Has to be called before GTK starts and before there is a second thread. Who sets one of these decides for it.
#[cfg(target_os = "linux")]
pub(crate) fn without_graphics_card() {
    for (name, value) in [("GDK_GL", "disable"), ("WEBKIT_DISABLE_COMPOSITING_MODE", "1")] {
        if let Err(error) = webkit2gtk::glib::setenv(name, value, false) {
            tracing::warn!(name, %error, "the window is drawn as the system likes, which takes more memory");
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn without_graphics_card() {}

/// The pages come out of the app and are one: nothing of the web has to be kept for going back to it.
#[cfg(target_os = "linux")]
pub(crate) fn keep_nothing(window: &tauri::WebviewWindow) -> tauri::Result<()> {
    use webkit2gtk::{CacheModel, WebContextExt as _, WebViewExt as _};

    window.with_webview(|view| {
        if let Some(context) = view.inner().context() {
            context.set_cache_model(CacheModel::DocumentViewer);
        }
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn keep_nothing(_: &tauri::WebviewWindow) -> tauri::Result<()> {
    Ok(())
}
