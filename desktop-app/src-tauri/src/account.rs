//! One account that is open: its client, and the loops that carry what happens there to the screen and the window.

mod newer;
mod presenting;
mod zone;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidings_sdk::{Access, CategoryId, Client, EncryptionKey, Error, Query};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::desk::Desk;
use crate::port::{AppEvent, PopupKey};
use crate::problem::Problem;
use crate::roster::Entry;
use crate::view::{AccountView, PendingView, complete_as_of};

pub(crate) use newer::numbers;
pub(crate) use zone::system_zone;

/// Changes come in bursts: the first is told at once, and those that come this soon after it together.
const BURST: Duration = Duration::from_millis(40);
/// How long a loop waits after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// An account that is open.
pub(crate) struct Account {
    pub(crate) entry: Entry,
    pub(crate) client: Client,
    desk: Arc<Desk>,
    /// Remembers the time zone of this computer, as the relay was told of it.
    zone_file: PathBuf,
    /// The last failure of the file on this computer, until it works again.
    problem: Mutex<Option<Problem>>,
    stop: CancellationToken,
    running: TaskTracker,
}

impl Account {
    /// Opens the file and begins to connect.
    pub(crate) async fn open(
        entry: Entry,
        folder: &Path,
        key: EncryptionKey,
        access: Access,
        desk: Arc<Desk>,
    ) -> Result<Arc<Self>, Problem> {
        let client = Client::builder(&entry.relay, folder)
            .access(access)
            .encryption_key(key)
            .platform(std::env::consts::OS)
            .build()
            .await?;
        Ok(Arc::new(Self {
            entry,
            client,
            desk,
            zone_file: folder.join("zone"),
            problem: Mutex::new(None),
            stop: CancellationToken::new(),
            running: TaskTracker::new(),
        }))
    }

    /// Begins to tell the window and to show popups.
    pub(crate) fn follow(self: &Arc<Self>) {
        self.running.spawn(Arc::clone(self).watch());
        self.running.spawn(Arc::clone(self).watch_refusals());
        self.running.spawn(Arc::clone(self).present_all());
        self.running.spawn(Arc::clone(self).watch_offer());
    }

    /// Ends the loops and the connection.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        self.running.close();
        self.client.close().await;
        self.running.wait().await;
    }

    pub(crate) async fn view(&self) -> AccountView {
        let mut view = AccountView {
            id: self.entry.id.clone(),
            relay: self.entry.relay.clone(),
            recipient: None,
            connection: self.client.connection().get().into(),
            complete_as_of: complete_as_of(self.client.completeness().get()),
            unread: 0,
            unread_by_category: BTreeMap::new(),
            pending: 0,
            repaired: self.client.set_aside().is_some(),
            secret: self.entry.secret,
            problem: None,
        };
        let counted = self.count(&mut view).await;
        let kept = || self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone();
        view.problem = counted.err().map(Problem::from).or_else(kept);
        view
    }

    async fn count(&self, view: &mut AccountView) -> Result<(), Error> {
        view.recipient = self.client.owner().await?.map(|(_, recipient)| recipient.as_str().to_owned());
        view.unread = self.unread(None).await?;
        let categories = self.client.settings().await?.unwrap_or_default().categories;
        for category in categories {
            let unread = self.unread(Some(category.id.clone())).await?;
            view.unread_by_category.insert(category.id.as_str().to_owned(), unread);
        }
        let pending = self.client.pending().await?;
        let told = pending.iter().filter_map(PendingView::of).count();
        view.pending = u32::try_from(told).unwrap_or(u32::MAX);
        Ok(())
    }

    async fn unread(&self, category: Option<CategoryId>) -> Result<u32, Error> {
        let query = Query { category, ..Query::default() };
        let page = self.client.inbox().page(query, None, 1).await?;
        Ok(u32::try_from(page.unread).unwrap_or(u32::MAX))
    }

    /// Tells the window of every change: at once, and then at most once each [`BURST`].
    async fn watch(self: Arc<Self>) {
        let mut changes = self.client.inbox().changes();
        let mut connection = self.client.connection();
        let mut completeness = self.client.completeness();
        loop {
            let changed = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                changed = changes.next() => changed.is_some(),
                changed = connection.next() => changed.is_some(),
                changed = completeness.next() => changed.is_some(),
            };
            if !changed {
                return;
            }
            self.tell().await;
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(BURST) => {}
            }
        }
    }

    /// Tells the window how the account stands, and that it has to look again.
    pub(crate) async fn tell(&self) {
        let view = self.view().await;
        self.move_zone().await;
        self.desk.count_unread(&self.entry.id, Some(view.unread));
        if view.unread == 0 {
            self.desk.withdraw(PopupKey { account: self.entry.id.clone(), notification: None }).await;
        }
        let account = self.entry.id.clone();
        let shell = &self.desk.shell;
        shell.tell(&AppEvent::Account { account: account.clone(), view: Some(Box::new(view)) });
        shell.tell(&AppEvent::Changed { account });
    }

    async fn watch_refusals(self: Arc<Self>) {
        let mut refused = self.client.refused();
        loop {
            match refused.next().await {
                Ok(Some(refusal)) => self.desk.shell.tell(&AppEvent::Refused {
                    account: self.entry.id.clone(),
                    code: refusal.code,
                    detail: refusal.detail,
                    asked: PendingView::of_request(&refusal.request),
                }),
                Ok(None) => return,
                Err(error) => {
                    if !self.outlasts(error).await {
                        return;
                    }
                }
            }
        }
    }

    /// Notes a failure of the file and waits; false if the account ends.
    async fn outlasts(&self, error: Error) -> bool {
        let problem = Problem::from(error);
        tracing::warn!(code = problem.code, detail = problem.detail, "the file of an account failed");
        if problem.code == "storage_corrupt" {
            // A full queue means that it is being opened anew already.
            drop(self.desk.damaged.try_send(self.entry.id.clone()));
        }
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(AFTER_FAILURE) => true,
        }
    }
}
