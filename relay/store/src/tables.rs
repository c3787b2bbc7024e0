//! Everything that a store holds, as plain maps: the memory store's own state, and the common ground on which dumps of
//! two stores are compared.

use std::cmp::Reverse;
use std::fmt::Write as _;

use tidings_core::configuration::WinnerMeasure;
use tidings_core::delivery;
use tidings_core::model::CollectedRow;
use tidings_core::model::{
    BookKey, ConsentEntry, ConsentHead, ConsentState, Delivery, Device, DigestScope, DueKey, DueRow,
    Endpoint, Entry, Erased, Event, FeedEntry, Inbox, MatchKey, Notification, OnceKey, OpenDigest,
    OperationRow, PersonKey, Recipient, StoredAnswer, TallyKey, Win,
};
use tidings_core::ports::{
    BatchId, ConfigurationRow, ConnectCode, DeviceToken, HookRow, KeyRow, ProjectRow, PublicToken, SecretRow,
    StopEntry,
};
use tidings_core::trial::Tally;
use tidings_protocol::{
    CategoryId, Channel, DeliveryState, DeviceReceipt, EventId, NotificationId, NotificationState, Priority,
    ProjectId, RecipientId, RuleId, Timestamp, TopicId,
};

use crate::table::Table;

macro_rules! tables {
    (
        rows { $($name:ident: $key:ty => $row:ty,)* }
        indexes { $($index:ident: $index_key:ty => $index_row:ty,)* }
    ) => {
        /// Rows, and the indexes that follow from them.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct Tables {
            $(pub(crate) $name: Table<$key, $row>,)*
            $(pub(crate) $index: Table<$index_key, $index_row>,)*
        }

        impl Tables {
            pub(crate) fn commit(&mut self) {
                $(self.$name.commit();)*
                $(self.$index.commit();)*
            }

            pub(crate) fn roll_back(&mut self) {
                $(self.$name.roll_back();)*
                $(self.$index.roll_back();)*
            }

            /// Every row of every table in the order of keys.
            pub(crate) fn dump(&self) -> String {
                let mut text = String::new();
                $(for (key, row) in self.$name.iter() {
                    writeln!(text, concat!(stringify!($name), " {:?}: {:?}"), key, row)
                        .expect("a String takes everything");
                })*
                text
            }
        }
    };
}

/// An open notification by what cancels it: project, rule, the later event's type, the value, and which.
pub(crate) type MatchedKey = (ProjectId, RuleId, Box<str>, Option<Box<str>>, NotificationId);

/// What a newer one would replace: recipient, category, value, and which.
pub(crate) type CollapseKey = (PersonKey, CategoryId, Box<str>, NotificationId);

/// A delivery that waits: project, provider, server, how urgent, when due, and which. The most urgent are the first of their
/// lane.
pub(crate) type LaneKey = (ProjectId, Box<str>, Box<str>, Reverse<Priority>, Timestamp, Box<str>);

tables! {
    rows {
        projects: ProjectId => ProjectRow,
        keys: Box<str> => KeyRow,
        configurations: (ProjectId, u64) => ConfigurationRow,
        secrets: (ProjectId, Box<str>) => SecretRow,
        stop_list: (ProjectId, Box<str>) => StopEntry,
        hooks: (ProjectId, Box<str>) => HookRow,
        recipients: PersonKey => Recipient,
        inboxes: PersonKey => Inbox,
        consent_states: (PersonKey, String) => (CategoryId, Channel, ConsentState),
        consent_entries: (ProjectId, String, u64) => ConsentEntry,
        consent_heads: (ProjectId, String) => ConsentHead,
        topics: (PersonKey, String) => TopicId,
        endpoints: (PersonKey, String) => Endpoint,
        devices: (PersonKey, String) => Device,
        erased: (ProjectId, RecipientId) => Erased,
        events: EventId => Event,
        notifications: NotificationId => Notification,
        story: (NotificationId, u32) => Entry,
        deliveries: Box<str> => Delivery,
        spending: (ProjectId, Channel, i32) => i64,
        tallies: TallyKey => Tally,
        wins: (ProjectId, RuleId, Box<str>, WinnerMeasure) => Win,
        public_tokens: [u8; 32] => PublicToken,
        due: (ProjectId, DueKey) => DueRow,
        once: (PersonKey, RuleId, Box<str>) => OnceKey,
        digests: (PersonKey, DigestScope, Box<str>) => OpenDigest,
        receipts: (PersonKey, NotificationId, String, DeviceReceipt) => Timestamp,
        operations: (PersonKey, String) => OperationRow,
        collected: u64 => CollectedRow,
        feed: (ProjectId, u64) => FeedEntry,
        feed_heads: ProjectId => u64,
        answers: (ProjectId, Box<str>, Box<str>) => StoredAnswer,
        accounting: BookKey => i64,
        purged: BookKey => i64,
        batches: u64 => BatchId,
        connect_codes: [u8; 32] => ConnectCode,
        device_tokens: (PersonKey, String) => DeviceToken,
        erased_tokens: [u8; 32] => Timestamp,
    }
    indexes {
        by_person: (PersonKey, String) => NotificationId,
        by_event: (EventId, String) => NotificationId,
        by_external: (ProjectId, String) => EventId,
        numbers: BatchId => u64,
        pending: NotificationId => (),
        pending_of: (PersonKey, String) => NotificationId,
        expiring: (Timestamp, NotificationId) => (),
        chained: (NotificationId, NotificationId) => (),
        matched: MatchedKey => (),
        members: (NotificationId, NotificationId) => (),
        collapsing: CollapseKey => (),
        due_at: (Timestamp, (ProjectId, DueKey)) => (),
        collected_of: (PersonKey, Box<str>, Timestamp, u64) => (),
        deliveries_of: (NotificationId, Box<str>) => (),
        on_way: (PersonKey, String) => Box<str>,
        lanes: LaneKey => (),
    }
}

