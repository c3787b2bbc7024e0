//! What a node logs, at its most talkative. A process of its own: what is logged is decided once for a process.
#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use serde_json::{Value, json};
use tidings_server::{Relay, ServeOptions};
use tokio_util::sync::CancellationToken;

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A client of plain HTTP. It asks for a TLS provider all the same where another crate of the build turned TLS on.
fn client() -> reqwest::Client {
    // Another test of this process may have been first.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    reqwest::Client::new()
}

async fn call(relay: &Relay, secret: &str, method: Method, path: &str, body: String) -> Value {
    let request = client().request(method, format!("{}{path}", relay.url())).bearer_auth(secret).body(body);
    request.send().await.unwrap().json().await.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_no_content_address_token_or_key() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let folder = tempfile::tempdir().unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let options = ServeOptions { listen, ..ServeOptions::new(folder.path().to_owned()) };
    let shutdown = CancellationToken::new();
    let relay = Relay::start(options, shutdown.clone()).await.unwrap();
    let key = relay.first().unwrap().key.clone();

    let send = "/v1/to/alice-person?title=WORDS-IN-QUERY";
    call(&relay, &key, Method::POST, send, "WORDS-IN-BODY".to_owned()).await;
    let named = json!({"attributes": {"name": "WORDS-IN-NAME"}}).to_string();
    call(&relay, &key, Method::PUT, "/v1/recipients/alice-person", named).await;
    let address = json!({"address": "words@example.org"}).to_string();
    call(&relay, &key, Method::PUT, "/v1/recipients/alice-person/endpoints/email", address).await;
    let secret = json!({"value": "WORDS-IN-SECRET"}).to_string();
    call(&relay, &key, Method::PUT, "/v1/secrets/smtp", secret).await;
    let asked = json!({"recipient": "alice-person"}).to_string();
    let code = call(&relay, &key, Method::POST, "/v1/connect-codes", asked).await["code"].clone();
    let asked = json!({"code": code, "device": "laptop"}).to_string();
    let tokens = call(&relay, "", Method::POST, "/v1/connect", asked).await;
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    let (access, refresh) = (text("access_token"), text("refresh_token"));
    call(&relay, &access, Method::GET, "/v1/me/changes", String::new()).await;
    call(&relay, "WORDS-IN-KEY", Method::GET, "/v1/stop", String::new()).await;
    shutdown.cancel();
    relay.finished().await;

    // What the client of this test and the HTTP library log of their own bytes is not the relay's log.
    let all = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<&str> =
        all.lines().filter(|line| line.contains("tidings_") || line.contains("sqlx")).collect();
    assert!(ours.iter().any(|line| line.contains("/v1/to/{recipient}")), "{ours:?}");
    for secret in ["WORDS", "words@", "alice-person", &key, &access, &refresh, code.as_str().unwrap()] {
        assert!(ours.iter().all(|line| !line.contains(secret)), "{secret} is in the log");
    }
}
