//! Deliveries, work that waits, once-keys, digests, and what is kept against repetition.

use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use tidings_core::model::{
    BookKey, CollectedRow, Delivery, DigestScope, DueKey, DueRow, FeedEntry, FeedKind, Lane, Ledger, OnceKey,
    OpenDigest, OperationRow, PersonKey, ReceiptRow, StoredAnswer, Term,
};
use tidings_core::ports::StoreError;
use tidings_protocol::{Channel, EventId, NotificationId, ProjectId, RuleId};

use super::person::person_key;
use super::way::{self, urgency};
use crate::erasure::hex;
use crate::order::due_words;
use crate::sqlite::cells::{Cells, damaged, parsed, to_json};

pub(in crate::sqlite) fn delivery_cells(row: &Delivery) -> Value {
    json!([
        row.id,
        row.notification,
        row.person.project,
        row.person.recipient,
        row.channel,
        row.address,
        row.state,
        row.reason,
        row.step,
        row.made_at.as_millis(),
        row.changed_at.as_millis(),
        row.way.as_ref().map(|way| &way.provider),
        row.way.as_ref().map(|way| urgency(way.priority)),
        row.way.as_ref().map(|way| way.due.as_millis()),
        row.way.as_ref().and_then(|way| way.provider_id.as_ref()),
        row.way.as_deref().map(|way| to_json(&way::pack(way))),
        row.address
            .as_deref()
            .and_then(|address| tidings_core::delivery::host(row.channel, address))
            .unwrap_or_default()
    ])
}

pub(in crate::sqlite) fn delivery(row: &SqliteRow) -> Result<Delivery, StoreError> {
    let mut cells = Cells::of(row);
    Ok(Delivery {
        id: cells.text()?,
        notification: cells.word()?,
        person: person_key(&mut cells)?,
        channel: cells.word()?,
        address: cells.text_maybe()?,
        state: cells.word()?,
        reason: cells.word_maybe()?,
        step: cells.number()?,
        made_at: cells.time()?,
        changed_at: cells.time()?,
        way: way::way(&mut cells)?,
    })
}

/// `project, channel, day, spent`.
pub(in crate::sqlite) fn spending(row: &SqliteRow) -> Result<((ProjectId, Channel, i32), i64), StoreError> {
    let mut cells = Cells::of(row);
    Ok(((cells.word()?, cells.word()?, cells.number()?), cells.cell()?))
}

pub(in crate::sqlite) fn spending_cells(
    ((project, channel, day), spent): (&(ProjectId, Channel, i32), &i64),
) -> Value {
    json!([project, channel, day, spent])
}

/// The word of a lane.
pub(in crate::sqlite) const fn lane_word(lane: Lane) -> &'static str {
    match lane {
        Lane::Release => "release",
        Lane::Step => "step",
        Lane::FanOut => "fan_out",
    }
}

pub(in crate::sqlite) fn due_key_cells((project, key): &(ProjectId, DueKey)) -> Value {
    let (kind, id, rule) = due_words(key);
    json!([project, kind, id, rule])
}

pub(in crate::sqlite) fn due_cells(row: &DueRow) -> Value {
    let (kind, id, rule) = due_words(&row.key);
    let lane = lane_word(row.key.lane());
    json!([row.person.project, kind, id, rule, row.person.recipient, lane, row.at.as_millis()])
}

/// `project, recipient, kind, id, rule, at`.
pub(in crate::sqlite) fn due(row: &SqliteRow) -> Result<DueRow, StoreError> {
    let mut cells = Cells::of(row);
    let person = person_key(&mut cells)?;
    let (kind, id, rule) = (cells.cell::<&str>()?, cells.cell::<&str>()?, cells.cell::<&str>()?);
    let key = match kind {
        "release" => DueKey::Release(parsed::<NotificationId>(id)?),
        "step" => DueKey::Step(parsed(id)?),
        "repeat" => DueKey::Repeat(parsed(id)?),
        "digest" => DueKey::Digest(parsed(id)?),
        "fan_out" if rule.is_empty() => DueKey::FanOut(parsed::<EventId>(id)?, None),
        "fan_out" => DueKey::FanOut(parsed(id)?, Some(parsed::<RuleId>(rule)?)),
        other => return Err(damaged(format!("work of the kind {other:?} is not known"))),
    };
    Ok(DueRow { key, person, at: cells.time()? })
}

pub(in crate::sqlite) fn once_cells(row: &OnceKey) -> Value {
    json!([
        row.person.project,
        row.person.recipient,
        row.rule,
        row.value,
        row.notification,
        row.until.as_millis()
    ])
}

pub(in crate::sqlite) fn once(row: &SqliteRow) -> Result<OnceKey, StoreError> {
    let mut cells = Cells::of(row);
    Ok(OnceKey {
        person: person_key(&mut cells)?,
        rule: cells.word()?,
        value: cells.text()?,
        notification: cells.word()?,
        until: cells.time()?,
    })
}

/// Kind and id of a digest's scope.
fn scope_words(scope: &DigestScope) -> (&'static str, &str) {
    match scope {
        DigestScope::Rule(id) => ("rule", id.as_str()),
        DigestScope::Category(id) => ("category", id.as_str()),
    }
}

pub(in crate::sqlite) fn digest_key_cells(person: &PersonKey, scope: &DigestScope, key: &str) -> Value {
    let (scope, of) = scope_words(scope);
    json!([person.project, person.recipient, scope, of, key])
}

