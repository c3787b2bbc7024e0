//! The socket `tidings.v1`: text frames, one JSON object each, told apart by `t`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::item::Item;
use crate::operation::Refused;
use crate::tagged::{self, Tagged};
use crate::{Cursor, DeviceId, OperationId, Timestamp};

/// The subprotocol that both sides name in the handshake.
pub const SUBPROTOCOL: &str = "tidings.v1";

/// From a device to the relay. Since 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum DeviceFrame {
    /// The first frame, within five seconds.
    Hello(Box<Hello>),
    /// Everything up to here is durable on the device.
    Held {
        /// The device's cursor.
        cursor: Cursor,
    },
    /// Operations, in the device's order. Each is read on its own by [`crate::operation::Operation::read`].
    Ops {
        /// The operations.
        ops: Vec<Value>,
    },
    /// A newer access token for this session.
    Token {
        /// The token.
        token: String,
    },
    /// Start again from here.
    Resume {
        /// The device's cursor, or none for everything.
        #[serde(default)]
        cursor: Option<Cursor>,
    },
    /// A person is at this device.
    Active {
        /// Until when, by the device's estimate.
        until: Timestamp,
    },
    /// A frame that this version does not know; skipped and counted.
    #[serde(other)]
    Unknown,
}

/// Who a device is and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// An access token, if the handshake had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// This installation.
    pub device: DeviceId,
    /// `linux`, `android`, `shell` …
    #[serde(default, deserialize_with = "or_default")]
    pub platform: String,
    /// A random text made at installation: two installations with one id are told apart by it.
    #[serde(default, deserialize_with = "or_default")]
    pub nonce: String,
    /// Where the device stands; none means everything.
    #[serde(default)]
    pub cursor: Option<Cursor>,
    /// Name and version of the client.
    #[serde(default, deserialize_with = "or_default")]
    pub sdk: String,
    /// The item kinds that the device understands.
    #[serde(default, deserialize_with = "or_default")]
    pub understands: Vec<String>,
}

/// What is null is as good as absent.
pub(crate) fn or_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// From the relay to a device. Since 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "t", rename_all = "snake_case")]
pub enum RelayFrame {
    /// The answer to `hello`.
    Welcome {
        /// This session's id, for logs.
        session: String,
        /// The relay's clock.
        server_time: Timestamp,
        /// The end of the inbox.
        head: Cursor,
        /// Whether the changes that follow begin from nothing.
        reset: bool,
        /// How often the relay pings, in seconds.
        ping_seconds: u32,
        /// What this relay can do beyond the first version.
        features: Vec<String>,
    },
    /// A page of changes.
    Changes(ChangesPage),
    /// The answer to `ops`.
    Done {
        /// Took effect.
        done: Vec<OperationId>,
        /// Did not.
        refused: Vec<Refused>,
    },
    /// The relay is about to close.
    Bye {
        /// Why.
        code: Bye,
        /// When to come back, in milliseconds.
        reconnect_after_ms: u64,
    },
    /// A frame that this version does not know; skipped and counted.
    #[serde(other)]
    Unknown,
}

impl Tagged for RelayFrame {
    const TAG: &'static str = "t";
    const LARGEST: &'static str = "changes";
    type Largest = ChangesPage;

    fn largest(page: ChangesPage) -> Self {
        Self::Changes(page)
    }

    fn any<'de, D: Deserializer<'de>>(fields: D) -> Result<Self, D::Error> {
        Self::deserialize(fields)
    }
}

impl<'de> Deserialize<'de> for RelayFrame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        tagged::deserialize(deserializer)
    }
}

impl Serialize for RelayFrame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

/// A page of changes, the same over socket and HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangesPage {
    /// Applied only if this is the device's cursor; none if the page begins from nothing.
    pub from: Option<Cursor>,
    /// The device's cursor after it.
    pub to: Cursor,
    /// Whether another page follows.
    pub more: bool,
    /// Whether this page belongs to a reset: what no page of it names is gone.
    pub reset: bool,
    /// The changes, in order.
    pub items: Vec<Item>,
}

/// Why the relay closes a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bye {
    /// The relay stops; come back.
    Restart,
    /// The same device opened a newer session.
    Replaced,
    /// No valid token.
    Unauthorized,
    /// The token ran out; bring a new one.
    TokenExpired,
    /// The device was removed.
    Revoked,
    /// The recipient has too many sessions.
    TooManySessions,
    /// The recipient was erased: wipe.
    Erased,
    /// Another installation uses this device id: take a new one.
    DeviceConflict,
    /// The device does not read.
    Slow,
    /// A frame that cannot be read.
    ProtocolError,
    /// A code that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Bye {
    /// The word as the contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Replaced => "replaced",
            Self::Unauthorized => "unauthorized",
            Self::TokenExpired => "token_expired",
            Self::Revoked => "revoked",
            Self::TooManySessions => "too_many_sessions",
            Self::Erased => "erased",
            Self::DeviceConflict => "device_conflict",
            Self::Slow => "slow",
            Self::ProtocolError => "protocol_error",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unknown_frame_is_read_as_unknown() {
        assert_eq!(
            serde_json::from_value::<DeviceFrame>(json!({"t": "dance", "x": 1})).unwrap(),
            DeviceFrame::Unknown
        );
        assert_eq!(serde_json::from_value::<RelayFrame>(json!({"t": "sing"})).unwrap(), RelayFrame::Unknown);
    }

    #[test]
    fn a_hello_needs_no_more_than_a_device() {
        let frame = serde_json::from_value(json!({"t": "hello", "device": "laptop"})).unwrap();
        let DeviceFrame::Hello(hello) = frame else { panic!("not a hello") };
        assert_eq!(hello.cursor, None);
        let nulls = json!({"t": "hello", "device": "laptop", "platform": null, "nonce": null, "sdk": null,
            "understands": null, "cursor": null, "token": null});
        let Ok(DeviceFrame::Hello(same)) = serde_json::from_value(nulls) else {
            panic!("null is as good as absent")
        };
        assert_eq!(same, hello);
    }

    #[test]
    fn bye_prints_the_contract_word() {
        assert_eq!(serde_json::to_value(Bye::TooManySessions).unwrap(), Bye::TooManySessions.as_str());
    }
}
