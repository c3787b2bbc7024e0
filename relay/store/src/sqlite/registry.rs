//! What an operator sets up. Each write is a transaction of its own.

use async_trait::async_trait;
use sqlx::SqliteConnection;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use tidings_core::model::PersonKey;
use tidings_core::ports::{ConfigurationRow, KeyRow, ProjectRow, Registry, SecretRow, StopEntry, StoreError};
use tidings_protocol::{Channel, ProjectId, Timestamp};

use super::cells::{Cells, to_json};
use super::error::meaning;
use super::rows::person::person_key;
use super::rows::setup;
use super::statements::setup as sql;
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
        let mut writer = self.writer().await?;
        writer.begin_beside_people().await?;
        writer.kept.forget_projects();
        let done = query.execute(&mut writer.connection).await.map_err(meaning)?;
        writer.commit().await.map_err(not_committed)?;
        self.shared.checkpoints.wrote();
        Ok(done.rows_affected())
    }
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

    async fn put_key(&self, key: &KeyRow) -> Result<(), StoreError> {
        let query = sqlx::query(sql::PUT_KEY)
            .bind(&*key.id)
            .bind(key.project.as_str())
            .bind(key.hash.as_slice())
            .bind(key.sandbox)
            .bind(to_json(&key.scopes))
            .bind(&*key.label)
            .bind(key.created_at.as_millis())
            .bind(key.revoked_at.map(Timestamp::as_millis));
        self.change(query).await.map(drop)
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

    async fn apply(&self, row: &ConfigurationRow, name: &str) -> Result<(), StoreError> {
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

    async fn put_stop_entry(&self, entry: &StopEntry, add: bool) -> Result<bool, StoreError> {
        let mut writer = self.writer().await?;
        writer.begin_beside_people().await?;
        let writer = &mut *writer;
        let connection = &mut writer.connection;
        let (there, owners) = if add {
            let owners = add_stop_entry(connection, entry).await?;
            (owners.is_none(), owners)
        } else {
            let owners = remove(connection, entry).await?;
            (owners.is_some(), owners)
        };
        owners.iter().flatten().for_each(|owner| writer.kept.forget(owner));
        writer.commit().await.map_err(not_committed)?;
        Ok(there)
    }
}

/// A version as SQLite counts.
fn version(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Adds an address; answers who has it, or nothing if it was there.
async fn add_stop_entry(
    connection: &mut SqliteConnection,
    entry: &StopEntry,
) -> Result<Option<Vec<PersonKey>>, StoreError> {
    let added = sqlx::query(sql::ADD_STOP_ENTRY)
        .bind(entry.project.as_str())
        .bind(&*entry.id)
        .bind(entry.channel.as_str())
        .bind(&*entry.address)
        .bind(&*entry.reason)
        .bind(entry.at.as_millis());
    let added = added.execute(&mut *connection).await.map_err(meaning)?.rows_affected() > 0;
    if !added {
        return Ok(None);
    }
    raise_versions(connection, &entry.project, entry.channel, &entry.address).await.map(Some)
}

/// Takes an entry away by its id; answers who has the address, or nothing if it was not there.
async fn remove(
    connection: &mut SqliteConnection,
    entry: &StopEntry,
) -> Result<Option<Vec<PersonKey>>, StoreError> {
    let removed = sqlx::query(sql::REMOVE_STOP_ENTRY).bind(entry.project.as_str()).bind(&*entry.id);
    let Some(row) = removed.fetch_optional(&mut *connection).await.map_err(meaning)? else {
        return Ok(None);
    };
    let row = setup::stop_entry(&row)?;
    raise_versions(connection, &row.project, row.channel, &row.address).await.map(Some)
}

/// What was decided on for those who have an address is decided anew. Answers who they are.
async fn raise_versions(
    connection: &mut SqliteConnection,
    project: &ProjectId,
    channel: Channel,
    address: &str,
) -> Result<Vec<PersonKey>, StoreError> {
    let asked = |sql: &'static str| {
        sqlx::query(sql).bind(project.as_str().to_owned()).bind(channel.as_str()).bind(address.to_owned())
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
            store.put_stop_entry(&entry, add).await.unwrap();
            let mut writer = store.writer().await.unwrap();
            assert!(writer.kept.get(&alice).is_none() && writer.kept.get(&bob).is_some(), "add: {add}");
            drop(writer);
            let mut reading = store.begin().await.unwrap();
            reading.read(&[Need::Person(alice.clone())]).await.unwrap();
        }
    }
}
