//! One client with the threads that it runs on.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidings_sdk::{Client, Error as SdkError};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use crate::error::ClientError;

/// Threads that work on what is asked. A phone has few that are fast, and all waiting is asynchronous.
const WORKERS: usize = 2;
/// Threads that may wait for the system's names, keychains and the embedder's own code.
const BLOCKING_MAX: usize = 16;
/// How long the runtime waits for its last work after the client was closed. The client itself waits up to five seconds.
const END_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a caller waits who closes without waiting for a future.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(7);

/// The threads, until they are ended.
pub(crate) struct Threads(Mutex<Option<Runtime>>);

impl Threads {
    /// # Errors
    /// [`ClientError::Storage`] if the system gives no threads.
    pub(crate) fn start() -> Result<(Self, Handle), ClientError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .max_blocking_threads(BLOCKING_MAX)
            .thread_name("tidings")
            .enable_all()
            .build()
            .map_err(|error| ClientError::unavailable(format!("no threads to run on: {error}")))?;
        let handle = runtime.handle().clone();
        Ok((Self(Mutex::new(Some(runtime))), handle))
    }

    /// Ends the threads, each when it next waits, and tells when that is done. Whoever waits in the embedder's code for
    /// longer than a second is left behind. None if they were ended before.
    fn end(&self) -> Option<oneshot::Receiver<()>> {
        let runtime = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let (sender, ended) = oneshot::channel();
        // The last work of a runtime cannot be waited for on one of its own threads.
        let ending = std::thread::Builder::new().name("tidings-end".into()).spawn(move || {
            runtime.shutdown_timeout(END_TIMEOUT);
            // Whoever stopped waiting does not need it.
            sender.send(()).unwrap_or_default();
        });
        if let Err(error) = ending {
            tracing::debug!(%error, "the threads end by themselves");
        }
        Some(ended)
    }
}

/// A client that is open, or was.
pub(crate) struct Core {
    pub(crate) client: Client,
    pub(crate) handle: Handle,
    threads: Arc<Threads>,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Core {
    pub(crate) fn new(client: Client, handle: Handle, threads: Threads) -> Arc<Self> {
        Arc::new(Self { client, handle, threads: Arc::new(threads) })
    }

    /// Runs a call on the client's own threads. A caller that stops waiting does not stop it: it is done whole.
    pub(crate) async fn call<T, F>(&self, call: impl FnOnce(Client) -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, SdkError>> + Send + 'static,
        T: Send + 'static,
    {
        // Behind a pointer the runtime's part of it is compiled once for each kind of answer and not for each call.
        let call: Pin<Box<dyn Future<Output = Result<T, SdkError>> + Send>> =
            Box::pin(call(self.client.clone()));
        match self.handle.spawn(call).await {
            Ok(answer) => answer.map_err(ClientError::from),
            Err(ended) if ended.is_cancelled() => Err(ClientError::closed()),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Closes the client, then ends its threads. Closing again waits for nothing.
    pub(crate) async fn close(&self) {
        // Errors only mean that it is closed.
        let closed = self.handle.spawn(closing(self.client.clone()));
        if let Err(error) = closed.await {
            tracing::debug!(%error, "closed before");
        }
        if let Some(ended) = self.threads.end() {
            ended.await.unwrap_or_default();
        }
    }

    /// The same, for who cannot wait for a future. May be called on any thread.
    pub(crate) fn close_and_wait(&self) {
        let (sender, closed) = std::sync::mpsc::sync_channel(1);
        let client = self.client.clone();
        self.handle.spawn(async move {
            closing(client).await;
            if sender.send(()).is_err() {
                tracing::debug!("closed after whoever waited for it was gone");
            }
        });
        // A runtime that has ended drops what it is given, and the sender with it.
        if closed.recv_timeout(CLOSE_TIMEOUT).is_err() {
            tracing::debug!("closed before, or not in time");
        }
        // A language that unloads its code after this must not be called any more.
        if let Some(ended) = self.threads.end() {
            ended.blocking_recv().unwrap_or_default();
        }
    }
}

async fn closing(client: Client) {
    client.close().await;
}

impl Drop for Core {
    /// The net for who forgot to close: the connection ends, and what was queued is durable already.
    fn drop(&mut self) {
        let (client, threads) = (self.client.clone(), Arc::clone(&self.threads));
        // Without a reference to anything of this client, so that it ends on time whatever becomes of the work.
        self.handle.spawn(async move {
            if tokio::time::timeout(CLOSE_TIMEOUT, closing(client)).await.is_err() {
                tracing::warn!("a client that nobody closed did not end in time");
            }
            drop(threads.end());
        });
    }
}
