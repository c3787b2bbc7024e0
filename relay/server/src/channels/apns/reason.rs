//! What Apple answers (developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns).

use serde::Deserialize;
use tidings_core::delivery::Outcome;

use crate::channels::vendor::Answer;

/// Apple's word, or nothing.
pub(super) fn word(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Refused {
        reason: String,
    }
    if answer.status.is_success() {
        return String::new();
    }
    serde_json::from_slice::<Refused>(&answer.body).map(|refused| refused.reason).unwrap_or_default()
}

/// What an answer means.
pub(super) fn outcome(answer: &Answer) -> Outcome {
    if answer.status.is_success() {
        return Outcome::accepted(answer.headers.get("apns-id").and_then(|id| id.to_str().ok()));
    }
    let word = word(answer);
    let code = snake_case(&word);
    match word.as_str() {
        "BadDeviceToken" | "ExpiredToken" | "Unregistered" => Outcome::AddressGone { code },
        // The device's app has another bundle id. The address is kept: with the wrong topic in the document every
        // device looks so.
        "DeviceTokenNotForTopic"
        | "BadCollapseId"
        | "BadExpirationDate"
        | "BadMessageId"
        | "BadPath"
        | "BadPriority"
        | "DuplicateHeaders"
        | "InvalidPushType"
        | "MethodNotAllowed"
        | "MissingDeviceToken"
        | "PayloadEmpty"
        | "PayloadTooLarge" => Outcome::Permanent { code },
        "BadCertificate"
        | "BadCertificateEnvironment"
        | "BadEnvironmentKeyIdInToken"
        | "BadTopic"
        | "ExpiredProviderToken"
        | "Forbidden"
        | "InvalidProviderToken"
        | "MissingProviderToken"
        | "MissingTopic"
        | "TopicDisallowed"
        | "UnrelatedKeyIdInToken" => Outcome::Misconfigured { code },
        "IdleTimeout"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "Shutdown"
        | "TooManyProviderTokenUpdates" => answer.transient(code),
        // Apple says it of one device: "too many requests for the same device token".
        "TooManyRequests" => answer.address_busy(code),
        _ => by_status(answer),
    }
}

/// A word that this version does not know, or an answer from something between here and Apple.
fn by_status(answer: &Answer) -> Outcome {
    let code = answer.status_code();
    match answer.status.as_u16() {
        410 => Outcome::AddressGone { code },
        401 | 403 => Outcome::Misconfigured { code },
        408 | 429 | 500..=599 => answer.transient(code),
        _ => Outcome::Permanent { code },
    }
}

/// `BadDeviceToken` is `bad_device_token`.
fn snake_case(word: &str) -> Box<str> {
    let mut code = String::new();
    for c in word.chars() {
        if c.is_ascii_uppercase() && !code.is_empty() {
            code.push('_');
        }
        code.push(c.to_ascii_lowercase());
    }
    code.into()
}
