//! Opens the folder: lock, settings of the connections, migrations, and the question whether history was cut.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Row, SqliteConnection};
use tidings_core::ports::StoreError;
use tokio::sync::Mutex;

use super::cells::Cells;
use super::checkpoint::{Checkpoints, WAITS_FOR_READERS};
use super::error::meaning;
use super::kept::Kept;
use super::progress::{self, Progress};
use super::readers::Readers;
use super::statements::keep::{LAST_BATCH, META, NEW_EPOCHS, SET_META};
use super::{Shared, SqliteStore, Writer, run};
use crate::erasure::ErasureKey;

/// The numbered steps of the schema, in order. One that was released is never changed.
pub(super) const MIGRATIONS: [&str; 12] = [
    include_str!("../../migrations/sqlite/0001_tables.sql"),
    include_str!("../../migrations/sqlite/0002_refresh_families.sql"),
    include_str!("../../migrations/sqlite/0003_retention_and_responses.sql"),
    include_str!("../../migrations/sqlite/0004_watermark_stamps.sql"),
    include_str!("../../migrations/sqlite/0005_words.sql"),
    include_str!("../../migrations/sqlite/0006_handovers.sql"),
    include_str!("../../migrations/sqlite/0007_hooks.sql"),
    include_str!("../../migrations/sqlite/0008_fewer_pages.sql"),
    include_str!("../../migrations/sqlite/0009_servers.sql"),
    include_str!("../../migrations/sqlite/0010_same_addresses.sql"),
    include_str!("../../migrations/sqlite/0011_learned.sql"),
    include_str!("../../migrations/sqlite/0012_conversions.sql"),
];
/// How long a connection waits for another one's lock. Only checkpoints and a backup beside the relay hold one.
const BUSY: Duration = Duration::from_secs(5);
/// The writer's cache, in KiB with SQLite's minus: 8 MiB. Four times as much made writing one percent faster.
const WRITER_CACHE: &str = "-8192";
/// A reader's cache: 2 MiB. A commit empties it, and what many devices read has little in common.
const READER_CACHE: &str = "-2048";
/// Statements that a connection keeps prepared: all that there are.
const STATEMENTS_KEPT: usize = 256;

/// Rows that SQLite's thread hands over before it waits for them to be taken: a page of changes and what stands beside it.
/// With a shorter queue two threads wake each other in the middle of it.
const ROWS_READ_AHEAD: usize = 512;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The key under which erased recipients are remembered.
    pub erasure: ErasureKey,
    /// Random; names the history of every inbox if the database turns out to be a restored backup.
    pub epoch: u32,
    /// Connections that read.
    pub readers: u32,
    /// How long a transaction waits for the one before.
    pub wait: Duration,
}

impl SqliteOptions {
    /// Four readers, ten seconds of waiting.
    #[must_use]
    pub const fn new(erasure: ErasureKey, epoch: u32) -> Self {
        Self { erasure, epoch, readers: 4, wait: Duration::from_secs(10) }
    }
}

/// Why a store could not be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it cannot be made or written.
    #[error("the data folder {} cannot be written: give the relay's account write access to it", .folder.display())]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The database can be read but not written.
    #[error("the database in {} is read-only: give the relay's account write access to it", .folder.display())]
    ReadOnly {
        /// Which folder.
        folder: PathBuf,
    },
    /// Another relay has the folder.
    #[error("another relay uses the data folder {}: stop it, or name another folder", .folder.display())]
    InUse {
        /// Which folder.
        folder: PathBuf,
    },
    /// The folder has had a database, and has none.
    #[error(
        "the database of {} is gone: put tidings.sqlite3 back, from a backup or from the disk that is not mounted; to \
         begin with nothing, name an empty folder",
        .folder.display()
    )]
    Gone {
        /// Which folder.
        folder: PathBuf,
    },
    /// The file is no database, or a damaged one.
    #[error("the database in {} is damaged: put it aside and restore a backup ({detail})", .folder.display())]
    Damaged {
        /// Which folder.
        folder: PathBuf,
        /// What could not be read.
        detail: String,
    },
    /// A later version wrote it.
    #[error(
        "the database has version {found} and this relay knows versions up to {known}: run the later relay"
    )]
    Newer {
        /// The version of the database.
        found: usize,
        /// The latest version that is known.
        known: usize,
    },
    /// A setting did not take.
    #[error("the database does not keep its promise: {setting} is {value}")]
    Unsafe {
        /// Which setting.
        setting: &'static str,
        /// What it is.
        value: i64,
    },
    /// Anything else.
    #[error("the database could not be opened")]
    Store(#[from] StoreError),
}

