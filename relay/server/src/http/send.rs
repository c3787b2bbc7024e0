//! Direct sends: `/v1/to/{recipient}`, `POST /v1/notifications`, `/v1/sends`.

mod deliver;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use tidings_core::act::{Act, Answer, Made, SendTo};
use tidings_core::model::{DirectSend, EventBody, SendContent};
use tidings_core::ports::EventRef;
use tidings_core::template::{LABEL_CHARS_MAX, LINK_BYTES_MAX};
use tidings_protocol::http::{
    ContentBody, MadeForResponse, SendProgress, SendRequest, SendResponse, SentNotification, ToRequest,
    ToResponse,
};
use tidings_protocol::item::ContentItem;
use tidings_protocol::limits::{
    ACTIONS_MAX, BODY_CHARS_MAX, CONTENT_BYTES_MAX, EVENT_DATA_BYTES_MAX, HOLD_MILLIS_MAX, ID_BYTES_MAX,
    JSON_DEPTH_MAX, SEND_RECIPIENTS_MAX, TITLE_CHARS_MAX,
};
use tidings_protocol::{CategoryId, EventId, RecipientId, SendId, Timestamp};

use super::answer::{Answered, act};
use super::body::Sent;
use super::event::{digest, fan_out};
use super::json::depth;
use super::problem::Problem;
use super::query::Query;
use super::route::{At, Routes, Who};
use super::wording::{held_by, stopped_by};
use crate::access::{KeyCaller, Scope};
use crate::app::App;

const DEFAULT_CATEGORY: &str = "general";
/// What a direct send is called where an event has its type.
const SEND_TYPE: &str = "tidings.send";
pub(super) const TO_FIELDS: [&str; 4] = ["title", "category", "priority", "link"];

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .post("/v1/to/{recipient}", Who::Key(Scope::Send), send_to, |call| {
            call.about("Tells one person something: the body is the text.")
                .query(&[
                    ("title", "One line; also as header"),
                    ("category", "About what; absent: general; also as header"),
                    ("priority", "low, normal, high or urgent; also as header"),
                    ("link", "Where a click leads; also as header"),
                ])
                .body::<ToRequest>()
                .body_text(&["text/plain"])
                .answer::<ToResponse>(202, "It is on disk")
        })
        .post("/v1/notifications", Who::Key(Scope::Send), send, |call| {
            call.about("Sends to named recipients or to a topic, without a rule.")
                .body::<SendRequest>()
                .answer::<SendResponse>(202, "It is on disk")
        })
        .get("/v1/sends/{id}", Who::Key(Scope::Read), progress, |call| {
            call.about("How far a send has come.").answer::<SendProgress>(200, "Its progress")
        })
        .delete("/v1/sends/{id}", Who::Key(Scope::Send), stop, |call| {
            call.about("Stops a send and takes back what it made.")
                .answer::<SendProgress>(200, "Its progress")
        })
}

async fn send_to(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(recipient): At<RecipientId>,
    query: Query,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let query = query.only(&TO_FIELDS)?;
    let request = to_request(&query, &sent)?;
    let content = content_of(request.title, request.body)?;
    let send = SendRequest {
        recipients: Some(vec![recipient]),
        category: request.category,
        content: Some(ContentBody { link: request.link, ..content }),
        priority: request.priority,
        ..SendRequest::default()
    };
    let (body, to) = direct(send, app.now())?;
    let render = |answer: &Answer| match made(answer).first() {
        Some(made) => Answered::new(StatusCode::ACCEPTED, &to_response(made)),
        None => Answered::new(StatusCode::ACCEPTED, &Value::Null),
    };
    let act_body = Act::Send { body: Box::new(body), to };
    Ok(act(&app, &caller, Some(&sent), act_body, render).await?.response())
}

/// The fields of the query, then of the headers; JSON has its own.
fn to_request(query: &Query, sent: &Sent) -> Result<ToRequest, Box<Problem>> {
    let mut request = if sent.media() == "application/json" {
        sent.json::<ToRequest>()?
    } else {
        ToRequest { body: Some(sent.text()?.to_owned()), ..ToRequest::default() }
    };
    let field = |name: &str| {
        let header =
            sent.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        query.text(name).map(str::to_owned).or(header)
    };
    let refuse = |name: &str, error: &dyn std::fmt::Display| {
        Problem::invalid(format!("?{name}"), format!("{name}: {error}."))
    };
    request.title = request.title.or_else(|| field("title"));
    request.link = request.link.or_else(|| field("link"));
    if let (None, Some(category)) = (&request.category, field("category")) {
        request.category = Some(CategoryId::new(category).map_err(|error| refuse("category", &error))?);
    }
    if let (None, Some(priority)) = (&request.priority, field("priority")) {
        request.priority = Some(
            priority
                .parse()
                .map_err(|error: tidings_protocol::vocabulary::UnknownWord| refuse("priority", &error))?,
        );
    }
    Ok(request)
}

