//! The books: three ledgers whose equations hold after every commit.

use std::collections::BTreeMap;

use tidings_protocol::{DeliveryState, EventState, NotificationState, ProjectId, Timestamp};

/// Changes of counters that one transaction writes together with the rows that they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books(pub BTreeMap<BookKey, i64>);

/// One counter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BookKey {
    /// Whose.
    pub project: ProjectId,
    /// The UTC day on which it was accepted or made, in days since the epoch.
    pub day: i32,
    /// What is counted.
    pub term: Term,
}

/// Which equation a term belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ledger {
    /// events accepted = open + done
    Events,
    /// notifications made = every state
    Notifications,
    /// deliveries made = every state
    Deliveries,
}

/// One term of an equation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// The left side of a ledger.
    Made(Ledger),
    /// Events in a state.
    Event(EventState),
    /// Notifications in a state.
    Notification(NotificationState),
    /// Deliveries in a state.
    Delivery(DeliveryState),
}

impl Term {
    /// The ledger that it stands in.
    #[must_use]
    pub const fn ledger(self) -> Ledger {
        match self {
            Self::Made(ledger) => ledger,
            Self::Event(_) => Ledger::Events,
            Self::Notification(_) => Ledger::Notifications,
            Self::Delivery(_) => Ledger::Deliveries,
        }
    }

    /// The word of it: `made`, `held`, `placed` …
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Made(_) => "made",
            Self::Event(state) => state.as_str(),
            Self::Notification(state) => state.as_str(),
            Self::Delivery(state) => state.as_str(),
        }
    }

    /// The term of a ledger and word, if there is one.
    #[must_use]
    pub fn parse(ledger: Ledger, word: &str) -> Option<Self> {
        match (ledger, word) {
            (_, "made") => Some(Self::Made(ledger)),
            (Ledger::Events, _) => word.parse().ok().map(Self::Event),
            (Ledger::Notifications, _) => word.parse().ok().map(Self::Notification),
            (Ledger::Deliveries, _) => word.parse().ok().map(Self::Delivery),
        }
    }
}

impl Ledger {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Events, Self::Notifications, Self::Deliveries];

    /// The word of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Notifications => "notifications",
            Self::Deliveries => "deliveries",
        }
    }
}

impl Books {
    /// Counts something that was made, in its first state.
    pub(crate) fn open(&mut self, project: &ProjectId, made_at: Timestamp, first: Term) {
        self.add(project, made_at, Term::Made(first.ledger()), 1);
        self.add(project, made_at, first, 1);
    }

    /// Moves one from a state to another. Both stand on the day on which it was made.
    pub(crate) fn shift(&mut self, project: &ProjectId, made_at: Timestamp, from: Term, to: Term) {
        self.add(project, made_at, from, -1);
        self.add(project, made_at, to, 1);
    }

    fn add(&mut self, project: &ProjectId, made_at: Timestamp, term: Term, by: i64) {
        let key = BookKey { project: project.clone(), day: utc_day(made_at), term };
        let counter = self.0.entry(key.clone()).or_default();
        *counter += by;
        if *counter == 0 {
            self.0.remove(&key);
        }
    }
}

/// The UTC day of an instant, in days since the epoch.
#[must_use]
pub fn utc_day(at: Timestamp) -> i32 {
    i32::try_from(at.as_millis().div_euclid(86_400_000))
        .expect("a timestamp lies within the years that jiff knows")
}
