//! The consent ledger of a recipient.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tidings_core::act::{self, Act, Answer};
use tidings_core::model::{Collected, ConsentEntry, PersonKey};
use tidings_protocol::http::{
    CollectedBody, ConsentEntryResponse, ConsentRequest, ConsentResponse, ConsentStateBody, Page,
};
use tidings_protocol::{Decision, EntryId, NotificationId, RecipientId};

use super::receipt;
use crate::access::{KeyCaller, Scope};
use crate::app::App;
use crate::http::answer::{Answered, act};
use crate::http::body::Sent;
use crate::http::problem::Problem;
use crate::http::query::{Query, next};
use crate::http::route::{At, Routes, Who};
use crate::http::send::at_most;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v1/recipients/{id}/consent", Who::Key(Scope::Consent), list, |call| {
            call.about("The recipient's ledger, newest first.")
                .query(&[("limit", "1 to 500, default 50"), ("after", "next of the page before")])
                .page::<ConsentEntryResponse>("A page")
        })
        .post("/v1/recipients/{id}/consent", Who::Key(Scope::Consent), decide, |call| {
            call.about("Writes a decision into the ledger.")
                .body::<ConsentRequest>()
                .answer::<ConsentResponse>(201, "The new entry")
        })
        .get("/v1/recipients/{id}/consent/{entry}/receipt", Who::Key(Scope::Consent), show_receipt, |call| {
            call.about("The receipt of a decision, signed by the relay.")
                .answer_plain(200, "ISO/IEC TS 27560 fields and a JWS")
        })
}

/// What is kept of an answer for repetitions: ids only.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    entry: EntryId,
    too_late: Vec<NotificationId>,
}

async fn decide(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<RecipientId>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let request: ConsentRequest = sent.json()?;
    check(&request)?;
    let asked = act::ConsentRequest {
        recipient: id.clone(),
        decision: request.decision,
        category: request.category,
        channels: request.channels,
        policy_version: request.policy_version.map(Into::into),
        text_shown: request.text_shown.map(Into::into),
        collected: request.collected.map(|collected| Collected {
            how: collected.how.into(),
            at: collected.at,
            locale: collected.locale.map(Into::into),
            by: collected.by.map(Into::into),
        }),
    };
    let render = |answer: &Answer| {
        let Answer::Consent { entry, too_late } = answer else { return Answered::nothing() };
        Answered::new(StatusCode::CREATED, &Kept { entry: entry.clone(), too_late: too_late.clone() })
    };
    let written = act(&app, &caller, Some(&sent), Act::DecideConsent(Box::new(asked)), render).await?;
    let Kept { entry, too_late } = written.read()?;
    let person = PersonKey { project: caller.project.clone(), recipient: id.clone() };
    let missing = || Problem::not_found("consent entry", entry.as_str());
    let row = app.ports.consents.consent_entry(&person, &entry).await?.ok_or_else(missing)?;
    let states = app.ports.consents.person(&person).await?.consents.states;
    let decided = states
        .iter()
        .filter(|((category, channel), _)| *category == row.category && row.channels.contains(channel));
    let state = decided.map(|((category, channel), state)| ConsentStateBody {
        category: category.clone(),
        channel: *channel,
        granted: state.decision == Decision::Granted,
        decision: state.decision,
        since: state.since,
    });
    let response = ConsentResponse {
        state: state.collect(),
        hash: row.hash.to_string(),
        previous: row.previous.to_string(),
        receipt: receipt_path(&id, &entry),
        entry,
        too_late,
    };
    Ok(written.with_body(&response).response())
}

fn check(request: &ConsentRequest) -> Result<(), Box<Problem>> {
    let length = |text: &Option<String>| text.as_ref().map_or(0, |text| text.chars().count());
    at_most("/policy_version", "Characters of policy_version", 128, length(&request.policy_version))?;
    at_most("/text_shown", "Characters of text_shown", 4_000, length(&request.text_shown))?;
    if let Some(collected) = &request.collected {
        if collected.how.trim().is_empty() {
            return Err(Problem::invalid("/collected/how", "how: say where it was collected."));
        }
        at_most("/collected/how", "Characters of how", 128, collected.how.chars().count())?;
        at_most("/collected/locale", "Characters of locale", 64, length(&collected.locale))?;
        at_most("/collected/by", "Characters of by", 128, length(&collected.by))?;
    }
    Ok(())
}

async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<RecipientId>,
    query: Query,
) -> Result<Response, Box<Problem>> {
    let query = query.only(&["limit", "after"])?;
    let (limit, before) = (query.limit()?, query.after::<u64>()?);
    let person = PersonKey { project: caller.project.clone(), recipient: id.clone() };
    let head = app.ports.consents.person(&person).await?.consents.head.entries;
    // The chain is read from its beginning; a page newest first is the part that ends before a number.
    let end = before.map_or(head, |before| before.saturating_sub(1).min(head));
    let begin = end.saturating_sub(limit as u64);
    let count = usize::try_from(end - begin).unwrap_or(limit);
    let rows = match count {
        0 => Vec::new(),
        count => app.ports.consents.consent_entries(&person, begin, count).await?,
    };
    let items = rows.iter().rev().map(|row| entry_response(&id, row)).collect();
    let next = rows.first().filter(|row| row.number > 1).map(|row| next(row.number));
    Ok(Answered::ok(&Page { items, next }).response())
}

pub(crate) fn entry_response(id: &RecipientId, row: &ConsentEntry) -> ConsentEntryResponse {
    let personal = row.personal.as_ref();
    let collected = personal.and_then(|personal| personal.collected.as_ref());
    ConsentEntryResponse {
        entry: row.id.clone(),
        number: row.number,
        at: row.at,
        decision: row.decision,
        category: row.category.clone(),
        channels: row.channels.clone(),
        policy_version: row.policy_version.as_deref().map(str::to_owned),
        text_shown: personal.and_then(|personal| personal.text_shown.as_deref()).map(str::to_owned),
        collected: collected.map(|collected| CollectedBody {
            how: collected.how.to_string(),
            at: collected.at,
            locale: collected.locale.as_deref().map(str::to_owned),
            by: collected.by.as_deref().map(str::to_owned),
        }),
        commitment: row.commitment.to_string(),
        previous: row.previous.to_string(),
        hash: row.hash.to_string(),
        receipt: receipt_path(id, &row.id),
    }
}

fn receipt_path(id: &RecipientId, entry: &EntryId) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_str().as_bytes()).collect();
    format!("/v1/recipients/{}/consent/{entry}/receipt", id.replace('+', "%20"))
}

async fn show_receipt(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At((id, entry)): At<(RecipientId, EntryId)>,
) -> Result<Response, Box<Problem>> {
    let person = PersonKey { project: caller.project.clone(), recipient: id };
    let row = app.ports.consents.consent_entry(&person, &entry).await?;
    let row = row.ok_or_else(|| Problem::not_found("consent entry", entry.as_str()))?;
    Ok(Answered::ok(&receipt::receipt(&app, &person, &row).await?).response())
}
