//! What a row says in a few words of the state that it is in, so that whoever knows it need not read it again.

use std::collections::HashMap;

use sqlx::Row as _;
use tidings_protocol::NotificationId;
use tidings_protocol::item::NotificationItem;

use super::account::stored_id;
use super::items::{LOCAL_COLUMNS, read_item};
use super::query::{ListQuery, bind, select};
use super::{Store, StoreError};

/// Everything that changes of a row: the page that wrote it, which stands for what it says, and the recipient's state.
const MARK: &str = "id || ' ' || written || ' ' || round || ' ' || ifnull(read_at, '') || ' ' || ifnull(archived_at, '') \
     || ' ' || ifnull(snoozed_until, '') || ' ' || ifnull(acknowledged_at, '') || ' ' || ifnull(unread_at, '') \
     || ' ' || ifnull(unread_by, '') AS mark";
/// Rows that are read in one statement.
const ROWS_AT_ONCE: usize = 500;

/// A row with its mark. Two marks are the same as long as the row is.
#[derive(Debug)]
pub(crate) struct Marked {
    pub(crate) id: NotificationId,
    pub(crate) mark: Box<str>,
}

impl Store {
    /// The first rows of a list with their marks, newest first. They come as one value: handing over a row costs more than
    /// finding it.
    pub(crate) async fn marked(&self, query: &ListQuery, limit: u32) -> Result<Vec<Marked>, StoreError> {
        let rows = select(MARK, query, false);
        let sql = format!("SELECT ifnull(group_concat(mark, char(10)), '') FROM ({rows})");
        let asked = bind(&sql, query, None).bind(i64::from(limit));
        let row = asked.fetch_one(&mut *self.readers.acquire().await?).await;
        let row = self.watch_damage(row.map_err(StoreError::from))?;
        let marks: &str = row.try_get(0)?;
        let marked = marks.lines().map(|mark| {
            let id = mark.split(' ').next().unwrap_or_default();
            Ok(Marked { id: stored_id(id)?, mark: mark.into() })
        });
        self.watch_damage(marked.collect())
    }

    /// The notifications with these ids that are here.
    pub(crate) async fn rows(
        &self,
        ids: &[&NotificationId],
    ) -> Result<HashMap<NotificationId, NotificationItem>, StoreError> {
        let mut found = HashMap::new();
        for ids in ids.chunks(ROWS_AT_ONCE) {
            let places = vec!["?"; ids.len()].join(", ");
            let sql = format!("SELECT {LOCAL_COLUMNS} FROM items WHERE id IN ({places})");
            let mut asked = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(ids.len() == 1);
            for id in ids {
                asked = asked.bind(id.as_str());
            }
            let rows = asked.fetch_all(&mut *self.readers.acquire().await?).await;
            for row in &self.watch_damage(rows.map_err(StoreError::from))? {
                let item = self.watch_damage(read_item(&self.sealer, row))?;
                found.insert(item.id.clone(), item);
            }
        }
        Ok(found)
    }
}
