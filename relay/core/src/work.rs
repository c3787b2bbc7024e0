//! The working copy of one transaction: what was read, and what the decisions so far made of it.
//!
//! Units of a batch that meet at one recipient are decided one after the other on the same copy. Rows change only
//! through the verbs of this module, which keep books, due work and the inbox's two numbers in step. Nothing here
//! decides, and nothing is written before [`Work::finish`].

mod absorb;
mod address;
mod due;
mod erase;
mod finish;
mod inbox;
mod lookup;
mod on_way;
mod transition;
mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tidings_protocol::{EventId, NotificationId, ProjectId, RecipientId, RuleId, Timestamp};
use uuid::Uuid;

use crate::act::AfterCommit;
use crate::configuration::Configuration;
use crate::model::{
    Changes, Delivery, DigestScope, DueKey, DueRow, Event, Inbox, Notification, OnceKey, OpenDigest,
    OperationRow, Person, PersonKey, ProjectState, StoredAnswer, TallyKey, Win,
};
use crate::ports::{HistoryAsked, Ids, Need};
use crate::trial::Tally;

/// See the module.
pub(crate) struct Work<'n> {
    now: Timestamp,
    ids: &'n dyn Ids,
    loaded: BTreeSet<Need>,
    live: BTreeMap<ProjectId, Arc<Live>>,
    people: BTreeMap<PersonKey, PersonCopy>,
    events: BTreeMap<EventId, Tracked<Event>>,
    /// Events of the copy by the backend's id, so that a large batch does not scan itself for each of its events.
    by_external_id: BTreeMap<Box<str>, BTreeSet<EventId>>,
    notifications: BTreeMap<NotificationId, Tracked<Notification>>,
    /// Notifications of the copy by recipient, so that lookups do not scan everything.
    by_person: BTreeMap<PersonKey, BTreeSet<NotificationId>>,
    deliveries: BTreeMap<Box<str>, Tracked<Delivery>>,
    digests: BTreeMap<(PersonKey, DigestScope, Box<str>), DigestCopy>,
    once: BTreeMap<(PersonKey, RuleId, Box<str>), OnceKey>,
    histories: BTreeMap<HistoryAsked, i64>,
    due: BTreeMap<DueKey, DueRow>,
    /// Rows of work that were set or cleared, and whose they are: `due` has those that are set.
    due_touched: BTreeMap<DueKey, ProjectId>,
    /// Work that these decisions made due at this very instant.
    at_once: BTreeMap<DueKey, DueRow>,
    operations: Vec<OperationRow>,
    answers: Vec<StoredAnswer>,
    owners: Vec<(tidings_protocol::Channel, Box<str>, PersonKey)>,
    pages: BTreeMap<Need, Vec<RecipientId>>,
    /// Counts of variants as they were read.
    tallies: BTreeMap<TallyKey, Tally>,
    wins: Vec<Win>,
    /// What was spent on channels, by day.
    spending: BTreeMap<(ProjectId, tidings_protocol::Channel, i32), i64>,
    changes: Changes,
    after: AfterCommit,
}

/// What is live in a project.
#[derive(Debug)]
pub(crate) struct Live {
    /// The project's row.
    pub(crate) state: ProjectState,
    /// The configuration that decides.
    pub(crate) configuration: Arc<Configuration>,
}

/// A row beside what has to be written of it.
#[derive(Debug)]
struct Tracked<T> {
    row: T,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Stored,
    Changed,
    New,
}

#[derive(Debug)]
struct PersonCopy {
    person: Person,
    /// The inbox as it was read.
    stored: Option<Inbox>,
    recipient_changed: bool,
}

#[derive(Debug)]
struct DigestCopy {
    digest: OpenDigest,
    standing: Standing,
    closed: bool,
}

impl<T> Tracked<T> {
    fn touch(&mut self) -> &mut T {
        if self.standing == Standing::Stored {
            self.standing = Standing::Changed;
        }
        &mut self.row
    }
}

impl<'n> Work<'n> {
    pub(crate) fn new(now: Timestamp, ids: &'n dyn Ids) -> Self {
        Self {
            now,
            ids,
            loaded: BTreeSet::new(),
            live: BTreeMap::new(),
            people: BTreeMap::new(),
            events: BTreeMap::new(),
            by_external_id: BTreeMap::new(),
            notifications: BTreeMap::new(),
            by_person: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            digests: BTreeMap::new(),
            once: BTreeMap::new(),
            histories: BTreeMap::new(),
            due: BTreeMap::new(),
            due_touched: BTreeMap::new(),
            at_once: BTreeMap::new(),
            operations: Vec::new(),
            answers: Vec::new(),
            owners: Vec::new(),
            pages: BTreeMap::new(),
            tallies: BTreeMap::new(),
            wins: Vec::new(),
            spending: BTreeMap::new(),
            changes: Changes::default(),
            after: AfterCommit::default(),
        }
    }

    /// The instant of this transaction; one for all its decisions.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// A new id, ordered by time.
    pub(crate) fn id(&self) -> Uuid {
        Uuid::from_u128(self.ids.next(self.now))
    }

    /// Random bits that cannot be guessed.
    pub(crate) fn random(&self) -> u128 {
        self.ids.random()
    }

    /// What a transaction writes besides the rows that have verbs of their own.
    pub(crate) const fn changes(&mut self) -> &mut Changes {
        &mut self.changes
    }
}
