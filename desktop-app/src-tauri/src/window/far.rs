//! The window as a process of its own: what the pages ask goes to the app in the tray, and what that says comes to the pages.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::value::RawValue;
use tauri::{AppHandle, Manager as _, RunEvent, WebviewWindow, WindowEvent};
use tidings_desktop::{Problem, ToResident, ToWindow, read_frame};
use tokio::sync::oneshot;

use crate::view;

type Answer = Result<Box<RawValue>, Problem>;

/// Shows the window until it is closed or the app ends.
///
/// # Errors
/// If it was not started by the app, or there is no display.
pub(crate) fn run(made_up: bool) -> Result<(), Box<dyn Error>> {
    let stream = given()?;
    let reading = stream.try_clone()?;
    let app =
        Arc::new(Resident { stream: Mutex::new(stream), asked: Mutex::default(), number: AtomicU64::new(0) });
    let (asked, hearing) = (Arc::clone(&app), Arc::clone(&app));
    let tauri = tauri::Builder::default()
        .invoke_handler(move |invoke| {
            let app = Arc::clone(&asked);
            view::answer(invoke, |command, arguments| async move { app.ask(command, arguments).await })
        })
        .setup(move |tauri| {
            let handle = tauri.handle().clone();
            view::raise(&handle, made_up, |window| ask_before_closing(window, &app))?;
            thread::spawn(move || hearing.hear(&handle, reading));
            Ok(())
        })
        .build(tauri::generate_context!())?;
    tauri.run(|_, event| {
        if matches!(event, RunEvent::Exit) {
            tracing::debug!("the window ends");
        }
    });
    Ok(())
}

/// The socket that this was started with. What the web view starts must not get it too.
fn given() -> Result<UnixStream, Box<dyn Error>> {
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    stream.peer_addr().map_err(|_| "this shows the window of Tidings, and is started by tidings-desktop")?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(stream)
}

/// Whether the window may go is the app's to say: without a tray it stays.
fn ask_before_closing(window: &WebviewWindow, app: &Arc<Resident>) {
    let app = Arc::clone(app);
    window.on_window_event(move |event| {
        if let WindowEvent::CloseRequested { api, .. } = event {
            api.prevent_close();
            app.say(&ToResident::Closing);
        }
    });
}

/// The app in the tray.
struct Resident {
    stream: Mutex<UnixStream>,
    /// Calls that wait for their answers.
    asked: Mutex<BTreeMap<u64, oneshot::Sender<Answer>>>,
    number: AtomicU64,
}

impl Resident {
    async fn ask(&self, command: String, arguments: String) -> Result<String, Problem> {
        let failed = |error: serde_json::Error| Problem::new("invalid_arguments", error.to_string());
        let arguments = RawValue::from_string(arguments).map_err(failed)?;
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(number, sender);
        self.say(&ToResident::Ask { number, command, arguments });
        let answer = answer.await.map_err(|_| Problem::new("closed", "the app has ended"))?;
        answer.map(|answer| answer.get().to_owned())
    }

    fn say(&self, frame: &ToResident) {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let said = serde_json::to_string(frame)
            .map_err(io::Error::from)
            .and_then(|line| stream.write_all(format!("{line}\n").as_bytes()));
        if let Err(error) = said {
            tracing::warn!(%error, "the app does not hear its window");
        }
    }

    /// Does what the app says, until it ends.
    fn hear(&self, tauri: &AppHandle, stream: UnixStream) {
        let mut stream = BufReader::new(stream);
        loop {
            match read_frame(&mut stream) {
                Ok(Some(ToWindow::Answer { number, answer })) => {
                    let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
                    // A page that has gone needs no answer.
                    asked.map(|asked| asked.send(answer).is_ok());
                }
                Ok(Some(ToWindow::Told(event))) => view::tell(tauri, &event),
                Ok(Some(ToWindow::Raise)) => on_its_thread(tauri, |tauri| view::raise(tauri, false, |_| {})),
                Ok(Some(ToWindow::Minimise)) => on_its_thread(tauri, |tauri| {
                    tauri.webview_windows().values().try_for_each(WebviewWindow::minimize)
                }),
                Ok(Some(ToWindow::Close) | None) => break,
                Err(error) => {
                    tracing::error!(%error, "the app is not understood");
                    break;
                }
            }
        }
        // Whoever waits learns that there is nothing to wait for.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clear();
        tauri.exit(0);
    }
}

fn on_its_thread(tauri: &AppHandle, done: impl FnOnce(&AppHandle) -> tauri::Result<()> + Send + 'static) {
    let handle = tauri.clone();
    let asked = tauri.run_on_main_thread(move || {
        if let Err(error) = done(&handle) {
            tracing::warn!(%error, "the window does not move");
        }
    });
    if let Err(error) = asked {
        tracing::warn!(%error, "the window does not move");
    }
}
