//! One app for one folder: who holds the lock is it. Another start finds its socket in the locked file, hands over what it
//! was started with, and ends.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::arguments::Arguments;
use crate::controller::Controller;
use crate::resident::window::Order;

/// The file in the app's folder that the running app has locked; in it is the path of its socket.
const LOCKED: &str = "running";
/// How the folder of the socket begins.
const FOLDER: &str = "tidings-desktop-";
/// How long a start waits for an app that is just beginning, or just ending.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The longest start, in bytes: a link and a few variables.
const START_BYTES_MAX: u64 = 64 << 10;
/// How long a start may take to say what it was started with.
const START_MAX: Duration = Duration::from_secs(5);
/// What a window needs to know of the session that asks for it: a later session has others.
const ENVIRONMENT: [&str; 5] =
    ["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"];

/// What a start was asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) hidden: bool,
    pub(crate) link: Option<String>,
    /// Of [`ENVIRONMENT`], what is set.
    pub(crate) environment: BTreeMap<String, String>,
}

impl Start {
    pub(crate) fn of(arguments: &Arguments) -> Self {
        let set = |name: &str| Some((name.to_owned(), std::env::var(name).ok()?));
        let environment = ENVIRONMENT.into_iter().filter_map(set).collect();
        Self { hidden: arguments.hidden, link: arguments.link.clone(), environment }
    }
}

/// Whether this start is the app.
#[derive(Debug)]
pub(crate) enum Standing {
    First(First),
    /// It handed over to the one that runs.
    Later,
}

/// The app that runs, and where it hears of other starts.
#[derive(Debug)]
pub(crate) struct First {
    /// Locked for as long as it is open.
    _locked: File,
    listener: UnixListener,
    /// The folder of the socket; nobody else may look into it.
    folder: PathBuf,
}

impl Drop for First {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::debug!(%error, "the folder of the socket stays");
        }
    }
}

/// Becomes the app of this folder, or hands over to it.
///
/// # Errors
/// If the folder cannot be used, or who holds the lock does not answer.
pub(crate) fn take(folder: &Path, start: &Start) -> io::Result<Standing> {
    fs::create_dir_all(folder)?;
    let mut options = File::options();
    let mut file =
        options.create(true).truncate(false).read(true).write(true).mode(0o600).open(folder.join(LOCKED))?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return First::begin(file).map(Standing::First),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        match hand_over(&mut file, start) {
            Ok(()) => return Ok(Standing::Later),
            Err(error) if began.elapsed() > PATIENCE => return Err(error),
            Err(_) => thread::sleep(LOOK_EVERY),
        }
    }
}

fn path_in(file: &mut File) -> io::Result<PathBuf> {
    let mut path = String::new();
    file.rewind()?;
    file.read_to_string(&mut path)?;
    Ok(PathBuf::from(path))
}

fn hand_over(file: &mut File, start: &Start) -> io::Result<()> {
    let mut stream = UnixStream::connect(path_in(file)?)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{}\n", serde_json::to_string(start)?).as_bytes())?;
    // It says one thing, once it has it.
    stream.read_exact(&mut [0])
}

impl First {
    fn begin(mut file: File) -> io::Result<Self> {
        let former = path_in(&mut file)?;
        if let Some(folder) = former.parent().filter(|folder| is_ours(folder))
            && let Err(error) = fs::remove_dir_all(folder)
        {
            tracing::debug!(%error, "nothing is left of the former socket");
        }
        let places = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).into_iter();
        let mut failed = io::Error::from(io::ErrorKind::NotFound);
        // A path that is too long for a socket is refused; that of temporary files never is.
        for place in places.chain([std::env::temp_dir()]) {
            match listen(&place) {
                Ok((listener, folder)) => {
                    let first = Self { _locked: file.try_clone()?, listener, folder };
                    file.set_len(0)?;
                    file.rewind()?;
                    file.write_all(first.folder.join(SOCKET).as_os_str().as_encoded_bytes())?;
                    return Ok(first);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Does what other starts were asked for, until the app ends.
    pub(crate) async fn hear_starts(
        self,
        controller: Arc<Controller>,
        orders: mpsc::Sender<Order>,
        stop: CancellationToken,
    ) {
        let listener = self
            .listener
            .set_nonblocking(true)
            .and_then(|()| self.listener.try_clone())
            .and_then(tokio::net::UnixListener::from_std);
        let listener = match listener {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "other starts of the app are not heard"),
        };
        loop {
            let heard = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                heard = listener.accept() => heard,
            };
            let done = match heard {
                Ok((stream, _)) => {
                    let doing = tokio::time::timeout(START_MAX, carry_out(stream, &controller, &orders));
                    doing.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                }
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                tracing::warn!(%error, "another start of the app was not heard");
            }
        }
    }
}

async fn carry_out(
    stream: tokio::net::UnixStream,
    controller: &Controller,
    orders: &mpsc::Sender<Order>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    (&mut stream).take(START_BYTES_MAX).read_until(b'\n', &mut line).await?;
    let start: Start = serde_json::from_slice(&line)?;
    if !start.hidden || start.link.is_some() {
        orders.send(Order::Show(start.environment)).await.map_err(io::Error::other)?;
    }
    if let Some(link) = &start.link {
        controller.offer_link(link);
    }
    stream.write_all(b"\n").await
}

const SOCKET: &str = "starts";

fn listen(place: &Path) -> io::Result<(UnixListener, PathBuf)> {
    let folder = place.join(format!("{FOLDER}{}", Uuid::now_v7().simple()));
    // It fails where there is one already, which somebody else would have made.
    DirBuilder::new().mode(0o700).create(&folder)?;
    let socket = folder.join(SOCKET);
    let listened = UnixListener::bind(&socket).and_then(|listener| {
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).map(|()| listener)
    });
    match listened {
        Ok(listener) => Ok((listener, folder)),
        Err(error) => {
            fs::remove_dir_all(&folder)?;
            Err(error)
        }
    }
}

fn is_ours(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(FOLDER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Start {
        Start { hidden: false, link: None, environment: BTreeMap::new() }
    }

    #[test]
    fn only_its_owner_reaches_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let Standing::First(first) = take(folder.path(), &nothing()).unwrap() else {
            panic!("nobody else runs")
        };
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&first.folder), mode(&first.folder.join(SOCKET))), (0o700, 0o600));
        let place = first.folder.clone();
        drop(first);
        assert!(!place.exists(), "nothing is left of it");
    }

    #[test]
    fn who_comes_while_the_first_ends_becomes_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let Standing::First(first) = take(folder.path(), &nothing()).unwrap() else {
            panic!("nobody else runs")
        };
        let path = folder.path().to_owned();
        let second = thread::spawn(move || take(&path, &nothing()));
        thread::sleep(LOOK_EVERY * 2);
        // It hears nobody any more, and ends.
        drop(first);
        assert!(matches!(second.join().unwrap(), Ok(Standing::First(_))));
    }
}
