//! What the relay said of a notification, as one sealed value. Opening a value costs as much as reading several columns,
//! so a row has one; what SQLite filters and orders by stands beside it in plain.

mod form;

use serde::Deserialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, Transaction};
use tidings_protocol::item::{ActionItem, Because, ContentItem, NotificationItem, View};
use tidings_protocol::{CategoryId, NotificationId, Priority, Timestamp};

use super::StoreError;
use super::account::{damaged, stored_id, unsigned};
use crate::seal::{EncryptionKey, Sealer};

const COLUMN: &str = "words";
/// The columns of a row that was written before there were words.
const OLDER: &str = "SELECT id, title, body, link, icon, image, actions, because, category, priority, collapse, \
     needs_acknowledgement, created_at, expires_at, place FROM items WHERE rowid > ? ORDER BY rowid LIMIT ?";
/// Older rows that are held in memory at a time.
const OLDER_AT_ONCE: i64 = 500;

/// All that does not change while the notification is in the inbox, but for its id. Earlier versions wrote it as JSON.
#[derive(Deserialize)]
pub(super) struct Words {
    place: u64,
    category: CategoryId,
    priority: Priority,
    pub(super) content: ContentItem,
    collapse: Option<String>,
    needs_acknowledgement: bool,
    because: Because,
    created_at: i64,
    expires_at: i64,
}

impl Words {
    pub(super) fn item(self, id: NotificationId, round: u32, view: View) -> NotificationItem {
        NotificationItem {
            id,
            place: self.place,
            category: self.category,
            priority: self.priority,
            content: self.content,
            collapse: self.collapse,
            needs_acknowledgement: self.needs_acknowledgement,
            round,
            because: self.because,
            created_at: Timestamp::from_millis(self.created_at),
            expires_at: Timestamp::from_millis(self.expires_at),
            view,
        }
    }
}

pub(super) fn seal(sealer: &Sealer, item: &NotificationItem) -> Vec<u8> {
    sealer.seal(item.id.as_str(), COLUMN, &form::write(item))
}

pub(super) fn open(sealer: &Sealer, id: &str, value: &[u8]) -> Result<Words, StoreError> {
    let bytes = sealer.open(id, COLUMN, value)?;
    match form::read(&bytes) {
        Some(words) => words.map_err(damaged),
        None => Ok(serde_json::from_slice(&bytes)?),
    }
}

/// Gives the rows of an older file their words. Rows of another key are left to be dropped with it.
pub(super) async fn join(
    writing: &mut Transaction<'_, Sqlite>,
    key: Option<&EncryptionKey>,
) -> Result<(), StoreError> {
    let account = sqlx::query("SELECT tag, key_check FROM account").fetch_optional(&mut **writing).await?;
    let Some(account) = account else { return Ok(()) };
    let sealer = Sealer::new(key, account.try_get(0)?);
    if !sealer.fits(account.try_get(1)?) {
        return Ok(());
    }
    let mut after = 0_i64;
    loop {
        let rows = sqlx::query(OLDER).bind(after).bind(OLDER_AT_ONCE).fetch_all(&mut **writing).await?;
        for row in &rows {
            let item = read_older(&sealer, row)?;
            let joined = sqlx::query("UPDATE items SET words = ? WHERE id = ? RETURNING rowid");
            let joined = joined.bind(seal(&sealer, &item)).bind(item.id.as_str());
            after = joined.fetch_one(&mut **writing).await?.try_get(0)?;
        }
        if rows.is_empty() {
            return Ok(());
        }
    }
}

/// Reads a row of [`OLDER`], each of whose columns was sealed for itself.
fn read_older(sealer: &Sealer, row: &SqliteRow) -> Result<NotificationItem, StoreError> {
    let id: &str = row.try_get(0)?;
    let text = |column: &str, index: usize| -> Result<Option<String>, StoreError> {
        let Some(value) = row.try_get::<Option<&[u8]>, _>(index)? else { return Ok(None) };
        Ok(Some(String::from_utf8(sealer.open(id, column, value)?).map_err(damaged)?))
    };
    let actions: Vec<ActionItem> = serde_json::from_slice(&sealer.open(id, "actions", row.try_get(6)?)?)?;
    let because: Because = serde_json::from_slice(&sealer.open(id, "because", row.try_get(7)?)?)?;
    Ok(NotificationItem {
        id: stored_id(id)?,
        place: unsigned(row, 14)?,
        category: stored_id(row.try_get::<&str, _>(8)?)?,
        priority: row.try_get::<&str, _>(9)?.parse().unwrap_or(Priority::Normal),
        content: ContentItem {
            title: text("title", 1)?.unwrap_or_default(),
            body: text("body", 2)?.unwrap_or_default(),
            link: text("link", 3)?,
            icon: text("icon", 4)?,
            image: text("image", 5)?,
            actions,
        },
        collapse: row.try_get(10)?,
        needs_acknowledgement: row.try_get(11)?,
        round: 0,
        because,
        created_at: Timestamp::from_millis(row.try_get(12)?),
        expires_at: Timestamp::from_millis(row.try_get(13)?),
        view: View::default(),
    })
}
