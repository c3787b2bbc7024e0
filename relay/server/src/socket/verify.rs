//! What a socket asks of the sign-in: whose token is this?

use async_trait::async_trait;
pub use tidings_core::session::{TokenError, VerifiedDevice};

/// Checks access tokens.
#[async_trait]
pub trait TokenVerifier: Send + Sync {
    /// Whose a token is.
    ///
    /// # Errors
    /// [`TokenError`] says why it opens no session.
    async fn verify(&self, token: &str) -> Result<VerifiedDevice, TokenError>;
}
