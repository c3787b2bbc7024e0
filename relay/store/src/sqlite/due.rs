//! Work that is due.

use async_trait::async_trait;
use tidings_core::model::{DueRow, Lane, PersonKey};
use tidings_core::ports::{DueReader, StoreError};
use tidings_core::retention::Outdated;
use tidings_protocol::{NotificationId, ProjectId, Timestamp};

use super::cells::Cells;
use super::error::meaning;
use super::rows::person::person_key;
use super::rows::work;
use super::statements::read as sql;
use super::{SqliteStore, limit as count, purge};
use crate::order::round_robin;

#[async_trait]
impl DueReader for SqliteStore {
    async fn due(
        &self,
        lane: Lane,
        now: Timestamp,
        quantum: usize,
        limit: usize,
    ) -> Result<Vec<DueRow>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let word = work::lane_word(lane);
        let projects = sqlx::query(sql::DUE_PROJECTS).bind(word).fetch_all(&mut *snapshot.connection);
        let projects = projects.await.map_err(meaning)?;
        let mut rows = Vec::new();
        for project in &projects {
            let of_project = sqlx::query(sql::DUE_OF_PROJECT)
                .bind(word)
                .bind(Cells::of(project).cell::<&str>()?)
                .bind(now.as_millis())
                .bind(count(quantum.min(limit)));
            for row in of_project.fetch_all(&mut *snapshot.connection).await.map_err(meaning)? {
                rows.push(work::due(&row)?);
            }
        }
        snapshot.end().await;
        Ok(round_robin(rows, quantum, limit))
    }

    async fn expired(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(PersonKey, NotificationId)>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let rows = sqlx::query(sql::EXPIRED).bind(now.as_millis()).bind(count(limit));
        let rows = rows.fetch_all(&mut *snapshot.connection).await.map_err(meaning)?;
        snapshot.end().await;
        let expired = rows.iter().map(|row| {
            let mut cells = Cells::of(row);
            Ok((person_key(&mut cells)?, cells.word()?))
        });
        expired.collect()
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let work = sqlx::query(sql::NEXT_DUE).fetch_one(&mut *snapshot.connection).await.map_err(meaning)?;
        let expiry =
            sqlx::query(sql::NEXT_EXPIRY).fetch_one(&mut *snapshot.connection).await.map_err(meaning)?;
        snapshot.end().await;
        let next = [Cells::of(&work).time_maybe()?, Cells::of(&expiry).time_maybe()?];
        Ok(next.into_iter().flatten().min())
    }

    async fn purge(
        &self,
        now: Timestamp,
        projects: &[(ProjectId, Outdated)],
        limit: usize,
    ) -> Result<u64, StoreError> {
        let mut writer = self.writer().await?;
        writer.begin().await?;
        let gone = purge::purge(&mut writer.connection, now, projects, limit).await?;
        writer.commit().await.map_err(super::not_committed)?;
        self.shared.checkpoints.wrote();
        Ok(gone)
    }
}
