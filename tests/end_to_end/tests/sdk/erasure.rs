//! What the relay's own tables hold of somebody who was erased.

use std::path::Path;

use serde_json::{Value, json};
use sqlx::{Column as _, Row as _, ValueRef as _};

use crate::rig::{Bench, has, open_file};

/// Every cell of every table as text, each behind the name of its table.
async fn cells(database: &Path) -> Vec<(String, String)> {
    let mut file = open_file(database).await;
    let tables =
        sqlx::query("SELECT name FROM sqlite_schema WHERE type = 'table'").fetch_all(&mut file).await;
    let mut cells = Vec::new();
    for table in tables.expect("it is a database") {
        let table: String = table.get(0);
        let rows =
            sqlx::query(sqlx::AssertSqlSafe(format!("SELECT * FROM {table}"))).fetch_all(&mut file).await;
        for row in rows.expect("the table is read") {
            for column in row.columns() {
                let raw = row.try_get_raw(column.ordinal()).expect("a column has a cell");
                if raw.is_null() {
                    continue;
                }
                let bytes: Vec<u8> = row.try_get_unchecked(column.ordinal()).expect("a cell has bytes");
                cells.push((table.clone(), String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
    }
    cells
}

/// The tables that have a text anywhere, with the cells.
fn holding<'a>(cells: &'a [(String, String)], text: &str) -> Vec<(&'a str, &'a str)> {
    let found = cells.iter().filter(|(_, cell)| cell.contains(text));
    found.map(|(table, cell)| (table.as_str(), cell.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_to_somebody_erased_stands_in_no_table_and_their_name_in_the_feed_alone() {
    let bench = Bench::start();
    let alice = bench.connected("alice-person", "laptop").await;
    let sent = bench.send("alice-person", "WORDS-FOR-HER");
    has(&alice, &sent).await;
    let both = json!({"recipients": ["alice-person", "bob-person"], "category": "general",
        "content": {"title": "WORDS-FOR-BOTH"}});
    let _both = bench.caller().post("/v1/notifications", &both).ok(202);
    let state = |data: Value| {
        let event = json!({"type": "ping", "data": data});
        bench.caller().post("/v1/events", &event).ok(202)
    };
    let _hers = state(json!({"who": "alice-person", "number": "DATA-OF-HERS"}));
    let _theirs = state(json!({"who": ["alice-person", "bob-person"], "number": "DATA-OF-BOTH"}));
    alice.erase().await.unwrap();
    alice.close().await;
    // Bob's part of what both were told is his, and it is still read.
    let bob = bench.connected("bob-person", "phone").await;
    assert_eq!(crate::rig::titles(&bob).await.len(), 2);
    bob.close().await;

    let cells = cells(&bench.relay.site().data().join("tidings.sqlite3")).await;
    for gone in ["WORDS-FOR-HER", "DATA-OF-HERS"] {
        assert_eq!(holding(&cells, gone), [], "{gone}");
    }
    assert_eq!(holding(&cells, "WORDS-FOR-BOTH").len(), 2, "in the send and in Bob's inbox");
    let named = holding(&cells, "alice-person");
    let (in_data, elsewhere): (Vec<_>, Vec<_>) =
        named.into_iter().partition(|(_, cell)| cell.contains("DATA-OF-BOTH"));
    assert_eq!(in_data.len(), 1, "what a backend wrote into data for others too: {in_data:?}");
    assert_eq!(elsewhere, [("feed", "alice-person")], "the backend hears who it was");
}