impl SqliteStore {
    /// Opens the store of a folder, or makes it.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open(folder: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        let lock = lock(folder)?;
        // An empty relay in the place of a full one would take what is meant for it, and forget who agreed to what.
        if progress::read(folder).starts > 0 && !database_path(folder).exists() {
            return Err(OpenError::Gone { folder: folder.to_owned() });
        }
        let connect = connect_options(folder);
        let fail = |error| explain(error, folder);
        let mut connection = connect.connect().await.map_err(meaning).map_err(fail)?;
        assert_settings(&mut connection).await?;
        migrate(&mut connection, folder).await?;
        count_start(&mut connection, folder, options.epoch).await?;
        let reading = connect.clone().pragma("query_only", "ON").pragma("cache_size", READER_CACHE);
        let readers = Readers::new(reading, options.readers.max(1), options.wait);
        let checkpointer = connect.busy_timeout(WAITS_FOR_READERS).pragma("cache_size", READER_CACHE);
        let checkpointer = checkpointer.connect().await.map_err(meaning).map_err(fail)?;
        Ok(Self::of(connection, readers, checkpointer, folder, options, lock))
    }

    fn of(
        connection: SqliteConnection,
        readers: Readers,
        checkpointer: SqliteConnection,
        folder: &Path,
        options: SqliteOptions,
        lock: File,
    ) -> Self {
        let readers = Arc::new(readers);
        let writer =
            Arc::new(Mutex::new(Writer { connection, open: false, before: None, kept: Kept::default() }));
        let shared = Shared {
            writer: Arc::clone(&writer),
            readers: Arc::clone(&readers),
            checkpoints: Checkpoints::begin(checkpointer, writer, readers, folder.to_owned()),
            erasure: options.erasure,
            folder: folder.to_owned(),
            wait: options.wait,
            lost: AtomicBool::new(false),
            _lock: lock,
        };
        Self { shared: Arc::new(shared) }
    }
}

fn database_path(folder: &Path) -> PathBuf {
    folder.join("tidings.sqlite3")
}

fn connect_options(folder: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(database_path(folder))
        .create_if_missing(true)
        // Readers beside the writer, and one fsync a commit.
        .journal_mode(SqliteJournalMode::Wal)
        // What was answered survives a power cut.
        .synchronous(SqliteSynchronous::Full)
        // On macOS fsync alone does not reach the disk.
        .pragma("fullfsync", "1")
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .page_size(4096)
        .pragma("cache_size", WRITER_CACHE)
        .pragma("temp_store", "MEMORY")
        // Checkpoints have a task of their own.
        .pragma("wal_autocheckpoint", "0")
        .statement_cache_capacity(STATEMENTS_KEPT)
        .row_buffer_size(ROWS_READ_AHEAD)
        .disable_statement_logging()
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let fail = |source| OpenError::Folder { folder: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(fail)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join("lock"))
        .map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(fail(error)),
    }
}

/// Says what an error at the opening means.
fn explain(error: StoreError, folder: &Path) -> OpenError {
    let folder = folder.to_owned();
    match error {
        StoreError::Damaged { detail } => OpenError::Damaged { folder, detail },
        StoreError::Unavailable(source) => {
            let code =
                source.downcast_ref::<sqlx::Error>().and_then(|error| error.as_database_error()?.code());
            // SQLITE_READONLY and what begins with it.
            let code = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
            match code {
                Some(8) => OpenError::ReadOnly { folder },
                Some(14) => OpenError::Folder { folder, source: io::Error::other(source) },
                Some(_) | None => OpenError::Store(StoreError::Unavailable(source)),
            }
        }
        error @ (StoreError::Data { .. } | StoreError::Full | StoreError::Lost) => OpenError::Store(error),
    }
}

