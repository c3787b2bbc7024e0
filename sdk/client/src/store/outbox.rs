//! The outbox in the file: queued with its local effect, settled with what the relay said.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, Sqlite, Transaction};
use tidings_protocol::item::{SettingsItem, View};
use tidings_protocol::limits::OPERATIONS_WAITING_MAX;
use tidings_protocol::operation::{Operation, Request};
use tidings_protocol::{CategoryId, NotificationId, Timestamp};
use tidings_sdk_core::view::{local_settings, settled_view};
use tidings_sdk_core::{LocalView, Queued, Settlement};

use super::account::{damaged, stored_id, unsigned};
use super::apply::{bind_view, named, refresh, signed};
use super::items::{STATE_COLUMNS, read_state};
use super::{Store, StoreError, begin};
use crate::seal::Sealer;

/// `read_up_to` means many rows, so it is laid over them in one statement. It goes last over what is pending.
const READ_HERE: &str = "UPDATE items SET read_at = coalesce(?1, created_at), unread_at = NULL, unread_by = NULL \
     WHERE read_at IS NULL AND arrived <= ?2 AND (?3 IS NULL OR category = ?3)";
const READ_FOR_THE_RELAY: &str = "UPDATE items SET server_read_at = coalesce(?1, created_at) \
     WHERE server_read_at IS NULL AND server_unread_at IS NULL AND written <= ?2 AND arrived <= ?2 \
     AND (?3 IS NULL OR category = ?3)";
/// The rows whose local state a done `read_up_to` leaves open: a later page has written them, or they were marked
/// unread and the relay's item says which word is the later.
const LEFT_OPEN: &str = "SELECT id FROM items WHERE (written > ?1 OR server_unread_at IS NOT NULL) \
     AND arrived <= ?1 AND (?2 IS NULL OR category = ?2)";
/// The rows that a refused `read_up_to` had marked.
const ASSUMED_READ: &str =
    "SELECT id FROM items WHERE server_read_at IS NULL AND arrived <= ?1 AND (?2 IS NULL OR category = ?2)";
const FOLD: &str = "UPDATE items SET server_round = ?2, server_read_at = ?3, server_archived_at = ?4, \
     server_snoozed_until = ?5, server_acknowledged_at = ?6, server_unread_at = ?7, server_unread_by = ?8 \
     WHERE id = ?1";

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
                .fetch_optional(&mut *self.readers.acquire().await?)
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
    if let Request::ReadUpTo { category, .. } = &operation.request {
        mark_all(&mut writing, READ_HERE, &queued, category.as_ref()).await?;
    } else if let Some(id) = named(&queued) {
        let pending = pending(&mut writing).await?;
        refresh(&mut writing, sealer, std::slice::from_ref(id), &pending).await?;
    }
    writing.commit().await?;
    Ok(Some(queued))
}

pub(super) async fn settle(
    writer: &mut SqliteConnection,
    sealer: &Sealer,
    settlement: &Settlement,
) -> Result<(), StoreError> {
    let mut writing = begin(writer).await?;
    let mut touched = Vec::new();
    for queued in &settlement.done {
        if forget(&mut writing, queued).await? {
            fold(&mut writing, sealer, queued).await?;
            touched.extend(meant(&mut writing, LEFT_OPEN, queued).await?);
        }
    }
    for (queued, refused) in &settlement.refused {
        if !forget(&mut writing, queued).await? {
            continue;
        }
        touched.extend(meant(&mut writing, ASSUMED_READ, queued).await?);
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
    refresh_touched(&mut writing, sealer, touched).await?;
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
    if let Request::ReadUpTo { category, .. } = &queued.operation.request {
        mark_all(writing, READ_FOR_THE_RELAY, queued, category.as_ref()).await?;
    } else if let Some(id) = named(queued)
        && let Some(row) = state_until(writing, id, queued.page).await?
    {
        let (item, arrived) = read_state(sealer, &row)?;
        write_server_view(writing, id, &settled_view(&item, arrived, queued)).await?;
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
            write_settings(writing, &folded, queued.page).await?;
        }
    }
    Ok(())
}

/// The relay's own value takes the place of what was assumed. One that a page overtook is left: the page, or the one
/// that follows it, is newer.
async fn put_back(
    writing: &mut Transaction<'_, Sqlite>,
    sealer: &Sealer,
    queued: &Queued,
    value: &str,
) -> Result<(), StoreError> {
    if let Some(id) = named(queued) {
        let row = state_until(writing, id, queued.page).await?;
        if let (Some(row), Ok(view)) = (row, serde_json::from_str::<View>(value)) {
            let round = read_state(sealer, &row)?.0.round;
            write_server_view(writing, id, &LocalView { view, round }).await?;
        }
    } else if let Ok(settings) = serde_json::from_str::<SettingsItem>(value) {
        write_settings(writing, &settings, queued.page).await?;
    }
    Ok(())
}

/// The state of a notification that no page after this one has written.
async fn state_until(
    writing: &mut Transaction<'_, Sqlite>,
    id: &NotificationId,
    page: u64,
) -> Result<Option<SqliteRow>, StoreError> {
    let sql = format!("SELECT {STATE_COLUMNS} FROM items WHERE id = ? AND written <= ?");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).bind(signed(page));
    Ok(query.fetch_optional(&mut **writing).await?)
}

async fn write_server_view(
    writing: &mut Transaction<'_, Sqlite>,
    id: &NotificationId,
    settled: &LocalView,
) -> Result<(), StoreError> {
    let query = sqlx::query(FOLD).bind(id.as_str());
    bind_view(query, settled.round, &settled.view).execute(&mut **writing).await?;
    Ok(())
}

async fn write_settings(
    writing: &mut Transaction<'_, Sqlite>,
    settings: &SettingsItem,
    page: u64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET settings = ? WHERE settings_written <= ?")
        .bind(serde_json::to_string(settings)?)
        .bind(signed(page))
        .execute(&mut **writing)
        .await?;
    Ok(())
}

/// Lays what is still pending over these rows, and over those that it names.
async fn refresh_touched(
    writing: &mut Transaction<'_, Sqlite>,
    sealer: &Sealer,
    mut ids: Vec<NotificationId>,
) -> Result<(), StoreError> {
    let pending = pending(writing).await?;
    ids.extend(pending.iter().filter_map(|queued| named(queued).cloned()));
    ids.sort_unstable();
    ids.dedup();
    refresh(writing, sealer, &ids, &pending).await
}

/// The rows whose local state an answered operation leaves open: the one that it names, or those that a query finds
/// for `read_up_to`.
async fn meant(
    writing: &mut Transaction<'_, Sqlite>,
    query: &'static str,
    queued: &Queued,
) -> Result<Vec<NotificationId>, StoreError> {
    let Request::ReadUpTo { category, .. } = &queued.operation.request else {
        return Ok(named(queued).cloned().into_iter().collect());
    };
    let rows: Vec<String> = sqlx::query_scalar(query)
        .bind(signed(queued.page))
        .bind(category.as_ref().map(CategoryId::as_str))
        .fetch_all(&mut **writing)
        .await?;
    rows.into_iter().map(stored_id).collect()
}

async fn mark_all(
    writing: &mut Transaction<'_, Sqlite>,
    statement: &'static str,
    queued: &Queued,
    category: Option<&CategoryId>,
) -> Result<(), StoreError> {
    sqlx::query(statement)
        .bind(queued.operation.at.map(Timestamp::as_millis))
        .bind(signed(queued.page))
        .bind(category.map(CategoryId::as_str))
        .execute(&mut **writing)
        .await?;
    Ok(())
}
