//! Projects and keys in memory. The store stays the truth; this is read again after each change.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use subtle::ConstantTimeEq as _;
use tidings_core::ports::{KeyRow, ProjectRow, Registry, StoreError};
use tidings_protocol::ProjectId;

use super::KeyCaller;
use crate::vault::{Purpose, Vault};

/// Every project and every key that is not taken back.
pub(crate) struct Directory {
    registry: Arc<dyn Registry>,
    vault: Arc<Vault>,
    known: RwLock<Arc<Known>>,
}

#[derive(Default)]
struct Known {
    projects: BTreeMap<ProjectId, Arc<ProjectRow>>,
    keys: BTreeMap<[u8; 32], KeyRow>,
}

impl Directory {
    /// Reads everything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn load(registry: Arc<dyn Registry>, vault: Arc<Vault>) -> Result<Self, StoreError> {
        let directory = Self { registry, vault, known: RwLock::default() };
        directory.reload().await?;
        Ok(directory)
    }

    /// Reads everything again; call it after each change of a project or key.
    ///
    /// # Errors
    /// [`StoreError`]; what was known stays.
    pub(crate) async fn reload(&self) -> Result<(), StoreError> {
        let projects = self.registry.projects().await?;
        let keys = self.registry.keys().await?;
        let known = Known {
            projects: projects.into_iter().map(|row| (row.id.clone(), Arc::new(row))).collect(),
            keys: keys
                .into_iter()
                .filter(|row| row.revoked_at.is_none())
                .map(|row| (row.hash, row))
                .collect(),
        };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        Ok(())
    }

    /// Whose key a text is.
    pub(crate) fn caller(&self, key: &str) -> Option<KeyCaller> {
        let hash = self.vault.hash(Purpose::ApiKey, key);
        let known = self.known();
        let row = known.keys.get(&hash).filter(|row| bool::from(row.hash.ct_eq(&hash)))?;
        Some(KeyCaller {
            id: row.id.clone(),
            project: row.project.clone(),
            sandbox: row.sandbox,
            scopes: row.scopes.iter().filter_map(|word| word.parse().ok()).collect(),
        })
    }

    /// The keys of a project, newest first.
    pub(crate) fn keys(&self, project: &ProjectId) -> Vec<KeyRow> {
        let mut keys: Vec<_> =
            self.known().keys.values().filter(|row| row.project == *project).cloned().collect();
        keys.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
        keys
    }

    /// A project.
    pub(crate) fn project(&self, id: &ProjectId) -> Option<Arc<ProjectRow>> {
        self.known().projects.get(id).cloned()
    }

    /// A project by its id or, if no id is so, by its label.
    pub(crate) fn project_named(&self, text: &str) -> Option<Arc<ProjectRow>> {
        let known = self.known();
        let by_id = ProjectId::new(text).ok().and_then(|id| known.projects.get(&id));
        by_id.or_else(|| known.projects.values().find(|row| &*row.name == text)).cloned()
    }

    /// Every project, by id.
    pub(crate) fn projects(&self) -> Vec<Arc<ProjectRow>> {
        self.known().projects.values().cloned().collect()
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").finish_non_exhaustive()
    }
}
