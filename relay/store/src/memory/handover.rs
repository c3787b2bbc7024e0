//! Deliveries that wait for a provider, and public tokens.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use async_trait::async_trait;
use tidings_core::model::{Delivery, PersonKey};
use tidings_core::ports::{Begun, HandoverLane, HandoverReader, PublicToken, PublicTokens, StoreError};
use tidings_protocol::{DeliveryState, ProjectId, Timestamp};

use super::{MemoryStore, PortCall};

#[async_trait]
impl HandoverReader for MemoryStore {
    async fn handover_lanes(&self) -> Result<Vec<HandoverLane>, StoreError> {
        self.at(PortCall::Due).await?;
        let tables = self.shared.lock();
        let mut lanes: BTreeMap<(ProjectId, Box<str>), Timestamp> = BTreeMap::new();
        for (_, row) in tables.deliveries.iter().filter(|(_, row)| row.state == DeliveryState::Waiting) {
            let Some(way) = &row.way else { continue };
            let key = (row.person.project.clone(), way.provider.clone());
            let due = lanes.entry(key).or_insert(way.due);
            *due = way.due.min(*due);
        }
        let lanes = lanes.into_iter();
        Ok(lanes.map(|((project, provider), due)| HandoverLane { project, provider, due }).collect())
    }

    async fn due_handovers(
        &self,
        project: &ProjectId,
        provider: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Box<str>, PersonKey)>, StoreError> {
        self.at(PortCall::Due).await?;
        let tables = self.shared.lock();
        let waits = |row: &&Delivery| row.state == DeliveryState::Waiting && row.person.project == *project;
        let rows = tables.deliveries.iter().map(|(_, row)| row).filter(waits);
        let mut due: Vec<_> = rows
            .filter_map(|row| Some((row, row.way.as_ref()?)))
            .filter(|(_, way)| *way.provider == *provider && way.due <= now)
            .map(|(row, way)| (Reverse(way.priority), way.due, row.id.clone(), row.person.clone()))
            .collect();
        due.sort();
        Ok(due.into_iter().take(limit).map(|(_, _, id, person)| (id, person)).collect())
    }

    async fn begun_handovers(&self, after: Option<&str>, limit: usize) -> Result<Vec<Begun>, StoreError> {
        self.at(PortCall::Due).await?;
        let tables = self.shared.lock();
        let begun = tables.deliveries.iter().map(|(_, row)| row).filter(|row| {
            row.state == DeliveryState::HandingOver && after.is_none_or(|after| &*row.id > after)
        });
        let begun = begun.map(|row| Begun {
            project: row.person.project.clone(),
            delivery: row.id.clone(),
            attempt: row.way.as_ref().map_or(0, |way| way.attempts),
            owner: row.way.as_ref().and_then(|way| way.owner),
        });
        Ok(begun.take(limit).collect())
    }

    async fn delivery(&self, project: &ProjectId, id: &str) -> Result<Option<Delivery>, StoreError> {
        self.at(PortCall::Due).await?;
        let tables = self.shared.lock();
        let row = tables.deliveries.iter().map(|(_, row)| row).find(|row| &*row.id == id);
        Ok(row.filter(|row| row.person.project == *project).cloned())
    }

    async fn delivery_named(
        &self,
        project: &ProjectId,
        provider_id: &str,
    ) -> Result<Option<Delivery>, StoreError> {
        self.at(PortCall::Due).await?;
        let tables = self.shared.lock();
        let named = |row: &&Delivery| {
            let way = row.way.as_ref();
            row.person.project == *project
                && way.is_some_and(|way| way.provider_id.as_deref() == Some(provider_id))
        };
        Ok(tables.deliveries.iter().map(|(_, row)| row).filter(named).last().cloned())
    }
}

#[async_trait]
impl PublicTokens for MemoryStore {
    async fn put_public_tokens(&self, rows: &[PublicToken]) -> Result<(), StoreError> {
        self.change(PortCall::Registry, |tables| {
            for row in rows {
                tables.public_tokens.add(row.hash, row.clone());
            }
            Ok(())
        })
        .await
    }

    async fn public_token(&self, hash: &[u8; 32], now: Timestamp) -> Result<Option<PublicToken>, StoreError> {
        self.at(PortCall::Registry).await?;
        let tables = self.shared.lock();
        let opens = |row: &&PublicToken| row.expires_at.is_none_or(|until| until > now);
        Ok(tables.public_tokens.get(hash).filter(opens).cloned())
    }
}
