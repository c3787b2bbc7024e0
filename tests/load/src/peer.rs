//! The peers: servers of Debian's packages that do a part of what a relay does. Each runs as a process of its own on a
//! free port of the loopback, with its data in a temporary folder, and ends with its value.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::child::Process;

/// Where Debian puts servers; a person's `PATH` need not have it.
const FOLDER_OF_SERVERS: &str = "/usr/sbin";
/// Nothing that waits is dropped: a run in which something is lost has no score.
const MOSQUITTO_QUEUED_MAX: u32 = 1_000_000;

/// Which server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Program {
    Mosquitto,
    Nats,
    Redis,
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    /// Kept as long as the process runs.
    _folder: TempDir,
}

impl Program {
    /// The name of the program, which is that of its Debian package as well.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Mosquitto => "mosquitto",
            Self::Nats => "nats-server",
            Self::Redis => "redis-server",
        }
    }

    /// The file of the program; none if it is not installed.
    fn file(self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain([PathBuf::from(FOLDER_OF_SERVERS)]);
        folders.map(|folder| folder.join(self.name())).find(|file| file.is_file())
    }

    /// What is said of a program that is not there.
    pub(crate) fn missing(self) -> String {
        let name = self.name();
        format!("not run: {name} is not installed (Debian package {name})")
    }

    /// The first line that the program tells of its version.
    ///
    /// # Errors
    /// If it is not installed or does not run.
    pub(crate) fn version(self) -> anyhow::Result<String> {
        let argument = match self {
            Self::Mosquitto => "-h",
            Self::Nats | Self::Redis => "--version",
        };
        let told = Command::new(self.file().with_context(|| self.missing())?).arg(argument).output()?;
        Ok(String::from_utf8_lossy(&told.stdout).lines().next().unwrap_or_default().to_owned())
    }

    /// Starts the server; none if it is not installed.
    ///
    /// # Errors
    /// If it is installed and does not start.
    pub(crate) fn start(self) -> anyhow::Result<Option<Peer>> {
        let Some(file) = self.file() else { return Ok(None) };
        let folder = tempfile::tempdir()?;
        let [address, another] = free_addresses()?;
        let mut command = Command::new(file);
        match self {
            Self::Mosquitto => mosquitto(&mut command, [address, another], folder.path())?,
            Self::Nats => nats(&mut command, address, folder.path()),
            Self::Redis => redis(&mut command, address, folder.path()),
        }
        let process = Process::start_listening(command, address)?;
        Ok(Some(Peer { process, address, _folder: folder }))
    }
}

/// Addresses whose ports nothing uses at this moment: these servers cannot be asked which port they took.
fn free_addresses() -> anyhow::Result<[SocketAddr; 2]> {
    let listeners =
        (TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
    Ok([listeners.0.local_addr()?, listeners.1.local_addr()?])
}

fn mosquitto(command: &mut Command, addresses: [SocketAddr; 2], folder: &Path) -> anyhow::Result<()> {
    let file = folder.join("mosquitto.conf");
    std::fs::write(&file, mosquitto_configuration(addresses))?;
    command.arg("-c").arg(file).stderr(Stdio::inherit());
    Ok(())
}

/// The second listener takes plain TCP and is not used: version 2.0.11, which Debian 12 has, ends at once if all its
/// listeners are for WebSockets.
fn mosquitto_configuration([address, plain]: [SocketAddr; 2]) -> String {
    format!(
        "listener {} {}\nprotocol websockets\nlistener {} {}\nallow_anonymous true\npersistence false\n\
         set_tcp_nodelay true\nmax_queued_messages {MOSQUITTO_QUEUED_MAX}\nlog_dest stderr\nlog_type error\n",
        address.port(),
        address.ip(),
        plain.port(),
        plain.ip()
    )
}

fn nats(command: &mut Command, address: SocketAddr, folder: &Path) {
    command.arg("--addr").arg(address.ip().to_string()).arg("--port").arg(address.port().to_string());
    command.arg("--log").arg(folder.join("log")).stderr(Stdio::inherit());
}

/// Each append is on the disk before it is answered. The file of appends is not written anew meanwhile: a child process
/// would do that, whose processor time is not counted.
fn redis(command: &mut Command, address: SocketAddr, folder: &Path) {
    command.arg("--bind").arg(address.ip().to_string()).arg("--port").arg(address.port().to_string());
    command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
    command.args(["--auto-aof-rewrite-percentage", "0", "--logfile", "log", "--dir"]).arg(folder);
    command.stderr(Stdio::inherit());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mosquitto_listens_for_web_sockets_and_keeps_nothing() {
        let addresses = ["127.0.0.1:18830", "127.0.0.1:18831"].map(|address| address.parse().unwrap());
        let text = mosquitto_configuration(addresses);
        assert!(
            text.starts_with(
                "listener 18830 127.0.0.1\nprotocol websockets\nlistener 18831 127.0.0.1\nallow"
            )
        );
        assert!(text.contains("\npersistence false\n"));
    }

    #[test]
    fn a_program_that_is_not_there_is_named_with_its_package() {
        let text = "not run: mosquitto is not installed (Debian package mosquitto)";
        assert_eq!(Program::Mosquitto.missing(), text);
    }
}
