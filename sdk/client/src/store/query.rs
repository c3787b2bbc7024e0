//! Lists and search over the rows, newest first.

use futures_util::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Either, Executor as _, Row as _, Sqlite};
use tidings_protocol::item::NotificationItem;
use tidings_protocol::{CategoryId, Cursor, NotificationId};

use super::account::{cursor, unsigned};
use super::items::{LOCAL_COLUMNS, read_item};
use super::readers::UnreadCount;
use super::{Store, StoreError, words};
use crate::seal::Sealer;
use crate::text::Needle;

/// Rows that one step of a search decrypts: small enough for a first hit within milliseconds and for a prompt stop.
const SEARCH_SLICE: u32 = 500;

const PLACE: &str = "SELECT cursor, pages FROM account";

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

/// One page of a list, and what stands beside it.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) items: Vec<NotificationItem>,
    /// How many are unread and not archived, in the query's category or in all.
    pub(crate) unread: u64,
    /// The device's cursor before the rows were read, with the number of pages behind it.
    pub(crate) place: (Option<Cursor>, u64),
}

impl Store {
    /// One page of the list. It is one turn of SQLite's thread, and counts the unread ones only if the file has changed
    /// since this connection counted them: a turn costs as much as twenty rows, and a count as much as the page.
    pub(crate) async fn list(
        &self,
        query: &ListQuery,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Listed, StoreError> {
        let mut reader = self.readers.acquire().await?;
        let known = reader.counted().take().filter(|count| count.category == query.category);
        let sql = [PLACE, &select(LOCAL_COLUMNS, query, after.is_some()), unread(query.category.is_some())];
        let mut asked = bind(&sql.join("; "), query, after).bind(i64::from(limit));
        asked = asked.bind(known.as_ref().map(|count| count.version)).bind(known.map(|count| count.count));
        if let Some(category) = &query.category {
            asked = asked.bind(category.as_str().to_owned());
        }
        let mut answers = [Vec::new(), Vec::new(), Vec::new()];
        let mut number = 0;
        let mut stream = (&mut *reader).fetch_many(asked);
        while let Some(step) = stream.try_next().await? {
            match step {
                Either::Left(_) => number += 1,
                Either::Right(row) => answers[number].push(row),
            }
        }
        drop(stream);
        let [place, rows, counted] = &answers;
        let (place, counted) = place.first().zip(counted.first()).ok_or(sqlx::Error::RowNotFound)?;
        let (version, count): (i64, i64) = (counted.try_get(0)?, counted.try_get(1)?);
        *reader.counted() = Some(UnreadCount { version, category: query.category.clone(), count });
        let items = rows.iter().map(|row| read_item(&self.sealer, row)).collect();
        Ok(Listed {
            items: self.watch_damage(items)?,
            unread: u64::try_from(count).unwrap_or(0),
            place: (cursor(place, 0)?, unsigned(place, 1)?),
        })
    }

    /// How many are unread and not archived, in a category or in all.
    pub(crate) async fn unread(&self, category: Option<&CategoryId>) -> Result<u64, StoreError> {
        let query = ListQuery { category: category.cloned(), ..ListQuery::default() };
        Ok(self.list(&query, None, 0).await?.unread)
    }

    /// One notification.
    pub(super) async fn one(&self, id: &NotificationId) -> Result<Option<NotificationItem>, StoreError> {
        self.one_by_id(id.as_str()).await
    }

    async fn one_by_id(&self, id: &str) -> Result<Option<NotificationItem>, StoreError> {
        let sql = format!("SELECT {LOCAL_COLUMNS} FROM items WHERE id = ?");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id);
        let row = row.fetch_optional(&mut *self.readers.acquire().await?).await?;
        row.map(|row| read_item(&self.sealer, &row)).transpose()
    }

    /// Looks through the next slice of rows.
    pub(crate) async fn search_slice(
        &self,
        needle: &Needle,
        query: &ListQuery,
        after: Option<&Place>,
    ) -> Result<Found, StoreError> {
        let sql = select("id, created_at, words", query, after.is_some());
        let rows = bind(&sql, query, after).bind(i64::from(SEARCH_SLICE));
        let rows = rows.fetch_all(&mut *self.readers.acquire().await?).await?;
        let whole = rows.len() == usize::try_from(SEARCH_SLICE).unwrap_or(usize::MAX);
        let next = match rows.last() {
            Some(last) if whole => Some(Place { id: last.try_get(0)?, created_at: last.try_get(1)? }),
            Some(_) | None => None,
        };
        let mut items = Vec::new();
        for row in &rows {
            if self.watch_damage(matches_row(&self.sealer, needle, row))? {
                let id: &str = row.try_get(0)?;
                items.extend(self.one_by_id(id).await?);
            }
        }
        Ok(Found { items, next })
    }
}

fn matches_row(sealer: &Sealer, needle: &Needle, row: &SqliteRow) -> Result<bool, StoreError> {
    let said = words::open(sealer, row.try_get(0)?, row.try_get(2)?)?.content;
    Ok(needle.is_in(&said.title) || needle.is_in(&said.body))
}

/// The version of the file as this connection sees it, and how many are unread: what was counted at the version that is
/// handed in, or counted now.
const fn unread(of_category: bool) -> &'static str {
    if of_category {
        "SELECT v.data_version, CASE v.data_version WHEN ? THEN ? ELSE (SELECT count(*) FROM items \
         WHERE read_at IS NULL AND archived_at IS NULL AND category = ?) END FROM pragma_data_version AS v"
    } else {
        "SELECT v.data_version, CASE v.data_version WHEN ? THEN ? ELSE (SELECT count(*) FROM items \
         WHERE read_at IS NULL AND archived_at IS NULL) END FROM pragma_data_version AS v"
    }
}

pub(super) fn select(columns: &str, query: &ListQuery, after: bool) -> String {
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

pub(super) fn bind<'q>(
    sql: &str,
    query: &ListQuery,
    after: Option<&Place>,
) -> Query<'q, Sqlite, SqliteArguments> {
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
