//! The window's process: started when the window is asked for, gone when it is closed. Its calls are answered by the
//! controller; it has nothing of its own.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SetOnce, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::between::{FRAME_BYTES_MAX, ToResident, ToWindow, read_frame};
use crate::controller::Controller;
use crate::problem::Problem;
use crate::resident::shell::LinuxShell;

/// The program beside this one.
const PROGRAM: &str = "tidings-desktop-window";
/// The name of the desktop file.
const NAME: &str = "tidings-desktop";
/// Orders that may wait; if there are more, the window begins anew.
pub(crate) const ORDERS_MAX: usize = 1_024;
/// Frames that may wait for a window that does not read; if there are more, it begins anew.
const FRAMES_MAX: usize = 1_024;
/// Calls of the pages that are answered at a time; the others wait.
const ASKS_MAX: usize = 64;
/// What tells a desktop which click a window belongs to: it is of no use to the next window.
const ONCE: [&str; 2] = ["XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"];
/// How long a window may take to end after it was told to.
const ENDING_MAX: Duration = Duration::from_secs(3);

/// What the window is to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Be there, in front; with what is known of the session that asks.
    Show(BTreeMap<String, String>),
    /// Tell the pages, if there are any.
    Tell(Box<RawValue>),
}

/// Keeps the window while there is one.
#[derive(Debug)]
pub(crate) struct Keeper {
    orders: mpsc::Receiver<Order>,
    ready: Arc<SetOnce<Arc<Controller>>>,
    made_up: bool,
    shell: Arc<LinuxShell>,
    stop: CancellationToken,
    running: TaskTracker,
    environment: BTreeMap<String, String>,
    /// Whether a window is to be made as soon as there is none.
    is_wanted: bool,
}

/// A window that is there.
struct Window {
    child: Child,
    stream: UnixStream,
    frames: mpsc::Sender<ToWindow>,
    said: mpsc::Receiver<ToResident>,
    asks: Arc<Semaphore>,
    /// It was told to end.
    is_closing: bool,
}

impl Keeper {
    pub(crate) fn new(
        orders: mpsc::Receiver<Order>,
        ready: Arc<SetOnce<Arc<Controller>>>,
        made_up: bool,
        shell: &Arc<LinuxShell>,
        stop: CancellationToken,
        running: TaskTracker,
    ) -> Self {
        let (shell, environment) = (Arc::clone(shell), BTreeMap::new());
        Self { orders, ready, made_up, shell, stop, running, environment, is_wanted: false }
    }

    /// Until the app ends.
    pub(crate) async fn run(mut self) {
        while !self.stop.is_cancelled() {
            if !std::mem::take(&mut self.is_wanted) && !self.is_asked_for().await {
                continue;
            }
            match self.opened() {
                Ok(mut window) => {
                    self.look_after(&mut window).await;
                    ended(window).await;
                }
                Err(error) => tracing::error!(%error, program = PROGRAM, "the window is not shown"),
            }
            if let Some(controller) = self.ready.get()
                && let Err(problem) = controller.look_at(None, None).await
            {
                tracing::warn!(code = problem.code, "the closed window still counts as looked at");
            }
        }
    }

    async fn is_asked_for(&mut self) -> bool {
        let order = tokio::select! {
            biased;
            () = self.stop.cancelled() => return false,
            order = self.orders.recv() => order,
        };
        match order {
            Some(Order::Show(environment)) => {
                self.environment.extend(environment);
                // What was not told before is fetched.
                self.shell.has_lost();
                true
            }
            Some(Order::Tell(_)) | None => false,
        }
    }

    /// Starts the program; one end of a pair of sockets is what it reads.
    fn opened(&mut self) -> io::Result<Window> {
        let (stream, theirs) = UnixStream::pair()?;
        let mut command = Command::new(std::env::current_exe()?.with_file_name(PROGRAM));
        if self.made_up {
            command.arg("--mock-relay");
        }
        // By this name a desktop finds the window's entry and picture.
        command.arg0(NAME);
        for name in ONCE {
            command.env_remove(name);
        }
        command.envs(&self.environment).stdin(Stdio::from(OwnedFd::from(theirs))).kill_on_drop(true);
        let child = command.spawn()?;
        self.environment.retain(|name, _| !ONCE.contains(&name.as_str()));
        let (frames, to_write) = mpsc::channel(FRAMES_MAX);
        let (heard, said) = mpsc::channel(ASKS_MAX);
        let (reading, writing) = (stream.try_clone()?, stream.try_clone()?);
        self.running.spawn_blocking(move || hear(reading, &heard));
        self.running.spawn_blocking(move || write(writing, to_write));
        Ok(Window {
            child,
            stream,
            frames,
            said,
            asks: Arc::new(Semaphore::new(ASKS_MAX)),
            is_closing: false,
        })
    }

