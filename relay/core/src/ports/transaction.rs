//! The write transaction: the only place where decisions read and write.

use async_trait::async_trait;
use tidings_protocol::{
    CategoryId, Channel, DeviceId, EventId, NotificationId, OperationId, ProjectId, RecipientId, RuleId,
    Timestamp, TopicId,
};

use crate::model::{
    Changes, Delivery, DigestScope, DueKey, DueRow, Event, Notification, OnceKey, OpenDigest, OperationRow,
    Person, PersonKey, ProjectState, StoredAnswer, TallyKey, Win,
};
use crate::trial::Tally;

/// Names a batch, so that after a lost answer it can be asked whether it was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchId(pub u128);

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Trying again may help: the store is busy, or a connection broke. Nothing was written.
    #[error("the store is not available for the moment")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// These rows cannot be written, and never will be; others of the same batch may be.
    #[error("the store refuses these data: {detail}")]
    Data {
        /// What it said.
        detail: String,
    },
    /// There is no room. Nothing was written; reads go on.
    #[error("the store has no room left: free some disk space")]
    Full,
    /// A write to the disk failed half-way, and nobody can know what of it is there. The process has to end: the next
    /// start reads what is true.
    #[error("a write to the disk failed, and its outcome is not known: the relay ends, start it again")]
    Lost,
    /// What is stored cannot be read. An operator has to look.
    #[error("the store is damaged: {detail}")]
    Damaged {
        /// What could not be read.
        detail: String,
    },
}

/// Why a transaction may not have been committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// It was not.
    #[error("the transaction was rolled back")]
    RolledBack(#[source] StoreError),
    /// It is not known: look for the batch's id before repeating it.
    #[error("the answer to the commit was lost")]
    Unknown,
}

/// Begins transactions.
#[async_trait]
pub trait Store: Send + Sync {
    /// Begins a write transaction. It waits for the one before on a store with one writer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if none could be begun within the store's own time limit.
    ///
    /// # Cancel safety
    /// A transaction that is dropped without a commit is rolled back.
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError>;

    /// Whether a batch was committed.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be asked.
    async fn committed(&self, batch: BatchId) -> Result<bool, StoreError>;
}

/// One write transaction.
#[async_trait]
pub trait Transaction: Send {
    /// Reads rows and locks the recipients among them until the end of the transaction. Rows that do not exist are
    /// absent from the answer; an absent recipient is answered by [`Person::unknown`].
    ///
    /// # Errors
    /// [`StoreError`]; the transaction is of no use afterwards.
    async fn read(&mut self, needs: &[Need]) -> Result<Found, StoreError>;

    /// Writes everything, under the id of a batch.
    ///
    /// # Errors
    /// [`StoreError::Data`] if one of the rows is refused; the transaction is of no use afterwards.
    async fn write(&mut self, batch: BatchId, changes: &Changes) -> Result<(), StoreError>;

    /// Makes everything that was written durable: on return it survives a power cut.
    ///
    /// # Errors
    /// [`CommitError`] says whether it is known not to have happened.
    async fn commit(self: Box<Self>) -> Result<(), CommitError>;

