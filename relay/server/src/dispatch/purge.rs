//! Deletes what is past its retention, by each project's live document.

use tidings_core::ports::StoreError;
use tidings_core::retention::Outdated;

use super::Dispatch;

/// Deletes at most so many rows; answers how many. A project whose document cannot be read keeps what it has.
pub(super) async fn purge(dispatch: &Dispatch, limit: usize) -> Result<u64, StoreError> {
    let now = dispatch.clock.now();
    let mut projects = Vec::new();
    for project in dispatch.registry.projects().await? {
        match dispatch.live.live(&project.id).await {
            Ok(configuration) => {
                projects.push((project.id, Outdated::at(now, configuration.retention)));
            }
            Err(error) => {
                let name = &*project.name;
                tracing::warn!(%error, project.name = name, "nothing of the project is purged: its document cannot be read");
            }
        }
    }
    dispatch.due.purge(now, &projects, limit).await
}
