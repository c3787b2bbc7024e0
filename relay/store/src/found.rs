//! Gathers what was found, each row once and in the order of its key, so that every store answers the same.

use std::collections::{BTreeMap, BTreeSet};

use tidings_core::configuration::WinnerMeasure;
use tidings_core::model::{
    Delivery, DueKey, DueRow, Event, Notification, OnceKey, OpenDigest, OperationRow, Person, PersonKey,
    ProjectState, StoredAnswer, TallyKey, Win,
};
use tidings_core::ports::{Found, HistoryAsked, Need, StoreError};
use tidings_core::trial::Tally;
use tidings_protocol::{Channel, EventId, NotificationId, ProjectId, RecipientId, RuleId};

/// Rows by key.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) projects: BTreeMap<ProjectId, ProjectState>,
    pub(crate) people: BTreeMap<PersonKey, Person>,
    pub(crate) events: BTreeMap<EventId, Event>,
    pub(crate) notifications: BTreeMap<NotificationId, Notification>,
    pub(crate) digests: BTreeMap<NotificationId, OpenDigest>,
    pub(crate) once: BTreeSet<OnceKey>,
    pub(crate) histories: BTreeMap<HistoryAsked, i64>,
    pub(crate) deliveries: BTreeMap<Box<str>, Delivery>,
    pub(crate) spending: BTreeMap<(ProjectId, Channel, i32), i64>,
    pub(crate) due: BTreeMap<(ProjectId, DueKey), DueRow>,
    pub(crate) operations: BTreeMap<(PersonKey, String), OperationRow>,
    pub(crate) answers: BTreeMap<(ProjectId, Box<str>, Box<str>), StoredAnswer>,
    pub(crate) owners: BTreeSet<(Channel, Box<str>, PersonKey)>,
    pub(crate) tallies: BTreeMap<TallyKey, Tally>,
    pub(crate) wins: BTreeMap<(ProjectId, RuleId, Box<str>, WinnerMeasure), Win>,
    pub(crate) pages: BTreeMap<Need, Vec<RecipientId>>,
}

impl Gathered {
    pub(crate) fn notification(&mut self, row: &Notification) {
        if !self.notifications.contains_key(&row.id) {
            self.notifications.insert(row.id.clone(), row.clone());
        }
    }

    pub(crate) fn win(&mut self, win: Win) {
        self.wins.insert(win_key(&win), win);
    }

    pub(crate) fn operation(&mut self, row: OperationRow) {
        self.operations.insert((row.person.clone(), operation_key(&row)), row);
    }

    pub(crate) fn answer(&mut self, row: StoredAnswer) {
        self.answers.insert((row.project.clone(), row.route.clone(), row.key.clone()), row);
    }

    pub(crate) fn into_found(self) -> Found {
        Found {
            projects: self.projects.into_values().collect(),
            people: self.people.into_values().collect(),
            events: self.events.into_values().collect(),
            notifications: self.notifications.into_values().collect(),
            digests: self.digests.into_values().collect(),
            once: self.once.into_iter().collect(),
            histories: self.histories.into_iter().collect(),
            deliveries: self.deliveries.into_values().collect(),
            spending: self
                .spending
                .into_iter()
                .map(|((project, channel, day), spent)| (project, channel, day, spent))
                .collect(),
            due: self.due.into_values().collect(),
            operations: self.operations.into_values().collect(),
            answers: self.answers.into_values().collect(),
            owners: self.owners.into_iter().collect(),
            tallies: self.tallies.into_iter().collect(),
            wins: self.wins.into_values().collect(),
            pages: self.pages.into_iter().collect(),
        }
    }
}

/// Under what a win is kept.
pub(crate) fn win_key(win: &Win) -> (ProjectId, RuleId, Box<str>, WinnerMeasure) {
    (win.project.clone(), win.rule.clone(), win.trial.clone(), win.by)
}

/// An operation's key within its recipient. Ids have no slashes.
pub(crate) fn operation_key(row: &OperationRow) -> String {
    format!("{}/{}", row.device, row.operation)
}

/// Why a transaction is not committed although its commit was asked for.
pub(crate) fn refused_before() -> StoreError {
    StoreError::Data { detail: "a write of this transaction was refused before".to_owned() }
}
