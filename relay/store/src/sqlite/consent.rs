//! The consent ledger and the person's own data.

use async_trait::async_trait;
use sqlx::SqliteConnection;
use tidings_core::model::{ConsentEntry, ConsentHead, Person, PersonKey};
use tidings_core::ports::{ConsentReader, RecipientExport, StoreError};
use tidings_protocol::{EntryId, ProjectId};

use super::error::meaning;
use super::people;
use super::rows::{consent, event};
use super::statements::story as sql;
use super::story::told;
use super::{BEGIN, END, SqliteStore, limit as count};

#[async_trait]
impl ConsentReader for SqliteStore {
    async fn person(&self, person: &PersonKey) -> Result<Person, StoreError> {
        let mut snapshot = self.reader().await?;
        let found =
            people::person(&mut snapshot.connection, Some(BEGIN), person, &self.shared.erasure, Some(END))
                .await?;
        snapshot.ended = true;
        Ok(found)
    }

    async fn consent_entries(
        &self,
        person: &PersonKey,
        after: u64,
        limit: usize,
    ) -> Result<Vec<ConsentEntry>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let entries =
            chain(&mut snapshot.connection, &person.project, person.recipient.as_str(), after, limit).await;
        snapshot.end().await;
        entries
    }

    async fn consent_entry(
        &self,
        person: &PersonKey,
        entry: &EntryId,
    ) -> Result<Option<ConsentEntry>, StoreError> {
        let query = sqlx::query(sql::CONSENT_ENTRY)
            .bind(person.project.as_str())
            .bind(person.recipient.as_str())
            .bind(entry.as_str());
        let mut snapshot = self.snapshot().await?;
        let row = query.fetch_optional(&mut *snapshot.connection).await.map_err(meaning)?;
        snapshot.end().await;
        row.map(|row| consent::entry(&row).map(|(_, _, entry)| entry)).transpose()
    }

    async fn chains(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Vec<ConsentEntry>, ConsentHead)>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let heads = sqlx::query(sql::CHAINS)
            .bind(project.as_str())
            .bind(after.unwrap_or_default())
            .bind(count(limit));
        let heads = heads.fetch_all(&mut *snapshot.connection).await.map_err(meaning)?;
        let mut chains = Vec::with_capacity(heads.len());
        for row in &heads {
            let (_, name, head) = consent::head(row)?;
            let entries = chain(&mut snapshot.connection, project, &name, 0, usize::MAX).await?;
            chains.push((name, entries, head));
        }
        snapshot.end().await;
        Ok(chains)
    }

    async fn export(&self, person: &PersonKey) -> Result<RecipientExport, StoreError> {
        let (project, recipient) = (person.project.as_str(), person.recipient.as_str());
        let mut snapshot = self.reader().await?;
        let found =
            people::person(&mut snapshot.connection, Some(BEGIN), person, &self.shared.erasure, None).await?;
        let consents = chain(&mut snapshot.connection, &person.project, recipient, 0, usize::MAX).await?;
        let rows = sqlx::query(sql::EXPORTED).bind(project).bind(recipient);
        let rows = rows.fetch_all(&mut *snapshot.connection).await.map_err(meaning)?;
        let notifications = told(&mut snapshot.connection, &rows).await?;
        let events = sqlx::query(sql::EXPORTED_EVENTS).bind(project).bind(recipient);
        let events = events.fetch_all(&mut *snapshot.connection).await.map_err(meaning)?;
        snapshot.end().await;
        Ok(RecipientExport {
            person: found,
            consents,
            notifications,
            events: events.iter().map(event::event).collect::<Result<_, _>>()?,
        })
    }
}

/// The entries of a chain behind a number.
async fn chain(
    connection: &mut SqliteConnection,
    project: &ProjectId,
    name: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<ConsentEntry>, StoreError> {
    let query = sqlx::query(sql::CONSENT_ENTRIES)
        .bind(project.as_str())
        .bind(name)
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(count(limit));
    let rows = query.fetch_all(connection).await.map_err(meaning)?;
    rows.iter().map(|row| consent::entry(row).map(|(_, _, entry)| entry)).collect()
}
