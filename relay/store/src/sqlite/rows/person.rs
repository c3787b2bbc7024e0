//! Recipients, inboxes, devices and what counts against them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use tidings_core::cap::{Counters, Responses};
use tidings_core::delivery::compared;
use tidings_core::learned::Learned;
use tidings_core::model::{
    Choice, Device, Endpoint, Inbox, PersonKey, Preferences, Recipient, Stamp, Watermark,
};
use tidings_core::ports::StoreError;
use tidings_core::throttle::ThrottleCounter;
use tidings_protocol::item::QuietHoursItem;
use tidings_protocol::{CategoryId, Channel, Timestamp};

use crate::sqlite::cells::{Cells, damaged, to_json};

/// Since when and by which operation.
pub(super) type PackedStamp = (i64, Box<str>);

pub(super) fn pack_stamp(stamp: &Stamp) -> PackedStamp {
    (stamp.at.as_millis(), stamp.by.clone())
}

pub(super) fn stamp((at, by): PackedStamp) -> Stamp {
    Stamp { at: Timestamp::from_millis(at), by }
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct PackedPreferences {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<(CategoryId, Channel, bool, PackedStamp)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet_hours: Option<(Option<QuietHoursItem>, PackedStamp)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_until: Option<(Option<i64>, PackedStamp)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profiling: Option<(bool, PackedStamp)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<PackedStamp>,
}

fn pack_preferences(row: &Preferences) -> PackedPreferences {
    let choices = row.choices.iter();
    PackedPreferences {
        choices: choices
            .map(|((category, channel), choice)| {
                (category.clone(), *channel, choice.chosen, pack_stamp(&choice.stamp))
            })
            .collect(),
        quiet_hours: row.quiet_hours.as_ref().map(|(hours, by)| (hours.clone(), pack_stamp(by))),
        paused_until: row
            .paused_until
            .as_ref()
            .map(|(until, by)| (until.map(Timestamp::as_millis), pack_stamp(by))),
        profiling: row.profiling.as_ref().map(|(allowed, by)| (*allowed, pack_stamp(by))),
        profile: row.profile.as_ref().map(pack_stamp),
    }
}

fn preferences(row: PackedPreferences) -> Preferences {
    let choices = row.choices.into_iter();
    Preferences {
        choices: choices
            .map(|(category, channel, chosen, by)| ((category, channel), Choice { chosen, stamp: stamp(by) }))
            .collect(),
        quiet_hours: row.quiet_hours.map(|(hours, by)| (hours, stamp(by))),
        paused_until: row.paused_until.map(|(until, by)| (until.map(Timestamp::from_millis), stamp(by))),
        profiling: row.profiling.map(|(allowed, by)| (allowed, stamp(by))),
        profile: row.profile.map(stamp),
    }
}

/// The key of a recipient's rows, as a row of its own.
pub(in crate::sqlite) fn key_cells(person: &PersonKey) -> Value {
    json!([person.project, person.recipient])
}

pub(in crate::sqlite) fn person_key(cells: &mut Cells<'_>) -> Result<PersonKey, StoreError> {
    Ok(PersonKey { project: cells.word()?, recipient: cells.word()? })
}

pub(in crate::sqlite) fn recipient_cells((person, row): &(PersonKey, Recipient)) -> Value {
    json!([
        person.project,
        person.recipient,
        row.time_zone,
        row.locale,
        row.attributes.to_string(),
        to_json(&pack_preferences(&row.preferences)),
        row.created_at.as_millis(),
        row.revision
    ])
}

pub(in crate::sqlite) fn recipient(row: &SqliteRow) -> Result<(PersonKey, Recipient), StoreError> {
    let mut cells = Cells::of(row);
    let person = person_key(&mut cells)?;
    let row = Recipient {
        time_zone: cells.cell()?,
        locale: cells.cell()?,
        attributes: cells.json()?,
        preferences: preferences(cells.json()?),
        created_at: cells.time()?,
        revision: cells.number()?,
    };
    Ok((person, row))
}

type PackedWatermark = (Option<CategoryId>, u64, PackedStamp, u64);

pub(in crate::sqlite) fn inbox_cells((person, row): &(PersonKey, Inbox)) -> Value {
    let throttles: Vec<_> =
        row.throttles.iter().map(|((rule, key), counter)| (rule, key, counter.to_text())).collect();
    let watermarks = row.watermarks.iter();
    let watermarks: Vec<_> =
        watermarks.map(|(seq, mark)| (&mark.category, mark.place, pack_stamp(&mark.stamp), seq)).collect();
    json!([
        person.project,
        person.recipient,
        row.epoch,
        row.seq,
        row.version,
        row.floor,
        row.settings_seq,
        row.withdrawn_seq,
        row.counters.to_text(),
        to_json(&throttles),
        to_json(&watermarks),
        row.responses.to_text(),
        row.learned.to_text()
    ])
}

pub(in crate::sqlite) fn inbox(row: &SqliteRow) -> Result<(PersonKey, Inbox), StoreError> {
    let mut cells = Cells::of(row);
    let person = person_key(&mut cells)?;
    let mut row = Inbox::new(cells.number()?);
    row.seq = cells.number()?;
    row.version = cells.number()?;
    row.floor = cells.number()?;
    row.settings_seq = cells.number()?;
    row.withdrawn_seq = cells.number()?;
    let counters = cells.cell::<&str>()?;
    row.counters = Counters::from_text(counters).map_err(|error| damaged(error.to_string()))?;
    row.throttles = throttles(cells.json()?)?;
    let watermarks: Vec<PackedWatermark> = cells.json()?;
    row.watermarks = watermarks
        .into_iter()
        .map(|(category, place, at, seq)| (seq, Watermark { place, stamp: stamp(at), category }))
        .collect();
    let responses = cells.cell::<&str>()?;
    row.responses = Responses::from_text(responses).map_err(|error| damaged(error.to_string()))?;
    let learned = cells.cell::<&str>()?;
    row.learned = Learned::from_text(learned).map_err(|error| damaged(error.to_string()))?;
    Ok((person, row))
}

type ThrottleKey = (Box<str>, Box<str>);

fn throttles(
    packed: Vec<(Box<str>, Box<str>, Box<str>)>,
) -> Result<BTreeMap<ThrottleKey, ThrottleCounter>, StoreError> {
    let counters = packed.into_iter().map(|(rule, key, text)| {
        let counter = ThrottleCounter::from_text(&text).map_err(|error| damaged(error.to_string()))?;
        Ok(((rule, key), counter))
    });
    counters.collect()
}

pub(in crate::sqlite) fn endpoint_cells((person, row): &(PersonKey, Endpoint)) -> Value {
    let compared = compared(row.channel, &row.address);
    json!([person.project, person.recipient, row.channel, row.address, row.verified, compared])
}

pub(in crate::sqlite) fn endpoint(row: &SqliteRow) -> Result<(PersonKey, Endpoint), StoreError> {
    let mut cells = Cells::of(row);
    let person = person_key(&mut cells)?;
    let row = Endpoint {
        channel: cells.word()?,
        address: cells.text()?,
        verified: cells.cell()?,
        stopped: cells.cell()?,
    };
    Ok((person, row))
}

pub(in crate::sqlite) fn device_cells((person, row): &(PersonKey, Device)) -> Value {
    json!([
        person.project,
        person.recipient,
        row.id,
        row.platform,
        row.nonce,
        row.held,
        to_json(&row.understands),
        row.created_at.as_millis(),
        row.seen_at.as_millis(),
        row.revoked_at.map(Timestamp::as_millis)
    ])
}

pub(in crate::sqlite) fn device(row: &SqliteRow) -> Result<(PersonKey, Device), StoreError> {
    let mut cells = Cells::of(row);
    let person = person_key(&mut cells)?;
    let row = Device {
        id: cells.word()?,
        platform: cells.text()?,
        nonce: cells.text()?,
        held: cells.number()?,
        understands: cells.json()?,
        created_at: cells.time()?,
        seen_at: cells.time()?,
        revoked_at: cells.time_maybe()?,
    };
    Ok((person, row))
}
