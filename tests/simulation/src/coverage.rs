//! What occurred in a run, and how often.

mod required;

use std::collections::BTreeMap;

use tidings_protocol::{Gate, Reason};

pub use required::{ENDS, IMPOSSIBLE, OCCURS_MIN, REQUIRED};

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

impl Kind {
    /// The word of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reason => "reason",
            Self::Fault => "fault",
            Self::Frame => "frame",
            Self::Bye => "bye",
            Self::Operation => "operation",
        }
    }
}

/// The table of a run, one line for each thing that occurred or had to.
#[must_use]
pub fn table(coverage: &Coverage) -> String {
    let mut lines: BTreeMap<(Kind, &str), u64> =
        coverage.all().map(|(kind, name, count)| ((kind, name), count)).collect();
    for (kind, names) in REQUIRED {
        for name in *names {
            lines.entry((*kind, *name)).or_default();
        }
    }
    let lines =
        lines.into_iter().map(|((kind, name), count)| format!("{:9} {name:32} {count:9}\n", kind.as_str()));
    lines.collect()
}

/// What a whole run should have seen and did not; also words that stand in neither list.
#[must_use]
pub fn missing(coverage: &Coverage) -> Vec<String> {
    let mut missing = Vec::new();
    let required = REQUIRED.iter().flat_map(|(kind, names)| names.iter().map(|name| (*kind, *name)));
    for (kind, name) in required.clone() {
        let count = coverage.of(kind, name);
        if count < OCCURS_MIN {
            missing.push(format!("{} {name} occurs {count} times", kind.as_str()));
        }
    }
    let reasons: Vec<&str> =
        required.filter(|(kind, _)| *kind == Kind::Reason).map(|(_, name)| name).collect();
    let impossible = |word: &str| IMPOSSIBLE.iter().any(|(name, _)| *name == word);
    for reason in Reason::ALL.iter().map(|reason| reason.as_str()) {
        let occurs = reasons.iter().any(|name| name.ends_with(&format!("/{reason}")));
        if occurs == impossible(reason) {
            missing.push(format!("reason {reason} must be in exactly one of the lists"));
        }
        let seen = coverage
            .all()
            .any(|(kind, name, _)| kind == Kind::Reason && name.ends_with(&format!("/{reason}")));
        if seen && impossible(reason) {
            missing.push(format!("reason {reason} cannot occur, and did"));
        }
    }
    for gate in Gate::ALL.iter().map(|gate| gate.as_str()) {
        let listed = reasons.iter().any(|name| name.starts_with(&format!("{gate}/")));
        if !listed && !impossible(gate) && !ENDS.contains(&gate) {
            missing.push(format!("gate {gate} stands in no list"));
        }
    }
    missing
}
