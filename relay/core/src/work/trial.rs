//! Counts of variants, and wins.

use tidings_protocol::{NotificationId, ProjectId, RuleId};

use super::{Standing, Work};
use crate::configuration::WinnerMeasure;
use crate::model::{Counted, TallyKey, Win};
use crate::ports::Need;
use crate::trial::Tally;

impl Work<'_> {
    /// What has to be read to count what may happen to notifications of the copy that are in a trial.
    pub(super) fn tallies_of_trials(&self) -> impl Iterator<Item = Need> {
        let rows = self.notifications.values().filter(|copy| copy.standing != Standing::New);
        let counts = rows.map(|copy| &copy.row).filter(|row| row.counted != Counted::ALL);
        counts.filter_map(|row| {
            let (rule, trial) = (row.cause.rule.clone()?, row.trial.clone()?);
            Some(Need::Tallies(row.person.project.clone(), rule, trial))
        })
    }

    /// Notifications in a trial that these decisions touched.
    pub(crate) fn in_trials(&self) -> Vec<NotificationId> {
        let touched = self.notifications.iter().filter(|(_, copy)| copy.standing != Standing::Stored);
        touched.filter(|(_, copy)| copy.row.trial.is_some()).map(|(id, _)| id.clone()).collect()
    }

    /// The count of a variant with what these decisions add, if it was read.
    pub(crate) fn tally(&self, key: &TallyKey) -> Option<Tally> {
        let need = Need::Tallies(key.project.clone(), key.rule.clone(), key.trial.clone());
        let stored = self.tallies.get(key).copied().unwrap_or_default();
        let added = self.changes.tallies.get(key).copied().unwrap_or_default();
        self.loaded.contains(&need).then(|| stored.and(added))
    }

    /// Adds to the count of a variant.
    pub(crate) fn count(&mut self, key: TallyKey, more: Tally) {
        let added = self.changes.tallies.entry(key).or_default();
        *added = added.and(more);
    }

    /// The win of a set of variants.
    pub(crate) fn win(
        &self,
        project: &ProjectId,
        rule: &RuleId,
        trial: &str,
        by: WinnerMeasure,
    ) -> Option<&Win> {
        let same =
            |win: &&Win| win.project == *project && win.rule == *rule && *win.trial == *trial && win.by == by;
        self.wins.iter().chain(&self.changes.wins).find(same)
    }

    /// A variant won.
    pub(crate) fn add_win(&mut self, win: Win) {
        self.changes.wins.push(win);
    }
}
