//! What the recipient does with a notification. Every call is durable when it returns; the relay hears of it when
//! there is a network, once in effect.

use std::sync::Arc;

use tidings_protocol::operation::{Feedback, Operation, Request};
use tidings_protocol::{CategoryId, DeviceReceipt, NotificationId, OperationId, Timestamp};
use tidings_sdk_core::DeviceStore as _;

use crate::client::Client;
use crate::error::Error;
use crate::inbox::ReadMark;
use crate::shared::Shared;

/// An operation that the relay has not answered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PendingOperation {
    /// Its id.
    pub id: OperationId,
    /// When it was asked for, by the device's estimate of the relay's time.
    pub at: Option<Timestamp>,
    /// What is asked.
    pub request: Request,
}

/// An operation that the relay will never take. What it assumed was put back.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RefusedOperation {
    /// Its id.
    pub id: OperationId,
    /// What was asked.
    pub request: Request,
    /// Why, as a stable word.
    pub code: String,
    /// Why, as a sentence.
    pub detail: String,
    /// The true value as JSON, if the relay sent it.
    pub value: Option<String>,
}

impl Client {
    /// Marks a notification as read.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Closed`]; [`Error::Refused`] with `outbox_full` at 10,000 waiting operations.
    ///
    /// # Cancel safety
    /// Safe: the operation is queued whole or not at all. The same holds for every call of this kind.
    pub async fn mark_read(&self, id: &NotificationId) -> Result<OperationId, Error> {
        self.mark(id, Some(true), None, None).await
    }

    /// Marks a notification as unread again.
    ///
    /// # Errors
    /// As [`Self::mark_read`].
    pub async fn mark_unread(&self, id: &NotificationId) -> Result<OperationId, Error> {
        self.mark(id, Some(false), None, None).await
    }

    /// Marks everything as read up to a mark, which a page carries; without one, everything that is on this device.
    ///
    /// # Errors
    /// As [`Self::mark_read`]; [`Error::Invalid`] before the first sync, when there is nothing to mark.
    pub async fn mark_all_read(
        &self,
        before: Option<ReadMark>,
        category: Option<CategoryId>,
    ) -> Result<OperationId, Error> {
        self.open()?;
        let (cursor, page) = match before {
            Some(mark) => (Some(mark.cursor), mark.page),
            None => self.shared().store.place().await?,
        };
        let cursor = cursor.ok_or_else(|| Error::invalid("before", "nothing was received yet"))?;
        submit(self.shared(), Request::ReadUpTo { cursor, category }, Some(page)).await
    }

    /// Takes a notification out of the inbox.
    ///
    /// # Errors
    /// As [`Self::mark_read`].
    pub async fn archive(&self, id: &NotificationId) -> Result<OperationId, Error> {
        self.mark(id, None, Some(true), None).await
    }

    /// Puts a notification back into the inbox.
    ///
    /// # Errors
    /// As [`Self::mark_read`].
    pub async fn unarchive(&self, id: &NotificationId) -> Result<OperationId, Error> {
        self.mark(id, None, Some(false), None).await
    }

    /// Lets a notification sleep; it is shown again at `until`. A time that has passed wakes it.
    ///
    /// # Errors
    /// As [`Self::mark_read`].
    pub async fn snooze(&self, id: &NotificationId, until: Timestamp) -> Result<OperationId, Error> {
        self.mark(id, None, None, Some(until)).await
    }

    /// Confirms a notification to its sender.
    ///
    /// # Errors
    /// As [`Self::mark_read`].
    pub async fn acknowledge(&self, id: &NotificationId) -> Result<OperationId, Error> {
        self.receipt(id, DeviceReceipt::Acknowledged, None).await
    }

    /// One of the notification's actions was chosen.
    ///
    /// # Errors
    /// As [`Self::mark_read`]; [`Error::Invalid`] if the notification is here and has no such action.
    pub async fn act(&self, id: &NotificationId, action: &str) -> Result<OperationId, Error> {
        self.open()?;
        if let Some(item) = self.shared().store.row(id).await?
            && !item.content.actions.iter().any(|known| known.id == action)
        {
            return Err(Error::invalid("action", "the notification has no such action"));
        }
        self.receipt(id, DeviceReceipt::Acted, Some(action.to_owned())).await
    }

