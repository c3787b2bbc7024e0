use sqlx::{Connection, Executor, Row, SqlSafeStr, SqliteConnection};

use super::all;
use crate::sqlite::bulk::with_rows;
use crate::sqlite::open::MIGRATIONS;

async fn empty() -> SqliteConnection {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    for tables in MIGRATIONS {
        sqlx::raw_sql(tables).execute(&mut connection).await.unwrap();
    }
    connection
}

/// The statement as it is prepared for several rows, if it is for a set of them.
fn whole(sql: &str) -> String {
    let columns = (0..64).rev().find(|column| {
        let name = format!("c{column}");
        sql.match_indices(&name).any(|(at, _)| {
            let (before, after) = (sql[..at].chars().next_back(), sql[at + name.len()..].chars().next());
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
                && !after.is_some_and(|c| c.is_alphanumeric())
        })
    });
    columns.map_or_else(|| sql.to_owned(), |last| with_rows(sql, 8, last + 1))
}

#[tokio::test]
async fn every_statement_is_understood() {
    let mut connection = empty().await;
    for (name, sql) in all() {
        let prepared = (&mut connection).prepare(sqlx::AssertSqlSafe(whole(sql)).into_sql_str()).await;
        assert!(prepared.is_ok(), "{name}: {}", prepared.err().unwrap());
    }
}

/// Statements that read a whole table, since what they ask is about all of it, or an end of it: a batch among the newest,
/// the oldest entries of the feed.
const SCANS: &[&str] =
    &["LAST_BATCH", "PURGE_BATCHES", "COMMITTED", "PURGE_FEED", "NEW_EPOCHS", "KEYS", "PROJECTS"];

#[tokio::test]
async fn no_statement_reads_a_whole_table_but_those_that_ask_for_all() {
    let mut connection = empty().await;
    let dumps: Vec<&str> = super::dump::ALL.iter().map(|(_, sql)| *sql).collect();
    let mut scans = Vec::new();
    for (name, sql) in all().filter(|(name, sql)| !dumps.contains(sql) && !SCANS.contains(name)) {
        let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", whole(sql)));
        for row in sqlx::raw_sql(explained).fetch_all(&mut connection).await.unwrap() {
            let step: String = row.get("detail");
            let whole = step.starts_with("SCAN")
                && !["SCAN k", "SCAN 8 CONSTANT ROWS", "SCAN 4 CONSTANT ROWS", "SCAN p", "SCAN CONSTANT ROW"]
                    .iter()
                    .any(|s| step.starts_with(s));
            if whole && !step.contains("MULTI-INDEX") {
                scans.push(format!("{name}: {step}"));
            }
        }
    }
    assert!(scans.is_empty(), "{}", scans.join("\n"));
}
/// What the relay asks all the time, and by which index. Without statistics SQLite prefers a range over a full key if
/// it does not see that a partial index holds all rows.
const WALKED: &[(&str, &str)] = &[
    (super::find::RECIPIENTS, "PRIMARY KEY (project=? AND recipient=?)"),
    (super::find::INBOXES, "PRIMARY KEY (project=? AND recipient=?)"),
    (super::find::SAME_EVENTS, "events_external (project=? AND external_id=? AND source=?)"),
    (super::find::MADE, "notifications_made (event=? AND <expr>=? AND project=? AND recipient=?)"),
    (
        super::find::COLLAPSE,
        "notifications_collapse (project=? AND recipient=? AND category=? AND collapse=?)",
    ),
    (super::find::MATCHES, "match_keys_value (project=? AND rule=? AND event_type=? AND value=?)"),
    (
        super::find::CONVERTIBLE,
        "conversion_keys_asked (project=? AND rule=? AND event_type=? AND value=? AND recipient=? AND until>?)",
    ),
    (
        super::find::CONVERTIBLE_OF_ANYBODY,
        "conversion_keys_asked (project=? AND rule=? AND event_type=? AND value=?)",
    ),
    (super::find::TALLIES, "PRIMARY KEY (project=? AND rule=? AND trial=?)"),
    (super::find::WINS, "PRIMARY KEY (project=?)"),
    (super::find::PENDING, "notifications_pending (project=? AND recipient=?)"),
    (super::find::PLACED, "notifications_inbox (project=? AND recipient=? AND seq>?)"),
    (super::find::PENDING_DELIVERIES, "deliveries_pending (project=? AND recipient=?)"),
    (super::find::HISTORIES, "collected_asked (project=? AND recipient=? AND event_type=? AND at>?)"),
    (super::read::PAGE, "notifications_inbox (project=? AND recipient=? AND seq>?)"),
    (super::read::EXPIRED, "notifications_expires (expires_at<?)"),
    (super::read::HANDOVER_LANES, "deliveries_due (project=? AND provider=? AND host>?)"),
    (
        super::read::DUE_HANDOVERS,
        "deliveries_due (project=? AND provider=? AND host=? AND urgency=? AND due<?)",
    ),
    (super::read::BEGUN_HANDOVERS, "deliveries_begun (id>?)"),
    (super::read::DELIVERY_NAMED, "deliveries_named (project=? AND provider_id=?)"),
    (super::read::DUE_OF_PROJECT, "due_lane (lane=? AND project=? AND at<?)"),
    (super::keep::LEAVING, "notifications_age (project=? AND created_at<?)"),
    (super::keep::OLD_NOTIFICATIONS, "notifications_created (project=? AND created_at<?)"),
    (super::keep::OLD_EVENTS, "events_accepted (project=? AND accepted_at<?)"),
    (super::story::BY_EVENT, "notifications_event (event=?)"),
    (super::story::BY_RECIPIENT, "notifications_recipient (project=? AND recipient=?"),
    (super::story::SAME_EVENT, "events_external (project=? AND external_id=? AND source=?)"),
    (super::story::EVENTS_NAMED, "events_external (project=? AND external_id=?)"),
    (super::story::INAPP_DELIVERIES, "notifications_age (project=? AND created_at<?)"),
    (super::story::DELIVERIES, "deliveries_project (project=? AND id<?)"),
    (super::write::CHANGE_NOTIFICATIONS, "sqlite_autoindex_notifications_1 (id=?)"),
    (super::write::FORGET_DUE, "due_recipient (project=? AND recipient=?)"),
];

