//! A loop of `send(2)` to many sockets: what the kernel itself costs for each frame that goes out.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;

use crate::child::Process;
use crate::wire::http::connect;

/// What is sent in one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sends {
    pub(crate) sockets: usize,
    /// Bytes of one frame with its header.
    pub(crate) frame_bytes: usize,
    /// Frames that one call writes together.
    pub(crate) together: usize,
    /// Calls for each socket.
    pub(crate) rounds: usize,
}

/// Listens, takes all sockets, writes to each in turn, and leaves its own processor time in a file.
///
/// # Errors
/// If a socket breaks.
#[expect(clippy::print_stdout, reason = "the first line tells the parent where it listens")]
pub(crate) fn serve(what: Sends, result: &Path) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let mut sockets: Vec<TcpStream> = Vec::with_capacity(what.sockets);
    for _ in 0..what.sockets {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        sockets.push(socket);
    }
    let bytes = vec![b'x'; what.frame_bytes * what.together];
    let before = own_cpu()?;
    for _ in 0..what.rounds {
        for socket in &mut sockets {
            socket.write_all(&bytes)?;
        }
    }
    let used = own_cpu()?.saturating_sub(before);
    std::fs::write(result, used.as_secs_f64().to_string())?;
    Ok(())
}

/// Reads what the probe sends to so many sockets until it closes them, and then says so. It is a process of its own: the
/// generator may have as many sockets already, and no process more than 20,000.
///
/// # Errors
/// If the probe cannot be reached.
#[expect(clippy::print_stdout, reason = "the line tells the parent that everything was read")]
pub(crate) async fn read(to: SocketAddr, sockets: usize) -> anyhow::Result<()> {
    let mut readers = JoinSet::new();
    for _ in 0..sockets {
        let mut stream = connect(to, None).await?;
        readers.spawn(async move {
            let mut buffer = vec![0; 4096];
            while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
        });
    }
    while readers.join_next().await.is_some() {}
    println!("read");
    Ok(())
}

/// Frames for each second of the processor.
///
/// # Errors
/// If the probe fails.
pub(crate) async fn frames_per_cpu_second(what: Sends) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let result = folder.path().join("cpu");
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["probe", "sends", "--sockets"]).arg(what.sockets.to_string());
    command.arg("--frame-bytes").arg(what.frame_bytes.to_string());
    command.arg("--together").arg(what.together.to_string());
    command.arg("--rounds").arg(what.rounds.to_string()).arg("--result").arg(&result);
    command.stderr(Stdio::inherit());
    let process = Process::start(command)?;
    let to: SocketAddr = process.first_line.trim().parse()?;
    let mut reader = Command::new(std::env::current_exe()?);
    reader.args(["probe", "reads", "--to"]).arg(to.to_string());
    reader.arg("--sockets").arg(what.sockets.to_string()).stderr(Stdio::inherit());
    // Its first line comes when everything was read.
    tokio::task::spawn_blocking(|| Process::start(reader)).await??;
    let cpu: f64 = std::fs::read_to_string(&result).context("the probe left no result")?.parse()?;
    let frames = u32::try_from(what.sockets * what.together * what.rounds)?;
    Ok(f64::from(frames) / cpu.max(0.001))
}

/// The processor time of this thread, by the scheduler's count in nanoseconds.
fn own_cpu() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split_whitespace().next().context("schedstat has three numbers")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}
