//! A connection to a mail server: found by the dialer, encrypted as the document says, signed in.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tidings_core::configuration::{SmtpAccount, SmtpTls};
use tidings_core::delivery::Outcome;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::reply::{self, Failure, Stage};
use crate::channels::dialer::CONNECT_DEADLINE;
use crate::channels::{Dialer, DialerError};

/// A reply before the connection is encrypted, in bytes.
const REPLY_BYTES_MAX: usize = 16 << 10;

/// Where mails are submitted, and as whom.
pub(super) struct Server {
    host: String,
    port: u16,
    tls: SmtpTls,
    login: Option<Credentials>,
    hello: ClientId,
    dialer: Arc<Dialer>,
    config: Arc<ClientConfig>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Server {
    pub(super) fn new(
        account: &SmtpAccount,
        login: Option<Credentials>,
        hello: ClientId,
        dialer: &Arc<Dialer>,
    ) -> Self {
        let mut config = dialer.tls().clone();
        // The names of HTTP's versions are no names of this protocol.
        config.alpn_protocols.clear();
        Self {
            host: account.host.clone(),
            port: account.port,
            tls: account.tls,
            login,
            hello,
            dialer: Arc::clone(dialer),
            config: Arc::new(config),
        }
    }

    /// A new connection on which a mail can be begun.
    pub(super) async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let stream = self.stream().await.map_err(Failure::unconnected)?;
        let greeted = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello).await;
        let mut connection = greeted.map_err(|error| Failure::of(Stage::Greeting, &error))?;
        if let Some(login) = &self.login {
            let ways = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&ways, login).await.map_err(|error| {
                let failure = Failure::of(Stage::Login, &error);
                Failure { lost: true, ..failure }
            })?;
        }
        Ok(connection)
    }

    async fn stream(&self) -> Result<Stream, Outcome> {
        let mut tcp = self.dial().await?;
        match self.tls {
            SmtpTls::None => Ok(Stream { already: Vec::new(), read: 0, inner: Inner::Plain(tcp) }),
            SmtpTls::Implicit => {
                let inner = Inner::Encrypted(Box::new(self.encrypt(tcp).await?));
                Ok(Stream { already: Vec::new(), read: 0, inner })
            }
            SmtpTls::StartTls => {
                ask_for_tls(&mut tcp, &self.hello).await?;
                let inner = Inner::Encrypted(Box::new(self.encrypt(tcp).await?));
                // An encrypted connection begins anew but for the greeting, which was said.
                let already = b"220 encrypted\r\n".to_vec();
                Ok(Stream { already, read: 0, inner })
            }
        }
    }

    async fn dial(&self) -> Result<TcpStream, Outcome> {
        let addresses = self.dialer.resolve(&self.host, self.port).await.map_err(|error| match error {
            DialerError::Unknown { .. } => Outcome::transient("name_unknown"),
            DialerError::NotPublic { .. } | DialerError::NoHost => {
                Outcome::Misconfigured { code: "address_not_public".into() }
            }
        })?;
        let attempt = async {
            let mut last = io::ErrorKind::NotFound;
            for address in &addresses {
                match TcpStream::connect(address).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => last = error.kind(),
                }
            }
            Err(last)
        };
        match tokio::time::timeout(CONNECT_DEADLINE, attempt).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(io::ErrorKind::ConnectionRefused)) => Err(Outcome::transient("connection_refused")),
            Ok(Err(_)) => Err(Outcome::transient("not_reached")),
            Err(_) => Err(Outcome::transient("connect_timeout")),
        }
    }

    async fn encrypt(&self, tcp: TcpStream) -> Result<TlsStream<TcpStream>, Outcome> {
        let name = ServerName::try_from(self.host.clone())
            .map_err(|_| Outcome::Misconfigured { code: "bad_host".into() })?;
        let connecting = TlsConnector::from(Arc::clone(&self.config)).connect(name, tcp);
        let connected = tokio::time::timeout(CONNECT_DEADLINE, connecting).await;
        let connected = connected.map_err(|_| Outcome::transient("tls_timeout"))?;
        connected.map_err(|error| {
            let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            if matches!(cause, Some(rustls::Error::InvalidCertificate(_))) {
                Outcome::Misconfigured { code: "certificate_not_trusted".into() }
            } else {
                Outcome::transient("tls_failed")
            }
        })
    }
}

/// The part of RFC 3207 in plain text. Nothing is believed of it but that the server is ready.
async fn ask_for_tls(tcp: &mut TcpStream, hello: &ClientId) -> Result<(), Outcome> {
    let broken = |_| Outcome::transient("smtp_broken");
    let (code, said) = reply(tcp).await?;
    expect(Stage::Greeting, 220, code, &said)?;
    tcp.write_all(format!("EHLO {hello}\r\n").as_bytes()).await.map_err(broken)?;
    let (code, said) = reply(tcp).await?;
    expect(Stage::Greeting, 250, code, &said)?;
    if !said.lines().any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")) {
        return Err(Outcome::Misconfigured { code: "starttls_not_offered".into() });
    }
    tcp.write_all(b"STARTTLS\r\n").await.map_err(broken)?;
    let (code, said) = reply(tcp).await?;
    expect(Stage::Greeting, 220, code, &said)
}

fn expect(stage: Stage, expected: u16, code: u16, said: &str) -> Result<(), Outcome> {
    if code == expected { Ok(()) } else { Err(reply::outcome(stage, code, said)) }
}

/// One reply: its code, and its lines without it. It is read to its last byte and no further: what a stranger puts
/// behind it in plain text is not taken for the server's word after the encryption.
async fn reply(tcp: &mut TcpStream) -> Result<(u16, String), Outcome> {
    let mut said = String::new();
    let mut line = Vec::new();
    for _ in 0..REPLY_BYTES_MAX {
        let byte = tcp.read_u8().await.map_err(|_| Outcome::transient("smtp_closed"))?;
        line.push(byte);
        if byte != b'\n' {
            continue;
        }
        let text = String::from_utf8_lossy(&line);
        let code = text.get(..3).and_then(|code| code.parse::<u16>().ok());
        let code = code.ok_or_else(|| Outcome::transient("not_smtp"))?;
        said.push_str(text.get(4..).unwrap_or(""));
        if text.get(3..4) != Some("-") {
            return Ok((code, said));
        }
        line.clear();
    }
    Err(Outcome::transient("not_smtp"))
}

/// What lettre reads and writes.
#[derive(Debug)]
struct Stream {
    /// What is read first.
    already: Vec<u8>,
    read: usize,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

impl AsyncTokioStream for Stream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.inner {
            Inner::Plain(tcp) => tcp.peer_addr(),
            Inner::Encrypted(tls) => tls.get_ref().0.peer_addr(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let waiting = self.already.len() - self.read;
        if waiting > 0 {
            let taken = waiting.min(buffer.remaining());
            let end = self.read + taken;
            buffer.put_slice(&self.already[self.read..end]);
            self.read = end;
            return Poll::Ready(Ok(()));
        }
        match &mut self.inner {
            Inner::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Inner::Encrypted(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.inner {
            Inner::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Inner::Encrypted(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Inner::Encrypted(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Inner::Encrypted(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}
