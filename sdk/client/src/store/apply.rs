//! Storing a batch of pages with its cursor: one transaction, few statements.

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Row as _, Sqlite, Transaction};
use tidings_protocol::item::{Item, NotificationItem, View, Watermark};
use tidings_protocol::{CategoryId, NotificationId, Timestamp};
use tidings_sdk_core::view::{local_view, notification_of};
use tidings_sdk_core::{Applied, Batch, Queued};

use super::account::{cursor, stored_id, unsigned};
use super::items::{STATE_COLUMNS, read_state};
use super::outbox::pending;
use super::{StoreError, begin, foretold, words};
use crate::seal::Sealer;

/// Rows of one insert: well below SQLite's 32,766 parameters, and a text that is prepared once.
const ROWS_PER_INSERT: usize = 100;
/// Behind it the rows of [`VALUES`]; what is the same for all of them is told once. A notification comes without pending
/// operations on top, and one whose round was shown is settled.
const INSERT: &str = "INSERT INTO items (arrived, written, generation, after_absence, \
     id, place, category, priority, words, collapse, needs_acknowledgement, created_at, expires_at, \
     server_round, server_read_at, server_archived_at, server_snoozed_until, server_acknowledged_at, \
     server_unread_at, server_unread_by, \
     round, read_at, archived_at, snoozed_until, acknowledged_at, unread_at, unread_by, unsettled) \
     SELECT ?, ?, ?, ?, column1, column2, column3, column4, column5, column6, column7, column8, column9, \
     column10, column11, column12, column13, column14, column15, column16, \
     column10, column11, column12, column13, column14, column15, column16, NOT EXISTS \
     (SELECT 1 FROM shown WHERE shown.notification = column1 AND shown.round = column10) FROM (VALUES ";
const VALUES: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// `arrived` stays: it says which `read_up_to` meant the row.
const ON_CONFLICT: &str = ") WHERE true ON CONFLICT (id) DO UPDATE SET place = excluded.place, category = excluded.category, \
     priority = excluded.priority, words = excluded.words, \
     collapse = excluded.collapse, needs_acknowledgement = excluded.needs_acknowledgement, \
     created_at = excluded.created_at, expires_at = excluded.expires_at, server_round = excluded.server_round, \
     server_read_at = excluded.server_read_at, server_archived_at = excluded.server_archived_at, \
     server_snoozed_until = excluded.server_snoozed_until, \
     server_acknowledged_at = excluded.server_acknowledged_at, server_unread_at = excluded.server_unread_at, \
     server_unread_by = excluded.server_unread_by, round = excluded.round, \
     read_at = excluded.read_at, archived_at = excluded.archived_at, snoozed_until = excluded.snoozed_until, \
     acknowledged_at = excluded.acknowledged_at, unread_at = excluded.unread_at, \
     unread_by = excluded.unread_by, written = excluded.written, generation = excluded.generation, \
     after_absence = excluded.after_absence, unsettled = excluded.unsettled";
/// [`Watermark::reads`] in SQL.
const READ_UP_TO: &str = "UPDATE items SET server_read_at = ?1, server_unread_at = NULL, server_unread_by = NULL, \
     read_at = coalesce(read_at, ?1), unread_at = NULL, unread_by = NULL, written = ?5 \
     WHERE server_read_at IS NULL AND place <= ?2 AND (?3 IS NULL OR category = ?3) \
     AND (server_unread_at IS NULL OR (server_unread_at, server_unread_by) < (?1, ?4)) RETURNING id";
const UPDATE_LOCAL: &str = "UPDATE items SET round = ?2, read_at = ?3, archived_at = ?4, snoozed_until = ?5, \
     acknowledged_at = ?6, unread_at = ?7, unread_by = ?8, unsettled = NOT EXISTS \
     (SELECT 1 FROM shown WHERE shown.notification = items.id AND shown.round = ?2) WHERE id = ?1";

pub(super) type Writing<'a> = Transaction<'a, Sqlite>;

pub(super) async fn apply(
    writer: &mut SqliteConnection,
    sealer: &Sealer,
    batch: &Batch,
) -> Result<Applied, StoreError> {
    let mut writing = begin(writer).await?;
    let row = sqlx::query("SELECT cursor, pages, generation, resetting FROM account")
        .fetch_one(&mut *writing)
        .await?;
    let stored = cursor(&row, 0)?;
    if stored != batch.expected {
        return Ok(Applied::Elsewhere { cursor: stored });
    }
    let page = unsigned(&row, 1)? + 1;
    let generation = unsigned(&row, 2)? + u64::from(batch.begins_reset);
    let resetting = row.try_get::<bool, _>(3)? || batch.begins_reset;
    let step = Step { sealer, page, generation, after_absence: batch.after_absence };
    step.store_items(&mut writing, &batch.items).await?;
    if batch.ends && resetting {
        sqlx::query("DELETE FROM items WHERE generation < ?")
            .bind(signed(generation))
            .execute(&mut *writing)
            .await?;
    }
    if batch.ends {
        foretold::drop_what_never_came(&mut writing, page).await?;
    }
    sqlx::query("UPDATE account SET cursor = ?, pages = ?, generation = ?, resetting = ?")
        .bind(batch.to.as_str())
        .bind(signed(page))
        .bind(signed(generation))
        .bind(resetting && !batch.ends)
        .execute(&mut *writing)
        .await?;
    writing.commit().await?;
    Ok(Applied::Moved)
}

