//! What every flow stands on.

use std::sync::Arc;

use tidings_protocol::ProjectId;

use crate::configuration::{self, Bundle, Configuration};
use crate::ports::{Clock, Ids, Registry, Store, StoreError};

/// The ports of one relay node.
#[derive(Clone)]
pub struct Node {
    /// Where everything is.
    pub store: Arc<dyn Store>,
    /// Where configurations are.
    pub registry: Arc<dyn Registry>,
    /// Compiled configurations that this node remembers.
    pub configurations: Arc<dyn Configurations>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and chance.
    pub ids: Arc<dyn Ids>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}

/// Remembers compiled configurations. They are values: an entry is right for ever.
pub trait Configurations: Send + Sync {
    /// One that is remembered.
    fn get(&self, project: &ProjectId, version: u64) -> Option<Arc<Configuration>>;

    /// Remembers one; the number that is kept is bounded.
    fn put(&self, project: &ProjectId, version: u64, configuration: Arc<Configuration>);
}

/// A version of a project's configuration, compiled; version 0 is the built-in one.
///
/// # Errors
/// [`StoreError`] if it cannot be read, [`StoreError::Damaged`] if what is stored does not pass the check.
pub async fn load_configuration(
    node: &Node,
    project: &ProjectId,
    version: u64,
) -> Result<Arc<Configuration>, StoreError> {
    if let Some(known) = node.configurations.get(project, version) {
        return Ok(known);
    }
    let compiled = if version == 0 {
        Configuration::built_in()
    } else {
        let damaged =
            |detail: &str| StoreError::Damaged { detail: format!("configuration {version}: {detail}") };
        let row =
            node.registry.configuration(project, version).await?.ok_or_else(|| damaged("is missing"))?;
        let bundle = Bundle::from_text(&row.bundle).map_err(|_| damaged("is no bundle"))?;
        configuration::check(&bundle.document, &bundle, version)
            .map_err(|_| damaged("does not pass the check"))?
    };
    let compiled = Arc::new(compiled);
    node.configurations.put(project, version, Arc::clone(&compiled));
    Ok(compiled)
}
