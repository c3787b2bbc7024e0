//! The app as a process: one instance, its tray, its window, its end.

use std::sync::Arc;

use tauri::{AppHandle, Emitter as _, Manager as _, RunEvent};
use tokio::sync::mpsc;
use url::Url;

use crate::arguments::Arguments;
use crate::commands;
use crate::controller::{ANSWERS_MAX, Controller, Surroundings};
use crate::native::NativeScreen;
use crate::port::{AppEvent, Screen, Shell};
use crate::problem::Problem;
use crate::secrets::SystemKeychain;
use crate::window::{self, MadeUp};

/// The one event that the window listens to.
const EVENT: &str = "told";

/// Runs until the person quits.
///
/// # Errors
/// If there is no display, or the app's folder cannot be used.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let hidden = arguments.hidden;
    let made_up = MadeUp(arguments.made_up);
    let link = arguments.link.clone();
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, given, _| second_start(app, given)));
    #[cfg(not(target_os = "linux"))]
    let app = app.plugin(tauri_plugin_autostart::Builder::new().arg("--hidden").build());
    let app = app
        .invoke_handler(commands::answered())
        .setup(move |app| {
            let handle = app.handle().clone();
            app.manage(made_up);
            let controller = tauri::async_runtime::block_on(started(&handle))?;
            app.manage(Arc::clone(&controller));
            crate::tray::build(&handle)?;
            #[cfg(target_os = "macos")]
            hear_links(&handle, &controller)?;
            if let Some(link) = &link {
                controller.offer_link(link);
            } else if !hidden {
                window::show(&handle);
            }
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run(|app, event| {
        // Without a window the app lives on in the tray; only quitting ends it.
        if let RunEvent::ExitRequested { code: None, api, .. } = &event {
            api.prevent_exit();
        } else if matches!(event, RunEvent::Exit) {
            let controller = Arc::clone(&app.state::<Arc<Controller>>());
            tauri::async_runtime::block_on(async move { controller.close().await });
        }
    });
    Ok(())
}

async fn started(app: &AppHandle) -> Result<Arc<Controller>, Box<dyn std::error::Error>> {
    let (sender, answers) = mpsc::channel(ANSWERS_MAX);
    let screen: Arc<dyn Screen> = Arc::new(NativeScreen::new(sender));
    app.manage(Arc::clone(&screen));
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
        None => window::show(app),
    }
}

/// The desktop around the controller.
struct TauriShell {
    app: AppHandle,
}

impl Shell for TauriShell {
    fn tell(&self, event: &AppEvent) {
        if matches!(event, AppEvent::Local) {
            let app = self.app.clone();
            let renamed = self.app.run_on_main_thread(move || {
                if let Err(error) = crate::tray::rename(&app) {
                    tracing::warn!(%error, "the tray keeps its old words");
                }
            });
            if let Err(error) = renamed {
                tracing::warn!(%error, "the tray keeps its old words");
            }
        }
        if let Err(error) = self.app.emit_to(window::MAIN, EVENT, event) {
            tracing::warn!(%error, "the window is not told of something");
        }
    }

    fn show_window(&self) {
        window::show(&self.app);
    }

    fn open_link(&self, link: &Url) -> Result<(), Problem> {
        open::that_detached(link.as_str()).map_err(|error| Problem::new("link_refused", error.to_string()))
    }

    fn badge(&self, unread: u32) {
        let app = self.app.clone();
        let shown = self.app.run_on_main_thread(move || {
            if let Err(error) = crate::tray::badge(&app, unread) {
                tracing::warn!(%error, "the tray does not show how many are unread");
            }
        });
        if let Err(error) = shown {
            tracing::warn!(%error, "the tray does not show how many are unread");
        }
    }

    fn has_tray(&self) -> bool {
        crate::tray::is_there()
    }

    fn autostart(&self) -> bool {
        crate::autostart::is_on(&self.app)
    }

    fn set_autostart(&self, on: bool) -> Result<(), Problem> {
        crate::autostart::set(&self.app, on)
    }

    fn quit(&self) {
        self.app.exit(0);
    }
}
