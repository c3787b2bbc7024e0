//! A device's database without a device: rows of the same size, inserted in the same groups, with the same durability.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection};

use crate::blocks::{OwnMeter, Used};

/// Bytes of what a notification says, sealed.
const SEALED_BYTES: usize = 400;
/// Rows of one statement, as many as the SDK inserts at once: a limit does not execute a statement for each row.
const ROWS_PER_INSERT: u64 = 100;
const SCHEMA: &str =
    "CREATE TABLE items (id TEXT PRIMARY KEY, category TEXT NOT NULL, created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, read INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT;
    CREATE INDEX items_order ON items (created_at, id);";

/// The client's own schema, step by step.
const CLIENT_SCHEMA: [&str; 6] = [
    include_str!("../../../../sdk/client/migrations/0001_inbox.sql"),
    include_str!("../../../../sdk/client/migrations/0002_places.sql"),
    include_str!("../../../../sdk/client/migrations/0003_words.sql"),
    include_str!("../../../../sdk/client/migrations/0004_columns.sql"),
    include_str!("../../../../sdk/client/migrations/0005_foretold.sql"),
    include_str!("../../../../sdk/client/migrations/0006_forms.sql"),
];

/// Which columns and indexes the rows have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Schema {
    /// What a list needs, with the one index that it needs.
    Least,
    /// The client's.
    Client,
}

impl Schema {
    const fn insert(self) -> &'static str {
        match self {
            Self::Least => "INSERT INTO items (id, category, created_at, expires_at, sealed, read) VALUES ",
            Self::Client => {
                "INSERT INTO items (id, category, created_at, expires_at, words, place, priority, needs_acknowledgement, \
                 server_round, round, arrived, written, generation, after_absence, unsettled) VALUES "
            }
        }
    }

    /// One row; what is written out is the same for all.
    const fn values(self) -> &'static str {
        match self {
            Self::Least => "(?, 'orders', ?, ?, ?, 0)",
            Self::Client => "(?, 'orders', ?, ?, ?, 1, 'high', 0, 0, 0, 1, 1, 1, 0, 1)",
        }
    }

    const fn newest(self) -> &'static str {
        match self {
            Self::Least => "SELECT * FROM items ORDER BY created_at DESC, id DESC LIMIT 50",
            Self::Client => {
                "SELECT id, words, round, read_at, archived_at, snoozed_until, acknowledged_at, unread_at, unread_by \
                 FROM items WHERE archived_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 50"
            }
        }
    }
}

/// How many rows, and how many of them in one transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    pub(crate) schema: Schema,
    pub(crate) count: u64,
    pub(crate) together: u64,
}

/// Opens a database in a file.
///
/// # Errors
/// If it cannot be opened.
pub(crate) async fn open(file: &Path, schema: Schema) -> anyhow::Result<SqliteConnection> {
    let mut connection = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await?;
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'items'";
    if sqlx::query_scalar::<_, i64>(tables).fetch_one(&mut connection).await? == 0 {
        let steps: &[&str] = match schema {
            Schema::Least => &[SCHEMA],
            Schema::Client => &CLIENT_SCHEMA,
        };
        sqlx::raw_sql(AssertSqlSafe(steps.concat())).execute(&mut connection).await?;
    }
    Ok(connection)
}

/// What it takes to insert them.
///
/// # Errors
/// If the database cannot be written.
pub(crate) async fn insert(file: &Path, rows: Rows) -> anyhow::Result<Used> {
    let Rows { schema, count, together } = rows;
    let mut connection = open(file, schema).await?;
    let sealed = vec![7_u8; SEALED_BYTES];
    let meter = OwnMeter::begin()?;
    for first in (0..count).step_by(usize::try_from(together)?) {
        let end = (first + together).min(count);
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await?;
        for first in (first..end).step_by(usize::try_from(ROWS_PER_INSERT)?) {
            let numbers = first..(first + ROWS_PER_INSERT).min(end);
            let values = numbers.clone().map(|_| schema.values()).collect::<Vec<_>>().join(", ");
            let mut query = sqlx::query(AssertSqlSafe(schema.insert().to_owned() + &values));
            for number in numbers {
                let at = i64::try_from(number)?;
                let id = format!("01977c00-0000-7000-8000-{number:012}");
                query = query.bind(id).bind(at).bind(at + 1).bind(&*sealed);
            }
            query.execute(&mut connection).await?;
        }
        sqlx::query("COMMIT").execute(&mut connection).await?;
    }
    meter.end()
}

/// How fast pages of 50 are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pages {
    /// In a second.
    pub(crate) rate: f64,
    /// This process's processor time for one, in microseconds.
    pub(crate) cost: f64,
}

impl Pages {
    /// Reads page after page for a while.
    ///
    /// # Errors
    /// If one cannot be read.
    pub(crate) async fn read(
        lasts: Duration,
        mut page: impl AsyncFnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let (began, meter, mut count) = (Instant::now(), OwnMeter::begin()?, 0_u32);
        while began.elapsed() < lasts {
            page().await?;
            count += 1;
        }
        let (used, count) = (meter.end()?, f64::from(count.max(1)));
        Ok(Self { rate: count / used.wall.as_secs_f64(), cost: used.cpu.as_secs_f64() * 1e6 / count })
    }
}

/// Pages of the bare rows, newest first.
///
/// # Errors
/// If the database cannot be read.
pub(crate) async fn pages(file: &Path, schema: Schema, lasts: Duration) -> anyhow::Result<Pages> {
    let mut connection = open(file, schema).await?;
    Pages::read(lasts, async || {
        sqlx::query(schema.newest()).fetch_all(&mut connection).await?;
        Ok(())
    })
    .await
}
