//! A device's socket, without the SDK: it says what it is told to say, right or wrong.

use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

/// The longest wait for a frame.
const FRAME_TIMEOUT: Duration = Duration::from_secs(30);

/// One connection.
#[derive(Debug)]
pub struct Device {
    socket: WebSocket<TcpStream>,
}

impl Device {
    /// Connects, with or without a token in the handshake; says nothing yet.
    ///
    /// # Panics
    /// If the relay does not upgrade.
    #[must_use]
    pub fn open(address: &str, token: Option<&str>) -> Self {
        let stream = TcpStream::connect(address).expect("the relay listens");
        stream.set_read_timeout(Some(FRAME_TIMEOUT)).expect("a time that is not zero");
        stream.set_write_timeout(Some(FRAME_TIMEOUT)).expect("a time that is not zero");
        let mut request = format!("ws://{address}/v1/socket").into_client_request().expect("an address");
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", HeaderValue::from_static("tidings.v1"));
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().expect("a token is a header's value");
            headers.insert("authorization", value);
        }
        let (socket, answer) = client(request, stream).expect("the relay upgrades");
        assert_eq!(
            answer.headers().get("sec-websocket-protocol").map(HeaderValue::as_bytes),
            Some(&b"tidings.v1"[..])
        );
        Self { socket }
    }

    /// Sends a frame.
    ///
    /// # Panics
    /// If the relay is gone.
    pub fn send(&mut self, frame: &Value) {
        self.say(Message::text(frame.to_string()));
    }

    /// Sends a message as it is; whether it went out.
    pub fn say(&mut self, message: Message) -> bool {
        self.socket.send(message).is_ok()
    }

    /// Bytes past the protocol.
    pub fn stream(&mut self) -> &mut TcpStream {
        self.socket.get_mut()
    }

    /// The next frame; none if the relay closed.
    ///
    /// # Panics
    /// If neither happens in time.
    pub fn frame(&mut self) -> Option<Value> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    return Some(serde_json::from_str(&text).expect("frames are JSON"));
                }
                Ok(Message::Close(_)) => return None,
                Ok(_) => {}
                Err(tokio_tungstenite::tungstenite::Error::Io(error))
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) =>
                {
                    panic!("a frame comes in time")
                }
                Err(_) => return None,
            }
        }
    }

    /// The next frame, which must be of this kind.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn expect(&mut self, kind: &str) -> Value {
        let frame = self.frame().unwrap_or_else(|| panic!("{kind} comes, not the end"));
        assert_eq!(frame["t"], kind, "{frame}");
        frame
    }

    /// Skips frames until one of this kind.
    ///
    /// # Panics
    /// If the relay closes before.
    #[track_caller]
    pub fn until(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().unwrap_or_else(|| panic!("{kind} comes, not the end"));
            if frame["t"] == kind {
                return frame;
            }
        }
    }

    /// Skips frames until the bye, whose code it must have, and the end after it.
    ///
    /// # Panics
    /// If another one comes.
    #[track_caller]
    pub fn bye(&mut self, code: &str) -> Value {
        let bye = self.until("bye");
        assert_eq!(bye["code"], code, "{bye}");
        assert!(bye["reconnect_after_ms"].is_u64(), "{bye}");
        assert!(self.frame().is_none(), "nothing follows a bye");
        bye
    }

    /// Changes until one has an item with this id.
    ///
    /// # Panics
    /// If the relay closes before.
    pub fn until_item(&mut self, id: &str) -> Value {
        loop {
            let changes = self.until("changes");
            let items = changes["items"].as_array().expect("changes have items");
            if items.iter().any(|item| item["id"] == id) {
                return changes;
            }
        }
    }

    /// Cuts the connection without a word.
    pub fn cut(mut self) {
        drop(self.stream().shutdown(Shutdown::Both));
    }
}
