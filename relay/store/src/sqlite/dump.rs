//! Every row of every table as text, in the form of the memory store.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tidings_core::model::Erased;
use tidings_core::ports::{BatchId, StoreError};
use tidings_protocol::{NotificationId, ProjectId, RecipientId};

use super::SqliteStore;
use super::cells::Cells;
use super::error::meaning;
use super::rows::person::person_key;
use super::rows::{consent, event, notification, person, setup, story, trial, work};
use super::statements::dump as sql;
use crate::found::{operation_key, win_key};
use crate::tables::Tables;

impl SqliteStore {
    /// Every row of every table in the order of keys, as text: the same text as the memory store's, if both hold the
    /// same. It reads everything: for tests.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn dump(&self) -> Result<String, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let connection = &mut *snapshot.connection;
        let mut tables = Tables::default();
        setup(connection, &mut tables).await?;
        people(connection, &mut tables).await?;
        notifications(connection, &mut tables).await?;
        work(connection, &mut tables).await?;
        kept(connection, &mut tables).await?;
        snapshot.end().await;
        Ok(tables.dump())
    }
}

async fn all(connection: &mut SqliteConnection, sql: &'static str) -> Result<Vec<SqliteRow>, StoreError> {
    sqlx::query(sql).fetch_all(connection).await.map_err(meaning)
}

async fn setup(connection: &mut SqliteConnection, tables: &mut Tables) -> Result<(), StoreError> {
    for row in &all(connection, sql::PROJECTS).await? {
        let row = setup::project(row)?;
        tables.projects.set(row.id.clone(), row);
    }
    for row in &all(connection, sql::KEYS).await? {
        let row = setup::key(row)?;
        tables.keys.set(row.id.clone(), row);
    }
    for row in &all(connection, sql::CONFIGURATIONS).await? {
        let row = setup::configuration(row)?;
        tables.configurations.set((row.project.clone(), row.version), row);
    }
    for row in &all(connection, sql::SECRETS).await? {
        let row = setup::secret(row)?;
        tables.secrets.set((row.project.clone(), row.name.clone()), row);
    }
    for row in &all(connection, sql::STOP_LIST).await? {
        let row = setup::stop_entry(row)?;
        tables.stop_list.set((row.project.clone(), row.id.clone()), row);
    }
    for row in &all(connection, sql::HOOKS).await? {
        let row = setup::hook(row)?;
        tables.hooks.set((row.project.clone(), row.name.clone()), row);
    }
    for row in &all(connection, sql::CONNECT_CODES).await? {
        let row = setup::connect_code(row)?;
        tables.connect_codes.set(row.hash, row);
    }
    for row in &all(connection, sql::DEVICE_TOKENS).await? {
        let row = setup::device_token(row)?;
        tables.device_tokens.set((row.person.clone(), row.device.as_str().to_owned()), row);
    }
    for row in &all(connection, sql::ERASED_TOKENS).await? {
        let mut cells = Cells::of(row);
        tables.erased_tokens.set(cells.hash()?, cells.time()?);
    }
    Ok(())
}

async fn people(connection: &mut SqliteConnection, tables: &mut Tables) -> Result<(), StoreError> {
    for row in &all(connection, sql::RECIPIENTS).await? {
        let (key, row) = person::recipient(row)?;
        tables.recipients.set(key, row);
    }
    for row in &all(connection, sql::INBOXES).await? {
        let (key, row) = person::inbox(row)?;
        tables.inboxes.set(key, row);
    }
    for row in &all(connection, sql::CONSENT_STATES).await? {
        let (key, category, channel, row) = consent::state(row)?;
        tables.consent_states.set((key, format!("{category}/{channel}")), (category, channel, row));
    }
    for row in &all(connection, sql::CONSENT_ENTRIES).await? {
        let (project, chain, row) = consent::entry(row)?;
        tables.consent_entries.set((project, chain, row.number), row);
    }
    for row in &all(connection, sql::CONSENT_HEADS).await? {
        let (project, chain, row) = consent::head(row)?;
        tables.consent_heads.set((project, chain), row);
    }
    for row in &all(connection, sql::TOPICS).await? {
        let mut cells = Cells::of(row);
        let (key, topic) = (person_key(&mut cells)?, cells.word::<tidings_protocol::TopicId>()?);
        tables.topics.set((key, topic.as_str().to_owned()), topic);
    }
    for row in &all(connection, sql::ENDPOINTS).await? {
        let (key, row) = person::endpoint(row)?;
        tables.endpoints.set((key, format!("{}/{}", row.channel, row.address)), row);
    }
    for row in &all(connection, sql::DEVICES).await? {
        let (key, row) = person::device(row)?;
        tables.devices.set((key, row.id.as_str().to_owned()), row);
    }
    for row in &all(connection, sql::ERASED).await? {
        let mut cells = Cells::of(row);
        let key: (ProjectId, RecipientId) = (cells.word()?, cells.word()?);
        tables.erased.set(key, Erased { at: cells.time()?, epoch: cells.number()? });
    }
    Ok(())
}

