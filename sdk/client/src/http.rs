//! The calls over HTTP: sign-in, renewal, catch-up after a push, story, export, erasure.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings_protocol::frame::ChangesPage;
use tidings_protocol::operation::{Answered, Operation};
use tidings_protocol::{Cursor, DeviceId, NotificationId, Timestamp};
use url::Url;

/// How long a call may take that answers from rows.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(300);
/// The longest answer that is taken, in bytes: a page of 500 notifications of 16 KiB.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// The longest export that is taken, in bytes.
const EXPORT_BYTES_MAX: usize = 256 << 20;

/// The relay as seen over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
    relay: Url,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("the relay was not reached: {0}")]
    Unreached(#[source] reqwest::Error),
    #[error("{0}")]
    Untrusted(String),
    #[error("the relay answered {status} {code}")]
    Status { status: StatusCode, code: String, detail: String, retry_after_ms: Option<i64> },
    #[error("the relay's answer cannot be read")]
    Unreadable,
}

#[derive(Serialize)]
struct ConnectRequest<'a> {
    code: &'a str,
    device: &'a str,
    platform: &'a str,
    nonce: &'a str,
}

/// The answer to a connect code.
#[derive(Deserialize)]
pub(crate) struct Connected {
    pub(crate) project: String,
    pub(crate) recipient: String,
    pub(crate) device: DeviceId,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    pub(crate) expires_at: Timestamp,
}

/// A new pair of tokens.
#[derive(Deserialize)]
pub(crate) struct Renewed {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    pub(crate) expires_at: Timestamp,
}

#[derive(Deserialize)]
struct ProblemBody {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

impl Http {
    pub(crate) fn new(relay: Url, tls: &rustls::ClientConfig) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .connect_timeout(Duration::from_secs(10))
            // A redirect would carry the token elsewhere. The socket has no proxy support, so neither has this.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(crate::SDK_NAME)
            .build()?;
        Ok(Self { client, relay })
    }

    pub(crate) async fn connect(
        &self,
        code: &str,
        device: &str,
        platform: &str,
        nonce: &str,
    ) -> Result<Connected, HttpError> {
        let request = ConnectRequest { code, device, platform, nonce };
        // A code is good for one exchange; an answer that was lost is asked for again under the same name.
        let name = format!("{nonce}-{code}");
        read(self.call(Method::POST, "v1/connect").header("idempotency-key", name).json(&request)).await
    }

    pub(crate) async fn renew(&self, refresh_token: &str) -> Result<Renewed, HttpError> {
        let request = serde_json::json!({ "refresh_token": refresh_token });
        read(self.call(Method::POST, "v1/me/token").json(&request)).await
    }

    pub(crate) async fn changes(
        &self,
        token: &str,
        cursor: Option<&Cursor>,
    ) -> Result<ChangesPage, HttpError> {
        let mut url = self.url("v1/me/changes");
        url.query_pairs_mut()
            .append_pair("limit", "500")
            .extend_pairs(cursor.map(|cursor| ("cursor", cursor.as_str())));
        read(self.client.get(url).timeout(CALL_TIMEOUT).bearer_auth(token)).await
    }

    pub(crate) async fn operations(&self, token: &str, ops: &[Operation]) -> Result<Answered, HttpError> {
        let request = serde_json::json!({ "ops": ops });
        read(self.call(Method::POST, "v1/me/operations").bearer_auth(token).json(&request)).await
    }

    pub(crate) async fn story(&self, token: &str, id: &NotificationId) -> Result<Value, HttpError> {
        let mut call = self.relay.clone();
        if let Ok(mut path) = call.path_segments_mut() {
            path.pop_if_empty().extend(["v1", "me", "notifications", id.as_str()]);
        }
        read(self.client.get(call).timeout(CALL_TIMEOUT).bearer_auth(token)).await
    }

    pub(crate) async fn export(&self, token: &str) -> Result<Vec<u8>, HttpError> {
        let call = self.call(Method::GET, "v1/me/export").timeout(EXPORT_TIMEOUT).bearer_auth(token);
        answer(call, EXPORT_BYTES_MAX).await
    }

    pub(crate) async fn send_test(&self, token: &str) -> Result<Value, HttpError> {
        read(self.call(Method::POST, "v1/me/test").bearer_auth(token)).await
    }

    pub(crate) async fn me(&self, token: &str) -> Result<Value, HttpError> {
        read(self.call(Method::GET, "v1/me").bearer_auth(token)).await
    }

    pub(crate) async fn devices(&self, token: &str) -> Result<Value, HttpError> {
        let mut url = self.url("v1/me/devices");
        url.set_query(Some("limit=500"));
        read(self.client.get(url).timeout(CALL_TIMEOUT).bearer_auth(token)).await
    }

    pub(crate) async fn remove_device(&self, token: &str, id: &DeviceId) -> Result<(), HttpError> {
        let mut call = self.url("v1/me/devices");
        if let Ok(mut path) = call.path_segments_mut() {
            path.push(id.as_str());
        }
        let call = self.client.delete(call).timeout(CALL_TIMEOUT).bearer_auth(token);
        answer(call, ANSWER_BYTES_MAX).await.map(|_| ())
    }

    pub(crate) async fn erase(&self, token: &str) -> Result<(), HttpError> {
        answer(self.call(Method::DELETE, "v1/me").bearer_auth(token), ANSWER_BYTES_MAX).await.map(|_| ())
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path)).timeout(CALL_TIMEOUT)
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.relay.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        url
    }
}

async fn read<T: DeserializeOwned>(call: RequestBuilder) -> Result<T, HttpError> {
    let body = answer(call, ANSWER_BYTES_MAX).await?;
    serde_json::from_slice(&body).map_err(|_| HttpError::Unreadable)
}

async fn answer(call: RequestBuilder, bytes_max: usize) -> Result<Vec<u8>, HttpError> {
    let mut response = call.send().await.map_err(unreached)?;
    let status = response.status();
    let retry_after_ms = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok()?.parse::<i64>().ok())
        .map(|seconds| seconds.saturating_mul(1_000));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreached)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(HttpError::Unreadable);
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() {
        return Ok(body);
    }
    let problem = serde_json::from_slice(&body)
        .unwrap_or(ProblemBody { code: String::new(), detail: status.to_string() });
    Err(HttpError::Status { status, code: problem.code, detail: problem.detail, retry_after_ms })
}

fn unreached(error: reqwest::Error) -> HttpError {
    match crate::tls::distrust(&error) {
        Some(detail) => HttpError::Untrusted(detail),
        None => HttpError::Unreached(error),
    }
}
