//! The wire of one connection: what waits to be written, and reading beside it.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};

/// What happened on the wire.
#[derive(Debug)]
pub(super) enum Wire {
    /// So many frames went out.
    Written(usize),
    /// Something came.
    Read(Message),
    /// What came cannot be read: too long, not UTF-8, not by the protocol.
    Unreadable,
    /// The connection is gone.
    Gone,
}

/// The wire of one connection.
pub(super) struct Line {
    socket: WebSocket,
    /// Takes no memory while nothing waits.
    waiting: VecDeque<Message>,
    /// Frames that the socket has taken and may not have written whole.
    fed: usize,
    flushed: bool,
}

impl Line {
    pub(super) fn new(socket: WebSocket) -> Self {
        Self { socket, waiting: VecDeque::new(), fed: 0, flushed: true }
    }

    /// Queues a frame. Whoever calls keeps the bound.
    pub(super) fn push(&mut self, message: Message) {
        self.waiting.push_back(message);
        self.flushed = false;
    }

    /// Queues a ping. It is no frame of the session's, and is not counted when it is out.
    pub(super) fn push_ping(&mut self) {
        self.push(Message::Ping(Bytes::new()));
    }

    /// Leaves out what was not begun, but for the last frame.
    pub(super) fn keep_last(&mut self) {
        let last = self.waiting.pop_back();
        self.waiting.clear();
        self.waiting.extend(last);
    }

    /// Waits for what happens next on the wire; reads only if told so.
    ///
    /// # Cancel safety
    /// Cancel-safe: a frame leaves the queue only when the socket takes it whole.
    pub(super) async fn next(&mut self, read: bool) -> Wire {
        std::future::poll_fn(|cx| self.poll_next(cx, read)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<Wire> {
        if !self.flushed {
            match self.poll_write(cx) {
                Poll::Ready(Ok(written)) => return Poll::Ready(Wire::Written(written)),
                Poll::Ready(Err(_)) => return Poll::Ready(Wire::Gone),
                Poll::Pending => {}
            }
        }
        if !read {
            return Poll::Pending;
        }
        Poll::Ready(match ready!(self.socket.poll_next_unpin(cx)) {
            None => Wire::Gone,
            Some(Ok(message)) => Wire::Read(message),
            Some(Err(_)) => Wire::Unreadable,
        })
    }

    /// Writes what the socket takes now; answers how many frames are out. What fails is found by [`Line::next`].
    pub(super) fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        if self.flushed {
            return Poll::Pending;
        }
        match self.poll_write(cx) {
            Poll::Ready(Ok(written)) => Poll::Ready(written),
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }

    /// Feeds everything that waits, then flushes once: few writes for many frames. When the socket takes no more,
    /// what is certainly out is told early, so that a slow device that reads is not taken for one that does not.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, axum::Error>> {
        while !self.waiting.is_empty() {
            match self.socket.poll_ready_unpin(cx)? {
                Poll::Ready(()) => {}
                Poll::Pending if self.fed > 1 => {
                    let out = self.fed - 1;
                    self.fed = 1;
                    return Poll::Ready(Ok(out));
                }
                Poll::Pending => return Poll::Pending,
            }
            let message = self.waiting.pop_front().expect("the loop's condition saw it");
            self.fed += usize::from(matches!(message, Message::Text(_)));
            self.socket.start_send_unpin(message)?;
        }
        ready!(self.socket.poll_flush_unpin(cx)?);
        self.flushed = true;
        self.waiting = VecDeque::new();
        Poll::Ready(Ok(std::mem::take(&mut self.fed)))
    }
}
