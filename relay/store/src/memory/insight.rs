//! What operators read about many notifications at once.

use async_trait::async_trait;
use tidings_core::ports::{Insight, StoreError, Trials};
use tidings_protocol::{ProjectId, RuleId};

use super::{MemoryStore, PortCall};

#[async_trait]
impl Insight for MemoryStore {
    async fn trials(&self, project: &ProjectId, rule: &RuleId) -> Result<Trials, StoreError> {
        self.at(PortCall::Books).await?;
        let tables = self.shared.lock();
        let tallies = tables.tallies.iter();
        let tallies = tallies.filter(|(key, _)| key.project == *project && key.rule == *rule);
        let wins = tables.wins.iter().map(|(_, win)| win);
        let mut wins: Vec<_> =
            wins.filter(|win| win.project == *project && win.rule == *rule).cloned().collect();
        wins.sort_by(|a, b| (a.at, &a.trial, a.by).cmp(&(b.at, &b.trial, b.by)));
        Ok(Trials { tallies: tallies.map(|(key, tally)| (key.clone(), *tally)).collect(), wins })
    }
}
