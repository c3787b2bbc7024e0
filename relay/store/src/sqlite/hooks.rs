//! How far hooks have told the feed.

use async_trait::async_trait;
use tidings_core::ports::{HookKeeper, HookRow, StoreError};
use tidings_protocol::{ProjectId, Timestamp};

use super::SqliteStore;
use super::cells::Cells;
use super::rows::setup;
use super::statements::setup as sql;

#[async_trait]
impl HookKeeper for SqliteStore {
    async fn hooks(&self, project: &ProjectId) -> Result<Vec<HookRow>, StoreError> {
        let query = sqlx::query(sql::HOOKS).bind(project.as_str());
        self.rows(query).await?.iter().map(setup::hook).collect()
    }

    async fn put_hook(&self, hook: &HookRow) -> Result<(), StoreError> {
        let query = sqlx::query(sql::PUT_HOOK)
            .bind(hook.project.as_str())
            .bind(&*hook.name)
            .bind(number(hook.told))
            .bind(i64::from(hook.failed))
            .bind(hook.next_at.map(|at| at.as_millis()))
            .bind(hook.code.as_deref())
            .bind(hook.gone.map(number));
        self.change(query).await.map(drop)
    }

    async fn remove_hook(&self, project: &ProjectId, name: &str) -> Result<(), StoreError> {
        let query = sqlx::query(sql::REMOVE_HOOK).bind(project.as_str()).bind(name);
        self.change(query).await.map(drop)
    }

    async fn feed_before(&self, project: &ProjectId, at: Timestamp) -> Result<u64, StoreError> {
        let query = sqlx::query(sql::FEED_BEFORE).bind(project.as_str()).bind(at.as_millis());
        match self.rows(query).await?.first() {
            Some(row) => Cells::of(row).number(),
            None => Ok(0),
        }
    }
}

/// A number as SQLite counts.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
