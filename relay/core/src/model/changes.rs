//! What one transaction writes.

use std::collections::BTreeMap;

use tidings_protocol::{
    Channel, DeviceId, DeviceReceipt, NotificationId, OperationId, ProjectId, RuleId, Timestamp, TopicId,
};

use super::digest::{DigestScope, OpenDigest};
use super::{
    Books, ConsentEntry, ConsentState, Delivery, Device, DueKey, DueRow, Endpoint, Erased, Event, FeedEntry,
    Inbox, Notification, PersonKey, Recipient, TallyKey, Win,
};
use crate::trial::Tally;

/// The whole effect of one batch of decisions. A store writes it in one transaction or not at all.
///
/// Rows in `*_new` do not exist yet; rows in `*_changed` exist and are written whole, except what never changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Events that were accepted.
    pub events_new: Vec<Event>,
    /// Events whose state, verdicts or fan-outs changed.
    pub events_changed: Vec<Event>,
    /// Recipients that were made or changed.
    pub recipients: Vec<(PersonKey, Recipient)>,
    /// Inboxes that were made or changed.
    pub inboxes: Vec<(PersonKey, Inbox)>,
    /// Notifications that were made.
    pub notifications_new: Vec<Notification>,
    /// Notifications that changed. Their `told` lines are appended to the stored story.
    pub notifications_changed: Vec<Notification>,
    /// Deliveries that were made.
    pub deliveries_new: Vec<Delivery>,
    /// Deliveries that changed.
    pub deliveries_changed: Vec<Delivery>,
    /// Work that waits; replaces a row of the same key.
    pub due_set: Vec<DueRow>,
    /// Work that waits no longer.
    pub due_cleared: Vec<(ProjectId, DueKey)>,
    /// Once-keys that were taken.
    pub once_taken: Vec<OnceKey>,
    /// Once-keys that were given back.
    pub once_given_back: Vec<OnceKey>,
    /// Digests that were opened or changed.
    pub digests_set: Vec<OpenDigest>,
    /// Digests that closed.
    pub digests_closed: Vec<(PersonKey, DigestScope, Box<str>)>,
    /// Entries of the consent ledger, in the order of each chain.
    pub consent_entries: Vec<(PersonKey, ConsentEntry)>,
    /// The latest decision on each category and channel that was decided.
    pub consent_states: Vec<(PersonKey, tidings_protocol::CategoryId, Channel, ConsentState)>,
    /// Memberships that began (`true`) or ended.
    pub memberships: Vec<(PersonKey, TopicId, bool)>,
    /// Addresses that were set, by recipient, channel and address. They are written after the removed ones.
    pub endpoints_set: Vec<(PersonKey, Endpoint)>,
    /// Addresses that were taken away.
    pub endpoints_removed: Vec<(PersonKey, Channel, Box<str>)>,
    /// Devices that were made or changed.
    pub devices: Vec<(PersonKey, Device)>,
    /// What devices told; a second one of the same key is ignored.
    pub receipts: Vec<ReceiptRow>,
    /// Operations that were answered.
    pub operations: Vec<OperationRow>,
    /// Events that are kept for `history`.
    pub collected: Vec<CollectedRow>,
    /// The project's feed.
    pub feed: Vec<FeedEntry>,
    /// Recipients that were erased: the store deletes every row of theirs but what these changes name.
    pub erased: Vec<(PersonKey, Erased)>,
    /// Answers that are kept for repeated requests.
    pub answers: Vec<StoredAnswer>,
    /// What was spent on channels, by day in the project's zone, in millionths of its currency; added to what is stored.
    pub spending: BTreeMap<(ProjectId, Channel, i32), i64>,
    /// What is added to the counts of variants.
    pub tallies: BTreeMap<TallyKey, Tally>,
    /// Variants that won.
    pub wins: Vec<Win>,
    /// The counters.
    pub books: Books,
}

/// That a rule reached a recipient for a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OnceKey {
    /// Whom.
    pub person: PersonKey,
    /// By which rule.
    pub rule: RuleId,
    /// For which value.
    pub value: Box<str>,
    /// With which notification.
    pub notification: NotificationId,
    /// Until when it is remembered.
    pub until: Timestamp,
}

/// What a device told about a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRow {
    /// Whose.
    pub person: PersonKey,
    /// About which notification.
    pub notification: NotificationId,
    /// By which device.
    pub device: DeviceId,
    /// What.
    pub receipt: DeviceReceipt,
    /// When, by the device's estimate, not later than its arrival.
    pub at: Timestamp,
}

/// An operation that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRow {
    /// Whose.
    pub person: PersonKey,
    /// Of which device.
    pub device: DeviceId,
    /// Which.
    pub operation: OperationId,
    /// When it was answered.
    pub at: Timestamp,
    /// Whether it is kept for ever: consent's are.
    pub for_ever: bool,
    /// The code of a permanent refusal; none if it took effect.
    pub refused: Option<Box<str>>,
}

/// An event that is kept for `history`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectedRow {
    /// About whom.
    pub person: PersonKey,
    /// Its type.
    pub event_type: Box<str>,
    /// When it happened.
    pub at: Timestamp,
    /// How long it is kept.
    pub until: Timestamp,
}

/// An answer that a repeated request gets again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// Whose.
    pub project: ProjectId,
    /// The route as a pattern.
    pub route: Box<str>,
    /// The caller's key.
    pub key: Box<str>,
    /// SHA-256 of the request's body.
    pub fingerprint: [u8; 32],
    /// The HTTP status.
    pub status: u16,
    /// The body: ids and codes.
    pub body: Box<str>,
    /// How long it is kept.
    pub until: Timestamp,
}

impl Changes {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
