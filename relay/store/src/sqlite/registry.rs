//! What an operator sets up. Each write is a transaction of its own.

use async_trait::async_trait;
use sqlx::SqliteConnection;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use tidings_core::delivery::compared;
use tidings_core::model::{PersonKey, StoredAnswer};
use tidings_core::ports::{ConfigurationRow, KeyRow, ProjectRow, Registry, SecretRow, StopEntry, StoreError};
use tidings_protocol::{ProjectId, Timestamp};

use super::bulk::put;
use super::cells::{Cells, to_json};
use super::error::meaning;
use super::rows::person::person_key;
use super::rows::{setup, work};
use super::statements::{setup as sql, write};
use super::{SqliteStore, limit as count, not_committed};

impl SqliteStore {
    /// Reads the rows of one statement, which is a snapshot by itself.
    pub(super) async fn rows(
        &self,
        query: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let mut connection = self.shared.readers.acquire().await?;
        query.fetch_all(&mut *connection).await.map_err(meaning)
    }

    /// One statement about anything but recipients as a transaction of its own; answers how many rows it wrote.
    pub(super) async fn change(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<u64, StoreError> {
        self.change_and_keep(query, None).await
    }

    /// The same with what the call answers, which is kept if a row was written.
    pub(super) async fn change_and_keep(
        &self,
        query: Query<'_, Sqlite, SqliteArguments>,
        answer: Option<&StoredAnswer>,
    ) -> Result<u64, StoreError> {
        let mut writer = self.writer().await?;
        writer.begin_beside_people().await?;
        writer.kept.forget_projects();
        let written = query.execute(&mut writer.connection).await.map_err(meaning)?.rows_affected();
        keep_answer(&mut writer.connection, answer.filter(|_| written > 0)).await?;
        writer.commit().await.map_err(not_committed)?;
        self.shared.checkpoints.wrote();
        Ok(written)
    }
}

/// Keeps what a call answers that may come again, in the transaction that is open.
pub(super) async fn keep_answer(
    connection: &mut SqliteConnection,
    answer: Option<&StoredAnswer>,
) -> Result<(), StoreError> {
    let rows: Vec<_> = answer.map(work::answer_cells).into_iter().collect();
    put(connection, write::SET_ANSWERS, rows).await.map(drop)
}

#[async_trait]
impl Registry for SqliteStore {
    async fn projects(&self) -> Result<Vec<ProjectRow>, StoreError> {
        self.rows(sqlx::query(sql::PROJECTS)).await?.iter().map(setup::project).collect()
    }

    async fn put_project(&self, project: &ProjectRow) -> Result<(), StoreError> {
        let query = sqlx::query(sql::PUT_PROJECT)
            .bind(project.id.as_str())
            .bind(&*project.name)
            .bind(version(project.configuration))
            .bind(setup::stop_json(&project.stop))
            .bind(project.created_at.as_millis());
        self.change(query).await.map(drop)
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        self.rows(sqlx::query(sql::KEYS)).await?.iter().map(setup::key).collect()
    }

    async fn put_key(&self, key: &KeyRow, answer: Option<&StoredAnswer>) -> Result<(), StoreError> {
        let query = sqlx::query(sql::PUT_KEY)
            .bind(&*key.id)
            .bind(key.project.as_str())
            .bind(key.hash.as_slice())
            .bind(key.sandbox)
            .bind(to_json(&key.scopes))
            .bind(&*key.label)
            .bind(key.created_at.as_millis())
            .bind(key.revoked_at.map(Timestamp::as_millis));
        self.change_and_keep(query, answer).await.map(drop)
    }

    async fn configuration(
        &self,
        project: &ProjectId,
        number: u64,
    ) -> Result<Option<ConfigurationRow>, StoreError> {
        let query = sqlx::query(sql::CONFIGURATION).bind(project.as_str()).bind(version(number));
        self.rows(query).await?.first().map(setup::configuration).transpose()
    }

    async fn configurations(
        &self,
        project: &ProjectId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ConfigurationRow>, StoreError> {
        let query = sqlx::query(sql::CONFIGURATIONS)
            .bind(project.as_str())
            .bind(before.map_or(i64::MAX, version))
            .bind(count(limit));
        self.rows(query).await?.iter().map(setup::configuration).collect()
    }

    async fn apply(
        &self,
        row: &ConfigurationRow,
        name: &str,
        answer: Option<&StoredAnswer>,
    ) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        writer.begin().await?;
        let live = sqlx::query(sql::GO_LIVE).bind(row.project.as_str()).bind(version(row.version)).bind(name);
        let live = live.execute(&mut writer.connection).await.map_err(meaning)?;
        if live.rows_affected() == 0 {
            let detail = format!("version {} does not follow the live one of {}", row.version, row.project);
            return Err(StoreError::Data { detail });
        }
        let added = sqlx::query(sql::ADD_CONFIGURATION)
            .bind(row.project.as_str())
            .bind(version(row.version))
            .bind(&*row.bundle)
            .bind(&*row.digest)
            .bind(row.applied_at.as_millis())
            .bind(&*row.applied_by);
        added.execute(&mut writer.connection).await.map_err(meaning)?;
        keep_answer(&mut writer.connection, answer).await?;
        writer.commit().await.map_err(not_committed)
    }

    async fn secret(&self, project: &ProjectId, name: &str) -> Result<Option<SecretRow>, StoreError> {
        let query = sqlx::query(sql::SECRET).bind(project.as_str()).bind(name);
        self.rows(query).await?.first().map(setup::secret).transpose()
    }

    async fn put_secret(&self, secret: &SecretRow) -> Result<(), StoreError> {
        let query = sqlx::query(sql::PUT_SECRET)
            .bind(secret.project.as_str())
            .bind(&*secret.name)
            .bind(secret.sealed.as_slice())
            .bind(secret.set_at.as_millis());
        self.change(query).await.map(drop)
    }

