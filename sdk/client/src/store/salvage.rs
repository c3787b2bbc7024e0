//! What can still be read of a damaged file and cannot be fetched again: who the device is, its credentials, what the
//! recipient asked for, and what was shown. Each part is carried over on its own; the inbox itself comes from the relay.

use std::path::Path;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _};

use super::open::options;
use super::{StoreError, begin};

const SELECT_ACCOUNT: &str = "SELECT device, nonce, project, recipient, access_token, access_expires_at, \
     refresh_token, code_spent FROM account";
const UPDATE_ACCOUNT: &str = "UPDATE account SET device = ?, nonce = ?, project = ?, recipient = ?, \
     access_token = ?, access_expires_at = ?, refresh_token = ?, code_spent = ?";

/// Carries over what can be read. What cannot is left out: a file that is no database has nothing to give.
pub(super) async fn carry_over(damaged: &Path, writer: &mut SqliteConnection) {
    let Ok(mut old) = SqliteConnection::connect_with(&options(damaged).create_if_missing(false)).await else {
        return;
    };
    let parts = [
        ("account", carry_account(&mut old, writer).await),
        ("outbox", carry_outbox(&mut old, writer).await),
        ("shown", carry_shown(&mut old, writer).await),
    ];
    for (part, carried) in parts {
        if let Err(error) = carried {
            tracing::warn!(part, %error, "a part of the damaged inbox file is lost");
        }
    }
}

async fn carry_account(old: &mut SqliteConnection, writer: &mut SqliteConnection) -> Result<(), StoreError> {
    let row = sqlx::query(SELECT_ACCOUNT).fetch_one(old).await?;
    let text = |column: usize| row.try_get::<Option<String>, _>(column);
    sqlx::query(UPDATE_ACCOUNT)
        .bind(row.try_get::<String, _>(0)?)
        .bind(row.try_get::<String, _>(1)?)
        .bind(text(2)?)
        .bind(text(3)?)
        .bind(text(4)?)
        .bind(row.try_get::<Option<i64>, _>(5)?)
        .bind(text(6)?)
        .bind(text(7)?)
        .execute(writer)
        .await?;
    Ok(())
}

async fn carry_outbox(old: &mut SqliteConnection, writer: &mut SqliteConnection) -> Result<(), StoreError> {
    let rows = sqlx::query("SELECT operation FROM outbox ORDER BY number").fetch_all(old).await?;
    let mut writing = begin(writer).await?;
    for row in rows {
        sqlx::query("INSERT INTO outbox (page, operation) VALUES (0, ?)")
            .bind(row.try_get::<String, _>(0)?)
            .execute(&mut *writing)
            .await?;
    }
    writing.commit().await?;
    Ok(())
}

async fn carry_shown(old: &mut SqliteConnection, writer: &mut SqliteConnection) -> Result<(), StoreError> {
    let rows = sqlx::query("SELECT notification, round FROM shown").fetch_all(old).await?;
    let mut writing = begin(writer).await?;
    for row in rows {
        sqlx::query("INSERT OR IGNORE INTO shown (notification, round) VALUES (?, ?)")
            .bind(row.try_get::<String, _>(0)?)
            .bind(row.try_get::<i64, _>(1)?)
            .execute(&mut *writing)
            .await?;
    }
    writing.commit().await?;
    Ok(())
}
