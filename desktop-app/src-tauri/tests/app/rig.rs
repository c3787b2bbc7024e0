//! A relay, a folder, a desktop that writes down what it was asked, and waits that end.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::future::Future;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidings_desktop::{
    ANSWERS_MAX, AccountView, AppEvent, Controller, Keychain, ListQuery, Popup, PopupAnswer, PopupKey,
    Problem, RowView, Screen, SecretPlace, Shell, Surroundings,
};
use tokio::sync::mpsc;
use url::Url;

/// The longest wait for anything, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often something is looked at that cannot be waited for.
const LOOK_EVERY: Duration = Duration::from_millis(10);

const DOCUMENT: &str = r#"
tidings: 1
project: {name: bench, locale: en, time_zone: Etc/UTC, unknown_recipient: create}
policy: {version: "1", url: "https://shop.example/privacy", text: {en: "We write rarely"}}
categories:
  general: {name: {en: General}, legal: service, priority: normal, channels: [inapp]}
  orders: {name: {en: Orders}, legal: service, priority: normal, channels: [inapp]}
  offers: {name: {en: Offers}, legal: marketing, priority: normal, channels: [inapp]}
rules:
  alarm:
    on: alarm
    notify: data.who
    category: orders
    template: alarm
    deliver: [{channels: [inapp], repeat: {every: 30m, times: 2, until: acknowledged}}]
templates:
  alarm: {en: {title: "Alarm"}}
"#;

/// The binary of the relay: the one that `TIDINGS_BIN` names, or what was built beside this test.
fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("TIDINGS_BIN") {
        return named.into();
    }
    let this = std::env::current_exe().expect("a test has a path");
    let built = this.ancestors().nth(2).expect("it stands in deps/").join("tidings");
    assert!(built.exists(), "build the relay first: cargo build -p tidings, or name it in TIDINGS_BIN");
    built
}

/// A relay's process. It does not outlive the test.
pub(crate) struct Relay {
    child: Child,
    pub(crate) address: String,
    key: String,
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Relay {
    fn start(folder: &TempDir, listen: &str, key: &str) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(folder.path().join("relay.log"));
        let mut command = Command::new(binary());
        command.args(["serve", "--json", "--listen", listen, "--data"]).arg(folder.path().join("relay"));
        command.env_remove("TIDINGS_RELAY").env_remove("TIDINGS_KEY");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.expect("the log can be written"));
        let mut child = command.spawn().expect("the binary runs");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        out.read_line(&mut line).expect("it says its address");
        let started: Value = serde_json::from_str(&line).expect("its first line is JSON");
        let address = started["address"].as_str().expect("an address").replace("http://", "");
        Self { child, address, key: started["key"].as_str().unwrap_or(key).to_owned() }
    }

    pub(crate) fn call(&self, method: &str, path: &str, kind: &str, body: &str) -> Value {
        let authorization = STANDARD.encode(format!(":{}", self.key));
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Basic {authorization}\r\n\
             content-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).expect("the relay listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
        stream.write_all(head.as_bytes()).expect("the relay reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the relay answers");
        drop(stream.shutdown(Shutdown::Both));
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).expect("a status");
        assert!(status.starts_with('2'), "{method} {path}: {answer}");
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, "application/json", &body.to_string())
    }

    /// A connect link for a recipient.
    pub(crate) fn link(&self, recipient: &str) -> String {
        let made = self.post("/v1/connect-codes", &json!({"recipient": recipient}));
        made["link"].as_str().expect("a link").to_owned()
    }

    /// Tells somebody something; answers the notification's id.
    pub(crate) fn tell(&self, recipient: &str, content: &Value) -> String {
        self.tell_with(recipient, "general", content, &json!({}))
    }

    pub(crate) fn tell_with(&self, recipient: &str, category: &str, content: &Value, more: &Value) -> String {
        let mut body = json!({"recipients": [recipient], "category": category, "content": content});
        for (key, value) in more.as_object().expect("fields") {
            body[key] = value.clone();
        }
        let made = self.post("/v1/notifications", &body);
        made["notifications"][0]["id"].as_str().unwrap_or_else(|| panic!("an id: {made}")).to_owned()
    }

    /// A notification that waits for an acknowledgement.
    pub(crate) fn alarm(&self, recipient: &str) -> String {
        let event = json!({"type": "alarm", "id": uuid::Uuid::now_v7(), "source": "test", "data": {"who": recipient}});
        let made = self.post("/v1/events", &event);
        made["results"][0]["notifications"][0]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("an id: {made}"))
            .to_owned()
    }

    /// What the relay heard of a notification.
    pub(crate) fn receipts(&self, id: &str) -> Vec<String> {
        let story = self.call("GET", &format!("/v1/notifications/{id}"), "application/json", "");
        let timeline = story["timeline"].as_array().expect("a timeline");
        let receipts = timeline.iter().filter(|entry| entry["kind"] == "receipt");
        receipts.filter_map(|entry| Some(entry["receipt"].as_str()?.to_owned())).collect()
    }
}

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
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let relay = Relay::start(&folder, "127.0.0.1:0", "");
        relay.call("PUT", "/v1/configuration", "application/yaml", DOCUMENT);
        Self { relay, folder, keys: Arc::default() }
    }

    /// Kills the relay; it is not reachable until [`Self::relay_back`].
    pub(crate) fn relay_gone(&mut self) {
        drop(self.relay.child.kill());
        drop(self.relay.child.wait());
    }

    pub(crate) fn relay_back(&mut self) {
        let (address, key) = (self.relay.address.clone(), self.relay.key.clone());
        self.relay = Relay::start(&self.folder, &address, &key);
    }

    pub(crate) fn app_folder(&self) -> PathBuf {
        self.folder.path().join("app")
    }

    pub(crate) async fn app(&self) -> Running {
        let desktop = Arc::new(Recorder::default());
        let (answers, received) = mpsc::channel(ANSWERS_MAX);
        let surroundings = Surroundings {
            folder: self.app_folder(),
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
