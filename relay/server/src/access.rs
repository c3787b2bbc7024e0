//! Who may: API keys of backends, tokens of devices.
//!
//! A key is found by its HMAC in memory; the store is asked at the start and after each change. A token names its key by
//! `kid`, and a `kid` fixes the algorithm, so a token cannot choose how it is verified.

mod directory;
mod token;

use std::fmt;
use std::str::FromStr;

use tidings_protocol::ProjectId;

pub(crate) use self::directory::Directory;
pub(crate) use self::token::{ACCESS_TOKEN_MILLIS_MAX, DeviceCaller, TokenKeeper, secret_name};
use crate::vault::random_text;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Configure,
    Consent,
    Erase,
    Operate,
    Read,
    Recipients,
    Send,
    Tokens,
}

/// A backend that showed a valid key.
#[derive(Clone, Debug)]
pub(crate) struct KeyCaller {
    pub(crate) id: Box<str>,
    pub(crate) project: ProjectId,
    pub(crate) sandbox: bool,
    pub(crate) scopes: Vec<Scope>,
}

impl Scope {
    /// Every scope, by its word.
    pub(crate) const ALL: [Self; 8] = [
        Self::Configure,
        Self::Consent,
        Self::Erase,
        Self::Operate,
        Self::Read,
        Self::Recipients,
        Self::Send,
        Self::Tokens,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Configure => "configure",
            Self::Consent => "consent",
            Self::Erase => "erase",
            Self::Operate => "operate",
            Self::Read => "read",
            Self::Recipients => "recipients",
            Self::Send => "send",
            Self::Tokens => "tokens",
        }
    }

    /// What the keys of one project may do: everything but making other projects.
    pub(crate) fn of_project() -> Vec<Self> {
        Self::ALL.into_iter().filter(|scope| *scope != Self::Operate).collect()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(())
    }
}

impl KeyCaller {
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// A new API key.
pub(crate) fn new_key(sandbox: bool) -> String {
    format!("{}{}", if sandbox { SANDBOX_PREFIX } else { LIVE_PREFIX }, random_text())
}

/// Whether a text looks like an API key, so that it is worth hashing.
pub(crate) fn is_key(text: &str) -> bool {
    text.starts_with(LIVE_PREFIX) || text.starts_with(SANDBOX_PREFIX)
}

const LIVE_PREFIX: &str = "tdk_live_";
const SANDBOX_PREFIX: &str = "tdk_test_";
