//! The wire of one connection: what waits to be written, and reading beside it.
//!
//! A frame is encoded once for all who get it, and goes from there to the kernel: many frames with one vectored write, and no
//! copy. The protocol reads, and what it answers by itself (pongs, closing) is taken from it and written in its turn.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tidings_protocol::limits::FRAME_BYTES_MAX;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::READ_BUFFER_BYTES;

/// What may wait to be written while the device is still read. The session bounds its own frames; this bounds what the protocol
/// answers to a device that asks and does not read.
const WAITING_MAX: usize = 64;
/// Frames of one write.
const FRAMES_TOGETHER: usize = 16;
/// The first byte of a whole text frame, and of a ping (RFC 6455, section 5.2).
const TEXT: u8 = 0x81;
const PING: [u8; 2] = [0x89, 0];

/// What happened on the wire.
#[derive(Debug)]
pub(super) enum Wire {
    /// Something went out, and with it the last of so many frames of the session.
    Written(usize),
    /// Something came.
    Read(Message),
    /// What came cannot be read: too long, not UTF-8, not by the protocol.
    Unreadable,
    /// Nothing can be written any more. What the device had said before may still be there to read.
    Deaf,
    /// The connection is gone, and everything that came is read.
    Gone,
}

/// The wire of one connection.
pub(super) struct Line {
    socket: WebSocketStream<Ear>,
    /// Takes no memory while nothing waits.
    waiting: VecDeque<Outgoing>,
    /// Bytes of the first that are out.
    begun: usize,
    /// What came could not be read, and the protocol reads no more.
    unreadable: bool,
    /// Nothing can be written any more.
    deaf: bool,
}

/// The protocol's end of a connection: it reads, and what it writes is kept for the line.
struct Ear {
    io: TokioIo<Upgraded>,
    said: Vec<u8>,
}

/// What waits to be written.
enum Outgoing {
    /// A frame of the session, with its header.
    Text(Header, Utf8Bytes),
    /// Bytes of the protocol.
    Bytes(Bytes),
    /// The end.
    Close(CloseFrame),
}

/// The header of a text frame.
struct Header {
    bytes: [u8; 10],
    length: usize,
}

impl Header {
    /// RFC 6455, section 5.2: a length below 126 is one byte, a longer one two or eight more. A relay does not mask.
    fn of(text: &str) -> Self {
        let (mut bytes, length) = ([0; 10], text.len());
        bytes[0] = TEXT;
        let length = match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short @ ..126), _) => {
                bytes[1] = short;
                2
            }
            (_, Ok(longer)) => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&longer.to_be_bytes());
                4
            }
            _ => {
                bytes[1] = 127;
                bytes[2..].copy_from_slice(&(length as u64).to_be_bytes());
                10
            }
        };
        Self { bytes, length }
    }
}

impl Outgoing {
    /// The two parts of its bytes. The end has none until the protocol said it.
    fn parts(&self) -> [&[u8]; 2] {
        match self {
            Self::Text(header, text) => [&header.bytes[..header.length], text.as_bytes()],
            Self::Bytes(bytes) => [bytes, &[]],
            Self::Close(_) => [&[], &[]],
        }
    }

    fn length(&self) -> usize {
        self.parts().iter().map(|part| part.len()).sum()
    }
}

impl Line {
    pub(super) async fn new(upgraded: Upgraded) -> Self {
        let ear = Ear { io: TokioIo::new(upgraded), said: Vec::new() };
        let socket = WebSocketStream::from_raw_socket(ear, Role::Server, Some(config())).await;
        Self { socket, waiting: VecDeque::new(), begun: 0, unreadable: false, deaf: false }
    }

    /// Queues a frame. Whoever calls keeps the bound.
    pub(super) fn push(&mut self, frame: Utf8Bytes) {
        self.waiting.push_back(Outgoing::Text(Header::of(&frame), frame));
    }

    /// Queues a ping. It is no frame of the session's, and is not counted when it is out.
    pub(super) fn push_ping(&mut self) {
        self.waiting.push_back(Outgoing::Bytes(Bytes::from_static(&PING)));
    }

    /// Queues the end.
    pub(super) fn push_close(&mut self, close: CloseFrame) {
        self.waiting.push_back(Outgoing::Close(close));
    }

    /// Leaves out what was not begun, but for the last frame.
    pub(super) fn keep_last(&mut self) {
        let first = if self.begun > 0 { self.waiting.pop_front() } else { None };
        let last = self.waiting.pop_back();
        self.waiting.clear();
        self.waiting.extend(first.into_iter().chain(last));
    }

