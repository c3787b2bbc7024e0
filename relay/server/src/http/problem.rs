//! What is wrong, as the caller reads it: RFC 9457. The one place where inner errors become outer ones.
//!
//! A handler returns a [`Problem`]; the outermost layer ([`finish`]) writes it, with the trace id of the request, and does
//! the same for answers that the framework made by itself (404, 405, 413 …).

use std::borrow::Cow;
use std::fmt::Display;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tidings_core::act::Refusal;
use tidings_core::ports::StoreError;
use tidings_protocol::id::IdError;
use tidings_protocol::limits::ID_BYTES_MAX;
use tidings_protocol::problem::Fault;

use crate::channels::webpush::VapidError;
use crate::socket::verify::TokenError;
use crate::writer::WriterError;

/// Where the kinds of problems are explained; the code is the last segment.
const TYPES: &str = "https://tidings.example/problems/";
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";
const TRACE_HEADER: &str = "trace-id";
const CODE_CHARS_MAX: usize = 64;
/// When to ask a relay without room again, in seconds: somebody has to make some.
const FULL_RETRY_SECONDS: u64 = 60;

/// An error answer that has no trace id yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: Cow<'static, str>,
    pub(crate) detail: String,
    pub(crate) errors: Vec<Fault>,
    /// Seconds.
    pub(crate) retry_after: Option<u64>,
    /// Members beside the standard ones.
    pub(crate) more: Map<String, Value>,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Box<Self> {
        let (code, errors, more) = (code.into(), Vec::new(), Map::new());
        Box::new(Self { status, code, detail: detail.into(), errors, retry_after: None, more })
    }

    /// One field of the request is wrong.
    pub(crate) fn field(
        code: impl Into<Cow<'static, str>>,
        pointer: impl Into<String>,
        detail: impl Into<String>,
    ) -> Box<Self> {
        let (code, detail) = (code.into(), detail.into());
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code.clone(), detail.clone());
        problem.errors.push(Fault { pointer: pointer.into(), code: code.into(), detail, ..Fault::default() });
        problem
    }

    pub(crate) fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Box<Self> {
        let detail = detail.into();
        match IdError::too_long_in(&detail) {
            None => Self::field("invalid", pointer, detail),
            Some(actual) => {
                let mut problem = Self::field("limit", pointer, detail);
                problem.more.insert("limit".into(), ID_BYTES_MAX.into());
                problem.more.insert("actual".into(), actual.into());
                problem
            }
        }
    }

    pub(crate) fn not_found(what: &str, id: &str) -> Box<Self> {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("There is no {what} {id} in this project."))
    }

    /// Something is larger than its limit.
    pub(crate) fn limit(status: StatusCode, what: &str, limit: usize, actual: Option<usize>) -> Box<Self> {
        let detail = match actual {
            Some(actual) => format!("{what}: at most {limit}, here {actual}."),
            None => format!("{what}: at most {limit}."),
        };
        let mut problem = Self::new(status, "limit", detail);
        problem.more.insert("limit".into(), limit.into());
        if let Some(actual) = actual {
            problem.more.insert("actual".into(), actual.into());
        }
        problem
    }

    /// The limit that was passed and what was given, where they are no numbers.
    pub(crate) fn over(mut self: Box<Self>, limit: impl Display, actual: impl Display) -> Box<Self> {
        self.more.insert("limit".into(), limit.to_string().into());
        self.more.insert("actual".into(), actual.to_string().into());
        self
    }

    pub(crate) fn with_hint(mut self: Box<Self>, hint: Option<String>) -> Box<Self> {
        if let Some(fault) = self.errors.last_mut() {
            fault.hint = hint;
        }
        self
    }

    pub(crate) fn unauthorized(detail: &str) -> Box<Self> {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    fn body(&self, trace_id: &str) -> Vec<u8> {
        let mut body = json!({
            "type": format!("{TYPES}{}", self.code),
            "title": title(&self.code),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
            "errors": self.errors,
            "trace_id": trace_id,
        });
        if let Value::Object(fields) = &mut body {
            fields.extend(self.more.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        body.to_string().into_bytes()
    }
}

impl IntoResponse for Box<Problem> {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.extensions_mut().insert(*self);
        response
    }
}

/// The outermost layer: gives each request a trace id, and each error its body.
pub(crate) async fn finish(mut request: Request, next: Next) -> Response {
    let trace_id = trace_id(request.headers().get("traceparent"));
    request.extensions_mut().insert(TraceId(trace_id.clone()));
    let mut response = next.run(request).await;
    let problem = response.extensions_mut().remove::<Problem>().or_else(|| of_framework(&response));
    if let Some(problem) = problem {
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if problem.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer, Basic realm=\"tidings\""),
            );
        }
        if let Some(seconds) = problem.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if problem.status.is_server_error() {
            tracing::error!(
                trace_id,
                code = &*problem.code,
                status = problem.status.as_u16(),
                "a request failed"
            );
        }
        *response.body_mut() = Body::from(problem.body(&trace_id));
    }
    // Answers hold tokens and people's data: no cache on the way keeps them.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&trace_id) {
        response.headers_mut().insert(TRACE_HEADER, value);
    }
    response
}

/// What to look for in the log.
#[derive(Clone, Debug)]
pub(crate) struct TraceId(pub(crate) String);

