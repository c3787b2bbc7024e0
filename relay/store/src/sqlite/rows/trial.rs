//! Counts of variants, and wins.

use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use tidings_core::configuration::WinnerMeasure;
use tidings_core::model::{TallyKey, Win};
use tidings_core::ports::StoreError;
use tidings_core::trial::Tally;

use crate::sqlite::cells::{Cells, damaged};

/// `project, rule, trial, variant, displayed, read, clicked, converted`.
pub(in crate::sqlite) fn tally_cells((key, tally): (&TallyKey, &Tally)) -> Value {
    let TallyKey { project, rule, trial, variant } = key;
    json!([project, rule, trial, variant, tally.displayed, tally.read, tally.clicked, tally.converted])
}

/// The same.
pub(in crate::sqlite) fn tally(row: &SqliteRow) -> Result<(TallyKey, Tally), StoreError> {
    let mut cells = Cells::of(row);
    let key = TallyKey {
        project: cells.word()?,
        rule: cells.word()?,
        trial: cells.text()?,
        variant: cells.text()?,
    };
    let (displayed, read) = (cells.number()?, cells.number()?);
    Ok((key, Tally { displayed, read, clicked: cells.number()?, converted: cells.number()? }))
}

/// `project, rule, trial, measure, variant, at, configuration, text`.
pub(in crate::sqlite) fn win_cells(win: &Win) -> Value {
    let Win { project, rule, trial, by, variant, at, configuration, text } = win;
    json!([project, rule, trial, by.as_str(), variant, at.as_millis(), configuration, text])
}

/// The same.
pub(in crate::sqlite) fn win(row: &SqliteRow) -> Result<Win, StoreError> {
    let mut cells = Cells::of(row);
    let (project, rule, trial) = (cells.word()?, cells.word()?, cells.text()?);
    let word = cells.cell::<&str>()?;
    let by = WinnerMeasure::ALL.into_iter().find(|by| by.as_str() == word);
    let by = by.ok_or_else(|| damaged(format!("the measure {word:?} is not known")))?;
    Ok(Win {
        project,
        rule,
        trial,
        by,
        variant: cells.text()?,
        at: cells.time()?,
        configuration: cells.number()?,
        text: cells.text()?,
    })
}
