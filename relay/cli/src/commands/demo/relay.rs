//! The relay as a process of its own, which can be killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use url::Url;

use crate::calls::Calls;
use crate::error::CommandError;

/// How long a relay may take to say its first line.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an orderly end may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// A running relay.
pub(super) struct RelayProcess {
    child: Child,
    folder: PathBuf,
    address: Url,
    key: SecretString,
}

/// Its first line.
#[derive(Deserialize)]
struct Started {
    address: String,
    key: Option<SecretText>,
}

#[derive(Deserialize)]
struct SecretText(String);

/// The program that runs.
pub(super) fn this_program() -> Result<PathBuf, CommandError> {
    std::env::current_exe().map_err(|source| CommandError::File { path: "tidings".into(), source })
}

impl RelayProcess {
    /// Starts a relay on a folder: at a free port, or where it was before.
    pub(super) async fn start(
        folder: &Path,
        again: Option<(&Url, &SecretString)>,
    ) -> Result<Self, CommandError> {
        let port = again.and_then(|(address, _)| address.port()).unwrap_or(0);
        let mut child = Command::new(this_program()?)
            .args(["serve", "--json", "--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(folder)
            // The demo's mail server and vendors are on this machine.
            .args(["--allow-network", "127.0.0.0/8"])
            .env("TIDINGS_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| failed(folder, source))?;
        let output = child.stdout.take().expect("its output was asked for");
        let mut lines = BufReader::new(output).lines();
        let first = tokio::time::timeout(START_TIMEOUT, lines.next_line()).await;
        let first = first.map_err(|_| failed(folder, std::io::ErrorKind::TimedOut.into()))?;
        let first = first.map_err(|source| failed(folder, source))?.unwrap_or_default();
        let started: Started = serde_json::from_str(&first)
            .map_err(|_| CommandError::Found { detail: format!("the relay did not start: {first}") })?;
        let key = match (started.key, again) {
            (Some(SecretText(key)), _) => key.into(),
            (None, Some((_, key))) => key.clone(),
            (None, None) => {
                return Err(CommandError::Found { detail: "the relay printed no key".to_owned() });
            }
        };
        let address = Url::parse(&started.address)
            .map_err(|_| CommandError::RelayAddress { text: started.address.clone() })?;
        Ok(Self { child, folder: folder.into(), address, key })
    }

    pub(super) const fn address(&self) -> &Url {
        &self.address
    }

    /// Calls of it, with its key or somebody's token.
    pub(super) fn calls(&self, token: Option<&str>) -> Result<Calls, CommandError> {
        let key = token.map_or_else(|| self.key.clone(), |token| SecretString::from(token.to_owned()));
        Calls::new(self.address.clone(), Some(SecretString::from(key.expose_secret())))
    }

    /// `kill -9`: no handler runs, no buffer is written.
    pub(super) async fn kill(mut self) -> Result<(PathBuf, Url, SecretString), CommandError> {
        self.child.start_kill().map_err(|source| failed(&self.folder, source))?;
        self.child.wait().await.map_err(|source| failed(&self.folder, source))?;
        Ok((self.folder, self.address, self.key))
    }

    /// An orderly end.
    pub(super) async fn stop(mut self) -> Result<(), CommandError> {
        if let Some(id) = self.child.id() {
            let id = id.to_string();
            let asked = Command::new("kill").args(["-TERM", &id]).status().await;
            asked.map_err(|source| failed(&self.folder, source))?;
        }
        match tokio::time::timeout(STOP_TIMEOUT, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(CommandError::Found { detail: format!("the relay ended with {status}") }),
            Ok(Err(source)) => Err(failed(&self.folder, source)),
            Err(_) => Err(failed(&self.folder, std::io::ErrorKind::TimedOut.into())),
        }
    }
}

fn failed(folder: &Path, source: std::io::Error) -> CommandError {
    CommandError::File { path: folder.into(), source }
}
