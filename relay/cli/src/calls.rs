//! Calls of the relay over HTTP.
//!
//! Every POST carries an idempotency key, so that a call whose answer was lost is repeated without a second effect.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Response, StatusCode, header};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidings_protocol::problem::Problem;
use url::Url;

use crate::error::CommandError;

/// How long a call may take; a full batch of events takes a second at most.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a call is made that is answered with "later" or not at all.
const TRIES_MAX: u32 = 5;
/// The longest time that an answer may make a call wait.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
const RETRY_AFTER_DEFAULT: Duration = Duration::from_millis(500);

/// A relay as seen over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    client: reqwest::Client,
    relay: Url,
    key: Option<SecretString>,
    tries_max: u32,
}

/// An answer that is no problem.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// As the relay wrote it, with fields that this version does not know.
    pub(crate) value: Value,
    relay: Url,
}

impl Answer {
    /// The fields that this version knows.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, CommandError> {
        T::deserialize(&self.value)
            .map_err(|_| CommandError::Unreadable { relay: self.relay.clone(), status: self.status })
    }
}

/// A body with its media type.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) media: &'static str,
    pub(crate) bytes: Vec<u8>,
}

impl Calls {
    pub(crate) fn new(relay: Url, key: Option<SecretString>) -> Result<Self, CommandError> {
        if key.as_ref().is_some_and(|key| !key.expose_secret().bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(CommandError::KeyText);
        }
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(relay.scheme() == "https"))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            // A redirect would carry the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("tidings/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|source| CommandError::Unreachable { relay: relay.clone(), source })?;
        Ok(Self { client, relay, key, tries_max: TRIES_MAX })
    }

    /// The same relay, where a call that fails is not made again by itself.
    pub(crate) fn asking_once(&self) -> Self {
        Self { tries_max: 1, ..self.clone() }
    }

    pub(crate) const fn relay(&self) -> &Url {
        &self.relay
    }

    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, CommandError> {
        self.ask(Method::GET, path, query, None).await
    }

    pub(crate) async fn delete(&self, path: &[&str]) -> Result<Answer, CommandError> {
        self.ask(Method::DELETE, path, &[], None).await
    }

    pub(crate) async fn post(&self, path: &[&str], body: &impl Serialize) -> Result<Answer, CommandError> {
        self.ask(Method::POST, path, &[], Some(json_body(body)?)).await
    }

    pub(crate) async fn post_with(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        body: &impl Serialize,
    ) -> Result<Answer, CommandError> {
        self.ask(Method::POST, path, query, Some(json_body(body)?)).await
    }

    pub(crate) async fn put(&self, path: &[&str], body: &impl Serialize) -> Result<Answer, CommandError> {
        self.ask(Method::PUT, path, &[], Some(json_body(body)?)).await
    }

    /// Makes a call, and makes it again while the relay says "later".
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Body>,
    ) -> Result<Answer, CommandError> {
        let mut url = self.relay.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let repeat_key = (method == Method::POST).then(|| uuid::Uuid::now_v7().to_string());
        let mut tries = 0;
        loop {
            tries += 1;
            let mut request = self.client.request(method.clone(), url.clone());
            if let Some(key) = &self.key {
                request = request.bearer_auth(key.expose_secret());
            }
            if let Some(key) = &repeat_key {
                request = request.header("idempotency-key", key);
            }
            if let Some(body) = &body {
                request = request.header(header::CONTENT_TYPE, body.media).body(body.bytes.clone());
            }
            let wait = match request.send().await {
                Ok(response) if tries < self.tries_max => match retry_after(&response) {
                    Some(wait) => wait,
                    None => return self.read(response).await,
                },
                Ok(response) => return self.read(response).await,
                // The relay may have done it: the idempotency key makes the repetition harmless.
                Err(error) if tries < self.tries_max && !error.is_connect() && !error.is_builder() => {
                    RETRY_AFTER_DEFAULT
                }
                Err(source) => return Err(self.unreachable(source)),
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn read(&self, response: Response) -> Result<Answer, CommandError> {
        let status = response.status();
        let bytes = response.bytes().await.map_err(|source| self.unreachable(source))?;
        let unreadable = || CommandError::Unreadable { relay: self.relay.clone(), status: status.as_u16() };
        let value: Value = match serde_json::from_slice(&bytes) {
            Ok(value) => value,
            Err(_) if bytes.is_empty() && status.is_success() => Value::Null,
            Err(_) if status.is_success() => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
            Err(_) => return Err(unreadable()),
        };
        // A batch of events that were all rejected has the status of a problem and the body of an answer.
        if status.is_success() || value.get("results").is_some() {
            return Ok(Answer { status: status.as_u16(), value, relay: self.relay.clone() });
        }
        let problem: Problem = serde_json::from_value(value).map_err(|_| unreadable())?;
        Err(CommandError::Refused { problem: Box::new(problem) })
    }

    fn unreachable(&self, source: reqwest::Error) -> CommandError {
        // The address of a call may name a person; the relay's is enough.
        CommandError::Unreachable { relay: self.relay.clone(), source: source.without_url() }
    }
}

/// Whether a problem says that there is no such thing.
pub(crate) fn is_not_found(error: &CommandError) -> bool {
    matches!(error, CommandError::Refused { problem } if problem.status == 404)
}

fn json_body(value: &impl Serialize) -> Result<Body, CommandError> {
    let bytes = serde_json::to_vec(value).map_err(|error| CommandError::Output(error.into()))?;
    Ok(Body { media: "application/json", bytes })
}

/// How long to wait before the call is made again; none if the answer stands.
fn retry_after(response: &Response) -> Option<Duration> {
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let said = response
                .headers()
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok());
            Some(said.map_or(RETRY_AFTER_DEFAULT, Duration::from_secs).min(RETRY_AFTER_MAX))
        }
        _ => None,
    }
}

/// rustls with the system's certificates, which are read only for a relay that needs them.
pub(crate) fn tls(encrypted: bool) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    if encrypted {
        let found = rustls_native_certs::load_native_certs();
        let (_, ignored) = roots.add_parsable_certificates(found.certs);
        tracing::debug!(ignored, failed = found.errors.len(), "certificates of the system were read");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
