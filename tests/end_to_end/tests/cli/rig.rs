//! Real processes in a folder of their own. Every wait has an end, so that a test that would hang fails.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

/// The longest wait for one line of a process, on a machine that is busy.
const LINE_TIMEOUT: Duration = Duration::from_secs(60);
/// Lines of a process that wait to be read.
const LINES_MAX: usize = 10_000;

/// The binary under test: the one that `TIDINGS_BIN` names, or what this workspace builds.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(named) = std::env::var_os("TIDINGS_BIN") {
            return named.into();
        }
        let built = Command::new(env!("CARGO")).args(["build", "--quiet", "--package", "tidings"]).status();
        assert!(built.expect("cargo runs").success(), "the binary is built");
        // This test is target/debug/deps/cli-…; the binary stands two folders up.
        let this = std::env::current_exe().expect("a test has a path");
        this.ancestors().nth(2).expect("it stands in deps/").join("tidings")
    })
}

/// Changes the database beside the relay; answers how many rows it changed.
pub(crate) fn sql(folder: &Path, statement: &'static str) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(folder.join("tidings-data/tidings.sqlite3"));
        let mut connection = options.connect().await.expect("the database opens");
        let done = sqlx::query(statement).execute(&mut connection).await.expect("the statement is right");
        connection.close().await.expect("it closes");
        done.rows_affected()
    })
}

/// What a command that ended left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("one JSON value: {self:?}"))
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(folder).args(arguments).env_remove("TIDINGS_RELAY").env_remove("TIDINGS_KEY");
    command
}

/// Runs a command in a folder to its end.
pub(crate) fn tidings_in(folder: &Path, arguments: &[&str]) -> Ended {
    end(command(folder, arguments), "")
}

/// Runs a command in a folder with variables of the environment.
pub(crate) fn tidings_with_environment(
    folder: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Ended {
    let mut command = command(folder, arguments);
    command.envs(variables.iter().copied());
    end(command, "")
}

fn end(mut command: Command, input: &str) -> Ended {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = piped.expect("the binary runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    std::thread::scope(|scope| {
        // A command that does not read its input closes it.
        scope.spawn(move || drop(stdin.write_all(input.as_bytes())));
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
        let code = output.status.code().expect("no signal ended it");
        Ended { code, out: text(output.stdout), err: text(output.stderr) }
    })
}

/// A process that runs beside the test. It does not outlive it.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn spawn(mut command: Command) -> Self {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = spawned.expect("the binary runs");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = sync_channel(LINES_MAX);
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// The next line of its output.
    pub(crate) fn line(&mut self) -> String {
        self.lines.recv_timeout(LINE_TIMEOUT).expect("it writes another line")
    }

    pub(crate) fn json_line(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("JSON: {line}"))
    }

    /// Asks it to end, and waits for it.
    pub(crate) fn terminate(mut self) -> Ended {
        let asked = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(asked.expect("kill runs").success());
        let status = self.child.wait().expect("it ends");
        let out = self.lines.iter().collect::<Vec<_>>().join("\n");
        Ended { code: status.code().expect("the signal was taken"), out, err: String::new() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and needs not be.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A relay on a free port with its data in a folder of its own.
pub(crate) struct Relay {
    running: Running,
    folder: TempDir,
    first_line: String,
    address: String,
    key: String,
}

impl Relay {
    pub(crate) fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("there is room for a folder"))
    }

    pub(crate) fn start_in(folder: TempDir) -> Self {
        Self::listen(folder, "127.0.0.1:0")
    }

    fn listen(folder: TempDir, listen: &str) -> Self {
        let mut running = Running::spawn(command(folder.path(), &["serve", "--json", "--listen", listen]));
        let first_line = running.line();
        let first: Value = serde_json::from_str(&first_line).expect("the first line is JSON");
        let text = |field: &str| first[field].as_str().unwrap_or_default().to_owned();
        Self { address: text("address"), key: text("key"), running, folder, first_line }
    }

    pub(crate) fn first_line(&self) -> &str {
        &self.first_line
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command that finds the relay by its data folder.
    pub(crate) fn tidings(&self, arguments: &[&str]) -> Ended {
        tidings_in(self.folder(), arguments)
    }

    pub(crate) fn tidings_with(&self, arguments: &[&str], input: &str) -> Ended {
        end(command(self.folder(), arguments), input)
    }

    /// Runs a command with another key.
    pub(crate) fn tidings_as(&self, key: &str, arguments: &[&str]) -> Ended {
        let mut command = command(self.folder(), arguments);
        command.env("TIDINGS_KEY", key);
        end(command, "")
    }

    /// Starts a command that goes on.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        Running::spawn(command(self.folder(), arguments))
    }

    /// `curl -u :KEY -H 'content-type: MEDIA' -d BODY URL`.
    pub(crate) fn post(&self, path: &str, media: &str, body: &str) -> (u16, Value) {
        let host = self.address.trim_start_matches("http://");
        let password = STANDARD.encode(format!(":{}", self.key));
        let mut stream = TcpStream::connect(host).expect("the relay listens");
        stream.set_read_timeout(Some(LINE_TIMEOUT)).expect("a time that is not zero");
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {password}\r\nContent-Type: {media}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .expect("the relay reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the relay answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let status =
            head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a head has a status");
        (status, serde_json::from_str(body).unwrap_or_else(|_| panic!("JSON: {answer}")))
    }

    /// Asks the relay to end; the folder stays.
    pub(crate) fn terminate(self) -> (TempDir, Ended) {
        (self.folder, self.running.terminate())
    }

    /// `kill -9`, and another relay on the same folder and port.
    pub(crate) fn kill_and_start_again(self) -> Self {
        let Self { running, folder, address, .. } = self;
        drop(running);
        Self::listen(folder, address.trim_start_matches("http://"))
    }
}
