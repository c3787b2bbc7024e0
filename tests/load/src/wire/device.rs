//! One device on the socket: it says hello, reads frames, and says what it holds.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::http::connect;

/// A generator of 19,800 devices must not need a megabyte for each ten.
const BUFFER_BYTES: usize = 2048;

/// Who a device is.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) token: String,
    pub(crate) device: String,
}

/// A device that is connected.
#[derive(Debug)]
pub(crate) struct Device {
    socket: WebSocketStream<TcpStream>,
    /// Up to where it has everything.
    pub(crate) cursor: Option<String>,
}

impl Device {
    /// Connects, says hello and reads until nothing more is missing. Answers how many notifications came.
    ///
    /// # Errors
    /// If the relay says bye or does not speak the protocol.
    pub(crate) async fn open(
        to: SocketAddr,
        from: Option<SocketAddr>,
        identity: &Identity,
        cursor: Option<String>,
        holds: bool,
    ) -> anyhow::Result<(Self, u64)> {
        let stream = connect(to, from).await?;
        let mut request = format!("ws://{to}/v1/socket").into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("tidings.v1"));
        let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(0);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
        let mut device = Self { socket, cursor };
        let hello = json!({"t": "hello", "token": identity.token, "device": identity.device, "platform": "load",
            "nonce": identity.device, "cursor": device.cursor, "sdk": "load/1",
            "understands": ["notification", "retracted", "settings", "read_up_to", "erased"]});
        device.send(hello.to_string()).await?;
        let notifications = device.catch_up(holds).await?;
        Ok((device, notifications))
    }

    async fn catch_up(&mut self, holds: bool) -> anyhow::Result<u64> {
        let mut notifications = 0;
        loop {
            let frame = self.next().await?.context("the relay closed during the catch-up")?;
            match plain_field(&frame, "t") {
                Some("changes") => {
                    notifications += u64::try_from(frame.matches("\"kind\":\"notification\"").count())?;
                    let to = plain_field(&frame, "to").context("a page has an end")?.to_owned();
                    if holds {
                        self.hold(&to).await?;
                    }
                    self.cursor = Some(to);
                    if frame.contains("\"more\":false") {
                        return Ok(notifications);
                    }
                }
                Some("bye") => bail!("the relay says {frame}"),
                _ => {}
            }
        }
    }

    /// The next text frame; none if the relay closed.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Utf8Bytes>> {
        loop {
            match self.socket.next().await {
                None => return Ok(None),
                Some(Ok(Message::Text(text))) => return Ok(Some(text)),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    /// Says that everything up to the end of a page is stored.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(crate) async fn hold(&mut self, cursor: &str) -> anyhow::Result<()> {
        self.send(format!(r#"{{"t":"held","cursor":"{cursor}"}}"#)).await
    }

    /// The bare connection, for one who does not speak the protocol any more.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.socket.into_inner()
    }

    async fn send(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::Text(text.into())).await?)
    }
}

/// The text of a field that is a plain text of the frame's outermost object, found without reading the whole.
pub(crate) fn plain_field<'f>(frame: &'f str, name: &str) -> Option<&'f str> {
    let mut rest = frame;
    loop {
        let at = rest.find(name)?;
        let after = &rest[at + name.len()..];
        if rest[..at].ends_with('"')
            && let Some(value) = after.strip_prefix("\":\"")
        {
            return value.split('"').next();
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_page_is_found_without_reading_it() {
        let frame = r#"{"t":"changes","from":"a.1","to":"a.2","more":false,"items":[]}"#;
        assert_eq!(plain_field(frame, "to"), Some("a.2"));
        assert_eq!(plain_field(frame, "more"), None);
    }
}
