//! What a session knows of its token. Tokens are verified outside of the core.

use tidings_protocol::frame::Bye;
use tidings_protocol::{DeviceId, Timestamp};

use crate::act::Refusal;
use crate::model::PersonKey;

/// Whose a valid access token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedDevice {
    /// Project and recipient.
    pub person: PersonKey,
    /// The one device that may use it, if it names one.
    pub device: Option<DeviceId>,
    /// When it was issued: tokens from before an erasure create nobody.
    pub issued_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// Why a token opens no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token of this relay, or is forged.
    #[error("the token is not valid: sign in again")]
    Invalid,
    /// It was good once.
    #[error("the token ran out: refresh it")]
    Expired,
    /// Its device was removed.
    #[error("the device was removed: sign in again")]
    Revoked,
    /// Its recipient was erased after it was issued.
    #[error("the account was erased")]
    Erased,
    /// It cannot be checked for the moment.
    #[error("tokens cannot be checked for the moment: try again")]
    Unavailable,
}

impl TokenError {
    /// What the device is told.
    #[must_use]
    pub const fn bye(self) -> Bye {
        match self {
            Self::Invalid => Bye::Unauthorized,
            Self::Expired => Bye::TokenExpired,
            Self::Revoked => Bye::Revoked,
            Self::Erased => Bye::Erased,
            Self::Unavailable => Bye::Restart,
        }
    }
}

/// How a session ends by a refusal that is about the device itself; none if it goes on.
pub(super) const fn ending(refusal: &Refusal) -> Option<Bye> {
    match refusal {
        Refusal::AccountErased => Some(Bye::Erased),
        Refusal::DeviceRevoked => Some(Bye::Revoked),
        Refusal::DeviceConflict => Some(Bye::DeviceConflict),
        Refusal::UnknownRecipient { .. } => Some(Bye::Unauthorized),
        Refusal::NotFound { .. }
        | Refusal::UnknownCategory { .. }
        | Refusal::UnknownTemplate { .. }
        | Refusal::EventConflict { .. }
        | Refusal::RepeatMismatch
        | Refusal::Precondition { .. }
        | Refusal::Stale { .. }
        | Refusal::Invalid { .. }
        | Refusal::Data { .. }
        | Refusal::Unavailable { .. }
        | Refusal::StorageFull => None,
    }
}
