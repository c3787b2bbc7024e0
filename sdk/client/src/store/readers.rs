//! The connections that read: a few, each of one reader at a time.
//!
//! A pool asks each connection whether it is alive when it comes back, which is a turn of two threads; a connection to
//! a file of this device can't go away. It also remembers what a pool's could not: how many notifications are unread.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tidings_protocol::CategoryId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::StoreError;

/// Lists, a search and a count at the same time.
const READERS_MAX: u32 = 4;
/// How long a reader waits for a connection.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// The connections that read. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    options: Arc<SqliteConnectOptions>,
    places: Arc<Semaphore>,
    idle: Idle,
}

/// Connections that nobody has; the one that was used last is taken first.
type Idle = Arc<Mutex<Vec<Reading>>>;

/// A connection and what it has counted.
#[derive(Debug)]
struct Reading {
    connection: SqliteConnection,
    unread: Option<UnreadCount>,
}

/// How many notifications were unread when the file had this version; versions are those of one connection.
#[derive(Debug)]
pub(super) struct UnreadCount {
    pub(super) version: i64,
    pub(super) category: Option<CategoryId>,
    pub(super) count: i64,
}

/// A connection, which goes back when it is dropped.
#[derive(Debug)]
pub(super) struct Reader {
    reading: Option<Reading>,
    idle: Idle,
    _place: OwnedSemaphorePermit,
}

impl Readers {
    /// Each connection is opened when it is needed first.
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        let places = usize::try_from(READERS_MAX).unwrap_or(Semaphore::MAX_PERMITS);
        Self { options: Arc::new(options), places: Arc::new(Semaphore::new(places)), idle: Idle::default() }
    }

    /// A connection, once one is free.
    pub(super) async fn acquire(&self) -> Result<Reader, StoreError> {
        let place = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reading = match idle {
            Some(reading) => reading,
            None => Reading { connection: self.options.connect().await?, unread: None },
        };
        Ok(Reader { reading: Some(reading), idle: Arc::clone(&self.idle), _place: place })
    }

    /// Waits for all readers and ends their connections.
    pub(super) async fn close(&self) {
        let all = self.places.acquire_many(READERS_MAX).await;
        self.places.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for reading in idle {
            if let Err(error) = reading.connection.close().await {
                tracing::debug!(%error, "a reader of the inbox file could not be closed");
            }
        }
    }
}

impl Reader {
    /// What this connection has counted.
    pub(super) fn counted(&mut self) -> &mut Option<UnreadCount> {
        &mut self.reading.as_mut().expect("it is there until it is dropped").unread
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.reading.take());
    }
}

impl Deref for Reader {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.reading.as_ref().expect("it is there until it is dropped").connection
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.reading.as_mut().expect("it is there until it is dropped").connection
    }
}
