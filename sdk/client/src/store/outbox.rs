//! The outbox in the file: queued with its local effect, settled with what the relay said.

use sqlx::sqlite::SqliteConnection;
use sqlx::{Row as _, Sqlite, Transaction};
use tidings_protocol::NotificationId;
use tidings_protocol::item::{SettingsItem, View};
use tidings_protocol::limits::OPERATIONS_WAITING_MAX;
use tidings_protocol::operation::{Operation, Request};
use tidings_sdk_core::view::{local_settings, local_view};
use tidings_sdk_core::{Queued, Settlement};

use super::account::{damaged, stored_id, unsigned};
use super::apply::{named, refresh, signed};
use super::items::{SERVER_COLUMNS, read_item};
use super::{Store, StoreError, begin};
use crate::seal::Sealer;

/// The rows that a pending `read_up_to` can mean: those that are unread for the relay or here.
const UNREAD: &str = "SELECT id FROM items WHERE server_read_at IS NULL OR read_at IS NULL";
const FOLD: &str = "UPDATE items SET server_round = ?2, server_read_at = ?3, server_archived_at = ?4, \
     server_snoozed_until = ?5, server_acknowledged_at = ?6 WHERE id = ?1";

/// An operation that the relay will never take.
#[derive(Debug)]
pub(crate) struct RefusedRow {
    pub(crate) number: i64,
    pub(crate) operation: Operation,
    pub(crate) code: String,
    pub(crate) detail: String,
    pub(crate) value: Option<String>,
}

impl Store {
    /// The operations after a place, in order, as another process may have queued them.
    pub(crate) async fn queued_after(&self, number: u64) -> Result<Vec<Queued>, StoreError> {
        select(&mut *self.writer().await, number).await
    }

    /// Queues an operation that means only what had come with a page.
    pub(crate) async fn queue_as_of(
        &self,
        operation: &Operation,
        page: u64,
    ) -> Result<Option<Queued>, StoreError> {
        let queued = queue(&mut *self.writer().await, &self.sealer, operation, Some(page)).await?;
        self.announce_change();
        Ok(queued)
    }

    /// The oldest refusal that was not handed out yet.
    pub(crate) async fn next_refused(&self) -> Result<Option<RefusedRow>, StoreError> {
        let row =
            sqlx::query("SELECT number, operation, code, detail, value FROM refused ORDER BY number LIMIT 1")
                .fetch_optional(&self.readers)
                .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(RefusedRow {
            number: row.try_get(0)?,
            operation: read_operation(row.try_get(1)?)?,
            code: row.try_get(2)?,
            detail: row.try_get(3)?,
            value: row.try_get(4)?,
        }))
    }

    /// Takes a refusal out. False if another process was first.
    pub(crate) async fn take_refused(&self, number: i64) -> Result<bool, StoreError> {
        let taken = sqlx::query("DELETE FROM refused WHERE number = ?")
            .bind(number)
            .execute(&mut *self.writer().await)
            .await?;
        Ok(taken.rows_affected() == 1)
    }
}

pub(super) async fn pending(connection: &mut SqliteConnection) -> Result<Vec<Queued>, StoreError> {
    select(connection, 0).await
}

async fn select(connection: &mut SqliteConnection, after: u64) -> Result<Vec<Queued>, StoreError> {
    let rows = sqlx::query("SELECT number, page, operation FROM outbox WHERE number > ? ORDER BY number")
        .bind(signed(after))
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Queued {
                number: unsigned(row, 0)?,
                page: unsigned(row, 1)?,
                operation: read_operation(row.try_get(2)?)?,
            })
        })
        .collect()
}

fn read_operation(text: &str) -> Result<Operation, StoreError> {
    Operation::read(serde_json::from_str(text)?).map_err(damaged)
}

pub(super) async fn queue(
    writer: &mut SqliteConnection,
    sealer: &Sealer,
    operation: &Operation,
    page: Option<u64>,
) -> Result<Option<Queued>, StoreError> {
    let mut writing = begin(writer).await?;
    let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(&mut *writing).await?;
    if usize::try_from(waiting).is_ok_and(|waiting| waiting >= OPERATIONS_WAITING_MAX) {
        return Ok(None);
    }
    let row = sqlx::query("INSERT INTO outbox (page, operation) SELECT coalesce(?, pages), ? FROM account RETURNING number, page")
        .bind(page.map(signed))
        .bind(serde_json::to_string(operation)?)
        .fetch_one(&mut *writing)
        .await?;
    let queued =
        Queued { number: unsigned(&row, 0)?, page: unsigned(&row, 1)?, operation: operation.clone() };
    let touched = all_meant(&mut writing, &[&queued]).await?;
    refresh_pending(&mut writing, sealer, &touched).await?;
    writing.commit().await?;
    Ok(Some(queued))
}

