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
    stop: CancellationToken,
    tracker: TaskTracker,
}

type Name = (ProjectId, String);

/// What runs, and under which version each project was looked at.
#[derive(Debug, Default)]
struct State {
    running: BTreeMap<Name, Running>,
    seen: BTreeMap<ProjectId, u64>,
    /// Those whose hook is not in the document any more.
    leaving: TaskTracker,
}

impl Hooks {
    /// Runs until the token is cancelled; what was begun is ended.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut state = State::default();
        loop {
            if let Err(error) = self.look(&mut state, &stop).await {
                tracing::warn!(%error, "the documents cannot be read for their hooks");
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        state.leaving.close();
        let ended = async {
            for (_, one) in state.running {
                one.end().await;
            }
            state.leaving.wait().await;
        };
        if tokio::time::timeout(END_DEADLINE, ended).await.is_err() {
            tracing::warn!("a hook was still being called when the node stopped: it is called again");
        }
    }

    /// Starts and ends what the documents that changed since the last look ask for. It waits for no hook.
    async fn look(&self, state: &mut State, stop: &CancellationToken) -> Result<(), StoreError> {
        for project in self.app.directory.projects() {
            if state.seen.get(&project.id) == Some(&project.configuration) {
                continue;
            }
            let configuration = self.app.live(&project.id).await?;
            for row in self.app.ports.hooks.hooks(&project.id).await? {
                if !configuration.hooks.contains_key(&*row.name) {
                    self.leave(state, (project.id.clone(), row.name.into()));
                }
            }
            for name in configuration.hooks.keys() {
                let key = (project.id.clone(), name.clone());
                let before = state.running.remove(&key);
                let one = self.start(&key, Arc::clone(&configuration), before, stop);
                state.running.insert(key, one);
            }
            state.seen.insert(project.id.clone(), configuration.version);
        }
        Ok(())
    }

    /// Tells a hook under another version of its document, once nothing is told under the one before.
    fn start(
        &self,
        key: &Name,
        configuration: Arc<Configuration>,
        before: Option<Running>,
        stop: &CancellationToken,
    ) -> Running {
        let (tracker, stop) = (TaskTracker::new(), stop.child_token());
        let runner = Runner {
            app: Arc::clone(&self.app),
            dialer: Arc::clone(&self.dialer),
            schedule: self.schedule,
            project: key.0.clone(),
            name: key.1.as_str().into(),
            configuration,
            is_changed: before.is_some(),
        };
        let stopped = stop.clone();
        tracker.spawn(async move {
            if let Some(before) = before {
                before.end().await;
            }
            runner.run(stopped).await;
        });
        tracker.close();
        Running { stop, tracker }
    }

    /// Ends a hook and forgets it: one that comes back under its name begins anew.
    fn leave(&self, state: &mut State, (project, name): Name) {
        let one = state.running.remove(&(project.clone(), name.clone()));
        let hooks = Arc::clone(&self.app.ports.hooks);
        state.leaving.spawn(async move {
            if let Some(one) = one {
                one.end().await;
            }
            if let Err(error) = hooks.remove_hook(&project, &name).await {
                tracing::warn!(%error, hook = %name, "a hook that is not in the document is still kept");
            }
        });
    }
}

impl Running {
    async fn end(self) {
        self.stop.cancel();
        self.tracker.wait().await;
    }
}
