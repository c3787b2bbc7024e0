//! Events as they come in: one, an array, lines, or CloudEvents 1.0 in three modes. Each is read by itself, so that a bad
//! one does not spoil its neighbours.

use std::fmt::Display;

use axum::http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tidings_core::model::{EntryHash, EventBody};
use tidings_protocol::http::EventRequest;
use tidings_protocol::limits::{
    EVENT_DATA_BYTES_MAX, EVENT_TIME_FUTURE_MILLIS_MAX, EVENT_TIME_PAST_MILLIS_MAX, EVENTS_PER_REQUEST_MAX,
    ID_BYTES_MAX, JSON_DEPTH_MAX,
};
use tidings_protocol::{RecipientId, Timestamp};

use crate::http::body::Sent;
use crate::http::problem::Problem;
use crate::http::{json, strict};

/// An event's `source`, in bytes: room for a URI.
const SOURCE_BYTES_MAX: usize = 512;
/// All extensions of a CloudEvent, in bytes of JSON.
const EXTENSIONS_BYTES_MAX: usize = 16 << 10;

/// What was sent: each event or what is wrong with it, in order.
pub(crate) struct Events {
    pub(crate) items: Vec<Result<EventBody, Box<Problem>>>,
    /// One event by itself, whose mistake is the request's.
    pub(crate) single: bool,
}

/// Reads a request's events.
///
/// # Errors
/// [`Problem`] if the request as a whole cannot be read or has too many.
pub(crate) fn events(sent: &Sent, now: Timestamp) -> Result<Events, Box<Problem>> {
    if sent.headers.contains_key("ce-specversion") {
        let event = cloud(binary(sent)?, now);
        return Ok(Events { items: vec![event], single: true });
    }
    match sent.media().as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => lines(sent, now),
        "application/cloudevents+json" => Ok(Events { items: vec![cloud(sent.value()?, now)], single: true }),
        "application/cloudevents-batch+json" => batch(sent, |value| cloud(value, now)),
        _ if is_array(sent) => batch(sent, |value| plain(value, now)),
        _ => Ok(Events { items: vec![plain(sent.value()?, now)], single: true }),
    }
}

fn is_array(sent: &Sent) -> bool {
    sent.bytes.trim_ascii_start().starts_with(b"[")
}

/// Each event of an array is read by itself: one that nobody could store is refused alone.
fn batch(
    sent: &Sent,
    read: impl Fn(Value) -> Result<EventBody, Box<Problem>>,
) -> Result<Events, Box<Problem>> {
    if !is_array(sent) {
        return Err(Problem::invalid("", "A batch is an array."));
    }
    let values = json::items(&sent.bytes)?;
    check_count(values.len())?;
    let items = values.into_iter().enumerate().map(|(index, value)| {
        let event = json::read(value.get().as_bytes()).and_then(&read);
        event.map_err(|problem| placed(problem, "event", index + 1))
    });
    Ok(Events { items: items.collect(), single: false })
}

fn lines(sent: &Sent, now: Timestamp) -> Result<Events, Box<Problem>> {
    let lines = sent.bytes.split(|byte| *byte == b'\n').enumerate();
    let lines: Vec<_> = lines.filter(|(_, line)| !line.trim_ascii().is_empty()).collect();
    check_count(lines.len())?;
    let items = lines.into_iter().map(|(index, line)| {
        let read = json::read(line).and_then(|value| plain(value, now));
        read.map_err(|problem| placed(problem, "line", index + 1))
    });
    Ok(Events { items: items.collect(), single: false })
}

fn check_count(count: usize) -> Result<(), Box<Problem>> {
    match count {
        0 => Err(Problem::invalid("", "There is no event in it.")),
        count if count > EVENTS_PER_REQUEST_MAX => {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            Err(Problem::limit(status, "Events of a request", EVENTS_PER_REQUEST_MAX, Some(count)))
        }
        _ => Ok(()),
    }
}

fn placed(mut problem: Box<Problem>, what: &str, number: usize) -> Box<Problem> {
    let mut detail = std::mem::take(&mut problem.detail);
    if problem.code == "missing_field" && problem.errors.first().is_some_and(|fault| fault.pointer == "/type")
    {
        detail = "an event needs a type".into();
    }
    problem.detail = format!("{what} {number}: {detail}");
    problem
}

/// An event in our own words.
///
/// # Errors
/// [`Problem`] says what is wrong with it.
pub(crate) fn plain(value: Value, now: Timestamp) -> Result<EventBody, Box<Problem>> {
    let request: EventRequest = strict::from_value(value)?;
    checked(request, Value::Object(Map::new()), now)
}

/// A CloudEvent as JSON: what we do not know of it is kept.
fn cloud(value: Value, now: Timestamp) -> Result<EventBody, Box<Problem>> {
    let Value::Object(mut fields) = value else {
        return Err(Problem::invalid("", "A CloudEvent is an object."));
    };
    match fields.remove("specversion") {
        Some(Value::String(version)) if version == "1.0" => {}
        Some(_) => return Err(Problem::invalid("/specversion", "Only CloudEvents 1.0 are read.")),
        None => return Err(missing("specversion")),
    }
    let mut text = |name: &'static str| match fields.remove(name) {
        Some(Value::String(text)) => Ok(Some(text)),
        None | Some(Value::Null) => Ok(None),
        Some(_) => Err(Problem::invalid(format!("/{name}"), format!("{name} is a text."))),
    };
    let event_type = text("type")?.ok_or_else(|| missing("type"))?;
    let id = text("id")?.ok_or_else(|| missing("id"))?;
    let source = text("source")?.ok_or_else(|| missing("source"))?;
    let subject = text("subject")?;
    let time = text("time")?.map(|time| instant(&time)).transpose()?;
    let data = match (fields.remove("data"), fields.remove("data_base64")) {
        (Some(data), None) => Some(data),
        (None, data) => data,
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("/data_base64", "data and data_base64 exclude each other."));
        }
    };
    // A subject that is no id names a thing, not a person.
    let recipient = subject.as_deref().and_then(|subject| RecipientId::new(subject).ok());
    if let (Some(subject), None) = (subject, &recipient) {
        fields.insert("subject".into(), subject.into());
    }
    let request = EventRequest { event_type, id: Some(id), source: Some(source), recipient, time, data };
    checked(request, Value::Object(fields), now)
}

