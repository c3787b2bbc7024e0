//! What can go wrong, by what a caller can do about it: the SDK's variants, each with a stable word and a sentence.

use tidings_sdk::{Error as SdkError, StorageFault};

/// Why a call did not do what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum ClientError {
    /// The relay was not reached. What is durable is sent by itself; ask again for the rest.
    #[error("{text}")]
    Offline {
        /// The stable word, `offline`.
        code: String,
        /// A sentence.
        text: String,
    },
    /// There are no good credentials. Open the client again with new access.
    #[error("{text}")]
    SignedOut {
        /// The stable word, `signed_out`.
        code: String,
        /// A sentence.
        text: String,
    },
    /// The relay or a limit said no.
    #[error("{text}")]
    Refused {
        /// The stable word for why: `untrusted_certificate`, `outbox_full`, `secret_store`, or one of the relay's.
        code: String,
        /// A sentence.
        text: String,
    },
    /// The store on this device failed; nothing was half done.
    #[error("{text}")]
    Storage {
        /// The stable word for what failed: `full`, `corrupt`, `busy` or `unavailable`.
        code: String,
        /// A sentence.
        text: String,
        /// Whether it works again after space was made, after another process is done, or after opening again.
        recoverable: bool,
    },
    /// An argument makes no sense.
    #[error("{text}")]
    Invalid {
        /// The stable word, `invalid`.
        code: String,
        /// A sentence.
        text: String,
        /// Which argument.
        field: String,
    },
    /// The client was closed.
    #[error("{text}")]
    Closed {
        /// The stable word, `closed`.
        code: String,
        /// A sentence.
        text: String,
    },
}

impl ClientError {
    pub(crate) fn closed() -> Self {
        Self::from(SdkError::Closed)
    }

    pub(crate) fn invalid(field: &str, detail: &str) -> Self {
        let text = format!("{field}: {detail}");
        Self::Invalid { code: "invalid".into(), text, field: field.into() }
    }

    pub(crate) fn unavailable(text: String) -> Self {
        Self::Storage { code: "unavailable".into(), text, recoverable: false }
    }
}

impl From<SdkError> for ClientError {
    fn from(error: SdkError) -> Self {
        let text = error.to_string();
        match error {
            SdkError::Offline => Self::Offline { code: "offline".into(), text },
            SdkError::SignedOut => Self::SignedOut { code: "signed_out".into(), text },
            SdkError::Refused { code, .. } => Self::Refused { code, text },
            SdkError::Storage { recoverable, fault, .. } => {
                Self::Storage { code: word(fault).into(), text, recoverable }
            }
            SdkError::Invalid { field, .. } => {
                Self::Invalid { code: "invalid".into(), text, field: field.into() }
            }
            SdkError::Closed => Self::Closed { code: "closed".into(), text },
            // The SDK may tell of more one day; a caller that does not know it can only try again.
            other => Self::Refused { code: "unknown".into(), text: other.to_string() },
        }
    }
}

const fn word(fault: StorageFault) -> &'static str {
    match fault {
        StorageFault::Full => "full",
        StorageFault::Corrupt => "corrupt",
        StorageFault::Busy => "busy",
        StorageFault::Unavailable | _ => "unavailable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_word_and_its_sentence() {
        let closed = ClientError::closed();
        assert_eq!(
            closed,
            ClientError::Closed { code: "closed".into(), text: "the client was closed".into() }
        );
        let ClientError::SignedOut { code, text } = ClientError::from(SdkError::SignedOut) else { panic!() };
        assert_eq!(code, "signed_out");
        assert!(text.contains("connect it again"), "{text}");
    }
}
