//! What devices read.

use async_trait::async_trait;
use tidings_core::model::PersonKey;
use tidings_core::ports::{InboxPage, InboxReader, StoreError};
use tidings_protocol::Cursor;

use super::{MemoryStore, PortCall};

#[async_trait]
impl InboxReader for MemoryStore {
    async fn page(
        &self,
        person: &PersonKey,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<InboxPage, StoreError> {
        self.at(PortCall::Inbox).await?;
        let tables = self.shared.lock();
        let person = tables.person(person, &self.shared.erasure);
        let after = person.inbox.as_ref().and_then(|inbox| inbox.place(after?));
        let mut rows: Vec<_> = tables
            .notifications_of(&person.key)
            .filter(|row| row.created_seq.is_some() && row.seq > Some(after.unwrap_or_default()))
            .collect();
        rows.sort_by_key(|row| row.seq);
        let more = rows.len() > limit;
        let rows: Vec<_> = rows.into_iter().take(limit).cloned().collect();
        let head = person.inbox.as_ref().map_or(0, |inbox| inbox.seq);
        let last = rows.last().and_then(|row| row.seq).or(after).unwrap_or_default();
        Ok(InboxPage { person, after, rows, to: if more { last } else { head }, more })
    }

    async fn heads(&self, people: &[PersonKey]) -> Result<Vec<(PersonKey, u32, u64)>, StoreError> {
        self.at(PortCall::Inbox).await?;
        let tables = self.shared.lock();
        let heads = people.iter().filter_map(|person| {
            tables.inboxes.get(person).map(|inbox| (person.clone(), inbox.epoch, inbox.seq))
        });
        Ok(heads.collect())
    }
}
