//! Deletes what is past its retention.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tidings_core::model::{BookKey, Term, utc_day};
use tidings_core::ports::StoreError;
use tidings_core::retention::Outdated;
use tidings_protocol::{ProjectId, RecipientId, Timestamp};

use super::cells::Cells;
use super::error::meaning;
use super::statements::{keep as sql, write};
use super::write::count;
use super::{ask, limit as as_limit, put};
use crate::retention::{
    BATCHES_KEPT, EVENT_LATE_DAYS, FEED_DAYS, OPERATION_DAYS, TOKEN_DAYS, days_before, share,
};

pub(super) async fn purge(
    connection: &mut SqliteConnection,
    now: Timestamp,
    projects: &[(ProjectId, Outdated)],
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
        (sql::PURGE_PUBLIC_TOKENS, now.as_millis()),
        (sql::PURGE_DEVICE_TOKENS, days_before(now, TOKEN_DAYS).as_millis()),
        (sql::PURGE_ERASED_TOKENS, days_before(now, TOKEN_DAYS).as_millis()),
        (sql::PURGE_BATCHES, batches),
    ] {
        let done = sqlx::query(statement).bind(before).bind(as_limit(left)).execute(&mut *connection).await;
        let gone = done.map_err(meaning)?.rows_affected();
        left = left.saturating_sub(usize::try_from(gone).unwrap_or(usize::MAX));
    }
    // An index of rows that stay, so it is no row that went: an event may be told so long after it happened.
    let late = days_before(now, EVENT_LATE_DAYS).as_millis();
    let forgotten = sqlx::query(sql::FORGET_CONVERSIONS).bind(late).bind(as_limit(limit));
    forgotten.execute(&mut *connection).await.map_err(meaning)?;
    for (place, (project, outdated)) in projects.iter().enumerate() {
        let share = share(left, projects.len() - place);
        left -= purge_project(connection, project, (now, outdated), share).await?;
    }
    Ok(u64::try_from(limit - left).unwrap_or(u64::MAX))
}

async fn purge_project(
    connection: &mut SqliteConnection,
    project: &ProjectId,
    (now, outdated): (Timestamp, &Outdated),
    limit: usize,
) -> Result<usize, StoreError> {
    let mut gone = forget_words(connection, project, (now, outdated.inbox), limit).await?;
    gone += leave_inboxes(connection, project, outdated.inbox, limit - gone).await?;
    gone += purge_notifications(connection, project, outdated.story, limit - gone).await?;
    gone += purge_events(connection, project, outdated.events, limit - gone).await?;
    Ok(gone)
}

/// What a dead delivery says is kept for as long as it may be revived: until its notification is worth nothing any more, or
/// is past its retention.
async fn forget_words(
    connection: &mut SqliteConnection,
    project: &ProjectId,
    (now, before): (Timestamp, Timestamp),
    limit: usize,
) -> Result<usize, StoreError> {
    let done = sqlx::query(sql::FORGET_WORDS).bind(project.as_str()).bind(before.as_millis());
    let done = done.bind(as_limit(limit)).bind(now.as_millis()).execute(connection).await;
    Ok(usize::try_from(done.map_err(meaning)?.rows_affected()).unwrap_or(usize::MAX))
}

async fn old(
    connection: &mut SqliteConnection,
    statement: &'static str,
    project: &ProjectId,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<SqliteRow>, StoreError> {
    let rows = sqlx::query(statement).bind(project.as_str()).bind(before.as_millis()).bind(as_limit(limit));
    rows.fetch_all(connection).await.map_err(meaning)
}

/// Takes notifications out of their inboxes. A device that stands before one of them may still have it: it begins from
/// nothing.
async fn leave_inboxes(
    connection: &mut SqliteConnection,
    project: &ProjectId,
    before: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let rows = old(connection, sql::LEAVING, project, before, limit).await?;
    let (mut ids, mut contents) = (Vec::with_capacity(rows.len()), BTreeSet::new());
    let mut floors: BTreeMap<RecipientId, u64> = BTreeMap::new();
    for row in &rows {
        let mut cells = Cells::of(row);
        ids.push(Value::from(cells.cell::<&str>()?));
        let floor = floors.entry(cells.word()?).or_default();
        *floor = cells.number_maybe()?.unwrap_or(0).max(*floor);
        contents.extend(cells.text_maybe()?.filter(|hash| !hash.is_empty()));
    }
    let floors = floors.into_iter().map(|(recipient, seq)| json!([project, recipient, seq]));
    put(connection, sql::RAISE_FLOORS, floors.collect()).await?;
    put(connection, sql::LEAVE_INBOXES, ids).await?;
    remove_contents(connection, contents).await?;
    Ok(rows.len())
}

/// Words that nobody says any more.
async fn remove_contents(
    connection: &mut SqliteConnection,
    hashes: BTreeSet<Box<str>>,
) -> Result<(), StoreError> {
    let hashes = hashes.into_iter().map(|hash| json!(hash)).collect();
    put(connection, write::REMOVE_CONTENTS, hashes).await.map(drop)
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
    project: &ProjectId,
    before: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let rows = old(connection, sql::OLD_NOTIFICATIONS, project, before, limit).await?;
    let (mut ids, mut contents) = (Vec::with_capacity(rows.len()), BTreeSet::new());
    let mut purged = Purged::default();
    for row in &rows {
        let mut cells = Cells::of(row);
        ids.push(Value::from(cells.cell::<&str>()?));
        purged.add(project, (cells.time()?, Term::Notification(cells.word()?)));
        let (inapp_made_at, inapp) = (cells.time_maybe()?, cells.word_maybe()?);
        if let Some(term) = inapp_made_at.zip(inapp.map(Term::Delivery)) {
            purged.add(project, term);
        }
        contents.extend(cells.text_maybe()?.filter(|hash| !hash.is_empty()));
    }
    for row in ask(connection, sql::DELIVERIES_OF, ids.clone()).await? {
        let mut cells = Cells::of(&row);
        let project = cells.word()?;
        purged.add(&project, (cells.time()?, Term::Delivery(cells.word()?)));
    }
    count(connection, write::COUNT_PURGED, &purged.0).await?;
    for statement in [
        sql::REMOVE_RECEIPTS,
        sql::REMOVE_DELIVERIES,
        write::REMOVE_MATCHES,
        write::REMOVE_CONVERSIONS,
        write::REMOVE_STORY,
        sql::REMOVE_NOTIFICATIONS,
    ] {
        put(connection, statement, ids.clone()).await?;
    }
    remove_contents(connection, contents).await?;
    Ok(rows.len())
}

async fn purge_events(
    connection: &mut SqliteConnection,
    project: &ProjectId,
    before: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let rows = old(connection, sql::OLD_EVENTS, project, before, limit).await?;
    let mut purged = Purged::default();
    let mut ids = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut cells = Cells::of(row);
        ids.push(Value::from(cells.cell::<&str>()?));
        purged.add(project, (cells.time()?, Term::Event(cells.word()?)));
    }
    count(connection, write::COUNT_PURGED, &purged.0).await?;
    put(connection, sql::REMOVE_EVENTS, ids).await?;
    Ok(rows.len())
}
