//! A process under measurement: what it used of the processor and of memory, by the kernel's own count.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// A server that does not listen by then never will.
const LISTENS_WITHIN: Duration = Duration::from_secs(10);
const LOOKS_EVERY: Duration = Duration::from_millis(10);

/// A child process that ends with this value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// The first line that it wrote on standard output; empty of a server that is known by where it listens.
    pub(crate) first_line: String,
}

impl Process {
    /// Starts a command and waits for its first line, which says that it is ready.
    ///
    /// # Errors
    /// If it does not start or ends before it is ready.
    pub(crate) fn start(mut command: Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{command:?} does not start"))?;
        let mut out = BufReader::new(child.stdout.take().context("standard output is piped")?);
        let mut first_line = String::new();
        out.read_line(&mut first_line)?;
        if first_line.is_empty() {
            bail!("{command:?} ended before it was ready: {}", child.wait()?);
        }
        // Nothing that it writes later fills the pipe.
        std::thread::spawn(move || drop(out.read_to_end(&mut Vec::new())));
        Ok(Self { child, first_line })
    }

    /// Starts a server that does not say when it is ready, and waits until it takes a connection.
    ///
    /// # Errors
    /// If it does not start, or ends or is silent instead of listening.
    pub(crate) fn start_listening(mut command: Command, at: SocketAddr) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().with_context(|| format!("{command:?} does not start"))?;
        let mut process = Self { child, first_line: String::new() };
        let began = Instant::now();
        while TcpStream::connect(at).is_err() {
            if let Some(status) = process.child.try_wait()? {
                bail!("{command:?} ended before it was ready: {status}");
            }
            if began.elapsed() > LISTENS_WITHIN {
                bail!("{command:?} does not listen at {at}");
            }
            std::thread::sleep(LOOKS_EVERY);
        }
        Ok(process)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it used of all processors so far.
    ///
    /// # Errors
    /// If the process is gone.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(self.pid())?))?;
        Ok(clock_gettime(clock)?.into())
    }

    /// The most memory that was resident, in bytes.
    ///
    /// # Errors
    /// If the process is gone.
    pub(crate) fn peak_memory(&self) -> anyhow::Result<u64> {
        self.status("VmHWM:")
    }

    /// What is resident, in bytes.
    ///
    /// # Errors
    /// If the process is gone.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        self.status("VmRSS:")
    }

    fn status(&self, name: &str) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib: u64 = line
            .and_then(|rest| rest.split_whitespace().next())
            .with_context(|| format!("{name} is not told of a process that ended"))?
            .parse()?;
        Ok(kib * 1024)
    }

    /// Ends it as a power cut does.
    ///
    /// # Errors
    /// If it cannot be signalled.
    pub(crate) fn kill_now(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

/// What this process itself used of all processors so far: the generator, and the SDK where it is measured.
///
/// # Errors
/// If the system does not count it.
pub(crate) fn own_cpu() -> anyhow::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into())
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that ended by itself cannot be killed, and that is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_before_it_listens_is_an_error() {
        // Nothing listens at the port of a listener that is gone.
        let at = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = Process::start_listening(Command::new("true"), at).unwrap_err();
        assert!(error.to_string().contains("ended before it was ready"), "{error}");
    }
}
