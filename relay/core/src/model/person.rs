//! Everything that a decision on one recipient reads, and its two numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use tidings_protocol::item::{QuietHoursItem, Watermark};
use tidings_protocol::{
    CategoryId, Channel, Cursor, DeviceId, DeviceReceipt, ProjectId, RecipientId, Stamp, Timestamp, TopicId,
};

use super::{ConsentHead, Consents};
use crate::cap::{Counters, Responses};
use crate::learned::Learned;
use crate::throttle::ThrottleCounter;

/// One recipient of one project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonKey {
    /// The tenant.
    pub project: ProjectId,
    /// The recipient within it.
    pub recipient: RecipientId,
}

/// One recipient as a transaction read it, and as the decisions of the transaction left it.
#[derive(Clone, Debug)]
pub struct Person {
    /// Who.
    pub key: PersonKey,
    /// None if the recipient was never seen, or was erased.
    pub recipient: Option<Recipient>,
    /// None exactly when `recipient` is none.
    pub inbox: Option<Inbox>,
    /// What the recipient decided on consent.
    pub consents: Consents,
    /// Memberships.
    pub topics: BTreeSet<TopicId>,
    /// Addresses beside the inbox.
    pub endpoints: Vec<Endpoint>,
    /// Installations of the client. Each stands by itself: room for a map's eleven would be kept for the one that most have.
    pub devices: BTreeMap<DeviceId, Arc<Device>>,
    /// The latest erasure, if any.
    pub erased: Option<Erased>,
}

/// Who a recipient is and what they like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipient {
    /// An IANA zone. None means the project's.
    pub time_zone: Option<String>,
    /// A BCP 47 tag. None means the project's.
    pub locale: Option<String>,
    /// What the backend knows; a JSON object.
    pub attributes: Value,
    /// What the recipient likes.
    pub preferences: Preferences,
    /// When the recipient was first seen.
    pub created_at: Timestamp,
    /// Rises with each change of these fields; the HTTP `ETag`.
    pub revision: u64,
}

/// What a recipient likes. Each field is a register: the later stamp wins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preferences {
    /// Whether a category is wanted on a channel.
    pub choices: BTreeMap<(CategoryId, Channel), Choice>,
    /// The recipient's own quiet hours; an inner none goes back to the project's.
    pub quiet_hours: Option<(Option<QuietHoursItem>, Stamp)>,
    /// Until when the recipient paused.
    pub paused_until: Option<(Option<Timestamp>, Stamp)>,
    /// Whether the relay may learn from what the recipient does; never set means it may.
    pub profiling: Option<(bool, Stamp)>,
    /// When zone and locale were last set by a device.
    pub profile: Option<Stamp>,
}

impl Preferences {
    /// Whether the relay may learn from what the recipient does: caps that adapt, the best hour, interests.
    #[must_use]
    pub fn allows_profiling(&self) -> bool {
        self.profiling.as_ref().is_none_or(|(allowed, _)| *allowed)
    }
}

/// Whether a category is wanted on a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Wanted.
    pub chosen: bool,
    /// Since when.
    pub stamp: Stamp,
}

/// The two numbers of a recipient, and what counts against them.
#[derive(Clone, Debug, PartialEq)]
pub struct Inbox {
    /// Names this history; another epoch means: start again.
    pub epoch: u32,
    /// Rises by one with each changed row that devices see.
    pub seq: u64,
    /// Rises when something that a decision reads changes.
    pub version: u64,
    /// Cursors below it get a reset, because tombstones after them were purged.
    pub floor: u64,
    /// The seq of the latest change of the settings; 0 if there was none.
    pub settings_seq: u64,
    /// What was counted against caps.
    pub counters: Counters,
    /// What was shown and answered, where a cap adapts to it and the recipient allows profiling.
    pub responses: Responses,
    /// What was learned, where a rule makes use of it and the recipient allows profiling.
    pub learned: Learned,
    /// What was counted against throttles, by rule and key.
    pub throttles: BTreeMap<(Box<str>, Box<str>), ThrottleCounter>,
    /// What was read in one go, each with the seq of its item. None says less than another: of any two one reaches
    /// farther and the other is later.
    pub watermarks: Vec<(u64, Watermark)>,
    /// The seq of the latest withdrawal of a consent; a grant must have seen it.
    pub withdrawn_seq: u64,
}