async fn notifications(connection: &mut SqliteConnection, tables: &mut Tables) -> Result<(), StoreError> {
    for row in &all(connection, sql::EVENTS).await? {
        let row = event::event(row)?;
        tables.events.set(row.id.clone(), row);
    }
    for row in &all(connection, sql::NOTIFICATIONS).await? {
        let origin = notification::origin(row)?;
        let row = notification::notification(row)?;
        for (number, line) in (0..).zip(origin) {
            tables.story.set((row.id.clone(), number), line);
        }
        tables.put_notification(row);
    }
    for row in &all(connection, sql::STORY).await? {
        let mut cells = Cells::of(row);
        let id: NotificationId = cells.word()?;
        let number = tables.lines(&id).count();
        tables.story.set((id, u32::try_from(number).unwrap_or(u32::MAX)), story::entry(cells.json()?));
    }
    for row in &all(connection, sql::DELIVERIES).await? {
        let row = work::delivery(row)?;
        tables.put_delivery(row);
    }
    Ok(())
}

async fn work(connection: &mut SqliteConnection, tables: &mut Tables) -> Result<(), StoreError> {
    for row in &all(connection, sql::SPENDING).await? {
        let (key, spent) = work::spending(row)?;
        tables.spending.set(key, spent);
    }
    for row in &all(connection, sql::TALLIES).await? {
        let (key, tally) = trial::tally(row)?;
        tables.tallies.set(key, tally);
    }
    for row in &all(connection, sql::WINS).await? {
        let win = trial::win(row)?;
        tables.wins.set(win_key(&win), win);
    }
    for row in &all(connection, sql::PUBLIC_TOKENS).await? {
        let row = super::handover::public_token(row)?;
        tables.public_tokens.set(row.hash, row);
    }
    for row in &all(connection, sql::DUE).await? {
        let row = work::due(row)?;
        tables.due.set((row.person.project.clone(), row.key.clone()), row);
    }
    for row in &all(connection, sql::ONCE).await? {
        let row = work::once(row)?;
        tables.once.set((row.person.clone(), row.rule.clone(), row.value.clone()), row);
    }
    for row in &all(connection, sql::DIGESTS).await? {
        let row = work::digest(row)?;
        tables.digests.set((row.person.clone(), row.scope.clone(), row.key.clone()), row);
    }
    for row in &all(connection, sql::ACCOUNTING).await? {
        let (key, n) = work::book(row)?;
        tables.accounting.set(key, n);
    }
    for row in &all(connection, sql::PURGED).await? {
        let (key, n) = work::book(row)?;
        tables.purged.set(key, n);
    }
    Ok(())
}

async fn kept(connection: &mut SqliteConnection, tables: &mut Tables) -> Result<(), StoreError> {
    for row in &all(connection, sql::RECEIPTS).await? {
        let row = work::receipt(row)?;
        let key = (row.person, row.notification, row.device.as_str().to_owned(), row.receipt);
        tables.receipts.set(key, row.at);
    }
    for row in &all(connection, sql::OPERATIONS).await? {
        let row = work::operation(row)?;
        tables.operations.set((row.person.clone(), operation_key(&row)), row);
    }
    for row in &all(connection, sql::COLLECTED).await? {
        tables.collected.set(Cells::after(row, 5).number()?, work::collected(row)?);
    }
    for row in &all(connection, sql::FEED).await? {
        let (number, row) = work::feed(row)?;
        tables.feed.set((row.project.clone(), number), row);
    }
    for row in &all(connection, sql::FEED_HEADS).await? {
        let mut cells = Cells::of(row);
        tables.feed_heads.set(cells.word()?, cells.number()?);
    }
    for row in &all(connection, sql::ANSWERS).await? {
        let row = work::answer(row)?;
        tables.answers.set((row.project.clone(), row.route.clone(), row.key.clone()), row);
    }
    for row in &all(connection, sql::BATCHES).await? {
        let mut cells = Cells::of(row);
        let (number, id) = (cells.number()?, cells.cell::<Vec<u8>>()?);
        let id = id.iter().fold(0, |id: u128, byte| id << 8 | u128::from(*byte));
        tables.batches.set(number, BatchId(id));
    }
    Ok(())
}
