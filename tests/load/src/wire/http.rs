//! One kept-alive HTTP/1.1 connection. It parses what the relay and the probes answer, and no more.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// The largest head that is taken.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer; the body lies in the connection's buffer until the next call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    /// Connects, from an address of the loopback range if one is named.
    ///
    /// # Errors
    /// If it cannot.
    pub(crate) async fn open(to: SocketAddr, from: Option<SocketAddr>) -> anyhow::Result<Self> {
        Ok(Self { stream: connect(to, from).await?, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request that was put together before, and reads its answer.
    ///
    /// # Errors
    /// If the connection ends, or the answer is of a form that is not known here.
    pub(crate) async fn call(&mut self, request: &[u8]) -> anyhow::Result<Reply<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (head, length) = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection ended before the answer");
            }
            if let Some(end) = end_of_head(&self.buffer) {
                break (end, content_length(&self.buffer[..end])?);
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                bail!("the head of the answer has no end");
            }
        };
        while self.buffer.len() < head + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection ended within the answer");
            }
        }
        let status = std::str::from_utf8(self.buffer.get(9..12).context("a status line")?)?.parse()?;
        Ok(Reply { status, body: &self.buffer[head..head + length] })
    }
}

/// Connects without delay of small packets.
pub(crate) async fn connect(to: SocketAddr, from: Option<SocketAddr>) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(from) = from {
        socket.bind(from)?;
    }
    let stream = socket.connect(to).await.with_context(|| format!("{to} does not answer"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A whole request as bytes.
pub(crate) fn request(method: &str, path: &str, authorization: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "{method} {path} HTTP/1.1\r\nhost: load\r\nauthorization: Bearer {authorization}\r\n\
         content-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

pub(super) fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

pub(super) fn content_length(head: &[u8]) -> anyhow::Result<usize> {
    let head = std::str::from_utf8(head)?;
    for line in head.split("\r\n").skip(1) {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            return Ok(value.trim().parse()?);
        }
    }
    if head.starts_with("HTTP/1.1 204") {
        return Ok(0);
    }
    bail!("the answer does not tell its length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_an_answer_stands_in_its_head() {
        let head = b"HTTP/1.1 202 Accepted\r\nContent-Length: 17\r\n\r\n";
        assert_eq!(end_of_head(head), Some(head.len()));
        assert_eq!(content_length(head).unwrap(), 17);
        assert!(content_length(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn a_request_says_how_long_its_body_is() {
        let bytes = request("POST", "/v1/events", "k", "application/json", b"{}");
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.starts_with("POST /v1/events HTTP/1.1\r\n") && text.ends_with("content-length: 2\r\n\r\n{}")
        );
    }
}
