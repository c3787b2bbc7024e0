//! What operators read about many notifications at once.

use async_trait::async_trait;
use tidings_protocol::{Channel, ProjectId, RuleId, Timestamp};

use super::StoreError;
use crate::model::{TallyKey, Win};
use crate::statistics::{Kind, Sums};
use crate::trial::Tally;

/// What came of rules.
#[async_trait]
pub trait Insight: Send + Sync {
    /// What was counted of a rule's variants, of all sets that it had, and which of them won; both in the order of their
    /// keys.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn trials(&self, project: &ProjectId, rule: &RuleId) -> Result<Trials, StoreError>;

    /// What became of the notifications that were made in a span of time, by what they have in common, in that order.
    /// Reads the rows of all of it.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn sums(
        &self,
        project: &ProjectId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Kind, Sums)>, StoreError>;

    /// The same by channel: made are those with a delivery there, reached those whose delivery arrived, and whatever became
    /// of them is of these. A notification of several channels is counted in each. Reads the rows of all of it.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn sums_of_channels(
        &self,
        project: &ProjectId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Channel, Sums)>, StoreError>;
}

/// What is known of a rule's variants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trials {
    /// The counts.
    pub tallies: Vec<(TallyKey, Tally)>,
    /// The wins, oldest first.
    pub wins: Vec<Win>,
}
