//! Notifications: what is searched for stands in columns, the rest is packed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use tidings_core::cap::CapScope;
use tidings_core::configuration::Unless;
use tidings_core::delivery::Form;
use tidings_core::model::{
    Cause, ConversionKey, Counted, Entry, Flags, InappDelivery, Keys, Mark, Marks, MatchKey, Notification,
    PersonKey, PlannedStep, Stopped, Taken,
};
use tidings_core::ports::StoreError;
use tidings_protocol::item::{Because, ContentItem};
use tidings_protocol::{Channel, Gate, Priority, Reason, Span, Timestamp};

use super::person::{PackedStamp, pack_stamp, person_key, stamp};
use super::story::{PackedEntry, entry, pack_entry};
use crate::sqlite::bulk::cells;
use crate::sqlite::cells::{Cells, damaged, to_json};

/// A register's value with its stamp.
type PackedMark<T> = (T, PackedStamp);

#[derive(Serialize, Deserialize)]
struct Packed {
    priority: Priority,
    configuration: u64,
    because: Because,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_type: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    template: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trial: Option<Box<str>>,
    /// What was counted there: displayed, read, clicked, converted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counted: Option<(bool, bool, bool, bool)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    once: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    throttle: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    throttled_in: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest_key: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    matches: Vec<(Box<str>, Option<Box<str>>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Box<str>>,
    /// The event's type, the value, and within how many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conversion: Option<(Box<str>, Option<Box<str>>, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stopped: Option<(Option<Gate>, Reason, Option<Box<str>>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<i64>,
    #[serde(default)]
    deferrals: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    taken: Option<(i32, i32, Vec<String>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    released_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    plan: Vec<PackedStep>,
    #[serde(default)]
    steps_begun: u16,
    #[serde(default)]
    repeats: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inapp_changed_at: Option<i64>,
    #[serde(default)]
    round: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    forms: BTreeMap<Channel, Form>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    died: Option<Reason>,
    #[serde(default, skip_serializing_if = "is_zero")]
    on_way: u16,
    #[serde(default)]
    flags: PackedFlags,
    #[serde(default)]
    marks: PackedMarks,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_zero(value: &u16) -> bool {
    *value == 0
}

/// Channels, how long after, what makes it needless, the repetition, and whether it is for somebody else.
pub(super) type PackedStep =
    (Vec<Channel>, i64, Option<PackedUnless>, Option<(i64, u16, PackedUnless)>, bool);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PackedUnless {
    Received,
    Displayed,
    Read,
    Acknowledged,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct PackedFlags {
    #[serde(skip_serializing_if = "Option::is_none")]
    reached: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    opened_by_program: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    followed_by_program: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    converted: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    displayed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clicked: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acted: Option<(i64, Box<str>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    useful: Option<(bool, PackedStamp)>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct PackedMarks {
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<PackedMark<bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    archived: Option<PackedMark<bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snoozed: Option<PackedMark<Option<i64>>>,
}

const fn millis(at: Option<Timestamp>) -> Option<i64> {
    match at {
        Some(at) => Some(at.as_millis()),
        None => None,
    }
}

fn time(at: Option<i64>) -> Option<Timestamp> {
    at.map(Timestamp::from_millis)
}

const fn pack_unless(unless: Unless) -> PackedUnless {
    match unless {
        Unless::Received => PackedUnless::Received,
        Unless::Displayed => PackedUnless::Displayed,
        Unless::Read => PackedUnless::Read,
        Unless::Acknowledged => PackedUnless::Acknowledged,
    }
}

const fn unless(packed: &PackedUnless) -> Unless {
    match packed {
        PackedUnless::Received => Unless::Received,
        PackedUnless::Displayed => Unless::Displayed,
        PackedUnless::Read => Unless::Read,
        PackedUnless::Acknowledged => Unless::Acknowledged,
    }
}

pub(super) fn pack_step(row: &PlannedStep) -> PackedStep {
    let repeat = row.repeat.map(|(every, times, until)| (every.as_millis(), times, pack_unless(until)));
    (row.channels.clone(), row.after.as_millis(), row.unless.map(pack_unless), repeat, row.linked)
}

pub(super) fn step((channels, after, needless, repeat, linked): PackedStep) -> PlannedStep {
    PlannedStep {
        channels,
        after: Span::from_millis(after),
        unless: needless.as_ref().map(unless),
        repeat: repeat.map(|(every, times, until)| (Span::from_millis(every), times, unless(&until))),
        linked,
    }
}

fn pack_scope(scope: &CapScope) -> String {
    match scope {
        CapScope::Project => "project".to_owned(),
        CapScope::Category(id) => format!("category:{id}"),
        CapScope::Channel(channel) => format!("channel:{channel}"),
    }
}

fn scope(text: &str) -> Result<CapScope, StoreError> {
    let known = match text.split_once(':') {
        None if text == "project" => Some(CapScope::Project),
        Some(("category", id)) => id.parse().ok().map(CapScope::Category),
        Some(("channel", word)) => word.parse().ok().map(CapScope::Channel),
        None | Some(_) => None,
    };
    known.ok_or_else(|| damaged(format!("the scope {text:?} is not known")))
}

fn pack_flags(row: &Flags) -> PackedFlags {
    PackedFlags {
        reached: millis(row.reached_at),
        opened_by_program: row.opened_by_program,
        followed_by_program: row.followed_by_program,
        taken: millis(row.taken_at),
        converted: millis(row.converted_at),
        received: millis(row.received_at),
        displayed: millis(row.displayed_at),
        read: millis(row.read_at),
        clicked: millis(row.clicked_at),
        acted: row.acted.as_ref().map(|(at, action)| (at.as_millis(), action.clone())),
        acknowledged: millis(row.acknowledged_at),
        useful: row.useful.as_ref().map(|(useful, by)| (*useful, pack_stamp(by))),
    }
}

fn flags(row: PackedFlags, retracted_at: Option<Timestamp>) -> Flags {
    Flags {
        reached_at: time(row.reached),
        opened_by_program: row.opened_by_program,
        followed_by_program: row.followed_by_program,
        taken_at: time(row.taken),
        converted_at: time(row.converted),
        received_at: time(row.received),
        displayed_at: time(row.displayed),
        read_at: time(row.read),
        clicked_at: time(row.clicked),
        acted: row.acted.map(|(at, action)| (Timestamp::from_millis(at), action)),
        acknowledged_at: time(row.acknowledged),
        retracted_at,
        useful: row.useful.map(|(useful, by)| (useful, stamp(by))),
    }
}

fn pack_marks(row: &Marks) -> PackedMarks {
    PackedMarks {
        read: row.read.as_ref().map(|mark| (mark.value, pack_stamp(&mark.stamp))),
        archived: row.archived.as_ref().map(|mark| (mark.value, pack_stamp(&mark.stamp))),
        snoozed: row.snoozed.as_ref().map(|mark| (millis(mark.value), pack_stamp(&mark.stamp))),
    }
}

fn marks(row: PackedMarks) -> Marks {
    Marks {
        read: row.read.map(|(value, by)| Mark { value, stamp: stamp(by) }),
        archived: row.archived.map(|(value, by)| Mark { value, stamp: stamp(by) }),
        snoozed: row.snoozed.map(|(value, by)| Mark { value: time(value), stamp: stamp(by) }),
    }
}

fn conversion_key((event_type, value, within): (Box<str>, Option<Box<str>>, i64)) -> ConversionKey {
    ConversionKey { event_type, value, within: Span::from_millis(within) }
}

const fn counted((displayed, read, clicked, converted): (bool, bool, bool, bool)) -> Counted {
    Counted { displayed, read, clicked, converted }
}

fn pack(row: &Notification) -> Packed {
    let stopped = row.stopped.as_ref();
    let taken = row.taken.as_ref();
    Packed {
        priority: row.priority,
        configuration: row.configuration,
        because: row.because.clone(),
        event_type: row.cause.event_type.clone(),
        variant: row.variant.clone(),
        template: row.template.clone(),
        trial: row.trial.clone(),
        counted: Some(row.counted)
            .filter(|counted| *counted != Counted::default())
            .map(|Counted { displayed, read, clicked, converted }| (displayed, read, clicked, converted)),
        once: row.keys.once.clone(),
        throttle: row.keys.throttle.clone(),
        throttled_in: millis(row.keys.throttled_in),
        digest_key: row.keys.digest.clone(),
        matches: row.keys.matches.iter().map(|key| (key.event_type.clone(), key.value.clone())).collect(),
        tags: row.keys.tags.clone(),
        conversion: row
            .keys
            .conversion
            .as_ref()
            .map(|key| (key.event_type.clone(), key.value.clone(), key.within.as_millis())),
        stopped: stopped.map(|stopped| (stopped.gate, stopped.reason, stopped.text.clone())),
        due: millis(row.due),
        deferrals: row.deferrals,
        taken: taken.map(|taken| (taken.day, taken.week, taken.scopes.iter().map(pack_scope).collect())),
        released_at: millis(row.released_at),
        plan: row.plan.iter().map(pack_step).collect(),
        steps_begun: row.steps_begun,
        repeats: row.repeats,
        inapp_changed_at: row.inapp.map(|inapp| inapp.changed_at.as_millis()),
        round: row.round,
        forms: row.forms.clone(),
        died: row.died,
        on_way: row.on_way,
        flags: pack_flags(&row.flags),
        marks: pack_marks(&row.marks),
    }
}

/// What a row is found by and may change, as
/// `id, project, recipient, category, collapse, chain, digest, expires_at, created_seq, seq`.
pub(in crate::sqlite) fn moved_cells(row: &Notification) -> Value {
    json!([
        row.id,
        row.person.project,
        row.person.recipient,
        row.category,
        row.keys.collapse,
        row.chain,
        row.digest,
        row.expires_at.as_millis(),
        row.created_seq,
        row.seq
    ])
}

/// What else may change, as `id, project, state, inapp_state, inapp_made_at, retracted_at, packed`.
pub(in crate::sqlite) fn changed_cells(row: &Notification) -> Value {
    json!([
        row.id,
        row.person.project,
        row.state,
        row.inapp.map(|inapp| inapp.state),
        row.inapp.map(|inapp| inapp.made_at.as_millis()),
        millis(row.flags.retracted_at),
        to_json(&pack(row))
    ])
}

/// The columns of both, and those that never change: `event, rule, step, is_digest, created_at, origin`; then where its
/// words stand: `content, words`.
pub(in crate::sqlite) fn new_cells(row: &Notification, (shared, own): (Value, Value)) -> Value {
    let mut all = cells(moved_cells(row));
    let key_cells = 2;
    all.extend(cells(changed_cells(row)).drain(key_cells..));
    let told = to_json(&row.told.iter().map(pack_entry).collect::<Vec<_>>());
    let cause = &row.cause;
    let made_at = row.created_at.as_millis();
    all.extend(cells(json!([cause.event, cause.rule, cause.step, cause.digest, made_at, told, shared, own])));
    Value::Array(all)
}

/// Lines that came later, as `notification, line`.
pub(in crate::sqlite) fn story_cells(row: &Notification) -> impl Iterator<Item = Value> {
    row.told.iter().map(|line| json!([row.id, to_json(&pack_entry(line))]))
}

/// `project, rule, event_type, value, notification`, while it is open.
pub(in crate::sqlite) fn match_cells(row: &Notification) -> impl Iterator<Item = Value> {
    let rule = row.cause.rule.as_ref().filter(|_| row.is_open());
    rule.into_iter().flat_map(move |rule| {
        let keys = row.keys.matches.iter();
        keys.map(move |key| json!([row.person.project, rule, key.event_type, key.value, row.id]))
    })
}

/// `project, rule, event_type, value, recipient, since, until, notification`, while an event may convert it.
pub(in crate::sqlite) fn conversion_cells(row: &Notification) -> Option<Value> {
    let (rule, key, (since, until)) =
        (row.cause.rule.as_ref()?, row.keys.conversion.as_ref()?, row.converts_between()?);
    let (since, until) = (since.as_millis(), until.as_millis());
    let PersonKey { project, recipient } = &row.person;
    Some(json!([project, rule, key.event_type, key.value, recipient, since, until, row.id]))
}

/// `id, project, recipient, category, collapse, chain, digest, state, expires_at, created_seq, seq, inapp_state,
/// inapp_made_at, retracted_at, packed, event, rule, step, is_digest, created_at`, then the content itself.
pub(in crate::sqlite) fn notification(row: &SqliteRow) -> Result<Notification, StoreError> {
    let mut cells = Cells::of(row);
    let (id, person, category) = (cells.word()?, person_key(&mut cells)?, cells.word()?);
    let collapse = cells.text_maybe()?;
    let (chain, digest) = (cells.word_maybe()?, cells.word_maybe()?);
    let (state, expires_at) = (cells.word()?, cells.time()?);
    let (created_seq, seq) = (cells.number_maybe()?, cells.number_maybe()?);
    let (inapp_state, inapp_made_at) = (cells.word_maybe()?, cells.time_maybe()?);
    let retracted_at = cells.time_maybe()?;
    let packed: Packed = cells.json()?;
    let (event, rule) = (cells.word()?, cells.word_maybe()?);
    let (chain_step, is_digest) = (cells.number_maybe()?, cells.cell()?);
    let created_at = cells.time()?;
    let content = cells.json_maybe::<ContentItem>()?.map(Arc::new);
    let taken = packed.taken.map(|(day, week, scopes)| {
        let scopes = scopes.iter().map(|text| scope(text)).collect::<Result<_, _>>()?;
        Ok::<_, StoreError>(Taken { day, week, scopes })
    });
    let matches = packed.matches.into_iter().map(|(event_type, value)| MatchKey { event_type, value });
    let inapp = inapp_state.zip(inapp_made_at).map(|(state, made_at)| {
        let changed_at = time(packed.inapp_changed_at).unwrap_or(made_at);
        InappDelivery { state, made_at, changed_at }
    });
    Ok(Notification {
        id,
        person,
        cause: Cause { event, event_type: packed.event_type, rule, digest: is_digest, step: chain_step },
        category,
        priority: packed.priority,
        keys: Keys {
            collapse,
            once: packed.once,
            throttle: packed.throttle,
            throttled_in: time(packed.throttled_in),
            digest: packed.digest_key,
            matches: matches.collect(),
            tags: packed.tags,
            conversion: packed.conversion.map(conversion_key),
        },
        variant: packed.variant,
        template: packed.template,
        trial: packed.trial,
        counted: packed.counted.map(counted).unwrap_or_default(),
        chain,
        created_at,
        expires_at,
        configuration: packed.configuration,
        state,
        stopped: packed.stopped.map(|(gate, reason, text)| Stopped { gate, reason, text }),
        due: time(packed.due),
        deferrals: packed.deferrals,
        digest,
        taken: taken.transpose()?,
        released_at: time(packed.released_at),
        content,
        because: packed.because,
        plan: packed.plan.into_iter().map(step).collect(),
        steps_begun: packed.steps_begun,
        repeats: packed.repeats,
        inapp,
        created_seq,
        seq,
        round: packed.round,
        forms: packed.forms,
        died: packed.died,
        on_way: packed.on_way,
        flags: flags(packed.flags, retracted_at),
        marks: marks(packed.marks),
        told: Vec::new(),
    })
}

/// The story of its making, which stands behind the columns of [`notification`].
pub(in crate::sqlite) fn origin(row: &SqliteRow) -> Result<Vec<Entry>, StoreError> {
    let packed: Vec<PackedEntry> = Cells::after(row, 21).json()?;
    Ok(packed.into_iter().map(entry).collect())
}