    /// Writes everything under the id of a batch, and makes it durable.
    ///
    /// # Errors
    /// As [`Transaction::write`] and [`Transaction::commit`].
    async fn finish(mut self: Box<Self>, batch: BatchId, changes: &Changes) -> Result<(), CommitError> {
        self.write(batch, changes).await.map_err(CommitError::RolledBack)?;
        self.commit().await
    }
}

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// What is live in a project.
    Project(ProjectId),
    /// A recipient with inbox, consents, topics, endpoints and devices. Locks it.
    Person(PersonKey),
    /// An event by the relay's id.
    Event(EventId),
    /// An event by the backend's id, accepted at or after an instant.
    SameEvent {
        /// Whose.
        project: ProjectId,
        /// The backend's name for the place.
        source: Option<Box<str>>,
        /// The backend's id.
        external_id: Box<str>,
        /// Older ones are forgotten.
        since: Timestamp,
    },
    /// A notification by id.
    Notification(ProjectId, NotificationId),
    /// The notification that an event made for a rule and recipient.
    Made(EventId, Option<RuleId>, PersonKey),
    /// Pending or visible notifications of a category with a collapse key.
    Collapse(PersonKey, CategoryId, Box<str>),
    /// Open notifications ([`Notification::is_open`]) of a rule that an event of this type and value cancels, whoever
    /// the recipient is.
    Match {
        /// Whose.
        project: ProjectId,
        /// Which rule.
        rule: RuleId,
        /// The later event's type.
        event_type: Box<str>,
        /// The value; none finds those without a match key.
        value: Option<Box<str>>,
    },
    /// Notifications of which an event is the conversion ([`Notification::converts_between`]).
    Convertible(ConversionAsked),
    /// Every pending notification of a recipient.
    Pending(PersonKey),
    /// Every notification and delivery of a recipient, final ones too. For erasure.
    Everything(PersonKey),
    /// Notifications of a recipient that are placed in the inbox with a `created_seq` in `(after, upto]`.
    Placed {
        /// Whose.
        person: PersonKey,
        /// Exclusive.
        after: u64,
        /// Inclusive.
        upto: u64,
    },
    /// Every notification of a chain.
    Chain(ProjectId, NotificationId),
    /// Every notification that an event or send made, at most so many, after an id.
    OfEvent(EventId, Option<NotificationId>, u32),
    /// The members of a digest that are still held.
    DigestMembers(NotificationId),
    /// The open digest of a scope and key.
    Digest(PersonKey, DigestScope, Box<str>),
    /// An open digest by id.
    DigestById(NotificationId),
    /// Whether a rule reached a recipient for a value that is still remembered.
    Once(PersonKey, RuleId, Box<str>),
    /// How many events of a type are kept since an instant.
    History(HistoryAsked),
    /// A delivery by id, whatever its state.
    Delivery(ProjectId, Box<str>),
    /// Every delivery of a notification, final ones too.
    AllDeliveries(NotificationId),
    /// What was counted of a rule's set of variants.
    Tallies(ProjectId, RuleId, Box<str>),
    /// Every variant that won in a project.
    Wins(ProjectId),
    /// What was spent on a channel of a project, by day.
    Spending(ProjectId, Channel),
    /// Pending deliveries of a notification.
    Deliveries(NotificationId),
    /// Every pending delivery of a recipient.
    PendingDeliveries(PersonKey),
    /// A row of work.
    Due(ProjectId, DueKey),
    /// Whether an operation was answered.
    Operation(PersonKey, DeviceId, OperationId),
    /// The answer to a request that came before.
    Answer(ProjectId, Box<str>, Box<str>),
    /// Who has an address.
    AddressOwners(ProjectId, Channel, Box<str>),
    /// The next members of a topic, by recipient, at most so many.
    Members(ProjectId, TopicId, Option<RecipientId>, u32),
    /// The next recipients of a project, at most so many.
    Recipients(ProjectId, Option<RecipientId>, u32),
}

/// A question about history.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HistoryAsked {
    /// About whom.
    pub person: PersonKey,
    /// Which type.
    pub event_type: Box<str>,
    /// From when.
    pub since: Timestamp,
}

/// A question about conversions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConversionAsked {
    /// Whose.
    pub project: ProjectId,
    /// Which rule made the notifications.
    pub rule: RuleId,
    /// The later event's type.
    pub event_type: Box<str>,
    /// The value; none finds those that the recipient alone decides.
    pub value: Option<Box<str>>,
    /// To whom they were; none, which is only asked beside a value, finds everybody's.
    pub recipient: Option<RecipientId>,
    /// When the event happened.
    pub at: Timestamp,
}

impl ConversionAsked {
    /// Whether a notification is meant.
    #[must_use]
    pub fn is_met_by(&self, row: &Notification) -> bool {
        let keyed = row
            .keys
            .conversion
            .as_ref()
            .is_some_and(|key| key.event_type == self.event_type && key.value == self.value);
        keyed
            && row.person.project == self.project
            && row.cause.rule.as_ref() == Some(&self.rule)
            && self.recipient.as_ref().is_none_or(|recipient| row.person.recipient == *recipient)
            && row.converts_between().is_some_and(|(since, until)| since <= self.at && self.at <= until)
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Projects.
    pub projects: Vec<ProjectState>,
    /// Recipients; one for each that was asked for.
    pub people: Vec<Person>,
    /// Events.
    pub events: Vec<Event>,
    /// Notifications, whatever they were asked by; each once.
    pub notifications: Vec<Notification>,
    /// Open digests.
    pub digests: Vec<OpenDigest>,
    /// Once-keys that are taken.
    pub once: Vec<FoundOnce>,
    /// Counts, one for each question.
    pub histories: Vec<(HistoryAsked, i64)>,
    /// Deliveries.
    pub deliveries: Vec<Delivery>,
    /// Rows of work.
    pub due: Vec<DueRow>,
    /// Operations that were answered.
    pub operations: Vec<OperationRow>,
    /// Answers that are kept.
    pub answers: Vec<StoredAnswer>,
    /// Owners of addresses.
    pub owners: Vec<(Channel, Box<str>, PersonKey)>,
    /// What was spent, by day, in millionths of the project's currency.
    pub spending: Vec<(ProjectId, Channel, i32, i64)>,
    /// Counts of variants.
    pub tallies: Vec<(TallyKey, Tally)>,
    /// Variants that won.
    pub wins: Vec<Win>,
    /// Pages of recipients, one for each page that was asked for, by its need.
    pub pages: Vec<(Need, Vec<RecipientId>)>,
}

/// A once-key that is taken.
pub type FoundOnce = OnceKey;
