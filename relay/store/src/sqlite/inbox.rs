//! What devices read.

use async_trait::async_trait;
use serde_json::json;
use tidings_core::model::PersonKey;
use tidings_core::ports::{InboxPage, InboxReader, StoreError};
use tidings_protocol::Cursor;

use super::cells::Cells;
use super::people;
use super::rows::notification::notification;
use super::rows::person::person_key;
use super::statements::read as sql;
use super::turn::ask_all;
use super::{BEGIN, END, SqliteStore, ask, limit as count};

#[async_trait]
impl InboxReader for SqliteStore {
    async fn page(
        &self,
        person: &PersonKey,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<InboxPage, StoreError> {
        let mut snapshot = self.reader().await?;
        let person =
            people::person(&mut snapshot.connection, Some(BEGIN), person, &self.shared.erasure, None).await?;
        let after = person.inbox.as_ref().and_then(|inbox| inbox.place(after?));
        let from = i64::try_from(after.unwrap_or_default()).unwrap_or(i64::MAX);
        let PersonKey { project, recipient } = &person.key;
        let page = json!([project, recipient, from, count(limit.saturating_add(1))]);
        let asked = vec![(sql::PAGE, vec![page])];
        let rows = ask_all(&mut snapshot.connection, None, asked, Some(END)).await?.swap_remove(0);
        snapshot.ended = true;
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
