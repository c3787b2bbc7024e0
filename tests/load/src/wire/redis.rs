//! RESP 2, the protocol of Redis, as far as XADD and XLEN need it.
//!
//! It is described at <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::http::connect;

/// The most bytes of an answer: XADD answers an id of about 20.
const REPLY_BYTES_MAX: usize = 1024;

/// A kept connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Text(String),
    Number(u64),
    /// The text of `-ERR`.
    Refusal(String),
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// If it cannot.
    pub(crate) async fn open(to: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self { stream: connect(to, None).await?, buffer: Vec::with_capacity(64) })
    }

    /// Sends a command and reads its answer.
    ///
    /// # Errors
    /// If the connection ends, or the answer is of a form that is not known here.
    pub(crate) async fn call(&mut self, command: &[u8]) -> anyhow::Result<Reply> {
        self.stream.write_all(command).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection ended before the answer");
            }
            if let Some(reply) = reply(&self.buffer)? {
                return Ok(reply);
            }
            if self.buffer.len() > REPLY_BYTES_MAX {
                bail!("the answer has no end");
            }
        }
    }
}

/// A command as an array of texts.
pub(crate) fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// The answer that some bytes are; none as long as it is not whole.
fn reply(bytes: &[u8]) -> anyhow::Result<Option<Reply>> {
    let text = std::str::from_utf8(bytes)?;
    let Some((line, rest)) = text.split_once("\r\n") else { return Ok(None) };
    let (kind, value) = line.split_at_checked(1).context("an answer begins with its kind")?;
    Ok(match kind {
        "+" => Some(Reply::Text(value.to_owned())),
        "-" => Some(Reply::Refusal(value.to_owned())),
        ":" => Some(Reply::Number(value.parse()?)),
        "$" => {
            let length: usize = value.parse()?;
            let whole = rest.get(..length).filter(|_| rest.len() >= length + 2);
            whole.map(|text| Reply::Text(text.to_owned()))
        }
        _ => bail!("an answer of the kind {kind:?} is not known here"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_texts_with_their_lengths_in_bytes() {
        let bytes = command(&["XADD", "orders", "*", "event", "{\"ü\":1}"]);
        let text = "*5\r\n$4\r\nXADD\r\n$6\r\norders\r\n$1\r\n*\r\n$5\r\nevent\r\n$8\r\n{\"ü\":1}\r\n";
        assert_eq!(bytes, text.as_bytes());
    }

    #[test]
    fn an_answer_is_taken_when_it_is_whole() {
        assert_eq!(reply(b"$15\r\n1526919030474-5").unwrap(), None);
        let id = Reply::Text("1526919030474-5".to_owned());
        assert_eq!(reply(b"$15\r\n1526919030474-5\r\n").unwrap(), Some(id));
        assert_eq!(reply(b":42\r\n").unwrap(), Some(Reply::Number(42)));
        assert_eq!(reply(b":42").unwrap(), None);
    }

    #[test]
    fn a_refusal_is_told_from_an_answer_that_is_not_known() {
        assert_eq!(reply(b"-ERR no\r\n").unwrap(), Some(Reply::Refusal("ERR no".to_owned())));
        assert!(reply(b"*2\r\n").is_err());
    }
}