/// The caller's W3C trace, or a new one.
fn trace_id(traceparent: Option<&HeaderValue>) -> String {
    let given = traceparent.and_then(|value| value.to_str().ok()).and_then(|text| text.split('-').nth(1));
    match given {
        Some(id) if id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) => id.to_ascii_lowercase(),
        Some(_) | None => format!("{:032x}", rand::random::<u128>()),
    }
}

/// Errors that the framework answers by itself have a status and a text at most.
fn of_framework(response: &Response) -> Option<Problem> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    // A body that a handler wrote as a problem stays, and so does a page for people.
    let media = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if media.is_some_and(|media| media.starts_with(MEDIA_TYPE) || media.starts_with("text/html")) {
        return None;
    }
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => ("not_found", "There is no such call. /openapi.json lists them."),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("method_not_allowed", "This path is called in another way: see the Allow header.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "The request is too large."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("unsupported_media_type", "This media type is not read here."),
        StatusCode::UPGRADE_REQUIRED => ("upgrade_required", "This call is a WebSocket."),
        StatusCode::REQUEST_TIMEOUT => ("timeout", "The request did not arrive in time."),
        other if other.is_client_error() => ("bad_request", "The request cannot be read."),
        _ => ("internal", "The relay failed. Its log has the trace id."),
    };
    Some(*Problem::new(status, code, detail))
}

/// `unknown_field` → `Unknown field`.
fn title(code: &str) -> String {
    let mut title = code.replace('_', " ");
    title.truncate(CODE_CHARS_MAX);
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

impl From<Refusal> for Box<Problem> {
    fn from(refusal: Refusal) -> Self {
        let (code, detail) = (refusal.code(), refusal.to_string());
        let plain = |status| Problem::new(status, code, detail.clone());
        match refusal {
            Refusal::NotFound { .. } => plain(StatusCode::NOT_FOUND),
            Refusal::UnknownRecipient { .. } => Problem::field(code, "/recipient", detail),
            Refusal::UnknownCategory { hint, .. } => {
                Problem::field(code, "/category", detail).with_hint(hint.map(String::from))
            }
            Refusal::UnknownTemplate { hint, .. } => {
                Problem::field(code, "/template", detail).with_hint(hint.map(String::from))
            }
            Refusal::EventConflict { .. } | Refusal::Stale { .. } | Refusal::DeviceConflict => {
                plain(StatusCode::CONFLICT)
            }
            Refusal::RepeatMismatch | Refusal::Data { .. } => plain(StatusCode::UNPROCESSABLE_ENTITY),
            Refusal::Precondition { current } => {
                let mut problem = plain(StatusCode::PRECONDITION_FAILED);
                problem.more.insert("current".into(), current.into());
                problem
            }
            Refusal::Invalid { pointer, .. } => Problem::invalid(pointer, detail),
            Refusal::AccountErased | Refusal::DeviceRevoked => plain(StatusCode::UNAUTHORIZED),
            Refusal::Unavailable { .. } => unavailable(code, detail),
            Refusal::StorageFull => storage_full(),
        }
    }
}

impl From<VapidError> for Box<Problem> {
    fn from(error: VapidError) -> Self {
        match error {
            VapidError::Store(error) => error.into(),
            VapidError::Sealed | VapidError::Random => {
                tracing::error!(%error, "a page has no key for pushes");
                Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "The relay has no key for pushes.",
                )
            }
        }
    }
}

impl From<StoreError> for Box<Problem> {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(source) => {
                tracing::warn!(error = %source, "the store is not available");
                unavailable("unavailable", "The store is not available for the moment: try again.".into())
            }
            StoreError::Data { detail } => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "data",
                format!("The store refuses it: {detail}."),
            ),
            StoreError::Full => storage_full(),
            StoreError::Lost => unavailable("unavailable", error.to_string()),
            StoreError::Damaged { detail } => {
                tracing::error!(detail, "the store is damaged");
                let detail = "What is stored cannot be read. The relay's log says more.";
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "damaged", detail)
            }
        }
    }
}

impl From<WriterError> for Box<Problem> {
    fn from(error: WriterError) -> Self {
        match error {
            WriterError::Busy | WriterError::Stopping => unavailable("unavailable", error.to_string()),
            WriterError::InFlight => {
                let mut problem =
                    Problem::new(StatusCode::CONFLICT, "idempotency_in_flight", error.to_string());
                problem.retry_after = Some(1);
                problem
            }
        }
    }
}

impl From<TokenError> for Box<Problem> {
    fn from(error: TokenError) -> Self {
        let code = match error {
            TokenError::Invalid => "unauthorized",
            TokenError::Expired => "token_expired",
            TokenError::Revoked => "revoked",
            TokenError::Erased => "erased",
            TokenError::Unavailable => return unavailable("unavailable", error.to_string()),
        };
        Problem::new(StatusCode::UNAUTHORIZED, code, error.to_string())
    }
}

/// Whatever has no room to be written is answered alike, whichever call it is.
fn storage_full() -> Box<Problem> {
    let refusal = Refusal::StorageFull;
    let mut problem = Problem::new(StatusCode::INSUFFICIENT_STORAGE, refusal.code(), refusal.to_string());
    problem.retry_after = Some(FULL_RETRY_SECONDS);
    problem
}

fn unavailable(code: &'static str, detail: String) -> Box<Problem> {
    let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail);
    problem.retry_after = Some(1);
    problem
}
