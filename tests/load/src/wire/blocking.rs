//! One kept-alive connection of a thread of its own. The timers of an asynchronous runtime count milliseconds; what is
//! measured in tenths of them needs a thread that sleeps.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, bail};

use super::http::{content_length, end_of_head};

/// Room for an answer's head and most bodies.
const CHUNK_BYTES: usize = 4096;

/// A connection.
#[derive(Debug)]
pub(crate) struct BlockingConnection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl BlockingConnection {
    /// Connects.
    ///
    /// # Errors
    /// If it cannot.
    pub(crate) fn open(to: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends a request and waits for its answer; tells its status.
    ///
    /// # Errors
    /// If the connection ends, or the answer is of a form that is not known here.
    pub(crate) fn call(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            if let Some(head) = end_of_head(&self.buffer)
                && self.buffer.len() >= head + content_length(&self.buffer[..head])?
            {
                return Ok(std::str::from_utf8(self.buffer.get(9..12).context("a status line")?)?.parse()?);
            }
            let read = self.stream.read(&mut chunk)?;
            if read == 0 {
                bail!("the connection ended before the answer");
            }
            self.buffer.extend_from_slice(&chunk[..read]);
        }
    }
}
