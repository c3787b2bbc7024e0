//! Statements for many rows at once. `k` in a statement is the set of its rows: keys that are asked for, or rows that are
//! written. Its columns are `c0`, `c1` and so on, each cell a parameter of its own.
//!
//! A statement is prepared for a few numbers of rows and not for every one, so that each stays prepared. What is left over
//! from the larger ones goes through the smaller ones.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::Value;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Sqlite, SqliteConnection};
use tidings_core::ports::StoreError;

use super::error::meaning;

/// Rows of one execution, most first. 128 rows of the widest table are 2,944 parameters; SQLite takes 32,766.
const ROWS: [usize; 5] = [128, 32, 8, 2, 1];

/// Asks for the rows of a set of keys.
pub(super) async fn ask(
    connection: &mut SqliteConnection,
    sql: &'static str,
    keys: Vec<Value>,
) -> Result<Vec<SqliteRow>, StoreError> {
    let mut found = Vec::new();
    for part in Parts(keys) {
        found.extend(bound(sql, part).fetch_all(&mut *connection).await.map_err(meaning)?);
    }
    Ok(found)
}

/// Writes a set of rows; answers how many were written.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    sql: &'static str,
    rows: Vec<Value>,
) -> Result<u64, StoreError> {
    let mut written = 0;
    for part in Parts(rows) {
        written += bound(sql, part).execute(&mut *connection).await.map_err(meaning)?.rows_affected();
    }
    Ok(written)
}

/// Rows in portions that statements are prepared for, in order.
struct Parts(Vec<Value>);

impl Iterator for Parts {
    type Item = Vec<Value>;

    fn next(&mut self) -> Option<Vec<Value>> {
        let rows = ROWS.into_iter().find(|rows| *rows <= self.0.len())?;
        let rest = self.0.split_off(rows);
        Some(std::mem::replace(&mut self.0, rest))
    }
}

fn bound(sql: &'static str, rows: Vec<Value>) -> Query<'static, Sqlite, SqliteArguments> {
    let query = sqlx::query(text(sql, rows.len(), columns_of(sql, &rows)));
    rows.into_iter().flat_map(cells).fold(query, bind)
}

pub(super) fn columns_of(sql: &str, rows: &[Value]) -> usize {
    let columns = rows[0].as_array().map_or(1, Vec::len);
    let same = rows.iter().all(|row| row.as_array().map_or(1, Vec::len) == columns);
    assert!(same, "all rows of a statement have the same columns: {sql}");
    columns
}

/// The cells of a row; a key that is one cell is written without brackets.
pub(super) fn cells(row: Value) -> Vec<Value> {
    if let Value::Array(cells) = row { cells } else { vec![row] }
}

/// Texts are moved into the statement. Packed fields are texts already; truth is 1.
pub(super) fn bind(
    query: Query<'static, Sqlite, SqliteArguments>,
    cell: Value,
) -> Query<'static, Sqlite, SqliteArguments> {
    match cell {
        Value::Null => query.bind(None::<i64>),
        Value::Bool(truth) => query.bind(i64::from(truth)),
        Value::String(text) => query.bind(text),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => query.bind(whole),
            None => query.bind(number.as_f64()),
        },
        Value::Array(_) | Value::Object(_) => unreachable!("packed fields are texts"),
    }
}

/// The statement for so many rows and columns. It is made once and kept for as long as the process lives: there are a dozen
/// for each constant.
pub(super) fn text(sql: &'static str, rows: usize, columns: usize) -> &'static str {
    static TEXTS: LazyLock<Mutex<BTreeMap<(&'static str, usize), &'static str>>> =
        LazyLock::new(Mutex::default);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    texts.entry((sql, rows)).or_insert_with(|| with_rows(sql, rows, columns).leak())
}

/// The statement with its set of rows before it.
pub(super) fn with_rows(sql: &str, rows: usize, columns: usize) -> String {
    let mut text = String::from("WITH k (");
    for column in 0..columns {
        let comma = if column > 0 { ", " } else { "" };
        write!(text, "{comma}c{column}").expect("a text takes what is written");
    }
    text.push_str(") AS (VALUES ");
    let row = format!("({})", vec!["?"; columns].join(", "));
    text.push_str(&vec![row; rows].join(", "));
    text.push_str(") ");
    text.push_str(sql);
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_go_through_few_statements_and_keep_their_order() {
        let parts: Vec<_> = Parts((0..128 + 8 + 8 + 3).map(|n| json!([n])).collect()).collect();
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [128, 8, 8, 2, 1]);
        let rows: Vec<_> = parts.into_iter().flatten().collect();
        assert!(rows.iter().enumerate().all(|(place, row)| row[0] == place));
        assert_eq!(Parts(Vec::new()).count(), 0);
    }

    #[test]
    fn each_cell_is_a_parameter_of_its_own() {
        let text = with_rows("SELECT t.x FROM k CROSS JOIN t WHERE t.id = k.c0", 2, 2);
        assert_eq!(
            text,
            "WITH k (c0, c1) AS (VALUES (?, ?), (?, ?)) SELECT t.x FROM k CROSS JOIN t WHERE t.id = k.c0"
        );
    }

    #[tokio::test]
    async fn every_kind_of_cell_comes_back_as_it_was() {
        let mut connection =
            <SqliteConnection as sqlx::Connection>::connect("sqlite::memory:").await.unwrap();
        let rows = (0..70).map(|n| json!([n, "t", null, true])).collect();
        let sql = "SELECT k.c0, typeof(k.c0), typeof(k.c1), typeof(k.c2), k.c3 FROM k";
        let found = ask(&mut connection, sql, rows).await.unwrap();
        assert_eq!(found.len(), 70);
        for (place, row) in found.iter().enumerate() {
            let row: (i64, String, String, String, i64) = sqlx::FromRow::from_row(row).unwrap();
            let kinds = ("integer".to_owned(), "text".to_owned(), "null".to_owned());
            assert_eq!(row, (i64::try_from(place).unwrap(), kinds.0, kinds.1, kinds.2, 1));
        }
    }
}