pub(super) struct Step<'a> {
    pub(super) sealer: &'a Sealer,
    pub(super) page: u64,
    pub(super) generation: u64,
    pub(super) after_absence: bool,
}

impl Step<'_> {
    /// In the order of the batch; notifications that follow each other go together.
    async fn store_items(&self, writing: &mut Writing<'_>, items: &[Item]) -> Result<(), StoreError> {
        let mut run: Vec<&NotificationItem> = Vec::new();
        let pending = pending(writing).await?;
        let mut touched = Vec::new();
        for item in items {
            if let Item::Notification(item) = item {
                if !pending.is_empty() {
                    touched.push(item.id.clone());
                }
                run.push(item);
                continue;
            }
            self.insert(writing, &std::mem::take(&mut run)).await?;
            match item {
                Item::Retracted { id } => {
                    sqlx::query("DELETE FROM items WHERE id = ?")
                        .bind(id.as_str())
                        .execute(&mut **writing)
                        .await?;
                }
                Item::Settings(settings) => {
                    sqlx::query("UPDATE account SET settings = ?, settings_written = ?")
                        .bind(serde_json::to_string(settings)?)
                        .bind(signed(self.page))
                        .execute(&mut **writing)
                        .await?;
                }
                Item::ReadUpTo { watermark, .. } => {
                    touched.extend(read_up_to(writing, watermark, self.page).await?);
                }
                // The machine turns an erasure into a wipe before anything is stored.
                Item::Notification(_) | Item::Erased | Item::Unknown => {}
            }
        }
        self.insert(writing, &run).await?;
        if !pending.is_empty() {
            touched.extend(pending.iter().filter_map(|queued| named(queued).cloned()));
            refresh(writing, self.sealer, &touched, &pending).await?;
        }
        Ok(())
    }

    pub(super) async fn insert(
        &self,
        writing: &mut Writing<'_>,
        run: &[&NotificationItem],
    ) -> Result<(), StoreError> {
        for rows in run.chunks(ROWS_PER_INSERT) {
            let sql = [INSERT, &vec![VALUES; rows.len()].join(", "), ON_CONFLICT].concat();
            let query = sqlx::query(sqlx::AssertSqlSafe(sql))
                .persistent(rows.len() == ROWS_PER_INSERT || rows.len() == 1)
                .bind(signed(self.page))
                .bind(signed(self.page))
                .bind(signed(self.generation))
                .bind(self.after_absence);
            let query = rows.iter().fold(query, |query, item| self.bind_row(query, item));
            query.execute(&mut **writing).await?;
        }
        Ok(())
    }

    fn bind_row<'q>(
        &self,
        query: Query<'q, Sqlite, SqliteArguments>,
        item: &NotificationItem,
    ) -> Query<'q, Sqlite, SqliteArguments> {
        let query = query
            .bind(item.id.as_str().to_owned())
            .bind(signed(item.place))
            .bind(item.category.as_str().to_owned())
            .bind(item.priority.as_str())
            .bind(words::seal(self.sealer, item))
            .bind(item.collapse.clone())
            .bind(item.needs_acknowledgement)
            .bind(item.created_at.as_millis())
            .bind(item.expires_at.as_millis());
        bind_view(query, item.round, &item.view)
    }
}

/// In the order of the columns: round, read, archived, snoozed, acknowledged, unread and by what.
pub(super) fn bind_view<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    round: u32,
    view: &View,
) -> Query<'q, Sqlite, SqliteArguments> {
    query
        .bind(i64::from(round))
        .bind(view.read_at.map(Timestamp::as_millis))
        .bind(view.archived_at.map(Timestamp::as_millis))
        .bind(view.snoozed_until.map(Timestamp::as_millis))
        .bind(view.acknowledged_at.map(Timestamp::as_millis))
        .bind(view.unread.as_ref().map(|stamp| stamp.at.as_millis()))
        .bind(view.unread.as_ref().map(|stamp| stamp.by.to_string()))
}

async fn read_up_to(
    writing: &mut Writing<'_>,
    watermark: &Watermark,
    page: u64,
) -> Result<Vec<NotificationId>, StoreError> {
    let read: Vec<String> = sqlx::query_scalar(READ_UP_TO)
        .bind(watermark.stamp.at.as_millis())
        .bind(signed(watermark.place))
        .bind(watermark.category.as_ref().map(CategoryId::as_str))
        .bind(&*watermark.stamp.by)
        .bind(signed(page))
        .fetch_all(&mut **writing)
        .await?;
    read.into_iter().map(stored_id).collect()
}

/// Lays the pending operations over these rows anew.
pub(super) async fn refresh(
    writing: &mut Writing<'_>,
    sealer: &Sealer,
    ids: &[NotificationId],
    pending: &[Queued],
) -> Result<(), StoreError> {
    let mut last = None;
    for id in ids {
        if last == Some(id) {
            continue;
        }
        last = Some(id);
        let sql = format!("SELECT {STATE_COLUMNS} FROM items WHERE id = ?");
        let row =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).fetch_optional(&mut **writing).await?;
        let Some(row) = row else { continue };
        let (item, arrived) = read_state(sealer, &row)?;
        let local = local_view(&item, arrived, pending);
        let query = sqlx::query(UPDATE_LOCAL).bind(id.as_str());
        bind_view(query, local.round, &local.view).execute(&mut **writing).await?;
    }
    Ok(())
}

pub(super) const fn named(queued: &Queued) -> Option<&NotificationId> {
    notification_of(&queued.operation.request)
}

/// Counters of pages and places start at zero and rise by one: they fit. A larger one is no place of any inbox.
pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
