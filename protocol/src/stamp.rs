//! Which of two words on the same thing is the later.

use serde::{Deserialize, Serialize};

use crate::{OperationId, Timestamp};

/// When a register was written and by what. Of two stamps the later wins: the instants are compared first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// When.
    pub at: Timestamp,
    /// By which operation; breaks ties.
    pub by: Box<str>,
}

impl Stamp {
    /// A stamp of an operation, not later than its arrival.
    #[must_use]
    pub fn of(at: Option<Timestamp>, arrival: Timestamp, operation: &OperationId) -> Self {
        Self { at: at.map_or(arrival, |at| at.min(arrival)), by: operation.as_str().into() }
    }
}
