//! What occurred in a run, and how often.

use std::collections::BTreeMap;

/// Counts by kind and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<(Kind, String), u64>);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A reason in a story, with its gate.
    Reason,
    /// A fault that was injected.
    Fault,
    /// A frame that arrived.
    Frame,
    /// A code of a bye that arrived.
    Bye,
    /// What the relay answered to an operation.
    Operation,
}

impl Coverage {
    /// Counts one.
    pub fn count(&mut self, kind: Kind, name: impl Into<String>) {
        *self.0.entry((kind, name.into())).or_default() += 1;
    }

    /// How often something occurred.
    #[must_use]
    pub fn of(&self, kind: Kind, name: &str) -> u64 {
        self.0.get(&(kind, name.to_owned())).copied().unwrap_or(0)
    }

    /// Everything that occurred, in order.
    pub fn all(&self) -> impl Iterator<Item = (Kind, &str, u64)> {
        self.0.iter().map(|((kind, name), count)| (*kind, name.as_str(), *count))
    }

    /// Adds the counts of another run.
    pub fn join(&mut self, other: Self) {
        for (key, count) in other.0 {
            *self.0.entry(key).or_default() += count;
        }
    }
}
