//! The consent ledger and the person's own data.

use async_trait::async_trait;
use tidings_core::model::{ConsentEntry, ConsentHead, Person, PersonKey};
use tidings_core::ports::{ConsentReader, RecipientExport, StoreError};
use tidings_protocol::{EntryId, ProjectId};

use super::{MemoryStore, PortCall};
use crate::tables::Tables;

#[async_trait]
impl ConsentReader for MemoryStore {
    async fn person(&self, person: &PersonKey) -> Result<Person, StoreError> {
        self.at(PortCall::Consent).await?;
        Ok(self.shared.lock().person(person, &self.shared.erasure))
    }

    async fn consent_entries(
        &self,
        person: &PersonKey,
        after: u64,
        limit: usize,
    ) -> Result<Vec<ConsentEntry>, StoreError> {
        self.at(PortCall::Consent).await?;
        let tables = self.shared.lock();
        let entries = tables.chain(&person.project, person.recipient.as_str(), after.saturating_add(1));
        Ok(entries.take(limit).cloned().collect())
    }

    async fn consent_entry(
        &self,
        person: &PersonKey,
        entry: &EntryId,
    ) -> Result<Option<ConsentEntry>, StoreError> {
        self.at(PortCall::Consent).await?;
        let tables = self.shared.lock();
        let mut entries = tables.chain(&person.project, person.recipient.as_str(), 0);
        Ok(entries.find(|row| row.id == *entry).cloned())
    }

    async fn chains(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Vec<ConsentEntry>, ConsentHead)>, StoreError> {
        self.at(PortCall::Consent).await?;
        let tables = self.shared.lock();
        let heads = tables
            .consent_heads
            .iter()
            .filter(|((of, chain), _)| of == project && after.is_none_or(|after| chain.as_str() > after));
        let chains = heads.take(limit).map(|((_, chain), head)| {
            (chain.clone(), tables.chain(project, chain, 0).cloned().collect(), head.clone())
        });
        Ok(chains.collect())
    }

    async fn export(&self, person: &PersonKey) -> Result<RecipientExport, StoreError> {
        self.at(PortCall::Consent).await?;
        let tables = self.shared.lock();
        let events = tables.events.iter().map(|(_, row)| row).filter(|row| {
            row.project == person.project && row.body.recipient.as_ref() == Some(&person.recipient)
        });
        let notifications = tables.notifications_of(person);
        Ok(RecipientExport {
            person: tables.person(person, &self.shared.erasure),
            consents: tables.chain(&person.project, person.recipient.as_str(), 0).cloned().collect(),
            notifications: notifications
                .map(|row| (row.clone(), tables.lines(&row.id).cloned().collect()))
                .collect(),
            events: events.cloned().collect(),
        })
    }
}

impl Tables {
    /// The entries of a chain from a number on.
    fn chain(&self, project: &ProjectId, chain: &str, from: u64) -> impl Iterator<Item = &ConsentEntry> {
        let key = |number| (project.clone(), chain.to_owned(), number);
        self.consent_entries.range(key(from)..=key(u64::MAX)).map(|(_, row)| row)
    }
}
