//! A whole node in memory, over real sockets: what one person is told reaches their device, and what the device says
//! reaches the story.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tidings_server::{Relay, ServeOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Node {
    relay: Relay,
    shutdown: CancellationToken,
    key: String,
    _folder: tempfile::TempDir,
}

impl Node {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = ServeOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            store_url: Some("memory:".into()),
            ..ServeOptions::new(folder.path().to_owned())
        };
        let shutdown = CancellationToken::new();
        let relay = Relay::start(options, shutdown.clone()).await.unwrap();
        let key = relay.first().expect("a first start makes a key").key.clone();
        Self { relay, shutdown, key, _folder: folder }
    }

    /// A call with the project's key, or with another token.
    async fn call(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let token = token.unwrap_or(&self.key);
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: relay\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.relay.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body = if body.is_empty() { "null" } else { body };
        (status, serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}")))
    }

    async fn sign_in(&self, device: &str) -> String {
        let (status, code) =
            self.call("POST", "/v1/connect-codes", None, &json!({"recipient": "alice"})).await;
        assert_eq!(status, 201, "{code}");
        let ask = json!({"code": code["code"], "device": device, "platform": "tests"});
        let (status, signed_in) = self.call("POST", "/v1/connect", None, &ask).await;
        assert_eq!(status, 200, "{signed_in}");
        signed_in["access_token"].as_str().unwrap().to_owned()
    }

    async fn open(&self, device: &str, cursor: Option<&str>) -> Client {
        let token = self.sign_in(device).await;
        let mut request = format!("ws://{}/v1/socket", self.relay.address()).into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", "tidings.v1".parse().unwrap());
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut client = Client(socket);
        client.say(&json!({"t": "hello", "device": device, "nonce": device, "cursor": cursor})).await;
        client
    }
}

/// A body that comes after its head is what makes the difference: nobody has read it when the call is refused.
#[tokio::test]
async fn a_refused_call_leaves_its_connection_for_the_next_one() {
    let node = Node::start().await;
    let refused = [
        ("POST /v1/events", "nobody", 401),
        ("POST /v1/nothing", &node.key, 404),
        ("DELETE /v1/stop", &node.key, 405),
    ];
    for (call, token, status) in refused {
        let mut stream = TcpStream::connect(node.relay.address()).await.unwrap();
        let head = format!(
            "{call} HTTP/1.1\r\nhost: relay\r\nauthorization: Bearer {token}\r\ncontent-length: 100000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        stream.write_all(&[b' '; 100_000]).await.unwrap();
        let next = "GET /healthz HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n";
        stream.write_all(next.as_bytes()).await.unwrap();
        let mut answers = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answers)).await.unwrap().unwrap();
        assert!(answers.starts_with(&format!("HTTP/1.1 {status}")), "{call}: {answers}");
        assert!(answers.contains("HTTP/1.1 200"), "{call}: {answers}");
    }
}

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn say(&mut self, frame: &Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let heard = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a frame comes");
        serde_json::from_str(heard.expect("the socket is open").unwrap().to_text().unwrap()).unwrap()
    }
}

fn titles(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().filter_map(|item| item["title"].as_str()).collect()
}

#[tokio::test]
async fn a_notification_goes_out_live_is_held_and_read_and_the_next_session_goes_on_from_there() {
    let node = Node::start().await;
    let mut client = node.open("laptop", None).await;
    assert_eq!(client.hear().await["t"], "welcome");
    let first = client.hear().await;
    assert_eq!((&first["reset"], &first["items"][0]["kind"]), (&json!(true), &json!("settings")));

    let hello = json!({"recipients": ["alice"], "category": "general", "content": {"title": "Hello"}});
    let (status, sent) = node.call("POST", "/v1/notifications", None, &hello).await;
    assert_eq!(status, 202, "{sent}");
    let live = client.hear().await;
    assert_eq!((titles(&live), &live["from"]), (vec!["Hello"], &first["to"]));

    let id = live["items"][0]["id"].as_str().unwrap();
    client.say(&json!({"t": "held", "cursor": live["to"]})).await;
    let read = json!({"id": "op-1", "op": "receipt", "notification": id, "receipt": "read"});
    client.say(&json!({"t": "ops", "ops": [read, {"id": "op-2", "op": "dance"}]})).await;
    let (mut done, mut seen) = (None, None);
    while done.is_none() || seen.is_none() {
        let frame = client.hear().await;
        if frame["t"] == "done" { done = Some(frame) } else { seen = Some(frame) }
    }
    let (done, seen) = (done.unwrap(), seen.unwrap());
    assert_eq!(done["done"], json!(["op-1"]));
    assert_eq!(done["refused"][0]["code"], "unknown_operation");
    assert_eq!(seen["from"], live["to"]);
    assert!(seen["items"][0]["view"]["read_at"].is_string(), "{seen}");

    let (_, story) = node.call("GET", &format!("/v1/notifications/{id}"), None, &Value::Null).await;
    assert_eq!(story["state"], "reached", "{story}");

    node.call(
        "POST",
        "/v1/notifications",
        None,
        &json!({"recipients": ["alice"], "content": {"title": "Again"}}),
    )
    .await;
    let mut again = node.open("laptop", seen["to"].as_str()).await;
    assert_eq!(again.hear().await["reset"], false);
    assert_eq!(titles(&again.hear().await), ["Again"]);
}

#[tokio::test]
async fn an_erased_recipients_devices_are_told_to_wipe() {
    let node = Node::start().await;
    let mut client = node.open("laptop", None).await;
    client.hear().await;
    client.hear().await;
    let (status, _) = node.call("DELETE", "/v1/recipients/alice", None, &Value::Null).await;
    assert!((200..300).contains(&status), "{status}");
    assert_eq!(client.hear().await["code"], "erased");
}

#[tokio::test]
async fn another_installation_with_the_same_id_is_sent_away_and_the_first_one_stays() {
    let node = Node::start().await;
    let mut first = node.open("laptop", None).await;
    first.hear().await;
    first.hear().await;
    let mut other = node.open("laptop", None).await;
    other.hear().await;
    assert_eq!(first.hear().await["code"], "replaced", "the same installation takes its own place");

    let token = node.sign_in("laptop").await;
    let url = format!("ws://{}/v1/socket", node.relay.address());
    let mut stranger = Client(tokio_tungstenite::connect_async(url).await.unwrap().0);
    stranger.say(&json!({"t": "hello", "token": token, "device": "laptop", "nonce": "another"})).await;
    assert_eq!(stranger.hear().await["code"], "device_conflict");
}

#[tokio::test]
async fn a_node_that_stops_tells_its_devices_when_to_come_back() {
    let node = Node::start().await;
    let mut client = node.open("laptop", None).await;
    client.hear().await;
    client.hear().await;
    node.shutdown.cancel();
    let bye = async {
        let bye = client.hear().await;
        assert_eq!((&bye["t"], &bye["code"]), (&json!("bye"), &json!("restart")));
        while client.0.next().await.is_some() {}
    };
    let both = async { tokio::join!(node.relay.finished(), bye) };
    tokio::time::timeout(PATIENCE, both).await.expect("the node stops in time");
}
