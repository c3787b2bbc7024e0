//! What devices read.

use async_trait::async_trait;
use serde_json::json;
use tidings_core::model::PersonKey;
use tidings_core::ports::{InboxPage, InboxReader, StoreError};
use tidings_protocol::Cursor;

use super::cells::Cells;
use super::error::meaning;
use super::people::people;
use super::rows::notification::notification;
use super::rows::person::person_key;
use super::statements::read as sql;
use super::{SqliteStore, ask, limit as count};

#[async_trait]
impl InboxReader for SqliteStore {
    async fn page(
        &self,
        person: &PersonKey,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<InboxPage, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let asked = std::slice::from_ref(person);
        let person = people(&mut snapshot.connection, asked, &self.shared.erasure).await?;
        let person = person.into_iter().next().expect("one was asked for, one is answered");
        let after = person.inbox.as_ref().and_then(|inbox| inbox.place(after?));
        let from = i64::try_from(after.unwrap_or_default()).unwrap_or(i64::MAX);
        let rows = sqlx::query(sql::PAGE)
            .bind(person.key.project.as_str())
            .bind(person.key.recipient.as_str())
            .bind(from)
            .bind(count(limit.saturating_add(1)));
        let rows = rows.fetch_all(&mut *snapshot.connection).await.map_err(meaning)?;
        snapshot.end().await;
        let more = rows.len() > limit;
        let rows = rows.iter().take(limit).map(notification).collect::<Result<Vec<_>, _>>()?;
        let head = person.inbox.as_ref().map_or(0, |inbox| inbox.seq);
        let last = rows.last().and_then(|row| row.seq).or(after).unwrap_or_default();
        Ok(InboxPage { person, after, rows, to: if more { last } else { head }, more })
    }

    async fn heads(&self, asked: &[PersonKey]) -> Result<Vec<(PersonKey, u32, u64)>, StoreError> {
        let key = |(place, key): (usize, &PersonKey)| json!([key.project, key.recipient, place]);
        let mut snapshot = self.snapshot().await?;
        let rows =
            ask(&mut snapshot.connection, sql::HEADS, asked.iter().enumerate().map(key).collect()).await?;
        snapshot.end().await;
        let heads = rows.iter().map(|row| {
            let mut cells = Cells::of(row);
            Ok((person_key(&mut cells)?, cells.number()?, cells.number()?))
        });
        heads.collect()
    }
}
