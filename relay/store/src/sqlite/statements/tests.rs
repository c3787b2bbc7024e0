use sqlx::{Connection, Executor, Row, SqlSafeStr, SqliteConnection};

use super::all;

async fn empty() -> SqliteConnection {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let tables = include_str!("../../../migrations/sqlite/0001_tables.sql");
    sqlx::raw_sql(tables).execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test]
async fn every_statement_is_understood() {
    let mut connection = empty().await;
    for (name, sql) in all() {
        let prepared = (&mut connection).prepare(sql.into_sql_str()).await;
        assert!(prepared.is_ok(), "{name}: {}", prepared.err().unwrap());
    }
}

/// Statements that read a whole table: what they ask is about all of it.
const SCANS: &[&str] = &["LAST_BATCH", "PURGE_BATCHES", "NEW_EPOCHS", "KEYS", "PROJECTS"];

#[tokio::test]
async fn no_statement_reads_a_whole_table_but_those_that_ask_for_all() {
    let mut connection = empty().await;
    let dumps: Vec<&str> = super::dump::ALL.iter().map(|(_, sql)| *sql).collect();
    let mut scans = Vec::new();
    for (name, sql) in all().filter(|(name, sql)| !dumps.contains(sql) && !SCANS.contains(name)) {
        let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        for row in sqlx::raw_sql(explained).fetch_all(&mut connection).await.unwrap() {
            let step: String = row.get("detail");
            let whole = step.starts_with("SCAN")
                && !["SCAN k", "SCAN json_each", "SCAN p", "SCAN CONSTANT ROW"]
                    .iter()
                    .any(|s| step.starts_with(s));
            if whole && !step.contains("MULTI-INDEX") {
                scans.push(format!("{name}: {step}"));
            }
        }
    }
    assert!(scans.is_empty(), "{}", scans.join("\n"));
}
