//! The whole app as one process, where the system has the browser loaded anyway: one instance, its tray, its window, its end.

use std::error::Error;
use std::sync::Arc;

use tauri::{AppHandle, Manager as _, RunEvent, WebviewWindow, WindowEvent};
use tauri_plugin_autostart::ManagerExt as _;
use tidings_desktop::{
    ANSWERS_MAX, AppEvent, Arguments, Controller, NativeScreen, Problem, Shell, Surroundings, SystemKeychain,
};
use tokio::sync::mpsc;
use url::Url;

use super::{tray, view};

/// Whether the window runs on made-up data.
#[derive(Clone, Copy, Debug)]
struct MadeUp(bool);

/// Runs until the person quits.
///
/// # Errors
/// If there is no display, or the app's folder cannot be used.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let hidden = arguments.hidden;
    let made_up = MadeUp(arguments.made_up);
    let link = arguments.link.clone();
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, given, _| second_start(app, given)))
        .plugin(tauri_plugin_autostart::Builder::new().arg("--hidden").build())
        .invoke_handler(|invoke| {
            let controller = controller(invoke.message.webview_ref().app_handle());
            view::answer(invoke, |command, arguments| async move {
                tidings_desktop::answer(&controller, &command, &arguments).await
            })
        })
        .setup(move |app| {
            let handle = app.handle().clone();
            app.manage(made_up);
            let controller = tauri::async_runtime::block_on(started(&handle))?;
            app.manage(Arc::clone(&controller));
            tray::build(&handle)?;
            #[cfg(target_os = "macos")]
            hear_links(&handle, &controller)?;
            if let Some(link) = &link {
                controller.offer_link(link);
            } else if !hidden {
                show(&handle);
            }
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run(|app, event| {
        // Without a window the app lives on in the tray; only quitting ends it.
        if let RunEvent::ExitRequested { code: None, api, .. } = &event {
            api.prevent_exit();
        } else if matches!(event, RunEvent::Exit) {
            let controller = controller(app);
            tauri::async_runtime::block_on(async move { controller.close().await });
        }
    });
    Ok(())
}

pub(crate) fn controller(app: &AppHandle) -> Arc<Controller> {
    Arc::clone(&app.state::<Arc<Controller>>())
}

async fn started(app: &AppHandle) -> Result<Arc<Controller>, Box<dyn Error>> {
    let (sender, answers) = mpsc::channel(ANSWERS_MAX);
    let screen = Arc::new(NativeScreen::new(sender));
    let folder = app.path().app_data_dir()?;
    let downloads = app.path().download_dir().unwrap_or_else(|_| folder.join("exports"));
    let shell = Arc::new(TauriShell { app: app.clone() });
    let surroundings =
        Surroundings { folder, downloads, shell, screen, keychain: Arc::new(SystemKeychain), answers };
    Ok(Controller::start(surroundings).await?)
}

/// Where a link does not come as an argument.
#[cfg(target_os = "macos")]
fn hear_links(app: &AppHandle, controller: &Arc<Controller>) -> tauri::Result<()> {
    use tauri_plugin_deep_link::DeepLinkExt as _;

    app.plugin(tauri_plugin_deep_link::init())?;
    let controller = Arc::clone(controller);
    app.deep_link().on_open_url(move |event| {
        event.urls().iter().for_each(|url| controller.offer_link(url.as_str()));
    });
    Ok(())
}

/// Another start of the app: it ends, and this one shows its window or takes its link.
fn second_start(app: &AppHandle, given: Vec<String>) {
    let arguments = Arguments::read(given.into_iter().skip(1));
    match arguments.link {
        Some(link) => match app.try_state::<Arc<Controller>>() {
            Some(controller) => controller.offer_link(&link),
            None => tracing::warn!("a link came before the app was ready; open it again"),
        },
        None if arguments.hidden => {}
        None => show(app),
    }
}

fn show(app: &AppHandle) {
    on_its_thread(app, |app| view::raise(app, app.state::<MadeUp>().0, closing));
}

/// Closing destroys the window and its web view, and the app stays in the tray.
fn closing(window: &WebviewWindow) {
    let app = window.app_handle().clone();
    window.on_window_event(move |event| {
        if matches!(event, WindowEvent::Destroyed) {
            let controller = controller(&app);
            tauri::async_runtime::spawn(async move {
                if let Err(problem) = controller.look_at(None, None).await {
                    tracing::warn!(code = problem.code, "the closed window still counts as looked at");
                }
            });
        }
    });
}

fn on_its_thread(app: &AppHandle, done: impl FnOnce(&AppHandle) -> tauri::Result<()> + Send + 'static) {
    let handle = app.clone();
    let asked = app.run_on_main_thread(move || {
        if let Err(error) = done(&handle) {
            tracing::warn!(%error, "the window or the tray stays as it is");
        }
    });
    if let Err(error) = asked {
        tracing::warn!(%error, "the window or the tray stays as it is");
    }
}

/// The desktop around the controller.
struct TauriShell {
    app: AppHandle,
}

impl Shell for TauriShell {
    fn tell(&self, event: &AppEvent) {
        if matches!(event, AppEvent::Local) {
            on_its_thread(&self.app, tray::rename);
        }
        view::tell(&self.app, event);
    }

    fn show_window(&self) {
        show(&self.app);
    }

    fn open_link(&self, link: &Url) -> Result<(), Problem> {
        open::that_detached(link.as_str()).map_err(|error| Problem::new("link_refused", error.to_string()))
    }

    fn badge(&self, unread: u32) {
        on_its_thread(&self.app, move |app| tray::badge(app, unread));
    }

    fn has_tray(&self) -> bool {
        true
    }

    fn autostart(&self) -> bool {
        self.app.autolaunch().is_enabled().unwrap_or(false)
    }

    fn set_autostart(&self, on: bool) -> Result<(), Problem> {
        let autostart = self.app.autolaunch();
        let set = if on { autostart.enable() } else { autostart.disable() };
        set.map_err(|error| Problem::new("autostart_failed", error.to_string()))
    }

    fn quit(&self) {
        self.app.exit(0);
    }
}
