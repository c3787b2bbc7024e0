//! HTTP as bytes, so that what no client library would send can be sent.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The longest wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);

/// Who calls which relay.
#[derive(Clone, Debug)]
pub struct Caller {
    address: String,
    secret: Option<String>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("JSON: {}", self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The body, which must be a problem with this status and code, in the shape of RFC 9457.
    ///
    /// # Panics
    /// If it is anything else.
    #[must_use]
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["trace_id"].as_str().map(str::len), Some(32), "{problem}");
        for text in ["type", "title", "detail"] {
            assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{text}: {problem}");
        }
        problem
    }

    /// The body, if the call succeeded with this status.
    ///
    /// # Panics
    /// If it did not.
    #[must_use]
    #[track_caller]
    pub fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }
}

impl Caller {
    /// A caller of the relay at an address.
    #[must_use]
    pub fn new(address: &str, secret: Option<&str>) -> Self {
        Self { address: address.to_owned(), secret: secret.map(str::to_owned) }
    }

    /// `GET`.
    #[must_use]
    pub fn get(&self, path: &str) -> Reply {
        self.call("GET", path, &[], b"")
    }

    /// `POST` of JSON.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// `PUT` of JSON.
    #[must_use]
    pub fn put(&self, path: &str, body: &Value) -> Reply {
        self.call("PUT", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// `DELETE`.
    #[must_use]
    pub fn delete(&self, path: &str) -> Reply {
        self.call("DELETE", path, &[], b"")
    }

    /// Applies a document.
    #[must_use]
    pub fn apply(&self, document: &str) -> Reply {
        self.call("PUT", "/v1/configuration", &[("content-type", "application/yaml")], document.as_bytes())
    }

    /// Any call, which must be answered.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.try_call(method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path} is answered: {error}"))
    }

    /// Any call.
    ///
    /// # Errors
    /// If the connection ends before the answer did.
    pub fn try_call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        if let Some(secret) = &self.secret {
            head += &format!("authorization: Basic {}\r\n", STANDARD.encode(format!(":{secret}")));
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", body.len());
        self.raw(&[head.as_bytes(), body].concat())
    }

    /// Bytes as they are, and the answer to them.
    ///
    /// # Errors
    /// If the connection ends before the answer did.
    pub fn raw(&self, bytes: &[u8]) -> io::Result<Reply> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let mut writer = stream.try_clone()?;
        let mut answer = Vec::new();
        std::thread::scope(|scope| {
            // A relay that refuses a body by its length does not read it: writing may fail, and the answer is there.
            scope.spawn(move || drop(writer.write_all(bytes)));
            let read = stream.read_to_end(&mut answer);
            drop(stream.shutdown(Shutdown::Both));
            if answer.is_empty() { read.map(drop) } else { Ok(()) }
        })?;
        parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "half an answer"))
    }
}

fn parse(answer: &[u8]) -> Option<Reply> {
    let split = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..split)?).ok()?;
    let body = answer.get(split + 4..)?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let header =
        |name: &str| headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    let body = match header("content-length").map(str::parse::<usize>) {
        Some(length) => body.get(..length.ok()?)?.to_vec(),
        None if header("transfer-encoding") == Some("chunked") => chunks(body)?,
        None => body.to_vec(),
    };
    Some(Reply { status, headers, body })
}

fn chunks(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = body.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(body.get(..line)?).ok()?, 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(body.get(line + 2..line + 2 + length)?);
        body = body.get(line + 2 + length + 2..)?;
    }
}
