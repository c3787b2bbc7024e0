//! How devices sign in.

use async_trait::async_trait;
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use tidings_core::model::{PersonKey, StoredAnswer};
use tidings_core::ports::{
    ConnectCode, DeviceToken, KnownToken, PresentedToken, SignIn, StoreError, TokenExchange,
};
use tidings_protocol::{DeviceId, ProjectId, RecipientId, Timestamp};

use super::cells::Cells;
use super::error::meaning;
use super::rows::setup;
use super::statements::setup as sql;
use super::{SqliteStore, not_committed};

fn put_connect_code(code: &ConnectCode) -> Query<'_, Sqlite, SqliteArguments> {
    sqlx::query(sql::PUT_CONNECT_CODE)
        .bind(code.hash.as_slice())
        .bind(code.person.project.as_str())
        .bind(code.person.recipient.as_str())
        .bind(code.expires_at.as_millis())
}

#[async_trait]
impl SignIn for SqliteStore {
    async fn put_connect_code(
        &self,
        code: &ConnectCode,
        answer: Option<&StoredAnswer>,
    ) -> Result<(), StoreError> {
        self.change_and_keep(put_connect_code(code), answer).await.map(drop)
    }

    async fn take_connect_code(
        &self,
        hash: &[u8; 32],
        repeat: Option<(&[u8; 32], Timestamp)>,
        now: Timestamp,
    ) -> Result<Option<ConnectCode>, StoreError> {
        let mut writer = self.writer().await?;
        writer.begin_beside_people().await?;
        let taken = sqlx::query(sql::TAKE_CONNECT_CODE).bind(hash.as_slice());
        let taken = taken.fetch_optional(&mut writer.connection).await.map_err(meaning)?;
        let code = taken.as_ref().map(setup::connect_code).transpose()?;
        let code = code.filter(|code| code.expires_at > now);
        if let (Some(code), Some((hash, until))) = (&code, repeat) {
            let repeat = ConnectCode { hash: *hash, expires_at: code.expires_at.min(until), ..code.clone() };
            put_connect_code(&repeat).execute(&mut writer.connection).await.map_err(meaning)?;
        }
        writer.commit().await.map_err(not_committed)?;
        Ok(code)
    }

    async fn device_token(&self, presented: &PresentedToken) -> Result<Option<KnownToken>, StoreError> {
        let hash = presented.hash.as_slice();
        let family = presented.family.as_ref().map(<[u8; 32]>::as_slice);
        let rows = self.rows(sqlx::query(sql::DEVICE_TOKEN).bind(hash).bind(family)).await?;
        if let Some(row) = rows.first() {
            return setup::device_token(row).map(KnownToken::Device).map(Some);
        }
        // An erasure removes the one row and adds the other in one transaction: whoever misses the first finds the second.
        let rows = self.rows(sqlx::query(sql::ERASED_TOKEN).bind(hash).bind(family)).await?;
        Ok(rows.first().map(|_| KnownToken::Erased))
    }

    async fn put_device_token(
        &self,
        token: &DeviceToken,
        expected: Option<&[u8; 32]>,
        answer: Option<&StoredAnswer>,
    ) -> Result<TokenExchange, StoreError> {
        let previous = token.previous.as_ref();
        let query = sqlx::query(sql::PUT_DEVICE_TOKEN)
            .bind(token.person.project.as_str())
            .bind(token.person.recipient.as_str())
            .bind(token.device.as_str())
            .bind(token.current.as_slice())
            .bind(previous.map(|(hash, _)| hash.as_slice()))
            .bind(previous.map(|(_, at)| at.as_millis()))
            .bind(token.last_answer.as_deref())
            .bind(token.used_at.as_millis())
            .bind(expected.map(<[u8; 32]>::as_slice))
            .bind(token.family.as_ref().map(<[u8; 32]>::as_slice));
        let written = self.change_and_keep(query, answer).await?;
        Ok(if written == 0 { TokenExchange::Raced } else { TokenExchange::Rotated })
    }

    async fn revoke_device(
        &self,
        person: &PersonKey,
        device: &DeviceId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut writer = self.writer().await?;
        writer.begin().await?;
        let mut there = false;
        for statement in [sql::REMOVE_DEVICE_TOKEN, sql::REVOKE_DEVICE] {
            let query = sqlx::query(statement)
                .bind(person.project.as_str())
                .bind(person.recipient.as_str())
                .bind(device.as_str());
            let query = if statement == sql::REVOKE_DEVICE { query.bind(now.as_millis()) } else { query };
            there |= query.execute(&mut writer.connection).await.map_err(meaning)?.rows_affected() > 0;
        }
        writer.commit().await.map_err(not_committed)?;
        Ok(there)
    }

    async fn standing(
        &self,
        project: &ProjectId,
        recipient: &RecipientId,
        device: Option<&DeviceId>,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), StoreError> {
        let person = PersonKey { project: project.clone(), recipient: recipient.clone() };
        let name = self.shared.erasure.name(&person);
        let query = sqlx::query(sql::STANDING)
            .bind(project.as_str())
            .bind(name.as_str())
            .bind(recipient.as_str())
            .bind(device.map(DeviceId::as_str));
        let rows = self.rows(query).await?;
        let row = rows.first().expect("a statement without FROM answers one row");
        let mut cells = Cells::of(row);
        Ok((cells.time_maybe()?, cells.time_maybe()?))
    }
}
