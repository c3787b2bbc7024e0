//! What a client decides, without doing any of it: when to connect and from where to resume, which operations to
//! send, what to show, and what the inbox looks like before the relay has answered.
//!
//! There is no I/O, clock, randomness or thread here. Time and jitter are parameters; what is to be done comes out as
//! commands, in the order in which it has to become durable. `tidings-sdk` acts on them on a device, the simulation
//! acts on them under virtual time.
#![deny(missing_docs)]

pub mod answered;
pub mod backoff;
pub mod completeness;
pub mod outbox;
pub mod present;
pub mod store;
pub mod sync;
#[cfg(test)]
mod testing;
pub mod view;

pub use backoff::{Backoff, Jitter};
pub use completeness::Completeness;
pub use outbox::{Outbox, OutboxFull, Queued};
pub use present::{Candidate, Decision, OnScreen};
pub use store::{Applied, Batch, DeviceStore, Identity, Loaded, MemoryDeviceStore, Row, Screen, Settlement};
pub use sync::{Command, Connection, Settings, SignedOut, Sync, TokenFailure, TokenWanted};
pub use view::LocalView;
