//! Channels beside the inbox: each kind of provider is one file that speaks its protocol and says what was answered.
//!
//! A provider hands one delivery over, once. It never waits longer than [`ATTEMPT_DEADLINE`], never tries again by
//! itself and never decides: what follows from its [`Outcome`] is the core's.

mod apns;
mod beside;
mod call;
mod counted;
mod dialer;
mod fcm;
mod http;
mod language;
pub(crate) mod links;
mod neutral;
mod signing;
mod smtp;
#[cfg(test)]
pub(crate) mod testing;
mod vendor;
#[cfg(test)]
mod vendor_server;
mod webhook;
pub(crate) mod webpush;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tidings_core::configuration::{Account, Provider as Settings};
use tidings_core::delivery::{Handover, Outcome};
use tidings_protocol::ProjectId;

pub use self::dialer::AuthoritiesError;
pub(crate) use self::dialer::{Dialer, DialerError};
pub(crate) use self::http::vendor_code;
pub(crate) use self::language::Language;
pub(crate) use self::signing::SigningKeys;
pub(crate) use self::webhook::post_signed;

/// How long one attempt may take: a slower provider has an outcome that is not known.
pub(crate) const ATTEMPT_DEADLINE: Duration = Duration::from_secs(20);

/// One account behind a channel, ready to be used. It is kept while its settings and secret stay the same, and so are
/// its connections and tokens.
#[async_trait]
pub(crate) trait Provider: Send + Sync + fmt::Debug {
    /// Hands one delivery over, once.
    async fn hand_over(&self, handover: &Handover, links: &Links) -> Outcome;
}

/// The ways out that a delivery carries: addresses of this relay, each with a token of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Links {
    /// Where this category is switched off on this channel, in one click; none for essential ones.
    pub(crate) unsubscribe: Option<String>,
    /// Addresses in a mail, and what stands for each so that it is counted; empty unless the category asks.
    pub(crate) counted: Vec<(String, String)>,
    /// The picture by which a mail tells that it was opened; none unless the category asks.
    pub(crate) opened: Option<String>,
}

/// What a provider is made of.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    /// Whose.
    pub(crate) project: &'a ProjectId,
    /// Its name in the document.
    pub(crate) name: &'a str,
    /// What the document says.
    pub(crate) settings: &'a Settings,
    /// The value of the secret that the document names; none if the document names none.
    pub(crate) password: Option<SecretString>,
    /// What the node says.
    pub(crate) outside: &'a Outside,
}

/// What all providers of a node share.
#[derive(Clone, Debug)]
pub(crate) struct Outside {
    /// The only way to an address that a project, recipient or device named.
    pub(crate) dialer: Arc<Dialer>,
    /// This relay, as others reach it.
    pub(crate) public_url: Arc<str>,
    /// Google's push service.
    pub(crate) fcm_url: Arc<str>,
    /// Apple's push service.
    pub(crate) apns_url: Arc<str>,
}

/// Makes a provider ready.
///
/// # Errors
/// What is wrong with its settings or secret, as the code of a [`Outcome::Misconfigured`].
pub(crate) fn open(opening: &Opening<'_>) -> Result<Arc<dyn Provider>, &'static str> {
    match &opening.settings.account {
        Account::Smtp(account) => smtp::open(opening, account),
        Account::Http(account) => http::open(opening, account),
        Account::Webhook(account) => webhook::open(opening, account),
        Account::Webpush(account) => webpush::open(opening, account),
        Account::Fcm(account) => fcm::open(opening, account),
        Account::Apns(account) => apns::open(opening, account),
    }
}
