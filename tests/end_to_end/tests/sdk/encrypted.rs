//! The SDK over https and wss, to a relay behind a proxy that ends TLS, as it stands on the open network.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use tidings_sdk::{Access, Client, Connection, Error, NotificationId};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::rig::{Bench, flushed, has, live, soon};

const RELAY: &str = "TIDINGS_TEST_TLS_RELAY";
const FOLDER: &str = "TIDINGS_TEST_TLS_FOLDER";
const CODE: &str = "TIDINGS_TEST_TLS_CODE";
const ITEM: &str = "TIDINGS_TEST_TLS_ITEM";
/// Before each line of the child, so that the test harness's own are told apart.
const MARK: &str = "child:";
/// The first byte of a TLS record with a handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// What a proxy saw, by connection.
#[derive(Debug, Default)]
struct Seen {
    /// The handshake succeeded.
    secure: AtomicUsize,
    /// The other side went away in the handshake.
    refused: AtomicUsize,
    /// Something else than a handshake came.
    plain: AtomicUsize,
    /// Encrypted connections that became a socket.
    sockets: AtomicUsize,
}

/// A proxy on a port of this machine. Its thread ends with the process.
struct Proxy {
    port: u16,
    seen: Arc<Seen>,
    /// Has `trusted.pem`, the proxy's own certificate, and `other.pem`, somebody else's.
    folder: TempDir,
}

impl Proxy {
    fn start(relay: &str) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let made =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate is made");
        let other =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate is made");
        for (name, certificate) in [("trusted.pem", &made.cert), ("other.pem", &other.cert)] {
            std::fs::write(folder.path().join(name), certificate.pem()).expect("the folder is writable");
        }
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows the default versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("the key is the certificate's");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("a listener can be so");
        let port = listener.local_addr().expect("it is bound").port();
        let seen = Arc::new(Seen::default());
        let (acceptor, relay) = (TlsAcceptor::from(Arc::new(config)), relay.to_owned());
        let watching = Arc::clone(&seen);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime starts").block_on(serve(listener, acceptor, relay, watching));
        });
        Self { port, seen, folder }
    }

    fn count(&self, which: impl Fn(&Seen) -> &AtomicUsize) -> usize {
        which(&self.seen).load(Ordering::SeqCst)
    }

    /// Runs the child below with these certificates as the only ones that are trusted.
    fn child(&self, bench: &Bench, trusted: &str, item: &NotificationId) -> Output {
        let this = std::env::current_exe().expect("a test has a path");
        Command::new(this)
            .args(["--exact", "encrypted::a_client_that_another_test_starts_goes_through_tls", "--nocapture"])
            .env(RELAY, format!("https://localhost:{}", self.port))
            .env(FOLDER, bench.folder())
            .env(CODE, bench.code("alice"))
            .env(ITEM, item.as_str())
            .env("SSL_CERT_FILE", self.folder.path().join(trusted))
            .env_remove("SSL_CERT_DIR")
            .output()
            .expect("the test's own binary runs")
    }
}

async fn serve(listener: std::net::TcpListener, acceptor: TlsAcceptor, relay: String, seen: Arc<Seen>) {
    let listener = TcpListener::from_std(listener).expect("it is ready");
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(forward(stream, acceptor.clone(), relay.clone(), Arc::clone(&seen)));
    }
}

async fn forward(stream: TcpStream, acceptor: TlsAcceptor, relay: String, seen: Arc<Seen>) {
    let mut first = [0; 1];
    if !matches!(stream.peek(&mut first).await, Ok(1)) {
        return;
    }
    if first[0] != HANDSHAKE {
        seen.plain.fetch_add(1, Ordering::SeqCst);
        return;
    }
    let Ok(mut secure) = acceptor.accept(stream).await else {
        seen.refused.fetch_add(1, Ordering::SeqCst);
        return;
    };
    seen.secure.fetch_add(1, Ordering::SeqCst);
    let mut relay = TcpStream::connect(relay).await.expect("the relay runs");
    let mut head = [0; 16];
    let Ok(length) = tokio::io::AsyncReadExt::read(&mut secure, &mut head).await else { return };
    if head[..length].starts_with(b"GET /v1/socket") {
        seen.sockets.fetch_add(1, Ordering::SeqCst);
    }
    if relay.write_all(&head[..length]).await.is_ok() {
        // Either side may end as it likes.
        drop(tokio::io::copy_bidirectional(&mut secure, &mut relay).await);
    }
}

