//! Work that is due.

use async_trait::async_trait;
use tidings_core::model::{DueRow, Lane, PersonKey};
use tidings_core::ports::{DueReader, StoreError};
use tidings_core::retention::Outdated;
use tidings_protocol::{NotificationId, ProjectId, Timestamp};

use super::{MemoryStore, PortCall};
use crate::order::round_robin;

#[async_trait]
impl DueReader for MemoryStore {
    async fn due(
        &self,
        lane: Lane,
        now: Timestamp,
        quantum: usize,
        limit: usize,
    ) -> Result<Vec<DueRow>, StoreError> {
        self.at(PortCall::Due).await?;
        let tables = self.shared.lock();
        let rows = tables.due.iter().map(|(_, row)| row);
        Ok(round_robin(rows.filter(|row| row.key.lane() == lane && row.at <= now).cloned(), quantum, limit))
    }

    async fn expired(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(PersonKey, NotificationId)>, StoreError> {
        self.at(PortCall::Due).await?;
        let tables = self.shared.lock();
        let pending = tables.pending.iter().filter_map(|(id, ())| tables.notifications.get(id));
        let mut rows: Vec<_> = pending.filter(|row| row.expires_at <= now).collect();
        rows.sort_by_key(|row| (row.expires_at, row.id.clone()));
        Ok(rows.into_iter().take(limit).map(|row| (row.person.clone(), row.id.clone())).collect())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.at(PortCall::Due).await?;
        let tables = self.shared.lock();
        let work = tables.due.iter().map(|(_, row)| row.at);
        let pending = tables.pending.iter().filter_map(|(id, ())| tables.notifications.get(id));
        Ok(work.chain(pending.map(|row| row.expires_at)).min())
    }

    async fn purge(
        &self,
        now: Timestamp,
        projects: &[(ProjectId, Outdated)],
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.at(PortCall::Due).await?;
        let _turn = self.shared.turnstile.turn().await;
        let mut tables = self.shared.lock();
        let gone = tables.purge(now, projects, limit);
        tables.commit();
        Ok(u64::try_from(gone).unwrap_or(u64::MAX))
    }
}
