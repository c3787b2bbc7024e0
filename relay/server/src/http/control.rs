//! The stop switch, the stop list, secrets.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tidings_core::ports::{ProjectRow, SecretRow, StopEntry};
use tidings_protocol::Channel;
use tidings_protocol::http::{
    Page, SecretRequest, StopEntryRequest, StopEntryResponse, StopRequest, StopResponse,
};
use tidings_protocol::limits::ID_BYTES_MAX;

use super::answer::Answered;
use super::body::Sent;
use super::problem::Problem;
use super::query::{Query, next};
use super::repeats::{Begun, Holds, begin};
use super::route::{At, Routes, Who};
use super::send::at_most;
use crate::access::{KeyCaller, Scope, secret_name};
use crate::app::App;

/// A secret, in bytes: room for a private key as PEM.
const SECRET_BYTES_MAX: usize = 16 << 10;
const ADDRESS_BYTES_MAX: usize = 4_096;
const REASON_CHARS_MAX: usize = 512;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v1/stop", Who::Key(Scope::Read), show_stop, |call| {
            call.about("What is stopped.").answer::<StopResponse>(200, "The stop switch")
        })
        .put("/v1/stop", Who::Key(Scope::Configure), put_stop, |call| {
            call.about("Stops the project or one rule, or lets it run.")
                .body::<StopRequest>()
                .answer::<StopResponse>(200, "The stop switch")
        })
        .get("/v1/stop-list", Who::Key(Scope::Read), list, |call| {
            call.about("Addresses that are never used, newest first.")
                .query(&[("limit", "1 to 500, default 50"), ("after", "next of the page before")])
                .page::<StopEntryResponse>("A page")
        })
        .post("/v1/stop-list", Who::Key(Scope::Recipients), add, |call| {
            call.about("Never uses an address.")
                .body::<StopEntryRequest>()
                .answer::<StopEntryResponse>(201, "It is on the list")
                .answer::<StopEntryResponse>(200, "The address was on the list: the entry that names it")
        })
        .delete("/v1/stop-list/{entry}", Who::Key(Scope::Recipients), remove, |call| {
            call.about("Takes an address off the list.").answer_plain(204, "It is off")
        })
        .put("/v1/secrets/{name}", Who::Key(Scope::Configure), put_secret, |call| {
            call.about("Sets a secret that the document names. It can never be read back.")
                .body::<SecretRequest>()
                .answer_plain(204, "It is set")
        })
}

fn project(app: &App, caller: &KeyCaller) -> Result<Arc<ProjectRow>, Box<Problem>> {
    app.directory
        .project(&caller.project)
        .ok_or_else(|| Problem::not_found("project", caller.project.as_str()))
}

fn stop_response(row: &ProjectRow) -> StopResponse {
    StopResponse { stopped: row.stop.project, rule: None, rules: row.stop.rules.clone() }
}

async fn show_stop(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
) -> Result<Response, Box<Problem>> {
    Ok(Answered::ok(&stop_response(&*project(&app, &caller)?)).response())
}

async fn put_stop(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let request: StopRequest = sent.json()?;
    let mut row = (*project(&app, &caller)?).clone();
    match request.rule.clone() {
        None => row.stop.project = request.stopped,
        Some(rule) if request.stopped => {
            let configuration = app.live(&caller.project).await?;
            if !configuration.rules.contains_key(&rule) {
                return Err(Problem::field("unknown_rule", "/rule", format!("There is no rule {rule}.")));
            }
            row.stop.rules.insert(rule);
        }
        Some(rule) => {
            row.stop.rules.remove(&rule);
        }
    }
    app.ports.registry.put_project(&row).await?;
    app.directory.reload().await?;
    tracing::warn!(stopped = row.stop.project, rules = row.stop.rules.len(), "the stop switch was turned");
    let mut answer = stop_response(&row);
    if request.rule.is_some() {
        (answer.stopped, answer.rule) = (request.stopped, request.rule);
    }
    Ok(Answered::ok(&answer).response())
}

fn entry_response(row: StopEntry) -> StopEntryResponse {
    StopEntryResponse {
        id: row.id.into(),
        channel: row.channel,
        address: row.address.into(),
        reason: row.reason.into(),
        at: row.at,
    }
}

async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    query: Query,
) -> Result<Response, Box<Problem>> {
    let query = query.only(&["limit", "after"])?;
    let (limit, before) = (query.limit()?, query.after::<String>()?);
    let mut rows = app.ports.registry.stop_list(&caller.project, before.as_deref(), limit + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().map(|row| next(&row.id)).filter(|_| more);
    Ok(Answered::ok(&Page { items: rows.into_iter().map(entry_response).collect(), next }).response())
}

async fn add(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let request: StopEntryRequest = sent.json()?;
    if request.channel == Channel::Inapp {
        return Err(Problem::invalid("/channel", "The inbox has no address."));
    }
    if request.address.trim().is_empty() {
        return Err(Problem::invalid("/address", "An address has at least one character."));
    }
    at_most("/address", "Bytes of address", ADDRESS_BYTES_MAX, request.address.len())?;
    at_most("/reason", "Characters of reason", REASON_CHARS_MAX, request.reason.chars().count())?;
    let keeping = match begin(&app, &caller.project, &sent, Holds::Secrets).await? {
        Begun::Before(answered) => return Ok(answered.response()),
        Begun::First(keeping) => keeping,
    };
    let now = app.now();
    let entry = StopEntry {
        id: uuid::Uuid::from_u128(app.node.ids.next(now)).to_string().into(),
        project: caller.project.clone(),
        channel: request.channel,
        address: request.address.into(),
        reason: request.reason.into(),
        at: now,
    };
    let answered = Answered::new(StatusCode::CREATED, &entry_response(entry.clone()));
    let there = app.ports.registry.put_stop_entry(&entry, true, keeping.row(&answered).as_ref()).await?;
    let Some(there) = there else { return Ok(answered.response()) };
    let answered = Answered::ok(&entry_response(there));
    keeping.keep(&answered).await?;
    Ok(answered.response())
}

async fn remove(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<String>,
) -> Result<Response, Box<Problem>> {
    // The store finds an entry by its id alone; the rest is not looked at when it is taken away.
    let entry = StopEntry {
        id: id.as_str().into(),
        project: caller.project.clone(),
        channel: Channel::Email,
        address: "".into(),
        reason: "".into(),
        at: app.now(),
    };
    if app.ports.registry.put_stop_entry(&entry, false, None).await?.is_some() {
        Ok(Answered::nothing().response())
    } else {
        Err(Problem::not_found("stop-list entry", &id))
    }
}

async fn put_secret(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(name): At<String>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let request: SecretRequest = sent.json()?;
    at_most("", "Bytes of the name", ID_BYTES_MAX, name.len())?;
    if name.contains('/') {
        return Err(Problem::invalid("", "A name with a / is one of the relay's own: take another."));
    }
    at_most("/value", "Bytes of value", SECRET_BYTES_MAX, request.value.len())?;
    if request.value.is_empty() {
        return Err(Problem::invalid("/value", "A secret has at least one character."));
    }
    let sealed = app.vault.seal(&secret_name(&caller.project, &name), request.value.as_bytes());
    let row = SecretRow { project: caller.project.clone(), name: name.into(), sealed, set_at: app.now() };
    app.ports.registry.put_secret(&row).await?;
    Ok(Answered::nothing().response())
}
