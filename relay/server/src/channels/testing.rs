//! Servers of a few lines, each for one test: what they are asked is kept, what they answer is scripted to the byte.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use tidings_core::configuration::{Bundle, Provider as Settings, check};
use tidings_core::delivery::{Form, Handover, Outcome};
use tidings_core::template::EmailContent;
use tidings_protocol::{
    CategoryId, Channel, LegalClass, NotificationId, Priority, ProjectId, RecipientId, Timestamp,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{Dialer, Links, Opening, Outside, Provider, open};
use crate::settings::OutsideOptions;

/// What a server does with a request that it has read.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Answers these bytes, and closes.
    Bytes(Vec<u8>),
    /// Closes without a word.
    Hangs,
    /// Keeps the connection and says nothing.
    Silent,
}

impl Reply {
    pub(crate) fn status(status: u16, headers: &str, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
        Self::Bytes(format!("{head}{headers}\r\n{body}").into_bytes())
    }

    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::status(status, "content-type: application/json\r\n", body)
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `POST /path`.
    pub(crate) line: String,
    head: String,
    pub(crate) body: String,
}

impl Asked {
    /// The value of a header; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let named = |line: &str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        self.head
            .lines()
            .find(|line| named(line))
            .and_then(|line| line.split_once(": "))
            .map_or("", |(_, v)| v)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A server on a free port of the loopback; it ends with the test.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Answers the same to every request.
    pub(crate) async fn new(reply: Reply) -> Self {
        Self::in_turn(vec![reply]).await
    }

    /// Answers one after the other, and the last one for ever.
    pub(crate) async fn in_turn(replies: Vec<Reply>) -> Self {
        let replies = Arc::new(Mutex::new(VecDeque::from(replies)));
        let next = move || {
            let mut replies = replies.lock().unwrap();
            let last = replies.len() == 1;
            if last { replies[0].clone() } else { replies.pop_front().unwrap() }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (kept, mut tasks) = (Arc::clone(&asked), JoinSet::new());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(converse(stream, next.clone(), Arc::clone(&kept)));
            }
        });
        Self { address, asked, _tasks: tasks }
    }

    /// The same behind a certificate that no authority signed.
    pub(crate) async fn with_a_strange_certificate() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let own =
            rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (kept, mut tasks) = (Arc::clone(&asked), JoinSet::new());
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    converse(stream, || Reply::status(200, "", ""), Arc::clone(&kept)).await;
                }
            }
        });
        Self { address, asked, _tasks: tasks }
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    pub(crate) async fn asked_times(&self, times: usize) -> Vec<Asked> {
        let wait = async {
            while self.asked().len() < times {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait).await.expect("so many requests come");
        self.asked()
    }

    /// The one request that came.
    pub(crate) fn only(&self) -> Asked {
        let asked = self.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked.into_iter().next().unwrap()
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    next: impl Fn() -> Reply,
    kept: Arc<Mutex<Vec<Asked>>>,
) {
    let Some(asked) = read(&mut stream).await else { return };
    kept.lock().unwrap().push(asked);
    match next() {
        Reply::Bytes(bytes) => {
            if stream.write_all(&bytes).await.is_ok() {
                stream.shutdown().await.ok();
            }
        }
        Reply::Hangs => {}
        Reply::Silent => std::future::pending().await,
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Asked> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let (line, head) = text.split_once("\r\n").unwrap_or((&text, ""));
    let mut asked = Asked { line: line.to_owned(), head: head.to_owned(), body: String::new() };
    let length: usize = asked.header("content-length").parse().unwrap_or(0);
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    asked.body = String::from_utf8(bytes[end + 4..end + 4 + length].to_vec()).ok()?;
    Some(asked)
}

/// A world outside in which the loopback may be called, or not.
pub(crate) fn outside(loopback: bool, deadline: Duration) -> Outside {
    let networks: Vec<IpNet> =
        if loopback { vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()] } else { Vec::new() };
    let options = OutsideOptions { networks, ..OutsideOptions::default() };
    Outside {
        dialer: Arc::new(Dialer::with_deadline(&options, deadline).unwrap()),
        public_url: "https://relay.example".into(),
        fcm_url: "http://127.0.0.1:9".into(),
        apns_url: "http://127.0.0.1:9".into(),
    }
}

/// What a document says of the provider `sms`.
pub(crate) fn settings(keys: &str) -> Settings {
    let document = format!("tidings: 1\nproviders: {{sms: {{{keys}}}}}\n");
    let configuration = check(&document, &Bundle::default(), 1)
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(&document)));
    configuration.providers["sms"].clone()
}

/// Opens the provider `sms`.
pub(crate) fn opened(
    settings: &Settings,
    secret: &str,
    outside: &Outside,
) -> Result<Arc<dyn Provider>, &'static str> {
    open(&Opening {
        project: &project(),
        name: "sms",
        settings,
        password: Some(SecretString::from(secret)),
        outside,
    })
}

fn project() -> ProjectId {
    ProjectId::new("p-1").unwrap()
}

pub(crate) fn handover(channel: Channel, address: &str, form: Form) -> Handover {
    Handover {
        project: project(),
        delivery: "d-1".into(),
        attempt: 1,
        key: "k-1".into(),
        provider: "sms".into(),
        channel,
        address: address.into(),
        notification: NotificationId::new("n-1").unwrap(),
        recipient: RecipientId::new("alice").unwrap(),
        category: CategoryId::new("orders").unwrap(),
        category_name: "Orders".into(),
        legal: LegalClass::Service,
        priority: Priority::Normal,
        collapse: None,
        needs_acknowledgement: false,
        round: 0,
        locale: "en".into(),
        created_at: Timestamp::from_millis(1_795_348_800_000),
        expires_at: Timestamp::from_millis(1_795_435_200_000),
        form,
    }
}

/// An offer to alice by mail.
pub(crate) fn mail(content: EmailContent) -> Handover {
    let form = Form::Email(Box::new(content));
    Handover {
        project: ProjectId::new("shop").unwrap(),
        delivery: "0197b2-1".into(),
        provider: "mail".into(),
        notification: NotificationId::new("0197b2").unwrap(),
        category: CategoryId::new("promotions").unwrap(),
        category_name: "Offers".into(),
        legal: LegalClass::Marketing,
        ..handover(Channel::Email, "alice@example.org", form)
    }
}

/// Opens the provider `sms` and hands one text over.
pub(crate) async fn text(keys: &str, secret: &str, outside: &Outside) -> Outcome {
    let provider = opened(&settings(keys), secret, outside).unwrap();
    let handover = handover(Channel::Sms, "+491701234567", Form::Sms("Hello & goodbye".into()));
    provider.hand_over(&handover, &Links::default()).await
}
