//! The push services of browsers and of UnifiedPush (RFC 8030), each wherever its subscription says.
//!
//! What is carried is encrypted for the one browser (RFC 8291), and signed with the project's key (RFC 8292). A push
//! service says that it took a notification, never that the browser got it.

mod keys;
mod payload;
mod subscription;

pub(crate) use self::keys::{VapidError, VapidKey, VapidKeys};
pub(crate) use self::subscription::Subscription;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, Header};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use tidings_core::configuration::WebpushAccount;
use tidings_core::delivery::{Handover, Outcome};
use tidings_protocol::Priority;
use url::Url;
use web_push::{ContentEncoding, Urgency, VapidSignature, WebPushMessage, WebPushMessageBuilder};

use self::payload::Payload;
use super::vendor::{self, Answer};
use super::{ATTEMPT_DEADLINE, Dialer, DialerError, Links, Opening, Provider};

/// Push services that a project's signatures are kept for: browsers have a handful, UnifiedPush one a household.
const SERVICES_MAX: u64 = 1_024;
/// How long a signature is good for; RFC 8292 allows a day.
const SIGNATURE_SECONDS: i64 = 12 * 3_600;
/// How long one is used: an hour less, so that none ends on its way or under a clock that is ahead.
const SIGNATURE_USED: Duration = Duration::from_secs(11 * 3_600);
/// The longest time that a push service is asked to keep a notification, in seconds: what they cut it to anyway.
const TTL_SECONDS_MAX: u32 = 28 * 86_400;

/// Makes it ready.
pub(super) fn open(
    opening: &Opening<'_>,
    account: &WebpushAccount,
) -> Result<Arc<dyn Provider>, &'static str> {
    let secret = opening.password.as_ref().ok_or("no_vapid_key")?;
    let key = VapidKey::read(secret.expose_secret()).ok_or("bad_vapid_key")?;
    let own =
        opening.outside.public_url.starts_with("https:").then(|| opening.outside.public_url.to_string());
    Ok(Arc::new(Webpush {
        key,
        contact: account.contact.clone().or(own),
        dialer: Arc::clone(&opening.outside.dialer),
        signatures: moka::sync::Cache::builder()
            .max_capacity(SERVICES_MAX)
            .time_to_live(SIGNATURE_USED)
            .build(),
    }))
}

/// See the module.
struct Webpush {
    key: VapidKey,
    /// Whom a push service may ask about our calls.
    contact: Option<String>,
    dialer: Arc<Dialer>,
    /// One for each push service: a signature costs more than everything else about a hand-over.
    signatures: moka::sync::Cache<Box<str>, VapidSignature>,
}

impl std::fmt::Debug for Webpush {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webpush").finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for Webpush {
    async fn hand_over(&self, handover: &Handover, _links: &Links) -> Outcome {
        let Some(subscription) = Subscription::read(&handover.address) else {
            return Outcome::AddressGone { code: "bad_subscription".into() };
        };
        if let Err(outcome) = self.check(&subscription.url) {
            return outcome;
        }
        match tokio::time::timeout(ATTEMPT_DEADLINE, self.push(&subscription, handover)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Unknown { code: "timeout".into() },
        }
    }
}

impl Webpush {
    /// A recipient named this address: it is called only if it is public, and encrypted on its way.
    fn check(&self, url: &Url) -> Result<(), Outcome> {
        self.dialer.check(url).map_err(|error| match error {
            DialerError::NotPublic { .. } => Outcome::Permanent { code: "address_not_public".into() },
            DialerError::Unknown { .. } => Outcome::transient("dns"),
            DialerError::NoHost => Outcome::AddressGone { code: "bad_subscription".into() },
        })
    }

