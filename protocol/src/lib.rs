//! The words that a relay and its clients exchange: ids, times, frames, operations, bodies and error codes.
//!
//! This crate has no logic beyond parsing, printing and the order of stamps, which relay and client must see alike. What
//! else a word means is decided in `tidings-core` (relay) and `tidings-sdk-core` (client).
#![deny(missing_docs)]

pub mod cursor;
pub mod decided;
pub mod frame;
pub mod http;
pub mod id;
pub mod item;
pub mod limits;
pub mod operation;
pub mod problem;
pub mod span;
pub mod stamp;
mod tagged;
pub mod time;
pub mod vocabulary;

pub use cursor::Cursor;
pub use decided::{DeliveryState, EventState, Gate, NotificationState, Reason, StoryKind, Verdict};
pub use id::{
    CategoryId, DeviceId, EntryId, EventId, NotificationId, OperationId, ProjectId, RecipientId, RuleId,
    SendId, TopicId,
};
pub use span::{Span, SpanError};
pub use stamp::Stamp;
pub use time::Timestamp;
pub use vocabulary::{Channel, Decision, DeviceReceipt, LegalClass, Priority};