pub(super) async fn settle(
    writer: &mut SqliteConnection,
    sealer: &Sealer,
    settlement: &Settlement,
) -> Result<(), StoreError> {
    let mut answered: Vec<&Queued> = settlement.done.iter().collect();
    for (queued, _) in &settlement.refused {
        answered.push(queued);
    }
    let mut writing = begin(writer).await?;
    // Looked up first: what is folded below is no longer found by being unread.
    let touched = all_meant(&mut writing, &answered).await?;
    for queued in &settlement.done {
        if forget(&mut writing, queued).await? {
            fold(&mut writing, sealer, queued).await?;
        }
    }
    for (queued, refused) in &settlement.refused {
        if !forget(&mut writing, queued).await? {
            continue;
        }
        let value = refused.value.as_ref().map(ToString::to_string);
        sqlx::query("INSERT INTO refused (operation, code, detail, value) VALUES (?, ?, ?, ?)")
            .bind(serde_json::to_string(&queued.operation)?)
            .bind(&refused.code)
            .bind(&refused.detail)
            .bind(&value)
            .execute(&mut *writing)
            .await?;
        if let Some(value) = value {
            put_back(&mut writing, sealer, queued, &value).await?;
        }
    }
    refresh_pending(&mut writing, sealer, &touched).await?;
    writing.commit().await?;
    Ok(())
}

/// False if another process has settled it already.
async fn forget(writing: &mut Transaction<'_, Sqlite>, queued: &Queued) -> Result<bool, StoreError> {
    let gone = sqlx::query("DELETE FROM outbox WHERE number = ?")
        .bind(signed(queued.number))
        .execute(&mut **writing)
        .await?;
    Ok(gone.rows_affected() == 1)
}

/// What was done is the relay's state, until a page says more. A page that came after the operation was queued may
/// already have said more: its rows are left alone.
async fn fold(
    writing: &mut Transaction<'_, Sqlite>,
    sealer: &Sealer,
    queued: &Queued,
) -> Result<(), StoreError> {
    for id in meant(writing, queued).await? {
        let sql = format!("SELECT {SERVER_COLUMNS}, arrived FROM items WHERE id = ? AND written <= ?");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(id.as_str())
            .bind(signed(queued.page))
            .fetch_optional(&mut **writing)
            .await?;
        let Some(row) = row else { continue };
        let item = read_item(sealer, &row)?;
        let local = local_view(&item, unsigned(&row, 19)?, [queued]);
        if local.view != item.view || local.round != item.round {
            write_server_view(writing, &id, local.round, &local.view).await?;
        }
    }
    let settings: Option<String> =
        sqlx::query_scalar("SELECT settings FROM account WHERE settings_written <= ?")
            .bind(signed(queued.page))
            .fetch_optional(&mut **writing)
            .await?
            .flatten();
    if let Some(settings) = settings {
        let known: SettingsItem = serde_json::from_str(&settings)?;
        let folded = local_settings(&known, [&queued.operation]);
        if folded != known {
            write_settings(writing, &folded).await?;
        }
    }
    Ok(())
}

/// The relay's own value takes the place of what was assumed.
async fn put_back(
    writing: &mut Transaction<'_, Sqlite>,
    sealer: &Sealer,
    queued: &Queued,
    value: &str,
) -> Result<(), StoreError> {
    if let Some(id) = named(queued) {
        let sql = format!("SELECT {SERVER_COLUMNS} FROM items WHERE id = ?");
        let row =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).fetch_optional(&mut **writing).await?;
        if let (Some(row), Ok(view)) = (row, serde_json::from_str::<View>(value)) {
            let round = read_item(sealer, &row)?.round;
            write_server_view(writing, id, round, &view).await?;
        }
    } else if let Ok(settings) = serde_json::from_str::<SettingsItem>(value) {
        write_settings(writing, &settings).await?;
    }
    Ok(())
}

async fn write_server_view(
    writing: &mut Transaction<'_, Sqlite>,
    id: &NotificationId,
    round: u32,
    view: &View,
) -> Result<(), StoreError> {
    sqlx::query(FOLD)
        .bind(id.as_str())
        .bind(i64::from(round))
        .bind(view.read_at.map(tidings_protocol::Timestamp::as_millis))
        .bind(view.archived_at.map(tidings_protocol::Timestamp::as_millis))
        .bind(view.snoozed_until.map(tidings_protocol::Timestamp::as_millis))
        .bind(view.acknowledged_at.map(tidings_protocol::Timestamp::as_millis))
        .execute(&mut **writing)
        .await?;
    Ok(())
}

async fn write_settings(
    writing: &mut Transaction<'_, Sqlite>,
    settings: &SettingsItem,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET settings = ?")
        .bind(serde_json::to_string(settings)?)
        .execute(&mut **writing)
        .await?;
    Ok(())
}

/// Lays what is still pending over these rows.
async fn refresh_pending(
    writing: &mut Transaction<'_, Sqlite>,
    sealer: &Sealer,
    ids: &[NotificationId],
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let pending = pending(writing).await?;
    refresh(writing, sealer, ids, &pending).await
}

/// Every row that these operations can mean, once.
async fn all_meant(
    writing: &mut Transaction<'_, Sqlite>,
    operations: &[&Queued],
) -> Result<Vec<NotificationId>, StoreError> {
    let mut ids = Vec::new();
    for queued in operations {
        ids.extend(meant(writing, queued).await?);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

async fn meant(
    writing: &mut Transaction<'_, Sqlite>,
    queued: &Queued,
) -> Result<Vec<NotificationId>, StoreError> {
    if let Some(id) = named(queued) {
        return Ok(vec![id.clone()]);
    }
    if !matches!(queued.operation.request, Request::ReadUpTo { .. }) {
        return Ok(Vec::new());
    }
    let rows: Vec<String> = sqlx::query_scalar(UNREAD).fetch_all(&mut **writing).await?;
    rows.into_iter().map(stored_id).collect()
}
