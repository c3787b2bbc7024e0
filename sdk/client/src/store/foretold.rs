//! What a push told before the relay did. Such a row is like any other, but for `written = 0`: no page wrote it. The page
//! that brings the notification writes over it, and one that should have brought it and did not takes it away.

use sqlx::sqlite::SqliteConnection;
use tidings_protocol::item::NotificationItem;

use super::account::unsigned;
use super::apply::{Step, Writing, signed};
use super::{StoreError, begin};
use crate::seal::Sealer;

/// A page that was on its way when the push came does not have it, so the first page after it says nothing yet.
const NEVER_CAME: &str = "DELETE FROM items WHERE written = 0 AND arrived < ?";

/// Stores it unless it is here, or was once. False if nothing was stored.
pub(super) async fn foretell(
    writer: &mut SqliteConnection,
    sealer: &Sealer,
    item: &NotificationItem,
) -> Result<bool, StoreError> {
    let mut writing = begin(writer).await?;
    let known = "SELECT EXISTS (SELECT 1 FROM items WHERE id = ?1) \
         OR EXISTS (SELECT 1 FROM shown WHERE notification = ?1)";
    if sqlx::query_scalar(known).bind(item.id.as_str()).fetch_one(&mut *writing).await? {
        return Ok(false);
    }
    let row = sqlx::query("SELECT pages, generation FROM account").fetch_one(&mut *writing).await?;
    // It arrives with a page that is still to come: what was read in one go up to now did not mean it.
    let (page, generation) = (unsigned(&row, 0)? + 1, unsigned(&row, 1)?);
    let step = Step { sealer, page, generation, after_absence: false };
    step.insert(&mut writing, &[item]).await?;
    sqlx::query("UPDATE items SET written = 0 WHERE id = ?")
        .bind(item.id.as_str())
        .execute(&mut *writing)
        .await?;
    writing.commit().await?;
    Ok(true)
}

/// The relay has told everything up to this page: what it did not tell of is gone, or never was.
pub(super) async fn drop_what_never_came(writing: &mut Writing<'_>, page: u64) -> Result<(), StoreError> {
    sqlx::query(NEVER_CAME).bind(signed(page)).execute(&mut **writing).await?;
    Ok(())
}
