//! The provider token (ES256): renewed after fifty minutes. Apple refuses one that is older than an hour, and an account
//! that makes a new one more often than every twenty minutes.

use std::sync::{Mutex, PoisonError};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use tidings_core::configuration::ApnsAccount;
use tidings_core::delivery::Outcome;
use tidings_protocol::Timestamp;

/// How long a token is used.
const USED_MILLIS: i64 = 50 * 60 * 1_000;
/// How long after another a token is made at the earliest.
const APART_MILLIS: i64 = 20 * 60 * 1_000;

/// The tokens of an account: one at a time.
pub(super) struct Tokens {
    key: EncodingKey,
    key_id: String,
    team_id: String,
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    token: String,
    made_at: Timestamp,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    /// In seconds.
    iat: i64,
}

impl Tokens {
    /// Of a `.p8` key; none if it is something else.
    pub(super) fn new(p8: &str, account: &ApnsAccount) -> Option<Self> {
        Some(Self {
            key: EncodingKey::from_ec_pem(p8.trim().as_bytes()).ok()?,
            key_id: account.key_id.clone(),
            team_id: account.team_id.clone(),
            known: Mutex::new(None),
        })
    }

    /// The token of the moment.
    ///
    /// # Errors
    /// The key does not sign.
    pub(super) fn token(&self, now: Timestamp) -> Result<String, Outcome> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back makes no token from the future: it would be refused until then.
        let is_good = |known: &&Known| (0..USED_MILLIS).contains(&now.millis_since(known.made_at));
        if let Some(known) = known.as_ref().filter(is_good) {
            return Ok(known.token.clone());
        }
        self.make(&mut known, now)
    }

    /// Another token than one that Apple calls too old, unless there is one already.
    ///
    /// # Errors
    /// The clocks differ, or the key does not sign.
    pub(super) fn renewed(&self, refused: &str, now: Timestamp) -> Result<String, Outcome> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.as_ref() {
            Some(known) if known.token != refused => Ok(known.token.clone()),
            // A token that is too old when it was just made was made by a clock that is wrong.
            Some(known) if (0..APART_MILLIS).contains(&now.millis_since(known.made_at)) => {
                Err(Outcome::Misconfigured { code: "expired_provider_token".into() })
            }
            _ => self.make(&mut known, now),
        }
    }

    fn make(&self, known: &mut Option<Known>, now: Timestamp) -> Result<String, Outcome> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.key_id.clone());
        let claims = Claims { iss: &self.team_id, iat: now.as_millis() / 1_000 };
        let token = jsonwebtoken::encode(&header, &claims, &self.key)
            .map_err(|_| Outcome::Misconfigured { code: "bad_p8_key".into() })?;
        *known = Some(Known { token: token.clone(), made_at: now });
        Ok(token)
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}
