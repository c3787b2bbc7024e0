//! Lists and search over the rows, newest first.

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqlitePool, SqliteRow};
use sqlx::{Row as _, Sqlite};
use tidings_protocol::item::NotificationItem;
use tidings_protocol::{CategoryId, NotificationId};

use super::items::{LOCAL_COLUMNS, open_text, read_item};
use super::{Store, StoreError};
use crate::seal::Sealer;
use crate::text::Needle;

/// Rows that one step of a search decrypts: small enough for a first hit within milliseconds and for a prompt stop.
const SEARCH_SLICE: u32 = 500;

/// Which rows are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListQuery {
    pub(crate) category: Option<CategoryId>,
    pub(crate) unread: Option<bool>,
    pub(crate) archived: Option<bool>,
    pub(crate) asleep: Option<Asleep>,
}

/// Whether rows sleep at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asleep {
    pub(crate) asleep: bool,
    pub(crate) now: i64,
}

/// A place in the list: the row after which the next begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) created_at: i64,
    pub(crate) id: String,
}

/// What one step of a search found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) items: Vec<NotificationItem>,
    /// Where the next step begins; none at the end.
    pub(crate) next: Option<Place>,
}

impl Store {
    /// One page of the list.
    pub(crate) async fn list(
        &self,
        query: &ListQuery,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Vec<NotificationItem>, StoreError> {
        let sql = select(LOCAL_COLUMNS, query, after.is_some());
        let rows = bind(&sql, query, after).bind(i64::from(limit)).fetch_all(&self.readers).await?;
        self.watch_damage(rows.iter().map(|row| read_item(&self.sealer, row)).collect())
    }

    /// How many are unread and not archived.
    pub(crate) async fn unread(&self, category: Option<&CategoryId>) -> Result<u64, StoreError> {
        let sql = if category.is_some() {
            "SELECT count(*) FROM items WHERE read_at IS NULL AND archived_at IS NULL AND category = ?"
        } else {
            "SELECT count(*) FROM items WHERE read_at IS NULL AND archived_at IS NULL"
        };
        let mut query = sqlx::query_scalar::<_, i64>(sql);
        if let Some(category) = category {
            query = query.bind(category.as_str());
        }
        let count = query.fetch_one(&self.readers).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Looks through the next slice of rows.
    pub(crate) async fn search_slice(
        &self,
        needle: &Needle,
        query: &ListQuery,
        after: Option<&Place>,
    ) -> Result<Found, StoreError> {
        let sql = select("id, created_at, title, body", query, after.is_some());
        let rows = bind(&sql, query, after).bind(i64::from(SEARCH_SLICE)).fetch_all(&self.readers).await?;
        let whole = rows.len() == usize::try_from(SEARCH_SLICE).unwrap_or(usize::MAX);
        let next = match rows.last() {
            Some(last) if whole => Some(Place { id: last.try_get(0)?, created_at: last.try_get(1)? }),
            Some(_) | None => None,
        };
        let mut items = Vec::new();
        for row in &rows {
            if self.watch_damage(matches_row(&self.sealer, needle, row))? {
                let id: &str = row.try_get(0)?;
                items.extend(one_by_id(&self.readers, &self.sealer, id).await?);
            }
        }
        Ok(Found { items, next })
    }
}

pub(super) async fn one(
    readers: &SqlitePool,
    sealer: &Sealer,
    id: &NotificationId,
) -> Result<Option<NotificationItem>, StoreError> {
    one_by_id(readers, sealer, id.as_str()).await
}

async fn one_by_id(
    readers: &SqlitePool,
    sealer: &Sealer,
    id: &str,
) -> Result<Option<NotificationItem>, StoreError> {
    let sql = format!("SELECT {LOCAL_COLUMNS} FROM items WHERE id = ?");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(readers).await?;
    row.map(|row| read_item(sealer, &row)).transpose()
}

fn matches_row(sealer: &Sealer, needle: &Needle, row: &SqliteRow) -> Result<bool, StoreError> {
    let id: &str = row.try_get(0)?;
    if needle.is_in(&open_text(sealer, id, "title", row.try_get(2)?)?) {
        return Ok(true);
    }
    Ok(needle.is_in(&open_text(sealer, id, "body", row.try_get(3)?)?))
}

fn select(columns: &str, query: &ListQuery, after: bool) -> String {
    let mut conditions = Vec::new();
    if query.category.is_some() {
        conditions.push("category = ?");
    }
    match query.unread {
        Some(true) => conditions.push("read_at IS NULL"),
        Some(false) => conditions.push("read_at IS NOT NULL"),
        None => {}
    }
    match query.archived {
        Some(true) => conditions.push("archived_at IS NOT NULL"),
        Some(false) => conditions.push("archived_at IS NULL"),
        None => {}
    }
    match query.asleep {
        Some(Asleep { asleep: true, .. }) => conditions.push("snoozed_until > ?"),
        Some(Asleep { asleep: false, .. }) => {
            conditions.push("(snoozed_until IS NULL OR snoozed_until <= ?)")
        }
        None => {}
    }
    if after {
        conditions.push("(created_at, id) < (?, ?)");
    }
    let filter = if conditions.is_empty() { "1" } else { &conditions.join(" AND ") };
    format!("SELECT {columns} FROM items WHERE {filter} ORDER BY created_at DESC, id DESC LIMIT ?")
}

fn bind<'q>(sql: &str, query: &ListQuery, after: Option<&Place>) -> Query<'q, Sqlite, SqliteArguments> {
    let mut bound = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()));
    if let Some(category) = &query.category {
        bound = bound.bind(category.as_str().to_owned());
    }
    if let Some(asleep) = query.asleep {
        bound = bound.bind(asleep.now);
    }
    if let Some(after) = after {
        bound = bound.bind(after.created_at).bind(after.id.clone());
    }
    bound
}
