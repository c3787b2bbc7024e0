//! What is to be shown on this device. Showing itself is the embedder's.
//!
//! Each presentation is claimed in the store before it is handed out, so that a restart, or a second process on the
//! same file, does not show it again.

use std::sync::Arc;

use tidings_protocol::NotificationId;
use tidings_sdk_core::DeviceStore as _;
use tidings_sdk_core::present::{Decision, decide, next_wake};
use tidings_sdk_core::sync::Connection;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock;
use crate::error::Error;
use crate::inbox::InboxItem;
use crate::shared::Shared;

/// One thing to do on the screen.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Presentation {
    /// Show it; then call [`crate::Client::shown`].
    Show(Box<InboxItem>),
    /// Show it in the place of one that is on the screen; then call [`crate::Client::shown`].
    Update {
        /// What to show.
        item: Box<InboxItem>,
        /// Whose place it takes; its own id for another round of the same.
        replaces: NotificationId,
    },
    /// Take it off the screen: it was read, archived or retracted, or it expired.
    Withdraw(NotificationId),
    /// Many came while the device was away: say how many.
    Summary {
        /// How many.
        count: usize,
    },
}

/// What is to be shown, in order.
#[derive(Debug)]
pub struct Presentations {
    shared: Arc<Shared>,
    changes: watch::Receiver<u64>,
    connection: watch::Receiver<Connection>,
    /// A look at the screen that is under way. It is a task of its own, so that a caller who stops waiting does not
    /// lose what was claimed for it.
    look: Option<JoinHandle<Result<Looked, Error>>>,
}

#[derive(Debug)]
pub(crate) enum Looked {
    Present(Presentation),
    Nothing { wake: Option<tidings_protocol::Timestamp> },
}

impl Presentations {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let (changes, connection) = (shared.store.changes(), shared.connection.subscribe());
        Self { shared, changes, connection, look: None }
    }

    /// The next thing to do; waits for one. None after the client was closed. While the device catches up, it waits
    /// for the end, so that a pile becomes one summary.
    ///
    /// # Errors
    /// [`Error::Storage`].
    ///
    /// # Cancel safety
    /// Safe: what was claimed comes out of the next call.
    pub async fn next(&mut self) -> Result<Option<Presentation>, Error> {
        loop {
            self.changes.mark_unchanged();
            let behind = *self.connection.borrow_and_update() == Connection::CatchingUp;
            let wake = if behind && self.look.is_none() {
                None
            } else {
                if self.shared.stop.is_cancelled() && self.look.is_none() {
                    return Ok(None);
                }
                match self.look().await? {
                    Looked::Present(presentation) => return Ok(Some(presentation)),
                    Looked::Nothing { wake } => wake,
                }
            };
            let until = wake.map(clock::until);
            tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => return Ok(None),
                _ = self.changes.changed() => {}
                _ = self.connection.changed() => {}
                () = async { match until {
                    Some(time) => tokio::time::sleep(time).await,
                    None => std::future::pending().await,
                } } => {}
            }
        }
    }

    async fn look(&mut self) -> Result<Looked, Error> {
        let shared = &self.shared;
        let look = self.look.get_or_insert_with(|| {
            let shared = Arc::clone(shared);
            shared.clone().running.spawn(async move { look_once(&shared).await })
        });
        let looked = look.await;
        self.look = None;
        looked.unwrap_or(Err(Error::Closed))
    }
}

/// Looks at the screen once: settles what needs no showing and claims the first thing to do.
pub(crate) async fn look_once(shared: &Shared) -> Result<Looked, Error> {
    let store = &shared.store;
    let now = clock::now();
    let screen = store.screen().await?;
    let wake = next_wake(now, &screen.candidates, &screen.on_screen);
    for decision in decide(now, &screen.candidates, &screen.on_screen) {
        if !store.claim(&decision).await? {
            continue;
        }
        let presentation = match decision {
            Decision::Pass { .. } => continue,
            Decision::Withdraw { id } => Some(Presentation::Withdraw(id)),
            Decision::Summary { items } => Some(Presentation::Summary { count: items.len() }),
            Decision::Show { id, .. } => store.row(&id).await?.map(|item| Presentation::Show(Box::new(item))),
            Decision::Update { id, replaces, .. } => {
                let item = store.row(&id).await?;
                item.map(|item| Presentation::Update { item: Box::new(item), replaces })
            }
        };
        if let Some(presentation) = presentation {
            return Ok(Looked::Present(presentation));
        }
    }
    Ok(Looked::Nothing { wake })
}
