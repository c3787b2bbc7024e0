//! The relay under measurement: the real binary with its defaults, its data in a temporary folder, and the document of
//! this crate. Nothing is switched off for a measurement.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::child::Process;
use crate::signing::Signing;
use crate::wire::http::{Connection, request};

/// One key may make 20,000 requests a second; that many backends share the load.
pub(crate) const KEYS: usize = 8;

/// The binary: the one that `TIDINGS_BIN` names, or the release build of this workspace.
///
/// # Errors
/// If there is none.
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("TIDINGS_BIN") {
        return Ok(named.into());
    }
    let this = std::env::current_exe()?;
    let beside = this.parent().context("a program stands in a folder")?.join("tidings");
    if !beside.exists() {
        bail!("{} is not there: build it with cargo build --release -p tidings", beside.display());
    }
    Ok(beside)
}

/// A relay that runs, with a project that has the document of this crate.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    /// Keys of backends, each with a rate limit of its own.
    pub(crate) keys: Vec<String>,
    pub(crate) signing: Signing,
}

impl Relay {
    /// Starts a relay on an empty folder, applies a document and makes keys.
    ///
    /// # Errors
    /// If anything of it fails.
    pub(crate) async fn start(document: &str) -> anyhow::Result<Self> {
        Self::start_at("127.0.0.1:0", document).await
    }

    /// The same on an address.
    ///
    /// # Errors
    /// If anything of it fails.
    pub(crate) async fn start_at(listen: &str, document: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (process, first) = serve(listen, folder.path())?;
        let address = address_of(&first)?;
        let key = first["key"].as_str().context("a first start prints a key")?.to_owned();
        let signing = Signing::new()?;
        let mut relay = Self { process, address, folder, keys: vec![key], signing };
        relay.apply(document).await?;
        for _ in 1..KEYS {
            let made =
                relay.call("POST", "/v1/keys", &json!({"label": "load", "scopes": ["send", "read"]})).await?;
            relay.keys.push(made["key"].as_str().context("a new key is shown")?.to_owned());
        }
        Ok(relay)
    }

    /// Starts it again on the same folder and address, after the process was ended.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) fn start_again(&mut self) -> anyhow::Result<()> {
        let (process, _) = serve(&self.address.to_string(), self.folder.path())?;
        self.process = process;
        Ok(())
    }

    /// Makes a document the live one.
    ///
    /// # Errors
    /// If the relay refuses it.
    pub(crate) async fn apply(&self, document: &str) -> anyhow::Result<()> {
        let document = document.replace("{SIGNING_KEY}", &self.signing.public_pem_in_yaml());
        let sent =
            request("PUT", "/v1/configuration", &self.keys[0], "application/yaml", document.as_bytes());
        let mut connection = Connection::open(self.address, None).await?;
        let reply = connection.call(&sent).await?;
        if reply.status != 200 {
            bail!("the document was refused: {}", String::from_utf8_lossy(reply.body));
        }
        Ok(())
    }

    /// A call with the first key.
    ///
    /// # Errors
    /// If it is refused.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
        let sent = request(method, path, &self.keys[0], "application/json", &body);
        let mut connection = Connection::open(self.address, None).await?;
        let reply = connection.call(&sent).await?;
        if !(200..300).contains(&reply.status) {
            bail!("{method} {path}: {} {}", reply.status, String::from_utf8_lossy(reply.body));
        }
        Ok(if reply.body.is_empty() { Value::Null } else { serde_json::from_slice(reply.body)? })
    }

    /// What the relay's own books say; a residue is an error.
    ///
    /// # Errors
    /// If they do not balance.
    pub(crate) async fn books(&self) -> anyhow::Result<Value> {
        let books = self.call("GET", "/v1/accounting", &Value::Null).await?;
        if books["residue"] != 0 {
            bail!("the relay's books do not balance: {books}");
        }
        Ok(books)
    }
}

fn serve(listen: &str, folder: &Path) -> anyhow::Result<(Process, Value)> {
    let mut command = Command::new(binary()?);
    command.args(["serve", "--json", "--listen", listen, "--data"]).arg(folder);
    command.env_remove("TIDINGS_RELAY").env_remove("TIDINGS_KEY").stderr(Stdio::inherit());
    let process = Process::start(command)?;
    let first = serde_json::from_str(&process.first_line)?;
    Ok((process, first))
}

fn address_of(first: &Value) -> anyhow::Result<SocketAddr> {
    let address = first["address"].as_str().context("the first line has an address")?;
    Ok(address.trim_start_matches("http://").parse()?)
}
