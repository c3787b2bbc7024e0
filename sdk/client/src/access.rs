//! How a device proves who it is.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Why a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessWanted {
    /// There is none yet.
    First,
    /// The one in use runs out.
    Expiring,
    /// The relay did not take the last one.
    Rejected,
}

/// What an embedder's own sign-in says.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessAnswer {
    /// An access token for this recipient.
    Token(String),
    /// None at the moment; ask again later.
    Later,
    /// The recipient is signed out.
    SignedOut,
}

impl fmt::Debug for AccessAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(…)",
            Self::Later => "Later",
            Self::SignedOut => "SignedOut",
        })
    }
}

impl From<String> for AccessAnswer {
    fn from(token: String) -> Self {
        Self::Token(token)
    }
}

impl From<Option<String>> for AccessAnswer {
    fn from(token: Option<String>) -> Self {
        token.map_or(Self::Later, Self::Token)
    }
}

/// How a device proves who it is.
#[derive(Clone)]
pub struct Access(pub(crate) Way);

#[derive(Clone)]
pub(crate) enum Way {
    Code(String),
    Saved,
    Token(String),
    Callback(Arc<Ask>),
}

pub(crate) type Ask =
    dyn Fn(AccessWanted) -> Pin<Box<dyn Future<Output = AccessAnswer> + Send>> + Send + Sync;

impl Access {
    /// A connect code, as `tidings connect` prints it. It is exchanged at the first connection; the credentials that
    /// it gives are kept in the store and renewed there, so that giving the same code again does no harm.
    #[must_use]
    pub fn code(code: impl Into<String>) -> Self {
        Self(Way::Code(code.into()))
    }

    /// What an earlier run stored.
    #[must_use]
    pub const fn saved() -> Self {
        Self(Way::Saved)
    }

    /// One fixed access token. When the relay does not take it any more, the client is signed out.
    #[must_use]
    pub fn token(token: impl Into<String>) -> Self {
        Self(Way::Token(token.into()))
    }

    /// The embedder's own backend issues tokens. The function is called whenever one is wanted, off the client's
    /// locks; a call that takes longer than 30 seconds counts as [`AccessAnswer::Later`].
    #[must_use]
    pub fn callback<F, R>(ask: F) -> Self
    where
        F: Fn(AccessWanted) -> R + Send + Sync + 'static,
        R: Future<Output: Into<AccessAnswer>> + Send + 'static,
    {
        Self(Way::Callback(Arc::new(move |why| {
            let answer = ask(why);
            Box::pin(async move { answer.await.into() })
        })))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Way::Code(_) => "Access::code(…)",
            Way::Saved => "Access::saved()",
            Way::Token(_) => "Access::token(…)",
            Way::Callback(_) => "Access::callback(…)",
        })
    }
}
