//! Access tokens: had for a signed assertion (RFC 7523), and used until five minutes before they end.

use jsonwebtoken::{Algorithm, Header};
use serde::{Deserialize, Serialize};
use tidings_core::delivery::Outcome;
use tidings_protocol::Timestamp;
use tokio::sync::Mutex;

use super::account::ServiceAccount;
use crate::channels::Dialer;
use crate::channels::vendor::{self, Answer};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long an assertion is good for, in seconds; Google allows an hour.
const ASSERTION_SECONDS: i64 = 3_600;
/// How long before its end a token is used no more.
const SPARE_MILLIS: i64 = 5 * 60 * 1_000;

/// The tokens of an account: one at a time.
#[derive(Debug)]
pub(super) struct Tokens {
    account: ServiceAccount,
    /// One is fetched at a time; the others wait for it.
    known: Mutex<Option<Known>>,
}

struct Known {
    token: String,
    /// From when on it is used no more.
    until: Timestamp,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("until", &self.until).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    /// In seconds.
    expires_in: u32,
}

impl Tokens {
    pub(super) fn new(account: ServiceAccount) -> Self {
        Self { account, known: Mutex::new(None) }
    }

    /// A token that is good for a while.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn token(&self, dialer: &Dialer) -> Result<String, Outcome> {
        let mut known = self.known.lock().await;
        let now = vendor::now();
        if let Some(known) = known.as_ref().filter(|known| now < known.until) {
            return Ok(known.token.clone());
        }
        let granted = self.fetch(dialer, now).await?;
        let until = now.plus_millis(i64::from(granted.expires_in) * 1_000 - SPARE_MILLIS);
        *known = Some(Known { token: granted.access_token.clone(), until });
        Ok(granted.access_token)
    }

    /// Never uses a token again.
    pub(super) async fn forget(&self, token: &str) {
        let mut known = self.known.lock().await;
        if known.as_ref().is_some_and(|known| known.token == token) {
            *known = None;
        }
    }

    async fn fetch(&self, dialer: &Dialer, now: Timestamp) -> Result<Granted, Outcome> {
        let account = &self.account;
        let iat = now.as_millis() / 1_000;
        let claims = Claims {
            iss: &account.email,
            scope: SCOPE,
            aud: &account.token_uri,
            iat,
            exp: iat + ASSERTION_SECONDS,
        };
        let mut header = Header::new(Algorithm::RS256);
        header.kid.clone_from(&account.key_id);
        let assertion = jsonwebtoken::encode(&header, &claims, &account.key)
            .map_err(|_| Outcome::Misconfigured { code: "bad_service_account".into() })?;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", GRANT)
            .append_pair("assertion", &assertion)
            .finish();
        let request = dialer
            .http()
            .post(account.token_url.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        // Nothing was pushed: whatever happens to this call, the delivery may be tried again.
        let answer = vendor::call(request).await.map_err(|outcome| {
            if let Outcome::Unknown { code } = outcome { Outcome::transient(code) } else { outcome }
        })?;
        granted(&answer)
    }
}

fn granted(answer: &Answer) -> Result<Granted, Outcome> {
    match answer.status.as_u16() {
        200..=299 => serde_json::from_slice(&answer.body).map_err(|_| answer.transient("token_not_json")),
        408 | 429 | 500..=599 => Err(answer.transient(format!("token_{}", answer.status_code()))),
        // `invalid_grant`, `invalid_client`: the account was removed, its key revoked, or the clock is wrong.
        _ => Err(Outcome::Misconfigured { code: refused(&answer.body) }),
    }
}

/// The word of RFC 6749 5.2, if it is one.
fn refused(body: &[u8]) -> Box<str> {
    #[derive(Deserialize)]
    struct Refused<'a> {
        error: &'a str,
    }
    const KNOWN: [&str; 6] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    let word = serde_json::from_slice::<Refused<'_>>(body).ok().map(|refused| refused.error);
    word.filter(|word| KNOWN.contains(word)).unwrap_or("token_refused").into()
}
