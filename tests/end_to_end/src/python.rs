//! Programs in Python that tests speak with by lines, and the Python that runs them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use serde_json::Value;

/// The longest wait for a line: a browser may have to start on a machine that is busy.
const LINE_TIMEOUT: Duration = Duration::from_secs(180);
const LINES_MAX: usize = 10_000;
const LIBRARIES: [&str; 2] = ["websockets>=12,<17", "cryptography>=42,<50"];

/// A Python that has the libraries: the one that `TIDINGS_PYTHON` names, or an environment below target/.
///
/// # Panics
/// If there is none, and none can be made.
pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let imports = "import cryptography, websockets.asyncio.client";
        let has_libraries = |python: &Path| run(python, &["-c", imports]).is_ok();
        if let Some(named) = std::env::var_os("TIDINGS_PYTHON").map(PathBuf::from) {
            assert!(
                has_libraries(&named),
                "TIDINGS_PYTHON names a Python without {LIBRARIES:?}: install them"
            );
            return named;
        }
        // This test is target/debug/deps/other_language-…
        let this = std::env::current_exe().expect("a test has a path");
        let environment = this.ancestors().nth(3).expect("it stands in target/debug/deps").join("python");
        let python = environment.join("bin/python");
        if has_libraries(&python) {
            return python;
        }
        let folder = environment.to_str().expect("the path is UTF-8");
        let made = run(Path::new("python3"), &["-m", "venv", folder]).and_then(|()| {
            let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            run(&python, &[install.as_slice(), &LIBRARIES].concat())
        });
        if let Err(said) = made {
            panic!(
                "this test needs Python 3 with venv and {LIBRARIES:?}, and could not make {folder}: {said}"
            );
        }
        python
    })
}

fn run(program: &Path, arguments: &[&str]) -> Result<(), String> {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(format!("{}: {error}", program.display())),
    }
}

/// A program of `tests/end_to_end/python` that runs: it reads lines, and says lines of JSON. It ends with its input, and
/// does not outlive the test by more than that takes.
#[derive(Debug)]
pub struct Script {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Script {
    /// Starts one by its name.
    ///
    /// # Panics
    /// If Python does not run.
    #[must_use]
    pub fn start(name: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name);
        let mut command = Command::new(python());
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("Python runs");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = sync_channel(LINES_MAX);
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let input = child.stdin.take();
        Self { child, input, lines, heard: Vec::new() }
    }

    /// Tells it a line.
    ///
    /// # Panics
    /// If it ended.
    pub fn tell(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it was not ended");
        writeln!(input, "{line}").expect("it reads");
    }

    /// The next line that is of a kind; those before it are skipped.
    ///
    /// # Panics
    /// If it says none in time, or says that it failed.
    #[track_caller]
    pub fn until(&mut self, kind: &str) -> Value {
        loop {
            let Ok(line) = self.lines.recv_timeout(LINE_TIMEOUT) else {
                panic!("it says {kind}; so far: {:#?}", self.heard);
            };
            let value: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("JSON: {line}"));
            self.heard.push(line);
            assert!(value["is"] != "failed" && value["is"] != "wrong", "{value}; so far: {:#?}", self.heard);
            if value["is"] == kind {
                return value;
            }
        }
    }

    /// Tells it a line, and waits for what it says to it.
    #[track_caller]
    pub fn ask(&mut self, line: &str, kind: &str) -> Value {
        self.tell(line);
        self.until(kind)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // Without its input it ends, and ends what it started.
        drop(self.input.take());
        drop(self.child.wait());
    }
}
