//! What only SQLite's file can show.

use std::path::Path;

use sqlx::{Connection, Row, SqliteConnection};
use tidings_core::model::{Changes, Erased};
use tidings_core::ports::BookReader;

use crate::samples::*;
use crate::{sqlite, write};

/// Somebody else's look into the file, beside the relay.
async fn beside(folder: &Path) -> SqliteConnection {
    let file = folder.join("tidings.sqlite3");
    SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap()
}

async fn contents(folder: &Path) -> i64 {
    let mut connection = beside(folder).await;
    let row = sqlx::query("SELECT count(*) FROM contents").fetch_one(&mut connection).await.unwrap();
    row.get(0)
}

#[tokio::test]
async fn words_that_many_share_stand_once_and_go_with_the_last() {
    let (store, folder) = sqlite().await;
    let (anna, ben) = (person("p", "anna"), person("p", "ben"));
    let changes = Changes {
        notifications_new: vec![placed(&anna, "n1", "e1", 1), placed(&ben, "n2", "e1", 1)],
        ..Changes::default()
    };
    write(&store, 1, &changes).await;
    assert_eq!(contents(folder.path()).await, 1);
    let erased = |of| Changes { erased: vec![(of, Erased { at: at(1), epoch: 7 })], ..Changes::default() };
    write(&store, 2, &erased(anna)).await;
    assert_eq!(contents(folder.path()).await, 1, "Ben's is the same");
    write(&store, 3, &erased(ben)).await;
    assert_eq!(contents(folder.path()).await, 0);
}

#[tokio::test]
async fn words_are_not_shared_between_projects() {
    let (store, folder) = sqlite().await;
    let notifications_new =
        vec![placed(&person("p", "anna"), "n1", "e1", 1), placed(&person("q", "anna"), "n2", "e2", 1)];
    write(&store, 1, &Changes { notifications_new, ..Changes::default() }).await;
    assert_eq!(contents(folder.path()).await, 2);
}

#[tokio::test]
async fn a_row_that_is_deleted_behind_the_relays_back_is_a_residue() {
    for (table, residues) in [("notifications", 4), ("deliveries", 2), ("events", 2)] {
        let (store, folder) = sqlite().await;
        let anna = person("p", "anna");
        let mut changes = Changes {
            events_new: vec![event("p", "e1")],
            notifications_new: vec![placed(&anna, "n1", "e1", 1)],
            deliveries_new: vec![mail(&anna, "n1", tidings_protocol::DeliveryState::Waiting)],
            ..Changes::default()
        };
        count(&mut changes);
        write(&store, 1, &changes).await;
        let delete = sqlx::AssertSqlSafe(format!("DELETE FROM {table}"));
        sqlx::raw_sql(delete).execute(&mut beside(folder.path()).await).await.unwrap();
        let rows = store.books(&project("p")).await.unwrap();
        let differing = rows.iter().filter(|row| row.counted != row.recounted).count();
        assert_eq!(differing, residues, "{table}: {rows:?}");
    }
}
