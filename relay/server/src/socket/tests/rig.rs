//! A listener with a store of one inbox, and a client.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test names the one variant that it expects")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tidings_core::act::{Act, AfterCommit, Answer, Hint, Settled, Unit};
use tidings_core::configuration::Configuration;
use tidings_core::model::{Inbox, Person, PersonKey, Recipient};
use tidings_core::ports::{InboxPage, InboxReader, StoreError};
use tidings_protocol::frame::SUBPROTOCOL;
use tidings_protocol::item::Item;
use tidings_protocol::operation::Answered;
use tidings_protocol::{Cursor, NotificationId, ProjectId, Timestamp};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::*;
use crate::lane::Lane;
use crate::socket::verify::{TokenError, VerifiedDevice};

pub(super) const TOKEN: &str = "good";
/// Longer than anything here takes on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
const EPOCH: u32 = 0xe1;
const YEAR_MILLIS: i64 = 365 * 86_400_000;

pub(super) struct Rig {
    pub(super) sockets: Sockets,
    pub(super) clock: Arc<FakeClock>,
    relay: Arc<FakeRelay>,
    address: String,
}

#[derive(Default)]
struct FakeRelay {
    head: AtomicU64,
    operated: Mutex<Vec<String>>,
}

pub(super) struct FakeClock(AtomicI64);

impl FakeClock {
    pub(super) fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Ids in order, and no chance at all.
struct FakeIds;

impl Ids for FakeIds {
    fn next(&self, _now: Timestamp) -> u128 {
        1
    }

    fn random(&self) -> u128 {
        1 << 127
    }
}

fn alice() -> PersonKey {
    PersonKey { project: "shop".parse().unwrap(), recipient: "alice".parse().unwrap() }
}

impl Rig {
    pub(super) async fn start() -> Self {
        let relay = Arc::new(FakeRelay::default());
        let clock = Arc::new(FakeClock(AtomicI64::new(1_795_737_600_000)));
        let settings =
            SocketSettings { origins: vec!["https://shop.example".into()], ..SocketSettings::default() };
        let sockets = Sockets {
            hellos: Arc::default(),
            hub: Hub::new(),
            verifier: relay.clone(),
            submit: relay.clone(),
            pages: PageReader { reader: relay.clone(), live: relay.clone(), lane: Lane::new(|| {}).unwrap() },
            clock: clock.clone(),
            ids: Arc::new(FakeIds),
            settings: Arc::new(settings),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let accepting = Arc::new(sockets.clone());
        let accept = get(move |request: Request| async move { accepting.accept(request) });
        let app = Router::new().route("/v1/socket", accept);
        TaskTracker::new().spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { sockets, clock, relay, address }
    }

    pub(super) async fn connect(&self) -> Client {
        self.connect_with(&[]).await.unwrap()
    }

    /// A client, or the status of a handshake that was refused.
    pub(super) async fn connect_with(&self, headers: &[(&str, &str)]) -> Result<Client, u16> {
        let mut request = format!("ws://{}/v1/socket", self.address).into_client_request().unwrap();
        let protocol = [("sec-websocket-protocol", SUBPROTOCOL)];
        for (name, value) in headers.iter().chain(&protocol) {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, response)) => {
                let subprotocol = response.headers().get("sec-websocket-protocol");
                let subprotocol = subprotocol.map(|value| value.to_str().unwrap().to_owned());
                Ok(Client { socket, subprotocol })
            }
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("the handshake failed otherwise: {error}"),
        }
    }

    /// A client that has heard the welcome and the first page.
    pub(super) async fn open(&self, device: &str) -> Client {
        let mut client = self.connect().await;
        client.say(json!({"t": "hello", "device": device, "token": TOKEN})).await;
        assert_eq!(client.hear().await["t"], "welcome");
        assert_eq!(client.hear().await["t"], "changes");
        client
    }

    /// So many rows change at once.
    pub(super) fn commit(&self, rows: u64) {
        let retracted = |seq: u64| Item::Retracted { id: NotificationId::new(format!("n{seq}")).unwrap() };
        let from = self.relay.head.load(Ordering::SeqCst);
        self.commit_as(rows, (from + 1..=from + rows).map(retracted).collect());
    }

    /// A row of some kilobytes changes.
    pub(super) fn commit_long(&self) {
        let item = Item::Retracted { id: NotificationId::new("n".repeat(128)).unwrap() };
        self.commit_as(1, vec![item; 40]);
    }

    fn commit_as(&self, rows: u64, items: Vec<Item>) {
        let from = self.relay.head.fetch_add(rows, Ordering::SeqCst);
        let to = from + rows;
        let hint = Hint { person: alice(), epoch: EPOCH, from, to, items };
        self.sockets.hub.after_commit(AfterCommit { hints: vec![hint], ..AfterCommit::default() });
    }

