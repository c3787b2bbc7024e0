//! Google's push service for apps: the HTTP v1 interface of Firebase Cloud Messaging.
//!
//! Android gets data only, so that the app's own SDK decides what is shown. An iPhone behind FCM cannot be woken for sure
//! without a visible text: it gets a neutral one, which the app's extension replaces.

mod account;
mod body;
mod error;
mod token;

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::StatusCode;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use tidings_core::configuration::FcmAccount;
use tidings_core::delivery::{Handover, Outcome};

use self::account::ServiceAccount;
use self::token::Tokens;
use super::vendor::{self, Answer};
use super::{ATTEMPT_DEADLINE, Dialer, Links, Opening, Provider};

/// What an address of this service begins with.
const ADDRESS: &str = "fcm:";

/// Makes it ready.
pub(super) fn open(opening: &Opening<'_>, _account: &FcmAccount) -> Result<Arc<dyn Provider>, &'static str> {
    let secret = opening.password.as_ref().ok_or("no_service_account")?;
    let account = ServiceAccount::read(secret.expose_secret()).ok_or("bad_service_account")?;
    opening.outside.dialer.check(&account.token_url).map_err(|_| "bad_token_uri")?;
    let url = opening.outside.fcm_url.trim_end_matches('/');
    Ok(Arc::new(Fcm {
        url: format!("{url}/v1/projects/{}/messages:send", account.project),
        dialer: Arc::clone(&opening.outside.dialer),
        tokens: Tokens::new(account),
    }))
}

/// See the module.
#[derive(Debug)]
struct Fcm {
    url: String,
    dialer: Arc<Dialer>,
    tokens: Tokens,
}

#[async_trait]
impl Provider for Fcm {
    async fn hand_over(&self, handover: &Handover, _links: &Links) -> Outcome {
        let Some(address) = handover.address.strip_prefix(ADDRESS) else {
            return Outcome::AddressGone { code: "no_fcm_token".into() };
        };
        match tokio::time::timeout(ATTEMPT_DEADLINE, self.push(address, handover)).await {
            Ok(Ok(outcome) | Err(outcome)) => outcome,
            Err(_) => Outcome::Unknown { code: "timeout".into() },
        }
    }
}

impl Fcm {
    async fn push(&self, address: &str, handover: &Handover) -> Result<Outcome, Outcome> {
        let body = body::body(address, handover, vendor::now());
        let token = self.tokens.token(&self.dialer).await?;
        let answer = self.call(&body, &token).await?;
        if answer.status != StatusCode::UNAUTHORIZED || error::code(&answer.body).is_some() {
            return Ok(outcome(&answer));
        }
        // The token was taken back before its time: nothing was sent, so that another one may try.
        self.tokens.forget(&token).await;
        let token = self.tokens.token(&self.dialer).await?;
        Ok(outcome(&self.call(&body, &token).await?))
    }

    async fn call(&self, body: &str, token: &str) -> Result<Answer, Outcome> {
        let request = self.dialer.http().post(&self.url).bearer_auth(token);
        vendor::call(request.header("content-type", "application/json").body(body.to_owned())).await
    }
}

fn outcome(answer: &Answer) -> Outcome {
    #[derive(Deserialize)]
    struct Sent<'a> {
        name: &'a str,
    }
    if !answer.status.is_success() {
        return error::outcome(answer);
    }
    match serde_json::from_slice::<Sent<'_>>(&answer.body) {
        Ok(sent) => Outcome::accepted(sent.name.rsplit('/').next()),
        Err(_) => answer.transient("not_json"),
    }
}

#[cfg(test)]
mod tests;
