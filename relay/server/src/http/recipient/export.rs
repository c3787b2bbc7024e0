//! Everything that is stored about a recipient, in one document.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use tidings_core::cap::RESPONSE_DAYS;
use tidings_core::learned::HOUR_DAYS;
use tidings_core::model::PersonKey;
use tidings_core::ports::RecipientExport;
use tidings_protocol::{RecipientId, Timestamp};

use super::consent::entry_response;
use super::preferences;
use crate::access::KeyCaller;
use crate::app::App;
use crate::http::answer::Answered;
use crate::http::problem::Problem;
use crate::http::route::At;
use crate::http::story::story;

pub(super) async fn export(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<RecipientId>,
) -> Result<Response, Box<Problem>> {
    let person = PersonKey { project: caller.project.clone(), recipient: id };
    Ok(Answered::ok(&document(&app, &person).await?).response())
}

/// The document of one person.
pub(crate) async fn document(app: &App, person: &PersonKey) -> Result<Value, Box<Problem>> {
    let export = app.ports.consents.export(person).await?;
    let missing = || Problem::not_found("recipient", person.recipient.as_str());
    let known = export.person.recipient.as_ref().ok_or_else(missing)?;
    Ok(json!({
        "format": "tidings.export.1",
        "exported_at": app.now(),
        "recipient": {
            "id": person.recipient,
            "time_zone": known.time_zone,
            "locale": known.locale,
            "attributes": known.attributes,
            "created_at": known.created_at,
        },
        "preferences": preferences::response(&known.preferences),
        "learned": learned(&export, app.now()),
        "topics": export.person.topics,
        "endpoints": endpoints(&export),
        "devices": devices(&export),
        "consents": export.consents.iter().map(|row| entry_response(&person.recipient, row)).collect::<Vec<_>>(),
        "notifications": export
            .notifications
            .iter()
            .map(|(row, entries)| story(row, entries, &[], None))
            .collect::<Vec<_>>(),
        "events": events(&export),
    }))
}

/// What was learned of them, as far as it still counts.
fn learned(export: &RecipientExport, now: Timestamp) -> Value {
    let Some(inbox) = &export.person.inbox else { return Value::Null };
    let (hours, (shown, answered)) = (inbox.learned.hours.counted(now), inbox.responses.counted(now));
    let interests = inbox.learned.interests.numbers(now).map(|(tag, number)| (tag.to_owned(), number.into()));
    json!({
        "active_hours": {"days": HOUR_DAYS, "receipts": hours.total(), "by_hour": hours.receipts},
        "interests": interests.collect::<serde_json::Map<_, _>>(),
        "responses": {"days": RESPONSE_DAYS, "shown": shown, "answered": answered},
    })
}

fn endpoints(export: &RecipientExport) -> Vec<Value> {
    let rows = export.person.endpoints.iter();
    rows.map(|row| json!({"channel": row.channel, "address": row.address, "verified": row.verified}))
        .collect()
}

fn devices(export: &RecipientExport) -> Vec<Value> {
    let rows = export.person.devices.values();
    rows.map(|row| {
        json!({"id": row.id, "platform": row.platform, "created_at": row.created_at, "seen_at": row.seen_at})
    })
    .collect()
}

fn events(export: &RecipientExport) -> Vec<Value> {
    let rows = export.events.iter();
    rows.map(|row| {
        json!({"event": row.id, "id": row.body.external_id, "source": row.body.source, "type": row.body.event_type,
            "time": row.body.time, "accepted_at": row.accepted_at, "data": row.body.data})
    })
    .collect()
}
