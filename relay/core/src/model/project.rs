//! A tenant, as decisions see it.

use std::collections::BTreeSet;

use tidings_protocol::{ProjectId, RuleId};

/// What is live in a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectState {
    /// The tenant.
    pub id: ProjectId,
    /// Its label.
    pub name: Box<str>,
    /// The version of the configuration that is live; 0 is the built-in one.
    pub configuration: u64,
    /// The stop switch.
    pub stop: StopSwitch,
}

/// What is stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StopSwitch {
    /// The whole project.
    pub project: bool,
    /// Single rules.
    pub rules: BTreeSet<RuleId>,
}
