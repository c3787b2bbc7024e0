//! Statements that SQLite's thread executes in one turn. Each turn wakes two threads, which is most of the time of a small
//! transaction: what it reads is one text of several statements, and what it writes another.
//!
//! A text stays prepared as long as it comes again. So only few rows are joined: large sets have other texts each time, and
//! gain nothing.

use futures_util::TryStreamExt as _;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Either, Executor as _, SqliteConnection};
use tidings_core::ports::StoreError;

use super::bulk::{bind, cells, columns_of, text};
use super::error::meaning;
use super::{ask, put, run};

/// Keys of a question up to which questions are asked in one turn.
const KEYS_JOINED_MAX: usize = 2;
/// Rows of a statement up to which it joins a script.
const ROWS_IN_SCRIPT: usize = 8;

/// A statement and the keys that it is asked for.
pub(super) type Question = (&'static str, Vec<Value>);

/// Statements of one turn.
#[derive(Debug, Default)]
struct Turn {
    text: String,
    cells: Vec<Value>,
    statements: usize,
}

/// A turn that ended early.
#[derive(Debug)]
pub(super) struct Interrupted {
    /// Statements that were executed before the one that failed.
    done: usize,
    error: sqlx::Error,
}

impl Turn {
    /// A statement without parameters.
    fn say(&mut self, sql: &str) {
        self.text.push_str(sql);
        self.text.push(';');
        self.statements += 1;
    }

    /// A statement for a set of rows, which is not empty.
    fn add(&mut self, sql: &'static str, rows: Vec<Value>) {
        self.say(text(sql, rows.len(), columns_of(sql, &rows)));
        self.cells.extend(rows.into_iter().flat_map(cells));
    }

    /// Executes the statements in their order; answers the rows of each.
    async fn take(self, connection: &mut SqliteConnection) -> Result<Vec<Vec<SqliteRow>>, Interrupted> {
        if self.statements == 0 {
            return Ok(Vec::new());
        }
        let query = self.cells.into_iter().fold(sqlx::query(AssertSqlSafe(self.text)), bind);
        let mut answers = vec![Vec::new()];
        let mut stream = connection.fetch_many(query);
        loop {
            match stream.try_next().await {
                Ok(Some(Either::Left(_))) => answers.push(Vec::new()),
                Ok(Some(Either::Right(row))) => answers.last_mut().expect("it begins with one").push(row),
                Ok(None) => break,
                Err(error) => return Err(Interrupted { done: answers.len() - 1, error }),
            }
        }
        answers.truncate(self.statements);
        Ok(answers)
    }
}

/// Asks all questions, between two statements without parameters where they are named; answers the rows of each question.
pub(super) async fn ask_all(
    connection: &mut SqliteConnection,
    before: Option<&'static str>,
    questions: Vec<Question>,
    after: Option<&'static str>,
) -> Result<Vec<Vec<SqliteRow>>, StoreError> {
    if questions.iter().any(|(_, keys)| keys.len() > KEYS_JOINED_MAX) {
        let mut answers = Vec::with_capacity(questions.len());
        if let Some(before) = before {
            run(connection, before).await?;
        }
        for (sql, keys) in questions {
            answers.push(ask(connection, sql, keys).await?);
        }
        if let Some(after) = after {
            run(connection, after).await?;
        }
        return Ok(answers);
    }
    let mut turn = Turn::default();
    before.into_iter().for_each(|sql| turn.say(sql));
    let is_asked: Vec<bool> = questions.iter().map(|(_, keys)| !keys.is_empty()).collect();
    for (sql, keys) in questions.into_iter().filter(|(_, keys)| !keys.is_empty()) {
        turn.add(sql, keys);
    }
    after.into_iter().for_each(|sql| turn.say(sql));
    let answers = turn.take(connection).await.map_err(|interrupted| meaning(interrupted.error))?;
    let mut answers = answers.into_iter().skip(usize::from(before.is_some()));
    Ok(is_asked
        .into_iter()
        .map(|asked| if asked { answers.next().unwrap_or_default() } else { Vec::new() })
        .collect())
}

/// What a write does. Statements of a small one are executed in one turn; a large one executes each as it comes.
#[derive(Debug)]
pub(super) struct Script {
    joins: bool,
    turn: Turn,
}

impl Script {
    /// A script that statements join, or one whose statements are executed as they come.
    pub(super) fn new(joins: bool) -> Self {
        Self { joins, turn: Turn::default() }
    }

    /// Writes a set of rows, now or when the script is run; always after what came before.
    pub(super) async fn put(
        &mut self,
        connection: &mut SqliteConnection,
        sql: &'static str,
        rows: Vec<Value>,
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        if !self.joins || rows.len() > ROWS_IN_SCRIPT {
            self.run(connection).await?;
            return put(connection, sql, rows).await.map(drop);
        }
        self.turn.add(sql, rows);
        Ok(())
    }

    /// Executes what joined so far.
    pub(super) async fn run(&mut self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let turn = std::mem::take(&mut self.turn);
        turn.take(connection).await.map(drop).map_err(|interrupted| meaning(interrupted.error))
    }

    /// Executes what is left, and commits in the same turn.
    ///
    /// # Errors
    /// The second one is of the commit itself, the first one of what came before it.
    pub(super) async fn commit(
        mut self,
        connection: &mut SqliteConnection,
    ) -> Result<Result<(), sqlx::Error>, StoreError> {
        let written = self.turn.statements;
        self.turn.say("COMMIT");
        match self.turn.take(connection).await {
            Ok(_) => Ok(Ok(())),
            Err(Interrupted { done, error }) if done < written => Err(meaning(error)),
            Err(Interrupted { error, .. }) => Ok(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sqlx::{Connection as _, Row as _};

    use super::*;

    async fn open() -> SqliteConnection {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let table = "CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT)";
        sqlx::raw_sql(table).execute(&mut connection).await.unwrap();
        connection
    }

    const ADD: &str = "INSERT INTO t (n, x) SELECT c0, c1 FROM k";
    const REMOVE: &str = "DELETE FROM t WHERE n IN (SELECT c0 FROM k)";
    const FIND: &str = "SELECT t.n FROM k CROSS JOIN t WHERE t.n >= k.c0 ORDER BY t.n";

    #[tokio::test]
    async fn a_script_keeps_the_order_of_its_statements_and_each_its_own_rows() {
        let mut connection = open().await;
        for joins in [true, false] {
            let mut script = Script::new(joins);
            for _ in 0..2 {
                script.put(&mut connection, ADD, vec![json!([1, "a"]), json!([2, "b"])]).await.unwrap();
                script.put(&mut connection, REMOVE, vec![json!(1), json!(2)]).await.unwrap();
            }
            script.put(&mut connection, ADD, vec![json!([1, "c"])]).await.unwrap();
            script.put(&mut connection, ADD, (2..20).map(|n| json!([n, "d"])).collect()).await.unwrap();
            script.run(&mut connection).await.unwrap();
            let left: Vec<String> =
                sqlx::query_scalar("SELECT x FROM t ORDER BY n").fetch_all(&mut connection).await.unwrap();
            assert_eq!((left.len(), &*left[0], &*left[1]), (19, "c", "d"));
            put(&mut connection, REMOVE, (1..20).map(|n| json!(n)).collect()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn each_question_gets_its_own_rows_joined_or_not() {
        let mut connection = open().await;
        put(&mut connection, ADD, (0..6).map(|n| json!([n, "a"])).collect()).await.unwrap();
        let from = |numbers: &[i64]| (FIND, numbers.iter().map(|n| json!(n)).collect());
        for more in [&[9, 9][..], &[9, 9, 9]] {
            let questions = vec![from(&[4]), from(&[]), from(more), from(&[5, 3])];
            let answers = ask_all(&mut connection, Some("BEGIN"), questions, Some("COMMIT")).await.unwrap();
            let numbers =
                |rows: &Vec<SqliteRow>| rows.iter().map(|row| row.get::<i64, _>(0)).collect::<Vec<_>>();
            assert_eq!(
                answers.iter().map(numbers).collect::<Vec<_>>(),
                [vec![4, 5], vec![], vec![], vec![3, 4, 5, 5]]
            );
        }
        run(&mut connection, "BEGIN").await.expect("no transaction is open any more");
    }

    #[tokio::test]
    async fn what_fails_before_the_commit_is_told_apart_from_the_commit() {
        let mut connection = open().await;
        run(&mut connection, "BEGIN").await.unwrap();
        let mut script = Script::new(true);
        for _ in 0..2 {
            script.put(&mut connection, ADD, vec![json!([1, "a"])]).await.unwrap();
        }
        let error = script.commit(&mut connection).await.unwrap_err();
        assert!(matches!(error, StoreError::Data { .. }), "{error:?}");
        run(&mut connection, "ROLLBACK").await.unwrap();
        let mut script = Script::new(true);
        script.put(&mut connection, ADD, vec![json!([1, "a"])]).await.unwrap();
        let error = script.commit(&mut connection).await.unwrap().unwrap_err();
        assert!(error.to_string().contains("no transaction is active"), "{error}");
    }
}
