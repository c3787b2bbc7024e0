//! Tells one hook what the feed says, as long as its document is live.

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tidings_core::configuration::{Configuration, Hook};
use tidings_core::model::{FeedEntry, FeedKind};
use tidings_core::ports::{HookRow, StoreError};
use tidings_protocol::{ProjectId, Span};
use tokio_util::sync::CancellationToken;

use super::Schedule;
use crate::app::App;
use crate::channels::{Dialer, SigningKeys, post_signed};
use crate::http::change;

/// Entries that are read at a time, and told at most before the row says so.
const PAGE: usize = 100;
/// Without a bell the feed is looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long entries gather after the bell: commits that follow each other closely are read together.
const GATHER: Duration = Duration::from_millis(20);
/// How often the row is written while one entry after the other is told: a crash repeats no more.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// Entries that the hook does not want are passed in the row once there are so many: reading them again costs little.
const PASSED_MAX: u64 = 1_000;
/// How long a hook waits after the store could not be asked.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// The status by which a receiver says that it is gone.
const GONE: u16 = 410;

pub(super) struct Runner {
    pub(super) app: Arc<App>,
    pub(super) dialer: Arc<Dialer>,
    pub(super) schedule: Schedule,
    pub(super) project: ProjectId,
    pub(super) name: Box<str>,
    pub(super) configuration: Arc<Configuration>,
    /// The document was changed while the node ran.
    pub(super) is_changed: bool,
}

/// What one call came to.
enum Told {
    Yes,
    Gone,
    No { code: Box<str>, retry_after: Option<Span> },
}

impl Runner {
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut row = loop {
            match self.begin().await {
                Ok(row) => break row,
                Err(error) => tracing::warn!(%error, hook = %self.name, "a hook cannot be read"),
            }
            if self.rest(&stop, STORE_PAUSE).await {
                return;
            }
        };
        let mut kept = row.told;
        loop {
            if row.gone.is_some() {
                // The document's next version starts another runner.
                stop.cancelled().await;
                return;
            }
            if let Some(at) = row.next_at {
                let wait = at.millis_since(self.app.now()).max(0).unsigned_abs();
                if self.rest(&stop, Duration::from_millis(wait)).await {
                    return;
                }
            }
            let ear = self.app.listeners.feeds.listen(&self.project);
            // Listening comes before looking, so that no entry falls between the two.
            let rung = ear.rung();
            let pause = match self.page(&mut row, &mut kept, &stop).await {
                Ok(true) => Duration::ZERO,
                Ok(false) => LOOK_EVERY,
                Err(error) => {
                    tracing::warn!(%error, hook = %self.name, "a hook cannot go on for the moment");
                    STORE_PAUSE
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = rung => tokio::time::sleep(GATHER).await,
            }
        }
    }

    /// Whether the node stopped before the pause was over.
    async fn rest(&self, stop: &CancellationToken, pause: Duration) -> bool {
        tokio::select! {
            biased;
            () = stop.cancelled() => true,
            () = tokio::time::sleep(pause) => false,
        }
    }

    /// Where the hook stands; one that is new hears what came since its document is live.
    async fn begin(&self) -> Result<HookRow, StoreError> {
        let (hooks, version) = (&self.app.ports.hooks, self.configuration.version);
        let known = hooks.hooks(&self.project).await?.into_iter().find(|row| row.name == self.name);
        let row = match known {
            // Another document may name another address, so that what was wrong with the one before says nothing.
            Some(row)
                if row.gone.is_some_and(|gone| gone != version) || self.is_changed && row.failed > 0 =>
            {
                HookRow { failed: 0, next_at: None, code: None, gone: None, ..row }
            }
            Some(row) => return Ok(row),
            None => {
                let live = self.app.ports.registry.configuration(&self.project, version).await?;
                let since = live.map_or(self.app.now(), |row| row.applied_at);
                let told = hooks.feed_before(&self.project, since).await?;
                let (project, name) = (self.project.clone(), self.name.clone());
                HookRow { project, name, told, failed: 0, next_at: None, code: None, gone: None }
            }
        };
        hooks.put_hook(&row).await?;
        Ok(row)
    }

