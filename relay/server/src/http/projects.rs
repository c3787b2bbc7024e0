//! Projects and their keys.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tidings_core::ports::{KeyRow, ProjectRow, StoreError};
use tidings_protocol::http::{KeyRequest, KeyResponse, ProjectRequest, ProjectResponse, SigningKeysResponse};

use super::answer::Answered;
use super::body::Sent;
use super::problem::Problem;
use super::query::{LIST_QUERY, Newest, Query};
use super::repeats::{Begun, Holds, begin};
use super::route::{At, Routes, Who};
use super::send::at_most;
use super::strict::nearest;
use crate::access::{ACCESS_TOKEN_MILLIS_MAX, KeyCaller, Scope};
use crate::app::App;
use crate::relay::{make_project, new_key_row};
use crate::vault::RotateError;

const NAME_CHARS_MAX: usize = 128;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v1/projects", Who::Key(Scope::Operate), list, |call| {
            call.about("Every project of the relay, newest first.")
                .query(LIST_QUERY)
                .page::<ProjectResponse>("A page")
        })
        .post("/v1/projects", Who::Key(Scope::Operate), make, |call| {
            call.about("Makes a project with the built-in configuration and its first key.")
                .body::<ProjectRequest>()
                .answer::<ProjectResponse>(201, "With the key, which is shown once")
        })
        .get("/v1/keys", Who::Key(Scope::Configure), list_keys, |call| {
            call.about("The project's keys, newest first, without their secrets.")
                .query(LIST_QUERY)
                .page::<KeyResponse>("A page")
        })
        .post("/v1/keys", Who::Key(Scope::Configure), make_one, |call| {
            call.about("Makes a key for the project, with no more scopes than the asking one has.")
                .body::<KeyRequest>()
                .answer::<KeyResponse>(201, "With the key, which is shown once")
        })
        .delete("/v1/keys/{id}", Who::Key(Scope::Configure), revoke, |call| {
            call.about("Takes a key back at once.").answer_plain(204, "It opens nothing any more")
        })
        .post("/v1/signing-keys", Who::Key(Scope::Operate), rotate_signing, |call| {
            call.about("Makes a new key that the relay signs access tokens and receipts with. What the one before it signed \
                        stays good; 409 too_soon within an hour of the last exchange.")
                .answer::<SigningKeysResponse>(201, "The names of both")
        })
}

fn response(row: &ProjectRow, key: Option<String>) -> ProjectResponse {
    ProjectResponse {
        id: row.id.clone(),
        name: row.name.to_string(),
        configuration: row.configuration,
        created_at: row.created_at,
        key,
    }
}

async fn list(State(app): State<Arc<App>>, query: Query) -> Result<Response, Box<Problem>> {
    let items = app.directory.projects().iter().map(|row| response(row, None)).collect();
    let page = query.page(items, |row: &ProjectResponse| Newest::of(row.created_at, row.id.as_str()))?;
    Ok(Answered::ok(&page).response())
}

async fn make(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let ProjectRequest { name } = sent.json()?;
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return Err(Problem::invalid(
            "/name",
            "A name has at least one character and no control characters.",
        ));
    }
    at_most("/name", "Characters of name", NAME_CHARS_MAX, name.chars().count())?;
    let taken = || Problem::field("name_taken", "/name", format!("There is a project {name} already."));
    let keeping = match begin(&app, &caller.project, &sent, Holds::Secrets).await? {
        Begun::Before(answered) => return Ok(answered.response()),
        Begun::First(keeping) => keeping,
    };
    if app.directory.project_named(&name).is_some() {
        return Err(taken());
    }
    let now = app.now();
    let row = match make_project(&app.ports, &name, now).await {
        Err(StoreError::Data { .. }) => return Err(taken()),
        made => made?,
    };
    let (first, key) = new_key_row(&app.vault, &row.id, &Scope::of_project(), false, "first key", now);
    let answered = Answered::new(StatusCode::CREATED, &response(&row, Some(key)));
    app.ports.registry.put_key(&first, keeping.row(&answered).as_ref()).await?;
    app.directory.reload().await?;
    Ok(answered.response())
}

