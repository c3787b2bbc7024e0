//! Sets the counters beside a recount.

use std::collections::BTreeMap;

use tidings_core::model::{BookKey, Term};
use tidings_core::ports::BookRow;

/// How late a row may be moved: five minutes.
pub(crate) const OVERDUE_MILLIS_MAX: i64 = 300_000;

/// Every counter that was counted or that has rows. A left side has no rows of its own: it is the sum of its day's.
pub(crate) fn beside(counted: &BTreeMap<BookKey, i64>, rows: &BTreeMap<BookKey, i64>) -> Vec<BookRow> {
    let mut recounted = rows.clone();
    for (key, n) in rows {
        let made = BookKey { term: Term::Made(key.term.ledger()), ..key.clone() };
        *recounted.entry(made).or_default() += n;
    }
    let mut keys: Vec<&BookKey> = counted.keys().chain(recounted.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .map(|key| BookRow {
            key: key.clone(),
            counted: counted.get(key).copied().unwrap_or_default(),
            recounted: recounted.get(key).copied().unwrap_or_default(),
        })
        .collect()
}
