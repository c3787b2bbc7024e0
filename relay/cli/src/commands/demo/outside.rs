//! The world outside, as far as the demo needs it: a mail server and two vendors of text messages, one of which does not
//! know the shop's password. They are real servers on this machine, and keep what they were given.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::error::CommandError;

/// The longest call that a vendor reads.
const CALL_BYTES_MAX: usize = 64 << 10;

/// What was given to the servers.
#[derive(Clone, Debug, Default)]
pub(super) struct Given(Arc<Mutex<Vec<String>>>);

impl Given {
    fn keep(&self, what: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// See the module.
pub(super) struct Outside {
    pub(super) mail_port: u16,
    pub(super) text_port: u16,
    /// Mails as they were sent, headers first.
    pub(super) mails: Given,
    /// Bodies of the calls that were taken.
    pub(super) texts: Given,
    /// Ends the servers.
    _stop: DropGuard,
}

impl Outside {
    pub(super) async fn start() -> Result<Self, CommandError> {
        let open = || TcpListener::bind("127.0.0.1:0");
        let failed = |source| CommandError::File { path: "127.0.0.1".into(), source };
        let (mail, text) = (open().await.map_err(failed)?, open().await.map_err(failed)?);
        let port = |listener: &TcpListener| listener.local_addr().map(|at| at.port()).map_err(failed);
        let (mail_port, text_port) = (port(&mail)?, port(&text)?);
        let (mails, texts) = (Given::default(), Given::default());
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let until = || stop.clone().run_until_cancelled_owned(std::future::pending::<()>());
        let servers = [(mail, mails.clone(), true), (text, texts.clone(), false)];
        for (listener, given, is_mail) in servers {
            let (stopped, of_calls) = (until(), tracker.clone());
            tracker.spawn(async move {
                tokio::select! {
                    _ = stopped => {}
                    () = serve(listener, given, is_mail, of_calls) => {}
                }
            });
        }
        Ok(Self { mail_port, text_port, mails, texts, _stop: stop.drop_guard() })
    }
}

async fn serve(listener: TcpListener, given: Given, is_mail: bool, calls: TaskTracker) {
    while let Ok((stream, _)) = listener.accept().await {
        let given = given.clone();
        // Whoever hangs up is not missed.
        calls.spawn(async move {
            drop(if is_mail { take_mail(stream, &given).await } else { take_text(stream, &given).await });
        });
    }
}

/// As much of RFC 5321 as submitting a mail needs.
async fn take_mail(stream: TcpStream, given: &Given) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.demo\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb: String = line.chars().take(4).collect::<String>().to_ascii_uppercase();
        let answer: &[u8] = match &*verb {
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                given.keep(read_mail(&mut stream).await?);
                b"250 taken\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            "EHLO" => b"250-mail.demo\r\n250 8BITMIME\r\n",
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer).await?;
    }
}

/// The lines of a mail up to the dot that ends it.
async fn read_mail(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let before = mail.len();
        if stream.read_line(&mut mail).await? == 0 || mail[before..] == *".\r\n" {
            mail.truncate(before);
            return Ok(mail);
        }
    }
}

/// One call, one answer: `/a` does not know the password, everything else is taken.
async fn take_text(stream: TcpStream, given: &Given) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let before = head.len();
        if stream.read_line(&mut head).await? == 0 {
            return Ok(());
        }
        let line = head[before..].trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length.min(CALL_BYTES_MAX)];
    stream.read_exact(&mut body).await?;
    let refused = head.split(' ').nth(1).is_some_and(|path| path.starts_with("/a"));
    let (status, said) = if refused {
        ("401 Unauthorized", r#"{"error":{"code":"password"}}"#)
    } else {
        ("200 OK", r#"{"messages":[{"id":"demo-1","status":"0"}]}"#)
    };
    if !refused {
        given.keep(String::from_utf8_lossy(&body).into_owned());
    }
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}",
        said.len()
    );
    stream.write_all(answer.as_bytes()).await
}
