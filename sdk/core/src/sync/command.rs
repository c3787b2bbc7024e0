//! What the machine asks its embedder to do, and what it says about itself.

use std::fmt;
use std::sync::Arc;

use tidings_protocol::Timestamp;
use tidings_protocol::frame::DeviceFrame;

use crate::store::{Batch, Settlement};

/// One thing to do. Commands come out in the order in which they have to be done.
#[derive(Clone, PartialEq)]
pub enum Command {
    /// Read the store; answer with `handle_loaded`.
    Load,
    /// Bring an access token; answer with `handle_token` or `handle_token_failed`.
    FetchToken {
        /// Why.
        why: TokenWanted,
    },
    /// Open a socket with this token; answer with `handle_opened` or `handle_closed`.
    Connect {
        /// Which connection this is; every event of it carries the number.
        attempt: u64,
        /// The access token for `Authorization`.
        token: String,
    },
    /// Close this connection; nothing of it is wanted any more.
    Disconnect {
        /// Which connection.
        attempt: u64,
    },
    /// Send a frame.
    Send {
        /// On which connection; on any other it is dropped.
        attempt: u64,
        /// The frame.
        frame: DeviceFrame,
    },
    /// Store this; answer with `handle_applied`. No second one comes before the answer. The machine looks at it again then,
    /// and a batch is too large to have it twice.
    Apply(Arc<Batch>),
    /// Forget these operations in the store; answer with `handle_settled`.
    Settle(Settlement),
    /// Remember in the store that the relay was heard; needs no answer.
    RememberContact {
        /// When.
        at: Timestamp,
        /// The relay's clock minus the device's, in milliseconds.
        clock_offset_ms: i64,
    },
    /// Look at the screen again: rows changed.
    Present,
    /// Another installation uses this device's id: make and store a new id and nonce; answer with `handle_identity`.
    NewIdentity,
    /// Delete content and cursor, keep the outbox; answer with `handle_dropped`.
    DropContent,
    /// Delete everything: the recipient was erased. Needs no answer.
    Wipe,
}

/// Why a token is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenWanted {
    /// There is none yet.
    First,
    /// The one in use runs out.
    Expiring,
    /// The relay did not take it.
    Rejected,
}

/// Why no token came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFailure {
    /// It may come later.
    Transient {
        /// When the relay wants to be asked again, in milliseconds, if it said so.
        retry_after_ms: Option<i64>,
    },
    /// The credentials are not good any more.
    Refused,
    /// This device was removed.
    Revoked,
    /// The account is gone: everything of it is to be deleted.
    Gone,
}

/// How the device stands with the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Connected and complete.
    Live,
    /// Connected, pages are on their way.
    CatchingUp,
    /// Not connected.
    Offline {
        /// Since when, if it is known.
        since: Option<Timestamp>,
        /// When the next try is; none means that it is being tried, or that nothing is tried.
        next_try: Option<Timestamp>,
    },
    /// It will not connect by itself.
    SignedOut {
        /// Why.
        why: SignedOut,
    },
}

/// Why a device is signed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedOut {
    /// There were never any credentials, or the recipient signed out.
    NoCredentials,
    /// The credentials are not good any more.
    Unauthorized,
    /// The device was removed by the recipient or an operator.
    Revoked,
    /// The recipient was erased; everything was wiped.
    Erased,
}

/// What does not change while the machine lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `linux`, `android`, `shell` …
    pub platform: String,
    /// Name and version of the client.
    pub sdk: String,
}

/// The item kinds that this client understands.
pub(super) const UNDERSTANDS: [&str; 5] = ["notification", "retracted", "settings", "read_up_to", "erased"];

impl fmt::Debug for Command {
    // By hand: a token must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load => f.write_str("Load"),
            Self::FetchToken { why } => write!(f, "FetchToken({why:?})"),
            Self::Connect { attempt, .. } => write!(f, "Connect({attempt})"),
            Self::Disconnect { attempt } => write!(f, "Disconnect({attempt})"),
            Self::Send { attempt, frame: DeviceFrame::Token { .. } } => write!(f, "Send({attempt}, Token)"),
            Self::Send { attempt, frame } => write!(f, "Send({attempt}, {frame:?})"),
            Self::Apply(batch) => write!(f, "Apply({:?} -> {})", batch.expected, batch.to),
            Self::Settle(settlement) => {
                write!(f, "Settle({} done, {} refused)", settlement.done.len(), settlement.refused.len())
            }
            Self::RememberContact { at, .. } => write!(f, "RememberContact({at})"),
            Self::Present => f.write_str("Present"),
            Self::NewIdentity => f.write_str("NewIdentity"),
            Self::DropContent => f.write_str("DropContent"),
            Self::Wipe => f.write_str("Wipe"),
        }
    }
}
