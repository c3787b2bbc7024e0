//! The client's process, and the Python that runs it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tidings_end_to_end::{Relay, python};

/// The longest wait for a line; a client may come back after a minute of trying.
const LINE_TIMEOUT: Duration = Duration::from_secs(90);
const LINES_MAX: usize = 10_000;

/// A client that runs. It does not outlive the test.
#[derive(Debug)]
pub(crate) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    folder: TempDir,
    heard: Vec<String>,
}

impl Client {
    pub(crate) fn start(relay: &Relay, code: Option<&str>) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/client.py");
        let mut command = Command::new(python());
        command.arg(script).arg(folder.path()).arg(format!("http://{}", relay.address())).args(code);
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
        let mut child = spawned.expect("Python runs");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = sync_channel(LINES_MAX);
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let input = child.stdin.take();
        Self { child, input, lines, folder, heard: Vec::new() }
    }

    pub(crate) fn tell(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it was not ended");
        writeln!(input, "{line}").expect("it reads");
    }

    /// The next line that fits; those before it are skipped.
    #[track_caller]
    pub(crate) fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let Ok(line) = self.lines.recv_timeout(LINE_TIMEOUT) else {
                panic!("the client says it; so far: {:#?}", self.heard);
            };
            let value: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("JSON: {line}"));
            self.heard.push(line);
            if fits(&value) {
                return value;
            }
        }
    }

    /// Ends it, and answers its file.
    pub(crate) fn end(mut self) -> Value {
        drop(self.input.take());
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
        let text = std::fs::read_to_string(self.folder.path().join("inbox.json")).expect("it kept a file");
        serde_json::from_str(&text).expect("the file is JSON")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and needs not be.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