impl Tables {
    /// Writes a notification and everything that it is found by.
    pub(crate) fn put_notification(&mut self, row: Notification) {
        self.lose_notification(&row.id);
        self.find_by(&row);
        self.notifications.set(row.id.clone(), row);
    }

    /// Deletes a notification with its story.
    pub(crate) fn remove_notification(&mut self, id: &NotificationId) {
        self.lose_notification(id);
        if self.notifications.remove(id).is_some() {
            self.remove_story(id);
        }
    }

    fn find_by(&mut self, row: &Notification) {
        let text = row.id.as_str().to_owned();
        self.by_person.set((row.person.clone(), text.clone()), row.id.clone());
        self.by_event.set((row.cause.event.clone(), text.clone()), row.id.clone());
        self.chained.set((chain_of(row), row.id.clone()), ());
        if row.is_pending() {
            self.pending.set(row.id.clone(), ());
            self.pending_of.set((row.person.clone(), text), row.id.clone());
            self.expiring.set((row.expires_at, row.id.clone()), ());
        }
        for key in matches_of(row) {
            self.matched.set(key, ());
        }
        if let Some(key) = member_of(row) {
            self.members.set(key, ());
        }
        if let Some(key) = collapse_of(row) {
            self.collapsing.set(key, ());
        }
    }

    /// Takes a notification out of what it is found by, before it is another or none.
    fn lose_notification(&mut self, id: &NotificationId) {
        let Some(row) = self.notifications.get(id).cloned() else { return };
        let text = row.id.as_str().to_owned();
        self.by_person.remove(&(row.person.clone(), text.clone()));
        self.by_event.remove(&(row.cause.event.clone(), text.clone()));
        self.chained.remove(&(chain_of(&row), row.id.clone()));
        self.pending.remove(&row.id);
        self.pending_of.remove(&(row.person.clone(), text));
        self.expiring.remove(&(row.expires_at, row.id.clone()));
        for key in matches_of(&row) {
            self.matched.remove(&key);
        }
        if let Some(key) = member_of(&row) {
            self.members.remove(&key);
        }
        if let Some(key) = collapse_of(&row) {
            self.collapsing.remove(&key);
        }
    }

    /// Writes a row of work.
    pub(crate) fn put_due(&mut self, row: DueRow) {
        let key = (row.person.project.clone(), row.key.clone());
        self.remove_due(&key);
        self.due_at.set((row.at, key.clone()), ());
        self.due.set(key, row);
    }

    /// Deletes a row of work.
    pub(crate) fn remove_due(&mut self, key: &(ProjectId, DueKey)) {
        if let Some(row) = self.due.remove(key) {
            self.due_at.remove(&(row.at, key.clone()));
        }
    }

    /// Writes an event that is kept for conditions. Its entry in the index outlives it and finds nothing then.
    pub(crate) fn put_collected(&mut self, row: CollectedRow) {
        let number = self.collected.last().map_or(1, |(last, _)| last + 1);
        self.collected_of.set((row.person.clone(), row.event_type.clone(), row.at, number), ());
        self.collected.set(number, row);
    }

