//! What would change under another document: the project's own last events, played under both. It takes a
//! core for a while, so that one is made at a time.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use tidings_core::model::{Event, Person, PersonKey, Win};
use tidings_core::ports::{Need, StoreError};
use tidings_protocol::{ProjectId, RecipientId, Span, Timestamp};

use super::{bundle, checked, live_version, version};
use crate::access::KeyCaller;
use crate::app::App;
use crate::http::answer::Answered;
use crate::http::body::SentDocument;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::repeats::{Begun, Holds, begin};
use crate::rehearsal::{Backtest, BacktestReport, RehearsalError};

/// Events that one plan replays; a longer history is cut at its old end.
const EVENTS_MAX: usize = 20_000;
/// Recipients that one plan knows.
const RECIPIENTS_MAX: usize = 10_000;
/// Recipients of one reading, so that the writer is held for a moment only.
const RECIPIENTS_AT_ONCE: u32 = 500;
/// How far a plan looks back unless it is told.
const SINCE_DEFAULT: Span = Span::from_days(7);

/// The answer, with what it was made from.
#[derive(Serialize)]
struct Planned {
    configuration: u64,
    since: Timestamp,
    until: Timestamp,
    #[serde(flatten)]
    report: BacktestReport,
}

pub(super) async fn plan(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    query: Query,
    SentDocument(sent): SentDocument,
) -> Result<Response, Box<Problem>> {
    let query = query.only(&["since"])?;
    let back = query.parsed::<Span>("since")?.unwrap_or(SINCE_DEFAULT);
    let keeping = match begin(&app, &caller.project, &sent, Holds::Ids).await? {
        Begun::Before(answered) => return Ok(answered.response()),
        Begun::First(keeping) => keeping,
    };
    let other = bundle(&sent)?;
    let live_number = live_version(&app, &caller.project);
    checked(&other, live_number + 1)?;
    let _turn = app.plans.try_acquire().map_err(|_| {
        let detail = "Another plan is being made: try again in a few seconds.";
        let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail);
        problem.retry_after = Some(5);
        problem
    })?;
    let (live, _) = version(&app, &caller.project, live_number).await?;
    let until = app.now();
    let since = until.plus_millis(-back.as_millis());
    let events = events(&app, &caller.project, since, until).await?;
    let people = people(&app, &caller.project).await?;
    let wins = wins(&app, &caller.project).await?;
    // It computes for seconds: not on a thread that answers other calls.
    let runtime = tokio::runtime::Handle::current();
    let played = tokio::task::spawn_blocking(move || {
        let backtest = Backtest { people: &people, events: &events, wins: &wins, since, until };
        runtime.block_on(backtest.compare(&live, &other))
    });
    let broke_off = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The plan broke off.");
    let report = played.await.map_err(broke_off)?.map_err(|error| match error {
        RehearsalError::Store(error) => error.into(),
        error @ (RehearsalError::Configuration(_) | RehearsalError::Restless) => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "plan",
            format!("The plan cannot be made: {error}."),
        ),
    })?;
    let answered = Answered::ok(&Planned { configuration: live_number, since, until, report });
    keeping.keep(&answered).await?;
    Ok(answered.response())
}

async fn events(
    app: &App,
    project: &ProjectId,
    since: Timestamp,
    until: Timestamp,
) -> Result<Vec<Event>, Box<Problem>> {
    let found = app.ports.stories.events(project, since, until, None, EVENTS_MAX + 1).await?;
    if found.len() > EVENTS_MAX {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Err(Problem::limit(status, "Events of a plan (name a shorter ?since)", EVENTS_MAX, None));
    }
    Ok(found)
}

/// Which variants of the live rules won.
async fn wins(app: &App, project: &ProjectId) -> Result<Vec<Win>, Box<Problem>> {
    let live = app.live(project).await?;
    let mut wins = Vec::new();
    for rule in live.trials.keys() {
        wins.extend(app.ports.insight.trials(project, rule).await?.wins);
    }
    Ok(wins)
}

/// Recipients as they are today, read in short transactions that change nothing.
async fn people(app: &App, project: &ProjectId) -> Result<Vec<Person>, Box<Problem>> {
    let mut people: Vec<Person> = Vec::new();
    let mut after: Option<RecipientId> = None;
    loop {
        let page = Need::Recipients(project.clone(), after.clone(), RECIPIENTS_AT_ONCE);
        let (ids, mut read) = read_page(app, project, page).await?;
        people.append(&mut read);
        if people.len() > RECIPIENTS_MAX {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Err(Problem::limit(status, "Recipients of a plan", RECIPIENTS_MAX, None));
        }
        match ids.last() {
            Some(last) if ids.len() >= RECIPIENTS_AT_ONCE as usize => after = Some(last.clone()),
            Some(_) | None => return Ok(people),
        }
    }
}

async fn read_page(
    app: &App,
    project: &ProjectId,
    page: Need,
) -> Result<(Vec<RecipientId>, Vec<Person>), StoreError> {
    let mut transaction = app.ports.store.begin().await?;
    let found = transaction.read(&[page]).await?;
    let ids: Vec<RecipientId> = found.pages.into_iter().flat_map(|(_, ids)| ids).collect();
    let key = |recipient: &RecipientId| PersonKey { project: project.clone(), recipient: recipient.clone() };
    let needs: Vec<Need> = ids.iter().map(|recipient| Need::Person(key(recipient))).collect();
    let people = transaction.read(&needs).await?.people;
    Ok((ids, people))
}
