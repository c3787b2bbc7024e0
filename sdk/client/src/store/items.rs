//! A notification as a row, and back.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use tidings_protocol::item::{NotificationItem, View};
use tidings_protocol::{NotificationId, Stamp};

use super::account::{instant, stored_id, unsigned};
use super::{StoreError, words};
use crate::seal::Sealer;

/// The columns that [`read_item`] reads, in its order: the relay's words with the recipient's own state.
pub(super) const LOCAL_COLUMNS: &str =
    "id, words, round, read_at, archived_at, snoozed_until, acknowledged_at, unread_at, unread_by";
/// The columns that [`read_state`] reads, in its order: the relay's words with its own state, and when they came.
pub(super) const STATE_COLUMNS: &str = "id, words, server_round, server_read_at, server_archived_at, \
     server_snoozed_until, server_acknowledged_at, server_unread_at, server_unread_by, arrived";

/// Reads a row of [`LOCAL_COLUMNS`].
pub(super) fn read_item(sealer: &Sealer, row: &SqliteRow) -> Result<NotificationItem, StoreError> {
    let id: &str = row.try_get(0)?;
    let said = words::open(sealer, id, row.try_get(1)?)?;
    let view = View {
        read_at: instant(row, 3)?,
        archived_at: instant(row, 4)?,
        snoozed_until: instant(row, 5)?,
        acknowledged_at: instant(row, 6)?,
        unread: stamp(row, 7)?,
    };
    Ok(said.item(stored_id::<NotificationId>(id)?, row.try_get(2)?, view))
}

/// Reads a row of [`STATE_COLUMNS`]: a notification as the relay has it, and the page with which it arrived.
pub(super) fn read_state(sealer: &Sealer, row: &SqliteRow) -> Result<(NotificationItem, u64), StoreError> {
    Ok((read_item(sealer, row)?, unsigned(row, 9)?))
}

/// A stamp in two columns that are both null or neither.
pub(super) fn stamp(row: &SqliteRow, first: usize) -> Result<Option<Stamp>, StoreError> {
    let by: Option<&str> = row.try_get(first + 1)?;
    Ok(instant(row, first)?.zip(by).map(|(at, by)| Stamp { at, by: by.into() }))
}