/// A text without a title becomes one if it is a line; of a longer one the first line is the title.
fn content_of(title: Option<String>, body: Option<String>) -> Result<ContentBody, Box<Problem>> {
    let body = body.map(|body| body.trim_end().to_owned()).unwrap_or_default();
    match title.filter(|title| !title.trim().is_empty()) {
        Some(title) => Ok(ContentBody { title, body, ..ContentBody::default() }),
        None if body.trim().is_empty() => {
            Err(Problem::field("missing_field", "", "There is no text to send."))
        }
        None if !body.contains('\n') && body.chars().count() <= TITLE_CHARS_MAX => {
            Ok(ContentBody { title: body, ..ContentBody::default() })
        }
        None => {
            let first = body.trim_start().lines().next().unwrap_or_default();
            let mut title: String = first.chars().take(TITLE_CHARS_MAX - 1).collect();
            if title.len() < first.len() {
                title.push('…');
            }
            Ok(ContentBody { title, body, ..ContentBody::default() })
        }
    }
}

async fn send(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let (body, to) = direct(sent.json()?, app.now())?;
    let audience = match &to {
        SendTo::Topic(topic) => Some(app.ports.stories.members(&caller.project, topic).await?),
        SendTo::Segment(_) | SendTo::Recipients(_) => None,
    };
    let render = move |answer: &Answer| Answered::new(StatusCode::ACCEPTED, &send_response(answer, audience));
    let act_body = Act::Send { body: Box::new(body), to };
    Ok(act(&app, &caller, Some(&sent), act_body, render).await?.response())
}

/// A request as the core takes it, with all limits checked.
pub(super) fn direct(request: SendRequest, now: Timestamp) -> Result<(EventBody, SendTo), Box<Problem>> {
    let to = match (request.recipients, request.topic) {
        (Some(recipients), None) => SendTo::Recipients(named(recipients)?),
        (None, Some(topic)) => SendTo::Topic(topic),
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("/topic", "recipients and topic exclude each other."));
        }
        (None, None) => {
            return Err(Problem::field(
                "missing_field",
                "/recipients",
                "A send needs recipients or a topic.",
            ));
        }
    };
    let content = match (request.content, request.template) {
        (Some(content), None) => SendContent::Literal(Arc::new(literal(content)?)),
        (None, Some(template)) => SendContent::Template(template.into()),
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("/template", "content and template exclude each other."));
        }
        (None, None) => {
            return Err(Problem::field("missing_field", "/content", "A send needs content or a template."));
        }
    };
    let data = request.data.unwrap_or_else(|| json!({}));
    let encoded = data.to_string();
    at_most("/data", "Bytes of data", EVENT_DATA_BYTES_MAX, encoded.len())?;
    at_most("/data", "Depth of data", JSON_DEPTH_MAX, depth(&data))?;
    let ahead = |pointer: &str, span: Option<tidings_protocol::Span>| match span {
        Some(span) if span.as_millis() > HOLD_MILLIS_MAX => {
            Err(Problem::invalid(pointer, "At most 90d.").over("90d", span))
        }
        span => Ok(span.map(|span| now.plus_millis(span.as_millis()))),
    };
    let deliver = request.deliver.map(|steps| deliver::planned(steps, request.expires)).transpose()?;
    if let Some(collapse) = &request.collapse {
        at_most("/collapse", "Bytes of collapse", ID_BYTES_MAX, collapse.len())?;
    }
    let direct = DirectSend {
        category: request.category.unwrap_or_else(default_category),
        content,
        priority: request.priority,
        collapse: request.collapse.map(Into::into),
        expires_at: ahead("/expires", request.expires)?,
        deliver,
        not_before: ahead("/delay", request.delay)?,
    };
    let body = EventBody {
        source: None,
        external_id: None,
        event_type: SEND_TYPE.into(),
        recipient: None,
        time: now,
        digest: digest(SEND_TYPE, None, &encoded),
        data,
        extensions: json!({}),
        send: Some(direct),
    };
    Ok((body, to))
}

fn default_category() -> CategoryId {
    CategoryId::new(DEFAULT_CATEGORY).expect("the default category is an id")
}

fn named(recipients: Vec<RecipientId>) -> Result<Vec<RecipientId>, Box<Problem>> {
    if recipients.is_empty() {
        return Err(Problem::invalid("/recipients", "At least one recipient."));
    }
    at_most("/recipients", "Recipients of a send", SEND_RECIPIENTS_MAX, recipients.len())?;
    let mut seen = std::collections::BTreeSet::new();
    Ok(recipients.into_iter().filter(|recipient| seen.insert(recipient.clone())).collect())
}

