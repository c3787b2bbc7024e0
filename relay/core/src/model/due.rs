//! Work that waits for its time.

use tidings_protocol::{EventId, NotificationId, RuleId, Timestamp};

use super::PersonKey;

/// What becomes due. There is at most one row for each key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DueKey {
    /// A hold ends: the notification is decided anew.
    Release(NotificationId),
    /// The next step of a plan.
    Step(NotificationId),
    /// The next showing of a step that repeats.
    Repeat(NotificationId),
    /// A digest closes. It is known by its own id, which its members carry.
    Digest(NotificationId),
    /// The next chunk of a fan-out.
    FanOut(EventId, Option<RuleId>),
}

/// In which lane a row waits, so that no kind of work delays another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Holds and digests.
    Release,
    /// Steps.
    Step,
    /// Fan-outs.
    FanOut,
}

/// One row of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRow {
    /// What.
    pub key: DueKey,
    /// For whom; a fan-out has the recipient at which it stands, or the event's id before its first.
    pub person: PersonKey,
    /// When.
    pub at: Timestamp,
}

impl DueKey {
    /// The notification that it is work of, if it is of one.
    #[must_use]
    pub const fn notification(&self) -> Option<&NotificationId> {
        match self {
            Self::Release(id) | Self::Step(id) | Self::Repeat(id) => Some(id),
            Self::Digest(_) | Self::FanOut(..) => None,
        }
    }

    /// The lane of this kind of work.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        match self {
            Self::Release(_) | Self::Digest(_) => Lane::Release,
            Self::Step(_) | Self::Repeat(_) => Lane::Step,
            Self::FanOut(..) => Lane::FanOut,
        }
    }
}
