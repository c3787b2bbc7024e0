//! What only SQLite's file can show.

use std::path::Path;
use std::sync::Arc;

use sqlx::{Connection, Row, SqliteConnection};
use tidings_core::model::{Changes, Erased};
use tidings_core::ports::{BatchId, BookReader, Need, Store as _};
use tidings_protocol::item::ContentItem;
use tidings_store::SqliteStore;

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
    let of = |project, event, ids: [&str; 2]| {
        [
            placed(&person(project, "anna"), ids[0], event, 1),
            placed(&person(project, "ben"), ids[1], event, 1),
        ]
    };
    let notifications_new = [of("p", "e1", ["n1", "n2"]), of("q", "e2", ["n3", "n4"])].concat();
    write(&store, 1, &Changes { notifications_new, ..Changes::default() }).await;
    assert_eq!(contents(folder.path()).await, 2);
}

#[tokio::test]
async fn words_that_one_says_stand_in_its_own_row() {
    let (store, folder) = sqlite().await;
    let alone = placed(&person("p", "anna"), "n1", "e1", 1);
    write(&store, 1, &Changes { notifications_new: vec![alone.clone()], ..Changes::default() }).await;
    assert_eq!(contents(folder.path()).await, 0);
    assert_eq!(words(&store, "n1").await, alone.content);
}

#[tokio::test]
async fn words_that_change_are_written_and_those_that_stay_are_left_where_they_stand() {
    let (store, folder) = sqlite().await;
    let (anna, ben) =
        (placed(&person("p", "anna"), "n1", "e1", 1), placed(&person("p", "ben"), "n2", "e1", 1));
    let notifications_new = vec![anna.clone(), ben.clone()];
    write(&store, 1, &Changes { notifications_new, ..Changes::default() }).await;

    let mut transaction = store.begin().await.unwrap();
    let needs = ["n1", "n2"].map(|id| Need::Notification(project("p"), id.parse().unwrap()));
    let mut read = transaction.read(&needs).await.unwrap().notifications;
    read[0].round = 2;
    let said_anew = ContentItem { title: "Another".into(), ..(**read[1].content.as_ref().unwrap()).clone() };
    read[1].content = Some(said_anew.clone().into());
    let changes = Changes { notifications_changed: read, ..Changes::default() };
    transaction.write(BatchId(2), &changes).await.unwrap();
    transaction.commit().await.unwrap();

    assert_eq!(contents(folder.path()).await, 1, "Anna's row still points to what both said");
    assert_eq!(words(&store, "n1").await, anna.content);
    assert_eq!(words(&store, "n2").await.as_deref(), Some(&said_anew));
}

/// What a stored notification says.
async fn words(store: &SqliteStore, id: &str) -> Option<Arc<ContentItem>> {
    let mut transaction = store.begin().await.unwrap();
    let need = Need::Notification(project("p"), id.parse().unwrap());
    let found = transaction.read(&[need]).await.unwrap();
    found.notifications[0].content.clone()
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