fn literal(content: ContentBody) -> Result<ContentItem, Box<Problem>> {
    if content.title.trim().is_empty() {
        return Err(Problem::invalid("/content/title", "A title has at least one character."));
    }
    at_most("/content/title", "Characters of title", TITLE_CHARS_MAX, content.title.chars().count())?;
    at_most("/content/body", "Characters of body", BODY_CHARS_MAX, content.body.chars().count())?;
    at_most("/content/actions", "Actions", ACTIONS_MAX, content.actions.len())?;
    let addresses = [("link", &content.link), ("icon", &content.icon), ("image", &content.image)];
    for (name, address) in addresses {
        check_address(&format!("/content/{name}"), address.as_deref())?;
    }
    for (index, action) in content.actions.iter().enumerate() {
        let pointer = format!("/content/actions/{index}");
        if action.id.is_empty() || action.label.trim().is_empty() {
            return Err(Problem::invalid(pointer, "An action needs an id and a label."));
        }
        at_most(&format!("{pointer}/id"), "Bytes of id", ID_BYTES_MAX, action.id.len())?;
        at_most(
            &format!("{pointer}/label"),
            "Characters of label",
            LABEL_CHARS_MAX,
            action.label.chars().count(),
        )?;
        check_address(&format!("{pointer}/link"), action.link.as_deref())?;
    }
    let bytes = serde_json::to_string(&content).map_or(0, |text| text.len());
    let item = ContentItem::from(content);
    at_most("/content", "Bytes of content", CONTENT_BYTES_MAX, bytes)?;
    Ok(item)
}

/// A link opens in a person's app: nothing that runs there.
fn check_address(pointer: &str, address: Option<&str>) -> Result<(), Box<Problem>> {
    let Some(address) = address else { return Ok(()) };
    at_most(pointer, "Bytes of an address", LINK_BYTES_MAX, address.len())?;
    match url::Url::parse(address) {
        Ok(url) if !matches!(url.scheme(), "javascript" | "data" | "vbscript" | "file") => Ok(()),
        Ok(url) => Err(Problem::invalid(pointer, format!("A link with {}: is not sent.", url.scheme()))),
        Err(error) => Err(Problem::invalid(pointer, format!("This is no absolute URL: {error}."))),
    }
}

pub(super) fn at_most(pointer: &str, what: &str, limit: usize, actual: usize) -> Result<(), Box<Problem>> {
    if actual <= limit {
        return Ok(());
    }
    let mut problem = Problem::limit(StatusCode::UNPROCESSABLE_ENTITY, what, limit, Some(actual));
    let (code, detail) = ("limit".into(), problem.detail.clone());
    let pointer = pointer.into();
    problem.errors.push(tidings_protocol::problem::Fault { pointer, code, detail, ..Default::default() });
    Err(problem)
}

pub(super) fn made(answer: &Answer) -> &[Made] {
    if let Answer::Sent { notifications, .. } = answer { notifications } else { &[] }
}

pub(super) fn to_response(made: &Made) -> ToResponse {
    ToResponse {
        id: made.id.clone(),
        recipient: made.recipient.clone(),
        category: made.category.clone(),
        state: made.state,
        stopped_by: stopped_by(made.state, made.stopped.as_ref()),
        held_by: held_by(made.state, made.stopped.as_ref()),
        due: made.due,
        story: format!("/v1/notifications/{}", made.id),
    }
}

/// `audience` is how many members the topic has, if it goes to one.
fn send_response(answer: &Answer, audience: Option<u64>) -> SendResponse {
    let Answer::Sent { send, notifications } = answer else { return SendResponse::default() };
    let made = notifications.iter().map(|made| MadeForResponse {
        id: made.id.clone(),
        recipient: made.recipient.clone(),
        state: made.state,
        stopped_by: stopped_by(made.state, made.stopped.as_ref()),
        held_by: held_by(made.state, made.stopped.as_ref()),
        due: made.due,
    });
    let state = if audience.is_some() { "open" } else { "done" };
    SendResponse {
        notifications: audience.is_none().then(|| made.collect()),
        send: Some(SentNotification { id: send.clone(), audience, state: state.to_owned() }),
    }
}

async fn progress(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<SendId>,
) -> Result<Response, Box<Problem>> {
    Ok(Answered::ok(&read_progress(&app, &caller, &id).await?).response())
}

async fn stop(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<SendId>,
) -> Result<Response, Box<Problem>> {
    let render = |answer: &Answer| {
        let retracted = if let Answer::SendStopped { retracted, .. } = answer { *retracted } else { 0 };
        Answered::ok(&retracted)
    };
    let retracted: u64 = act(&app, &caller, None, Act::StopSend(id.clone()), render).await?.read()?;
    let progress = SendProgress { retracted: Some(retracted), ..read_progress(&app, &caller, &id).await? };
    Ok(Answered::ok(&progress).response())
}

async fn read_progress(app: &App, caller: &KeyCaller, id: &SendId) -> Result<SendProgress, Box<Problem>> {
    let missing = || Problem::not_found("send", id.as_str());
    let event_id = EventId::new(id.as_str()).map_err(|_| missing())?;
    let event = app.ports.stories.event(&caller.project, &EventRef::Id(event_id)).await?;
    let event = event.filter(|event| event.body.send.is_some()).ok_or_else(missing)?;
    Ok(SendProgress {
        id: id.clone(),
        state: event.state.as_str().to_owned(),
        accepted_at: event.accepted_at,
        made: event.made,
        notifications: app.ports.stories.progress(&event.id).await?,
        fan_outs: event.fan_outs.iter().map(fan_out).collect(),
        retracted: None,
    })
}
