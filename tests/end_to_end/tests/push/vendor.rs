//! A vendor's server: HTTP/2 over TLS, with a certificate of an authority that the relay is told to trust.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Answers a call: status and body.
pub(crate) type Rule = dyn Fn(&Seen) -> (u16, String) + Send + Sync;

/// See the module. Its thread ends with the process.
pub(crate) struct Vendor {
    pub(crate) url: String,
    pub(crate) seen: Receiver<Seen>,
    folder: TempDir,
}

impl Vendor {
    pub(crate) fn start(rule: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let mut params = CertificateParams::new(Vec::new()).expect("no name is no wrong name");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = KeyPair::generate().expect("a key is made");
        let issuer = CertifiedIssuer::self_signed(params, own).expect("an authority signs itself");
        let key = KeyPair::generate().expect("a key is made");
        let named = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("it is an address");
        let leaf = named.signed_by(&key, &issuer).expect("an authority signs");
        std::fs::write(folder.path().join("authority.pem"), issuer.pem()).expect("the folder is writable");
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows the default versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key.serialize_der().try_into().expect("it is a key"))
            .expect("the key is the certificate's");
        config.alpn_protocols = vec![b"h2".to_vec()];
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("a listener can be so");
        let url = format!("https://{}", listener.local_addr().expect("it is bound"));
        let (sender, seen) = sync_channel(1_000);
        let tell = move |one: &Seen| drop(sender.send(one.clone()));
        let rule: Arc<Rule> = Arc::new(move |one: &Seen| {
            tell(one);
            rule(one)
        });
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            runtime.expect("a runtime starts").block_on(serve(listener, acceptor, rule));
        });
        Self { url, seen, folder }
    }

    /// The PEM file of the authority.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }
}

async fn serve(listener: std::net::TcpListener, acceptor: TlsAcceptor, rule: Arc<Rule>) {
    let listener = TcpListener::from_std(listener).expect("it does not block");
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, rule) = (acceptor.clone(), Arc::clone(&rule));
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |request| answer(Arc::clone(&rule), request));
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            drop(connection.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn answer(rule: Arc<Rule>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let (status, body) = rule(&Seen { path: parts.uri.path().to_owned(), headers, body });
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status.try_into().expect("a status has three digits");
    Ok(response)
}
