//! What operators read about many notifications at once.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use tidings_core::ports::{Insight, StoreError, Trials};
use tidings_core::statistics::{Kind, Sums};
use tidings_protocol::{Channel, ProjectId, RuleId, Timestamp};

use super::SqliteStore;
use super::cells::Cells;
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

    async fn sums(
        &self,
        project: &ProjectId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Kind, Sums)>, StoreError> {
        let rows = self.in_span(sql::SUMS, project, (since, until)).await?;
        let mut counted = rows.iter().map(kind_and_sums).collect::<Result<Vec<_>, _>>()?;
        counted.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(counted)
    }

    async fn sums_of_channels(
        &self,
        project: &ProjectId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Channel, Sums)>, StoreError> {
        let mut rows = self.in_span(sql::SUMS_OF_INBOX, project, (since, until)).await?;
        rows.extend(self.in_span(sql::SUMS_OF_CHANNELS, project, (since, until)).await?);
        let mut counted = rows
            .iter()
            .map(|row| {
                let mut cells = Cells::of(row);
                Ok((cells.word()?, sums(&mut cells)?))
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        counted.sort_by_key(|(channel, _)| *channel);
        Ok(counted)
    }
}

impl SqliteStore {
    async fn in_span(
        &self,
        sql: &'static str,
        project: &ProjectId,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let query = sqlx::query(sql).bind(project.as_str());
        self.rows(query.bind(since.as_millis()).bind(until.as_millis())).await
    }
}

fn kind_and_sums(row: &SqliteRow) -> Result<(Kind, Sums), StoreError> {
    let mut cells = Cells::of(row);
    let kind = Kind {
        category: cells.word()?,
        rule: cells.word_maybe()?,
        template: cells.text_maybe()?,
        variant: cells.text_maybe()?,
        band: cells.number_maybe()?,
    };
    Ok((kind, sums(&mut cells)?))
}

fn sums(cells: &mut Cells<'_>) -> Result<Sums, StoreError> {
    Ok(Sums {
        made: cells.number()?,
        reached: cells.number()?,
        displayed: cells.number()?,
        read: cells.number()?,
        clicked: cells.number()?,
        acted: cells.number()?,
        converted: cells.number()?,
        opened_by_program: cells.number()?,
        followed_by_program: cells.number()?,
    })
}
