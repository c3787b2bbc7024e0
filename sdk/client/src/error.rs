//! What can go wrong for a caller, by what the caller can do about it.

use crate::store::StoreError;

/// Why a call did not do what it says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The relay was not reached. What is durable is sent by itself; ask again for the rest.
    #[error("the relay was not reached; try again when there is a network")]
    Offline,
    /// There are no good credentials. Build the client again with new [`crate::Access`].
    #[error("the device is signed out; connect it again")]
    SignedOut,
    /// The relay or a limit said no.
    #[error("refused ({code}): {detail}")]
    #[non_exhaustive]
    Refused {
        /// The stable word.
        code: String,
        /// Why, as a sentence.
        detail: String,
    },
    /// The store on this device failed; nothing was half done.
    #[error("the inbox on this device cannot be used: {source}")]
    #[non_exhaustive]
    Storage {
        /// Whether it works again by itself: after space was made, after the other process is done, or after the
        /// client is built again, which sets a damaged file aside and fetches the inbox anew.
        recoverable: bool,
        /// What failed.
        fault: StorageFault,
        /// The store's own words.
        #[source]
        source: StorageError,
    },
    /// An argument makes no sense.
    #[error("{field}: {detail}")]
    #[non_exhaustive]
    Invalid {
        /// Which argument.
        field: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The client was closed.
    #[error("the client was closed")]
    Closed,
}

/// What failed in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StorageFault {
    /// No space is left.
    Full,
    /// The file is damaged.
    Corrupt,
    /// Another process held it for too long.
    Busy,
    /// The file cannot be opened, read or written.
    Unavailable,
}

/// The store's own words about a failure.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StorageError(Box<dyn std::error::Error + Send + Sync>);

impl Error {
    pub(crate) fn invalid(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid { field, detail: detail.into() }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let fault = error.fault();
        let recoverable = match fault {
            StorageFault::Full | StorageFault::Corrupt | StorageFault::Busy => true,
            StorageFault::Unavailable => false,
        };
        Self::Storage { recoverable, fault, source: StorageError(Box::new(error)) }
    }
}
