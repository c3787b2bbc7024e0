//! Orders that every store answers in.

use std::collections::BTreeMap;

use tidings_core::model::{DueKey, DueRow};
use tidings_protocol::ProjectId;

/// The words of a due row's key: kind, id and rule, the last empty if there is none.
pub(crate) fn due_words(key: &DueKey) -> (&'static str, &str, &str) {
    match key {
        DueKey::Release(id) => ("release", id.as_str(), ""),
        DueKey::Step(id) => ("step", id.as_str(), ""),
        DueKey::Repeat(id) => ("repeat", id.as_str(), ""),
        DueKey::Digest(id) => ("digest", id.as_str(), ""),
        DueKey::FanOut(id, rule) => ("fan_out", id.as_str(), rule.as_ref().map_or("", |rule| rule.as_str())),
    }
}

/// Takes at most `quantum` rows of each project, the oldest first, and goes round the projects until `limit`.
pub(crate) fn round_robin(
    rows: impl IntoIterator<Item = DueRow>,
    quantum: usize,
    limit: usize,
) -> Vec<DueRow> {
    let mut projects: BTreeMap<ProjectId, Vec<DueRow>> = BTreeMap::new();
    for row in rows {
        projects.entry(row.person.project.clone()).or_default().push(row);
    }
    let mut ranked = Vec::new();
    for (project, mut rows) in projects {
        rows.sort_by(|a, b| (a.at, due_words(&a.key)).cmp(&(b.at, due_words(&b.key))));
        ranked.extend(
            rows.into_iter()
                .take(quantum)
                .enumerate()
                .map(|(rank, row)| ((rank, row.at, project.clone()), row)),
        );
    }
    ranked.sort_by(|(a, _), (b, _)| a.cmp(b));
    ranked.into_iter().take(limit).map(|(_, row)| row).collect()
}