/// Refuses to run with less than was asked for: a file system without shared memory has no write-ahead log, and a
/// build may ignore `synchronous`.
async fn assert_settings(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    for (setting, sql, expected) in [
        ("synchronous", "PRAGMA synchronous", 2),
        ("foreign_keys", "PRAGMA foreign_keys", 1),
        ("wal_autocheckpoint", "PRAGMA wal_autocheckpoint", 0),
    ] {
        let row = sqlx::query(sql).fetch_one(&mut *connection).await.map_err(meaning)?;
        let value: i64 = row.try_get(0).map_err(meaning)?;
        if value != expected {
            return Err(OpenError::Unsafe { setting, value });
        }
    }
    let row = sqlx::query("PRAGMA journal_mode").fetch_one(&mut *connection).await.map_err(meaning)?;
    let mode: String = row.try_get(0).map_err(meaning)?;
    if mode == "wal" { Ok(()) } else { Err(OpenError::Unsafe { setting: "journal_mode", value: 0 }) }
}

async fn migrate(connection: &mut SqliteConnection, folder: &Path) -> Result<(), OpenError> {
    let fail = |error| explain(meaning(error), folder);
    let row = sqlx::query("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(fail)?;
    let found: usize = Cells::of(&row).number()?;
    if found > MIGRATIONS.len() {
        return Err(OpenError::Newer { found, known: MIGRATIONS.len() });
    }
    for (number, sql) in (1..).zip(MIGRATIONS).skip(found) {
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await.map_err(fail)?;
        sqlx::raw_sql(sql).execute(&mut *connection).await.map_err(fail)?;
        // A pragma takes no parameters; the number is ours.
        let version = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {number}"));
        sqlx::raw_sql(version).execute(&mut *connection).await.map_err(fail)?;
        sqlx::raw_sql("COMMIT").execute(&mut *connection).await.map_err(fail)?;
    }
    Ok(())
}

/// Counts this start in the database and beside it. A database whose progress is not told by the file beside it, written
/// in this very folder, is a restored backup: what devices hold may be ahead of it, so every inbox gets another epoch.
async fn count_start(connection: &mut SqliteConnection, folder: &Path, epoch: u32) -> Result<(), OpenError> {
    let Progress { starts, batches, is_original } = progress::read(folder);
    let row = sqlx::query(META).bind("starts").fetch_optional(&mut *connection).await.map_err(meaning)?;
    let counted: i64 = row.map_or(Ok(0), |row| Cells::of(&row).cell())?;
    let last = last_batch(connection).await?;
    run(connection, "BEGIN IMMEDIATE").await?;
    if counted < starts || last < batches || (counted > 0 && !is_original) {
        tracing::warn!(counted, starts, last, batches, is_original, "the database is a restored copy");
        sqlx::query(NEW_EPOCHS).bind(i64::from(epoch)).execute(&mut *connection).await.map_err(meaning)?;
    }
    let start = counted.max(starts) + 1;
    sqlx::query(SET_META).bind("starts").bind(start).execute(&mut *connection).await.map_err(meaning)?;
    run(connection, "COMMIT").await?;
    progress::write(folder, start, last)
        .map_err(|source| OpenError::Folder { folder: folder.to_owned(), source })
}

async fn last_batch(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let row = sqlx::query(LAST_BATCH).fetch_one(connection).await.map_err(meaning)?;
    Cells::of(&row).cell()
}

/// Notes beside the database how far it came.
pub(super) async fn note_progress(
    connection: &mut SqliteConnection,
    folder: &Path,
) -> Result<(), StoreError> {
    let noted = progress::read(folder);
    let last = last_batch(connection).await?;
    if last > noted.batches {
        progress::write(folder, noted.starts, last)
            .map_err(|error| StoreError::Unavailable(Box::new(error)))?;
    }
    Ok(())
}
