//! The way to the one writer.

use async_trait::async_trait;
use tidings_core::act::{Settled, Unit};

/// Takes units, commits those that arrive together in one transaction, and answers each.
#[async_trait]
pub trait Submit: Send + Sync {
    /// What became of a unit. If the writer has stopped, that is [`tidings_core::act::Refusal::Unavailable`].
    ///
    /// # Cancel safety
    /// Dropping the future drops the answer, not the unit.
    async fn submit(&self, unit: Unit) -> Settled;
}
