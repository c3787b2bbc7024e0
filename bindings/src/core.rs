//! One client with the threads that it runs on.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tidings_sdk::{Client, Error as SdkError};
use tokio::runtime::Handle;

use crate::error::ClientError;
use crate::threads::{END_TIMEOUT, Threads};
use crate::{border, log, threads};

/// How long a caller waits who closes without waiting for a future.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(7);

/// How long a language that ends waits for its own functions to come back. One that has not by then may never: it is left
/// where it is, on a thread that stays there, so that one function without an end does not hold up the end of the program.
const COME_BACK_TIMEOUT: Duration = Duration::from_secs(2);

/// Those that may be open, for whoever ends all of them.
static OPEN: Mutex<Vec<Weak<Core>>> = Mutex::new(Vec::new());

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
        let core = Arc::new(Self { client, handle, threads: Arc::new(threads) });
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|core| core.strong_count() > 0);
        open.push(Arc::downgrade(&core));
        core
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
        wait_until_closed(&self.begin_to_close(), CLOSE_TIMEOUT);
        if let Some(ended) = self.threads.end() {
            ended.blocking_recv().unwrap_or_default();
        }
    }

    fn begin_to_close(&self) -> Receiver<()> {
        let (sender, closed) = sync_channel(1);
        let client = self.client.clone();
        // A runtime that has ended drops what it is given, and the sender with it.
        self.handle.spawn(async move {
            closing(client).await;
            if sender.send(()).is_err() {
                tracing::debug!("closed after whoever waited for it was gone");
            }
        });
        closed
    }
}

fn wait_until_closed(closed: &Receiver<()>, timeout: Duration) {
    if closed.recv_timeout(timeout).is_err() {
        tracing::debug!("closed before, or not in time");
    }
}

/// For a language that takes its code with it when it ends: closes all clients and ends all threads. From the first moment
/// nothing foreign is called any more, and it stays so: nothing can be opened after it. Returns when all that is done and
/// whoever was in foreign code has left it. A function that does not come back is waited for two seconds, and the client's
/// own work on a slow disk eight at the latest.
#[uniffi::export]
pub fn end_for_good() {
    let began = Instant::now();
    let left = || CLOSE_TIMEOUT.saturating_sub(began.elapsed());
    border::close();
    threads::start_no_more();
    let open = std::mem::take(&mut *OPEN.lock().unwrap_or_else(PoisonError::into_inner));
    let open: Vec<Arc<Core>> = open.iter().filter_map(Weak::upgrade).collect();
    let closing: Vec<_> = open.iter().map(|core| core.begin_to_close()).collect();
    // Its lines are let go already; the one that is being written is waited for.
    log::set_log_sink(None, log::LogLevel::Error);
    for (core, closed) in open.iter().zip(&closing) {
        wait_until_closed(closed, left());
        drop(core.threads.end());
    }
    // Those that were dropped a moment ago are being closed as well, and end their threads by themselves.
    let ended = threads::wait_until_all_ended(left() + END_TIMEOUT);
    let came_back = border::wait_until_all_came_back(COME_BACK_TIMEOUT.saturating_sub(began.elapsed()));
    if !ended || !came_back {
        tracing::debug!("some threads are left behind");
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
