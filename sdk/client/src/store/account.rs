//! The account's own row: identity, cursor, settings, credentials.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, Sqlite, Transaction};
use tidings_protocol::item::SettingsItem;
use tidings_protocol::{Cursor, DeviceId, Timestamp};
use tidings_sdk_core::{Identity, Loaded};

use super::outbox::pending;
use super::{Store, StoreError, begin};
use crate::claims::Claims;

const SELECT_ACCOUNT: &str = "SELECT device, nonce, cursor, last_contact, clock_offset_ms FROM account";
const SELECT_CREDENTIALS: &str =
    "SELECT access_token, access_expires_at, refresh_token, code_spent, device, nonce FROM account";
const UPDATE_CREDENTIALS: &str =
    "UPDATE account SET access_token = ?, access_expires_at = ?, refresh_token = ?";

/// What the relay gave this device to prove who it is.
#[derive(Clone, Default)]
pub(crate) struct Credentials {
    pub(crate) access_token: Option<String>,
    pub(crate) access_expires_at: Option<Timestamp>,
    pub(crate) refresh_token: Option<String>,
    /// The connect code that these came from: it is good for one exchange only.
    pub(crate) code_spent: Option<String>,
    pub(crate) device: String,
    pub(crate) nonce: String,
}

/// The answer to a connect code.
pub(crate) struct SignIn<'a> {
    pub(crate) project: &'a str,
    pub(crate) recipient: &'a str,
    pub(crate) device: &'a DeviceId,
    pub(crate) code: &'a str,
    pub(crate) access_token: &'a str,
    pub(crate) access_expires_at: Option<Timestamp>,
    pub(crate) refresh_token: &'a str,
}

impl Store {
    pub(crate) async fn credentials(&self) -> Result<Credentials, StoreError> {
        let row = sqlx::query(SELECT_CREDENTIALS).fetch_one(&mut *self.writer().await).await?;
        Ok(Credentials {
            access_token: row.try_get(0)?,
            access_expires_at: instant(&row, 1)?,
            refresh_token: row.try_get(2)?,
            code_spent: row.try_get(3)?,
            device: row.try_get(4)?,
            nonce: row.try_get(5)?,
        })
    }

    /// Stores a pair before it is used. Repeating the exchange that a crash interrupted answers the same pair.
    pub(crate) async fn save_tokens(
        &self,
        access_token: &str,
        access_expires_at: Option<Timestamp>,
        refresh_token: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(UPDATE_CREDENTIALS)
            .bind(access_token)
            .bind(access_expires_at.map(Timestamp::as_millis))
            .bind(refresh_token)
            .execute(&mut *self.writer().await)
            .await?;
        Ok(())
    }

