//! The app as it runs on Linux: a process in the tray that owns the accounts and has no screen of its own. Its window is
//! a program that it starts (`window`), so that nothing of a browser is loaded while nobody looks.

mod first;
mod menu;
mod shell;
mod tray;
mod window;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{SetOnce, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::arguments::Arguments;
use crate::controller::{ANSWERS_MAX, Controller, Surroundings};
use crate::native::NativeScreen;
use crate::secrets::SystemKeychain;
use first::{First, Standing, Start};
use shell::LinuxShell;
use tray::Face;
use window::{Keeper, ORDERS_MAX, Order};

/// By this name the app has its folders since its first version.
const IDENTIFIER: &str = "dev.tidings.desktop";
/// Threads that work on accounts; waiting for files and the bus has threads of its own. More only cost memory.
const THREADS: usize = 2;
/// How long the window and a start that is being heard may take to end.
const ENDING_MAX: Duration = Duration::from_secs(5);

/// Runs until the person quits, the session ends, or hands over to the app that runs already.
///
/// # Errors
/// If the app's folder cannot be used, or the app that runs already does not answer.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let folder = dirs::data_dir().ok_or("there is no home folder")?.join(IDENTIFIER);
    let start = Start::of(arguments);
    let Standing::First(first) = first::take(&folder, &start)? else { return Ok(()) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    runtime.block_on(stay(first, start, arguments.made_up, folder))
}

async fn stay(first: First, start: Start, made_up: bool, folder: PathBuf) -> Result<(), Box<dyn Error>> {
    let stop = CancellationToken::new();
    let running = TaskTracker::new();
    let ready = Arc::new(SetOnce::new());
    let (orders, ordered) = mpsc::channel(ORDERS_MAX);
    let (face, shown_face) = watch::channel(Face::default());
    let shell = Arc::new(LinuxShell::new(orders.clone(), face, stop.clone()));
    let keeper = Keeper::new(ordered, Arc::clone(&ready), made_up, &shell, stop.clone(), running.clone());
    running.spawn(keeper.run());
    // The window takes longest to come: it begins while the accounts are opened.
    if !start.hidden || start.link.is_some() {
        orders.send(Order::Show(start.environment)).await?;
    }

    let (sender, answers) = mpsc::channel(ANSWERS_MAX);
    let downloads = dirs::download_dir().unwrap_or_else(|| folder.join("exports"));
    let screen = Arc::new(NativeScreen::new(sender));
    let surroundings =
        Surroundings { folder, downloads, shell, screen, keychain: Arc::new(SystemKeychain), answers };
    let controller = Controller::start(surroundings).await?;
    if let Some(link) = &start.link {
        controller.offer_link(link);
    }
    ready.set(Arc::clone(&controller)).map_err(|_| "it is set once")?;
    running.spawn(tray::keep(Arc::clone(&controller), shown_face, stop.clone()));
    running.spawn(first.hear_starts(Arc::clone(&controller), orders, stop.clone()));

    let (mut asked, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        _ = asked.recv() => {}
        _ = interrupted.recv() => {}
    }
    stop.cancel();
    running.close();
    if tokio::time::timeout(ENDING_MAX, running.wait()).await.is_err() {
        tracing::warn!("something of the app does not end in time");
    }
    controller.close().await;
    Ok(())
}
