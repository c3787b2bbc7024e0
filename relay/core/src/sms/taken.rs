//! What a `STOP` took from a recipient, as the ledger tells it.

use std::collections::BTreeMap;

use tidings_protocol::{CategoryId, Channel, Decision, EntryId};

use crate::model::{ConsentEntry, SMS_KEYWORD};

/// A category that a `STOP` took from text messages, with nothing decided on it since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Which.
    pub category: CategoryId,
    /// The entry that took it.
    pub entry: EntryId,
    /// Whether the recipient had agreed before; else nothing was decided.
    pub was_granted: bool,
    /// To which policy that agreement refers.
    pub policy_version: Option<Box<str>>,
}

/// Follows a recipient's chain, oldest entry first.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    latest: BTreeMap<CategoryId, (Decision, Option<Box<str>>)>,
    taken: BTreeMap<CategoryId, Taken>,
}

impl Chain {
    /// Takes the next entry.
    pub fn follow(&mut self, entry: &ConsentEntry) {
        if !entry.channels.contains(&Channel::Sms) {
            return;
        }
        let collected = entry.personal.as_ref().and_then(|personal| personal.collected.as_ref());
        let by_word = collected.is_some_and(|collected| &*collected.how == SMS_KEYWORD);
        self.taken.remove(&entry.category);
        if by_word && entry.decision == Decision::Withdrawn {
            let before = self.latest.get(&entry.category);
            let was_granted = before.is_some_and(|(decision, _)| *decision == Decision::Granted);
            let forbidden = before.is_some() && !was_granted;
            let taken = Taken {
                category: entry.category.clone(),
                entry: entry.id.clone(),
                was_granted,
                policy_version: before.and_then(|(_, policy)| policy.clone()),
            };
            if !forbidden {
                self.taken.insert(entry.category.clone(), taken);
            }
        }
        self.latest.insert(entry.category.clone(), (entry.decision, entry.policy_version.clone()));
    }

    /// What is still taken at its end.
    #[must_use]
    pub fn taken(self) -> Vec<Taken> {
        self.taken.into_values().collect()
    }
}