    /// Stores who signed in. If it is another person than before, nothing of the former one stays.
    pub(crate) async fn sign_in(&self, sign_in: &SignIn<'_>) -> Result<(), StoreError> {
        let mut writer = self.writer().await;
        let mut transaction = begin(&mut writer).await?;
        change_owner(&mut transaction, sign_in.project, sign_in.recipient, Some(sign_in.device)).await?;
        sqlx::query("UPDATE account SET code_spent = ?")
            .bind(sign_in.code)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(UPDATE_CREDENTIALS)
            .bind(sign_in.access_token)
            .bind(sign_in.access_expires_at.map(Timestamp::as_millis))
            .bind(sign_in.refresh_token)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Makes the file that of a token's bearer.
    pub(crate) async fn own(&self, claims: &Claims) -> Result<(), StoreError> {
        let mut writer = self.writer().await;
        let mut transaction = begin(&mut writer).await?;
        let device = claims.device.as_ref();
        change_owner(&mut transaction, &claims.project, &claims.recipient, device).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets the credentials and keeps the inbox.
    pub(crate) async fn forget_credentials(&self) -> Result<(), StoreError> {
        sqlx::query("UPDATE account SET access_token = NULL, access_expires_at = NULL, refresh_token = NULL")
            .execute(&mut *self.writer().await)
            .await?;
        Ok(())
    }

    /// The project and the recipient, once they are known.
    pub(crate) async fn owner(&self) -> Result<Option<(String, String)>, StoreError> {
        let query = sqlx::query("SELECT project, recipient FROM account");
        let row = query.fetch_one(&mut *self.writer().await).await?;
        let owner: (Option<String>, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        Ok(owner.0.zip(owner.1))
    }

    /// The cursor with the number of pages behind it.
    pub(crate) async fn place(&self) -> Result<(Option<Cursor>, u64), StoreError> {
        let row =
            sqlx::query("SELECT cursor, pages FROM account").fetch_one(&mut *self.writer().await).await?;
        Ok((cursor(&row, 0)?, unsigned(&row, 1)?))
    }

    /// A number that changes when anything but this process's own beat changed the file.
    pub(crate) async fn data_version(&self) -> Result<i64, StoreError> {
        let mut pulse = self.pulse().await;
        Ok(sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut *pulse).await?)
    }
}

/// If it is another person than before, nothing of the former one stays.
async fn change_owner(
    transaction: &mut Transaction<'_, Sqlite>,
    project: &str,
    recipient: &str,
    device: Option<&DeviceId>,
) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT project, recipient FROM account").fetch_one(&mut **transaction).await?;
    let known: (Option<String>, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
    let same =
        known.1.is_none() || (known.0.as_deref() == Some(project) && known.1.as_deref() == Some(recipient));
    if !same {
        wipe_rows(transaction).await?;
    }
    sqlx::query("UPDATE account SET project = ?, recipient = ?, device = coalesce(?, device)")
        .bind(project)
        .bind(recipient)
        .bind(device.map(DeviceId::as_str))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

pub(super) async fn load(writer: &mut SqliteConnection) -> Result<Loaded, StoreError> {
    let row = sqlx::query(SELECT_ACCOUNT).fetch_one(&mut *writer).await?;
    let device: String = row.try_get(0)?;
    Ok(Loaded {
        identity: Identity { device: stored_id(device)?, nonce: row.try_get(1)? },
        cursor: cursor(&row, 2)?,
        last_contact: instant(&row, 3)?,
        clock_offset_ms: row.try_get(4)?,
        outbox: pending(writer).await?,
    })
}

pub(super) async fn save_identity(
    writer: &mut SqliteConnection,
    identity: &Identity,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET device = ?, nonce = ?")
        .bind(identity.device.as_str())
        .bind(&identity.nonce)
        .execute(writer)
        .await?;
    Ok(())
}

pub(super) async fn remember_contact(
    writer: &mut SqliteConnection,
    at: Timestamp,
    clock_offset_ms: i64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE account SET last_contact = ?, clock_offset_ms = ?")
        .bind(at.as_millis())
        .bind(clock_offset_ms)
        .execute(writer)
        .await?;
    Ok(())
}

pub(super) async fn settings(writer: &mut SqliteConnection) -> Result<Option<SettingsItem>, StoreError> {
    let text: Option<String> =
        sqlx::query_scalar("SELECT settings FROM account").fetch_one(&mut *writer).await?;
    let Some(text) = text else { return Ok(None) };
    let server: SettingsItem = serde_json::from_str(&text)?;
    let pending = pending(writer).await?;
    let operations = pending.iter().map(|queued| &queued.operation);
    Ok(Some(tidings_sdk_core::view::local_settings(&server, operations)))
}

pub(super) async fn drop_content(writer: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut transaction = begin(writer).await?;
    drop_rows(&mut transaction).await?;
    sqlx::query("UPDATE account SET last_contact = NULL").execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}

pub(super) async fn wipe(writer: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut transaction = begin(writer).await?;
    wipe_rows(&mut transaction).await?;
    transaction.commit().await?;
    // The rows were overwritten in their pages; their older copies are in the journal until it is cut. Another process
    // that is reading keeps it from being cut now, and the next checkpoint does it.
    if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *writer).await {
        tracing::debug!(%error, "the journal of the inbox file was not cut");
    }
    Ok(())
}

/// Content, settings and cursor go; the outbox, the credentials and the memory of what was shown stay.
pub(super) async fn drop_rows(transaction: &mut Transaction<'_, Sqlite>) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM items").execute(&mut **transaction).await?;
    sqlx::query("UPDATE account SET cursor = NULL, resetting = 0, settings = NULL")
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

async fn wipe_rows(transaction: &mut Transaction<'_, Sqlite>) -> Result<(), StoreError> {
    drop_rows(transaction).await?;
    const WIPES: [&str; 5] = [
        "DELETE FROM outbox",
        "DELETE FROM refused",
        "DELETE FROM shown",
        "DELETE FROM screen",
        "UPDATE account SET project = NULL, recipient = NULL, access_token = NULL, access_expires_at = NULL,
            refresh_token = NULL, last_contact = NULL",
    ];
    for wipe in WIPES {
        sqlx::query(wipe).execute(&mut **transaction).await?;
    }
    Ok(())
}

pub(super) fn cursor(row: &SqliteRow, column: usize) -> Result<Option<Cursor>, StoreError> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| Cursor::new(text).map_err(damaged)).transpose()
}

pub(super) fn instant(row: &SqliteRow, column: usize) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_millis))
}

pub(super) fn unsigned(row: &SqliteRow, column: usize) -> Result<u64, StoreError> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(damaged)
}

/// Reads an id that this client wrote itself.
pub(super) fn stored_id<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    text: impl AsRef<str>,
) -> Result<T, StoreError> {
    text.as_ref().parse().map_err(damaged)
}

/// Something in the file is not what this client writes.
pub(super) fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Sql(sqlx::Error::Decode(Box::new(error)))
}
