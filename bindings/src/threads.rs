//! The threads that clients run on. The library knows when the last of them has ended.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use crate::error::ClientError;

/// Threads that work on what is asked. A phone has few that are fast, and all waiting is asynchronous.
const WORKERS: usize = 2;
/// Threads that may wait for the system's names, keychains and the embedder's own code.
const BLOCKING_MAX: usize = 16;
/// How long the runtime waits for its last work after the client was closed. The client itself waits up to five seconds.
pub(crate) const END_TIMEOUT: Duration = Duration::from_secs(1);

struct Alive {
    runtimes: usize,
    /// No more are started.
    over: bool,
}

static ALIVE: Mutex<Alive> = Mutex::new(Alive { runtimes: 0, over: false });
static ENDED: Condvar = Condvar::new();

fn alive() -> MutexGuard<'static, Alive> {
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets no more be started.
pub(crate) fn start_no_more() {
    alive().over = true;
}

/// Waits until none runs; false if some do after that time.
pub(crate) fn wait_until_all_ended(timeout: Duration) -> bool {
    let waited = ENDED.wait_timeout_while(alive(), timeout, |alive| alive.runtimes > 0);
    !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
}

/// Counts as long as it is there.
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        alive().runtimes -= 1;
        ENDED.notify_all();
    }
}

/// The threads, until they are ended.
pub(crate) struct Threads(Mutex<Option<(Runtime, Counted)>>);

impl Threads {
    /// # Errors
    /// [`ClientError::Storage`] if the system gives no threads, [`ClientError::Closed`] if the program ends.
    pub(crate) fn start() -> Result<(Self, Handle), ClientError> {
        let counted = {
            let mut alive = alive();
            if alive.over {
                return Err(ClientError::closed());
            }
            alive.runtimes += 1;
            Counted
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .max_blocking_threads(BLOCKING_MAX)
            .thread_name("tidings")
            .enable_all()
            .build()
            .map_err(|error| ClientError::unavailable(format!("no threads to run on: {error}")))?;
        let handle = runtime.handle().clone();
        Ok((Self(Mutex::new(Some((runtime, counted)))), handle))
    }

    /// Ends the threads, each when it next waits, and tells when that is done. Whoever waits in the embedder's code for
    /// longer than a second is left behind. None if they were ended before.
    pub(crate) fn end(&self) -> Option<oneshot::Receiver<()>> {
        let (runtime, counted) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let (sender, ended) = oneshot::channel();
        // The last work of a runtime cannot be waited for on one of its own threads.
        let ending = std::thread::Builder::new().name("tidings-end".into()).spawn(move || {
            runtime.shutdown_timeout(END_TIMEOUT);
            drop(counted);
            // Whoever stopped waiting does not need it.
            sender.send(()).unwrap_or_default();
        });
        if let Err(error) = ending {
            tracing::debug!(%error, "the threads end by themselves");
        }
        Some(ended)
    }
}

impl Drop for Threads {
    /// Of a client whose opening was cancelled.
    fn drop(&mut self) {
        drop(self.end());
    }
}
