//! What a relay makes when its store is empty: a project and a key, so that the first call needs no file.

use tidings_core::model::StopSwitch;
use tidings_core::ports::{KeyRow, ProjectRow, StoreError};
use tidings_protocol::{ProjectId, Timestamp};

use super::FirstKey;
use crate::access::{Scope, new_key};
use crate::app::Ports;
use crate::vault::{Purpose, Vault};

const FIRST_PROJECT: &str = "default";

/// Makes the first project, if there is none.
pub(super) async fn first_start(
    ports: &Ports,
    vault: &Vault,
    now: Timestamp,
) -> Result<Option<FirstKey>, StoreError> {
    let projects = ports.registry.projects().await?;
    // A start that died between project and key is finished by the next.
    let unfinished = projects.is_empty() || ports.registry.keys().await?.is_empty();
    if !unfinished {
        return Ok(None);
    }
    let project = match projects.into_iter().next() {
        Some(project) => project,
        None => make_project(ports, FIRST_PROJECT, now).await?,
    };
    // The key of whoever started the relay may make other projects.
    let (row, key) = new_key_row(vault, &project.id, &Scope::ALL, false, "first key", now);
    ports.registry.put_key(&row, None).await?;
    Ok(Some(FirstKey { project: project.name.to_string(), key }))
}

/// Makes a project with the built-in configuration.
pub(crate) async fn make_project(
    ports: &Ports,
    name: &str,
    now: Timestamp,
) -> Result<ProjectRow, StoreError> {
    let project = ProjectRow {
        id: ProjectId::from(uuid::Uuid::now_v7()),
        name: name.into(),
        configuration: 0,
        stop: StopSwitch::default(),
        created_at: now,
    };
    ports.registry.put_project(&project).await?;
    Ok(project)
}

/// A new key; its text is shown once and stored as a hash.
pub(crate) fn new_key_row(
    vault: &Vault,
    project: &ProjectId,
    scopes: &[Scope],
    sandbox: bool,
    label: &str,
    now: Timestamp,
) -> (KeyRow, String) {
    let key = new_key(sandbox);
    let mut words: Vec<Box<str>> = scopes.iter().map(|scope| scope.as_str().into()).collect();
    words.sort();
    let row = KeyRow {
        id: uuid::Uuid::now_v7().to_string().into(),
        project: project.clone(),
        hash: vault.hash(Purpose::ApiKey, &key),
        sandbox,
        scopes: words,
        label: label.into(),
        created_at: now,
        revoked_at: None,
    };
    (row, key)
}
