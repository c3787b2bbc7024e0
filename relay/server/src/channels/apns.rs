//! Apple's push service, over HTTP/2 with a provider token.
//!
//! Each account has connections of its own: Apple binds a connection to the key of its first push.

mod body;
mod reason;
mod token;

pub(super) use self::body::{fits, headers, payload};

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use tidings_core::configuration::{ApnsAccount, PushContent};
use tidings_core::delivery::{Form, Handover, Outcome};

use self::token::Tokens;
use super::dialer::CONNECT_DEADLINE;
use super::vendor::{self, Answer};
use super::{ATTEMPT_DEADLINE, Links, Opening, Provider};

/// What an address of this service begins with.
const ADDRESS: &str = "apns:";
/// The longest device token, in hexadecimal characters; Apple says not to count on a length.
const DEVICE_TOKEN_CHARS_MAX: usize = 200;
/// How often an open connection is asked whether it lives, and how long it may take to say so.
const PING: (std::time::Duration, std::time::Duration) =
    (std::time::Duration::from_secs(60), std::time::Duration::from_secs(10));

/// Makes it ready.
pub(super) fn open(opening: &Opening<'_>, account: &ApnsAccount) -> Result<Arc<dyn Provider>, &'static str> {
    let secret = opening.password.as_ref().ok_or("no_p8_key")?;
    let tokens = Tokens::new(secret.expose_secret(), account).ok_or("bad_p8_key")?;
    // The node names the address: it is not a project's, and needs no guard.
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(opening.outside.dialer.tls().clone())
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_DEADLINE)
        .timeout(ATTEMPT_DEADLINE)
        .http2_keep_alive_interval(PING.0)
        .http2_keep_alive_timeout(PING.1)
        .http2_keep_alive_while_idle(true)
        .user_agent(concat!("tidings/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| "no_http_client")?;
    Ok(Arc::new(Apns {
        url: opening.outside.apns_url.trim_end_matches('/').to_owned(),
        topic: account.topic.clone(),
        http,
        tokens,
    }))
}

/// See the module.
#[derive(Debug)]
struct Apns {
    url: String,
    /// The app's bundle id.
    topic: String,
    http: reqwest::Client,
    tokens: Tokens,
}

#[async_trait]
impl Provider for Apns {
    async fn hand_over(&self, handover: &Handover, _links: &Links) -> Outcome {
        let Some(token) = handover.address.strip_prefix(ADDRESS).filter(|token| is_token(token)) else {
            return Outcome::AddressGone { code: "no_apns_token".into() };
        };
        match tokio::time::timeout(ATTEMPT_DEADLINE, self.push(token, handover)).await {
            Ok(Ok(outcome) | Err(outcome)) => outcome,
            Err(_) => Outcome::Unknown { code: "timeout".into() },
        }
    }
}

impl Apns {
    async fn push(&self, device: &str, handover: &Handover) -> Result<Outcome, Outcome> {
        let content = body::content(handover);
        let token = self.tokens.token(vendor::now())?;
        let answer = self.call(device, handover, content, &token).await?;
        match reason::word(&answer).as_str() {
            // Its clock is ahead of ours. Nothing was sent, so that a new token may try.
            "ExpiredProviderToken" => {
                let token = self.tokens.renewed(&token, vendor::now())?;
                Ok(reason::outcome(&self.call(device, handover, content, &token).await?))
            }
            "PayloadTooLarge" if content != PushContent::None => {
                Ok(reason::outcome(&self.call(device, handover, PushContent::None, &token).await?))
            }
            _ => Ok(reason::outcome(&answer)),
        }
    }

    async fn call(
        &self,
        device: &str,
        handover: &Handover,
        content: PushContent,
        token: &str,
    ) -> Result<Answer, Outcome> {
        let mut request = self
            .http
            .post(format!("{}/3/device/{device}", self.url))
            .header("authorization", format!("bearer {token}"))
            .header("apns-topic", &self.topic)
            .header("apns-id", body::apns_id(&handover.key))
            .header("content-type", "application/json");
        for (name, value) in headers(handover) {
            request = request.header(name, value);
        }
        vendor::call(request.body(payload(handover, content).to_string())).await
    }
}

/// A device token goes into a path.
fn is_token(text: &str) -> bool {
    (1..=DEVICE_TOKEN_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The words that may be said at all.
const fn allowed(form: &Form) -> PushContent {
    match form {
        Form::Push(form) => form.content,
        Form::Email(_) | Form::Sms(_) | Form::Webhook(_) => PushContent::None,
    }
}

#[cfg(test)]
mod tests;
