//! A mail server that does what a test says, for what no real one can be made to do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

/// What the server does at a point of the conversation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Do {
    /// Answers.
    Say(&'static str),
    /// Closes without an answer.
    Close,
    /// Never answers.
    Stay,
}

/// How a conversation goes; what is not said goes well.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    pub(super) greeting: Option<Do>,
    pub(super) login: Option<Do>,
    pub(super) sender: Option<Do>,
    pub(super) recipient: Option<Do>,
    pub(super) data: Option<Do>,
    pub(super) content: Option<Do>,
    /// Closes each connection after so many mails.
    pub(super) mails_max: Option<usize>,
    /// Encrypts from the first byte.
    pub(super) implicit: Option<Arc<ServerConfig>>,
    /// Encrypts after STARTTLS.
    pub(super) starttls: Option<Arc<ServerConfig>>,
    /// What is put behind the answer to STARTTLS in plain text, as somebody between would.
    pub(super) injected: &'static str,
}

/// A running server. It stops with the test's runtime.
pub(super) struct Scripted {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let tracker = TaskTracker::new();
        let (inner, lines) = (tracker.clone(), Arc::clone(&seen));
        tracker.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                lines.lock().unwrap().push("CONNECTED".to_owned());
                inner.spawn(serve(tcp, script.clone(), Arc::clone(&lines)));
            }
        });
        Self { port, seen }
    }

    /// Every line that clients said, with `CONNECTED` for each connection.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn count(&self, line: &str) -> usize {
        self.seen().iter().filter(|seen| seen.starts_with(line)).count()
    }
}

async fn serve(tcp: TcpStream, script: Script, seen: Arc<Mutex<Vec<String>>>) {
    if let Some(config) = script.implicit.clone() {
        if let Ok(tls) = TlsAcceptor::from(config).accept(tcp).await {
            talk(BufReader::new(tls), &script, &seen, true).await;
        }
        return;
    }
    let mut reader = BufReader::new(tcp);
    if talk_to_starttls(&mut reader, &script, &seen).await {
        let config = script.starttls.clone().expect("it was offered");
        if let Ok(tls) = TlsAcceptor::from(config).accept(reader.into_inner()).await {
            talk(BufReader::new(tls), &script, &seen, false).await;
        }
    } else if script.starttls.is_none() {
        talk(reader, &script, &seen, true).await;
    }
}

/// The plain part; answers whether it goes on encrypted.
async fn talk_to_starttls(
    reader: &mut BufReader<TcpStream>,
    script: &Script,
    seen: &Mutex<Vec<String>>,
) -> bool {
    if script.starttls.is_none() {
        return false;
    }
    if !act(reader, script.greeting, "220 mail.example ESMTP\r\n").await {
        return false;
    }
    let mut line = String::new();
    while reader.read_line(&mut line).await.unwrap_or(0) > 0 {
        let command = line.trim_end().to_owned();
        seen.lock().unwrap().push(format!("plain {command}"));
        line.clear();
        if command.starts_with("EHLO") {
            let said = b"250-mail.example\r\n250-STARTTLS\r\n250 8BITMIME\r\n";
            if reader.get_mut().write_all(said).await.is_err() {
                return false;
            }
        } else if command == "STARTTLS" {
            let said = format!("220 go ahead\r\n{}", script.injected);
            return reader.get_mut().write_all(said.as_bytes()).await.is_ok();
        }
    }
    false
}

async fn talk<S>(mut reader: BufReader<S>, script: &Script, seen: &Mutex<Vec<String>>, greets: bool)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if greets && !act(&mut reader, script.greeting, "220 mail.example ESMTP\r\n").await {
        return;
    }
    let (mut line, mut mails) = (String::new(), 0);
    while reader.read_line(&mut line).await.unwrap_or(0) > 0 {
        let command = line.trim_end().to_owned();
        seen.lock().unwrap().push(command.clone());
        line.clear();
        let goes_on = match command.split([' ', ':']).next().unwrap_or("") {
            "EHLO" => {
                act(&mut reader, None, "250-mail.example\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n").await
            }
            "AUTH" => act(&mut reader, script.login, "235 2.7.0 welcome\r\n").await,
            "MAIL" => act(&mut reader, script.sender, "250 2.1.0 ok\r\n").await,
            "RCPT" => act(&mut reader, script.recipient, "250 2.1.5 ok\r\n").await,
            "DATA" => {
                let goes_on = act(&mut reader, script.data, "354 go ahead\r\n").await;
                if !goes_on {
                    return;
                }
                if script.data.is_none() {
                    read_content(&mut reader, seen).await;
                    mails += 1;
                    let goes_on =
                        act(&mut reader, script.content, "250 2.0.0 Ok: queued as 4F2C1A0B\r\n").await;
                    goes_on && script.mails_max.is_none_or(|most| mails < most)
                } else {
                    true
                }
            }
            _ => act(&mut reader, None, "250 2.0.0 ok\r\n").await,
        };
        if !goes_on {
            return;
        }
    }
}

async fn read_content<S: AsyncRead + AsyncWrite + Unpin>(
    reader: &mut BufReader<S>,
    seen: &Mutex<Vec<String>>,
) {
    let mut line = String::new();
    while reader.read_line(&mut line).await.unwrap_or(0) > 0 {
        if line == ".\r\n" {
            return;
        }
        seen.lock().unwrap().push(format!("| {}", line.trim_end()));
        line.clear();
    }
}

async fn act<S: AsyncRead + AsyncWrite + Unpin>(
    reader: &mut BufReader<S>,
    asked: Option<Do>,
    well: &'static str,
) -> bool {
    match asked.unwrap_or(Do::Say(well)) {
        Do::Say(said) => reader.get_mut().write_all(said.as_bytes()).await.is_ok(),
        Do::Close => false,
        Do::Stay => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            false
        }
    }
}