    /// Writes a delivery and everything that it is found by.
    pub(crate) fn put_delivery(&mut self, row: Delivery) {
        self.forget_ways_to(&row.id);
        self.deliveries_of.set((row.notification.clone(), row.id.clone()), ());
        if matches!(row.state, DeliveryState::Waiting | DeliveryState::HandingOver) {
            self.on_way.set((row.person.clone(), row.id.to_string()), row.id.clone());
        }
        if let Some(key) = lane_key(&row) {
            self.lanes.set(key, ());
        }
        self.deliveries.set(row.id.clone(), row);
    }

    /// Deletes a delivery.
    pub(crate) fn remove_delivery(&mut self, id: &str) {
        self.forget_ways_to(id);
        self.deliveries.remove(&id.into());
    }

    fn forget_ways_to(&mut self, id: &str) {
        let Some(before) = self.deliveries.get(&id.into()) else { return };
        let lane = lane_key(before);
        let (of, on_way) = (
            (before.notification.clone(), before.id.clone()),
            (before.person.clone(), before.id.to_string()),
        );
        self.deliveries_of.remove(&of);
        self.on_way.remove(&on_way);
        if let Some(lane) = lane {
            self.lanes.remove(&lane);
        }
    }

    /// A notification's deliveries by id.
    pub(crate) fn all_deliveries_of(&self, id: &NotificationId) -> impl Iterator<Item = &Delivery> {
        let of = id.clone();
        self.deliveries_of
            .range((id.clone(), "".into())..)
            .take_while(move |((notification, _), ())| *notification == of)
            .filter_map(|((_, id), ())| self.deliveries.get(id))
    }

    pub(crate) fn remove_story(&mut self, id: &NotificationId) {
        let lines: Vec<_> =
            self.story.range((id.clone(), 0)..=(id.clone(), u32::MAX)).map(|(key, _)| key.clone()).collect();
        for line in &lines {
            self.story.remove(line);
        }
    }

    /// The lines of a story in order.
    pub(crate) fn lines(&self, id: &NotificationId) -> impl Iterator<Item = &Entry> {
        self.story.range((id.clone(), 0)..=(id.clone(), u32::MAX)).map(|(_, line)| line)
    }

    /// A recipient's notifications by id.
    pub(crate) fn notifications_of(&self, person: &PersonKey) -> impl Iterator<Item = &Notification> {
        self.by_person.of(person).filter_map(|id| self.notifications.get(id))
    }

    /// An event's notifications by id.
    pub(crate) fn notifications_from(
        &self,
        event: &EventId,
        after: &str,
    ) -> impl Iterator<Item = &Notification> {
        let of = event.clone();
        let after = after.to_owned();
        self.by_event
            .range((event.clone(), after.clone())..)
            .take_while(move |((event, _), _)| *event == of)
            .filter(move |((_, id), _)| *id > after)
            .filter_map(|(_, id)| self.notifications.get(id))
    }
}

/// The chain that a notification is of: its first one, or itself.
fn chain_of(row: &Notification) -> NotificationId {
    row.chain.clone().unwrap_or_else(|| row.id.clone())
}

/// What cancels an open notification.
fn matches_of(row: &Notification) -> Vec<MatchedKey> {
    let Some(rule) = row.cause.rule.as_ref().filter(|_| row.is_open()) else { return Vec::new() };
    let key = |found: &MatchKey| {
        let (project, rule) = (row.person.project.clone(), rule.clone());
        (project, rule, found.event_type.clone(), found.value.clone(), row.id.clone())
    };
    row.keys.matches.iter().map(key).collect()
}

/// The digest that collects a notification.
fn member_of(row: &Notification) -> Option<(NotificationId, NotificationId)> {
    let held = row.state == NotificationState::Held;
    row.digest.clone().filter(|_| held).map(|digest| (digest, row.id.clone()))
}

/// What a newer notification would replace.
fn collapse_of(row: &Notification) -> Option<CollapseKey> {
    let value = row.keys.collapse.clone().filter(|_| row.is_pending() || row.is_visible())?;
    Some((row.person.clone(), row.category.clone(), value, row.id.clone()))
}

/// Where a delivery that waits stands in line.
fn lane_key(row: &Delivery) -> Option<LaneKey> {
    let way = row.way.as_ref().filter(|_| row.state == DeliveryState::Waiting)?;
    let host = row.address.as_deref().and_then(|address| delivery::host(row.channel, address));
    let urgency = Reverse(way.priority);
    Some((
        row.person.project.clone(),
        way.provider.clone(),
        host.unwrap_or_default(),
        urgency,
        way.due,
        row.id.clone(),
    ))
}
