//! What an error of SQLite means for the caller. The numbers are SQLite's result codes
//! (<https://www.sqlite.org/rescode.html>).

use tidings_core::ports::{CommitError, StoreError};

const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const IO: u32 = 10;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const TOO_BIG: u32 = 18;
const CONSTRAINT: u32 = 19;
const MISMATCH: u32 = 20;
const NOT_A_DATABASE: u32 = 26;
/// The index of the write-ahead log could not grow.
const IO_SHARED_MEMORY_SIZE: u32 = 4874;

/// The extended result code, if the database said one.
fn code(error: &sqlx::Error) -> Option<u32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// What a statement's error means.
pub(super) fn meaning(error: sqlx::Error) -> StoreError {
    let Some(code) = code(&error) else {
        let unreadable = matches!(
            error,
            sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_)
        );
        return if unreadable {
            StoreError::Damaged { detail: error.to_string() }
        } else {
            StoreError::Unavailable(Box::new(error))
        };
    };
    match code & 0xff {
        FULL => StoreError::Full,
        IO if code == IO_SHARED_MEMORY_SIZE => StoreError::Full,
        TOO_BIG | CONSTRAINT | MISMATCH => StoreError::Data { detail: error.to_string() },
        CORRUPT | NOT_A_DATABASE => StoreError::Damaged { detail: error.to_string() },
        _ => StoreError::Unavailable(Box::new(error)),
    }
}

/// What a commit's error means. Where the disk failed, the commit may or may not be found after the next start.
pub(super) fn commit_meaning(error: sqlx::Error) -> CommitError {
    match code(&error).map(|code| (code & 0xff, code)) {
        Some((BUSY | LOCKED | FULL | CONSTRAINT, _) | (IO, IO_SHARED_MEMORY_SIZE)) => {
            CommitError::RolledBack(meaning(error))
        }
        Some(_) | None => {
            tracing::error!(error = %error, "the outcome of a commit is not known");
            CommitError::Unknown
        }
    }
}
