//! How many notifications wait to be read.

use std::sync::Arc;

use tidings_protocol::CategoryId;
use tokio::sync::watch;

use crate::error::Error;
use crate::inbox::Inbox;
use crate::shared::Shared;

impl Inbox {
    /// How many notifications are unread and not archived, in a category or in all.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn unread(&self, category: Option<&CategoryId>) -> Result<u64, Error> {
        self.shared().open()?;
        Ok(self.shared().store.unread(category).await?)
    }

    /// Follows that number.
    #[must_use]
    pub fn observe_unread(&self, category: Option<CategoryId>) -> UnreadObserver {
        let mut changes = self.shared().store.changes();
        changes.mark_changed();
        UnreadObserver { shared: Arc::clone(self.shared()), category, changes, told: None }
    }
}

/// Follows how many notifications are unread.
#[derive(Debug)]
pub struct UnreadObserver {
    shared: Arc<Shared>,
    category: Option<CategoryId>,
    changes: watch::Receiver<u64>,
    told: Option<u64>,
}

impl UnreadObserver {
    /// The number, at once at first and then whenever it is another one. None after the client was closed.
    ///
    /// # Errors
    /// [`Error::Storage`]; the next call looks again.
    ///
    /// # Cancel safety
    /// Safe: a number counts as told when it is returned.
    pub async fn next(&mut self) -> Result<Option<u64>, Error> {
        loop {
            tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => return Ok(None),
                changed = self.changes.changed() => if changed.is_err() { return Ok(None) },
            }
            match self.shared.store.unread(self.category.as_ref()).await {
                Ok(unread) if self.told == Some(unread) => {}
                Ok(unread) => {
                    self.told = Some(unread);
                    return Ok(Some(unread));
                }
                Err(error) => {
                    self.changes.mark_changed();
                    return Err(error.into());
                }
            }
        }
    }
}
