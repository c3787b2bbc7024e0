//! What the client's parts hold in common.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use tidings_protocol::Timestamp;
use tidings_sdk_core::sync::{Connection, TokenWanted};
use tidings_sdk_core::{Completeness, TokenFailure};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock;
use crate::error::Error;
use crate::http::{Http, HttpError};
use crate::store::Store;
use crate::tokens::{FetchError, TokenSource};

/// What the public face asks of the engine.
#[derive(Debug)]
pub(crate) enum Call {
    /// The network may be back.
    TryNow,
    /// A catch-up over HTTP moved the cursor, or another step changed what the machine remembers.
    Moved,
    /// The credentials are gone.
    SignedOut,
    /// Everything is gone.
    Erased,
}

/// The state around one account that the engine and the public face share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) path: PathBuf,
    pub(crate) http: Http,
    pub(crate) tokens: TokenSource,
    pub(crate) token: Mutex<Option<(String, Option<Timestamp>)>>,
    pub(crate) clock_offset_ms: std::sync::atomic::AtomicI64,
    /// Operations were queued: the engine looks into the outbox.
    pub(crate) queued: Notify,
    pub(crate) calls: mpsc::Sender<Call>,
    pub(crate) connection: watch::Sender<Connection>,
    pub(crate) completeness: watch::Sender<Completeness>,
    pub(crate) stop: CancellationToken,
    pub(crate) running: TaskTracker,
}

impl fmt::Debug for Shared {
    // By hand: it has a token, and every public type holds it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Shared {
    /// Every call of the public face begins with it.
    pub(crate) fn open(&self) -> Result<(), Error> {
        if self.stop.is_cancelled() { Err(Error::Closed) } else { Ok(()) }
    }

    /// The device's estimate of the relay's time.
    pub(crate) fn relay_time(&self) -> Timestamp {
        clock::now().plus_millis(self.clock_offset_ms.load(std::sync::atomic::Ordering::Relaxed))
    }

    pub(crate) fn remember_token(&self, token: Option<(String, Option<Timestamp>)>) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// Hands a call to the engine. Its queue is only full while it works on earlier ones.
    pub(crate) async fn tell_engine(&self, call: Call) {
        if self.calls.send(call).await.is_err() {
            tracing::debug!("the engine has ended");
        }
    }

    /// Makes a call over HTTP with an access token; one that is rejected is renewed once.
    pub(crate) async fn with_token<T, F>(&self, call: impl Fn(String) -> F + Send) -> Result<T, Error>
    where
        F: Future<Output = Result<T, HttpError>> + Send,
    {
        let mut why = TokenWanted::First;
        loop {
            let token = self.access_token(why).await?;
            match call(token).await {
                Err(HttpError::Status { status, .. })
                    if status == reqwest::StatusCode::UNAUTHORIZED && why == TokenWanted::First =>
                {
                    why = TokenWanted::Rejected;
                }
                answer => return answer.map_err(from_http),
            }
        }
    }

    async fn access_token(&self, why: TokenWanted) -> Result<String, Error> {
        let known = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let (TokenWanted::First, Some((token, expires_at))) = (why, known)
            && expires_at.is_none_or(|at| clock::now() < at)
        {
            return Ok(token);
        }
        match self.tokens.fetch(why).await {
            Ok((token, expires_at)) => {
                self.remember_token(Some((token.clone(), expires_at)));
                Ok(token)
            }
            Err(FetchError::Failed(TokenFailure::Transient { .. })) => Err(Error::Offline),
            Err(FetchError::Untrusted(detail)) => Err(untrusted(detail)),
            Err(FetchError::Failed(TokenFailure::Gone)) => {
                self.tell_engine(Call::Erased).await;
                Err(Error::SignedOut)
            }
            Err(
                FetchError::NoCredentials | FetchError::Failed(TokenFailure::Refused | TokenFailure::Revoked),
            ) => Err(Error::SignedOut),
        }
    }
}

/// No network mends it: whoever embeds the client has to be told.
fn untrusted(detail: String) -> Error {
    Error::Refused { code: crate::tls::UNTRUSTED.into(), detail }
}

pub(crate) fn from_http(error: HttpError) -> Error {
    match error {
        HttpError::Unreached(_) | HttpError::Unreadable => Error::Offline,
        HttpError::Untrusted(detail) => untrusted(detail),
        HttpError::Status { status, .. } if status == reqwest::StatusCode::UNAUTHORIZED => Error::SignedOut,
        HttpError::Status { status, .. } if status.is_server_error() => Error::Offline,
        HttpError::Status { status, code, detail, .. } => {
            let code = if code.is_empty() { status.as_u16().to_string() } else { code };
            Error::Refused { code, detail }
        }
    }
}
