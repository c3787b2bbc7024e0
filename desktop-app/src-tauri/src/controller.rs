//! What the app does, without a window: it owns the accounts and answers what the window asks. Whether something is
//! sent, shown or held back is decided by the relay and the SDK; nothing here adds a rule.

mod accounts;
mod inbox;
mod menu;
mod own;
mod settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tidings_sdk::NotificationId;
use tokio::sync::{RwLock, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::Account;
use crate::desk::Desk;
use crate::port::{AppEvent, PopupAnswer, PopupKey, Screen, Shell};
use crate::problem::Problem;
use crate::roster::{Entry, Roster};
use crate::secrets::Keychain;

pub use menu::MenuEntry;

/// Answers of popups that may wait.
pub const ANSWERS_MAX: usize = 64;
/// Damaged accounts that may wait to be opened anew.
const DAMAGED_MAX: usize = 16;

/// What the app needs to begin.
pub struct Surroundings {
    /// The app's folder.
    pub folder: PathBuf,
    /// Where exports are put.
    pub downloads: PathBuf,
    /// The window and the tray.
    pub shell: Arc<dyn Shell>,
    /// The popups.
    pub screen: Arc<dyn Screen>,
    /// The system's keychain.
    pub keychain: Arc<dyn Keychain>,
    /// What people do with popups; at most [`ANSWERS_MAX`] wait.
    pub answers: mpsc::Receiver<PopupAnswer>,
}

/// An account as the controller has it.
enum Slot {
    Open(Arc<Account>),
    /// It could not be opened.
    Shut {
        entry: Entry,
        problem: Problem,
    },
}

impl Slot {
    fn entry(&self) -> &Entry {
        match self {
            Self::Open(account) => &account.entry,
            Self::Shut { entry, .. } => entry,
        }
    }
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// The app.
pub struct Controller {
    desk: Arc<Desk>,
    roster: Roster,
    keychain: Arc<dyn Keychain>,
    downloads: PathBuf,
    slots: RwLock<BTreeMap<String, Slot>>,
    /// Ends the former search when another one begins.
    search: Mutex<CancellationToken>,
    /// A connect link that the window has not fetched yet.
    link: Mutex<Option<AppEvent>>,
    /// What a popup asked to open before there was a window.
    opened: Mutex<Option<AppEvent>>,
    stop: CancellationToken,
    running: TaskTracker,
}

impl std::fmt::Debug for Controller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Controller").field("downloads", &self.downloads).finish_non_exhaustive()
    }
}

impl Controller {
    /// Opens every account and begins to connect; it does not wait for the network. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// If the app's folder cannot be made.
    pub async fn start(surroundings: Surroundings) -> Result<Arc<Self>, Problem> {
        let Surroundings { folder, downloads, shell, screen, keychain, answers } = surroundings;
        let roster = Roster::new(&folder)?;
        let (damaged, reopened) = mpsc::channel(DAMAGED_MAX);
        let desk = Arc::new(Desk {
            shell,
            screen,
            local: Mutex::new(roster.local()),
            looking_at: Mutex::new(None),
            unread: Mutex::default(),
            offers: Mutex::default(),
            damaged,
        });
        let controller = Arc::new(Self {
            desk,
            roster,
            keychain,
            downloads,
            slots: RwLock::default(),
            search: Mutex::new(CancellationToken::new()),
            link: Mutex::new(None),
            opened: Mutex::new(None),
            stop: CancellationToken::new(),
            running: TaskTracker::new(),
        });
        for entry in controller.roster.accounts() {
            controller.open(entry).await;
        }
        controller.running.spawn(Arc::clone(&controller).hear_popups(answers));
        controller.running.spawn(Arc::clone(&controller).mend(reopened));
        Ok(controller)
    }

    /// Ends every connection. What was asked is on disk, and is sent at the next start.
    pub async fn close(&self) {
        self.stop.cancel();
        self.running.close();
        let slots = std::mem::take(&mut *self.slots.write().await);
        for slot in slots.into_values() {
            if let Slot::Open(account) = slot {
                account.close().await;
            }
        }
        self.running.wait().await;
    }

