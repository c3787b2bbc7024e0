//! What operators read about many notifications at once.

use async_trait::async_trait;
use tidings_protocol::{ProjectId, RuleId};

use super::StoreError;
use crate::model::{TallyKey, Win};
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
}

/// What is known of a rule's variants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trials {
    /// The counts.
    pub tallies: Vec<(TallyKey, Tally)>,
    /// The wins, oldest first.
    pub wins: Vec<Win>,
}
