//! A device's place in its recipient's inbox.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::CURSOR_BYTES_MAX;

/// An opaque text of at most [`CURSOR_BYTES_MAX`] bytes. Clients compare it for equality and never look inside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(Box<str>);

/// The text is empty, too long or has characters that no cursor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor of a relay")]
pub struct CursorError;

impl Cursor {
    /// Takes a text as a cursor.
    ///
    /// # Errors
    /// [`CursorError`] if it is empty, longer than the limit or not printable ASCII.
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, CursorError> {
        let text = text.into();
        let fits =
            !text.is_empty() && text.len() <= CURSOR_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(text)) } else { Err(CursorError) }
    }

    /// The cursor's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(text.into_owned()).map_err(serde::de::Error::custom)
    }
}
