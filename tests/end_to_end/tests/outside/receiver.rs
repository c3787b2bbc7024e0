//! A server of a few lines that keeps what it is asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a request may take that the relay makes at once.
const DEADLINE: Duration = Duration::from_secs(60);

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    /// A header; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }
}

type Kept = Arc<(Mutex<Vec<Asked>>, Condvar)>;

/// See the module. Its threads end with the test's process.
#[derive(Debug)]
pub(crate) struct Receiver {
    address: String,
    kept: Kept,
}

impl Receiver {
    pub(crate) fn answering(status: u16, body: &'static str) -> Self {
        Self::new(move |_| (status, body.to_owned()))
    }

    /// Answers with what `reply` makes of a request.
    pub(crate) fn new(reply: impl Fn(&Asked) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let kept: Kept = Arc::default();
        let (reply, keep) = (Arc::new(reply), Arc::clone(&kept));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (reply, keep) = (Arc::clone(&reply), Arc::clone(&keep));
                std::thread::spawn(move || drop(converse(&stream, &*reply, &keep)));
            }
        });
        Self { address, kept }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What was asked, once there are so many.
    pub(crate) fn asked(&self, times: usize) -> Vec<Asked> {
        let (asked, bell) = &*self.kept;
        let guard = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let few = |asked: &mut Vec<Asked>| asked.len() < times;
        let waited = bell.wait_timeout_while(guard, DEADLINE, few).unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.1.timed_out(), "{times} requests come: {:?}", waited.0);
        waited.0.clone()
    }

    pub(crate) fn so_far(&self) -> usize {
        self.kept.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

fn converse(
    mut stream: &TcpStream,
    reply: &dyn Fn(&Asked) -> (u16, String),
    kept: &Kept,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let headers: Vec<(String, String)> = lines
        .iter()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut asked = Asked { line: lines.first().cloned().unwrap_or_default(), headers, body: String::new() };
    let mut body = vec![0; asked.header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body)?;
    asked.body = String::from_utf8_lossy(&body).into_owned();
    let (status, body) = reply(&asked);
    let (asks, bell) = &**kept;
    asks.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    bell.notify_all();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
