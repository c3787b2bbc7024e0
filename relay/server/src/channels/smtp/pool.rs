//! Connections that wait for the next mail.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::client::AsyncSmtpConnection;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Connections to one mail server at a time: what servers allow one client without being asked (Postfix: 50).
pub(super) const CONNECTIONS_MAX: usize = 8;
/// How long an unused connection is kept: servers close theirs after five minutes at the earliest (RFC 5321, section
/// 4.5.3.2.7), many of them sooner.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Mails over one connection: some servers slow down or close after a hundred.
pub(super) const MAILS_MAX: u32 = 100;

/// A connection that waits.
pub(super) struct Idle {
    pub(super) connection: AsyncSmtpConnection,
    /// Mails that it carried.
    pub(super) used: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Pool {
    places: Semaphore,
    idle: Mutex<Vec<Waiting>>,
}

struct Waiting {
    idle: Idle,
    since: Instant,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("since", &self.since).finish_non_exhaustive()
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self { places: Semaphore::new(CONNECTIONS_MAX), idle: Mutex::default() }
    }
}

impl Pool {
    /// Waits until a connection may be used.
    ///
    /// # Cancel safety
    /// It can be dropped at any time.
    pub(super) async fn place(&self) -> SemaphorePermit<'_> {
        self.places.acquire().await.expect("it is never closed")
    }

    /// A connection that waits, the one that was used last.
    pub(super) fn take(&self) -> Option<Idle> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|waiting| waiting.since.elapsed() < IDLE_MAX);
        idle.pop().map(|waiting| waiting.idle)
    }

    /// Keeps a connection for the next mail.
    pub(super) fn keep(&self, idle: Idle) {
        if idle.used >= MAILS_MAX || idle.connection.has_broken() {
            return;
        }
        let mut kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < CONNECTIONS_MAX {
            kept.push(Waiting { idle, since: Instant::now() });
        }
    }
}
