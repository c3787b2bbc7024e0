//! `/v1/configuration`: the document, its check, its versions, differences, roll-back, preview.

mod plan;
mod preview;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tidings_core::act::IfRevision;
use tidings_core::configuration::{self, Bundle, Configuration, Difference, DifferenceKind, Mistakes};
use tidings_core::ports::{ConfigurationRow, StoreError};
use tidings_protocol::ProjectId;
use tidings_protocol::http::{
    ApplyResponse, CheckResponse, ConfigurationResponse, DifferenceBody, DifferencesResponse, Page,
    PreviewRequest, RollbackRequest, VersionResponse,
};
use tidings_protocol::problem::Fault;

use super::answer::Answered;
use super::body::{Sent, SentDocument};
use super::problem::Problem;
use super::query::{Query, next};
use super::recipient::condition;
use super::repeats::{Begun, Holds, Keeping, begin};
use super::route::{At, Routes, Who};
use crate::access::{KeyCaller, Scope};
use crate::app::App;

/// Media types in which a document is sent; a bundle is JSON with `document` and `files`.
const TEXT: [&str; 2] = ["application/yaml", "text/plain"];

pub(super) fn routes(routes: Routes) -> Routes {
    let who = Who::Key(Scope::Configure);
    routes
        .get("/v1/configuration", who, show, |call| {
            call.about("The live document; as text with Accept: application/yaml.")
                .answer::<ConfigurationResponse>(200, "With its version as ETag")
        })
        .put("/v1/configuration", who, apply, |call| {
            call.about("Checks a document and makes it live. Takes If-Match. At most 8 MiB with all files.")
                .body_as::<ConfigurationBundle>(&["application/json"])
                .body_text(&TEXT)
                .answer::<ApplyResponse>(200, "It is live")
        })
        .post("/v1/configuration/check", who, check, |call| {
            call.about("Checks a document. Every mistake has line and column.")
                .body_as::<ConfigurationBundle>(&["application/json"])
                .body_text(&TEXT)
                .answer::<CheckResponse>(200, "It has no mistake")
        })
        .get("/v1/configuration/versions", who, versions, |call| {
            call.about("The versions, newest first.")
                .query(&[("limit", "1 to 500, default 50"), ("after", "next of the page before")])
                .page::<VersionResponse>("A page")
        })
        .get("/v1/configuration/versions/{version}", who, show_version, |call| {
            call.about("One version.").answer::<ConfigurationResponse>(200, "The document as it was applied")
        })
        .get("/v1/configuration/diff", who, diff, |call| {
            call.about("What differs between two versions.")
                .query(&[("from", "A version"), ("to", "A version; absent: the live one")])
                .answer::<DifferencesResponse>(200, "By pointer")
        })
        .post("/v1/configuration/diff", who, diff_document, |call| {
            call.about("What differs between the live version and a document.")
                .body_as::<ConfigurationBundle>(&["application/json"])
                .body_text(&TEXT)
                .answer::<DifferencesResponse>(200, "By pointer")
        })
        .post("/v1/configuration/rollback", who, roll_back, |call| {
            call.about("Makes an older version live again, as the next one. Takes If-Match.")
                .body::<RollbackRequest>()
                .answer::<ApplyResponse>(200, "It is live")
        })
        .post("/v1/configuration/plan", who, plan::plan, |call| {
            call.about("Plays the project's own last events under the live document and this one. Nothing is written.")
                .query(&[("since", "How far back, like 7d, which is the default")])
                .body_as::<ConfigurationBundle>(&["application/json"])
                .body_text(&TEXT)
                .waits()
                .answer_plain(200, "Who would hear more, less, later or sooner: by rule, category and recipient")
        })
        .post("/v1/configuration/preview", who, preview::preview, |call| {
            call.about("How a template reads on each channel. Nothing is sent.")
                .body::<PreviewRequest>()
                .answer_plain(200, "Each channel's form")
        })
}

/// A document with its files.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only its schema is used: the core reads the bundle")]
struct ConfigurationBundle {
    /// The document as it was written.
    document: String,
    /// Contents by path, relative to the document.
    files: std::collections::BTreeMap<String, String>,
}

/// Reads a document, alone or with its files.
fn bundle(sent: &Sent) -> Result<Bundle, Box<Problem>> {
    Ok(Bundle::from_body(sent.text()?))
}

/// A bundle's configuration, or every mistake in it.
pub(super) fn checked(bundle: &Bundle, version: u64) -> Result<Configuration, Box<Problem>> {
    configuration::check(&bundle.document, bundle, version).map_err(|mistakes| mistaken(&mistakes))
}

