//! Bringing an access token, and keeping what renews it.
//!
//! A new pair is stored before it is used. A crash between the relay's answer and the store repeats the same exchange,
//! which the relay answers with the same pair for 60 seconds.

use std::time::Duration;

use reqwest::StatusCode;
use tidings_protocol::Timestamp;
use tidings_sdk_core::{DeviceStore as _, TokenFailure, TokenWanted};

use crate::access::{Access, AccessAnswer, AccessWanted, Way};
use crate::claims::Claims;
use crate::clock;
use crate::http::{Connected, Http, HttpError};
use crate::store::{SignIn, Store};

/// How long an embedder's own sign-in may take.
const CALLBACK_TIMEOUT: Duration = Duration::from_secs(30);
/// A stored token that ends sooner than this is renewed before it is used, in milliseconds.
const USABLE_MILLIS_MIN: i64 = 30_000;

/// A token, or why there is none.
pub(crate) type Fetched = Result<(String, Option<Timestamp>), FetchError>;

#[derive(Debug)]
pub(crate) enum FetchError {
    Failed(TokenFailure),
    NoCredentials,
    /// The relay's certificate is not trusted; why, as a sentence.
    Untrusted(String),
}

/// Everything that bringing a token needs.
#[derive(Clone, Debug)]
pub(crate) struct TokenSource {
    pub(crate) access: Access,
    pub(crate) http: Http,
    pub(crate) store: Store,
    pub(crate) platform: String,
}

impl TokenSource {
    pub(crate) async fn fetch(&self, why: TokenWanted) -> Fetched {
        match &self.access.0 {
            Way::Code(code) => self.exchange(code, why).await,
            Way::Saved => self.renew(why).await,
            Way::Token(token) => match why {
                TokenWanted::First => self.take(token.clone(), false).await,
                TokenWanted::Expiring | TokenWanted::Rejected => {
                    Err(FetchError::Failed(TokenFailure::Refused))
                }
            },
            Way::Callback(ask) => {
                let why = match why {
                    TokenWanted::First => AccessWanted::First,
                    TokenWanted::Expiring => AccessWanted::Expiring,
                    TokenWanted::Rejected => AccessWanted::Rejected,
                };
                match tokio::time::timeout(CALLBACK_TIMEOUT, ask(why)).await {
                    Ok(AccessAnswer::Token(token)) => self.take(token, true).await,
                    Ok(AccessAnswer::SignedOut) => Err(FetchError::Failed(TokenFailure::Refused)),
                    Ok(AccessAnswer::Later) | Err(_) => Err(transient(None)),
                }
            }
        }
    }

    /// Takes a token that this client did not ask the relay for. If it is another recipient's than the file's,
    /// nothing of the former one stays, least of all what they wanted to send.
    async fn take(&self, token: String, renewable: bool) -> Fetched {
        let Some(claims) = Claims::read(&token) else { return Ok((token, None)) };
        self.store.own(&claims).await.map_err(|_| transient(None))?;
        let expires_at = if renewable { claims.expires_at() } else { None };
        Ok((token, expires_at))
    }

    async fn exchange(&self, code: &str, why: TokenWanted) -> Fetched {
        let known = self.store.credentials().await.map_err(|_| transient(None))?;
        if known.code_spent.as_deref() == Some(code) {
            return self.renew(why).await;
        }
        let mut answer = self.http.connect(code, &known.device, &self.platform, &known.nonce).await;
        if answer.as_ref().is_err_and(wants_other_device) {
            // The code is still good. Another installation has this id, or it was removed: this one gets an id of its
            // own. It is stored first, so that the same exchange can be repeated after a crash.
            let other = crate::engine::new_identity();
            self.store.save_identity(&other).await.map_err(|_| transient(None))?;
            answer = self.http.connect(code, other.device.as_str(), &self.platform, &other.nonce).await;
        }
        let Connected { project, recipient, device, access_token, refresh_token, expires_at } =
            answer.map_err(|error| failure(&error))?;
        // The answer has the project's name for people; a token has what tells projects apart.
        let project = Claims::read(&access_token).map_or(project, |claims| claims.project);
        let sign_in = SignIn {
            project: &project,
            recipient: &recipient,
            device: &device,
            code,
            access_token: &access_token,
            access_expires_at: Some(expires_at),
            refresh_token: &refresh_token,
        };
        self.store.sign_in(&sign_in).await.map_err(|_| transient(None))?;
        Ok((access_token, Some(expires_at)))
    }

    async fn renew(&self, why: TokenWanted) -> Fetched {
        let known = self.store.credentials().await.map_err(|_| transient(None))?;
        let usable = |expires_at: Option<Timestamp>| {
            expires_at.is_none_or(|at| at.millis_since(clock::now()) > USABLE_MILLIS_MIN)
        };
        if let (TokenWanted::First, Some(token)) = (why, &known.access_token)
            && usable(known.access_expires_at)
        {
            return Ok((token.clone(), known.access_expires_at));
        }
        let Some(refresh_token) = known.refresh_token else { return Err(FetchError::NoCredentials) };
        let renewed = self.http.renew(&refresh_token).await.map_err(|error| failure(&error))?;
        self.store
            .save_tokens(&renewed.access_token, Some(renewed.expires_at), &renewed.refresh_token)
            .await
            .map_err(|_| transient(None))?;
        Ok((renewed.access_token, Some(renewed.expires_at)))
    }
}

const fn transient(retry_after_ms: Option<i64>) -> FetchError {
    FetchError::Failed(TokenFailure::Transient { retry_after_ms })
}

/// Whether the relay took the code and not the device's id.
fn wants_other_device(error: &HttpError) -> bool {
    matches!(error, HttpError::Status { code, .. } if matches!(code.as_str(), "device_conflict" | "revoked" | "device_revoked"))
}

/// What an answer means for the device. Only a clear word of the relay signs it out.
fn failure(error: &HttpError) -> FetchError {
    let (status, code, retry_after_ms) = match error {
        HttpError::Status { status, code, retry_after_ms, .. } => (status, code, retry_after_ms),
        HttpError::Untrusted(detail) => return FetchError::Untrusted(detail.clone()),
        HttpError::Unreached(_) | HttpError::Unreadable => return transient(None),
    };
    let failure = match (*status, code.as_str()) {
        (StatusCode::GONE, _) | (_, "erased" | "account_gone" | "recipient_erased") => TokenFailure::Gone,
        (_, "revoked" | "device_revoked") => TokenFailure::Revoked,
        (
            StatusCode::BAD_REQUEST
            | StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::UNPROCESSABLE_ENTITY,
            _,
        ) => TokenFailure::Refused,
        // Among them 409: another exchange of the same token is under way.
        (_, _) => TokenFailure::Transient { retry_after_ms: *retry_after_ms },
    };
    FetchError::Failed(failure)
}
