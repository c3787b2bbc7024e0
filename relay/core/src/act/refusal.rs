//! Why an act was not done.

use tidings_protocol::RecipientId;

/// Why an act was not done. Each has a stable code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing in this project.
    #[error("there is no {what} {id}")]
    NotFound {
        /// `notification`, `send`, `recipient` …
        what: &'static str,
        /// What was asked for.
        id: Box<str>,
    },
    /// The project refuses recipients that it never saw.
    #[error(
        "{recipient} is not known here: make the recipient first, or set project.unknown_recipient to create"
    )]
    UnknownRecipient {
        /// Who.
        recipient: RecipientId,
    },
    /// The configuration has no such category.
    #[error("there is no category {category}")]
    UnknownCategory {
        /// Which.
        category: Box<str>,
        /// The nearest name.
        hint: Option<Box<str>>,
    },
    /// The configuration has no such template.
    #[error("there is no template {template}")]
    UnknownTemplate {
        /// Which.
        template: Box<str>,
        /// The nearest name.
        hint: Option<Box<str>>,
    },
    /// The same id came with other data.
    #[error("event {external_id} was accepted before with other data: give a new fact a new id")]
    EventConflict {
        /// The backend's id.
        external_id: Box<str>,
    },
    /// The same idempotency key came with another body.
    #[error("this Idempotency-Key was used with another body: use a new key")]
    RepeatMismatch,
    /// `If-Match` names another revision.
    #[error("the recipient changed since: read it again")]
    Precondition {
        /// The current revision.
        current: u64,
    },
    /// The grant refers to a policy that is not current, or was made before a withdrawal was seen.
    #[error("{detail}")]
    Stale {
        /// What to do.
        detail: Box<str>,
    },
    /// A field's value cannot be taken.
    #[error("{detail}")]
    Invalid {
        /// Where, as a JSON pointer.
        pointer: Box<str>,
        /// What is wrong and what to do.
        detail: Box<str>,
    },
    /// The recipient was erased after the token was issued.
    #[error("this account was erased")]
    AccountErased,
    /// The device was removed.
    #[error("this device was removed")]
    DeviceRevoked,
    /// Another installation uses this device id.
    #[error("another installation uses this device id: take a new one")]
    DeviceConflict,
    /// These rows could not be written.
    #[error("the store refuses these data: {detail}")]
    Data {
        /// What it said.
        detail: Box<str>,
    },
    /// The store cannot be used for the moment; nothing was done.
    #[error("{detail}")]
    Unavailable {
        /// What it said.
        detail: Box<str>,
    },
    /// There is no room to write it; nothing was done, and reading goes on.
    #[error("the relay's disk is full; reading goes on: free some space and ask again")]
    StorageFull,
}

impl Refusal {
    /// Whether nothing was done and the same may be asked again later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::StorageFull)
    }

    /// The stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::UnknownRecipient { .. } => "unknown_recipient",
            Self::UnknownCategory { .. } => "unknown_category",
            Self::UnknownTemplate { .. } => "unknown_template",
            Self::EventConflict { .. } => "event_conflict",
            Self::RepeatMismatch => "idempotency_mismatch",
            Self::Precondition { .. } => "precondition_failed",
            Self::Stale { .. } => "stale",
            Self::Invalid { .. } => "invalid",
            Self::AccountErased => "erased",
            Self::DeviceRevoked => "revoked",
            Self::DeviceConflict => "device_conflict",
            Self::Data { .. } => "data",
            Self::Unavailable { .. } => "unavailable",
            Self::StorageFull => "storage_full",
        }
    }
}
