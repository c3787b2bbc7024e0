//! What the generator was promised, to be compared with what the relay and the devices have.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Counts of one run. Attempted = accepted + duplicate + rejected + unanswered; what was accepted and is found nowhere
/// is lost, and a run with a loss has no score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    pub(crate) attempted: u64,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) unanswered: u64,
    /// Seen by devices; 0 where no device takes part.
    pub(crate) delivered: u64,
    pub(crate) duplicated: u64,
    pub(crate) lost: u64,
}

impl AddAssign for Ledger {
    fn add_assign(&mut self, other: Self) {
        self.attempted += other.attempted;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.unanswered += other.unanswered;
        self.delivered += other.delivered;
        self.duplicated += other.duplicated;
        self.lost += other.lost;
    }
}

impl Ledger {
    /// Whether every attempt ended in one of the terms, and nothing is lost.
    ///
    /// # Errors
    /// What does not balance.
    pub(crate) fn check(&self) -> Result<(), String> {
        let ended = self.accepted + self.rejected + self.unanswered;
        if self.attempted != ended {
            return Err(format!("{} were attempted and {ended} ended", self.attempted));
        }
        if self.lost > 0 {
            return Err(format!("{} were accepted and are lost", self.lost));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_with_a_loss_or_a_gap_is_refused() {
        let whole = Ledger { attempted: 5, accepted: 3, rejected: 1, unanswered: 1, ..Ledger::default() };
        assert_eq!(whole.check(), Ok(()));
        assert!(Ledger { lost: 1, ..whole }.check().unwrap_err().contains("lost"));
        assert!(Ledger { attempted: 6, ..whole }.check().unwrap_err().contains("ended"));
    }
}
