//! Pages of changes as frames.

use std::sync::Arc;

use async_trait::async_trait;
use tidings_core::configuration::Configuration;
use tidings_core::model::PersonKey;
use tidings_core::ports::{InboxReader, StoreError};
use tidings_core::view::{self, Position};
use tidings_protocol::frame::ChangesPage;
use tidings_protocol::{Cursor, ProjectId};

use crate::lane::Lane;

/// Knows what is live in a project.
#[async_trait]
pub trait LiveConfiguration: Send + Sync {
    /// The live configuration of a project, compiled.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    async fn live(&self, project: &ProjectId) -> Result<Arc<Configuration>, StoreError>;
}

/// Reads pages of changes.
#[derive(Clone)]
pub struct PageReader {
    /// The rows.
    pub reader: Arc<dyn InboxReader>,
    /// The settings' words.
    pub live: Arc<dyn LiveConfiguration>,
    /// Where it is read.
    pub lane: Lane,
}

impl std::fmt::Debug for PageReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PageReader").finish_non_exhaustive()
    }
}

impl PageReader {
    /// A page as frames, at least one.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub async fn frames(
        &self,
        person: &PersonKey,
        after: Option<&Cursor>,
        limit: usize,
        position: Position,
    ) -> Result<Vec<ChangesPage>, StoreError> {
        let (reader, live) = (Arc::clone(&self.reader), Arc::clone(&self.live));
        let (person, after) = (person.clone(), after.cloned());
        let read = async move {
            let page = reader.page(&person, after.as_ref(), limit).await?;
            let configuration = live.live(&person.project).await?;
            Ok(view::frames(&page, &configuration, position))
        };
        let gone = || Err(StoreError::Unavailable("the reading ended without an answer".into()));
        self.lane.run(read).await.unwrap_or_else(gone)
    }
}
