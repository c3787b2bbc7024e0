//! Woken by a push: catch up over HTTP within a deadline, without a socket.

use std::time::Duration;

use serde_json::Value;
use tidings_protocol::NotificationId;
use tidings_protocol::frame::ChangesPage;
use tidings_protocol::item::Item;
use tidings_protocol::operation::{Operation, Request};
use tidings_sdk_core::{Applied, Batch, DeviceStore as _, Jitter, Outbox};

use crate::client::Client;
use crate::clock;
use crate::error::Error;
use crate::presentations::{Looked, Presentation, look_once};
use crate::shared::{Call, Shared};

/// The longest push payload, in bytes: what Web Push, FCM and APNs carry.
const PAYLOAD_BYTES_MAX: usize = 4_096;
/// A catch-up stops at this many pages at the latest; the socket does the rest.
const PAGES_MAX: usize = 200;

/// What a push says. Most say only that there is something; a project may let its pushes carry words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Push {
    /// The notification that it is about.
    pub notification: Option<NotificationId>,
    /// Whose it is, where a device has several accounts.
    pub recipient: Option<String>,
    /// One line, if it carries words.
    pub title: Option<String>,
    /// Some lines, if it carries words.
    pub body: Option<String>,
    /// Where a click leads, if it carries words.
    pub link: Option<String>,
}

impl Push {
    /// Reads a payload: a JSON object with `tidings`. Fields that are not known are skipped, and those that are not
    /// what they should be are left out. None if it is anything else, which still means: look what there is.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let Ok(Value::Object(fields)) = serde_json::from_slice(payload) else { return None };
        fields.get("tidings")?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            notification: text("notification").and_then(|id| NotificationId::new(id).ok()),
            recipient: text("recipient"),
            title: text("title"),
            body: text("body"),
            link: text("link"),
        })
    }
}

impl Client {
    /// Catches up over HTTP, sends what waits, and returns what is to be shown. The payload is only a hint, whatever it
    /// carries: what is shown is what the inbox has. One that names another recipient is not this client's, and
    /// presents nothing. Whatever was reached by `deadline` is durable; the rest comes with the next connection.
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
        if let (Some(Push { recipient: Some(recipient), .. }), Some((_, owner))) =
            (Push::read(payload), self.owner().await?)
            && owner.as_str() != recipient
        {
            tracing::info!("a push for another recipient came here");
            return Ok(Vec::new());
        }
        match tokio::time::timeout(deadline, catch_up(self.shared())).await {
            Ok(Ok(())) | Ok(Err(Error::Offline)) | Err(_) => {}
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::bare(r#"{"tidings":1,"notification":"n1"}"#, Some("n1"), None)]
    #[case::with_words(
        r#"{"tidings":1,"notification":"n1","title":"Hi","body":"","link":"x"}"#,
        Some("n1"),
        Some("Hi")
    )]
    #[case::more_than_is_known(r#"{"tidings":2,"sound":{"a":[1]},"title":"Hi"}"#, None, Some("Hi"))]
    #[case::not_what_they_should_be(r#"{"tidings":true,"notification":"a/b","title":7}"#, None, None)]
    fn a_push_of_ours_is_read(#[case] payload: &str, #[case] id: Option<&str>, #[case] title: Option<&str>) {
        let push = Push::read(payload.as_bytes()).unwrap();
        assert_eq!(push.notification.as_ref().map(NotificationId::as_str), id);
        assert_eq!(push.title.as_deref(), title);
    }

    #[rstest]
    #[case::nothing(b"")]
    #[case::other_json(b"{\"notification\":\"n1\"}")]
    #[case::no_object(b"[1]")]
    #[case::text(b"wake up")]
    #[case::bytes(&[0xff, 0x00])]
    fn any_other_payload_is_a_plain_wake_up(#[case] payload: &[u8]) {
        assert_eq!(Push::read(payload), None);
    }
}
