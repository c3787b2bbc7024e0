//! Woken by a push: catch up over HTTP within a deadline, without a socket.

use std::time::Duration;

use tidings_protocol::frame::ChangesPage;
use tidings_protocol::item::Item;
use tidings_protocol::operation::{Operation, Request};
use tidings_sdk_core::{Applied, Batch, DeviceStore as _, Jitter, Outbox};

use crate::client::Client;
use crate::clock;
use crate::error::Error;
use crate::payload::Push;
use crate::presentations::{Looked, Presentation, look_once};
use crate::shared::{Call, Shared};

/// The longest push payload, in bytes: what Web Push, FCM and APNs carry.
const PAYLOAD_BYTES_MAX: usize = 4_096;
/// A catch-up stops at this many pages at the latest; the socket does the rest.
const PAGES_MAX: usize = 200;

impl Client {
    /// Catches up over HTTP, sends what waits, and returns what is to be shown. Whatever was reached by `deadline` is
    /// durable; the rest comes with the next connection. What is shown is what the relay says: only if it is not reached
    /// in time, the words that a payload may carry go into the inbox in the place of its own, which take theirs later
    /// without being shown again. A payload that names another recipient is not this client's, and presents nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the payload is too long, [`Error::SignedOut`], [`Error::Storage`], [`Error::Closed`]. A
    /// relay that is not reached is no error: what is already here is presented.
    ///
    /// # Cancel safety
    /// Safe for what is stored; a presentation that was claimed in a dropped call is not shown again.
    pub async fn handle_push(&self, payload: &[u8], deadline: Duration) -> Result<Vec<Presentation>, Error> {
        self.open()?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Error::invalid("payload", "a push has at most 4,096 bytes"));
        }
        let push = Push::read(payload);
        if let (Some(Push { recipient: Some(recipient), .. }), Some((_, owner))) =
            (&push, self.owner().await?)
            && owner.as_str() != recipient
        {
            tracing::info!("a push for another recipient came here");
            return Ok(Vec::new());
        }
        match tokio::time::timeout(deadline, catch_up(self.shared())).await {
            Ok(Ok(())) => {}
            Ok(Err(Error::Offline)) | Err(_) => {
                if let Some(item) = push.and_then(|push| push.foretold(self.shared().relay_time())) {
                    self.shared().store.foretell(&item).await?;
                }
            }
            Ok(Err(error)) => return Err(error),
        }
        self.shared().tell_engine(Call::Moved).await;
        let mut presentations = Vec::new();
        while let Looked::Present(presentation) = look_once(self.shared()).await? {
            presentations.push(presentation);
        }
        Ok(presentations)
    }
}

async fn catch_up(shared: &Shared) -> Result<(), Error> {
    for _ in 0..PAGES_MAX {
        let (cursor, _) = shared.store.place().await?;
        let page: ChangesPage = shared
            .with_token(|token| async { shared.http.changes(&{ token }, cursor.as_ref()).await })
            .await?;
        if page.items.iter().any(|item| matches!(item, Item::Erased)) {
            shared.tell_engine(Call::Erased).await;
            return Err(Error::SignedOut);
        }
        let fits = page.from == cursor || (page.from.is_none() && page.reset);
        if !fits {
            return Err(Error::Offline);
        }
        let more = page.more;
        let batch = Batch {
            expected: cursor,
            begins_reset: page.reset && page.from.is_none(),
            to: page.to,
            ends: !page.more,
            after_absence: true,
            items: page.items,
        };
        if shared.store.apply(&batch).await? == Applied::Moved && !more {
            break;
        }
    }
    send_waiting(shared).await
}

/// Tells the relay what is durable here, and what the recipient did.
async fn send_waiting(shared: &Shared) -> Result<(), Error> {
    let loaded = shared.store.load().await?;
    let mut outbox = Outbox::new(loaded.outbox);
    let mut held = loaded.cursor.map(|cursor| Operation {
        id: uuid::Uuid::now_v7().into(),
        at: None,
        request: Request::Held { cursor },
    });
    loop {
        let frame = outbox.next_frame(clock::now()).unwrap_or_default();
        let ops: Vec<Operation> = held.take().into_iter().chain(frame).collect();
        if ops.is_empty() {
            return Ok(());
        }
        let answered = shared
            .with_token(|token| {
                let ops = &ops;
                async move { shared.http.operations(&token, ops).await }
            })
            .await?;
        let settlement =
            outbox.handle_answer(clock::now(), &answered.done, answered.refused, Jitter::default());
        shared.store.settle(&settlement).await?;
    }
}
