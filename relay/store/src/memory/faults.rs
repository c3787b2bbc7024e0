//! What may go wrong at each call of a port, decided by the simulation.

use async_trait::async_trait;

/// Decides what a call meets. It may wait first: that is where the simulation switches between nodes.
#[async_trait]
pub trait Faults: Send + Sync {
    /// Called at the beginning of each port call.
    async fn at(&self, call: PortCall) -> Fault;
}

/// Which call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortCall {
    /// A transaction is to begin.
    Begin,
    /// A transaction reads.
    Read,
    /// A transaction writes.
    Write,
    /// A transaction is to be committed.
    Commit,
    /// Whether a batch was committed.
    Committed,
    /// A page of an inbox, or heads.
    Inbox,
    /// Stories, events and the feed.
    Story,
    /// Consents and exports.
    Consent,
    /// Work that is due.
    Due,
    /// The books.
    Books,
    /// Projects, keys, configurations and secrets.
    Registry,
    /// The sign-in of devices.
    SignIn,
}

/// What a call meets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing goes wrong.
    #[default]
    None,
    /// The call fails and nothing was written.
    Fail,
    /// There is no room; nothing was written.
    Full,
    /// A commit takes effect, but the caller does not hear so. At any other call nothing goes wrong.
    AnswerLost,
}

/// Nothing ever goes wrong.
pub(super) struct NoFaults;

#[async_trait]
impl Faults for NoFaults {
    async fn at(&self, _call: PortCall) -> Fault {
        Fault::None
    }
}
