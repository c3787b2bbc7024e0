//! Where the system's push service reaches this device. The embedder knows it; the relay has to.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tidings_protocol::operation::Request;
use tidings_protocol::{Channel, OperationId};
use tidings_sdk_core::sync::Connection;

use crate::client::Client;
use crate::error::Error;
use crate::operations::submit;
use crate::shared::Shared;

/// The longest address, in bytes: a push subscription as JSON text.
const ADDRESS_BYTES_MAX: usize = 4_096;
/// How long the embedder may take to find the address.
const ASK_TIMEOUT: Duration = Duration::from_secs(30);

type Answer = Pin<Box<dyn Future<Output = Option<String>> + Send>>;

/// Asks the embedder for the address; none if there is none now.
#[derive(Clone)]
pub(crate) struct AskAddress(Arc<dyn Fn() -> Answer + Send + Sync>);

impl fmt::Debug for AskAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskAddress(…)")
    }
}

impl AskAddress {
    pub(crate) fn new<F, R>(ask: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Option<String>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(ask())))
    }
}

impl Client {
    /// Tells the relay at which address the system's push service reaches this device: a push subscription as JSON
    /// text, or what the provider calls a token as `fcm:TOKEN` or `apns:TOKEN`. From then on it is this recipient's and nobody else's in the project.
    ///
    /// # Errors
    /// As [`Client::mark_read`]; [`Error::Invalid`] if it is empty or longer than 4,096 bytes.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn set_push_address(&self, address: impl Into<String> + Send) -> Result<OperationId, Error> {
        submit_address(self.shared(), address.into()).await
    }
}

/// Asks once in each run, as soon as the device is signed in: before that there is nobody whose address it could be.
pub(crate) async fn tell_when_signed_in(shared: Arc<Shared>, ask: AskAddress) {
    let mut connection = shared.connection.subscribe();
    let signed_in = connection.wait_for(|now| matches!(now, Connection::Live | Connection::CatchingUp));
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => return,
        found = signed_in => if found.is_err() { return },
    }
    let asked = tokio::select! {
        biased;
        () = shared.stop.cancelled() => return,
        asked = tokio::time::timeout(ASK_TIMEOUT, (ask.0)()) => asked,
    };
    match asked {
        Ok(Some(address)) => {
            if let Err(error) = submit_address(&shared, address).await {
                tracing::warn!(%error, "the relay is not told where push reaches this device");
            }
        }
        Ok(None) => tracing::debug!("there is no push address now"),
        Err(_) => tracing::warn!("whoever was asked for the push address did not answer within 30 seconds"),
    }
}

async fn submit_address(shared: &Shared, address: String) -> Result<OperationId, Error> {
    if address.is_empty() || address.len() > ADDRESS_BYTES_MAX {
        return Err(Error::invalid("address", "a push address has 1 to 4,096 bytes"));
    }
    submit(shared, Request::Endpoint { channel: Channel::Push, address, code: None }, None).await
}
