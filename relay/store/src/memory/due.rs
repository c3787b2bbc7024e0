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
        let due = tables.due_at.iter().map(|(key, ())| key).take_while(|(at, _)| *at <= now);
        let mut keys: Vec<_> = due.map(|(_, key)| key).collect();
        keys.sort_unstable();
        let rows = keys.into_iter().filter_map(|key| tables.due.get(key));
        Ok(round_robin(rows.filter(|row| row.key.lane() == lane).cloned(), quantum, limit))
    }

    async fn expired(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(PersonKey, NotificationId)>, StoreError> {
        self.at(PortCall::Due).await?;
        let tables = self.shared.lock();
        let expired = tables.expiring.iter().map(|(key, ())| key).take_while(|(at, _)| *at <= now);
        let rows = expired.filter_map(|(_, id)| tables.notifications.get(id)).take(limit);
        Ok(rows.map(|row| (row.person.clone(), row.id.clone())).collect())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.at(PortCall::Due).await?;
        let tables = self.shared.lock();
        let work = tables.due_at.first().map(|((at, _), ())| *at);
        let expires = tables.expiring.first().map(|((at, _), ())| *at);
        Ok(work.into_iter().chain(expires).min())
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
