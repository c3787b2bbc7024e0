//! The app's process: in the tray without a web view, its window made and destroyed, one instance. On a screen and a
//! bus of the test's own, with a tray that writes down who registers.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use zbus::{Connection, connection, interface};

/// The longest wait for anything, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What the app may take in the tray, all its processes together, in KiB. An unoptimised binary takes far more than
/// what ships; this only notices what is loaded by mistake. The figures of what ships are in `docs/benchmarks.md`.
const TRAY_PSS_MAX_KIB: u64 = 140_000;

/// A tray, as far as an app asks it.
struct Tray {
    registered: Arc<Mutex<Vec<String>>>,
}

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Tray {
    fn register_status_notifier_item(&self, service: String) {
        self.registered.lock().expect("nobody panicked").push(service);
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
struct Desktop {
    home: TempDir,
    display: String,
    bus: String,
    running: Vec<Child>,
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
    fn start() -> Self {
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
    async fn tray(&self) -> (Connection, Arc<Mutex<Vec<String>>>) {
        let registered = Arc::default();
        let tray = Tray { registered: Arc::clone(&registered) };
        let bus = connection::Builder::address(self.bus.as_str()).name("org.kde.StatusNotifierWatcher");
        let bus = bus.serve_at("/StatusNotifierWatcher", tray).build().await.expect("the bus is there");
        (bus, registered)
    }

    fn app(&self, arguments: &[&str]) -> Child {
        self.command(env!("CARGO_BIN_EXE_tidings-desktop")).args(arguments).spawn().expect("the app runs")
    }

    fn windows(&self) -> usize {
        let mut command = self.command("xdotool");
        let found =
            command.args(["search", "--onlyvisible", "--name", "^Tidings$"]).stdout(Stdio::piped()).output();
        String::from_utf8_lossy(&found.expect("xdotool runs").stdout).lines().count()
    }

    /// As somebody closes a window: who presses before the window has the focus presses again.
    fn close_window(&self) {
        until(self, "no window to be seen", || {
            let focused = ["search", "--onlyvisible", "--name", "^Tidings$", "windowactivate"];
            for arguments in [focused.as_slice(), &["key", "alt+F4"]] {
                // It fails when there is no window any more.
                self.command("xdotool").args(arguments).status().expect("xdotool runs");
            }
            std::thread::sleep(Duration::from_millis(300));
            self.windows() == 0
        });
    }

    fn log(&self) -> String {
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
fn tree(pid: u32) -> Vec<u32> {
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

fn name(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// What a process and all that it started take of the memory, in KiB; what is shared counts in parts.
fn pss_kib(pid: u32) -> u64 {
    let of_one = |pid: u32| {
        let mut text = String::new();
        let mut file = File::open(format!("/proc/{pid}/smaps_rollup")).ok()?;
        file.read_to_string(&mut text).ok()?;
        let line = text.lines().find(|line| line.starts_with("Pss:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    tree(pid).into_iter().filter_map(of_one).sum()
}

fn has_web_view(pid: u32) -> bool {
    tree(pid).into_iter().any(|pid| name(pid).contains("WebKitWebProcess"))
}

#[track_caller]
fn until(desktop: &Desktop, what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not in time: {what}\n{}", desktop.log());
        std::thread::sleep(LOOK_EVERY);
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_the_window_leaves_the_tray_and_no_web_view() {
    let mut desktop = Desktop::start();
    let (_bus, registered) = desktop.tray().await;
    let app = desktop.app(&[]);
    let pid = app.id();
    desktop.running.push(app);
    until(&desktop, "a window", || desktop.windows() == 1);
    until(&desktop, "a place in the tray", || registered.lock().expect("nobody panicked").len() == 1);
    until(&desktop, "a web view", || has_web_view(pid));
    println!("window open: {} KiB PSS", pss_kib(pid));
    desktop.close_window();
    until(&desktop, "no web view", || !has_web_view(pid));
    println!("window closed: {} KiB PSS", pss_kib(pid));
    // Another start shows the window again, and does not stay.
    let mut second = desktop.app(&[]);
    let shown = until(&desktop, "a window again", || desktop.windows() == 1);
    println!("window again after {} ms", shown.as_millis());
    let ended = second.wait().expect("it was started");
    assert!(ended.success(), "the second start ends: {ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_start_is_small() {
    let mut desktop = Desktop::start();
    let (_bus, registered) = desktop.tray().await;
    let app = desktop.app(&["--hidden"]);
    let pid = app.id();
    desktop.running.push(app);
    until(&desktop, "a place in the tray", || registered.lock().expect("nobody panicked").len() == 1);
    assert_eq!(desktop.windows(), 0);
    assert!(!has_web_view(pid));
    let pss = pss_kib(pid);
    println!("hidden start: {pss} KiB PSS");
    assert!(pss <= TRAY_PSS_MAX_KIB, "{pss} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tray_closing_minimises() {
    let mut desktop = Desktop::start();
    let app = desktop.app(&[]);
    let pid = app.id();
    desktop.running.push(app);
    until(&desktop, "a window", || desktop.windows() == 1);
    until(&desktop, "a web view", || has_web_view(pid));
    desktop.close_window();
    assert!(has_web_view(pid), "the window is there, only out of sight");
    let mut second = desktop.app(&[]);
    until(&desktop, "a window again", || desktop.windows() == 1);
    assert!(second.wait().expect("it was started").success());
}
