//! Deliveries that wait for a provider, and public tokens.

use async_trait::async_trait;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use tidings_core::model::{Delivery, StoredAnswer};
use tidings_core::ports::{
    Begun, DueHandover, HandoverLane, HandoverReader, PublicToken, PublicTokens, StoreError,
};
use tidings_protocol::{ProjectId, Timestamp};

use super::cells::{Cells, to_json};
use super::registry::keep_answer;
use super::rows::person::person_key;
use super::rows::way::{BY_URGENCY, PackedWay, urgency};
use super::rows::work;
use super::statements::{read as sql, write};
use super::{SqliteStore, limit as count, not_committed, put};
use crate::erasure::hex;

#[async_trait]
impl HandoverReader for SqliteStore {
    async fn handover_lanes(&self) -> Result<Vec<HandoverLane>, StoreError> {
        let rows = self.rows(sqlx::query(sql::HANDOVER_LANES)).await?;
        let lanes = rows.iter().map(|row| {
            let mut cells = Cells::of(row);
            let (project, provider, host) = (cells.word()?, cells.text()?, cells.text()?);
            Ok(HandoverLane { project, provider, host, due: cells.time()? })
        });
        lanes.collect()
    }

    async fn due_handovers(
        &self,
        lane: &HandoverLane,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueHandover>, StoreError> {
        let mut due = Vec::new();
        for priority in BY_URGENCY {
            let query = sqlx::query(sql::DUE_HANDOVERS).bind(lane.project.as_str());
            let query = query.bind(lane.provider.to_string()).bind(now.as_millis());
            let query =
                query.bind(count(limit - due.len())).bind(urgency(priority)).bind(lane.host.to_string());
            for row in &self.rows(query).await? {
                let mut cells = Cells::of(row);
                let (delivery, person) = (cells.text()?, person_key(&mut cells)?);
                due.push(DueHandover { delivery, person, address: cells.text()? });
            }
            if due.len() == limit {
                break;
            }
        }
        Ok(due)
    }

    async fn begun_handovers(&self, after: Option<&str>, limit: usize) -> Result<Vec<Begun>, StoreError> {
        let query = sqlx::query(sql::BEGUN_HANDOVERS).bind(after.unwrap_or_default().to_owned());
        let rows = self.rows(query.bind(count(limit))).await?;
        let begun = rows.iter().map(|row| {
            let mut cells = Cells::of(row);
            let (delivery, project) = (cells.text()?, cells.word()?);
            let way: Option<PackedWay> = cells.json_maybe()?;
            let (attempt, owner) = way.as_ref().map_or((0, None), PackedWay::begun);
            Ok(Begun { project, delivery, attempt, owner })
        });
        begun.collect()
    }

    async fn delivery(&self, project: &ProjectId, id: &str) -> Result<Option<Delivery>, StoreError> {
        let query = sqlx::query(sql::ONE_DELIVERY).bind(project.as_str()).bind(id.to_owned());
        self.rows(query).await?.first().map(work::delivery).transpose()
    }

    async fn delivery_named(
        &self,
        project: &ProjectId,
        provider_id: &str,
    ) -> Result<Option<Delivery>, StoreError> {
        let query = sqlx::query(sql::DELIVERY_NAMED).bind(project.as_str()).bind(provider_id.to_owned());
        self.rows(query).await?.first().map(work::delivery).transpose()
    }
}

#[async_trait]
impl PublicTokens for SqliteStore {
    async fn put_public_tokens(
        &self,
        rows: &[PublicToken],
        answer: Option<&StoredAnswer>,
    ) -> Result<(), StoreError> {
        let cells = rows.iter().map(|row| {
            json!([
                hex(&row.hash),
                row.person.project,
                row.person.recipient,
                to_json(&row.opens),
                row.made_at.as_millis(),
                row.expires_at.map(Timestamp::as_millis)
            ])
        });
        let mut writer = self.writer().await?;
        writer.begin_beside_people().await?;
        put(&mut writer.connection, write::ADD_PUBLIC_TOKENS, cells.collect()).await?;
        keep_answer(&mut writer.connection, answer).await?;
        writer.commit().await.map_err(not_committed)?;
        self.shared.checkpoints.wrote();
        Ok(())
    }

    async fn public_token(&self, hash: &[u8; 32], now: Timestamp) -> Result<Option<PublicToken>, StoreError> {
        let query = sqlx::query(sql::PUBLIC_TOKEN).bind(hash.to_vec()).bind(now.as_millis());
        self.rows(query).await?.first().map(public_token).transpose()
    }
}

/// `hash, project, recipient, opens, made_at, expires_at`.
pub(super) fn public_token(row: &SqliteRow) -> Result<PublicToken, StoreError> {
    let mut cells = Cells::of(row);
    Ok(PublicToken {
        hash: cells.hash()?,
        person: person_key(&mut cells)?,
        opens: cells.json()?,
        made_at: cells.time()?,
        expires_at: cells.time_maybe()?,
    })
}
