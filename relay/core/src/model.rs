//! What the relay knows: people, events, notifications, deliveries, stories and books.
//!
//! These are plain values. They are not serialised here: stores have rows, the border has bodies.

mod books;
mod changes;
mod consent;
mod delivery;
mod digest;
mod due;
mod event;
mod feed;
mod notification;
mod person;
mod project;
mod story;
mod trial;

pub use books::{BookKey, Books, Ledger, Term, utc_day};
pub use changes::{Changes, CollectedRow, OnceKey, OperationRow, ReceiptRow, StoredAnswer};
pub use consent::{
    Collected, ConsentEntry, ConsentHead, ConsentState, Consents, EntryHash, PersonalFields, SMS_KEYWORD,
    entry_hash, every_category,
};
pub use delivery::{Delivery, Paid, Way};
pub use digest::{DigestScope, OpenDigest};
pub use due::{DueKey, DueRow, Lane};
pub use event::{Audience, Considered, DirectSend, Event, EventBody, FanOut, Fired, SendContent};
pub use feed::{FeedEntry, FeedKind};
pub use notification::{
    Cause, ConversionKey, Flags, InappDelivery, Keys, Mark, Marks, MatchKey, Notification, PlannedStep,
    Stopped, Taken,
};
pub use person::{
    Choice, Device, DeviceReceipts, Endpoint, Erased, Inbox, Person, PersonKey, Preferences, Recipient,
    cursor, parse_cursor, unmarked, within_reset,
};
pub use project::{ProjectState, StopSwitch};
pub use story::Entry;
pub use tidings_protocol::Stamp;
pub use tidings_protocol::item::Watermark;
pub use trial::{Counted, TallyKey, Win};
