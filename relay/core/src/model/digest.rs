//! A digest that still collects.

use tidings_protocol::{CategoryId, NotificationId, RuleId, Timestamp};

use super::PersonKey;

/// One open digest for each (scope, recipient, key).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDigest {
    /// Its id, which becomes the notification's if at least two members survive.
    pub id: NotificationId,
    /// For whom.
    pub person: PersonKey,
    /// What it collects.
    pub scope: DigestScope,
    /// Which of several.
    pub key: Box<str>,
    /// When its first member came.
    pub opened_at: Timestamp,
    /// When it closes.
    pub due: Timestamp,
    /// How many members it has.
    pub members: u32,
}

/// What a digest collects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DigestScope {
    /// Notifications of a rule with a digest.
    Rule(RuleId),
    /// What is over the cap of a category.
    Category(CategoryId),
}
