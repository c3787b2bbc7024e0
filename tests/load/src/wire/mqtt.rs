//! MQTT 3.1.1 over a WebSocket, as far as a subscriber and a publisher of QoS 0 need it: CONNECT, SUBSCRIBE, PUBLISH and
//! PINGREQ with their answers.
//!
//! The packets are those of <https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html>, sections 2 and 3.

use std::net::SocketAddr;

use anyhow::bail;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::http::connect;

/// A generator of 10,000 subscribers must not need a megabyte for each ten.
const BUFFER_BYTES: usize = 2048;
/// The first byte of each kind of packet, with its flags: no retained packet, QoS 0.
const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const SUBSCRIBE: u8 = 0x82;
const SUBACK: u8 = 0x90;
const PINGREQ: u8 = 0xC0;
const PINGRESP: u8 = 0xD0;
/// The flag of CONNECT that asks for a session that ends with its connection.
const CLEAN_SESSION: u8 = 0x02;

/// A connection to a broker.
#[derive(Debug)]
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
    /// What came and is not taken apart yet: a frame may end within a packet.
    buffer: Vec<u8>,
}

/// A packet without its head.
#[derive(Debug, PartialEq, Eq)]
struct Packet<'b> {
    kind: u8,
    body: &'b [u8],
}

impl Client {
    /// Connects under a name that no other connection has, and waits until the broker takes it.
    ///
    /// # Errors
    /// If the broker refuses.
    pub(crate) async fn open(to: SocketAddr, name: &str) -> anyhow::Result<Self> {
        let stream = connect(to, None).await?;
        let mut request = format!("ws://{to}/mqtt").into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("mqtt"));
        let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(0);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
        let mut client = Self { socket, buffer: Vec::new() };
        client.ask(connect_packet(name)?, CONNACK, &[0, 0]).await?;
        Ok(client)
    }

    /// Subscribes to a topic with QoS 0, and waits until the broker says so.
    ///
    /// # Errors
    /// If the broker refuses.
    pub(crate) async fn subscribe(&mut self, topic: &str) -> anyhow::Result<()> {
        self.ask(subscribe_packet(topic)?, SUBACK, &[0, 1, 0]).await
    }

    /// Publishes a payload to each topic, a frame for each, and waits until the broker answers a ping behind them.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(crate) async fn publish_each(&mut self, topics: &[String], payload: &[u8]) -> anyhow::Result<()> {
        for topic in topics {
            self.socket.feed(Message::Binary(publish_packet(topic, payload)?.into())).await?;
        }
        self.ask(vec![PINGREQ, 0], PINGRESP, &[]).await
    }

    /// Reads one frame, and answers how many payloads it completed; none if the broker closed.
    ///
    /// # Errors
    /// If the connection breaks or what came is no MQTT.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<u64>> {
        if !self.read().await? {
            return Ok(None);
        }
        let mut payloads = 0;
        while let Some((packet, length)) = first(&self.buffer)? {
            payloads += u64::from(packet.kind & 0xF0 == PUBLISH);
            self.buffer.drain(..length);
        }
        Ok(Some(payloads))
    }

    async fn ask(&mut self, packet: Vec<u8>, kind: u8, answer: &[u8]) -> anyhow::Result<()> {
        self.socket.send(Message::Binary(packet.into())).await?;
        loop {
            if let Some((packet, length)) = first(&self.buffer)? {
                if packet != (Packet { kind, body: answer }) {
                    bail!("the broker answers {packet:?} where {kind:#x} {answer:?} is due");
                }
                self.buffer.drain(..length);
                return Ok(());
            }
            if !self.read().await? {
                bail!("the broker closed where {kind:#x} is due");
            }
        }
    }

    /// Reads one binary frame into the buffer; answers whether there was one.
    async fn read(&mut self) -> anyhow::Result<bool> {
        loop {
            match self.socket.next().await {
                None => return Ok(false),
                Some(Ok(Message::Binary(bytes))) => {
                    self.buffer.extend_from_slice(&bytes);
                    return Ok(true);
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }
}

fn connect_packet(name: &str) -> anyhow::Result<Vec<u8>> {
    let mut body = text("MQTT")?;
    // Level 4 is MQTT 3.1.1, and a keep-alive of 0 seconds is none.
    body.extend_from_slice(&[4, CLEAN_SESSION, 0, 0]);
    body.extend(text(name)?);
    packet(CONNECT, &body)
}

fn subscribe_packet(topic: &str) -> anyhow::Result<Vec<u8>> {
    let mut body = vec![0, 1];
    body.extend(text(topic)?);
    body.push(0);
    packet(SUBSCRIBE, &body)
}

fn publish_packet(topic: &str, payload: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut body = text(topic)?;
    body.extend_from_slice(payload);
    packet(PUBLISH, &body)
}

fn text(text: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = u16::try_from(text.len())?.to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    Ok(bytes)
}

/// The length stands in one to four bytes, seven bits each, the lowest first.
fn packet(kind: u8, body: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(body.len() + 5);
    bytes.push(kind);
    let mut length = u32::try_from(body.len())?;
    loop {
        let low = u8::try_from(length & 0x7F)?;
        length >>= 7;
        bytes.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    Ok(bytes)
}

/// The first packet of some bytes and its length with its head; none as long as it is not whole.
fn first(bytes: &[u8]) -> anyhow::Result<Option<(Packet<'_>, usize)>> {
    let mut length = 0_usize;
    for place in 0..4 {
        let Some(&byte) = bytes.get(1 + place) else { return Ok(None) };
        length |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            let head = 2 + place;
            let body = bytes.get(head..head + length);
            return Ok(body.map(|body| (Packet { kind: bytes[0], body }, head + length)));
        }
    }
    bail!("what came is no MQTT: its length has more than four bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_names_the_protocol_and_the_client() {
        let expected = b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x00\x00\x02s1";
        assert_eq!(connect_packet("s1").unwrap(), expected);
    }

    #[test]
    fn subscribe_asks_for_one_topic_at_qos_0() {
        assert_eq!(subscribe_packet("t/7").unwrap(), b"\x82\x08\x00\x01\x00\x03t/7\x00");
    }

    #[test]
    fn a_payload_of_more_than_127_bytes_has_a_length_of_two_bytes() {
        let bytes = publish_packet("t/7", &[b'x'; 480]).unwrap();
        // 485 = 3 × 128 + 101.
        assert_eq!(bytes[..8], *b"\x30\xe5\x03\x00\x03t/7");
        assert_eq!(bytes.len(), 3 + 5 + 480);
    }

    #[test]
    fn packets_are_taken_apart_when_they_are_whole() {
        let mut bytes = publish_packet("t", &[b'x'; 200]).unwrap();
        let whole = bytes.len();
        assert_eq!(first(&bytes[..1]).unwrap(), None);
        assert_eq!(first(&bytes[..whole - 1]).unwrap(), None);
        bytes.extend_from_slice(&[PINGRESP, 0]);
        let (packet, length) = first(&bytes).unwrap().unwrap();
        assert_eq!((packet.kind, packet.body.len(), length), (PUBLISH, 203, whole));
        let rest = Packet { kind: PINGRESP, body: &[] };
        assert_eq!(first(&bytes[whole..]).unwrap(), Some((rest, 2)));
        assert!(first(&[PUBLISH, 0x80, 0x80, 0x80, 0x80, 1]).is_err());
    }
}