/// The binary mode: attributes are headers, the body is the data.
fn binary(sent: &Sent) -> Result<Value, Box<Problem>> {
    let mut fields = Map::new();
    for (name, value) in &sent.headers {
        let Some(name) = name.as_str().strip_prefix("ce-") else { continue };
        fields.insert(
            name.to_owned(),
            header_text(&sent.headers, &format!("ce-{name}"), value.as_bytes())?.into(),
        );
    }
    let media = sent.media();
    if sent.bytes.is_empty() {
        return Ok(Value::Object(fields));
    }
    let data =
        if media.starts_with("text/") { Value::String(sent.text()?.to_owned()) } else { sent.value()? };
    fields.insert("data".into(), data);
    if !media.is_empty() && media != "application/json" {
        fields.insert("datacontenttype".into(), media.into());
    }
    Ok(Value::Object(fields))
}

/// Header values are percent-encoded (CloudEvents HTTP binding, 3.1.3.2).
fn header_text(_headers: &HeaderMap, name: &str, value: &[u8]) -> Result<String, Box<Problem>> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, tail @ ..] = rest {
        let hex = |bytes: &[u8]| u8::from_str_radix(std::str::from_utf8(bytes).ok()?, 16).ok();
        match tail.get(..2).and_then(hex).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    text.ok_or_else(|| Problem::invalid("", format!("The header {name} is not UTF-8.")))
}

fn checked(request: EventRequest, extensions: Value, now: Timestamp) -> Result<EventBody, Box<Problem>> {
    bounded_text("/type", &request.event_type, ID_BYTES_MAX)?;
    if let Some(id) = &request.id {
        bounded_text("/id", id, ID_BYTES_MAX)?;
    }
    if let Some(source) = &request.source {
        bounded_text("/source", source, SOURCE_BYTES_MAX)?;
    }
    let time = request.time.unwrap_or(now);
    let age = now.millis_since(time);
    if !(-EVENT_TIME_FUTURE_MILLIS_MAX..=EVENT_TIME_PAST_MILLIS_MAX).contains(&age) {
        let detail = "time: from 30 days ago to 5 minutes ahead of the relay's clock.";
        let limit = if age < 0 { EVENT_TIME_FUTURE_MILLIS_MAX } else { -EVENT_TIME_PAST_MILLIS_MAX };
        return Err(Problem::invalid("/time", detail).over(now.plus_millis(limit), time));
    }
    let data = request.data.unwrap_or_else(|| json!({}));
    let encoded = data.to_string();
    bounded("Bytes of data", "/data", EVENT_DATA_BYTES_MAX, encoded.len())?;
    bounded("Depth of data", "/data", JSON_DEPTH_MAX, json::depth(&data))?;
    bounded("Bytes of extensions", "", EXTENSIONS_BYTES_MAX, extensions.to_string().len())?;
    let digest = digest(&request.event_type, request.recipient.as_ref(), &encoded);
    Ok(EventBody {
        source: request.source.map(Into::into),
        external_id: request.id.map(Into::into),
        event_type: request.event_type.into(),
        recipient: request.recipient,
        time,
        data,
        extensions,
        digest,
        send: None,
    })
}

/// What must be the same for the same id: type, recipient and data.
pub(crate) fn digest(event_type: &str, recipient: Option<&RecipientId>, data: &str) -> EntryHash {
    let mut hash = Sha256::new();
    for field in [event_type, recipient.map_or("", RecipientId::as_str), data] {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field.as_bytes());
    }
    EntryHash(hash.finalize().into())
}

fn bounded(what: &str, pointer: &str, limit: usize, actual: usize) -> Result<(), Box<Problem>> {
    if actual <= limit {
        return Ok(());
    }
    let mut problem = Problem::limit(StatusCode::UNPROCESSABLE_ENTITY, what, limit, Some(actual));
    let (code, detail) = ("limit".into(), problem.detail.clone());
    let pointer = pointer.into();
    problem.errors.push(tidings_protocol::problem::Fault { pointer, code, detail, ..Default::default() });
    Err(problem)
}

/// A text that is an id of somebody else: printable, and not too long.
fn bounded_text(pointer: &str, text: &str, limit: usize) -> Result<(), Box<Problem>> {
    if text.is_empty() || text.chars().any(char::is_control) {
        let detail =
            format!("{}: at least one character and no control characters.", pointer.trim_start_matches('/'));
        return Err(Problem::invalid(pointer, detail));
    }
    bounded(&format!("Bytes of {}", pointer.trim_start_matches('/')), pointer, limit, text.len())
}

fn instant(text: &str) -> Result<Timestamp, Box<Problem>> {
    text.parse().map_err(|error: tidings_protocol::time::TimestampError| invalid("/time", &error))
}

fn invalid(pointer: &str, error: &dyn Display) -> Box<Problem> {
    Problem::invalid(pointer, format!("{error}."))
}

fn missing(name: &str) -> Box<Problem> {
    Problem::field("missing_field", format!("/{name}"), format!("The field {name} is missing."))
}
