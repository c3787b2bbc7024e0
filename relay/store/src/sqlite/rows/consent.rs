//! The consent ledger.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use tidings_core::model::{
    Collected, ConsentEntry, ConsentHead, ConsentState, EntryHash, PersonKey, PersonalFields,
};
use tidings_core::ports::StoreError;
use tidings_protocol::{CategoryId, Channel, ProjectId, RecipientId, Timestamp};

use super::person::person_key;
use crate::erasure::hex;
use crate::sqlite::cells::{Cells, to_json};

type ConsentStateRow = (PersonKey, CategoryId, Channel, ConsentState);

pub(in crate::sqlite) fn state_cells((person, category, channel, row): &ConsentStateRow) -> Value {
    json!([
        person.project,
        person.recipient,
        category,
        channel,
        row.decision,
        row.since.as_millis(),
        row.entry,
        row.policy_version
    ])
}

pub(in crate::sqlite) fn state(row: &SqliteRow) -> Result<ConsentStateRow, StoreError> {
    let mut cells = Cells::of(row);
    let person = person_key(&mut cells)?;
    let (category, channel) = (cells.word()?, cells.word()?);
    let row = ConsentState {
        decision: cells.word()?,
        since: cells.time()?,
        entry: cells.word()?,
        policy_version: cells.text_maybe()?,
    };
    Ok((person, category, channel, row))
}

#[derive(Serialize, Deserialize)]
struct PackedPersonal {
    salt: [u8; 16],
    recipient: RecipientId,
    text_shown: Option<Box<str>>,
    collected: Option<PackedCollected>,
}

#[derive(Serialize, Deserialize)]
struct PackedCollected {
    how: Box<str>,
    at: Option<i64>,
    locale: Option<Box<str>>,
    by: Option<Box<str>>,
}

fn pack_personal(row: &PersonalFields) -> PackedPersonal {
    PackedPersonal {
        salt: row.salt,
        recipient: row.recipient.clone(),
        text_shown: row.text_shown.clone(),
        collected: row.collected.as_ref().map(|row| PackedCollected {
            how: row.how.clone(),
            at: row.at.map(Timestamp::as_millis),
            locale: row.locale.clone(),
            by: row.by.clone(),
        }),
    }
}

fn personal(row: PackedPersonal) -> PersonalFields {
    PersonalFields {
        salt: row.salt,
        recipient: row.recipient,
        text_shown: row.text_shown,
        collected: row.collected.map(|row| Collected {
            how: row.how,
            at: row.at.map(Timestamp::from_millis),
            locale: row.locale,
            by: row.by,
        }),
    }
}

pub(in crate::sqlite) fn entry_cells((person, row): &(PersonKey, ConsentEntry)) -> Value {
    json!([
        person.project,
        person.recipient,
        row.number,
        row.id,
        row.at.as_millis(),
        row.decision,
        row.category,
        to_json(&row.channels),
        row.policy_version,
        row.personal.as_ref().map(|row| to_json(&pack_personal(row))),
        hex(&row.commitment.0),
        hex(&row.previous.0),
        hex(&row.hash.0)
    ])
}

/// An entry with the name of its chain.
pub(in crate::sqlite) fn entry(row: &SqliteRow) -> Result<(ProjectId, String, ConsentEntry), StoreError> {
    let mut cells = Cells::of(row);
    let (project, chain) = (cells.word()?, cells.cell()?);
    let row = ConsentEntry {
        number: cells.number()?,
        id: cells.word()?,
        at: cells.time()?,
        decision: cells.word()?,
        category: cells.word()?,
        channels: cells.json()?,
        policy_version: cells.text_maybe()?,
        personal: cells.json_maybe()?.map(personal),
        commitment: EntryHash(cells.hash()?),
        previous: EntryHash(cells.hash()?),
        hash: EntryHash(cells.hash()?),
    };
    Ok((project, chain, row))
}

/// The head of a chain with its name.
pub(in crate::sqlite) fn head(row: &SqliteRow) -> Result<(ProjectId, String, ConsentHead), StoreError> {
    let mut cells = Cells::of(row);
    let (project, chain) = (cells.word()?, cells.cell()?);
    Ok((project, chain, ConsentHead { entries: cells.number()?, hash: EntryHash(cells.hash()?) }))
}