    /// Waits for what happens next on the wire; reads only if told so.
    ///
    /// # Cancel safety
    /// Cancel-safe: what is out of a frame is remembered.
    pub(super) async fn next(&mut self, read: bool) -> Wire {
        std::future::poll_fn(|cx| self.poll_next(cx, read)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<Wire> {
        let written = self.poll_written(cx);
        if written.is_ready() || !read || self.waiting.len() >= WAITING_MAX {
            return written;
        }
        let came = self.socket.poll_next_unpin(cx);
        if self.hear_protocol() {
            // What it answers by itself is not left until the next frame. How it went is asked again.
            cx.waker().wake_by_ref();
        }
        Poll::Ready(match ready!(came) {
            None => Wire::Gone,
            Some(Ok(message)) => Wire::Read(message),
            Some(Err(error)) if is_end(&error) => Wire::Gone,
            Some(Err(_)) => {
                self.unreadable = true;
                Wire::Unreadable
            }
        })
    }

    /// Writes what waits and reads to the end. What the protocol reads no more is thrown away: closing a socket with unread
    /// bytes would take the last frame away from its device.
    pub(super) async fn end(&mut self) {
        while !matches!(self.next(true).await, Wire::Gone) {}
        if self.unreadable {
            let rest = &mut self.socket.get_mut().io;
            let drained = async {
                rest.shutdown().await?;
                tokio::io::copy(rest, &mut tokio::io::sink()).await
            };
            if let Err(error) = drained.await {
                tracing::debug!(%error, "a device that was not understood is gone");
            }
        }
    }

    /// Writes what the kernel takes now; pending if that is nothing.
    pub(super) fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<Wire> {
        if self.deaf {
            self.waiting = VecDeque::new();
        }
        let mut frames = 0;
        let mut wrote = false;
        while !self.waiting.is_empty() {
            match self.poll_write(cx) {
                Poll::Ready(Ok(out)) => {
                    frames += out;
                    wrote = true;
                }
                Poll::Ready(Err(_)) => {
                    self.deaf = true;
                    return Poll::Ready(Wire::Deaf);
                }
                Poll::Pending if wrote => return Poll::Ready(Wire::Written(frames)),
                Poll::Pending => return Poll::Pending,
            }
        }
        if !wrote {
            return Poll::Pending;
        }
        self.waiting = VecDeque::new();
        Poll::Ready(Wire::Written(frames))
    }

    /// One write; answers how many of the session's frames are out with it.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Some(Outgoing::Close(close)) = self.waiting.front_mut() {
            let close =
                std::mem::replace(close, CloseFrame { code: close.code, reason: Utf8Bytes::default() });
            self.waiting.pop_front();
            self.say(cx, Message::Close(Some(close)));
            return Poll::Ready(Ok(0));
        }
        let mut slices = [IoSlice::new(&[]); 2 * FRAMES_TOGETHER];
        let until_end = self.waiting.iter().take_while(|one| !matches!(one, Outgoing::Close(_)));
        let parts = until_end.take(FRAMES_TOGETHER).flat_map(Outgoing::parts).filter(|part| !part.is_empty());
        let (mut skip, mut filled) = (self.begun, 0);
        for (slice, part) in slices.iter_mut().zip(parts) {
            let skipped = skip.min(part.len());
            skip -= skipped;
            *slice = IoSlice::new(&part[skipped..]);
            filled += 1;
        }
        let io = Pin::new(&mut self.socket.get_mut().io);
        match ready!(io.poll_write_vectored(cx, &slices[..filled]))? {
            0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            written => Poll::Ready(Ok(self.advance(written))),
        }
    }

    /// Takes what is out from the queue; answers how many of the session's frames that were.
    fn advance(&mut self, written: usize) -> usize {
        let mut frames = 0;
        self.begun += written;
        while let Some(first) = self.waiting.front()
            && self.begun >= first.length()
            && !matches!(first, Outgoing::Close(_))
        {
            self.begun -= first.length();
            frames += usize::from(matches!(first, Outgoing::Text(..)));
            self.waiting.pop_front();
        }
        frames
    }

    /// Lets the protocol say something, which goes first: nothing is begun.
    fn say(&mut self, cx: &mut Context<'_>, message: Message) {
        // Its end takes everything at once; it refuses only what comes after the end.
        if let Err(error) = self.socket.start_send_unpin(message) {
            tracing::debug!(%error, "the protocol had said its last");
        }
        if let Poll::Ready(Err(error)) = self.socket.poll_flush_unpin(cx) {
            tracing::debug!(%error, "the protocol had said its last");
        }
        let said = std::mem::take(&mut self.socket.get_mut().said);
        if !said.is_empty() {
            self.waiting.push_front(Outgoing::Bytes(said.into()));
        }
    }

    /// Queues what the protocol said by itself; answers whether there was anything.
    fn hear_protocol(&mut self) -> bool {
        let said = std::mem::take(&mut self.socket.get_mut().said);
        let spoke = !said.is_empty();
        if spoke {
            self.waiting.push_back(Outgoing::Bytes(said.into()));
        }
        spoke
    }
}

/// Whether a device went without the protocol's farewell, as one does whose network goes. What it had said was in order.
const fn is_end(error: &Error) -> bool {
    matches!(
        error,
        Error::Io(_)
            | Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
    )
}

/// The protocol's buffers are small: it fills its whole read buffer with zeros at every poll, and writes next to nothing.
fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(FRAME_BYTES_MAX)
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX))
}

impl AsyncRead for Ear {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Ear {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.said.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, &[0x81, 0])]
    #[case(125, &[0x81, 125])]
    #[case(126, &[0x81, 126, 0, 126])]
    #[case(65_535, &[0x81, 126, 255, 255])]
    #[case(65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0])]
    fn a_header_says_the_length_as_the_standard_does(#[case] length: usize, #[case] header: &[u8]) {
        let made = Header::of(&"x".repeat(length));
        assert_eq!(&made.bytes[..made.length], header);
    }

    #[test]
    fn the_protocols_buffers_are_small() {
        let config = config();
        assert_eq!((config.read_buffer_size, config.write_buffer_size), (256, 0), "see docs/benchmarks.md");
        assert_eq!(config.max_write_buffer_size, FRAME_BYTES_MAX);
        assert_eq!(config.max_message_size, Some(FRAME_BYTES_MAX));
        assert_eq!(config.max_frame_size, Some(FRAME_BYTES_MAX));
    }
}
