//! Recounts the books and says what does not add up.

use std::collections::BTreeMap;

use tidings_core::configuration::Alert;
use tidings_core::model::{Ledger, Term};
use tidings_core::ports::{BookRow, StoreError};

use super::Dispatch;

/// Rows without a mover that one recount names in the log.
const STUCK_NAMED_MAX: usize = 20;

/// What does not add up in a project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Residue {
    /// What the equations leave over: made minus the sum of the states, absolute, over days and ledgers.
    pub(super) equations: u64,
    /// Counters that differ from what the rows say, by how much.
    pub(super) recount: u64,
}

/// Recounts every project; sets the gauges and writes a line for each project that has a residue.
pub(super) async fn recount(dispatch: &Dispatch) -> Result<(), StoreError> {
    for project in dispatch.registry.projects().await? {
        let rows = dispatch.books.books(&project.id).await?;
        let residue = residue_of(&rows);
        let stuck = dispatch.books.stuck(&project.id, dispatch.clock.now(), STUCK_NAMED_MAX).await?;
        let name = project.name.to_string();
        let total = residue.equations + residue.recount;
        metrics::gauge!("tidings_residue", "project" => name.clone()).set(as_gauge(total));
        let stuck_now = u64::try_from(stuck.len()).unwrap_or(u64::MAX);
        metrics::gauge!("tidings_stuck", "project" => name.clone()).set(as_gauge(stuck_now));
        if total > 0 {
            dispatch.alarms.note(
                project.id.clone(),
                Alert::Residue,
                format!("{total} are missing or too many"),
            );
            tracing::error!(
                project.name = name,
                equations = residue.equations,
                recount = residue.recount,
                "the books do not balance: run tidings doctor"
            );
        }
        if let Some(first) = stuck.first() {
            tracing::error!(
                project.name = name,
                stuck = stuck_now,
                notification.id = %first,
                "notifications are pending and nothing moves them: run tidings doctor"
            );
        }
    }
    Ok(())
}

/// What counters and rows leave over.
pub(super) fn residue_of(rows: &[BookRow]) -> Residue {
    let mut sides: BTreeMap<(i32, Ledger), i64> = BTreeMap::new();
    let mut recount = 0;
    for row in rows {
        let side = sides.entry((row.key.day, row.key.term.ledger())).or_default();
        match row.key.term {
            Term::Made(_) => *side += row.counted,
            Term::Event(_) | Term::Notification(_) | Term::Delivery(_) => *side -= row.counted,
        }
        recount += row.counted.abs_diff(row.recounted);
    }
    Residue { equations: sides.values().map(|side| side.unsigned_abs()).sum(), recount }
}

/// A gauge is a float; beyond 2^32 nobody reads it digit by digit.
fn as_gauge(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
