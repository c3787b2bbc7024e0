//! Answers needs: all of one kind with one statement.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tidings_core::model::{Person, PersonKey, ProjectState};
use tidings_core::ports::{ConversionAsked, Found, HistoryAsked, Need, StoreError};
use tidings_protocol::{ProjectId, RecipientId};

use super::cells::Cells;
use super::error::meaning;
use super::kept::Kept;
use super::people::AskedPeople;
use super::rows::person::{key_cells, person_key};
use super::rows::setup::stop_switch;
use super::rows::{event, notification, trial, work};
use super::run;
use super::statements::find as sql;
use super::turn::{Question, ask_all};
use crate::erasure::ErasureKey;
use crate::found::Gathered;

/// What a statement's rows are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Project,
    Event,
    Notification,
    Digest,
    Once,
    Delivery,
    Spending,
    Tally,
    Win,
    Due,
    Operation,
    Answer,
    Owner,
}

/// What is asked, sorted by the statement that answers it.
#[derive(Default)]
struct Asked<'n> {
    keys: BTreeMap<(Kind, &'static str), Vec<Value>>,
    people: Vec<PersonKey>,
    histories: Vec<&'n HistoryAsked>,
    pages: Vec<&'n Need>,
}

/// Answers needs. What is kept is not read, and recipients and projects that are read are kept, where there is a memory.
/// The first thing that is executed is what is to be executed before.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    before: &mut Option<&'static str>,
    needs: &[Need],
    mut kept: Option<&mut Kept>,
    erasure: &ErasureKey,
) -> Result<Found, StoreError> {
    let mut asked = Asked::default();
    let mut found = Gathered::default();
    let mut wins_of = Vec::new();
    for need in needs {
        if !kept.as_mut().is_some_and(|kept| recall(kept, need, &mut found)) {
            asked.sort(need);
            wins_of.extend(if let Need::Wins(project) = need { Some(project) } else { None });
        }
    }
    let Asked { keys, people, histories, pages } = asked;
    // Needs come sorted, so the keys of a kind are as well: neighbours in an index are looked up one after the other.
    let (kinds, mut questions): (Vec<Kind>, Vec<Question>) =
        keys.into_iter().map(|((kind, sql), keys)| (kind, (sql, keys))).unzip();
    let people = AskedPeople::new(&people, erasure);
    questions.extend(people.questions());
    questions.push((sql::HISTORIES, histories.iter().enumerate().map(history_cells).collect()));
    if questions.iter().any(|(_, keys)| !keys.is_empty()) {
        let mut answers = ask_all(connection, before.take(), questions, None).await?;
        let counted = answers.pop().unwrap_or_default();
        let of_people = answers.split_off(kinds.len());
        for (kind, rows) in kinds.into_iter().zip(answers) {
            rows.iter().try_for_each(|row| gather(kind, row, &mut found))?;
        }
        remember(people.people(&of_people)?, &wins_of, kept, &mut found);
        for row in &counted {
            let mut cells = Cells::of(row);
            let place: usize = cells.number()?;
            found.histories.insert(histories[place].clone(), cells.cell()?);
        }
    }
    for need in pages {
        if let Some(before) = before.take() {
            run(connection, before).await?;
        }
        page(connection, need, &mut found).await?;
    }
    Ok(found.into_found())
}

/// Answers a need from memory, if it is there.
fn recall(kept: &mut Kept, need: &Need, found: &mut Gathered) -> bool {
    if let Need::Project(id) = need
        && let Some(project) = kept.project(id)
    {
        found.projects.insert(id.clone(), project.clone());
        return true;
    }
    if let Need::Person(key) = need
        && let Some(person) = kept.get(key)
    {
        found.people.insert(key.clone(), person.clone());
        return true;
    }
    if let Need::Wins(id) = need
        && let Some(wins) = kept.wins(id)
    {
        wins.iter().for_each(|win| found.win(win.clone()));
        return true;
    }
    false
}

/// Adds recipients that were read, and keeps them, the projects and their wins where there is a memory.
fn remember(people: Vec<Person>, wins_of: &[&ProjectId], kept: Option<&mut Kept>, found: &mut Gathered) {
    if let Some(kept) = kept {
        for project in wins_of {
            let wins = found.wins.values().filter(|win| win.project == **project);
            kept.remember_wins((*project).clone(), wins.cloned().collect());
        }
        found.projects.values().for_each(|project| kept.remember_project(project.clone()));
        people.iter().for_each(|person| kept.remember(person.clone()));
    }
    found.people.extend(people.into_iter().map(|person| (person.key.clone(), person)));
}

