//! How far the hooks of a project have told its feed.

use async_trait::async_trait;
use tidings_protocol::{ProjectId, Timestamp};

use super::StoreError;

/// Where a hook stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookRow {
    /// Whose.
    pub project: ProjectId,
    /// Its name in the document.
    pub name: Box<str>,
    /// The number of the last entry of the feed that it was told, or did not want.
    pub told: u64,
    /// Calls for the next entry that failed, one after the other.
    pub failed: u32,
    /// When the next one is made, if one failed.
    pub next_at: Option<Timestamp>,
    /// What the last one came to, if it failed.
    pub code: Option<Box<str>>,
    /// The version of the document under which its receiver said that it is gone: with another one it is asked again.
    pub gone: Option<u64>,
}

/// Keeps where hooks stand.
#[async_trait]
pub trait HookKeeper: Send + Sync {
    /// Every hook of a project that was ever told something and is still kept, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn hooks(&self, project: &ProjectId) -> Result<Vec<HookRow>, StoreError>;

    /// Makes or changes a hook's row.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn put_hook(&self, hook: &HookRow) -> Result<(), StoreError>;

    /// Forgets a hook that the document has no more. It is no matter if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn remove_hook(&self, project: &ProjectId, name: &str) -> Result<(), StoreError>;

    /// The number of the last entry of a project's feed that was made before an instant; 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn feed_before(&self, project: &ProjectId, at: Timestamp) -> Result<u64, StoreError>;
}
