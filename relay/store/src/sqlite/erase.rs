//! Erases a recipient.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use sqlx::SqliteConnection;
use tidings_core::model::{BookKey, Delivery, Erased, Notification, PersonKey, Term, utc_day};
use tidings_core::ports::StoreError;
use tidings_protocol::{DeliveryState, EventId, NotificationState, Timestamp};

use super::cells::to_json;
use super::error::meaning;
use super::rows::person::key_cells;
use super::rows::{event, notification, work};
use super::statements::find::{ALL_DELIVERIES, EVERYTHING};
use super::statements::write as sql;
use super::turn::Script;
use super::words::ReadWords;
use super::write::{change_deliveries, change_notifications, count};
use super::{ask, put};
use crate::erasure::{ErasureKey, erased_chain, erased_delivery, erased_event, erased_notification};

/// Leaves only what the books and the consent chain need, without anything personal. A row that is not counted as
/// erased yet is moved there, in the same way as by the core. `causes` are the events of those that the core moved.
pub(super) async fn erase(
    connection: &mut SqliteConnection,
    person: &PersonKey,
    erased: &Erased,
    erasure: &ErasureKey,
    mut causes: BTreeSet<EventId>,
) -> Result<(), StoreError> {
    let name = erasure.name(person);
    let (project, recipient) = (person.project.as_str(), person.recipient.as_str());
    let mut moved = Moved { person, books: BTreeMap::new() };

    let rows = ask(connection, EVERYTHING, vec![key_cells(person)]).await?;
    let rows = rows.iter().map(notification::notification).collect::<Result<Vec<Notification>, _>>()?;
    causes.extend(rows.iter().map(|row| row.cause.event.clone()));
    for row in &rows {
        moved.shift(
            row.created_at,
            Term::Notification(row.state),
            Term::Notification(NotificationState::Erased),
        );
        if let Some(inapp) = row.inapp {
            moved.shift(inapp.made_at, Term::Delivery(inapp.state), Term::Delivery(DeliveryState::Erased));
        }
    }
    let left: Vec<_> = rows.iter().map(|row| Cow::Owned(erased_notification(row, &name))).collect();
    change_notifications(connection, &mut Script::new(false), &left, &ReadWords::default()).await?;

    let rows = ask(connection, ALL_DELIVERIES, vec![key_cells(person)]).await?;
    let rows = rows.iter().map(work::delivery).collect::<Result<Vec<Delivery>, _>>()?;
    for row in &rows {
        moved.shift(row.made_at, Term::Delivery(row.state), Term::Delivery(DeliveryState::Erased));
    }
    let left: Vec<_> = rows.iter().map(|row| erased_delivery(row, &name)).collect();
    change_deliveries(connection, &left).await?;
    count(connection, sql::COUNT, &moved.books).await?;

    empty_events(connection, person, &causes).await?;

    let chain = erased_chain(&name, erased);
    for statement in [sql::SEAL_CHAIN, sql::SEAL_HEAD] {
        let sealed = sqlx::query(statement).bind(project).bind(recipient).bind(&chain);
        sealed.execute(&mut *connection).await.map_err(meaning)?;
    }
    let remembered = sqlx::query(sql::ADD_ERASED_TOKENS).bind(project).bind(recipient);
    let remembered = remembered.bind(erased.at.as_millis()).execute(&mut *connection);
    remembered.await.map_err(meaning)?;
    for statement in sql::FORGET {
        let forgotten = sqlx::query(statement).bind(project).bind(recipient);
        forgotten.execute(&mut *connection).await.map_err(meaning)?;
    }
    let added = sqlx::query(sql::ADD_ERASED)
        .bind(project)
        .bind(name.as_str())
        .bind(erased.at.as_millis())
        .bind(i64::from(erased.epoch));
    added.execute(&mut *connection).await.map(drop).map_err(meaning)
}

/// Empties the events about the recipient, and those that told nobody else: their words and data are the recipient's
/// alone. The notifications are counted as erased already.
async fn empty_events(
    connection: &mut SqliteConnection,
    person: &PersonKey,
    causes: &BTreeSet<EventId>,
) -> Result<(), StoreError> {
    let about = sqlx::query(sql::ERASED_EVENTS).bind(person.project.as_str()).bind(person.recipient.as_str());
    let mut rows = about.fetch_all(&mut *connection).await.map_err(meaning)?;
    let alone = sqlx::query(sql::THEIRS_ALONE).bind(person.project.as_str()).bind(to_json(causes));
    rows.extend(alone.fetch_all(&mut *connection).await.map_err(meaning)?);
    let left = rows.iter().map(|row| event::event(row).map(|row| event::erased_cells(&erased_event(&row))));
    put(connection, sql::ERASE_EVENTS, left.collect::<Result<_, _>>()?).await.map(drop)
}

/// Rows that move to another state in the books.
struct Moved<'p> {
    person: &'p PersonKey,
    books: BTreeMap<BookKey, i64>,
}

impl Moved<'_> {
    fn shift(&mut self, made_at: Timestamp, from: Term, to: Term) {
        if from != to {
            for (term, by) in [(from, -1), (to, 1)] {
                let key = BookKey { project: self.person.project.clone(), day: utc_day(made_at), term };
                *self.books.entry(key).or_default() += by;
            }
        }
    }
}
