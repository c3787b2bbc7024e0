//! The connections that read: a few, each of one reader at a time.
//!
//! A pool asks each connection whether it is alive when it comes back, which is a turn of two threads; a connection to a file
//! of this machine can't go away.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tidings_core::ports::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::meaning;
use super::rest::EMPTY_CACHE;
use super::run;

/// The connections that read.
pub(super) struct Readers {
    options: SqliteConnectOptions,
    places: Arc<Semaphore>,
    count: u32,
    /// How long a reader waits for a place.
    wait: Duration,
    idle: Idle,
}

/// Connections that nobody has; the one that was used last is taken first.
type Idle = Arc<Mutex<Vec<SqliteConnection>>>;

/// A connection, which goes back when it is dropped.
pub(super) struct Reader {
    /// There until it is given up.
    connection: Option<SqliteConnection>,
    idle: Idle,
    _place: OwnedSemaphorePermit,
}

impl Readers {
    /// So many at most, each opened when it is needed first.
    pub(super) fn new(options: SqliteConnectOptions, count: u32, wait: Duration) -> Self {
        let places = Arc::new(Semaphore::new(usize::try_from(count).unwrap_or(Semaphore::MAX_PERMITS)));
        Self { options, places, count, wait, idle: Idle::default() }
    }

    /// A connection, once one is free.
    pub(super) async fn acquire(&self) -> Result<Reader, StoreError> {
        let place = tokio::time::timeout(self.wait, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|elapsed| StoreError::Unavailable(Box::new(elapsed)))?;
        let place = place.map_err(|closed| StoreError::Unavailable(Box::new(closed)))?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.options.connect().await.map_err(meaning)?,
        };
        Ok(Reader { connection: Some(connection), idle: Arc::clone(&self.idle), _place: place })
    }

    /// Empties the caches of all connections, unless somebody reads; answers of how many.
    pub(super) async fn empty_caches(&self) -> usize {
        let Ok(all) = self.places.try_acquire_many(self.count) else { return 0 };
        let mut idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        let mut emptied = 0;
        for connection in &mut idle {
            match run(connection, EMPTY_CACHE).await {
                Ok(()) => emptied += 1,
                Err(error) => tracing::debug!(%error, "a reader's cache could not be emptied"),
            }
        }
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = idle;
        drop(all);
        emptied
    }

    /// Waits for all readers and closes their connections.
    pub(super) async fn close(&self) {
        let all = self.places.acquire_many(self.count).await;
        self.places.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for connection in idle {
            if let Err(error) = connection.close().await {
                tracing::debug!(error = %error, "a reader could not be closed");
            }
        }
    }
}

impl Reader {
    /// Closes the connection instead of giving it back.
    pub(super) fn give_up(&mut self) {
        self.connection = None;
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.connection.take());
    }
}

impl Deref for Reader {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.connection.as_ref().expect("it is there until it is given up")
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.connection.as_mut().expect("it is there until it is given up")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readers(folder: &tempfile::TempDir) -> Readers {
        let options = SqliteConnectOptions::new().filename(folder.path().join("db")).create_if_missing(true);
        Readers::new(options, 2, Duration::from_millis(50))
    }

    #[tokio::test]
    async fn there_are_so_many_and_one_comes_back_as_it_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let readers = readers(&folder);
        let mut first = readers.acquire().await.unwrap();
        run(&mut first, "BEGIN").await.unwrap();
        let second = readers.acquire().await.unwrap();
        assert!(matches!(readers.acquire().await.err(), Some(StoreError::Unavailable(_))));
        drop(first);
        let mut again = readers.acquire().await.unwrap();
        run(&mut again, "BEGIN").await.expect_err("it is the same, and its transaction is open");
        again.give_up();
        drop(again);
        run(&mut readers.acquire().await.unwrap(), "BEGIN").await.expect("another one");
        assert_eq!(readers.empty_caches().await, 0, "somebody reads");
        drop(second);
        assert_eq!(readers.empty_caches().await, 2);
        assert_eq!(readers.idle.lock().unwrap().len(), 2, "they are there again");
        readers.close().await;
        assert!(readers.acquire().await.is_err());
        assert!(readers.idle.lock().unwrap().is_empty());
    }
}
