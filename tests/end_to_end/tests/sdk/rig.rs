//! A relay, a folder for clients, and waits that end.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;
use tidings_end_to_end::{Caller, Relay};
use tidings_sdk::{
    Access, Client, ClientBuilder, Connection, InboxItem, NotificationId, Presentation, Presentations, Query,
};

/// The longest wait for anything, on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
/// How often something is looked at that cannot be waited for.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Nobody listens there: a client that is built with it is without a network.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:1";

const DOCUMENT: &str = r#"
tidings: 1
project: {name: bench, locale: en, time_zone: Etc/UTC, unknown_recipient: create}
policy: {version: "POLICY", text: {en: "We write rarely"}}
categories:
  general: {name: {en: General}, legal: service, priority: normal, channels: [inapp]}
  orders: {name: {en: Orders}, legal: service, priority: normal, channels: [inapp]}
  offers: {name: {en: Offers}, legal: marketing, priority: normal, channels: [inapp]}
rules:
  ping: {on: ping, notify: data.who, category: general, template: ping}
  alarm:
    on: alarm
    notify: data.who
    category: orders
    template: alarm
    deliver: [{channels: [inapp], repeat: {every: 30m, times: 2, until: acknowledged}}]
templates:
  ping: {en: {title: "Ping {{ data.number }}"}}
  alarm: {en: {title: "Alarm", actions: [{id: take, label: I take it, acknowledges: true}, {id: look, label: Look}]}}
"#;

/// A relay with a document, and the device's folder.
pub(crate) struct Bench {
    pub(crate) relay: Relay,
    folder: TempDir,
}

impl Bench {
    pub(crate) fn start() -> Self {
        let bench =
            Self { relay: Relay::start(), folder: tempfile::tempdir().expect("there is room for a folder") };
        bench.apply_with_policy("1");
        bench
    }

    pub(crate) fn apply_with_policy(&self, version: &str) {
        let applied = self.caller().apply(&DOCUMENT.replace("POLICY", version));
        assert!(applied.status < 300, "{}", applied.text());
    }

    pub(crate) fn caller(&self) -> Caller {
        self.relay.caller()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.relay.address())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, account: &str) -> PathBuf {
        self.folder().join(format!("{account}.tidings"))
    }

    /// A one-time code of a recipient.
    pub(crate) fn code(&self, recipient: &str) -> String {
        let made = self.caller().post("/v1/connect-codes", &json!({"recipient": recipient})).ok(201);
        made["code"].as_str().expect("a code").to_owned()
    }

    /// Another start of an account that has signed in.
    pub(crate) fn again(&self, account: &str) -> ClientBuilder {
        Client::builder(self.url(), self.folder()).account(account).access(Access::saved())
    }

    /// The same account where there is no network.
    pub(crate) async fn offline(&self, account: &str) -> Client {
        let builder = Client::builder(NOWHERE, self.folder()).account(account).access(Access::saved());
        builder.build().await.expect("building waits for no network")
    }

    /// A device that signs in with a code and is live; the account's name is its device's too.
    pub(crate) async fn connected(&self, recipient: &str, account: &str) -> Client {
        let access = Access::code(self.code(recipient));
        let builder = Client::builder(self.url(), self.folder()).account(account).access(access);
        live(builder.device(account)).await
    }

    /// Sends something in-app; answers its id, which must have become active.
    pub(crate) fn send(&self, recipient: &str, title: &str) -> NotificationId {
        self.send_with(recipient, "general", json!({"content": {"title": title}}))
    }

    pub(crate) fn send_with(&self, recipient: &str, category: &str, with: Value) -> NotificationId {
        let made = self.decide(recipient, category, with);
        assert_eq!(made["state"], "active", "{made}");
        id(&made)
    }

    /// Sends something and answers what became of it.
    pub(crate) fn decide(&self, recipient: &str, category: &str, with: Value) -> Value {
        let mut body = with;
        body["recipients"] = json!([recipient]);
        body["category"] = json!(category);
        self.caller().post("/v1/notifications", &body).ok(202)["notifications"][0].clone()
    }

    /// States an alarm, which waits for an acknowledgement.
    pub(crate) fn alarm(&self, recipient: &str) -> NotificationId {
        let event = json!({"type": "alarm", "recipient": recipient, "data": {"who": recipient}});
        id(&self.caller().post("/v1/events", &event).ok(202)["results"][0]["notifications"][0])
    }

    /// States many pings.
    pub(crate) fn pings(&self, recipient: &str, count: usize) {
        let events: Vec<Value> = (0..count)
            .map(|number| json!({"type": "ping", "data": {"who": recipient, "number": number}}))
            .collect();
        for part in events.chunks(1_000) {
            let answer = self.caller().post("/v1/events?verdicts=none", &json!(part)).ok(202);
            assert_eq!(answer["accepted"], part.len(), "{answer}");
        }
    }

    pub(crate) fn story(&self, id: &NotificationId) -> Value {
        self.caller().get(&format!("/v1/notifications/{id}")).ok(200)
    }

    /// The receipts in a story, in order, as words.
    pub(crate) fn receipts(&self, id: &NotificationId) -> Vec<String> {
        let story = self.story(id);
        let timeline = story["timeline"].as_array().expect("a timeline");
        timeline.iter().filter_map(|entry| entry["receipt"].as_str()).map(str::to_owned).collect()
    }

    /// What happened to one notification, by the project's feed.
    pub(crate) fn feed(&self, id: &NotificationId) -> Vec<Value> {
        let page = self.caller().get("/v1/changes?limit=500").ok(200);
        let items = page["items"].as_array().expect("items");
        items.iter().filter(|item| item["notification"] == id.as_str()).cloned().collect()
    }

    /// The relay is killed with the power, and is back at the same address on the same data.
    pub(crate) fn restarted(self) -> Self {
        let Self { relay, folder } = self;
        let address = relay.address().to_owned();
        let site = relay.kill();
        let command = site.serve(&address);
        let relay = Relay::try_start(command, site).unwrap_or_else(|refused| panic!("{}", refused.said));
        Self { relay, folder }
    }
}