fn key_response(row: &KeyRow, key: Option<String>) -> KeyResponse {
    KeyResponse {
        id: row.id.to_string(),
        label: row.label.to_string(),
        scopes: row.scopes.iter().map(ToString::to_string).collect(),
        sandbox: row.sandbox,
        created_at: row.created_at,
        key,
    }
}

async fn list_keys(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    query: Query,
) -> Result<Response, Box<Problem>> {
    let items = app.directory.keys(&caller.project).iter().map(|row| key_response(row, None)).collect();
    let page = query.page(items, |row: &KeyResponse| Newest::of(row.created_at, row.id.as_str()))?;
    Ok(Answered::ok(&page).response())
}

async fn make_one(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let request: KeyRequest = sent.json_or_default()?;
    at_most("/label", "Characters of label", NAME_CHARS_MAX, request.label.chars().count())?;
    let scopes = match &request.scopes {
        None => caller.scopes.clone(),
        Some(words) => scopes(words, &caller)?,
    };
    let keeping = match begin(&app, &caller.project, &sent, Holds::Secrets).await? {
        Begun::Before(answered) => return Ok(answered.response()),
        Begun::First(keeping) => keeping,
    };
    let (sandbox, label) = (request.sandbox, &request.label);
    let (row, key) = new_key_row(&app.vault, &caller.project, &scopes, sandbox, label, app.now());
    let answered = Answered::new(StatusCode::CREATED, &key_response(&row, Some(key)));
    app.ports.registry.put_key(&row, keeping.row(&answered).as_ref()).await?;
    app.directory.reload().await?;
    Ok(answered.response())
}

fn scopes(words: &[String], caller: &KeyCaller) -> Result<Vec<Scope>, Box<Problem>> {
    if words.is_empty() {
        return Err(Problem::invalid("/scopes", "A key without a scope opens nothing."));
    }
    let mut scopes = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let pointer = format!("/scopes/{index}");
        let Ok(scope) = word.parse::<Scope>() else {
            let names = Scope::ALL.map(Scope::as_str);
            let detail = format!("There is no scope {word}.");
            return Err(Problem::invalid(pointer, detail).with_hint(nearest(word, &names)));
        };
        if !caller.may(scope) {
            let detail = format!("The asking key lacks the scope {scope} and cannot give it.");
            return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
        }
        scopes.push(scope);
    }
    scopes.sort_unstable();
    scopes.dedup();
    Ok(scopes)
}

async fn revoke(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<String>,
) -> Result<Response, Box<Problem>> {
    let keys = app.directory.keys(&caller.project);
    let Some(row) = keys.iter().find(|row| *row.id == *id) else {
        return Err(Problem::not_found("key", &id));
    };
    app.ports.registry.put_key(&KeyRow { revoked_at: Some(app.now()), ..row.clone() }, None).await?;
    app.directory.reload().await?;
    Ok(Answered::nothing().response())
}

async fn rotate_signing(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let keeping = match begin(&app, &caller.project, &sent, Holds::Ids).await? {
        Begun::Before(answered) => return Ok(answered.response()),
        Begun::First(keeping) => keeping,
    };
    let (vault, now) = (Arc::clone(&app.vault), app.now());
    // It flushes a file to disk, which is no part of the store: the answer is kept right after.
    let rotated = tokio::task::spawn_blocking(move || vault.rotate(now, ACCESS_TOKEN_MILLIS_MAX)).await;
    let rotated = rotated.expect("the exchange does not panic").map_err(not_rotated)?;
    tracing::info!(kid = rotated.kid, previous = rotated.previous, "the signing key was exchanged");
    let response = SigningKeysResponse { kid: rotated.kid, previous: rotated.previous };
    let answered = Answered::new(StatusCode::CREATED, &response);
    keeping.keep(&answered).await?;
    Ok(answered.response())
}

fn not_rotated(error: RotateError) -> Box<Problem> {
    match error {
        RotateError::TooSoon { wait_millis, .. } => {
            let mut problem = Problem::new(
                StatusCode::CONFLICT,
                "too_soon",
                format!("{error}: tokens of the key before it may still be valid."),
            );
            problem.retry_after = Some(wait_millis.unsigned_abs().div_ceil(1_000));
            problem
        }
        RotateError::File(source) => StoreError::Unavailable(Box::new(source)).into(),
    }
}
