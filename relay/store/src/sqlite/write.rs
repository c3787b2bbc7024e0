//! Writes changes: a few statements for each kind of row, never one for each row.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sqlx::SqliteConnection;
use tidings_core::model::{BookKey, Changes, Delivery, Endpoint, Event, Notification, PersonKey};
use tidings_core::ports::{BatchId, StoreError};
use tidings_protocol::{DeliveryState, NotificationState, ProjectId, TopicId};

use super::cells::{Cells, to_json};
use super::rows::{consent, event, notification, person, trial, work};
use super::statements::write as sql;
use super::turn::Script;
use super::words::{self, ReadWords};
use super::{ask, erase, put};
use crate::erasure::{ErasureKey, causes_of, erased_delivery, erased_notification, hex};

/// Rows of the largest kinds up to which a write is a small one.
const SMALL_ROWS_MAX: usize = 4;

/// What changed comes before what was erased, and that before what is new: a recipient may be erased and seen anew in
/// one batch. What is left to execute is the answer.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    batch: BatchId,
    changes: &Changes,
    read: &ReadWords,
    erasure: &ErasureKey,
) -> Result<Script, StoreError> {
    change_events(connection, &changes.events_changed).await?;
    let changed = changes.notifications_changed.iter().map(|row| stored(row, erasure)).collect::<Vec<_>>();
    let mut left = Script::new(is_small(changes));
    let script = &mut left;
    change_notifications(connection, script, &changed, read).await?;
    let changed =
        changes.deliveries_changed.iter().map(|row| stored_delivery(row, erasure)).collect::<Vec<_>>();
    change_deliveries(connection, &changed).await?;
    if !changes.erased.is_empty() {
        script.run(connection).await?;
    }
    for (person, erased) in &changes.erased {
        let causes = causes_of(person, &changes.notifications_changed);
        erase::erase(connection, person, erased, erasure, causes).await?;
    }
    script.put(connection, sql::ADD_BATCH, vec![json!(hex(&batch.0.to_be_bytes()))]).await?;
    let events = changes.events_new.iter().map(event::event_cells).collect();
    script.put(connection, sql::ADD_EVENTS, events).await?;
    add_notifications(connection, script, &changes.notifications_new, erasure).await?;
    let new = changes.deliveries_new.iter().map(|row| work::delivery_cells(&stored_delivery(row, erasure)));
    script.put(connection, sql::ADD_DELIVERIES, new.collect()).await?;
    write_people(connection, script, changes).await?;
    write_work(connection, script, changes).await?;
    write_kept(connection, script, changes).await?;
    let books = changes.books.0.iter().map(|(key, n)| work::book_cells(key, *n));
    script.put(connection, sql::COUNT, books.collect()).await?;
    Ok(left)
}

/// Whether a write is of one request or little more.
fn is_small(changes: &Changes) -> bool {
    let Changes { events_new, notifications_new, notifications_changed, inboxes, .. } = changes;
    events_new.len() + notifications_new.len() + notifications_changed.len() + inboxes.len() <= SMALL_ROWS_MAX
}

/// Adds to counters.
pub(super) async fn count(
    connection: &mut SqliteConnection,
    sql: &'static str,
    books: &BTreeMap<BookKey, i64>,
) -> Result<(), StoreError> {
    put(connection, sql, books.iter().map(|(key, n)| work::book_cells(key, *n)).collect()).await.map(drop)
}

/// The row as it is stored: one that was erased has nothing personal any more.
fn stored<'r>(row: &'r Notification, erasure: &ErasureKey) -> Cow<'r, Notification> {
    if row.state == NotificationState::Erased {
        Cow::Owned(erased_notification(row, &erasure.name(&row.person)))
    } else {
        Cow::Borrowed(row)
    }
}

fn stored_delivery(row: &Delivery, erasure: &ErasureKey) -> Delivery {
    if row.state == DeliveryState::Erased {
        erased_delivery(row, &erasure.name(&row.person))
    } else {
        row.clone()
    }
}

/// Refuses the batch if a row that is to change is not there.
fn all_there(what: &str, written: u64, ids: &BTreeSet<&str>) -> Result<(), StoreError> {
    if usize::try_from(written) == Ok(ids.len()) {
        return Ok(());
    }
    Err(StoreError::Data { detail: format!("{what}: {written} of {} rows exist", ids.len()) })
}

async fn change_events(connection: &mut SqliteConnection, rows: &[Event]) -> Result<(), StoreError> {
    let written =
        put(connection, sql::CHANGE_EVENTS, rows.iter().map(event::changed_cells).collect()).await?;
    all_there("events", written, &rows.iter().map(|row| row.id.as_str()).collect())
}

