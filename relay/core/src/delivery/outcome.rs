//! What one attempt came to.

use tidings_protocol::Span;

/// What one attempt came to, as the provider's protocol tells it. It says nothing about whether there is another attempt.
///
/// Codes are stable, short and of our own or the protocol's words (`smtp_450`, `http_503`, `unregistered`, `timeout`);
/// never a response body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took it.
    Accepted {
        /// The provider's own id for it, at most 200 bytes.
        provider_id: Option<Box<str>>,
        /// For how many it charges: the segments of a text message; 1 elsewhere.
        parts: u32,
    },
    /// Not now: the provider is overloaded, down, or asks to come again.
    Transient {
        /// What it said.
        code: Box<str>,
        /// When it asks to come again, counted from the answer.
        retry_after: Option<Span>,
    },
    /// Not now, and only this address: a device that gets too many, a full mailbox, a URL that fails. What goes to others
    /// may go.
    AddressBusy {
        /// What it said.
        code: Box<str>,
        /// When it asks to come again, counted from the answer.
        retry_after: Option<Span>,
    },
    /// The provider will never take this one: too large, refused content.
    Permanent {
        /// What it said.
        code: Box<str>,
    },
    /// Nobody is behind the address any more, so that it is not used again.
    AddressGone {
        /// What it said.
        code: Box<str>,
    },
    /// The account behind the channel is wrong, so that no delivery would go: a refused password, a missing secret.
    Misconfigured {
        /// What it said.
        code: Box<str>,
    },
    /// It may have arrived: the connection broke or the time ran out after it was sent.
    Unknown {
        /// What happened.
        code: Box<str>,
    },
}

impl Outcome {
    /// Taken, and counted as one.
    #[must_use]
    pub fn accepted(provider_id: Option<&str>) -> Self {
        let clean = |id: &str| id.chars().filter(|c| !c.is_control()).take(100).collect::<String>().into();
        let shortened = provider_id.map(clean);
        Self::Accepted { provider_id: shortened, parts: 1 }
    }

    /// Not now, without a wish of the provider's.
    #[must_use]
    pub fn transient(code: impl Into<Box<str>>) -> Self {
        Self::Transient { code: code.into(), retry_after: None }
    }

    /// The word for metrics and stories.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Transient { .. } => "transient",
            Self::AddressBusy { .. } => "address_busy",
            Self::Permanent { .. } => "permanent",
            Self::AddressGone { .. } => "address_gone",
            Self::Misconfigured { .. } => "misconfigured",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// What was said, if there was anything to say.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Accepted { .. } => None,
            Self::Transient { code, .. }
            | Self::AddressBusy { code, .. }
            | Self::Permanent { code }
            | Self::AddressGone { code }
            | Self::Misconfigured { code }
            | Self::Unknown { code } => Some(code),
        }
    }
}