    /// Waits until what was committed is as it should be.
    pub(super) async fn settles(&self, is_so: impl Fn(&[String]) -> bool) {
        let settled = async {
            while !is_so(&self.operated()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, settled).await.is_ok(), "{:?}", self.operated());
    }

    /// The ids of every operation that was committed.
    pub(super) fn operated(&self) -> Vec<String> {
        self.relay.operated.lock().unwrap().clone()
    }
}

#[async_trait]
impl TokenVerifier for FakeRelay {
    async fn verify(&self, token: &str) -> Result<VerifiedDevice, TokenError> {
        let at = |millis: i64| Timestamp::from_millis(1_795_737_600_000 + millis);
        match token {
            TOKEN => Ok(VerifiedDevice {
                person: alice(),
                device: None,
                issued_at: at(0),
                expires_at: at(100 * YEAR_MILLIS),
            }),
            _ => Err(TokenError::Invalid),
        }
    }
}

#[async_trait]
impl Submit for FakeRelay {
    async fn submit(&self, unit: Unit) -> Settled {
        let answer = match unit.act {
            Act::Greet { device, .. } => {
                let head = self.head.load(Ordering::SeqCst);
                let inbox = Inbox { seq: head, ..Inbox::new(EPOCH) };
                let place = device.cursor.and_then(|cursor| inbox.place(&cursor));
                Answer::Greeted { epoch: EPOCH, head, place }
            }
            Act::Operate { operations, .. } => {
                let done: Vec<_> = operations.into_iter().map(|operation| operation.unwrap().id).collect();
                self.operated.lock().unwrap().extend(done.iter().map(ToString::to_string));
                Answer::Operated(Answered { done, refused: Vec::new() })
            }
            other => panic!("a session hands in nothing like {other:?}"),
        };
        Settled { answer: Ok(answer), replay: None }
    }
}

#[async_trait]
impl InboxReader for FakeRelay {
    async fn page(
        &self,
        person: &PersonKey,
        after: Option<&Cursor>,
        _limit: usize,
    ) -> Result<InboxPage, StoreError> {
        let head = self.head.load(Ordering::SeqCst);
        let inbox = Inbox { seq: head, ..Inbox::new(EPOCH) };
        let after = after.and_then(|cursor| inbox.place(cursor));
        let mut person = Person::unknown(person.clone());
        person.recipient = Some(Recipient::default());
        person.inbox = Some(inbox);
        Ok(InboxPage { person, after, rows: Vec::new(), to: head, more: false })
    }

    async fn heads(&self, people: &[PersonKey]) -> Result<Vec<(PersonKey, u32, u64)>, StoreError> {
        let head = self.head.load(Ordering::SeqCst);
        Ok(people.iter().map(|person| (person.clone(), EPOCH, head)).collect())
    }
}

#[async_trait]
impl LiveConfiguration for FakeRelay {
    async fn live(&self, _project: &ProjectId) -> Result<Arc<Configuration>, StoreError> {
        Ok(Arc::new(Configuration::built_in()))
    }
}

/// The other end.
pub(super) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(super) subprotocol: Option<String>,
}

impl Client {
    pub(super) async fn say(&mut self, frame: Value) {
        self.say_text(&frame.to_string()).await;
    }

    pub(super) async fn say_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(super) async fn say_bytes(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::binary(bytes)).await.unwrap();
    }

    /// Pings; answers whether the socket took it in time.
    pub(super) async fn ping_within(&mut self, time: Duration, payload: &'static [u8]) -> bool {
        let sent = tokio::time::timeout(time, self.socket.send(Message::Ping(payload.into()))).await;
        sent.is_ok_and(|sent| sent.is_ok())
    }

    /// Goes: with the protocol's farewell, or by closing the connection alone.
    pub(super) async fn leave(mut self, with_farewell: bool) {
        if with_farewell {
            self.socket.close(None).await.unwrap();
        }
    }

    /// The next frame.
    pub(super) async fn hear(&mut self) -> Value {
        loop {
            let heard = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match heard.expect("a frame comes").expect("the socket is open").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("a frame was due, not {other:?}"),
            }
        }
    }

    /// The code of the next frame, which is a bye, after which the socket closes.
    pub(super) async fn bye(&mut self) -> String {
        let bye = self.hear().await;
        assert_eq!(bye["t"], "bye", "{bye}");
        self.ends().await;
        bye["code"].as_str().unwrap().to_owned()
    }

    /// The socket closes as it should.
    pub(super) async fn ends(&mut self) {
        let end = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("the socket ends");
        assert!(matches!(end, Some(Ok(Message::Close(Some(_))))), "{end:?}");
    }
}