    /// The window is there and wants to know what happened before: a link to connect with, a popup that was clicked.
    pub(crate) fn waiting_events(&self) -> Vec<AppEvent> {
        let taken =
            |slot: &Mutex<Option<AppEvent>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        [taken(&self.link), taken(&self.opened)].into_iter().flatten().collect()
    }

    /// A `tidings://` link was opened somewhere in the system. It is only told to the window: connecting needs a yes.
    pub fn offer_link(&self, link: &str) {
        let Ok(read) = crate::link::ConnectLink::read(link, None) else {
            tracing::warn!("a link that does not connect was opened");
            return;
        };
        let event = AppEvent::Connect { link: link.to_owned(), relay: read.relay };
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(event.clone());
        self.desk.shell.show_window();
        self.desk.shell.tell(&event);
    }

    pub(crate) fn folder_of(&self, account: &str) -> PathBuf {
        self.roster.folder_of(account)
    }

    fn downloads(&self) -> &Path {
        &self.downloads
    }

    async fn open_accounts(&self) -> Vec<Arc<Account>> {
        let slots = self.slots.read().await;
        slots
            .values()
            .filter_map(|slot| match slot {
                Slot::Open(account) => Some(Arc::clone(account)),
                Slot::Shut { .. } => None,
            })
            .collect()
    }

    async fn account(&self, id: &str) -> Result<Arc<Account>, Problem> {
        match self.slots.read().await.get(id) {
            Some(Slot::Open(account)) => Ok(Arc::clone(account)),
            Some(Slot::Shut { problem, .. }) => Err(problem.clone()),
            None => Err(Problem::new("no_account", "there is no such account")),
        }
    }

    /// Carries out what people do with popups.
    async fn hear_popups(self: Arc<Self>, mut answers: mpsc::Receiver<PopupAnswer>) {
        loop {
            let answer = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                answer = answers.recv() => answer,
            };
            let Some(answer) = answer else { return };
            if let Err(problem) = self.hear(answer).await {
                tracing::warn!(code = problem.code, detail = problem.detail, "a popup's answer is lost");
            }
        }
    }

    async fn hear(&self, answer: PopupAnswer) -> Result<(), Problem> {
        match answer {
            PopupAnswer::Opened(PopupKey { account, notification }) => {
                let event = AppEvent::Open { account: account.clone(), notification: notification.clone() };
                *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(event.clone());
                self.desk.shell.show_window();
                self.desk.shell.tell(&event);
                if let Some(notification) = notification {
                    self.account(&account).await?.client.clicked(&notification_id(&notification)?).await?;
                }
            }
            PopupAnswer::Chosen(PopupKey { account, notification: Some(notification) }, action) => {
                let link =
                    self.account(&account).await?.act(&notification_id(&notification)?, &action).await?;
                if let Some(link) = link {
                    self.desk.shell.open_link(&crate::link::outward(&link)?)?;
                }
            }
            PopupAnswer::Dismissed(PopupKey { account, notification: Some(notification) }) => {
                self.account(&account).await?.client.dismissed(&notification_id(&notification)?).await?;
            }
            PopupAnswer::Chosen(..) | PopupAnswer::Dismissed(_) => {}
        }
        Ok(())
    }

    /// Opens accounts anew whose file is damaged: the SDK sets it aside and fetches the inbox again.
    async fn mend(self: Arc<Self>, mut damaged: mpsc::Receiver<String>) {
        loop {
            let id = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                id = damaged.recv() => id,
            };
            let Some(id) = id else { return };
            let former = self.slots.write().await.remove(&id);
            if let Some(Slot::Open(account)) = former {
                account.close().await;
                self.open(account.entry.clone()).await;
            }
        }
    }
}

fn notification_id(text: &str) -> Result<NotificationId, Problem> {
    NotificationId::new(text).map_err(|error| Problem::new("invalid_notification", error.to_string()))
}