    async fn stop_list(
        &self,
        project: &ProjectId,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StopEntry>, StoreError> {
        let query = sqlx::query(sql::STOP_LIST).bind(project.as_str()).bind(before).bind(count(limit));
        self.rows(query).await?.iter().map(setup::stop_entry).collect()
    }

    async fn put_stop_entry(
        &self,
        entry: &StopEntry,
        add: bool,
        answer: Option<&StoredAnswer>,
    ) -> Result<Option<StopEntry>, StoreError> {
        let mut writer = self.writer().await?;
        writer.begin_beside_people().await?;
        let writer = &mut *writer;
        let connection = &mut writer.connection;
        let there =
            if add { same_entry(connection, entry).await? } else { remove(connection, entry).await? };
        let owners = match (&there, add) {
            (None, true) => {
                add_stop_entry(connection, entry).await?;
                keep_answer(connection, answer).await?;
                raise_versions(connection, entry).await?
            }
            (Some(row), false) => raise_versions(connection, row).await?,
            (Some(_), true) | (None, false) => Vec::new(),
        };
        owners.iter().for_each(|owner| writer.kept.forget(owner));
        writer.commit().await.map_err(not_committed)?;
        Ok(there)
    }
}

/// A version as SQLite counts.
fn version(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The entry that names the same address, if there is one.
async fn same_entry(
    connection: &mut SqliteConnection,
    entry: &StopEntry,
) -> Result<Option<StopEntry>, StoreError> {
    let same = sqlx::query(sql::SAME_STOP_ENTRY)
        .bind(entry.project.as_str())
        .bind(entry.channel.as_str())
        .bind(compared(entry.channel, &entry.address));
    same.fetch_optional(connection).await.map_err(meaning)?.as_ref().map(setup::stop_entry).transpose()
}

async fn add_stop_entry(connection: &mut SqliteConnection, entry: &StopEntry) -> Result<(), StoreError> {
    let added = sqlx::query(sql::ADD_STOP_ENTRY)
        .bind(entry.project.as_str())
        .bind(&*entry.id)
        .bind(entry.channel.as_str())
        .bind(&*entry.address)
        .bind(&*entry.reason)
        .bind(entry.at.as_millis())
        .bind(compared(entry.channel, &entry.address));
    added.execute(connection).await.map_err(meaning).map(drop)
}

/// Takes an entry away by its id; answers it, or nothing if it was not there.
async fn remove(
    connection: &mut SqliteConnection,
    entry: &StopEntry,
) -> Result<Option<StopEntry>, StoreError> {
    let removed = sqlx::query(sql::REMOVE_STOP_ENTRY).bind(entry.project.as_str()).bind(&*entry.id);
    removed.fetch_optional(connection).await.map_err(meaning)?.as_ref().map(setup::stop_entry).transpose()
}

/// What was decided on for those who have an address is decided anew. Answers who they are.
async fn raise_versions(
    connection: &mut SqliteConnection,
    entry: &StopEntry,
) -> Result<Vec<PersonKey>, StoreError> {
    let asked = |sql: &'static str| {
        let query = sqlx::query(sql).bind(entry.project.as_str().to_owned()).bind(entry.channel.as_str());
        query.bind(compared(entry.channel, &entry.address))
    };
    let owners = asked(sql::OWNERS_OF_ADDRESS).fetch_all(&mut *connection).await.map_err(meaning)?;
    asked(sql::RAISE_VERSIONS).execute(connection).await.map_err(meaning)?;
    owners.iter().map(|row| person_key(&mut Cells::of(row))).collect()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tidings_core::model::{Changes, Endpoint, Inbox};
    use tidings_core::ports::{BatchId, Need, Store as _};

    use tidings_protocol::Channel;

    use super::*;
    use crate::{ErasureKey, SqliteOptions};

    #[tokio::test]
    async fn an_address_that_is_stopped_makes_the_writer_forget_its_owners_alone() {
        let folder = TempDir::new().unwrap();
        let options = SqliteOptions::new(ErasureKey::new([7; 32]), 1);
        let store = SqliteStore::open(folder.path(), options).await.unwrap();
        let [alice, bob] = ["alice", "bob"]
            .map(|name| PersonKey { project: "shop".parse().unwrap(), recipient: name.parse().unwrap() });
        let at = |address: &str| Endpoint {
            channel: Channel::Email,
            address: address.into(),
            verified: true,
            stopped: false,
        };
        let changes = Changes {
            inboxes: [&alice, &bob].map(|key| (key.clone(), Inbox::new(1))).into(),
            endpoints_set: vec![(alice.clone(), at("a@example.org")), (bob.clone(), at("b@example.org"))],
            ..Changes::default()
        };
        store.begin().await.unwrap().finish(BatchId(1), &changes).await.unwrap();
        let mut reading = store.begin().await.unwrap();
        reading.read(&[Need::Person(alice.clone()), Need::Person(bob.clone())]).await.unwrap();
        drop(reading);
        let entry = StopEntry {
            id: "s1".into(),
            project: alice.project.clone(),
            channel: Channel::Email,
            address: "a@example.org".into(),
            reason: "gone".into(),
            at: Timestamp::ZERO,
        };
        for add in [true, false] {
            store.put_stop_entry(&entry, add, None).await.unwrap();
            let mut writer = store.writer().await.unwrap();
            assert!(writer.kept.get(&alice).is_none() && writer.kept.get(&bob).is_some(), "add: {add}");
            drop(writer);
            let mut reading = store.begin().await.unwrap();
            reading.read(&[Need::Person(alice.clone())]).await.unwrap();
        }
    }
}