    /// Tells what the next page has. Answers whether there may be more at once.
    async fn page(
        &self,
        row: &mut HookRow,
        kept: &mut u64,
        stop: &CancellationToken,
    ) -> Result<bool, StoreError> {
        let page = self.app.ports.stories.feed(&self.project, row.told, PAGE).await?;
        let Some(hook) = self.configuration.hooks.get(&*self.name) else { return Ok(false) };
        let full = page.entries.len() == PAGE;
        let (mut went_well, mut called, mut kept_at) = (true, false, Instant::now());
        for (number, entry) in page.entries {
            if is_wanted(hook, &entry) {
                called = true;
                if !self.tell(hook, number, entry, row).await? {
                    went_well = false;
                    break;
                }
            }
            row.told = number;
            if stop.is_cancelled() {
                break;
            }
            if called && kept_at.elapsed() >= KEEP_EVERY {
                self.app.ports.hooks.put_hook(row).await?;
                kept_at = Instant::now();
            }
        }
        if called || row.told.saturating_sub(*kept) >= PASSED_MAX {
            self.app.ports.hooks.put_hook(row).await?;
            *kept = row.told;
        }
        Ok(full && went_well)
    }

    /// Tells one entry; whether the next one may follow.
    async fn tell(
        &self,
        hook: &Hook,
        number: u64,
        entry: FeedEntry,
        row: &mut HookRow,
    ) -> Result<bool, StoreError> {
        let told = self.call(hook, number, entry).await?;
        let word = match &told {
            Told::Yes => "told",
            Told::Gone => "gone",
            Told::No { .. } => "failed",
        };
        metrics::counter!("tidings_hook_calls_total", "outcome" => word).increment(1);
        match told {
            Told::Yes => {
                (row.failed, row.next_at, row.code) = (0, None, None);
                return Ok(true);
            }
            Told::Gone => {
                tracing::warn!(project.id = %self.project, hook = %self.name, "a hook's receiver is gone (410): it is asked again when the document changes");
                (row.gone, row.code) = (Some(self.configuration.version), Some("http_410".into()));
            }
            Told::No { code, retry_after } => {
                row.failed = row.failed.saturating_add(1);
                let pause = self.schedule.pause(row.failed, retry_after, self.app.node.ids.random());
                let millis = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
                row.next_at = Some(self.app.now().plus_millis(millis));
                tracing::warn!(project.id = %self.project, hook = %self.name, %code, failed = row.failed, "a hook was not told; it is called again");
                row.code = Some(code);
            }
        }
        Ok(false)
    }

    async fn call(&self, hook: &Hook, number: u64, entry: FeedEntry) -> Result<Told, StoreError> {
        let failed = |code: &str| Told::No { code: code.into(), retry_after: None };
        let keys = match self.keys(hook).await? {
            Ok(keys) => keys,
            Err(code) => return Ok(failed(code)),
        };
        let body = serde_json::to_string(&change(entry)).expect("an entry is made of texts and numbers");
        let id = format!("{}.{number}", self.project);
        let posted = post_signed(&self.dialer, &hook.url, keys.as_ref(), &id, "application/json", body).await;
        Ok(match posted {
            Ok((200..=299, _)) => Told::Yes,
            Ok((GONE, _)) => Told::Gone,
            Ok((status, retry_after)) => Told::No { code: format!("http_{status}").into(), retry_after },
            Err(failure) => failed(failure.code()),
        })
    }

    /// The keys that sign, read each time: they change without the document.
    async fn keys(&self, hook: &Hook) -> Result<Result<Option<SigningKeys>, &'static str>, StoreError> {
        let Some(name) = &hook.signing else { return Ok(Ok(None)) };
        let secret: Option<SecretString> = self.app.secret(&self.project, name).await?;
        Ok(match secret {
            Some(secret) => SigningKeys::of(&secret).map(Some),
            None => Err("no_secret"),
        })
    }
}

/// Whether a hook asked for an entry: by its kind, or by the state that a notification came to.
fn is_wanted(hook: &Hook, entry: &FeedEntry) -> bool {
    let kind = entry.kind.as_str();
    let state = (entry.kind == FeedKind::NotificationFinal)
        .then(|| entry.detail.get("state").and_then(serde_json::Value::as_str))
        .flatten()
        .map(|state| format!("notification.{state}"));
    hook.on.iter().any(|wanted| wanted.0 == kind || state.as_deref() == Some(wanted.0))
}