#[tokio::test]
async fn each_hot_statement_walks_its_own_index() {
    let mut connection = empty().await;
    for (sql, index) in WALKED {
        let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", whole(sql)));
        let rows = sqlx::raw_sql(explained).fetch_all(&mut connection).await.unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        assert!(steps.iter().any(|step| step.contains(index)), "{sql}: {steps:?} without {index}");
    }
}

/// Statements that sort: what they ask is about one event, which has few rows.
const SORTS: &[&str] = &["BY_EVENT", "SAME_EVENT"];

/// A statement that takes the first of many rows and sorts them reads them all each time.
#[tokio::test]
async fn what_takes_the_first_rows_does_not_sort_them() {
    let mut connection = empty().await;
    let mut sorted = Vec::new();
    for (name, sql) in all().filter(|(name, sql)| sql.contains("LIMIT") && !SORTS.contains(name)) {
        let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", whole(sql)));
        let rows = sqlx::raw_sql(explained).fetch_all(&mut connection).await.unwrap();
        let mut steps = rows.iter().map(|row| row.get::<String, _>("detail"));
        if steps.any(|step| step.starts_with("USE TEMP B-TREE")) {
            sorted.push(name);
        }
    }
    assert!(sorted.is_empty(), "{sorted:?}");
}

#[tokio::test]
async fn a_change_of_state_writes_no_index_but_those_that_ask_for_states() {
    let mut connection = empty().await;
    let explained = sqlx::AssertSqlSafe(format!("EXPLAIN {}", whole(super::write::CHANGE_NOTIFICATIONS)));
    let steps = sqlx::raw_sql(explained).fetch_all(&mut connection).await.unwrap();
    let mut written = Vec::new();
    for step in steps.iter().filter(|step| step.get::<String, _>("opcode") == "OpenWrite") {
        let name = sqlx::query_scalar::<_, String>("SELECT name FROM sqlite_schema WHERE rootpage = ?");
        let name = name.bind(step.get::<i64, _>("p2")).fetch_one(&mut connection).await.unwrap();
        written.push(name);
    }
    written.sort();
    assert_eq!(
        written,
        [
            "notifications",
            "notifications_digest",
            "notifications_expires",
            "notifications_made",
            "notifications_pending"
        ]
    );
}

/// A device that missed many notifications says page by page that it holds them. Each time all that are left are looked
/// through, so that what tells them apart has to stand in the index.
#[tokio::test]
async fn what_is_placed_by_a_point_is_told_by_the_index_alone() {
    let mut connection = empty().await;
    let explained = sqlx::AssertSqlSafe(format!("EXPLAIN {}", whole(super::find::PLACED)));
    let steps = sqlx::raw_sql(explained).fetch_all(&mut connection).await.unwrap();
    let (opcode, p1) =
        (|step: &_| Row::get::<String, _>(step, "opcode"), |step: &_| Row::get::<i64, _>(step, "p1"));
    let seek = steps.iter().position(|step| opcode(step) == "DeferredSeek").expect("rows are sought late");
    let index = p1(&steps[seek]);
    let rows: i64 = steps[seek].get("p3");
    // From the index are read seq, created_seq twice, and the row's number; from the row nothing before these.
    let read = steps[seek + 1..].iter().filter(|step| opcode(step) == "Column").map(p1);
    let from_index = read.take_while(|cursor| *cursor != rows).filter(|cursor| *cursor == index).count();
    assert!(from_index >= 2, "{from_index} columns are read from the index before the row");
}
