//! A relay that does what a test says, good or bad.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tidings_sdk::{Access, Client, ClientBuilder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// Long enough for a busy machine, short enough for a test that fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct FakeRelay {
    pub(crate) url: String,
    pub(crate) folder: tempfile::TempDir,
    sessions: mpsc::Receiver<Session>,
    calls: mpsc::Receiver<Call>,
    _accepting: JoinSet<()>,
}

/// A WebSocket connection of a device.
pub(crate) struct Session {
    socket: WebSocketStream<TcpStream>,
    pub(crate) authorization: String,
}

/// An HTTP request that waits for its answer.
pub(crate) struct Call {
    stream: TcpStream,
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl FakeRelay {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (new_session, sessions) = mpsc::channel(8);
        let (new_call, calls) = mpsc::channel(8);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let mut start = [0; 14];
                while stream.peek(&mut start).await.unwrap_or(14) < 14 {
                    stream.readable().await.unwrap();
                }
                let taken = if start.starts_with(b"GET /v1/socket") {
                    match upgrade(stream).await {
                        Some(session) => new_session.send(session).await.is_ok(),
                        None => true,
                    }
                } else {
                    new_call.send(Call::read(stream).await).await.is_ok()
                };
                if !taken {
                    return;
                }
            }
        });
        let folder = tempfile::tempdir().unwrap();
        Self { url, folder, sessions, calls, _accepting: accepting }
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder(&self.url, self.folder.path()).access(Access::token("token")).platform("test")
    }

    pub(crate) async fn client(&self) -> Client {
        self.builder().build().await.unwrap()
    }

    pub(crate) async fn session(&mut self) -> Session {
        timeout(PATIENCE, self.sessions.recv()).await.expect("no device connected").unwrap()
    }

    /// A session that was welcomed from `head`, and its hello.
    pub(crate) async fn welcomed(&mut self, head: &str, reset: bool) -> (Session, Value) {
        let mut session = self.session().await;
        let hello = session.receive().await;
        assert_eq!(hello["t"], "hello");
        session.welcome(head, reset).await;
        (session, hello)
    }

    pub(crate) async fn call(&mut self) -> Call {
        timeout(PATIENCE, self.calls.recv()).await.expect("no call came").unwrap()
    }
}

async fn upgrade(stream: TcpStream) -> Option<Session> {
    let mut authorization = String::new();
    #[expect(clippy::result_large_err, reason = "the library's own signature")]
    let look = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        authorization = header("authorization").unwrap_or_default();
        assert_eq!(header("sec-websocket-protocol").as_deref(), Some("tidings.v1"));
        response.headers_mut().insert("sec-websocket-protocol", "tidings.v1".parse().unwrap());
        Ok(response)
    };
    let socket = accept_hdr_async(stream, look).await.ok()?;
    Some(Session { socket, authorization })
}

impl Session {
    pub(crate) async fn send(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
    }

    pub(crate) async fn welcome(&mut self, head: &str, reset: bool) {
        self.send(
            json!({"t": "welcome", "session": "s1", "server_time": "2026-11-22T09:00:00.000Z", "head": head,
            "reset": reset, "ping_seconds": 1, "features": []}),
        )
        .await;
    }

    pub(crate) async fn changes(&mut self, from: Option<&str>, to: &str, items: Vec<Value>) {
        self.send(json!({"t": "changes", "from": from, "to": to, "more": false, "reset": from.is_none(),
            "items": items}))
            .await;
    }

    pub(crate) async fn bye(&mut self, code: &str) {
        self.send(json!({"t": "bye", "code": code, "reconnect_after_ms": 0})).await;
    }

    /// The device's next frame; keeps it alive with pings while it waits.
    pub(crate) async fn receive(&mut self) -> Value {
        let receive = async {
            loop {
                match timeout(Duration::from_millis(500), self.socket.next()).await {
                    Ok(Some(Ok(Message::Text(text)))) => return serde_json::from_str(&text).unwrap(),
                    Ok(Some(Ok(_))) => {}
                    Ok(other) => panic!("the device left: {other:?}"),
                    Err(_) => self.socket.send(Message::Ping(Vec::new().into())).await.unwrap(),
                }
            }
        };
        timeout(PATIENCE, receive).await.expect("the device said nothing")
    }

    /// Waits until the device ends the connection.
    pub(crate) async fn ended(&mut self) {
        let ended = async { while let Some(Ok(_)) = self.socket.next().await {} };
        timeout(PATIENCE, ended).await.expect("the device stayed");
    }
}

impl Call {
    async fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        let head_end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the call ended early");
        };
        let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let end = head_end + 4 + length.unwrap_or(0);
        while bytes.len() < end {
            assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the call ended early");
        }
        let body = serde_json::from_slice(&bytes[head_end + 4..end]).unwrap_or(Value::Null);
        let line = head.lines().next().unwrap().to_owned();
        Self { stream, line, head, body }
    }

    pub(crate) async fn answer(mut self, status: u16, body: &Value) {
        let body = body.to_string();
        let answer = format!(
            "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

pub(crate) fn notification(id: &str, title: &str) -> Value {
    json!({"kind": "notification", "id": id, "place": 1, "category": "orders", "priority": "normal", "title": title, "body": "",
        "actions": [], "needs_acknowledgement": false, "round": 0,
        "because": {"rule": null, "event_type": null, "text": "sent to you"},
        "created_at": "2026-11-22T09:00:00.000Z", "expires_at": "2099-01-01T00:00:00.000Z", "view": {}})
}
