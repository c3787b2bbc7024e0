//! Deletes what is past its retention.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tidings_core::model::{BookKey, PersonKey, Term, utc_day};
use tidings_core::ports::StoreError;
use tidings_protocol::{NotificationId, ProjectId, Timestamp};

use super::cells::Cells;
use super::error::meaning;
use super::rows::person::person_key;
use super::statements::{keep as sql, write};
use super::write::count;
use super::{ask, limit as as_limit, put};
use crate::retention::{BATCHES_KEPT, FEED_DAYS, NOTIFICATION_DAYS, OPERATION_DAYS, TOKEN_DAYS, days_before};

pub(super) async fn purge(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<u64, StoreError> {
    let mut left = limit;
    let batches = i64::try_from(BATCHES_KEPT).expect("a small number");
    for (statement, before) in [
        (sql::PURGE_OPERATIONS, days_before(now, OPERATION_DAYS).as_millis()),
        (sql::PURGE_ANSWERS, now.as_millis()),
        (sql::PURGE_ONCE, now.as_millis()),
        (sql::PURGE_COLLECTED, now.as_millis()),
        (sql::PURGE_FEED, days_before(now, FEED_DAYS).as_millis()),
        (sql::PURGE_CONNECT_CODES, now.as_millis()),
        (sql::PURGE_DEVICE_TOKENS, days_before(now, TOKEN_DAYS).as_millis()),
        (sql::PURGE_ERASED_TOKENS, days_before(now, TOKEN_DAYS).as_millis()),
        (sql::PURGE_BATCHES, batches),
    ] {
        let done = sqlx::query(statement).bind(before).bind(as_limit(left)).execute(&mut *connection).await;
        let gone = done.map_err(meaning)?.rows_affected();
        left = left.saturating_sub(usize::try_from(gone).unwrap_or(usize::MAX));
    }
    left -= purge_notifications(connection, now, left).await?;
    left -= purge_events(connection, now, left).await?;
    Ok(u64::try_from(limit - left).unwrap_or(u64::MAX))
}

/// A final notification without pending deliveries.
struct Old {
    id: NotificationId,
    person: PersonKey,
    terms: Vec<(Timestamp, Term)>,
    seq: Option<u64>,
    content: Option<Box<str>>,
}

fn old(row: &SqliteRow) -> Result<Old, StoreError> {
    let mut cells = Cells::of(row);
    let (id, person) = (cells.word()?, person_key(&mut cells)?);
    let mut terms = vec![(cells.time()?, Term::Notification(cells.word()?))];
    let (inapp_made_at, inapp) = (cells.time_maybe()?, cells.word_maybe()?);
    terms.extend(inapp_made_at.zip(inapp.map(Term::Delivery)));
    let (seq, content) = (cells.number_maybe()?, cells.text_maybe()?);
    Ok(Old { id, person, terms, seq, content: content.filter(|hash| !hash.is_empty()) })
}

#[derive(Default)]
struct Purged(BTreeMap<BookKey, i64>);

impl Purged {
    fn add(&mut self, project: &ProjectId, (made_at, term): (Timestamp, Term)) {
        *self.0.entry(BookKey { project: project.clone(), day: utc_day(made_at), term }).or_default() += 1;
    }
}

async fn purge_notifications(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let rows = sqlx::query(sql::OLD_NOTIFICATIONS)
        .bind(days_before(now, NOTIFICATION_DAYS).as_millis())
        .bind(now.as_millis())
        .bind(as_limit(limit));
    let rows = rows.fetch_all(&mut *connection).await.map_err(meaning)?;
    let rows = rows.iter().map(old).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<Value> = rows.iter().map(|row| json!(row.id)).collect();
    let mut purged = Purged::default();
    let mut floors: BTreeMap<&PersonKey, u64> = BTreeMap::new();
    for row in &rows {
        row.terms.iter().for_each(|term| purged.add(&row.person.project, *term));
        if let Some(seq) = row.seq {
            let floor = floors.entry(&row.person).or_default();
            *floor = seq.max(*floor);
        }
    }
    for row in ask(connection, sql::DELIVERIES_OF, ids.clone()).await? {
        let mut cells = Cells::of(&row);
        let project = cells.word()?;
        purged.add(&project, (cells.time()?, Term::Delivery(cells.word()?)));
    }
    count(connection, write::COUNT_PURGED, &purged.0).await?;
    let floors = floors.into_iter().map(|(person, seq)| json!([person.project, person.recipient, seq]));
    put(connection, sql::RAISE_FLOORS, floors.collect()).await?;
    for statement in
        [sql::REMOVE_RECEIPTS, sql::REMOVE_DELIVERIES, write::REMOVE_STORY, sql::REMOVE_NOTIFICATIONS]
    {
        put(connection, statement, ids.clone()).await?;
    }
    let contents: BTreeSet<&str> = rows.iter().filter_map(|row| row.content.as_deref()).collect();
    put(connection, write::REMOVE_CONTENTS, contents.into_iter().map(Value::from).collect()).await?;
    Ok(rows.len())
}

async fn purge_events(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let before = days_before(now, NOTIFICATION_DAYS).as_millis();
    let rows = sqlx::query(sql::OLD_EVENTS).bind(before).bind(as_limit(limit));
    let rows = rows.fetch_all(&mut *connection).await.map_err(meaning)?;
    let mut purged = Purged::default();
    let mut ids = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut cells = Cells::of(row);
        ids.push(Value::from(cells.cell::<&str>()?));
        let project = cells.word()?;
        purged.add(&project, (cells.time()?, Term::Event(cells.word()?)));
    }
    count(connection, write::COUNT_PURGED, &purged.0).await?;
    put(connection, sql::REMOVE_EVENTS, ids).await?;
    Ok(rows.len())
}