pub(in crate::sqlite) fn digest_cells(row: &OpenDigest) -> Value {
    let (scope, of) = scope_words(&row.scope);
    json!([
        row.person.project,
        row.person.recipient,
        scope,
        of,
        row.key,
        row.id,
        row.opened_at.as_millis(),
        row.due.as_millis(),
        row.members
    ])
}

pub(in crate::sqlite) fn digest(row: &SqliteRow) -> Result<OpenDigest, StoreError> {
    let mut cells = Cells::of(row);
    let person = person_key(&mut cells)?;
    let scope = match cells.cell::<&str>()? {
        "rule" => DigestScope::Rule(cells.word()?),
        "category" => DigestScope::Category(cells.word()?),
        other => return Err(damaged(format!("a digest's scope {other:?} is not known"))),
    };
    Ok(OpenDigest {
        person,
        scope,
        key: cells.text()?,
        id: cells.word()?,
        opened_at: cells.time()?,
        due: cells.time()?,
        members: cells.number()?,
    })
}

pub(in crate::sqlite) fn receipt_cells(row: &ReceiptRow) -> Value {
    json!([
        row.person.project,
        row.person.recipient,
        row.notification,
        row.device,
        row.receipt,
        row.at.as_millis()
    ])
}

pub(in crate::sqlite) fn receipt(row: &SqliteRow) -> Result<ReceiptRow, StoreError> {
    let mut cells = Cells::of(row);
    Ok(ReceiptRow {
        person: person_key(&mut cells)?,
        notification: cells.word()?,
        device: cells.word()?,
        receipt: cells.word()?,
        at: cells.time()?,
    })
}

pub(in crate::sqlite) fn operation_cells(row: &OperationRow) -> Value {
    json!([
        row.person.project,
        row.person.recipient,
        row.device,
        row.operation,
        row.at.as_millis(),
        row.for_ever,
        row.refused
    ])
}

pub(in crate::sqlite) fn operation(row: &SqliteRow) -> Result<OperationRow, StoreError> {
    let mut cells = Cells::of(row);
    Ok(OperationRow {
        person: person_key(&mut cells)?,
        device: cells.word()?,
        operation: cells.word()?,
        at: cells.time()?,
        for_ever: cells.cell()?,
        refused: cells.text_maybe()?,
    })
}

pub(in crate::sqlite) fn collected_cells(row: &CollectedRow) -> Value {
    json!([
        row.person.project,
        row.person.recipient,
        row.event_type,
        row.at.as_millis(),
        row.until.as_millis()
    ])
}

pub(in crate::sqlite) fn collected(row: &SqliteRow) -> Result<CollectedRow, StoreError> {
    let mut cells = Cells::of(row);
    Ok(CollectedRow {
        person: person_key(&mut cells)?,
        event_type: cells.text()?,
        at: cells.time()?,
        until: cells.time()?,
    })
}

pub(in crate::sqlite) fn answer_cells(row: &StoredAnswer) -> Value {
    json!([
        row.project,
        row.route,
        row.key,
        hex(&row.fingerprint),
        row.status,
        row.body,
        row.until.as_millis()
    ])
}

pub(in crate::sqlite) fn answer(row: &SqliteRow) -> Result<StoredAnswer, StoreError> {
    let mut cells = Cells::of(row);
    Ok(StoredAnswer {
        project: cells.word()?,
        route: cells.text()?,
        key: cells.text()?,
        fingerprint: cells.hash()?,
        status: cells.number()?,
        body: cells.text()?,
        until: cells.time()?,
    })
}

pub(in crate::sqlite) fn feed_cells(number: u64, row: &FeedEntry) -> Value {
    json!([
        row.project,
        number,
        row.recipient,
        row.notification,
        row.at.as_millis(),
        row.kind.as_str(),
        row.detail.to_string()
    ])
}

pub(in crate::sqlite) fn feed(row: &SqliteRow) -> Result<(u64, FeedEntry), StoreError> {
    let mut cells = Cells::of(row);
    let (project, number) = (cells.word()?, cells.number()?);
    let (recipient, notification, at) = (cells.word()?, cells.word_maybe()?, cells.time()?);
    let word = cells.cell::<&str>()?;
    let kind = FeedKind::ALL.into_iter().find(|kind| kind.as_str() == word);
    let kind = kind.ok_or_else(|| damaged(format!("the feed's word {word:?} is not known")))?;
    Ok((number, FeedEntry { project, recipient, notification, at, kind, detail: cells.json()? }))
}

pub(in crate::sqlite) fn book_cells(key: &BookKey, n: i64) -> Value {
    json!([key.project, key.day, key.term.ledger().as_str(), key.term.word(), n])
}

/// `project, day, ledger, term, n`.
pub(in crate::sqlite) fn book(row: &SqliteRow) -> Result<(BookKey, i64), StoreError> {
    let mut cells = Cells::of(row);
    let (project, day) = (cells.word()?, cells.number()?);
    let (ledger, word) = (cells.cell::<&str>()?, cells.cell::<&str>()?);
    let term = Ledger::ALL.into_iter().find(|l| l.as_str() == ledger).and_then(|l| Term::parse(l, word));
    let term = term.ok_or_else(|| damaged(format!("the books know no {ledger:?} {word:?}")))?;
    Ok((BookKey { project, day, term }, cells.cell()?))
}
