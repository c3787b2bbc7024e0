//! One account on one device.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tidings_protocol::{DeviceId, ProjectId, RecipientId};
use tidings_sdk_core::sync::Connection;
use tidings_sdk_core::{Completeness, DeviceStore as _};

use crate::builder::ClientBuilder;
use crate::error::Error;
use crate::inbox::Inbox;
use crate::presentations::Presentations;
use crate::shared::{Call, Shared};
use crate::watch::Watch;

/// How long [`Client::close`] waits for what is under way.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// One account on one device: it stays connected, stores, and sends what it is asked to. Clones are the same client;
/// when the last one is dropped it closes by itself.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    set_aside: Option<PathBuf>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.running.close();
    }
}

/// What stays on the device after signing out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOut {
    /// The inbox stays readable; the outbox is sent after the next sign-in of the same recipient.
    Keep,
    /// Everything of the account is deleted.
    Wipe,
}

impl Client {
    /// Begins to describe a client of the relay at `relay_url` (`http://` or `https://`), with its file in `folder`.
    pub fn builder(relay_url: impl Into<String>, folder: impl Into<PathBuf>) -> ClientBuilder {
        ClientBuilder::new(relay_url.into(), folder.into())
    }

    pub(crate) fn new(shared: Arc<Shared>, set_aside: Option<PathBuf>) -> Self {
        Self { inner: Arc::new(Inner { shared, set_aside }) }
    }

    /// How the device stands with the relay.
    #[must_use]
    pub fn connection(&self) -> Watch<Connection> {
        Watch::new(self.shared().connection.subscribe())
    }

    /// Whether the device knows everything that the relay has for it.
    #[must_use]
    pub fn completeness(&self) -> Watch<Completeness> {
        Watch::new(self.shared().completeness.subscribe())
    }

    /// The notifications on this device.
    #[must_use]
    pub fn inbox(&self) -> Inbox {
        Inbox::new(Arc::clone(&self.inner.shared))
    }

    /// What is to be shown, withdrawn or summed up on this device. Several may be taken; each presentation comes out
    /// of one of them.
    #[must_use]
    pub fn presentations(&self) -> Presentations {
        Presentations::new(Arc::clone(&self.inner.shared))
    }

    /// Where a damaged file was put when the client was built, if there was one. The inbox is fetched again; the
    /// credentials and the operations that waited are carried over as far as they could be read.
    #[must_use]
    pub fn set_aside(&self) -> Option<&Path> {
        self.inner.set_aside.as_deref()
    }

    /// The id under which the relay knows this device.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn device(&self) -> Result<DeviceId, Error> {
        self.open()?;
        Ok(self.shared().store.load().await?.identity.device)
    }

    /// The project and the recipient whose inbox this is; none before the first sign-in.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn owner(&self) -> Result<Option<(ProjectId, RecipientId)>, Error> {
        self.open()?;
        let owner = self.shared().store.owner().await?;
        Ok(owner.and_then(|(project, recipient)| {
            Some((ProjectId::new(project).ok()?, RecipientId::new(recipient).ok()?))
        }))
    }

    /// The network may be back: tries at once if the next try is some time away.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn network_changed(&self) {
        self.shared().tell_engine(Call::TryNow).await;
    }

    /// Ends the connection and forgets the credentials.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Safe; signing out again finishes what was begun.
    pub async fn sign_out(&self, what: SignOut) -> Result<(), Error> {
        self.open()?;
        let shared = self.shared();
        match what {
            SignOut::Keep => shared.store.forget_credentials().await?,
            SignOut::Wipe => shared.store.wipe().await?,
        }
        shared.remember_token(None);
        shared.tell_engine(Call::SignedOut).await;
        Ok(())
    }

    /// Ends everything; calls after it return [`Error::Closed`]. Closing again does nothing.
    ///
    /// # Cancel safety
    /// Safe; what is under way ends by itself.
    pub async fn close(&self) {
        let shared = self.shared();
        shared.stop.cancel();
        shared.running.close();
        if tokio::time::timeout(CLOSE_TIMEOUT, shared.running.wait()).await.is_err() {
            tracing::warn!("something did not end in time; the file is whole all the same");
        }
        shared.store.close().await;
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    pub(crate) fn open(&self) -> Result<(), Error> {
        self.inner.shared.open()
    }
}
