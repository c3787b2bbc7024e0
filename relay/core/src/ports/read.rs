//! Reads for answers. Each call sees one snapshot.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tidings_protocol::{
    CategoryId, Channel, Cursor, DeliveryState, EntryId, EventId, NotificationId, NotificationState,
    ProjectId, Reason, RecipientId, RuleId, Timestamp, TopicId,
};

use super::StoreError;
use crate::click_rate::{Clicks, Days};
use crate::model::{
    BookKey, ConsentEntry, Delivery, DueRow, Entry, Event, FeedEntry, Lane, Notification, Person, PersonKey,
    Term,
};
use crate::retention::Outdated;

/// What devices read.
#[async_trait]
pub trait InboxReader: Send + Sync {
    /// The changes after a cursor, at most `limit` rows by `seq`, with the recipient as of the same snapshot. A cursor
    /// that is none, or is no place of this inbox, begins from nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn page(
        &self,
        person: &PersonKey,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<InboxPage, StoreError>;

    /// Epoch and head of inboxes, for a node that missed hints. Unknown recipients are absent.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn heads(&self, people: &[PersonKey]) -> Result<Vec<(PersonKey, u32, u64)>, StoreError>;
}

/// One page of an inbox.
#[derive(Clone, Debug)]
pub struct InboxPage {
    /// The recipient, unknown if it does not exist.
    pub person: Person,
    /// The place that the page begins after; none if it begins from nothing.
    pub after: Option<u64>,
    /// Notifications with a place in the inbox that changed after it, by `seq`; tombstones too.
    pub rows: Vec<Notification>,
    /// The place after the page: the last row's `seq` if there is more, else the head.
    pub to: u64,
    /// Whether another page follows.
    pub more: bool,
}

/// What operators and backends read about single notifications.
#[async_trait]
pub trait StoryReader: Send + Sync {
    /// A notification with its story in order, and its deliveries.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn story(
        &self,
        project: &ProjectId,
        id: &NotificationId,
    ) -> Result<Option<(Notification, Vec<Entry>, Vec<Delivery>)>, StoreError>;

    /// Notifications that match, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn notifications(
        &self,
        project: &ProjectId,
        filter: &NotificationFilter,
    ) -> Result<Vec<Notification>, StoreError>;

    /// An event or send.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn event(&self, project: &ProjectId, which: &EventRef) -> Result<Option<Event>, StoreError>;

    /// Where the events come from that a backend gave this id, and their own ids: of each place the newest.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn events_named(
        &self,
        project: &ProjectId,
        external_id: &str,
    ) -> Result<Vec<(Option<Box<str>>, EventId)>, StoreError>;

    /// Events accepted in `[since, until)`, oldest first, after an id, at most `limit`. For plans.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn events(
        &self,
        project: &ProjectId,
        since: Timestamp,
        until: Timestamp,
        after: Option<&EventId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError>;

    /// Notifications of an event or send, by state.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn progress(&self, event: &EventId) -> Result<BTreeMap<NotificationState, u64>, StoreError>;

    /// How many members a topic has.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn members(&self, project: &ProjectId, topic: &TopicId) -> Result<u64, StoreError>;

    /// Deliveries that match, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn deliveries(
        &self,
        project: &ProjectId,
        filter: &DeliveryFilter,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// Notifications with a delivery in the inbox that matches, those that were made last first. `before` is a
    /// notification's id, made at `upto` or earlier.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn inapp_deliveries(
        &self,
        project: &ProjectId,
        filter: &DeliveryFilter,
        upto: Timestamp,
    ) -> Result<Vec<Notification>, StoreError>;

    /// The project's feed after a number, oldest first. The numbers rise in commit order and have no gaps that a
    /// later read could fill.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn feed(&self, project: &ProjectId, after: u64, limit: usize) -> Result<FeedPage, StoreError>;
}

/// How an event is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventRef {
    /// By the relay's id.
    Id(EventId),
    /// By the backend's.
    External {
        /// The place that it comes from.
        source: Option<Box<str>>,
        /// Its id there.
        external_id: Box<str>,
    },
}

/// Which notifications to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotificationFilter {
    /// Only this recipient's.
    pub recipient: Option<RecipientId>,
    /// Only of this event or send.
    pub event: Option<EventId>,
    /// Only of this category.
    pub category: Option<CategoryId>,
    /// Only of this rule.
    pub rule: Option<RuleId>,
    /// Only in this state.
    pub state: Option<NotificationState>,
    /// Made at or after.
    pub since: Option<Timestamp>,
    /// Made before.
    pub until: Option<Timestamp>,
    /// Only older than this one, by (created_at, id).
    pub before: Option<(Timestamp, NotificationId)>,
    /// At most so many.
    pub limit: usize,
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Only in this state.
    pub state: Option<DeliveryState>,
    /// Only on this channel.
    pub channel: Option<Channel>,
    /// Only those that this provider has, or had last.
    pub provider: Option<Box<str>>,
    /// Only this recipient's.
    pub recipient: Option<RecipientId>,
    /// Only those that stand where they stand for this reason.
    pub reason: Option<Reason>,
    /// Made at or after.
    pub since: Option<Timestamp>,
    /// Made before.
    pub until: Option<Timestamp>,
    /// Only older than this one.
    pub before: Option<Box<str>>,
    /// At most so many.
    pub limit: usize,
}