fn history_cells((place, asked): (usize, &&HistoryAsked)) -> Value {
    let PersonKey { project, recipient } = &asked.person;
    json!([project, recipient, asked.event_type, asked.since.as_millis(), place])
}

impl<'n> Asked<'n> {
    fn sort(&mut self, need: &'n Need) {
        let (kind, sql, key) = match need {
            Need::Person(person) => {
                self.people.push(person.clone());
                return;
            }
            Need::History(asked) => {
                self.histories.push(asked);
                return;
            }
            Need::OfEvent(..) | Need::Members(..) | Need::Recipients(..) => {
                self.pages.push(need);
                return;
            }
            Need::Everything(person) => {
                self.add(Kind::Notification, sql::EVERYTHING, key_cells(person));
                (Kind::Delivery, sql::ALL_DELIVERIES, key_cells(person))
            }
            Need::Chain(project, first) => {
                self.add(Kind::Notification, sql::NOTIFICATIONS, json!([project, first]));
                (Kind::Notification, sql::CHAINED, json!([project, first]))
            }
            Need::Project(id) => (Kind::Project, sql::PROJECTS, json!(id)),
            Need::Event(id) => (Kind::Event, sql::EVENTS, json!(id)),
            Need::SameEvent { project, source, external_id, since } => {
                (Kind::Event, sql::SAME_EVENTS, json!([project, source, external_id, since.as_millis()]))
            }
            Need::Notification(..)
            | Need::Made(..)
            | Need::Collapse(..)
            | Need::Match { .. }
            | Need::Convertible(_)
            | Need::Pending(_)
            | Need::Placed { .. }
            | Need::DigestMembers(_) => notification_key(need),
            Need::Digest(person, scope, key) => {
                (Kind::Digest, sql::DIGESTS, work::digest_key_cells(person, scope, key))
            }
            Need::DigestById(id) => (Kind::Digest, sql::DIGESTS_BY_ID, json!(id)),
            Need::Once(person, rule, value) => {
                (Kind::Once, sql::ONCE, json!([person.project, person.recipient, rule, value]))
            }
            Need::AllDeliveries(notification) => (Kind::Delivery, sql::DELIVERIES_OF, json!(notification)),
            Need::Tallies(project, rule, trial) => (Kind::Tally, sql::TALLIES, json!([project, rule, trial])),
            Need::Wins(project) => (Kind::Win, sql::WINS, json!(project)),
            Need::Spending(project, channel) => (Kind::Spending, sql::SPENDING, json!([project, channel])),
            Need::Delivery(project, id) => (Kind::Delivery, sql::DELIVERY, json!([project, id])),
            Need::Deliveries(notification) => (Kind::Delivery, sql::DELIVERIES, json!(notification)),
            Need::PendingDeliveries(person) => (Kind::Delivery, sql::PENDING_DELIVERIES, key_cells(person)),
            Need::Due(project, key) => {
                (Kind::Due, sql::DUE, work::due_key_cells(&(project.clone(), key.clone())))
            }
            Need::Operation(person, device, operation) => {
                let key = json!([person.project, person.recipient, device, operation]);
                (Kind::Operation, sql::OPERATIONS, key)
            }
            Need::Answer(project, route, key) => (Kind::Answer, sql::ANSWERS, json!([project, route, key])),
            Need::AddressOwners(project, channel, address) => {
                (Kind::Owner, sql::OWNERS, json!([project, channel, address]))
            }
        };
        self.add(kind, sql, key);
    }

