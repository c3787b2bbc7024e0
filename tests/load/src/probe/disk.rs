//! What the disk does: one flush, rows committed in groups with two indexes, and rows appended to a file.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection};

/// Rows of one commit: what 256 publishers that wait make of a batch.
const ROWS_PER_COMMIT: u32 = 256;
/// Bytes of one row: an event with its notification.
const ROW_BYTES: usize = 600;

/// Seconds for each `fdatasync` of a small append, one after the other.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn flushes(folder: &Path, lasts: Duration) -> anyhow::Result<f64> {
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join("flushes"))?;
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < lasts {
        file.write_all(&[b'x'; ROW_BYTES])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(began.elapsed().as_secs_f64() / f64::from(count))
}

/// Rows a second, appended to a file that is flushed once a group.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn appends(folder: &Path, lasts: Duration) -> anyhow::Result<f64> {
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join("journal"))?;
    let group = vec![b'x'; ROW_BYTES * usize::try_from(ROWS_PER_COMMIT)?];
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < lasts {
        file.write_all(&group)?;
        file.sync_data()?;
        count += ROWS_PER_COMMIT;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

/// Rows a second in SQLite with `synchronous=FULL`, one commit a group, on a table with a primary key and two indexes.
///
/// # Errors
/// If the database cannot be written.
pub(crate) async fn commits(folder: &Path, lasts: Duration) -> anyhow::Result<f64> {
    let mut connection = SqliteConnectOptions::new()
        .filename(folder.join("commits.sqlite3"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await?;
    let schema =
        "CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, person TEXT NOT NULL, at INTEGER NOT NULL,
        body TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS rows_person ON rows (person, at);
        CREATE INDEX IF NOT EXISTS rows_at ON rows (at);";
    sqlx::raw_sql(schema).execute(&mut connection).await?;
    let body = "x".repeat(ROW_BYTES);
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < lasts {
        commit(&mut connection, count, &body).await?;
        count += ROWS_PER_COMMIT;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

async fn commit(connection: &mut SqliteConnection, first: u32, body: &str) -> anyhow::Result<()> {
    let rows: Vec<_> = (first..first + ROWS_PER_COMMIT)
        .map(|n| {
            let key = u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            serde_json::json!([format!("{n:016}-{key:016x}"), format!("r{}", n % 10_000), n, body])
        })
        .collect();
    let rows = serde_json::to_string(&rows)?;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    sqlx::query("INSERT OR REPLACE INTO rows SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1)")
        .bind(rows)
        .execute(&mut *connection)
        .await?;
    sqlx::query("COMMIT").execute(&mut *connection).await?;
    Ok(())
}
