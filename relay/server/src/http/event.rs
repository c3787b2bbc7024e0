//! `/v1/events`.

pub(crate) mod read;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use tidings_core::act::{Act, Answer, EventAnswer, Made, Refusal};
use tidings_core::model::{Considered, Event, FanOut, Fired};
use tidings_core::ports::EventRef;
use tidings_protocol::EventId;
use tidings_protocol::http::{
    EventRequest, EventResponse, EventResult, EventsResponse, FanOutBody, MadeBody, RuleConsidered,
    VerdictBody,
};

use super::answer::{Answered, Outcome, settle_in};
use super::body::Sent;
use super::problem::Problem;
use super::query::Query;
use super::route::{At, Routes, Who};
use super::wording::{held_by, stopped_by};
use crate::access::{KeyCaller, Scope};
use crate::app::App;

pub(crate) use self::read::digest;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .post("/v1/events", Who::Key(Scope::Send), accept, |call| {
            call.about("States facts: one, an array, lines, or CloudEvents 1.0.")
                .query(&[("verdicts", "stops (default), all or none: how much of each decision is answered")])
                .body_as::<EventRequest>(&["application/json", "application/x-ndjson"])
                .body_text(&["application/cloudevents+json", "application/cloudevents-batch+json"])
                .answer::<EventsResponse>(202, "Read; what was accepted is on disk")
                .answer::<EventsResponse>(422, "Read, and every one was rejected")
        })
        .get("/v1/events", Who::Key(Scope::Read), find, |call| {
            call.about("The fact with the backend's own id.")
                .query(&[("source", "The place that it comes from"), ("id", "Its id there")])
                .answer::<EventResponse>(200, "The fact, and why each rule did or did not fire")
        })
        .get("/v1/events/{id}", Who::Key(Scope::Read), show, |call| {
            call.about("A fact by the relay's id.")
                .answer::<EventResponse>(200, "The fact, and why each rule did or did not fire")
        })
}

/// How much of each decision is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdicts {
    Stops,
    All,
    None,
}

async fn accept(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    query: Query,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let query = query.only(&["verdicts"])?;
    let verdicts = match query.text("verdicts") {
        None | Some("stops") => Verdicts::Stops,
        Some("all") => Verdicts::All,
        Some("none") => Verdicts::None,
        Some(_) => return Err(Problem::invalid("?verdicts", "verdicts: stops, all or none.")),
    };
    let mut events = read::events(&sent, app.now())?;
    if events.single && events.items.first().is_some_and(Result::is_err) {
        let problem = events.items.pop().and_then(Result::err);
        return Err(problem.expect("the one item is a mistake"));
    }
    let (mut bodies, mut places) = (Vec::new(), Vec::new());
    for item in events.items {
        places.push(item.map(|body| bodies.push(body)).map_err(|problem| rejected(&problem)));
    }
    if bodies.is_empty() {
        return Err(all_rejected(&respond(&places, &[], verdicts)));
    }
    let places = Arc::new(places);
    let rendered = Arc::clone(&places);
    let render = move |answer: &Answer| {
        let response = respond(&rendered, answers_of(answer), verdicts);
        Answered::new(status_of(&response), &response)
    };
    let act = Act::accept(bodies);
    match settle_in(&app, &caller.project, caller.sandbox, Some(&sent), act, Arc::new(render)).await? {
        Outcome::Decided(answer) => {
            let response = respond(&places, answers_of(&answer), verdicts);
            let answered = Answered::new(status_of(&response), &response);
            told(&response, events.single, answered)
        }
        Outcome::Replayed(answered) => told(&answered.read()?, events.single, answered),
    }
}

/// What a request's caller is told: a single event that is rejected is the request's own problem.
fn told(response: &EventsResponse, single: bool, answered: Answered) -> Result<Response, Box<Problem>> {
    metrics::counter!("tidings_events_accepted_total").increment(response.accepted);
    match response.results.first() {
        Some(EventResult::Rejected { code, pointer, detail }) if single => {
            Err(alone(code, pointer.clone(), detail.clone()))
        }
        _ if answered.status() == StatusCode::UNPROCESSABLE_ENTITY => Err(all_rejected(response)),
        _ => Ok(answered.response()),
    }
}

fn answers_of(answer: &Answer) -> &[EventAnswer] {
    if let Answer::Events(answers) = answer { answers } else { &[] }
}

fn status_of(response: &EventsResponse) -> StatusCode {
    let all_rejected = response.accepted + response.duplicate == 0;
    if all_rejected { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::ACCEPTED }
}

/// A problem that has the counts and results of every batch besides.
fn all_rejected(response: &EventsResponse) -> Box<Problem> {
    let detail = "Every event was rejected: results says why.";
    let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "rejected", detail);
    if let Ok(Value::Object(fields)) = serde_json::to_value(response) {
        problem.more = fields;
    }
    problem
}

/// One result for each place: what was read goes on with the core's answers in order.
fn respond(
    places: &[Result<(), EventResult>],
    answers: &[EventAnswer],
    verdicts: Verdicts,
) -> EventsResponse {
    let mut answers = answers.iter();
    let mut response = EventsResponse::default();
    for place in places {
        let result = match place {
            Err(rejected) => rejected.clone(),
            Ok(()) => match answers.next() {
                Some(answer) => result(answer, verdicts),
                None => continue,
            },
        };
        match result {
            EventResult::Accepted { .. } => response.accepted += 1,
            EventResult::Duplicate { .. } => response.duplicate += 1,
            EventResult::Rejected { .. } => response.rejected += 1,
        }
        response.results.push(result);
    }
    response
}

