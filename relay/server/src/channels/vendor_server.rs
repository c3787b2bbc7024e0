//! A vendor for tests: a real HTTP/2 server over TLS, with a certificate of an authority that only the test trusts.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use secrecy::SecretString;
use tidings_core::configuration::{Account, Provider as Settings, PushContent};
use tidings_core::delivery::{Form, Handover, PushForm};
use tidings_protocol::{Channel, LegalClass, Priority};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::{Dialer, Opening, Outside, Provider, vendor};
use crate::settings::OutsideOptions;

/// One call, as the vendor saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Which connection, from 0.
    pub(super) connection: usize,
    pub(super) version: Version,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Status, headers, body.
pub(super) type Told = (u16, Vec<(&'static str, String)>, String);

/// Makes the answer to a call.
type Rule = dyn Fn(&Seen) -> Told + Send + Sync;

/// See the module.
pub(super) struct Vendor {
    pub(super) url: String,
    /// A PEM file of the authority.
    authority: tempfile::NamedTempFile,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Answered before the rule is asked, in order.
    told: Arc<Mutex<VecDeque<Told>>>,
    _stop: DropGuard,
}

impl Vendor {
    /// Starts one that answers by a rule.
    pub(super) async fn start(rule: impl Fn(&Seen) -> Told + Send + Sync + 'static) -> Self {
        let (acceptor, authority) = tls();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (seen, told) = (Arc::default(), Arc::default());
        let running = Running { seen: Arc::clone(&seen), told: Arc::clone(&told), rule: Arc::new(rule) };
        let tracker = TaskTracker::new();
        tracker.spawn(running.run(listener, acceptor, stop.clone(), tracker.clone()));
        Self { url: format!("https://{address}"), authority, seen, told, _stop: stop.drop_guard() }
    }

    /// What a node is told that may reach it.
    pub(super) fn outside(&self) -> Outside {
        let options = OutsideOptions {
            networks: vec!["127.0.0.0/8".parse().unwrap()],
            authorities: Some(self.authority.path().to_owned()),
            fcm_url: self.url.clone(),
            apns_url: self.url.clone(),
        };
        outside(&options)
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The next call is answered so.
    pub(super) fn tell(&self, status: u16, headers: &[(&'static str, &str)], body: &str) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.told.lock().unwrap().push_back((status, headers, body.to_owned()));
    }
}

#[derive(Clone)]
struct Running {
    seen: Arc<Mutex<Vec<Seen>>>,
    told: Arc<Mutex<VecDeque<Told>>>,
    rule: Arc<Rule>,
}

impl Running {
    async fn run(
        self,
        listener: TcpListener,
        acceptor: TlsAcceptor,
        stop: CancellationToken,
        tracker: TaskTracker,
    ) {
        for connection in 0.. {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, _) = accepted.unwrap();
            let (running, acceptor, stop) = (self.clone(), acceptor.clone(), stop.clone());
            tracker.spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let running = Arc::new(running);
                let service = service_fn(move |request| {
                    let running = Arc::clone(&running);
                    async move { running.answer(connection, request).await }
                });
                let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service);
                tokio::select! {
                    () = stop.cancelled() => {}
                    _ = served => {}
                }
            });
        }
    }

    async fn answer(
        &self,
        connection: usize,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(Body::new(body), 1 << 20).await.unwrap();
        let seen = Seen {
            connection,
            version: parts.version,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            headers: parts.headers,
            body,
        };
        let told = self.told.lock().unwrap().pop_front();
        let (status, headers, body) = told.unwrap_or_else(|| (self.rule)(&seen));
        self.seen.lock().unwrap().push(seen);
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        Ok(response.body(Body::from(body)).unwrap())
    }
}

/// A server's certificate for 127.0.0.1, and the file of the authority that it is of.
fn tls() -> (TlsAcceptor, tempfile::NamedTempFile) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), issuer.pem()).unwrap();
    (TlsAcceptor::from(Arc::new(config)), file)
}

/// A node with these settings.
pub(super) fn outside(options: &OutsideOptions) -> Outside {
    Outside {
        dialer: Arc::new(Dialer::new(options).unwrap()),
        public_url: "https://relay.example".into(),
        fcm_url: options.fcm_url.as_str().into(),
        apns_url: options.apns_url.as_str().into(),
    }
}

/// Opens a provider of a kind.
#[expect(clippy::unwrap_in_result, reason = "only a provider that refuses is an answer")]
pub(super) fn open(
    outside: &Outside,
    account: Account,
    password: &str,
) -> Result<Arc<dyn Provider>, &'static str> {
    let settings = Settings { account, ..Settings::webpush() };
    super::open(&Opening {
        project: &"shop".parse().unwrap(),
        name: "phones",
        settings: &settings,
        password: Some(SecretString::from(password.to_owned())),
        outside,
    })
}

/// A push of words that nobody but the recipient may read.
pub(super) fn push(address: &str, content: PushContent) -> Handover {
    Handover {
        project: "shop".parse().unwrap(),
        delivery: "d1".into(),
        attempt: 1,
        key: "019371f2-7c00-7000-8000-000000000001".into(),
        provider: "phones".into(),
        channel: Channel::Push,
        address: address.into(),
        notification: "n1".parse().unwrap(),
        recipient: "alice".parse().unwrap(),
        category: "orders".parse().unwrap(),
        category_name: "Orders".into(),
        legal: LegalClass::Service,
        priority: Priority::High,
        collapse: Some("order/1001".into()),
        needs_acknowledgement: false,
        round: 0,
        locale: "zh-Hans".into(),
        created_at: vendor::now(),
        expires_at: vendor::now().plus_millis(3_600_500),
        form: Form::Push(PushForm {
            content,
            title: "Order 1001".into(),
            body: "It is on its way".into(),
            link: Some("https://shop.example/o/1001".into()),
        }),
    }
}