    fn add(&mut self, kind: Kind, sql: &'static str, key: Value) {
        self.keys.entry((kind, sql)).or_default().push(key);
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "sort names every need, without a wildcard")]
fn notification_key(need: &Need) -> (Kind, &'static str, Value) {
    let (sql, key) = match need {
        Need::Notification(project, id) => (sql::NOTIFICATIONS, json!([project, id])),
        Need::Made(event, rule, person) => {
            (sql::MADE, json!([event, rule, person.project, person.recipient]))
        }
        Need::Collapse(person, category, value) => {
            (sql::COLLAPSE, json!([person.project, person.recipient, category, value]))
        }
        Need::Match { project, rule, event_type, value } => {
            (sql::MATCHES, json!([project, rule, event_type, value]))
        }
        Need::Convertible(ConversionAsked { project, rule, event_type, value, recipient, at }) => {
            let sql = if recipient.is_some() { sql::CONVERTIBLE } else { sql::CONVERTIBLE_OF_ANYBODY };
            (sql, json!([project, rule, event_type, value, recipient, at.as_millis()]))
        }
        Need::Pending(person) => (sql::PENDING, key_cells(person)),
        Need::Placed { person, after, upto } => {
            (sql::PLACED, json!([person.project, person.recipient, place(*after), place(*upto)]))
        }
        Need::DigestMembers(digest) => (sql::DIGEST_MEMBERS, json!(digest)),
        other => unreachable!("{other:?} asks for no notification"),
    };
    (Kind::Notification, sql, key)
}

/// A place as SQLite counts.
fn place(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

fn gather(kind: Kind, row: &SqliteRow, found: &mut Gathered) -> Result<(), StoreError> {
    match kind {
        Kind::Project => {
            let mut cells = Cells::of(row);
            let (id, name, configuration) = (cells.word()?, cells.text()?, cells.number()?);
            let state = ProjectState { id, name, configuration, stop: stop_switch(&mut cells)? };
            found.projects.insert(state.id.clone(), state);
        }
        Kind::Event => {
            let row = event::event(row)?;
            found.events.insert(row.id.clone(), row);
        }
        Kind::Notification => {
            let row = notification::notification(row)?;
            found.notifications.insert(row.id.clone(), row);
        }
        Kind::Digest => {
            let row = work::digest(row)?;
            found.digests.insert(row.id.clone(), row);
        }
        Kind::Once => {
            found.once.insert(work::once(row)?);
        }
        Kind::Delivery => {
            let row = work::delivery(row)?;
            found.deliveries.insert(row.id.clone(), row);
        }
        Kind::Spending => {
            let (key, spent) = work::spending(row)?;
            found.spending.insert(key, spent);
        }
        Kind::Tally => {
            let (key, tally) = trial::tally(row)?;
            found.tallies.insert(key, tally);
        }
        Kind::Win => found.win(trial::win(row)?),
        Kind::Due => {
            let row = work::due(row)?;
            found.due.insert((row.person.project.clone(), row.key.clone()), row);
        }
        Kind::Operation => found.operation(work::operation(row)?),
        Kind::Answer => found.answer(work::answer(row)?),
        Kind::Owner => {
            let mut cells = Cells::of(row);
            let person = person_key(&mut cells)?;
            found.owners.insert((cells.word()?, cells.text()?, person));
        }
    }
    Ok(())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "sort names every need, without a wildcard")]
async fn page(
    connection: &mut SqliteConnection,
    need: &Need,
    found: &mut Gathered,
) -> Result<(), StoreError> {
    let from = |after: &Option<RecipientId>| after.as_ref().map_or("", |id| id.as_str()).to_owned();
    let query = match need {
        Need::OfEvent(event, after, limit) => {
            let after = after.as_ref().map_or("", |id| id.as_str()).to_owned();
            let query = sqlx::query(sql::OF_EVENT).bind(event.as_str()).bind(after).bind(i64::from(*limit));
            for row in query.fetch_all(&mut *connection).await.map_err(meaning)? {
                gather(Kind::Notification, &row, found)?;
            }
            return Ok(());
        }
        Need::Members(project, topic, after, limit) => sqlx::query(sql::MEMBERS)
            .bind(project.as_str())
            .bind(topic.as_str())
            .bind(from(after))
            .bind(i64::from(*limit)),
        Need::Recipients(project, after, limit) => {
            sqlx::query(sql::PEOPLE).bind(project.as_str()).bind(from(after)).bind(i64::from(*limit))
        }
        other => unreachable!("{other:?} asks for no page"),
    };
    let rows = query.fetch_all(&mut *connection).await.map_err(meaning)?;
    let ids = rows.iter().map(|row| Cells::of(row).word()).collect::<Result<_, _>>()?;
    found.pages.insert(need.clone(), ids);
    Ok(())
}
