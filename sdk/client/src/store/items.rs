//! A notification as a row, and back.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use tidings_protocol::Priority;
use tidings_protocol::item::{ActionItem, Because, ContentItem, NotificationItem, View};
use tidings_protocol::{NotificationId, Stamp, Timestamp};

use super::StoreError;
use super::account::{instant, stored_id, unsigned};
use crate::seal::Sealer;

/// The columns that [`read_item`] reads, in its order: the relay's words with the recipient's own state.
pub(super) const LOCAL_COLUMNS: &str = "id, category, priority, title, body, link, icon, image, actions, because, \
     collapse, needs_acknowledgement, created_at, expires_at, round, read_at, archived_at, snoozed_until, \
     acknowledged_at, unread_at, unread_by, place";
/// The columns that [`read_state`] reads, in its order: the relay's own state and what a view of it depends on.
pub(super) const STATE_COLUMNS: &str = "id, category, actions, created_at, server_round, server_read_at, \
     server_archived_at, server_snoozed_until, server_acknowledged_at, server_unread_at, server_unread_by, \
     arrived";

/// What a notification says, sealed column by column.
pub(super) struct SealedContent {
    pub(super) title: Vec<u8>,
    pub(super) body: Vec<u8>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) icon: Option<Vec<u8>>,
    pub(super) image: Option<Vec<u8>>,
    pub(super) actions: Vec<u8>,
    pub(super) because: Vec<u8>,
}

pub(super) fn seal_content(sealer: &Sealer, item: &NotificationItem) -> Result<SealedContent, StoreError> {
    let id = item.id.as_str();
    let content = &item.content;
    let optional =
        |column, text: &Option<String>| text.as_ref().map(|text| sealer.seal(id, column, text.as_bytes()));
    Ok(SealedContent {
        title: sealer.seal(id, "title", content.title.as_bytes()),
        body: sealer.seal(id, "body", content.body.as_bytes()),
        link: optional("link", &content.link),
        icon: optional("icon", &content.icon),
        image: optional("image", &content.image),
        actions: sealer.seal(id, "actions", &serde_json::to_vec(&content.actions)?),
        because: sealer.seal(id, "because", &serde_json::to_vec(&item.because)?),
    })
}

/// Reads a row of [`LOCAL_COLUMNS`].
pub(super) fn read_item(sealer: &Sealer, row: &SqliteRow) -> Result<NotificationItem, StoreError> {
    let id: String = row.try_get(0)?;
    let text = |column: &str, index: usize| open_text(sealer, &id, column, row.try_get(index)?);
    let optional = |column: &str, index: usize| -> Result<Option<String>, StoreError> {
        let value: Option<&[u8]> = row.try_get(index)?;
        value.map(|value| open_text(sealer, &id, column, value)).transpose()
    };
    let actions: Vec<ActionItem> = serde_json::from_slice(&sealer.open(&id, "actions", row.try_get(8)?)?)?;
    let because: Because = serde_json::from_slice(&sealer.open(&id, "because", row.try_get(9)?)?)?;
    let content = ContentItem {
        title: text("title", 3)?,
        body: text("body", 4)?,
        link: optional("link", 5)?,
        icon: optional("icon", 6)?,
        image: optional("image", 7)?,
        actions,
    };
    Ok(NotificationItem {
        id: stored_id::<NotificationId>(&id)?,
        place: unsigned(row, 21)?,
        category: stored_id(row.try_get::<&str, _>(1)?)?,
        priority: row.try_get::<&str, _>(2)?.parse().unwrap_or(Priority::Normal),
        content,
        collapse: row.try_get(10)?,
        needs_acknowledgement: row.try_get(11)?,
        round: row.try_get(14)?,
        because,
        created_at: Timestamp::from_millis(row.try_get(12)?),
        expires_at: Timestamp::from_millis(row.try_get(13)?),
        view: View {
            read_at: instant(row, 15)?,
            unread: stamp(row, 19)?,
            archived_at: instant(row, 16)?,
            snoozed_until: instant(row, 17)?,
            acknowledged_at: instant(row, 18)?,
        },
    })
}

/// Reads a row of [`STATE_COLUMNS`]: the relay's state of a notification without its words, and the page with which it
/// arrived.
pub(super) fn read_state(sealer: &Sealer, row: &SqliteRow) -> Result<(NotificationItem, u64), StoreError> {
    let id: &str = row.try_get(0)?;
    let actions: Vec<ActionItem> = serde_json::from_slice(&sealer.open(id, "actions", row.try_get(2)?)?)?;
    let item = NotificationItem {
        id: stored_id(id)?,
        place: 0,
        category: stored_id(row.try_get::<&str, _>(1)?)?,
        priority: Priority::Normal,
        content: ContentItem { actions, ..ContentItem::default() },
        collapse: None,
        needs_acknowledgement: false,
        round: row.try_get(4)?,
        because: Because::default(),
        created_at: Timestamp::from_millis(row.try_get(3)?),
        expires_at: Timestamp::MAX,
        view: View {
            read_at: instant(row, 5)?,
            unread: stamp(row, 9)?,
            archived_at: instant(row, 6)?,
            snoozed_until: instant(row, 7)?,
            acknowledged_at: instant(row, 8)?,
        },
    };
    Ok((item, unsigned(row, 11)?))
}

/// A stamp in two columns that are both null or neither.
pub(super) fn stamp(row: &SqliteRow, first: usize) -> Result<Option<Stamp>, StoreError> {
    let by: Option<&str> = row.try_get(first + 1)?;
    Ok(instant(row, first)?.zip(by).map(|(at, by)| Stamp { at, by: by.into() }))
}

pub(super) fn open_text(sealer: &Sealer, id: &str, column: &str, value: &[u8]) -> Result<String, StoreError> {
    String::from_utf8(sealer.open(id, column, value)?).map_err(super::account::damaged)
}
