//! Ids. Those that outside programs choose are bounded text; those that the relay makes are UUIDv7 printed as text.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::ID_BYTES_MAX;

/// Why a text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was written.
    #[error("an id has at least one character")]
    Empty,
    /// Longer than [`ID_BYTES_MAX`].
    #[error("an id has at most {ID_BYTES_MAX} bytes; this one has {actual}")]
    TooLong {
        /// How many it has.
        actual: usize,
    },
    /// A slash or a control character.
    #[error("an id has no '/' and no control characters")]
    Character,
    /// `.` and `..` mean something else in a path.
    #[error("'.' and '..' are not ids")]
    Dots,
}

impl IdError {
    /// How many bytes an id had that was too long, of the message about it: whoever reads JSON passes on the message alone.
    #[must_use]
    pub fn too_long_in(message: &str) -> Option<usize> {
        let (_, rest) = message.split_once("an id has at most 128 bytes; this one has ")?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse().ok()
    }
}

fn check(text: &str) -> Result<(), IdError> {
    match text {
        "" => Err(IdError::Empty),
        "." | ".." => Err(IdError::Dots),
        _ if text.len() > ID_BYTES_MAX => Err(IdError::TooLong { actual: text.len() }),
        _ if text.chars().any(|c| c == '/' || c.is_control()) => Err(IdError::Character),
        _ => Ok(()),
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Takes a text as an id.
            ///
            /// # Errors
            /// [`IdError`] if it is empty, too long, has a slash or a control character, or is `.` or `..`.
            pub fn new(text: impl Into<Arc<str>>) -> Result<Self, IdError> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }
        }

        impl From<uuid::Uuid> for $name {
            fn from(id: uuid::Uuid) -> Self {
                Self(id.hyphenated().to_string().into())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(text.into_owned()).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// One tenant.
    ProjectId,
    /// A person, by the backend's own id.
    RecipientId,
    /// A category of the configuration.
    CategoryId,
    /// A rule of the configuration.
    RuleId,
    /// A topic: a named set of recipients.
    TopicId,
    /// An accepted event; made by the relay. The backend's own id is a field of the event.
    EventId,
    /// A notification; made by the relay.
    NotificationId,
    /// A direct send or a fan-out; made by the relay.
    SendId,
    /// An entry of the consent ledger; made by the relay.
    EntryId,
    /// One installation of the client; proposed by the client, unique for its recipient.
    DeviceId,
    /// What a device asks for; made by the device, unique for it.
    OperationId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_bounded_from_both_sides() {
        assert_eq!(RecipientId::new(""), Err(IdError::Empty));
        assert!(RecipientId::new("a".repeat(128)).is_ok());
        assert_eq!(RecipientId::new("a".repeat(129)), Err(IdError::TooLong { actual: 129 }));
        assert_eq!(RecipientId::new("a/b"), Err(IdError::Character));
        assert_eq!(RecipientId::new("a\0b"), Err(IdError::Character));
        assert_eq!(RecipientId::new(".."), Err(IdError::Dots));
        assert!(RecipientId::new("...").is_ok());
    }
}
