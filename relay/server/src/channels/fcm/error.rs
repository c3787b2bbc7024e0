//! What FCM answers when it did not take a push
//! (firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode and /docs/cloud-messaging/error-codes).

use serde::Deserialize;
use tidings_core::delivery::Outcome;
use tidings_protocol::Span;

use crate::channels::vendor::Answer;

/// What FCM asks to wait after too many, if it names no time: a minute.
const QUOTA_WAIT_MILLIS: i64 = 60_000;
const FCM_ERROR: &str = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
const QUOTA_FAILURE: &str = "type.googleapis.com/google.rpc.QuotaFailure";
const ERROR_INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";

#[derive(Deserialize)]
struct Body {
    error: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    status: String,
    details: Vec<Detail>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    #[serde(rename = "@type")]
    kind: String,
    error_code: String,
    field_violations: Vec<Violation>,
    violations: Vec<Violation>,
    reason: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Violation {
    field: String,
    subject: String,
}

/// FCM's own code, if the answer has one.
pub(super) fn code(body: &[u8]) -> Option<String> {
    let body: Body = serde_json::from_slice(body).ok()?;
    let of_fcm = body.error.details.into_iter().find(|detail| detail.kind == FCM_ERROR);
    of_fcm.map(|detail| detail.error_code).filter(|code| !code.is_empty())
}

/// What an answer other than a success means.
pub(super) fn outcome(answer: &Answer) -> Outcome {
    let Ok(Body { error }) = serde_json::from_slice::<Body>(&answer.body) else {
        return without_words(answer);
    };
    let named = |kind| error.details.iter().find(|detail: &&Detail| detail.kind == kind);
    let of_fcm = named(FCM_ERROR).map(|detail| detail.error_code.as_str());
    match of_fcm.unwrap_or(&error.status) {
        "UNREGISTERED" => Outcome::AddressGone { code: "unregistered".into() },
        "INVALID_ARGUMENT" => {
            let about = named(BAD_REQUEST).map_or(&[][..], |detail| &detail.field_violations);
            if about.iter().any(|violation| violation.field == "message.token") {
                return Outcome::AddressGone { code: "invalid_token".into() };
            }
            Outcome::Permanent { code: "invalid_argument".into() }
        }
        // The token is of another sender's app. It is kept: with the wrong account in the document every token looks so.
        "SENDER_ID_MISMATCH" => Outcome::Permanent { code: "sender_id_mismatch".into() },
        word @ ("QUOTA_EXCEEDED" | "RESOURCE_EXHAUSTED") => {
            let code = "quota_exceeded".into();
            let retry_after = answer.retry_after().or(Some(Span::from_millis(QUOTA_WAIT_MILLIS)));
            // FCM's own word is about "the message target", Google's status and a quota of the project about all.
            if word == "QUOTA_EXCEEDED" && !is_about_the_project(&error.details) {
                Outcome::AddressBusy { code, retry_after }
            } else {
                Outcome::Transient { code, retry_after }
            }
        }
        "UNAVAILABLE" => answer.transient("unavailable"),
        "INTERNAL" => answer.transient("internal"),
        "UNSPECIFIED_ERROR" => answer.transient("unspecified_error"),
        "THIRD_PARTY_AUTH_ERROR" => Outcome::Misconfigured { code: "third_party_auth_error".into() },
        "UNAUTHENTICATED" => Outcome::Misconfigured { code: "unauthenticated".into() },
        "PERMISSION_DENIED" => Outcome::Misconfigured { code: "permission_denied".into() },
        // Without FCM's own word it is the project that is not found, not the token.
        "NOT_FOUND" => Outcome::Misconfigured { code: "project_not_found".into() },
        _ => without_words(answer),
    }
}

/// Whether the details name a quota that all devices share (google.rpc.QuotaFailure, google.rpc.ErrorInfo).
fn is_about_the_project(details: &[Detail]) -> bool {
    let of_project = |violation: &Violation| violation.subject.starts_with("project");
    details.iter().any(|detail| match detail.kind.as_str() {
        QUOTA_FAILURE => detail.violations.iter().any(of_project),
        ERROR_INFO => detail.reason == "RATE_LIMIT_EXCEEDED",
        _ => false,
    })
}

/// By the status alone: something between here and FCM answered.
fn without_words(answer: &Answer) -> Outcome {
    match answer.status.as_u16() {
        401 | 403 => Outcome::Misconfigured { code: answer.status_code() },
        400 | 413 | 422 => Outcome::Permanent { code: answer.status_code() },
        408 | 429 | 500..=599 => answer.transient(answer.status_code()),
        _ => answer.transient("not_json"),
    }
}