    async fn push(&self, subscription: &Subscription, handover: &Handover) -> Outcome {
        let full = Payload::of(handover);
        let answer = match self.call(subscription, handover, &full).await {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        if answer.status != StatusCode::PAYLOAD_TOO_LARGE || full.is_content_free() {
            return outcome(&answer);
        }
        // Some push services take less than the standard asks for: the browser fetches the words itself.
        match self.call(subscription, handover, &Payload::content_free(handover)).await {
            Ok(answer) => outcome(&answer),
            Err(outcome) => outcome,
        }
    }

    async fn call(
        &self,
        subscription: &Subscription,
        handover: &Handover,
        payload: &Payload<'_>,
    ) -> Result<Answer, Outcome> {
        let message = self.build(subscription, handover, payload)?;
        let mut request = self
            .dialer
            .http()
            .post(subscription.url.clone())
            .header("ttl", message.ttl)
            .header("urgency", message.urgency.unwrap_or_default().to_string());
        if let Some(topic) = message.topic {
            request = request.header("topic", topic);
        }
        if let Some(sealed) = message.payload {
            for (name, value) in sealed.crypto_headers {
                request = request.header(name, value);
            }
            request = request
                .header(CONTENT_ENCODING, sealed.content_encoding.to_str())
                .header(CONTENT_TYPE, "application/octet-stream")
                .body(sealed.content);
        }
        vendor::call(request).await.map_err(of_one_address)
    }

    fn build(
        &self,
        subscription: &Subscription,
        handover: &Handover,
        payload: &Payload<'_>,
    ) -> Result<WebPushMessage, Outcome> {
        let text = payload.text();
        let mut builder = WebPushMessageBuilder::new(&subscription.info);
        builder.set_ttl(vendor::seconds_left(handover.expires_at, vendor::now()).min(TTL_SECONDS_MAX));
        builder.set_urgency(urgency(handover.priority));
        if let Some(topic) = vendor::collapse_token(handover) {
            builder.set_topic(topic);
        }
        builder.set_vapid_signature(self.signature(&subscription.url)?);
        builder.set_payload(ContentEncoding::Aes128Gcm, text.as_bytes());
        builder.build().map_err(|_| Outcome::AddressGone { code: "bad_subscription".into() })
    }

    /// The signature for a push service (RFC 8292 2): its origin, until when, and whom to ask.
    fn signature(&self, url: &Url) -> Result<VapidSignature, Outcome> {
        #[derive(Serialize)]
        struct Claims<'a> {
            aud: &'a str,
            exp: i64,
            #[serde(skip_serializing_if = "Option::is_none")]
            sub: Option<&'a str>,
        }
        let origin = url.origin().ascii_serialization();
        if let Some(known) = self.signatures.get(origin.as_str()) {
            return Ok(known);
        }
        let exp = vendor::now().as_millis() / 1_000 + SIGNATURE_SECONDS;
        let claims = Claims { aud: &origin, exp, sub: self.contact.as_deref() };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, self.key.private());
        let token = token.map_err(|_| Outcome::Misconfigured { code: "bad_vapid_key".into() })?;
        let signature = VapidSignature { auth_t: token, auth_k: self.key.public().to_vec() };
        self.signatures.insert(origin.into(), signature.clone());
        Ok(signature)
    }
}

/// A push service that nobody trusts is one subscription's fault, not the project's.
fn of_one_address(outcome: Outcome) -> Outcome {
    if let Outcome::Misconfigured { code } = outcome { Outcome::transient(code) } else { outcome }
}

const fn urgency(priority: Priority) -> Urgency {
    match priority {
        Priority::Low => Urgency::Low,
        Priority::Normal => Urgency::Normal,
        Priority::High | Priority::Urgent => Urgency::High,
    }
}

/// What a push service's answer means (RFC 8030 5 to 8, RFC 8292 4).
///
/// Each recipient names a push service of their own, so that none of them can stop the project's others: no answer is
/// [`Outcome::Misconfigured`].
fn outcome(answer: &Answer) -> Outcome {
    match answer.status.as_u16() {
        200..=299 => {
            let id = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
            Outcome::accepted(id.and_then(|url| url.rsplit('/').next()))
        }
        404 | 410 => Outcome::AddressGone { code: answer.status_code() },
        // The subscription was made with another key, or the service does not believe the signature.
        401 | 403 => Outcome::Permanent { code: "vapid_refused".into() },
        413 => Outcome::Permanent { code: "too_large".into() },
        // Too many to one subscription (RFC 8030 8.4).
        429 => answer.address_busy(answer.status_code()),
        408 | 425 | 500..=599 => answer.transient(answer.status_code()),
        _ => Outcome::Permanent { code: answer.status_code() },
    }
}

#[cfg(test)]
mod tests;
