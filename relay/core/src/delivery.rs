//! What leaves the relay: one delivery handed over to one provider, what came of it, and what follows from that.
//!
//! A provider only tells what its own protocol answered ([`Outcome`]). Whether there is another attempt, when, and with
//! which provider is decided here.

mod choice;
mod handover;
mod host;
mod mailbox;
mod outcome;
pub mod retry;
mod same_address;

pub use choice::{WEBPUSH, cost, provider, providers};
pub use handover::{Form, Handover, PushForm, WebhookForm};
pub use host::host;
pub use mailbox::{ADDRESS_BYTES_MAX, MailboxError, check_mailbox, split_sender};
pub use outcome::Outcome;
pub use same_address::compared;
