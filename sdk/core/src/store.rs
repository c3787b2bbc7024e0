//! What a device keeps, as a port: every method is one durable step, done whole or not at all.

pub mod memory;

use std::future::Future;

use tidings_protocol::item::{Item, NotificationItem, SettingsItem};
use tidings_protocol::operation::{Operation, Refused};
use tidings_protocol::{Cursor, DeviceId, NotificationId, Timestamp};

use crate::outbox::Queued;
use crate::present::{Candidate, Decision, OnScreen};

pub use memory::MemoryDeviceStore;

/// Who this installation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The device's id.
    pub device: DeviceId,
    /// A random text that tells two copies of one installation apart.
    pub nonce: String,
}

/// What a store remembers from an earlier run.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// Who this installation is.
    pub identity: Identity,
    /// Up to where the inbox is stored; none means from the beginning.
    pub cursor: Option<Cursor>,
    /// The operations that wait, in order.
    pub outbox: Vec<Queued>,
    /// When the relay was last heard.
    pub last_contact: Option<Timestamp>,
    /// The relay's clock minus the device's, in milliseconds.
    pub clock_offset_ms: i64,
}

/// Pages that follow each other, to be stored with their last cursor in one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The cursor that the store must have.
    pub expected: Option<Cursor>,
    /// The cursor that it has afterwards.
    pub to: Cursor,
    /// Whether every row is unmarked first: rows are marked as they come and the unmarked deleted at the end.
    pub begins_reset: bool,
    /// Whether this is the end of what the relay has; a reset ends with it.
    pub ends: bool,
    /// Whether it came while the device caught up.
    pub after_absence: bool,
    /// The changes, in order.
    pub items: Vec<Item>,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is stored.
    Moved,
    /// Nothing was stored: another process had moved the cursor.
    Elsewhere {
        /// The store's cursor.
        cursor: Option<Cursor>,
    },
}

/// Operations that the relay answered for good.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settlement {
    /// Took effect.
    pub done: Vec<Queued>,
    /// Never will.
    pub refused: Vec<(Queued, Refused)>,
}

/// A notification as the device keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What the relay said last.
    pub item: NotificationItem,
    /// The page with which it came first.
    pub arrived: u64,
    /// The page that wrote it last.
    pub written: u64,
    /// The reset that marked it last.
    pub generation: u64,
    /// Whether it came while the device caught up.
    pub after_absence: bool,
}

/// What a decision about the screen looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// Notifications whose present round is not settled, oldest first.
    pub candidates: Vec<Candidate>,
    /// What is on the screen.
    pub on_screen: Vec<OnScreen>,
}

/// The store of one account on one device. Several processes may have it open.
pub trait DeviceStore: Send + Sync {
    /// What can go wrong in it.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Reads what an earlier run left.
    fn load(&self) -> impl Future<Output = Result<Loaded, Self::Error>> + Send;

    /// Stores who this installation is from now on.
    fn save_identity(&self, identity: &Identity) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Stores a batch and its cursor together, or neither.
    fn apply(&self, batch: &Batch) -> impl Future<Output = Result<Applied, Self::Error>> + Send;

    /// Stores an operation at the end of the outbox and returns its place; none if the outbox is full.
    fn queue(
        &self,
        operation: &Operation,
    ) -> impl Future<Output = Result<Option<Queued>, Self::Error>> + Send;

    /// Removes answered operations. What was done becomes part of the relay's view, and the true value of what was
    /// refused takes its place, unless a later page has written the row.
    fn settle(&self, settlement: &Settlement) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Remembers that the relay was heard, and how far its clock is from ours.
    fn remember_contact(
        &self,
        at: Timestamp,
        clock_offset_ms: i64,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// One notification with the pending operations on top.
    fn row(
        &self,
        id: &NotificationId,
    ) -> impl Future<Output = Result<Option<NotificationItem>, Self::Error>> + Send;

    /// The relay's settings with the pending operations on top; none before the first sync.
    fn settings(&self) -> impl Future<Output = Result<Option<SettingsItem>, Self::Error>> + Send;

    /// What a decision about the screen looks at.
    fn screen(&self) -> impl Future<Output = Result<Screen, Self::Error>> + Send;

    /// Makes a decision durable. False if another process was first with any part of it: then it is not ours to do.
    fn claim(&self, decision: &Decision) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Deletes content and cursor; keeps the outbox, the identity and the memory of what was shown.
    fn drop_content(&self) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Deletes everything but the identity.
    fn wipe(&self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
