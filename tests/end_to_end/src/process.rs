//! The relay's process: started, asked to end, killed, watched.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Caller, Device};

/// The longest wait for a relay's first line, and for its end, on a machine that is busy.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a process is looked at that was asked to end.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The binary under test: the one that `TIDINGS_BIN` names, or what this workspace builds.
///
/// # Panics
/// If it cannot be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(named) = std::env::var_os("TIDINGS_BIN") {
            return named.into();
        }
        let built = Command::new(env!("CARGO")).args(["build", "--quiet", "--package", "tidings"]).status();
        assert!(built.expect("cargo runs").success(), "the binary is built");
        // A test is target/debug/deps/…; the binary stands two folders up.
        let this = std::env::current_exe().expect("a test has a path");
        this.ancestors().nth(2).expect("it stands in deps/").join("tidings")
    })
}

/// A folder for a relay: its data, and what it wrote on standard error over all its starts.
#[derive(Debug)]
pub struct Site {
    root: TempDir,
    key: Mutex<String>,
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

impl Site {
    /// An empty one.
    ///
    /// # Panics
    /// If there is no room.
    #[must_use]
    pub fn new() -> Self {
        Self { root: tempfile::tempdir().expect("there is room for a folder"), key: Mutex::default() }
    }

    /// The relay's data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// A path beside the data.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// What the relay wrote on standard error.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.beside("stderr")).unwrap_or_default()).into_owned()
    }

    /// `tidings serve` on this folder.
    #[must_use]
    pub fn serve(&self, listen: &str) -> Command {
        let mut command = Command::new(binary());
        command.args(["serve", "--json", "--listen", listen, "--data"]).arg(self.data());
        command.env_remove("TIDINGS_RELAY").env_remove("TIDINGS_KEY");
        command
    }
}

/// A relay that did not start.
#[derive(Debug)]
pub struct Refused {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it said.
    pub said: String,
    /// The folder.
    pub site: Site,
}

/// A relay that runs. It does not outlive the test.
#[derive(Debug)]
pub struct Relay {
    child: Child,
    site: Site,
    address: String,
}

impl Relay {
    /// A relay on a free port and an empty folder.
    #[must_use]
    pub fn start() -> Self {
        Self::start_on(Site::new())
    }

    /// A relay on a free port and a folder that may have data.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_on(site: Site) -> Self {
        let command = site.serve("127.0.0.1:0");
        Self::try_start(command, site).unwrap_or_else(|refused| panic!("it starts: {}", refused.said))
    }

    /// Starts a command that ends in a relay.
    ///
    /// # Errors
    /// [`Refused`] if it ends before it says its address.
    ///
    /// # Panics
    /// If it neither starts nor ends in time.
    #[expect(
        clippy::unwrap_in_result,
        reason = "only a relay that refuses is an answer; the rest is a broken test"
    )]
    pub fn try_start(mut command: Command, site: Site) -> Result<Self, Refused> {
        let log = OpenOptions::new().create(true).append(true).open(site.beside("stderr"));
        let before = site.log().len();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.expect("the log can be written"));
        let mut child = command.spawn().expect("the binary runs");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, first) = sync_channel(1);
        std::thread::spawn(move || {
            let mut line = String::new();
            drop(out.read_line(&mut line));
            drop(sender.send(line));
            // Nothing that it writes later fills the pipe.
            drop(out.read_to_end(&mut Vec::new()));
        });
        let line = first.recv_timeout(PROCESS_TIMEOUT).expect("it starts or ends in time");
        let started = serde_json::from_str::<Value>(&line).ok().filter(|line| line["address"].is_string());
        let Some(line) = started else {
            let status = ended(&mut child);
            let said = format!("{line}{}", site.log().get(before..).unwrap_or_default());
            return Err(Refused { code: status.code(), said, site });
        };
        if let Some(key) = line["key"].as_str() {
            *site.key.lock().unwrap_or_else(PoisonError::into_inner) = key.to_owned();
        }
        let address = line["address"].as_str().expect("it says its address").replace("http://", "");
        Ok(Self { child, site, address })
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The first project's key.
    #[must_use]
    pub fn key(&self) -> String {
        self.site.key.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its folder.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// Its process id; a wrapper's, if it was started through one.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Calls with the first project's key.
    #[must_use]
    pub fn caller(&self) -> Caller {
        self.caller_with(&self.key())
    }

    /// Calls with another key or token.
    #[must_use]
    pub fn caller_with(&self, secret: &str) -> Caller {
        Caller::new(&self.address, Some(secret))
    }

    /// Calls without a key.
    #[must_use]
    pub fn stranger(&self) -> Caller {
        Caller::new(&self.address, None)
    }

    /// A device's access token from the relay itself.
    ///
    /// # Panics
    /// If it gives none.
    #[must_use]
    pub fn token(&self, recipient: &str, device: &str) -> String {
        let made = self.caller().post("/v1/tokens", &json!({"recipient": recipient, "device": device}));
        made.json()["token"].as_str().unwrap_or_else(|| panic!("a token: {made:?}")).to_owned()
    }

    /// A device that said hello and was welcomed, with everything that stands in its inbox still to be read.
    #[must_use]
    pub fn device(&self, recipient: &str, device: &str) -> Device {
        let mut connection = Device::open(&self.address, Some(&self.token(recipient, device)));
        connection.send(&json!({"t": "hello", "device": device, "nonce": device}));
        connection.expect("welcome");
        connection
    }

    /// Resident memory, in KiB.
    ///
    /// # Panics
    /// If it is not running.
    #[must_use]
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a process has memory");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
    }

    /// Whether its process is there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it SIGTERM.
    ///
    /// # Panics
    /// If it is not running.
    pub fn ask_to_end(&self) {
        let asked = Command::new("kill").arg("-TERM").arg(self.pid().to_string()).status();
        assert!(asked.expect("kill runs").success(), "it was running");
    }

    /// Waits for its end.
    #[must_use]
    pub fn wait(mut self) -> (Site, ExitStatus) {
        let status = ended(&mut self.child);
        (self.into_site(), status)
    }

    /// SIGTERM, and its end.
    #[must_use]
    pub fn terminate(self) -> (Site, ExitStatus) {
        self.ask_to_end();
        self.wait()
    }

    /// `kill -9`.
    #[must_use]
    pub fn kill(mut self) -> Site {
        drop(self.child.kill());
        drop(self.child.wait());
        self.into_site()
    }

    fn into_site(mut self) -> Site {
        std::mem::take(&mut self.site)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and needs not be.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn ended(child: &mut Child) -> ExitStatus {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status;
        }
        assert!(since.elapsed() < PROCESS_TIMEOUT, "it ends in time");
        std::thread::sleep(LOOK_EVERY);
    }
}
