//! The books.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteRow;
use tidings_core::click_rate::{Clicks, Days};
use tidings_core::model::BookKey;
use tidings_core::ports::{BookReader, BookRow, StoreError};
use tidings_protocol::{CategoryId, NotificationId, NotificationState, ProjectId, Timestamp};

use super::SqliteStore;
use super::cells::Cells;
use super::error::meaning;
use super::rows::work::book;
use super::statements::read as sql;
use crate::books::{OVERDUE_MILLIS_MAX, beside};

#[async_trait]
impl BookReader for SqliteStore {
    async fn books(&self, project: &ProjectId) -> Result<Vec<BookRow>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let counted =
            sqlx::query(sql::ACCOUNTING).bind(project.as_str()).fetch_all(&mut *snapshot.connection);
        let counted = counted.await.map_err(meaning)?;
        let rows = sqlx::query(sql::RECOUNT).bind(project.as_str()).fetch_all(&mut *snapshot.connection);
        let rows = rows.await.map_err(meaning)?;
        snapshot.end().await;
        Ok(beside(&sum(&counted)?, &sum(&rows)?))
    }

    async fn stuck(
        &self,
        project: &ProjectId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<NotificationId>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let late = now.plus_millis(-OVERDUE_MILLIS_MAX);
        let mut stuck = Vec::new();
        // Row by row: a large inbox has millions that are not stuck.
        let mut rows = sqlx::query(sql::STUCK).bind(project.as_str()).fetch(&mut *snapshot.connection);
        while stuck.len() < limit
            && let Some(row) = rows.try_next().await.map_err(meaning)?
        {
            stuck.extend(stuck_since(&row, late)?);
        }
        drop(rows);
        snapshot.end().await;
        Ok(stuck)
    }

    async fn clicks(
        &self,
        project: &ProjectId,
        days: Days,
    ) -> Result<BTreeMap<CategoryId, [Clicks; 2]>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let rows = sqlx::query(sql::CLICKS)
            .bind(project.as_str())
            .bind(days.usual_from.as_millis())
            .bind(days.recent_from.as_millis())
            .bind(days.until.as_millis())
            .fetch_all(&mut *snapshot.connection);
        let rows = rows.await.map_err(meaning)?;
        snapshot.end().await;
        let mut counted: BTreeMap<CategoryId, [Clicks; 2]> = BTreeMap::new();
        for row in &rows {
            let mut cells = Cells::of(row);
            let (category, is_recent) = (cells.word()?, cells.cell::<bool>()?);
            let clicks = Clicks { reached: cells.number()?, clicked: cells.number()? };
            counted.entry(category).or_default()[usize::from(is_recent)] = clicks;
        }
        Ok(counted)
    }
}

fn sum(rows: &[SqliteRow]) -> Result<BTreeMap<BookKey, i64>, StoreError> {
    let mut sums: BTreeMap<BookKey, i64> = BTreeMap::new();
    for row in rows {
        let (key, n) = book(row)?;
        *sums.entry(key).or_default() += n;
    }
    Ok(sums)
}

/// The row's id if nothing will ever move it, or it should have been moved before `late`.
fn stuck_since(row: &SqliteRow, late: Timestamp) -> Result<Option<NotificationId>, StoreError> {
    let mut cells = Cells::of(row);
    let (id, state, expires_at) = (cells.word()?, cells.word::<NotificationState>()?, cells.time()?);
    let delivers = cells.cell::<Option<bool>>()?.unwrap_or_default() && state == NotificationState::Active;
    let mover = cells.time_maybe()?;
    let stuck = expires_at < late || mover.map_or(!delivers, |at| at < late);
    Ok(stuck.then_some(id))
}