fn mistaken(mistakes: &Mistakes) -> Box<Problem> {
    let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "configuration", mistakes.to_string());
    problem.more.insert("total".into(), mistakes.total.into());
    if let Some(over) = mistakes.items.iter().find_map(|mistake| mistake.over) {
        problem.more.insert("limit".into(), over.limit.into());
        problem.more.insert("actual".into(), over.actual.into());
    }
    problem.errors = mistakes
        .items
        .iter()
        .map(|mistake| Fault {
            pointer: mistake.pointer.clone(),
            line: Some(mistake.line),
            column: Some(mistake.column),
            code: mistake.code.to_owned(),
            detail: match &mistake.expected {
                Some(expected) => format!("{}; expected {expected}", mistake.detail),
                None => mistake.detail.clone(),
            },
            hint: mistake.hint.clone(),
        })
        .collect();
    problem
}

/// One stored version, or the built-in one.
async fn version(
    app: &App,
    project: &ProjectId,
    version: u64,
) -> Result<(Bundle, Option<ConfigurationRow>), Box<Problem>> {
    if version == 0 {
        return Ok((Bundle::built_in(), None));
    }
    let row = app.ports.registry.configuration(project, version).await?;
    let row = row.ok_or_else(|| Problem::not_found("configuration", &version.to_string()))?;
    let bundle =
        Bundle::from_text(&row.bundle).map_err(|error| StoreError::Damaged { detail: error.to_string() })?;
    Ok((bundle, Some(row)))
}

fn live_version(app: &App, project: &ProjectId) -> u64 {
    app.directory.project(project).map_or(0, |row| row.configuration)
}

fn tag(version: u64) -> String {
    format!("\"{version}\"")
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    headers: HeaderMap,
) -> Result<Response, Box<Problem>> {
    let live = live_version(&app, &caller.project);
    let wants_text = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if wants_text.is_some_and(|accept| accept.contains("yaml") || accept.starts_with("text/plain")) {
        let (bundle, _) = version(&app, &caller.project, live).await?;
        let media = HeaderValue::from_static("application/yaml");
        let tag = HeaderValue::from_str(&tag(live)).expect("digits in quotes are a header");
        return Ok(([(header::CONTENT_TYPE, media), (header::ETAG, tag)], bundle.document).into_response());
    }
    answer_version(&app, &caller, live).await
}

async fn show_version(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(number): At<u64>,
) -> Result<Response, Box<Problem>> {
    answer_version(&app, &caller, number).await
}

async fn answer_version(app: &App, caller: &KeyCaller, number: u64) -> Result<Response, Box<Problem>> {
    let (bundle, row) = version(app, &caller.project, number).await?;
    let digest = match &row {
        Some(row) => row.digest.to_string(),
        None => Configuration::built_in().digest,
    };
    let response = ConfigurationResponse {
        version: number,
        digest,
        applied_at: row.as_ref().map(|row| row.applied_at),
        applied_by: row.as_ref().map(|row| row.applied_by.to_string()),
        document: bundle.document,
        files: bundle.files,
    };
    Ok(Answered::ok(&response).with_header(header::ETAG, &tag(number)).response())
}

async fn apply(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    SentDocument(sent): SentDocument,
) -> Result<Response, Box<Problem>> {
    Ok(make_live(&app, &caller, &sent, bundle(&sent)?, None).await?.response())
}

async fn roll_back(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let RollbackRequest { version: older } = sent.json()?;
    let keeping = match begin(&app, &caller.project, &sent, Holds::Ids).await? {
        Begun::Before(answered) => {
            let ApplyResponse { version, .. } = answered.read()?;
            return Ok(answered.with_header(header::ETAG, &tag(version)).response());
        }
        Begun::First(keeping) => keeping,
    };
    let (bundle, _) = version(&app, &caller.project, older).await?;
    Ok(make_live(&app, &caller, &sent, bundle, Some(&keeping)).await?.response())
}

