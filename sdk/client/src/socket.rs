//! One WebSocket connection: opens it, turns frames into events, sends what it is given, ends.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tidings_protocol::frame::{DeviceFrame, RelayFrame, SUBPROTOCOL};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};
use tokio_util::sync::CancellationToken;
use url::Url;

/// The library's default of 128 KiB is filled with zeros at every read.
const BUFFER_BYTES: usize = 4 << 10;
/// What may wait to be written, in bytes; beyond it the connection counts as broken.
const WRITE_BUFFER_BYTES_MAX: usize = 1 << 20;
/// The longest frame from the relay, in bytes: a page of 500 notifications of 16 KiB.
const INCOMING_BYTES_MAX: usize = 16 << 20;
/// How long one frame may take to be written.
const WRITE_TIMEOUT: Duration = Duration::from_secs(15);
/// Frames that may wait to be sent. The machine has one `ops` frame and few others under way.
pub(crate) const OUTGOING_MAX: usize = 64;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What a connection tells, with its number.
#[derive(Debug)]
pub(crate) enum SocketEvent {
    Opened,
    Frame(RelayFrame),
    Heard,
    Unauthorized,
    Closed,
}

/// What a connection needs to know.
pub(crate) struct SocketPlan {
    pub(crate) url: Url,
    pub(crate) token: String,
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) attempt: u64,
}

/// `ws(s)://host/v1/socket` for a relay's address.
pub(crate) fn socket_url(relay: &Url) -> Url {
    let mut url = relay.clone();
    let scheme = if relay.scheme() == "https" { "wss" } else { "ws" };
    url.set_scheme(scheme).expect("http and https may become ws and wss");
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["v1", "socket"]);
    }
    url
}

/// Lives as long as the connection. The last event is always `Closed` or `Unauthorized`, unless it was stopped.
pub(crate) async fn run(
    plan: SocketPlan,
    mut outgoing: mpsc::Receiver<DeviceFrame>,
    events: mpsc::Sender<(u64, SocketEvent)>,
    stop: CancellationToken,
) {
    let attempt = plan.attempt;
    let opened = tokio::select! {
        biased;
        () = stop.cancelled() => return,
        opened = open(plan) => opened,
    };
    let last = match opened {
        Ok(socket) => {
            if events.send((attempt, SocketEvent::Opened)).await.is_err() {
                return;
            }
            exchange(socket, attempt, &mut outgoing, &events, &stop).await;
            SocketEvent::Closed
        }
        Err(tungstenite::Error::Http(response)) if response.status() == StatusCode::UNAUTHORIZED => {
            SocketEvent::Unauthorized
        }
        Err(error) => {
            match crate::tls::distrust(&error) {
                Some(detail) => tracing::warn!("{detail}; nothing was sent"),
                None => tracing::debug!(%error, "the socket could not be opened"),
            }
            SocketEvent::Closed
        }
    };
    if events.send((attempt, last)).await.is_err() {
        tracing::trace!("nobody waits for the end of the connection any more");
    }
}

async fn open(plan: SocketPlan) -> Result<Socket, tungstenite::Error> {
    let mut request = plan.url.as_str().into_client_request()?;
    let bearer = HeaderValue::try_from(format!("Bearer {}", plan.token));
    let mut bearer = bearer.map_err(|error| tungstenite::Error::HttpFormat(error.into()))?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(Some(INCOMING_BYTES_MAX))
        .max_frame_size(Some(INCOMING_BYTES_MAX));
    let connector = match plan.url.scheme() {
        "wss" => Connector::Rustls(plan.tls),
        _ => Connector::Plain,
    };
    let (socket, _) = connect_async_tls_with_config(request, Some(config), true, Some(connector)).await?;
    Ok(socket)
}

async fn exchange(
    mut socket: Socket,
    attempt: u64,
    outgoing: &mut mpsc::Receiver<DeviceFrame>,
    events: &mpsc::Sender<(u64, SocketEvent)>,
    stop: &CancellationToken,
) {
    loop {
        let incoming = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            frame = outgoing.recv() => {
                let Some(frame) = frame else { break };
                if !write(&mut socket, &frame).await {
                    return;
                }
                continue;
            }
            incoming = socket.next() => incoming,
        };
        let event = match incoming {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(frame) => SocketEvent::Frame(frame),
                Err(error) => {
                    // A frame that cannot be read may have been a page: only a new connection knows what is missing.
                    tracing::warn!(%error, "a frame of the relay cannot be read");
                    break;
                }
            },
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => SocketEvent::Heard,
            Some(Ok(Message::Binary(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Close(_)) | Err(_)) | None => return,
        };
        if events.send((attempt, event)).await.is_err() {
            break;
        }
    }
    // Politeness with a deadline: the relay sees a close instead of a silence.
    let closing = tokio::time::timeout(Duration::from_secs(1), socket.close(None));
    if closing.await.is_err() {
        tracing::debug!("the relay did not take the close");
    }
}

async fn write(socket: &mut Socket, frame: &DeviceFrame) -> bool {
    let text = serde_json::to_string(frame).expect("a frame is plain JSON");
    let written = tokio::time::timeout(WRITE_TIMEOUT, socket.send(Message::text(text))).await;
    matches!(written, Ok(Ok(())))
}
