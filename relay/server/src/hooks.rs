//! Hooks: a project's backend hears of its feed, one entry a call, in order, at least once.
//!
//! Each hook of each live document has a task of its own, so that one that is slow or down keeps nobody else. What it
//! was told is a row; after a crash the entries since that row come again, each with the `webhook-id` of the first
//! time. A receiver that answers 410 is left alone until the document changes.

mod runner;
mod schedule;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidings_core::configuration::Configuration;
use tidings_core::ports::StoreError;
use tidings_protocol::ProjectId;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::runner::Runner;
pub(crate) use self::schedule::Schedule;
use crate::app::App;
use crate::channels::Dialer;

/// How often the live documents are looked at: a hook that was added hears its first entry so late at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long what a hook has begun may take when the node stops: a call, and its row.
const END_DEADLINE: Duration = Duration::from_secs(3);

/// The hooks of a node.
#[derive(Debug)]
pub(crate) struct Hooks {
    pub(crate) app: Arc<App>,
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) schedule: Schedule,
}

/// A task that tells one hook, under one version of the document.
#[derive(Debug)]
struct Running {
    version: u64,
    stop: CancellationToken,
    tracker: TaskTracker,
}

type Name = (ProjectId, String);

impl Hooks {
    /// Runs until the token is cancelled; what was begun is ended.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut running: BTreeMap<Name, Running> = BTreeMap::new();
        loop {
            if let Err(error) = self.look(&mut running, &stop).await {
                tracing::warn!(%error, "the documents cannot be read for their hooks");
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        let ended = async {
            for (_, one) in running {
                one.end().await;
            }
        };
        if tokio::time::timeout(END_DEADLINE, ended).await.is_err() {
            tracing::warn!("a hook was still being called when the node stopped: it is called again");
        }
    }

    /// Starts what is new or changed, and ends what the documents have no more.
    async fn look(
        &self,
        running: &mut BTreeMap<Name, Running>,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let mut gone: Vec<Name> = running.keys().cloned().collect();
        for project in self.app.directory.projects() {
            let configuration = self.app.live(&project.id).await?;
            for name in configuration.hooks.keys() {
                let key = (project.id.clone(), name.clone());
                gone.retain(|other| *other != key);
                if running.get(&key).is_some_and(|one| one.version == configuration.version) {
                    continue;
                }
                let before = running.remove(&key);
                let is_changed = before.is_some();
                if let Some(before) = before {
                    before.end().await;
                }
                let one = self.start(&key, Arc::clone(&configuration), is_changed, stop);
                running.insert(key, one);
            }
            self.forget(&project.id, &configuration).await?;
        }
        for key in gone {
            if let Some(one) = running.remove(&key) {
                one.end().await;
            }
        }
        Ok(())
    }

    fn start(
        &self,
        key: &Name,
        configuration: Arc<Configuration>,
        is_changed: bool,
        stop: &CancellationToken,
    ) -> Running {
        let (tracker, stop) = (TaskTracker::new(), stop.child_token());
        let version = configuration.version;
        let runner = Runner {
            app: Arc::clone(&self.app),
            dialer: Arc::clone(&self.dialer),
            schedule: self.schedule,
            project: key.0.clone(),
            name: key.1.as_str().into(),
            configuration,
            is_changed,
        };
        tracker.spawn(runner.run(stop.clone()));
        tracker.close();
        Running { version, stop, tracker }
    }

    /// A hook that comes back under its name begins anew.
    async fn forget(&self, project: &ProjectId, configuration: &Configuration) -> Result<(), StoreError> {
        for row in self.app.ports.hooks.hooks(project).await? {
            if !configuration.hooks.contains_key(&*row.name) {
                self.app.ports.hooks.remove_hook(project, &row.name).await?;
            }
        }
        Ok(())
    }
}

impl Running {
    async fn end(self) {
        self.stop.cancel();
        self.tracker.wait().await;
    }
}