    /// The notification's link was followed.
    ///
    /// # Errors
    /// As [`Self::mark_read`].
    pub async fn clicked(&self, id: &NotificationId) -> Result<OperationId, Error> {
        self.receipt(id, DeviceReceipt::Clicked, None).await
    }

    /// The notification was swept off the screen.
    ///
    /// # Errors
    /// As [`Self::mark_read`].
    pub async fn dismissed(&self, id: &NotificationId) -> Result<OperationId, Error> {
        self.receipt(id, DeviceReceipt::Dismissed, None).await
    }

    /// The system showed the notification: the answer to [`crate::Presentation::Show`].
    ///
    /// # Errors
    /// As [`Self::mark_read`].
    pub async fn shown(&self, id: &NotificationId) -> Result<OperationId, Error> {
        self.receipt(id, DeviceReceipt::Displayed, None).await
    }

    /// Says whether a notification was of use.
    ///
    /// # Errors
    /// As [`Self::mark_read`].
    pub async fn feedback(&self, id: &NotificationId, value: Feedback) -> Result<OperationId, Error> {
        submit(self.shared(), Request::Feedback { notification: id.clone(), value }, None).await
    }

    /// The operations that the relay has not answered, or whose effect has not come down yet, oldest first.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn pending(&self) -> Result<Vec<PendingOperation>, Error> {
        self.open()?;
        let pending = self.shared().store.queued_after(0).await?;
        Ok(pending
            .into_iter()
            .map(|queued| queued.operation)
            .map(|Operation { id, at, request }| PendingOperation { id, at, request })
            .collect())
    }

    /// What the relay refused for good. Several may be taken; each refusal comes out of one of them.
    #[must_use]
    pub fn refused(&self) -> RefusedOperations {
        let mut changes = self.shared().store.changes();
        changes.mark_changed();
        RefusedOperations { shared: Arc::clone(self.shared()), changes }
    }

    async fn mark(
        &self,
        id: &NotificationId,
        read: Option<bool>,
        archived: Option<bool>,
        snoozed_until: Option<Timestamp>,
    ) -> Result<OperationId, Error> {
        let request = Request::Mark { notification: id.clone(), read, archived, snoozed_until };
        submit(self.shared(), request, None).await
    }

    async fn receipt(
        &self,
        id: &NotificationId,
        receipt: DeviceReceipt,
        action: Option<String>,
    ) -> Result<OperationId, Error> {
        let request = Request::Receipt { notification: id.clone(), receipt, action };
        submit(self.shared(), request, None).await
    }
}

/// Refusals, oldest first.
#[derive(Debug)]
pub struct RefusedOperations {
    shared: Arc<Shared>,
    changes: tokio::sync::watch::Receiver<u64>,
}

impl RefusedOperations {
    /// The next refusal; waits for one. None after the client was closed.
    ///
    /// # Errors
    /// [`Error::Storage`].
    ///
    /// # Cancel safety
    /// A refusal that is being taken out when the call is dropped may be lost; the state it stood for was put back
    /// before.
    pub async fn next(&mut self) -> Result<Option<RefusedOperation>, Error> {
        loop {
            tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => return Ok(None),
                changed = self.changes.changed() => if changed.is_err() { return Ok(None) },
            }
            while let Some(row) = self.shared.store.next_refused().await? {
                if self.shared.store.take_refused(row.number).await? {
                    self.changes.mark_changed();
                    let Operation { id, request, .. } = row.operation;
                    let (code, detail, value) = (row.code, row.detail, row.value);
                    return Ok(Some(RefusedOperation { id, request, code, detail, value }));
                }
            }
        }
    }
}

/// Queues an operation and wakes the engine.
pub(crate) async fn submit(
    shared: &Shared,
    request: Request,
    page: Option<u64>,
) -> Result<OperationId, Error> {
    shared.open()?;
    let id: OperationId = uuid::Uuid::now_v7().into();
    let operation = Operation { id: id.clone(), at: Some(shared.relay_time()), request };
    let queued = match page {
        None => shared.store.queue(&operation).await?,
        Some(page) => shared.store.queue_as_of(&operation, page).await?,
    };
    if queued.is_none() {
        return Err(Error::Refused {
            code: "outbox_full".into(),
            detail: tidings_sdk_core::OutboxFull.to_string(),
        });
    }
    shared.queued.notify_one();
    Ok(id)
}
