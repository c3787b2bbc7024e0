//! Deliveries that wait for a provider, and public tokens.

use std::cmp::Reverse;

use async_trait::async_trait;
use tidings_core::model::{Delivery, StoredAnswer};
use tidings_core::ports::{
    Begun, DueHandover, HandoverLane, HandoverReader, PublicToken, PublicTokens, StoreError,
};
use tidings_protocol::{DeliveryState, Priority, ProjectId, Timestamp};

use super::{MemoryStore, PortCall};

#[async_trait]
impl HandoverReader for MemoryStore {
    async fn handover_lanes(&self) -> Result<Vec<HandoverLane>, StoreError> {
        self.at(PortCall::Due).await?;
        let tables = self.shared.lock();
        let mut lanes: Vec<HandoverLane> = Vec::new();
        for ((project, provider, host, _, due, _), ()) in tables.lanes.iter() {
            match lanes.last_mut() {
                Some(lane) if (&lane.project, &lane.provider, &lane.host) == (project, provider, host) => {
                    lane.due = lane.due.min(*due);
                }
                Some(_) | None => lanes.push(HandoverLane {
                    project: project.clone(),
                    provider: provider.clone(),
                    host: host.clone(),
                    due: *due,
                }),
            }
        }
        Ok(lanes)
    }

    async fn due_handovers(
        &self,
        lane: &HandoverLane,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueHandover>, StoreError> {
        self.at(PortCall::Due).await?;
        let tables = self.shared.lock();
        let key = |priority, due, id: &str| {
            let HandoverLane { project, provider, host, .. } = lane.clone();
            (project, provider, host, Reverse(priority), due, id.into())
        };
        let by_urgency = [Priority::Urgent, Priority::High, Priority::Normal, Priority::Low];
        let first = |priority| key(priority, Timestamp::from_millis(i64::MIN), "");
        let after = now.plus_millis(1);
        let due = by_urgency
            .into_iter()
            .flat_map(|priority| tables.lanes.range(first(priority)..key(priority, after, "")));
        let row = |id: &str| {
            let row = tables.deliveries.get(&id.into())?;
            let address = row.address.clone()?;
            Some(DueHandover { delivery: row.id.clone(), person: row.person.clone(), address })
        };
        Ok(due.filter_map(|((.., id), ())| row(id)).take(limit).collect())
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
        let row = tables.deliveries.get(&id.into());
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
        Ok(tables.deliveries.iter().map(|(_, row)| row).rfind(named).cloned())
    }
}

#[async_trait]
impl PublicTokens for MemoryStore {
    async fn put_public_tokens(
        &self,
        rows: &[PublicToken],
        answer: Option<&StoredAnswer>,
    ) -> Result<(), StoreError> {
        self.change(PortCall::Registry, |tables| {
            tables.keep_answer(answer);
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
