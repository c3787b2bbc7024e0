//! What the embedder's own code brings: tokens, a place for secrets, a push address.
//!
//! Each call is made on a thread where waiting harms nobody. It may throw, block or never return: the client then goes
//! on as without an answer. One call of a kind is under way at a time; while one blocks, no other is begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tidings_sdk::{AccessAnswer, AccessWanted, SecretStoreError};

use crate::border::Foreign;

/// The embedder's code threw something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum EmbedderError {
    /// It failed.
    #[error("{text}")]
    Failed {
        /// In its own words.
        text: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for EmbedderError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { text: error.reason }
    }
}

/// Why a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum TokenWanted {
    /// There is none yet.
    First,
    /// The one in use runs out.
    Expiring,
    /// The relay did not take the last one.
    Rejected,
}

/// What the embedder's own sign-in says.
#[derive(Clone, PartialEq, Eq, uniffi::Enum)]
pub enum TokenAnswer {
    /// An access token for this recipient.
    Token {
        /// The token.
        token: String,
    },
    /// None at the moment; ask again later.
    Later,
    /// The recipient is signed out.
    SignedOut,
}

/// The embedder's own backend issues tokens.
#[uniffi::export(with_foreign)]
pub trait ForeignTokenSource: Send + Sync {
    /// Brings a token. May block for up to 30 seconds; what takes longer, or throws, counts as `Later`.
    fn token(&self, why: TokenWanted) -> Result<TokenAnswer, EmbedderError>;
}

/// The system's keychain, or what stands for it.
#[uniffi::export(with_foreign)]
pub trait ForeignSecretStore: Send + Sync {
    /// What was saved under a name; none if nothing was.
    fn load(&self, name: String) -> Result<Option<Vec<u8>>, EmbedderError>;

    /// Keeps a secret under a name, in the place of an older one.
    fn save(&self, name: String, secret: Vec<u8>) -> Result<(), EmbedderError>;
}

/// Knows where the system's push service reaches this device.
#[uniffi::export(with_foreign)]
pub trait ForeignPushEndpoint: Send + Sync {
    /// The address, a push subscription as JSON text, `fcm:TOKEN` or `apns:TOKEN`; none if there is none now. May block for up
    /// to 30 seconds.
    fn address(&self) -> Result<Option<String>, EmbedderError>;
}

/// Lets one call through at a time. A call that never returns costs one thread and not all of them.
#[derive(Clone, Default)]
struct Turnstile(Arc<AtomicBool>);

impl Turnstile {
    /// Runs foreign code on a thread of its own; none if an earlier call is still there, or this one broke off.
    async fn pass<T: Send + 'static>(&self, call: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        if self.0.swap(true, Ordering::AcqRel) {
            return None;
        }
        let inside = Inside(self.clone());
        let called = tokio::task::spawn_blocking(move || {
            let _inside = inside;
            call()
        });
        called.await.ok()
    }
}

struct Inside(Turnstile);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Release);
    }
}

/// The SDK's callback for a foreign source of tokens.
pub(crate) fn access(source: Arc<dyn ForeignTokenSource>) -> tidings_sdk::Access {
    let (source, turnstile) = (Arc::new(Foreign::new(source)), Turnstile::default());
    tidings_sdk::Access::callback(move |why| {
        let (source, turnstile) = (Arc::clone(&source), turnstile.clone());
        async move {
            let why = match why {
                AccessWanted::Expiring => TokenWanted::Expiring,
                AccessWanted::Rejected => TokenWanted::Rejected,
                AccessWanted::First | _ => TokenWanted::First,
            };
            match turnstile.pass(move || source.call(|source| source.token(why))).await.flatten() {
                Some(Ok(TokenAnswer::Token { token })) => AccessAnswer::Token(token),
                Some(Ok(TokenAnswer::SignedOut)) => AccessAnswer::SignedOut,
                Some(Ok(TokenAnswer::Later)) => AccessAnswer::Later,
                Some(Err(error)) => {
                    tracing::warn!(%error, "the source of tokens failed; it is asked again later");
                    AccessAnswer::Later
                }
                None => {
                    tracing::warn!("the source of tokens still works on an earlier call, or is gone");
                    AccessAnswer::Later
                }
            }
        }
    })
}

/// The SDK's keychain for a foreign one.
pub(crate) struct Keychain(pub(crate) Foreign<dyn ForeignSecretStore>);

impl tidings_sdk::SecretStore for Keychain {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, SecretStoreError> {
        answer(self.0.call(|store| store.load(name.to_owned())))
    }

    fn save(&self, name: &str, secret: &[u8]) -> Result<(), SecretStoreError> {
        answer(self.0.call(|store| store.save(name.to_owned(), secret.to_vec())))
    }
}

fn answer<T>(answer: Option<Result<T, EmbedderError>>) -> Result<T, SecretStoreError> {
    let answer = answer.ok_or_else(|| SecretStoreError("the program ends".into()))?;
    answer.map_err(|error| SecretStoreError(error.to_string()))
}

/// Asks a foreign provider for the push address.
pub(crate) async fn push_address(provider: Arc<Foreign<dyn ForeignPushEndpoint>>) -> Option<String> {
    match Turnstile::default().pass(move || provider.call(|provider| provider.address())).await.flatten() {
        Some(Ok(address)) => address,
        Some(Err(error)) => {
            tracing::warn!(%error, "the push address is not known");
            None
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn while_a_call_blocks_no_other_is_begun_and_after_it_they_go_on() {
        let turnstile = Turnstile::default();
        let (release, blocked) = channel::<()>();
        let (entered, inside) = tokio::sync::oneshot::channel();
        let first = {
            let turnstile = turnstile.clone();
            async move {
                let blocking = move || {
                    entered.send(()).unwrap();
                    blocked.recv()
                };
                turnstile.pass(blocking).await
            }
        };
        let others = async {
            inside.await.unwrap();
            assert_eq!(turnstile.pass(|| 1).await, None);
            drop(release);
        };
        assert!(tokio::join!(first, others).0.is_some());
        assert_eq!(turnstile.pass(|| 2).await, Some(2));
    }

    #[tokio::test]
    async fn a_call_that_breaks_off_leaves_the_way_free() {
        let turnstile = Turnstile::default();
        let broken: Option<()> = turnstile.pass(|| std::panic::resume_unwind(Box::new("broken"))).await;
        assert_eq!(broken, None);
        assert_eq!(turnstile.pass(|| 2).await, Some(2));
    }
}