impl DeliveryFilter {
    /// Whether a delivery is meant, its place in the list aside.
    #[must_use]
    pub fn is_met_by(&self, row: &Delivery) -> bool {
        self.state.is_none_or(|state| row.state == state)
            && self.channel.is_none_or(|channel| row.channel == channel)
            && self.reason.is_none_or(|reason| row.reason == Some(reason))
            && self.recipient.as_ref().is_none_or(|recipient| row.person.recipient == *recipient)
            && self.since.is_none_or(|since| row.made_at >= since)
            && self.until.is_none_or(|until| row.made_at < until)
            && self
                .provider
                .as_deref()
                .is_none_or(|name| row.way.as_ref().is_some_and(|way| *way.provider == *name))
    }
}

/// A page of the feed.
#[derive(Clone, Debug, Default)]
pub struct FeedPage {
    /// Entries with their numbers.
    pub entries: Vec<(u64, FeedEntry)>,
    /// The number to go on after; never less than what was asked for.
    pub next: u64,
}

/// The consent ledger and the person's own data.
#[async_trait]
pub trait ConsentReader: Send + Sync {
    /// A recipient as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn person(&self, person: &PersonKey) -> Result<Person, StoreError>;

    /// A recipient's chain, oldest first, after a number.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn consent_entries(
        &self,
        person: &PersonKey,
        after: u64,
        limit: usize,
    ) -> Result<Vec<ConsentEntry>, StoreError>;

    /// One entry.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn consent_entry(
        &self,
        person: &PersonKey,
        entry: &EntryId,
    ) -> Result<Option<ConsentEntry>, StoreError>;

    /// Recipients of a project that have a chain, by id, with the hash that the store believes to be the head of it;
    /// erased ones too, under a keyed hash. For verification.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn chains(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Vec<ConsentEntry>, crate::model::ConsentHead)>, StoreError>;

    /// Everything that is stored about a recipient.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn export(&self, person: &PersonKey) -> Result<RecipientExport, StoreError>;
}

/// Everything that is stored about a recipient.
#[derive(Clone, Debug)]
pub struct RecipientExport {
    /// The recipient.
    pub person: Person,
    /// The consent ledger.
    pub consents: Vec<ConsentEntry>,
    /// Notifications with their stories.
    pub notifications: Vec<(Notification, Vec<Entry>)>,
    /// Events about the recipient.
    pub events: Vec<Event>,
}

/// Work that is due.
#[async_trait]
pub trait DueReader: Send + Sync {
    /// Rows of a lane that are due, the oldest of each project first, at most `quantum` of one project.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn due(
        &self,
        lane: Lane,
        now: Timestamp,
        quantum: usize,
        limit: usize,
    ) -> Result<Vec<DueRow>, StoreError>;

    /// Pending notifications whose time has passed.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn expired(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(PersonKey, NotificationId)>, StoreError>;

    /// When the next row becomes due, of any lane, or the next pending notification expires.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Deletes what is past its retention, a bounded amount that the projects share evenly; answers how many rows went
    /// or left an inbox. What is pending, what has a plan that goes on, and the event behind either stays. Counters of
    /// purged rows move to the purged ones, so that recounts still balance.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn purge(
        &self,
        now: Timestamp,
        projects: &[(ProjectId, Outdated)],
        limit: usize,
    ) -> Result<u64, StoreError>;
}

/// The books.
#[async_trait]
pub trait BookReader: Send + Sync {
    /// Every counter of a project, and beside it what a recount of the rows says plus what was purged. One snapshot.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn books(&self, project: &ProjectId) -> Result<Vec<BookRow>, StoreError>;

    /// Pending rows of a project that have no mover: held without due work, active with neither a pending delivery
    /// nor a step that waits, or more than five minutes past their time. At most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn stuck(
        &self,
        project: &ProjectId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<NotificationId>, StoreError>;

    /// How many notifications of each category reached somebody, and how many of them were clicked: in the usual days,
    /// then in the recent ones. Reads the rows of all these days.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn clicks(
        &self,
        project: &ProjectId,
        days: Days,
    ) -> Result<BTreeMap<CategoryId, [Clicks; 2]>, StoreError>;
}

/// One counter beside its recount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookRow {
    /// Which counter.
    pub key: BookKey,
    /// What the transactions counted.
    pub counted: i64,
    /// What the rows say; for a left side (`made`) there are no rows of its own, and it equals the sum of the rows.
    pub recounted: i64,
}

impl BookRow {
    /// Whether the counter belongs to a left side.
    #[must_use]
    pub const fn is_made(&self) -> bool {
        matches!(self.key.term, Term::Made(_))
    }
}
