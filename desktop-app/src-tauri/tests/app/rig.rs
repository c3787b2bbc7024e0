//! A relay and a folder, a desktop that writes down what it was asked, and waits that end.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tidings_desktop::{
    ANSWERS_MAX, AccountView, AppEvent, Controller, Keychain, ListQuery, Popup, PopupAnswer, PopupKey,
    Problem, RowView, Screen, SecretPlace, Shell, Surroundings,
};
use tokio::sync::mpsc;
use url::Url;

use crate::relay::Relay;

/// The longest wait for anything, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often something is looked at that cannot be waited for.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What the app did to the desktop around it.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) events: Mutex<Vec<AppEvent>>,
    pub(crate) popups: Mutex<Vec<Popup>>,
    pub(crate) withdrawn: Mutex<Vec<PopupKey>>,
    pub(crate) links: Mutex<Vec<String>>,
    pub(crate) badge: Mutex<u32>,
    pub(crate) raised: Mutex<u32>,
    /// Whether no notification daemon runs.
    pub(crate) is_deaf: Mutex<bool>,
}

impl Shell for Recorder {
    fn tell(&self, event: &AppEvent) {
        held(&self.events).push(event.clone());
    }

    fn show_window(&self) {
        *held(&self.raised) += 1;
    }

    fn open_link(&self, link: &Url) -> Result<(), Problem> {
        held(&self.links).push(link.to_string());
        Ok(())
    }

    fn badge(&self, unread: u32) {
        *held(&self.badge) = unread;
    }

    fn has_tray(&self) -> bool {
        true
    }

    fn autostart(&self) -> bool {
        false
    }

    fn set_autostart(&self, _: bool) -> Result<(), Problem> {
        Ok(())
    }

    fn quit(&self) {}
}

impl Screen for Recorder {
    fn show(&self, popup: &Popup) -> Result<(), Problem> {
        if *held(&self.is_deaf) {
            return Err(Problem::new("no_popups", "nobody listens"));
        }
        held(&self.popups).push(popup.clone());
        Ok(())
    }

    fn withdraw(&self, key: &PopupKey) {
        held(&self.withdrawn).push(key.clone());
    }
}

/// A keychain in memory, which may be locked.
#[derive(Default)]
pub(crate) struct Keys {
    pub(crate) kept: Mutex<BTreeMap<String, String>>,
    pub(crate) is_locked: Mutex<bool>,
}

impl Keys {
    fn open(&self) -> Result<std::sync::MutexGuard<'_, BTreeMap<String, String>>, Problem> {
        if *held(&self.is_locked) {
            return Err(Problem::new("no_keychain", "it is locked"));
        }
        Ok(held(&self.kept))
    }
}

impl Keychain for Keys {
    fn read(&self, name: &str) -> Result<Option<String>, Problem> {
        Ok(self.open()?.get(name).cloned())
    }

    fn write(&self, name: &str, secret: &str) -> Result<(), Problem> {
        self.open()?.insert(name.to_owned(), secret.to_owned());
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<(), Problem> {
        self.open()?.remove(name);
        Ok(())
    }
}

/// One computer with the app, and a relay.
pub(crate) struct Bench {
    pub(crate) relay: Relay,
    pub(crate) folder: TempDir,
    pub(crate) keys: Arc<Keys>,
}

/// The app while it runs.
pub(crate) struct Running {
    pub(crate) controller: Arc<Controller>,
    pub(crate) desktop: Arc<Recorder>,
    pub(crate) answers: mpsc::Sender<PopupAnswer>,
}

impl Bench {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// A relay with settings of its own.
    pub(crate) fn with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let relay = Relay::fresh(folder.path(), settings);
        Self { relay, folder, keys: Arc::default() }
    }

    /// Kills the relay; it is not reachable until [`Self::relay_back`].
    pub(crate) fn relay_gone(&mut self) {
        self.relay.kill();
    }

    pub(crate) fn relay_back(&mut self) {
        self.relay = self.relay.again(self.folder.path());
    }

    pub(crate) fn app_folder(&self) -> PathBuf {
        self.folder.path().join("app")
    }

    pub(crate) async fn app(&self) -> Running {
        self.app_in(self.app_folder()).await
    }

    /// The app with its files in another folder.
    pub(crate) async fn app_in(&self, folder: PathBuf) -> Running {
        let desktop = Arc::new(Recorder::default());
        let (answers, received) = mpsc::channel(ANSWERS_MAX);
        let surroundings = Surroundings {
            folder,
            downloads: self.folder.path().join("downloads"),
            shell: Arc::clone(&desktop) as Arc<dyn Shell>,
            screen: Arc::clone(&desktop) as Arc<dyn Screen>,
            keychain: Arc::clone(&self.keys) as Arc<dyn Keychain>,
            answers: received,
        };
        let controller = Controller::start(surroundings).await.expect("it starts");
        Running { controller, desktop, answers }
    }

    /// The app with one account.
    pub(crate) async fn app_of(&self, recipient: &str) -> (Running, String) {
        let app = self.app().await;
        let view = app.connect(&self.relay.link(recipient)).await.expect("it connects");
        (app, view.id)
    }
}

impl Running {
    pub(crate) async fn connect(&self, link: &str) -> Result<AccountView, Problem> {
        self.controller.connect(link.to_owned(), None, SecretPlace::Keychain, None).await
    }

    pub(crate) async fn rows(&self, account: &str, query: ListQuery) -> Vec<RowView> {
        self.controller.page(account.to_owned(), query, None).await.expect("a page").rows
    }

    /// Waits for a notification; answers its row.
    pub(crate) async fn has(&self, account: &str, id: &str) -> RowView {
        until(async || self.rows(account, ListQuery::default()).await.into_iter().find(|row| row.id == id))
            .await
    }

    pub(crate) async fn view(&self, account: &str) -> AccountView {
        let overview = self.controller.overview().await.expect("an overview");
        overview.accounts.into_iter().find(|view| view.id == account).expect("the account")
    }

    /// Waits for a popup of a notification.
    pub(crate) async fn popup(&self, id: &str) -> Popup {
        let of = |popup: &&Popup| popup.key.notification.as_deref() == Some(id);
        until(async || held(&self.desktop.popups).iter().rev().find(of).cloned()).await
    }

    /// Waits until everything was sent.
    pub(crate) async fn flushed(&self, account: &str) {
        until(async || (self.view(account).await.pending == 0).then_some(())).await;
    }
}

/// Looks until there is something.
#[track_caller]
pub(crate) fn until<T, F: Future<Output = Option<T>>>(
    mut look: impl FnMut() -> F,
) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    let looking = async move {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    async move { tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("not in time: {place}")) }
}

/// A test that panics while it holds something has failed already.
fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("nobody panicked while holding it")
}
