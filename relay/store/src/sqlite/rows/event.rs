//! Events and direct sends.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use tidings_core::model::{
    Audience, Considered, DirectSend, EntryHash, Event, EventBody, FanOut, Fired, SendContent,
};
use tidings_core::ports::StoreError;
use tidings_protocol::item::ContentItem;
use tidings_protocol::{CategoryId, Channel, Priority, Reason, RecipientId, RuleId, Timestamp, TopicId};

use super::notification::{PackedStep, pack_step, step};
use crate::erasure::hex;
use crate::sqlite::cells::{Cells, damaged, to_json};

/// What never changes and is not searched for.
#[derive(Serialize, Deserialize)]
struct PackedBody {
    #[serde(rename = "type")]
    event_type: Box<str>,
    time: i64,
    data: Value,
    extensions: Value,
    digest: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    send: Option<PackedSend>,
}

#[derive(Serialize, Deserialize)]
struct PackedSend {
    category: CategoryId,
    content: PackedContent,
    priority: Option<Priority>,
    collapse: Option<Box<str>>,
    expires_at: Option<i64>,
    /// How a plan of one step was stored before there were others; only read.
    #[serde(default, skip_serializing)]
    channels: Option<Vec<Channel>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deliver: Option<Vec<PackedStep>>,
    not_before: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PackedContent {
    Literal(Arc<ContentItem>),
    Template(Box<str>),
}

fn pack_send(row: &DirectSend) -> PackedSend {
    PackedSend {
        category: row.category.clone(),
        content: match &row.content {
            SendContent::Literal(content) => PackedContent::Literal(Arc::clone(content)),
            SendContent::Template(name) => PackedContent::Template(name.clone()),
        },
        priority: row.priority,
        collapse: row.collapse.clone(),
        expires_at: row.expires_at.map(Timestamp::as_millis),
        channels: None,
        deliver: row.deliver.as_ref().map(|steps| steps.iter().map(pack_step).collect()),
        not_before: row.not_before.map(Timestamp::as_millis),
    }
}

fn send(row: PackedSend) -> DirectSend {
    let one = row.channels.map(|channels| vec![(channels, 0, None, None, false)]);
    let steps = row.deliver.or(one);
    DirectSend {
        category: row.category,
        content: match row.content {
            PackedContent::Literal(content) => SendContent::Literal(content),
            PackedContent::Template(name) => SendContent::Template(name),
        },
        priority: row.priority,
        collapse: row.collapse,
        expires_at: row.expires_at.map(Timestamp::from_millis),
        deliver: steps.map(|steps| steps.into_iter().map(step).collect()),
        not_before: row.not_before.map(Timestamp::from_millis),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PackedFired {
    Yes(u32),
    NoMatch,
    MissingField,
    Error,
    NoRecipient,
}

type PackedConsidered = (RuleId, PackedFired, Option<Box<str>>);

fn pack_considered(row: &Considered) -> PackedConsidered {
    let fired = match row.fired {
        Fired::Yes { recipients } => PackedFired::Yes(recipients),
        Fired::NoMatch => PackedFired::NoMatch,
        Fired::MissingField => PackedFired::MissingField,
        Fired::Error => PackedFired::Error,
        Fired::NoRecipient => PackedFired::NoRecipient,
    };
    (row.rule.clone(), fired, row.text.clone())
}

fn considered((rule, fired, text): PackedConsidered) -> Considered {
    let fired = match fired {
        PackedFired::Yes(recipients) => Fired::Yes { recipients },
        PackedFired::NoMatch => Fired::NoMatch,
        PackedFired::MissingField => Fired::MissingField,
        PackedFired::Error => Fired::Error,
        PackedFired::NoRecipient => Fired::NoRecipient,
    };
    Considered { rule, fired, text }
}

#[derive(Serialize, Deserialize)]
struct PackedFanOut {
    rule: Option<RuleId>,
    topic: Option<TopicId>,
    segment: Option<Box<str>>,
    after: Option<RecipientId>,
    planned: u64,
    expected: Option<u64>,
    finished: bool,
    stopped: Option<Reason>,
}

fn pack_fan_out(row: &FanOut) -> PackedFanOut {
    let (topic, segment) = match &row.audience {
        Audience::Topic(id) => (Some(id.clone()), None),
        Audience::Segment(name) => (None, Some(name.clone())),
    };
    PackedFanOut {
        rule: row.rule.clone(),
        topic,
        segment,
        after: row.after.clone(),
        planned: row.planned,
        expected: row.expected,
        finished: row.finished,
        stopped: row.stopped,
    }
}

fn fan_out(row: PackedFanOut) -> Result<FanOut, StoreError> {
    let audience = match (row.topic, row.segment) {
        (Some(topic), _) => Audience::Topic(topic),
        (None, Some(segment)) => Audience::Segment(segment),
        (None, None) => return Err(damaged("a fan-out has neither topic nor segment".to_owned())),
    };
    let (after, stopped) = (row.after, row.stopped);
    let (planned, expected, finished) = (row.planned, row.expected, row.finished);
    Ok(FanOut { rule: row.rule, audience, after, planned, expected, finished, stopped })
}

/// `id, project, recipient, source, external_id, accepted_at, state, made, configuration, sandbox, body, considered,
/// fan_outs`.
pub(in crate::sqlite) fn event_cells(row: &Event) -> Value {
    json!([
        row.id,
        row.project,
        row.body.recipient,
        row.body.source,
        row.body.external_id,
        row.accepted_at.as_millis(),
        row.state,
        row.made,
        row.configuration,
        row.sandbox,
        body_json(&row.body),
        considered_json(row),
        fan_outs_json(row)
    ])
}

/// The fields that change, behind the key.
pub(in crate::sqlite) fn changed_cells(row: &Event) -> Value {
    json!([row.id, row.project, row.state, row.made, considered_json(row), fan_outs_json(row)])
}

/// What an erasure leaves.
pub(in crate::sqlite) fn erased_cells(row: &Event) -> Value {
    json!([row.id, row.project, body_json(&row.body), considered_json(row)])
}

fn body_json(row: &EventBody) -> String {
    to_json(&PackedBody {
        event_type: row.event_type.clone(),
        time: row.time.as_millis(),
        data: row.data.clone(),
        extensions: row.extensions.clone(),
        digest: hex(&row.digest.0).into(),
        send: row.send.as_ref().map(pack_send),
    })
}

fn considered_json(row: &Event) -> String {
    to_json(&row.considered.iter().map(pack_considered).collect::<Vec<_>>())
}

fn fan_outs_json(row: &Event) -> String {
    to_json(&row.fan_outs.iter().map(pack_fan_out).collect::<Vec<_>>())
}

pub(in crate::sqlite) fn event(row: &SqliteRow) -> Result<Event, StoreError> {
    let mut cells = Cells::of(row);
    let (id, project) = (cells.word()?, cells.word()?);
    let (recipient, source, external_id) = (cells.word_maybe()?, cells.text_maybe()?, cells.text_maybe()?);
    let (accepted_at, state) = (cells.time()?, cells.word()?);
    let (made, configuration, sandbox) = (cells.number()?, cells.number()?, cells.cell()?);
    let body: PackedBody = cells.json()?;
    let body = EventBody {
        source,
        external_id,
        event_type: body.event_type,
        recipient,
        time: Timestamp::from_millis(body.time),
        data: body.data,
        extensions: body.extensions,
        digest: EntryHash(from_hex(&body.digest)?),
        send: body.send.map(send),
    };
    let considered = cells.json::<Vec<_>>()?.into_iter().map(considered).collect();
    let fan_outs = cells.json::<Vec<_>>()?.into_iter().map(fan_out).collect::<Result<_, _>>()?;
    let body = Arc::new(body);
    Ok(Event { id, project, body, accepted_at, configuration, state, considered, fan_outs, made, sandbox })
}

fn from_hex(text: &str) -> Result<[u8; 32], StoreError> {
    let wrong = || damaged("a digest has 64 hexadecimal digits".to_owned());
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return Err(wrong());
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}