fn result(answer: &EventAnswer, verdicts: Verdicts) -> EventResult {
    match answer {
        EventAnswer::Accepted {
            event,
            configuration,
            notifications,
            fan_outs,
            not_fired,
            unknown_type,
            cancelled,
            converted,
        } => EventResult::Accepted {
            event: event.clone(),
            configuration: *configuration,
            notifications: notifications.iter().map(|made| made_body(made, verdicts)).collect(),
            rules_not_fired: not_fired.iter().map(considered).collect(),
            fan_outs: fan_outs
                .iter()
                .map(|(rule, audience)| FanOutBody {
                    rule: Some(rule.clone()),
                    audience: *audience,
                    planned: None,
                    finished: None,
                })
                .collect(),
            cancelled: cancelled.clone(),
            converted: converted.clone(),
            note: unknown_type.then(|| "no_rule".to_owned()),
        },
        EventAnswer::Duplicate { event } => EventResult::Duplicate { event: event.clone() },
        EventAnswer::Refused(refusal) => refused(refusal),
    }
}

fn made_body(made: &Made, verdicts: Verdicts) -> MadeBody {
    let told = verdicts != Verdicts::None;
    let stopped = made.stopped.as_ref().filter(|_| told);
    let all = made.story.iter().filter(|entry| verdicts == Verdicts::All && entry.gate.is_some());
    MadeBody {
        id: made.id.clone(),
        rule: made.rule.clone(),
        recipient: made.recipient.clone(),
        state: made.state,
        due: made.due,
        reason: stopped.map(|stopped| stopped.reason),
        stopped_by: stopped_by(made.state, stopped),
        held_by: held_by(made.state, stopped),
        verdicts: all
            .map(|entry| VerdictBody {
                gate: entry.gate,
                verdict: entry.verdict,
                reason: entry.reason,
                text: entry.text.as_deref().map(str::to_owned),
            })
            .collect(),
    }
}

/// Whether a rule fired, and why not, as a word.
pub(crate) const fn word_of(fired: Fired) -> &'static str {
    match fired {
        Fired::Yes { .. } => "fired",
        Fired::NoMatch => "no_match",
        Fired::MissingField => "missing_field",
        Fired::Error => "error",
        Fired::NoRecipient => "no_recipient",
    }
}

fn considered(considered: &Considered) -> RuleConsidered {
    let recipients = match considered.fired {
        Fired::Yes { recipients } => Some(recipients),
        Fired::NoMatch | Fired::MissingField | Fired::Error | Fired::NoRecipient => None,
    };
    RuleConsidered {
        rule: considered.rule.clone(),
        reason: word_of(considered.fired).to_owned(),
        recipients,
        text: considered.text.as_deref().map(str::to_owned),
    }
}

fn rejected(problem: &Problem) -> EventResult {
    EventResult::Rejected {
        code: problem.code.to_string(),
        pointer: problem.errors.first().map(|fault| fault.pointer.clone()),
        detail: problem.detail.clone(),
    }
}

fn refused(refusal: &Refusal) -> EventResult {
    rejected(&Box::<Problem>::from(refusal.clone()))
}

/// A single event that is rejected answers its own status.
fn alone(code: &str, pointer: Option<String>, detail: String) -> Box<Problem> {
    let status = match code {
        "event_conflict" => StatusCode::CONFLICT,
        "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    match pointer {
        Some(pointer) => Problem::field(code.to_owned(), pointer, detail),
        None => Problem::new(status, code.to_owned(), detail),
    }
}

async fn find(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    query: Query,
) -> Result<Response, Box<Problem>> {
    let query = query.only(&["source", "id"])?;
    let Some(id) = query.text("id") else {
        return Err(Problem::field("missing_field", "?id", "The query needs an id."));
    };
    let source = query.text("source").map(Into::into);
    read_event(&app, &caller, &EventRef::External { source, external_id: id.into() }, id).await
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<EventId>,
) -> Result<Response, Box<Problem>> {
    read_event(&app, &caller, &EventRef::Id(id.clone()), id.as_str()).await
}

async fn read_event(
    app: &App,
    caller: &KeyCaller,
    which: &EventRef,
    id: &str,
) -> Result<Response, Box<Problem>> {
    let event = app.ports.stories.event(&caller.project, which).await?;
    let event = event.ok_or_else(|| Problem::not_found("event", id))?;
    Ok(Answered::ok(&response(&event)).response())
}

fn response(event: &Event) -> EventResponse {
    let body = &event.body;
    EventResponse {
        event: event.id.clone(),
        id: body.external_id.as_deref().map(str::to_owned),
        source: body.source.as_deref().map(str::to_owned),
        event_type: body.event_type.to_string(),
        recipient: body.recipient.clone(),
        time: body.time,
        accepted_at: event.accepted_at,
        configuration: event.configuration,
        state: event.state,
        made: event.made,
        data: body.data.clone(),
        extensions: body.extensions.clone(),
        rules: event.considered.iter().map(considered).collect(),
        fan_outs: event.fan_outs.iter().map(fan_out).collect(),
    }
}

pub(super) fn fan_out(fan_out: &FanOut) -> FanOutBody {
    FanOutBody {
        rule: fan_out.rule.clone(),
        audience: fan_out.expected.or(fan_out.finished.then_some(fan_out.planned)),
        planned: Some(fan_out.planned),
        finished: Some(fan_out.finished),
    }
}