/// Changes notifications that exist. Words that the transaction did not read are written.
pub(super) async fn change_notifications(
    connection: &mut SqliteConnection,
    script: &mut Script,
    rows: &[Cow<'_, Notification>],
    read: &ReadWords,
) -> Result<(), StoreError> {
    let erased = || rows.iter().filter(|row| row.state == NotificationState::Erased).map(|row| json!(row.id));
    let said_anew: Vec<_> = rows.iter().filter(|row| !read.are_those_of(row)).collect();
    let orphans: Vec<Value> =
        ask(connection, sql::CONTENT_HASHES, said_anew.iter().map(|row| json!(row.id)).collect())
            .await?
            .iter()
            .map(|row| Cells::of(row).text().map(|hash| json!(hash)))
            .collect::<Result<_, _>>()?;
    let moved = rows.iter().map(|row| notification::moved_cells(row)).collect();
    script.put(connection, sql::MOVE_NOTIFICATIONS, moved).await?;
    let cells = rows.iter().map(|row| notification::changed_cells(row)).collect();
    let written = put(connection, sql::CHANGE_NOTIFICATIONS, cells).await?;
    all_there("notifications", written, &rows.iter().map(|row| row.id.as_str()).collect())?;
    let words = said_anew.iter().map(|row| json!([row.id, row.content.as_deref().map(to_json)]));
    script.put(connection, sql::SET_WORDS, words.collect()).await?;
    script.put(connection, sql::REMOVE_STORY, erased().collect()).await?;
    script.put(connection, sql::REMOVE_ORIGIN, erased().collect()).await?;
    script.put(connection, sql::REMOVE_CONTENTS, orphans).await?;
    script
        .put(connection, sql::ADD_STORY, rows.iter().flat_map(|row| notification::story_cells(row)).collect())
        .await?;
    let matched =
        rows.iter().filter(|row| !row.keys.matches.is_empty() || row.state == NotificationState::Erased);
    script.put(connection, sql::REMOVE_MATCHES, matched.map(|row| json!(row.id)).collect()).await?;
    script
        .put(
            connection,
            sql::ADD_MATCHES,
            rows.iter().flat_map(|row| notification::match_cells(row)).collect(),
        )
        .await?;
    change_conversions(connection, script, rows).await
}

/// Which events would be conversions of notifications that changed.
async fn change_conversions(
    connection: &mut SqliteConnection,
    script: &mut Script,
    rows: &[Cow<'_, Notification>],
) -> Result<(), StoreError> {
    let waits = |row: &&Cow<'_, Notification>| {
        row.keys.conversion.is_some() || row.state == NotificationState::Erased
    };
    let ids = rows.iter().filter(waits).map(|row| json!(row.id)).collect();
    script.put(connection, sql::REMOVE_CONVERSIONS, ids).await?;
    let cells = rows.iter().filter_map(|row| notification::conversion_cells(row)).collect();
    script.put(connection, sql::ADD_CONVERSIONS, cells).await
}

async fn add_notifications(
    connection: &mut SqliteConnection,
    script: &mut Script,
    rows: &[Notification],
    erasure: &ErasureKey,
) -> Result<(), StoreError> {
    let rows: Vec<_> = rows.iter().map(|row| stored(row, erasure)).collect();
    let placed = words::place(&rows);
    script.put(connection, sql::ADD_CONTENTS, placed.shared).await?;
    let cells = rows.iter().zip(placed.cells).map(|(row, words)| notification::new_cells(row, words));
    script.put(connection, sql::ADD_NOTIFICATIONS, cells.collect()).await?;
    script
        .put(
            connection,
            sql::ADD_MATCHES,
            rows.iter().flat_map(|row| notification::match_cells(row)).collect(),
        )
        .await?;
    let cells = rows.iter().filter_map(|row| notification::conversion_cells(row)).collect();
    script.put(connection, sql::ADD_CONVERSIONS, cells).await
}

/// Changes deliveries that exist.
pub(super) async fn change_deliveries(
    connection: &mut SqliteConnection,
    rows: &[Delivery],
) -> Result<(), StoreError> {
    let written =
        put(connection, sql::CHANGE_DELIVERIES, rows.iter().map(work::delivery_cells).collect()).await?;
    all_there("deliveries", written, &rows.iter().map(|row| &*row.id).collect())
}

async fn write_people(
    connection: &mut SqliteConnection,
    script: &mut Script,
    changes: &Changes,
) -> Result<(), StoreError> {
    script
        .put(
            connection,
            sql::SET_RECIPIENTS,
            changes.recipients.iter().map(person::recipient_cells).collect(),
        )
        .await?;
    script
        .put(connection, sql::SET_INBOXES, changes.inboxes.iter().map(person::inbox_cells).collect())
        .await?;
    let entries: Vec<_> = changes.consent_entries.iter().map(consent::entry_cells).collect();
    script.put(connection, sql::ADD_CONSENT_ENTRIES, entries.clone()).await?;
    script.put(connection, sql::SET_CONSENT_HEADS, entries).await?;
    let states = changes.consent_states.iter().map(consent::state_cells);
    script.put(connection, sql::SET_CONSENT_STATES, states.collect()).await?;
    // The last word on a membership counts.
    let memberships: BTreeMap<(&PersonKey, &TopicId), bool> =
        changes.memberships.iter().map(|(person, topic, member)| ((person, topic), *member)).collect();
    let topics = |wanted: bool| {
        let rows = memberships.iter().filter(move |(_, member)| **member == wanted);
        rows.map(|((person, topic), _)| json!([person.project, person.recipient, topic])).collect()
    };
    script.put(connection, sql::ADD_TOPICS, topics(true)).await?;
    script.put(connection, sql::REMOVE_TOPICS, topics(false)).await?;
    let removed = changes.endpoints_removed.iter();
    let removed =
        removed.map(|(person, channel, address)| json!([person.project, person.recipient, channel, address]));
    script.put(connection, sql::REMOVE_ENDPOINTS, removed.collect()).await?;
    let set: &[(PersonKey, Endpoint)] = &changes.endpoints_set;
    script.put(connection, sql::SET_ENDPOINTS, set.iter().map(person::endpoint_cells).collect()).await?;
    script
        .put(connection, sql::SET_DEVICES, changes.devices.iter().map(person::device_cells).collect())
        .await?;
    Ok(())
}

/// A key of work that is both cleared and set is set; a once-key that is both taken and given back by the same
/// notification is free.
async fn write_work(
    connection: &mut SqliteConnection,
    script: &mut Script,
    changes: &Changes,
) -> Result<(), StoreError> {
    script
        .put(connection, sql::CLEAR_DUE, changes.due_cleared.iter().map(work::due_key_cells).collect())
        .await?;
    script.put(connection, sql::SET_DUE, changes.due_set.iter().map(work::due_cells).collect()).await?;
    script.put(connection, sql::SET_ONCE, changes.once_taken.iter().map(work::once_cells).collect()).await?;
    script
        .put(connection, sql::REMOVE_ONCE, changes.once_given_back.iter().map(work::once_cells).collect())
        .await?;
    let closed = changes.digests_closed.iter();
    let closed = closed.map(|(person, scope, key)| work::digest_key_cells(person, scope, key));
    script.put(connection, sql::REMOVE_DIGESTS, closed.collect()).await?;
    script
        .put(connection, sql::SET_DIGESTS, changes.digests_set.iter().map(work::digest_cells).collect())
        .await?;
    Ok(())
}

async fn write_kept(
    connection: &mut SqliteConnection,
    script: &mut Script,
    changes: &Changes,
) -> Result<(), StoreError> {
    script
        .put(connection, sql::ADD_RECEIPTS, changes.receipts.iter().map(work::receipt_cells).collect())
        .await?;
    let tallies = changes.tallies.iter().map(trial::tally_cells).collect();
    script.put(connection, sql::ADD_TALLIES, tallies).await?;
    script.put(connection, sql::ADD_WINS, changes.wins.iter().map(trial::win_cells).collect()).await?;
    let spending = changes.spending.iter().map(work::spending_cells).collect();
    script.put(connection, sql::ADD_SPENDING, spending).await?;
    script
        .put(connection, sql::SET_OPERATIONS, changes.operations.iter().map(work::operation_cells).collect())
        .await?;
    script
        .put(connection, sql::ADD_COLLECTED, changes.collected.iter().map(work::collected_cells).collect())
        .await?;
    script
        .put(connection, sql::SET_ANSWERS, changes.answers.iter().map(work::answer_cells).collect())
        .await?;
    write_feed(connection, script, changes).await
}

/// Numbers the entries of each project from its head on. There is one writer, so numbers are in the order of commits.
async fn write_feed(
    connection: &mut SqliteConnection,
    script: &mut Script,
    changes: &Changes,
) -> Result<(), StoreError> {
    let mut added: BTreeMap<&ProjectId, u64> = BTreeMap::new();
    let mut rows = Vec::with_capacity(changes.feed.len());
    for entry in &changes.feed {
        let number = added.entry(&entry.project).or_default();
        *number += 1;
        rows.push(work::feed_cells(*number, entry));
    }
    script.put(connection, sql::ADD_FEED, rows).await?;
    let heads = added.into_iter().map(|(project, added)| json!([project, added]));
    script.put(connection, sql::RAISE_FEED_HEADS, heads.collect()).await
}
