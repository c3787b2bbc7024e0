//! The protocol of NATS core over plain TCP, as far as a subscriber and a publisher need it: INFO, CONNECT, SUB, PUB, MSG,
//! and PING with PONG.
//!
//! It is described at <https://docs.nats.io/reference/reference-protocols/nats-protocol>.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::http::connect;

/// The longest line that is taken: INFO of a server without a cluster has about 400 bytes.
const LINE_BYTES_MAX: usize = 4096;
const HELLO: &[u8] =
    b"CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"load\",\"version\":\"1\"}\r\n";
const PING: &[u8] = b"PING\r\n";
const PONG: &[u8] = b"PONG\r\n";

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What a server says.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Info,
    Ping,
    Pong,
    /// One payload.
    Payload,
    /// The text of `-ERR`.
    Refusal(String),
}

impl Client {
    /// Connects, and waits until the server answers.
    ///
    /// # Errors
    /// If the server refuses.
    pub(crate) async fn open(to: SocketAddr) -> anyhow::Result<Self> {
        let mut client = Self { stream: connect(to, None).await?, buffer: Vec::new() };
        client.write_and_wait(HELLO.to_vec()).await?;
        Ok(client)
    }

    /// Subscribes to a subject, and waits until the server knows it.
    ///
    /// # Errors
    /// If the server refuses.
    pub(crate) async fn subscribe(&mut self, topic: &str) -> anyhow::Result<()> {
        self.write_and_wait(subscription(topic)).await
    }

    /// Publishes a payload to each subject in one write, and waits until the server answers a ping behind them.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(crate) async fn publish_each(&mut self, topics: &[String], payload: &[u8]) -> anyhow::Result<()> {
        let bytes = topics.iter().flat_map(|topic| publication(topic, payload)).collect();
        self.write_and_wait(bytes).await
    }

    /// Reads once, and answers how many payloads that completed; none if the server closed.
    ///
    /// # Errors
    /// If the connection breaks or the server refuses something.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<u64>> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Ok(None);
        }
        let mut payloads = 0;
        while let Some(said) = self.take().await? {
            payloads += u64::from(said == Said::Payload);
        }
        Ok(Some(payloads))
    }

    async fn write_and_wait(&mut self, mut bytes: Vec<u8>) -> anyhow::Result<()> {
        bytes.extend_from_slice(PING);
        self.stream.write_all(&bytes).await?;
        loop {
            while let Some(said) = self.take().await? {
                if said == Said::Pong {
                    return Ok(());
                }
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed where PONG is due");
            }
        }
    }

    /// Takes the next thing that the server said from the buffer, and answers a ping.
    async fn take(&mut self) -> anyhow::Result<Option<Said>> {
        let Some((said, length)) = first(&self.buffer)? else { return Ok(None) };
        self.buffer.drain(..length);
        match &said {
            Said::Ping => self.stream.write_all(PONG).await?,
            Said::Refusal(text) => bail!("the server refuses: {text}"),
            Said::Info | Said::Pong | Said::Payload => {}
        }
        Ok(Some(said))
    }
}

fn subscription(topic: &str) -> Vec<u8> {
    format!("SUB {topic} 1\r\n").into_bytes()
}

fn publication(topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("PUB {topic} {}\r\n", payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// The first thing that some bytes say and its length; none as long as it is not whole.
fn first(bytes: &[u8]) -> anyhow::Result<Option<(Said, usize)>> {
    let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
        if bytes.len() > LINE_BYTES_MAX {
            bail!("a line of the server has no end");
        }
        return Ok(None);
    };
    let line = std::str::from_utf8(&bytes[..end])?;
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let said = match verb {
        "INFO" => Said::Info,
        "PING" => Said::Ping,
        "PONG" => Said::Pong,
        "-ERR" => Said::Refusal(rest.to_owned()),
        "MSG" => {
            let payload: usize = rest.rsplit(' ').next().context("MSG tells a length")?.parse()?;
            let whole = end + 2 + payload + 2;
            return Ok((bytes.len() >= whole).then_some((Said::Payload, whole)));
        }
        _ => bail!("the server says {line:?}"),
    };
    Ok(Some((said, end + 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_lines_and_a_payload_with_its_length() {
        assert_eq!(subscription("t.7"), b"SUB t.7 1\r\n");
        assert_eq!(publication("t.7", b"hello"), b"PUB t.7 5\r\nhello\r\n");
    }

    #[test]
    fn a_payload_is_taken_when_it_is_whole_whatever_it_contains() {
        let bytes = b"MSG t.7 1 6\r\nPI\r\nNG\r\nPING\r\n";
        assert_eq!(first(&bytes[..20]).unwrap(), None);
        assert_eq!(first(bytes).unwrap(), Some((Said::Payload, 21)));
        assert_eq!(first(&bytes[21..]).unwrap(), Some((Said::Ping, 6)));
    }

    #[test]
    fn a_refusal_keeps_its_text_and_an_unknown_verb_is_an_error() {
        let refused = Said::Refusal("'Unknown Protocol Operation'".to_owned());
        assert_eq!(first(b"-ERR 'Unknown Protocol Operation'\r\n").unwrap(), Some((refused, 35)));
        assert!(first(b"HTTP/1.1 400 Bad Request\r\n").is_err());
        assert_eq!(first(b"INFO {\"server_id\":\"N\"").unwrap(), None);
    }
}
