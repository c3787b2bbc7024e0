//! A request with a body, as handlers take it.

use axum::RequestExt as _;
use axum::body::Bytes;
use axum::extract::{FromRequest, MatchedPath, Request};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tidings_protocol::limits::{CONFIGURATION_BYTES_MAX, IDEMPOTENCY_KEY_CHARS_MAX, REQUEST_BYTES_MAX};

use super::problem::Problem;
use super::send::TO_FIELDS;
use super::{json, strict};

/// What was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    route: Box<str>,
    uri: Uri,
}

/// An `Idempotency-Key` with what it is a key of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repeat {
    /// The route as a pattern.
    pub(crate) route: Box<str>,
    pub(crate) key: Box<str>,
    /// SHA-256 of path, query, body, and the headers that say what a body cannot.
    pub(crate) fingerprint: [u8; 32],
}

/// The same with the limit of a configuration.
#[derive(Debug)]
pub(crate) struct SentDocument(pub(crate) Sent);

impl Sent {
    /// The body as one JSON value, whatever its media type says.
    pub(crate) fn value(&self) -> Result<Value, Box<Problem>> {
        json::read(&self.bytes)
    }

    /// The body as a request.
    pub(crate) fn json<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Box<Problem>> {
        strict::from_value(self.value()?)
    }

    /// The same, where no body means nothing is asked for in particular.
    pub(crate) fn json_or_default<T>(&self) -> Result<T, Box<Problem>>
    where
        T: Default + for<'de> Deserialize<'de>,
    {
        if self.bytes.is_empty() { Ok(T::default()) } else { self.json() }
    }

    /// The body as text.
    pub(crate) fn text(&self) -> Result<&str, Box<Problem>> {
        let refuse = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, "invalid_utf8", detail);
        let text = std::str::from_utf8(&self.bytes).map_err(|_| refuse("The body is not UTF-8."))?;
        if text.contains('\0') {
            return Err(Problem::invalid("", "U+0000 cannot be stored."));
        }
        Ok(text)
    }

    /// The same as somebody's own: what devices of one project say with the same key are different calls.
    pub(crate) fn by(mut self, who: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in who {
            hash.update(part);
            hash.update([0]);
        }
        let name: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.route = format!("{} {name}", self.route).into();
        self
    }

    /// The path and query, as they were asked for.
    pub(crate) fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("", |path| path.as_str())
    }

    /// The media type without its parameters, in lower case; empty if there is none.
    pub(crate) fn media(&self) -> String {
        let media =
            self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        media.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
    }

    /// The caller's `Idempotency-Key`, with what it is a key of.
    pub(crate) fn repeat(&self) -> Result<Option<Repeat>, Box<Problem>> {
        let Some(key) = self.headers.get("idempotency-key") else { return Ok(None) };
        let key = key.to_str().map_err(|_| {
            Problem::new(StatusCode::BAD_REQUEST, "invalid", "Idempotency-Key is not printable ASCII.")
        })?;
        // The draft writes it as a quoted string of structured fields; most callers send it bare.
        let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
        if key.is_empty() || key.len() > IDEMPOTENCY_KEY_CHARS_MAX {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let (limit, actual) = (IDEMPOTENCY_KEY_CHARS_MAX, Some(key.len()));
            return Err(Problem::limit(status, "Characters of Idempotency-Key", limit, actual));
        }
        let mut hash = Sha256::new();
        hash.update(self.path_and_query());
        hash.update([0]);
        for (name, value) in &self.headers {
            if says_something(name.as_str()) {
                hash.update(name.as_str());
                hash.update([0]);
                hash.update(value.as_bytes());
                hash.update([0]);
            }
        }
        hash.update(&self.bytes);
        let fingerprint = hash.finalize().into();
        Ok(Some(Repeat { route: self.route.clone(), key: key.into(), fingerprint }))
    }
}

/// Whether a header is a part of what is asked: an attribute of a CloudEvent, or what `/v1/to/…` takes as a header.
fn says_something(name: &str) -> bool {
    name.starts_with("ce-") || TO_FIELDS.contains(&name)
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Box<Problem>;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Box<Problem>> {
        read(request, REQUEST_BYTES_MAX).await
    }
}

impl<S: Send + Sync> FromRequest<S> for SentDocument {
    type Rejection = Box<Problem>;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Box<Problem>> {
        read(request, CONFIGURATION_BYTES_MAX).await.map(Self)
    }
}

async fn read(mut request: Request, limit: usize) -> Result<Sent, Box<Problem>> {
    let encoded = request.headers().get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity");
    if encoded {
        let detail = "A body is sent as it is, without Content-Encoding.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|text| text.parse::<usize>().ok());
    let too_large = |actual| {
        let mut problem =
            Problem::limit(StatusCode::PAYLOAD_TOO_LARGE, "Bytes of the request", limit, actual);
        problem.code = "too_large".into();
        problem
    };
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(length));
    }
    let route = request.extract_parts::<MatchedPath>().await.map(|path| path.as_str().into());
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, limit).await.map_err(|error| {
        let is_limit =
            std::error::Error::source(&error).is_some_and(|source| source.to_string().contains("limit"));
        if is_limit {
            too_large(None)
        } else {
            Problem::new(StatusCode::BAD_REQUEST, "bad_request", "The body ended too early.")
        }
    })?;
    Ok(Sent { headers: parts.headers, bytes, route: route.unwrap_or_default(), uri: parts.uri })
}
