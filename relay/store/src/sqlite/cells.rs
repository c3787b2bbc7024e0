//! Reads the cells of a row from left to right. A cell that cannot be read is damage, never a default.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};
use tidings_core::ports::StoreError;
use tidings_protocol::Timestamp;

/// A place in a row.
pub(super) struct Cells<'r> {
    row: &'r SqliteRow,
    next: usize,
}

impl<'r> Cells<'r> {
    pub(super) const fn of(row: &'r SqliteRow) -> Self {
        Self { row, next: 0 }
    }

    /// The cells behind so many.
    pub(super) const fn after(row: &'r SqliteRow, cells: usize) -> Self {
        Self { row, next: cells }
    }

    pub(super) fn cell<T: Decode<'r, Sqlite> + Type<Sqlite>>(&mut self) -> Result<T, StoreError> {
        let column = self.next;
        self.next += 1;
        self.row.try_get(column).map_err(|error| damaged(format!("column {column}: {error}")))
    }

    pub(super) fn text(&mut self) -> Result<Box<str>, StoreError> {
        self.cell::<&str>().map(Into::into)
    }

    pub(super) fn text_maybe(&mut self) -> Result<Option<Box<str>>, StoreError> {
        self.cell::<Option<&str>>().map(|text| text.map(Into::into))
    }

    /// An id or a word.
    pub(super) fn word<T: FromStr>(&mut self) -> Result<T, StoreError> {
        parsed(self.cell()?)
    }

    pub(super) fn word_maybe<T: FromStr>(&mut self) -> Result<Option<T>, StoreError> {
        self.cell::<Option<&str>>()?.map(parsed).transpose()
    }

    pub(super) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, StoreError> {
        let number = self.cell::<i64>()?;
        T::try_from(number).map_err(|_| damaged(format!("the number {number} is out of range")))
    }

    pub(super) fn number_maybe<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, StoreError> {
        let number = self.cell::<Option<i64>>()?;
        number
            .map(|number| {
                T::try_from(number).map_err(|_| damaged(format!("the number {number} is out of range")))
            })
            .transpose()
    }

    pub(super) fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.cell().map(Timestamp::from_millis)
    }

    pub(super) fn time_maybe(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.cell::<Option<i64>>().map(|at| at.map(Timestamp::from_millis))
    }

    pub(super) fn hash(&mut self) -> Result<[u8; 32], StoreError> {
        self.cell::<&[u8]>()?.try_into().map_err(|_| damaged("a hash has 32 bytes".to_owned()))
    }

    /// A packed field.
    pub(super) fn json<T: DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        from_json(self.cell()?)
    }

    pub(super) fn json_maybe<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        self.cell::<Option<&str>>()?.map(from_json).transpose()
    }
}

/// Reads a word or id that the store wrote.
pub(super) fn parsed<T: FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| {
        damaged(format!("the word {:?} is not known", text.chars().take(64).collect::<String>()))
    })
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| damaged(format!("a packed field: {error}")))
}

/// Packs a field.
pub(super) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("texts, numbers and maps with texts as keys are always JSON")
}

pub(super) fn damaged(detail: String) -> StoreError {
    StoreError::Damaged { detail }
}
