//! How far hooks have told the feed.

use async_trait::async_trait;
use tidings_core::ports::{HookKeeper, HookRow, StoreError};
use tidings_protocol::{ProjectId, Timestamp};

use super::{MemoryStore, PortCall};

#[async_trait]
impl HookKeeper for MemoryStore {
    async fn hooks(&self, project: &ProjectId) -> Result<Vec<HookRow>, StoreError> {
        self.at(PortCall::Registry).await?;
        let tables = self.shared.lock();
        let rows = tables.hooks.iter().filter(|((of, _), _)| of == project);
        Ok(rows.map(|(_, row)| row.clone()).collect())
    }

    async fn put_hook(&self, hook: &HookRow) -> Result<(), StoreError> {
        self.change(PortCall::Registry, |tables| {
            tables.hooks.set((hook.project.clone(), hook.name.clone()), hook.clone());
            Ok(())
        })
        .await
    }

    async fn remove_hook(&self, project: &ProjectId, name: &str) -> Result<(), StoreError> {
        self.change(PortCall::Registry, |tables| {
            tables.hooks.remove(&(project.clone(), name.into()));
            Ok(())
        })
        .await
    }

    async fn feed_before(&self, project: &ProjectId, at: Timestamp) -> Result<u64, StoreError> {
        self.at(PortCall::Story).await?;
        let tables = self.shared.lock();
        let rows = tables.feed.range((project.clone(), 0)..=(project.clone(), u64::MAX));
        Ok(rows.rev().find(|(_, entry)| entry.at < at).map_or(0, |((_, number), _)| *number))
    }
}