impl Inbox {
    /// A new inbox of an epoch.
    #[must_use]
    pub fn new(epoch: u32) -> Self {
        Self {
            epoch,
            seq: 0,
            version: 0,
            floor: 0,
            settings_seq: 0,
            counters: Counters::default(),
            responses: Responses::default(),
            learned: Learned::default(),
            throttles: BTreeMap::new(),
            watermarks: Vec::new(),
            withdrawn_seq: 0,
        }
    }

    /// The cursor of a place in this inbox: `{epoch in hexadecimal}.{seq}`, opaque to devices.
    #[must_use]
    pub fn cursor(&self, seq: u64) -> Cursor {
        cursor(self.epoch, seq)
    }

    /// The place that a cursor names, or none if it is not of this epoch or lies outside `floor..=seq`.
    #[must_use]
    pub fn place(&self, cursor: &Cursor) -> Option<u64> {
        let (epoch, seq) = parse_cursor(cursor)?;
        (epoch == self.epoch && seq >= self.floor && seq <= self.seq).then_some(seq)
    }
}

/// The cursor of a place in an inbox of an epoch.
#[must_use]
pub fn cursor(epoch: u32, seq: u64) -> Cursor {
    Cursor::new(format!("{epoch:x}.{seq}")).expect("at most 29 printable bytes")
}

/// Epoch and place of a cursor, or none if it is not one of ours.
#[must_use]
pub fn parse_cursor(cursor: &Cursor) -> Option<(u32, u64)> {
    let (epoch, seq) = cursor.as_str().split_once('.')?;
    Some((u32::from_str_radix(epoch, 16).ok()?, seq.parse().ok()?))
}

/// The mark of a cursor that stands within a reset: over HTTP nothing else remembers that one is under way. A socket does
/// not know such a cursor, and begins from nothing.
const WITHIN_RESET: &str = ".r";

/// A cursor with the mark that it stands within a reset.
#[must_use]
pub fn within_reset(cursor: &Cursor) -> Cursor {
    Cursor::new(format!("{cursor}{WITHIN_RESET}")).expect("at most 31 printable bytes")
}

/// A cursor without its mark, and whether it had one.
#[must_use]
pub fn unmarked(cursor: &Cursor) -> (Cursor, bool) {
    let bare = cursor.as_str().strip_suffix(WITHIN_RESET).and_then(|text| Cursor::new(text).ok());
    bare.map_or_else(|| (cursor.clone(), false), |bare| (bare, true))
}

/// An address beside the inbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// On which channel.
    pub channel: Channel,
    /// The address.
    pub address: Box<str>,
    /// Whether the backend or a code proved that it is the recipient's.
    pub verified: bool,
    /// Whether it is on the project's stop list.
    pub stopped: bool,
}

/// One installation of the client.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Its id, unique for the recipient.
    pub id: DeviceId,
    /// What it runs on.
    pub platform: Box<str>,
    /// Made at installation; another nonce with the same id is another installation.
    pub nonce: Box<str>,
    /// The highest place that is durable on it.
    pub held: u64,
    /// The item kinds that it understands, sorted.
    pub understands: Vec<Box<str>>,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When it was last seen, to the minute.
    pub seen_at: Timestamp,
    /// When it was removed.
    pub revoked_at: Option<Timestamp>,
}

/// Receipts that are kept once for each (notification, device).
pub type DeviceReceipts = BTreeSet<(DeviceId, DeviceReceipt)>;

/// That a recipient was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// When. Tokens issued before it are refused.
    pub at: Timestamp,
    /// The epoch that ended.
    pub epoch: u32,
}

impl Person {
    /// A recipient of whom nothing is known.
    #[must_use]
    pub fn unknown(key: PersonKey) -> Self {
        Self {
            key,
            recipient: None,
            inbox: None,
            consents: Consents { states: BTreeMap::new(), head: ConsentHead::default() },
            topics: BTreeSet::new(),
            endpoints: Vec::new(),
            devices: BTreeMap::new(),
            erased: None,
        }
    }

    /// Whether the recipient exists.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.recipient.is_some()
    }
}