pub(crate) fn id(made: &Value) -> NotificationId {
    made["id"].as_str().unwrap_or_else(|| panic!("an id: {made}")).parse().expect("an id")
}

/// What comes in time, or the test fails.
#[track_caller]
pub(crate) fn soon<F: Future>(what: F) -> impl Future<Output = F::Output> {
    let place = std::panic::Location::caller();
    async move { tokio::time::timeout(PATIENCE, what).await.unwrap_or_else(|_| panic!("not in time: {place}")) }
}

/// Looks until it is so.
#[track_caller]
pub(crate) fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) -> impl Future<Output = ()> {
    soon(async move {
        while !is_so().await {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
}

pub(crate) async fn live(builder: ClientBuilder) -> Client {
    let client = builder.build().await.expect("the file opens");
    is_live(&client).await;
    client
}

pub(crate) async fn is_live(client: &Client) {
    reaches(client, |connection| *connection == Connection::Live).await;
}

#[track_caller]
pub(crate) fn reaches(
    client: &Client,
    wanted: impl Fn(&Connection) -> bool + Send,
) -> impl Future<Output = Connection> {
    let mut watch = client.connection();
    let reached = soon(async move { watch.wait_for(wanted).await });
    async move { reached.await.expect("the client is open") }
}

#[track_caller]
pub(crate) fn next(presentations: &mut Presentations) -> impl Future<Output = Presentation> {
    let next = soon(presentations.next());
    async move { next.await.expect("the file is whole").expect("the client is open") }
}

/// The next presentation, which must show something.
pub(crate) async fn shown(presentations: &mut Presentations) -> InboxItem {
    let next = next(presentations).await;
    let Presentation::Show(item) = next else { panic!("shown: {next:?}") };
    *item
}

pub(crate) async fn items(client: &Client, query: Query) -> Vec<InboxItem> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = client.inbox().page(query.clone(), after.as_ref(), 500).await.expect("the file is whole");
        all.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

pub(crate) async fn titles(client: &Client) -> Vec<String> {
    items(client, Query::default()).await.into_iter().map(|item| item.content.title).collect()
}

/// Waits until the item is on the device.
pub(crate) async fn has(client: &Client, id: &NotificationId) -> InboxItem {
    has_so(client, id, |_| true).await
}

/// Waits until the item on the device is as wanted.
pub(crate) async fn has_so(
    client: &Client,
    id: &NotificationId,
    wanted: impl Fn(&InboxItem) -> bool,
) -> InboxItem {
    soon(async {
        loop {
            let item = client.inbox().item(id).await.expect("the file is whole");
            if let Some(item) = item.filter(|item| wanted(item)) {
                return item;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
    .await
}

/// Waits until the relay answered everything that was asked for here.
pub(crate) async fn flushed(client: &Client) {
    until(|| async { client.pending().await.expect("the file is whole").is_empty() }).await;
}

/// The account's file, past the client.
pub(crate) async fn open_file(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(5));
    options.connect().await.expect("the file opens")
}

pub(crate) async fn execute(path: &Path, statement: &'static str) {
    let mut file = open_file(path).await;
    sqlx::query(statement).execute(&mut file).await.expect("the statement fits the file");
    file.close().await.expect("it closes");
}
