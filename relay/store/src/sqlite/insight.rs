//! What operators read about many notifications at once.

use async_trait::async_trait;
use tidings_core::ports::{Insight, StoreError, Trials};
use tidings_protocol::{ProjectId, RuleId};

use super::SqliteStore;
use super::error::meaning;
use super::rows::trial;
use super::statements::read as sql;

#[async_trait]
impl Insight for SqliteStore {
    async fn trials(&self, project: &ProjectId, rule: &RuleId) -> Result<Trials, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let tallies = sqlx::query(sql::TALLIES).bind(project.as_str()).bind(rule.as_str());
        let tallies = tallies.fetch_all(&mut *snapshot.connection).await.map_err(meaning)?;
        let wins = sqlx::query(sql::WINS).bind(project.as_str()).bind(rule.as_str());
        let wins = wins.fetch_all(&mut *snapshot.connection).await.map_err(meaning)?;
        snapshot.end().await;
        let tallies = tallies.iter().map(trial::tally).collect::<Result<_, _>>()?;
        let mut wins = wins.iter().map(trial::win).collect::<Result<Vec<_>, _>>()?;
        wins.sort_by(|a, b| (a.at, &a.trial, a.by).cmp(&(b.at, &b.trial, b.by)));
        Ok(Trials { tallies, wins })
    }
}
