//! A screen and a bus of the test's own, with a tray that writes down who registers, and the app as a process on it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use zbus::message::Header;
use zbus::{Connection, connection, interface};

/// The longest wait for anything, on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A tray, as far as an app asks it.
struct Tray {
    registered: Arc<Mutex<Vec<String>>>,
}

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Tray {
    /// Some name their bus and path, others the path alone: then it is at whoever calls.
    #[expect(clippy::needless_pass_by_value, reason = "the bus hands its header over whole")]
    fn register_status_notifier_item(&self, #[zbus(header)] header: Header<'_>, service: &str) {
        let sender = header.sender().filter(|_| service.starts_with('/')).map(ToString::to_string);
        let place = format!("{}{service}", sender.unwrap_or_default());
        self.registered.lock().expect("nobody panicked").push(place);
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.registered.lock().expect("nobody panicked").clone()
    }
}

/// A screen, a window manager, a bus, a home; they end with the test.
pub(crate) struct Desktop {
    pub(crate) home: TempDir,
    display: String,
    bus: String,
    pub(crate) running: Vec<Child>,
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in self.running.iter_mut().rev() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Desktop {
    pub(crate) fn start() -> Self {
        let home = tempfile::tempdir().expect("there is room for a folder");
        let mut screen = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb runs");
        let display = format!(":{}", first_line(&mut screen));
        let mut bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon runs");
        let address = first_line(&mut bus);
        let mut desktop = Self { home, display, bus: address, running: vec![screen, bus] };
        let openbox = desktop.openbox();
        desktop.running.push(openbox);
        desktop
    }

    /// A window manager. A screen that was just made refuses its first visitor now and then.
    fn openbox(&self) -> Child {
        let began = Instant::now();
        loop {
            let mut openbox = self.command("openbox").spawn().expect("openbox runs");
            std::thread::sleep(Duration::from_millis(200));
            if matches!(openbox.try_wait(), Ok(None)) {
                return openbox;
            }
            assert!(began.elapsed() < PATIENCE, "no window manager\n{}", self.log());
        }
    }

    /// A program on this desktop.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let log = File::options().create(true).append(true).open(self.home.path().join("log"));
        let log = log.expect("the log can be written");
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(std::env::var("PATH").map(|path| ("PATH", path)))
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.home.path())
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("NO_AT_BRIDGE", "1")
            .env("TIDINGS_LOG", "info")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log);
        command
    }

    /// The app, and what shows it in the tray.
    pub(crate) async fn tray(&self) -> (Connection, Arc<Mutex<Vec<String>>>) {
        let registered = Arc::default();
        let tray = Tray { registered: Arc::clone(&registered) };
        let bus = connection::Builder::address(self.bus.as_str()).name("org.kde.StatusNotifierWatcher");
        let bus = bus.serve_at("/StatusNotifierWatcher", tray).build().await.expect("the bus is there");
        (bus, registered)
    }

    pub(crate) fn app(&self, arguments: &[&str]) -> Child {
        self.command(env!("CARGO_BIN_EXE_tidings-desktop")).args(arguments).spawn().expect("the app runs")
    }

    /// The app as it is where no display is known.
    pub(crate) fn app_without_display(&self) -> Child {
        let mut command = self.command(env!("CARGO_BIN_EXE_tidings-desktop"));
        command.env_remove("DISPLAY").arg("--hidden").spawn().expect("the app runs")
    }

    pub(crate) fn windows(&self) -> usize {
        let mut command = self.command("xdotool");
        let found =
            command.args(["search", "--onlyvisible", "--name", "^Tidings$"]).stdout(Stdio::piped()).output();
        String::from_utf8_lossy(&found.expect("xdotool runs").stdout).lines().count()
    }

    /// As somebody closes a window: who presses before the window has the focus presses again.
    pub(crate) fn close_window(&self) {
        until_so(self, "no window to be seen", || {
            let focused = ["search", "--onlyvisible", "--name", "^Tidings$", "windowactivate"];
            for arguments in [focused.as_slice(), &["key", "alt+F4"]] {
                // It fails when there is no window any more.
                self.command("xdotool").args(arguments).status().expect("xdotool runs");
            }
            std::thread::sleep(Duration::from_millis(300));
            self.windows() == 0
        });
    }

    /// The session ends: its bus is gone.
    pub(crate) fn end_bus(&mut self) {
        let bus = &mut self.running[1];
        bus.kill().expect("it runs");
        bus.wait().expect("it was started");
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    out.read_line(&mut line).expect("it says something");
    line.trim().to_owned()
}

/// A process with all that it started.
pub(crate) fn tree(pid: u32) -> Vec<u32> {
    let children = std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task"));
    let children = children
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<u32> = children
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect();
    std::iter::once(pid).chain(children.into_iter().flat_map(tree)).collect()
}

/// How a process was called; nothing of one that has ended.
pub(crate) fn name(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// What a process and all that it started take of the memory, in KiB; what is shared counts in parts.
pub(crate) fn pss_kib(pid: u32) -> u64 {
    let of_one = |pid: u32| {
        let mut text = String::new();
        let mut file = File::open(format!("/proc/{pid}/smaps_rollup")).ok()?;
        file.read_to_string(&mut text).ok()?;
        let line = text.lines().find(|line| line.starts_with("Pss:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    tree(pid).into_iter().filter_map(of_one).sum()
}

pub(crate) fn has_web_view(pid: u32) -> bool {
    tree(pid).into_iter().any(|pid| name(pid).contains("WebKitWebProcess"))
}

#[track_caller]
pub(crate) fn until_so(desktop: &Desktop, what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not in time: {what}\n{}", desktop.log());
        std::thread::sleep(LOOK_EVERY);
    }
    began.elapsed()
}