    /// Until the window ends, or has to.
    async fn look_after(&mut self, window: &mut Window) {
        let asks = Arc::clone(&window.asks);
        loop {
            if self.shell.has_lost() {
                tracing::warn!("the window was not told of something and begins anew");
                self.is_wanted = true;
                return;
            }
            let said = async {
                let permit = Arc::clone(&asks).acquire_owned().await;
                (permit, window.said.recv().await)
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                order = self.orders.recv() => match order {
                    Some(Order::Show(environment)) => {
                        self.environment.extend(environment);
                        self.is_wanted = window.is_closing;
                        self.say(window, ToWindow::Raise);
                    }
                    Some(Order::Tell(event)) => self.say(window, ToWindow::Told(event)),
                    None => return,
                },
                (permit, said) = said => match said {
                    Some(ToResident::Ask { number, command, arguments }) => {
                        let (ready, frames) = (Arc::clone(&self.ready), window.frames.clone());
                        self.running.spawn(async move {
                            let answer = answered(&ready, &command, &arguments).await;
                            // A window that has ended needs no answer.
                            drop(frames.send(ToWindow::Answer { number, answer }).await);
                            drop(permit);
                        });
                    }
                    Some(ToResident::Closing) => self.close(window).await,
                    None => return,
                },
            }
        }
    }

    /// The person closes the window.
    async fn close(&mut self, window: &mut Window) {
        let controller = Arc::clone(self.ready.wait().await);
        // It asks the bus whether there is a tray.
        let may_close = tokio::task::spawn_blocking(move || controller.may_close()).await.unwrap_or(true);
        window.is_closing = may_close;
        self.say(window, if may_close { ToWindow::Close } else { ToWindow::Minimise });
    }

    fn say(&mut self, window: &Window, frame: ToWindow) {
        if window.frames.try_send(frame).is_err() && !window.frames.is_closed() {
            self.shell.lose();
        }
    }
}

async fn answered(
    ready: &SetOnce<Arc<Controller>>,
    command: &str,
    arguments: &RawValue,
) -> Result<Box<RawValue>, Problem> {
    let controller = Arc::clone(ready.wait().await);
    let answer = crate::commands::answer(&controller, command, arguments.get()).await?;
    // The frame around it needs some bytes too.
    if answer.len() > FRAME_BYTES_MAX / 2 {
        return Err(Problem::new("failed", "the answer is too long"));
    }
    RawValue::from_string(answer).map_err(|error| Problem::new("failed", error.to_string()))
}

/// Whoever ends is not waited for long.
async fn ended(mut window: Window) {
    drop(window.frames);
    if let Err(error) = window.stream.shutdown(Shutdown::Both) {
        tracing::debug!(%error, "the window has ended already");
    }
    match tokio::time::timeout(ENDING_MAX, window.child.wait()).await {
        Ok(Ok(status)) if status.success() => {}
        Ok(Ok(status)) => tracing::error!(%status, "the window ended by itself"),
        Ok(Err(error)) => tracing::error!(%error, "what became of the window is not known"),
        // Dropping it kills it.
        Err(_) => tracing::warn!("the window does not end by itself"),
    }
}

fn hear(stream: UnixStream, heard: &mpsc::Sender<ToResident>) {
    let mut stream = BufReader::new(stream);
    loop {
        match read_frame(&mut stream) {
            Ok(Some(frame)) => {
                if heard.blocking_send(frame).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, "the window is not understood"),
        }
    }
}

fn write(mut stream: UnixStream, mut frames: mpsc::Receiver<ToWindow>) {
    while let Some(frame) = frames.blocking_recv() {
        let written = serde_json::to_string(&frame)
            .map_err(io::Error::from)
            .and_then(|line| stream.write_all(format!("{line}\n").as_bytes()));
        if let Err(error) = written {
            return tracing::debug!(%error, "the window reads no more");
        }
    }
}