/// Stores a document as the next version, unless it is the live one already.
async fn make_live(
    app: &App,
    caller: &KeyCaller,
    sent: &Sent,
    bundle: Bundle,
    keeping: Option<&Keeping<'_>>,
) -> Result<Answered, Box<Problem>> {
    let live = live_version(app, &caller.project);
    if let Some(wanted) = condition(&sent.headers)?
        && !(wanted.holds(Some(live)) || (wanted == IfRevision::Absent && live == 0))
    {
        return Err(changed_since(live));
    }
    let configuration = checked(&bundle, live + 1)?;
    let project = configuration.project.name.clone();
    if app.live(&caller.project).await?.digest == configuration.digest {
        let response = ApplyResponse { version: live, digest: configuration.digest, changed: false, project };
        let answered = Answered::ok(&response).with_header(header::ETAG, &tag(live));
        if let Some(keeping) = keeping {
            keeping.keep(&answered).await?;
        }
        return Ok(answered);
    }
    let row = ConfigurationRow {
        project: caller.project.clone(),
        version: live + 1,
        bundle: bundle.to_text().into(),
        digest: configuration.digest.as_str().into(),
        applied_at: app.now(),
        applied_by: caller.id.clone(),
    };
    let response = ApplyResponse {
        version: row.version,
        digest: configuration.digest,
        changed: true,
        project: project.clone(),
    };
    let answered = Answered::ok(&response).with_header(header::ETAG, &tag(row.version));
    let answer = keeping.and_then(|keeping| keeping.row(&answered));
    let applied = app.ports.registry.apply(&row, &project, answer.as_ref()).await;
    app.directory.reload().await?;
    match applied {
        Ok(()) => {}
        // Either another apply came first, or another project has the name.
        Err(StoreError::Data { .. }) if live_version(app, &caller.project) != live => {
            return Err(changed_since(live_version(app, &caller.project)));
        }
        Err(StoreError::Data { .. }) => {
            let detail =
                format!("Another project of this relay is called {project}: choose another project.name.");
            return Err(Problem::field("name_taken", "/project/name", detail));
        }
        Err(error) => return Err(error.into()),
    }
    app.listeners.hub.settings_changed(&caller.project);
    tracing::info!(version = row.version, "a configuration is live");
    Ok(answered)
}

fn changed_since(live: u64) -> Box<Problem> {
    let detail = format!("The configuration changed since: version {live} is live. Read it again.");
    let mut problem = Problem::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", detail);
    problem.more.insert("current".into(), live.into());
    problem
}

async fn check(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    SentDocument(sent): SentDocument,
) -> Result<Response, Box<Problem>> {
    let keeping = match begin(&app, &caller.project, &sent, Holds::Ids).await? {
        Begun::Before(answered) => return Ok(answered.response()),
        Begun::First(keeping) => keeping,
    };
    let configuration = checked(&bundle(&sent)?, live_version(&app, &caller.project) + 1)?;
    let response = CheckResponse {
        changed: app.live(&caller.project).await?.digest != configuration.digest,
        categories: configuration.categories.len(),
        rules: configuration.rules.len(),
        templates: configuration.templates.len(),
        digest: configuration.digest,
    };
    let answered = Answered::ok(&response);
    keeping.keep(&answered).await?;
    Ok(answered.response())
}

async fn versions(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    query: Query,
) -> Result<Response, Box<Problem>> {
    let query = query.only(&["limit", "after"])?;
    let (limit, before) = (query.limit()?, query.after::<u64>()?);
    let live = live_version(&app, &caller.project);
    let mut rows = app.ports.registry.configurations(&caller.project, before, limit + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().map(|row| next(row.version)).filter(|_| more);
    let items = rows.into_iter().map(|row| VersionResponse {
        live: row.version == live,
        version: row.version,
        digest: row.digest.into(),
        applied_at: row.applied_at,
        applied_by: row.applied_by.into(),
    });
    Ok(Answered::ok(&Page { items: items.collect(), next }).response())
}

async fn diff(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    query: Query,
) -> Result<Response, Box<Problem>> {
    let query = query.only(&["from", "to"])?;
    let live = live_version(&app, &caller.project);
    let to = query.parsed::<u64>("to")?.unwrap_or(live);
    let from = query.parsed::<u64>("from")?.unwrap_or(to.saturating_sub(1));
    let (old, _) = version(&app, &caller.project, from).await?;
    let (new, _) = version(&app, &caller.project, to).await?;
    Ok(differences(from, Some(to), &old, &new)?.response())
}

async fn diff_document(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    SentDocument(sent): SentDocument,
) -> Result<Response, Box<Problem>> {
    let keeping = match begin(&app, &caller.project, &sent, Holds::Secrets).await? {
        Begun::Before(answered) => return Ok(answered.response()),
        Begun::First(keeping) => keeping,
    };
    let live = live_version(&app, &caller.project);
    let (old, _) = version(&app, &caller.project, live).await?;
    let answered = differences(live, None, &old, &bundle(&sent)?)?;
    keeping.keep(&answered).await?;
    Ok(answered.response())
}

fn differences(from: u64, to: Option<u64>, old: &Bundle, new: &Bundle) -> Result<Answered, Box<Problem>> {
    let differences = configuration::diff(old, new).map_err(|mistakes| mistaken(&mistakes))?;
    let differences = differences.into_iter().map(difference).collect();
    Ok(Answered::ok(&DifferencesResponse { from, to, differences }))
}

fn difference(difference: Difference) -> DifferenceBody {
    let kind = match difference.kind {
        DifferenceKind::Added => "added",
        DifferenceKind::Removed => "removed",
        DifferenceKind::Changed => "changed",
    };
    let Difference { pointer, before, after, .. } = difference;
    let shown = |value: Option<Value>| value;
    DifferenceBody { pointer, kind: kind.to_owned(), before: shown(before), after: shown(after) }
}
