//! What went wrong, as the window is told: a stable word for its own sentence, and the details for whoever asks.

use serde::{Deserialize, Serialize};
use tidings_sdk::{Error, StorageFault};
use ts_rs::TS;

/// Why a command did not do what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Problem {
    /// The stable word.
    pub code: String,
    /// Why, as a sentence in English.
    pub detail: String,
}

impl Problem {
    /// A problem with its word and its sentence.
    pub fn new(code: &str, detail: impl Into<String>) -> Self {
        Self { code: code.to_owned(), detail: detail.into() }
    }

    /// Of a file of the app's own.
    pub(crate) fn file(error: &std::io::Error) -> Self {
        let code =
            if error.kind() == std::io::ErrorKind::StorageFull { "storage_full" } else { "storage_failed" };
        Self::new(code, error.to_string())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Offline => Self::new("offline", detail),
            Error::SignedOut => Self::new("signed_out", detail),
            Error::Refused { code, detail, .. } => Self { code, detail },
            Error::Storage { fault, .. } => match fault {
                StorageFault::Full => Self::new("storage_full", detail),
                StorageFault::Corrupt => Self::new("storage_corrupt", detail),
                StorageFault::Busy => Self::new("storage_busy", detail),
                StorageFault::Unavailable | _ => Self::new("storage_failed", detail),
            },
            Error::Invalid { field, .. } => Self::new(&format!("invalid_{field}"), detail),
            Error::Closed => Self::new("closed", detail),
            _ => Self::new("failed", detail),
        }
    }
}
