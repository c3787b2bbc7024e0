//! What can go wrong in the file, told apart by what helps.

use crate::error::StorageFault;
use crate::seal::SealError;

/// A step in the file failed; nothing of it was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error("{0}")]
    File(#[from] std::io::Error),
    #[error(transparent)]
    Sealed(#[from] SealError),
    #[error("a stored value cannot be read: {0}")]
    Value(#[from] serde_json::Error),
    #[error("the file was written by a newer version of the client")]
    Newer,
}

impl StoreError {
    pub(crate) fn fault(&self) -> StorageFault {
        match self {
            Self::Sql(error) => sql_fault(error),
            Self::File(error) if error.kind() == std::io::ErrorKind::StorageFull => StorageFault::Full,
            Self::File(_) | Self::Newer => StorageFault::Unavailable,
            Self::Sealed(_) | Self::Value(_) => StorageFault::Corrupt,
        }
    }
}

/// SQLite's primary result codes: <https://www.sqlite.org/rescode.html>.
fn sql_fault(error: &sqlx::Error) -> StorageFault {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    match code.map(|code| code & 0xff) {
        Some(13) => StorageFault::Full,
        Some(11 | 26) => StorageFault::Corrupt,
        Some(5 | 6) => StorageFault::Busy,
        Some(_) => StorageFault::Unavailable,
        None if matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => {
            StorageFault::Corrupt
        }
        None => StorageFault::Unavailable,
    }
}