fn said(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text.lines().filter_map(|line| line.split_once(MARK)).map(|(_, said)| said.to_owned()).collect()
}

/// The other process: which certificates are trusted is read from its own environment. Without a test that starts it
/// there is nothing to do; every line it says is judged there.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_another_test_starts_goes_through_tls() {
    let named = |name: &str| std::env::var(name).expect("the test names it");
    let Ok(relay) = std::env::var(RELAY) else { return };
    let say = |text: &str| {
        let mut out = std::io::stdout().lock();
        std::io::Write::write_fmt(&mut out, format_args!("{MARK}{text}\n")).expect("the test reads it");
    };
    let builder = Client::builder(relay, PathBuf::from(named(FOLDER))).access(Access::code(named(CODE)));
    let item: NotificationId = named(ITEM).parse().expect("an id");
    if named("SSL_CERT_FILE").ends_with("other.pem") {
        let client = builder.build().await.unwrap();
        say(&format!("{}", client.export().await.unwrap_err()));
        // It has tried by itself too, and tries again later.
        let tried =
            |connection: &Connection| matches!(connection, Connection::Offline { next_try: Some(_), .. });
        crate::rig::reaches(&client, tried).await;
        assert!(matches!(client.story(&item).await, Err(Error::Refused { .. })));
        say("offline");
        return client.close().await;
    }
    let client = live(builder).await;
    let received = has(&client, &item).await;
    say(&received.content.title);
    client.acknowledge(&item).await.unwrap();
    flushed(&client).await;
    let export = soon(client.export()).await.unwrap();
    say(&format!("exported {}", !export.is_empty()));
    client.close().await;
}

#[test]
fn a_device_signs_in_over_https_and_receives_and_acknowledges_over_wss() {
    let bench = Bench::start();
    let proxy = Proxy::start(bench.relay.address());
    let alarm = bench.alarm("alice");
    let output = proxy.child(&bench, "trusted.pem", &alarm);
    assert_eq!(said(&output), ["Alarm", "exported true"]);
    assert!(bench.receipts(&alarm).contains(&"acknowledged".to_owned()), "{:?}", bench.receipts(&alarm));
    assert_eq!(bench.story(&alarm)["state"], "reached");
    assert!(proxy.count(|seen| &seen.sockets) >= 1, "the socket is encrypted");
    assert!(proxy.count(|seen| &seen.secure) >= 2, "and so are sign-in and calls");
    assert_eq!(proxy.count(|seen| &seen.plain), 0);
}

#[test]
fn a_certificate_that_is_not_trusted_is_refused_by_name_and_nothing_is_sent_in_the_clear() {
    let bench = Bench::start();
    let proxy = Proxy::start(bench.relay.address());
    let sent = bench.send("alice", "Not over this connection");
    let output = proxy.child(&bench, "other.pem", &sent);
    let said = said(&output);
    let [error, offline] = said.as_slice() else { panic!("{said:?}") };
    let expected = "refused (untrusted_certificate): the relay's certificate is not trusted by this device: ";
    assert!(error.starts_with(expected), "{error}");
    assert_eq!(offline, "offline");
    assert!(proxy.count(|seen| &seen.refused) >= 2);
    assert_eq!((proxy.count(|seen| &seen.plain), proxy.count(|seen| &seen.secure)), (0, 0));
    let code = bench.caller().get("/v1/recipients/alice").ok(200);
    assert_eq!(code["id"], "alice");
}
