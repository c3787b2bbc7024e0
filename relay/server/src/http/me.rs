//! `/v1/me`: the device's side without a socket.

mod devices;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use tidings_core::act::{Act, Answer, DeviceGreeting, Refusal};
use tidings_core::model::{unmarked, within_reset};
use tidings_core::ports::InboxPage;
use tidings_core::view::{self, Position};
use tidings_protocol::frame::ChangesPage;
use tidings_protocol::http::{
    ContentBody, DeviceResponse, MeResponse, OperationsRequest, SendRequest, StoryResponse, ToResponse,
};
use tidings_protocol::limits::{CHANGES_PER_PAGE_MAX, OPERATIONS_PER_FRAME_MAX};
use tidings_protocol::operation::Operation;
use tidings_protocol::{Cursor, DeviceId, NotificationId};

use super::answer::{Answered, act_in};
use super::body::Sent;
use super::problem::Problem;
use super::query::{LIST_QUERY, Query};
use super::recipient::export;
use super::route::{At, Routes, Who};
use super::send::{at_most, direct, made, to_response};
use super::story::read_story;
use crate::access::DeviceCaller;
use crate::app::App;

pub(super) fn routes(routes: Routes) -> Routes {
    let who = Who::Device;
    routes
        .get("/v1/me", who, show, |call| {
            call.about("Who the token stands for.").answer::<MeResponse>(200, "Person and device")
        })
        .delete("/v1/me", who, erase, |call| {
            call.about("Erases the person, on every device.").answer_plain(204, "Nobody is known any more")
        })
        .get("/v1/me/export", who, show_export, |call| {
            call.about("Everything that is stored about the person.").answer_plain(200, "One JSON document")
        })
        .get("/v1/me/devices", who, devices::list, |call| {
            call.about("The person's devices, newest first.")
                .query(LIST_QUERY)
                .page::<DeviceResponse>("A page")
        })
        .get("/v1/me/devices/{id}", who, devices::show, |call| {
            call.about("One device.").answer::<DeviceResponse>(200, "The device")
        })
        .delete("/v1/me/devices/{id}", who, devices::remove, |call| {
            call.about("Signs a device out at once.").answer_plain(204, "It is signed out")
        })
        .get("/v1/me/notifications/{id}", who, show_story, |call| {
            call.about("The story of a notification of one's own.")
                .answer::<StoryResponse>(200, "Every decision")
        })
        .post("/v1/me/test", who, test, |call| {
            call.about("Sends a notification to oneself.").answer::<ToResponse>(202, "It is on disk")
        })
        .get("/v1/me/changes", who, changes, |call| {
            call.about("The changes of the inbox after a cursor.")
                .query(&[
                    ("cursor", "to of the page before; absent: everything"),
                    ("limit", "1 to 500 notifications, default 50"),
                    ("wait", "How long to wait for the first change, at most 60s"),
                ])
                .waits()
                .answer_plain(200, "{from, to, more, reset, items}, the same as the socket's changes")
        })
        .post("/v1/me/operations", who, operate, |call| {
            call.about("What the device asks for, in its order: at most 500, each answered by itself.")
                .body::<OperationsRequest>()
                .answer_plain(200, "{done: [ids], refused: [{id, code, detail, permanent, value?}]}")
        })
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<DeviceCaller>,
) -> Result<Response, Box<Problem>> {
    let verified = caller.verified;
    let person = app.ports.consents.person(&verified.person).await?;
    let known = person.recipient.unwrap_or_default();
    let response = MeResponse {
        project: app
            .directory
            .project(&verified.person.project)
            .map(|row| row.name.to_string())
            .unwrap_or_default(),
        recipient: verified.person.recipient,
        device: verified.device,
        time_zone: known.time_zone,
        locale: known.locale,
        expires_at: verified.expires_at,
        app: app.options.app.clone(),
    };
    Ok(Answered::ok(&response).response())
}

async fn erase(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<DeviceCaller>,
) -> Result<Response, Box<Problem>> {
    let person = caller.verified.person;
    let erased = Act::Erase(person.recipient);
    Ok(act_in(&app, &person.project, false, None, erased, |_| Answered::nothing()).await?.response())
}

async fn show_export(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<DeviceCaller>,
) -> Result<Response, Box<Problem>> {
    Ok(Answered::ok(&export::document(&app, &caller.verified.person).await?).response())
}

async fn show_story(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<DeviceCaller>,
    At(id): At<NotificationId>,
) -> Result<Response, Box<Problem>> {
    let person = &caller.verified.person;
    let story = read_story(&app, &person.project, &id).await?;
    // Somebody else's is not told apart from one that is not there.
    let story = story.filter(|(_, row)| row.person == *person);
    let (story, _) = story.ok_or_else(|| Problem::not_found("notification", id.as_str()))?;
    Ok(Answered::ok(&story).response())
}

async fn test(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<DeviceCaller>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let person = caller.verified.person;
    let configuration = app.live(&person.project).await?;
    // A project without `general` still has something to test with.
    let general = configuration.categories.keys().find(|id| id.as_str() == "general");
    let request = SendRequest {
        recipients: Some(vec![person.recipient.clone()]),
        category: general.or_else(|| configuration.categories.keys().next()).cloned(),
        content: Some(ContentBody {
            title: "It works".to_owned(),
            body: "This is a test that you asked for.".to_owned(),
            ..ContentBody::default()
        }),
        ..SendRequest::default()
    };
    let (body, to) = direct(request, app.now())?;
    let render = |answer: &Answer| match made(answer).first() {
        Some(made) => Answered::new(StatusCode::ACCEPTED, &to_response(made)),
        None => Answered::new(StatusCode::ACCEPTED, &Value::Null),
    };
    let test = Act::Send { body: Box::new(body), to };
    let sent = sent.by(&[person.recipient.as_str()]);
    Ok(act_in(&app, &person.project, false, Some(&sent), test, render).await?.response())
}

async fn changes(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<DeviceCaller>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Box<Problem>> {
    let query = query.only(&["cursor", "limit", "wait"])?;
    let (limit, wait) =
        (query.limit()?.min(CHANGES_PER_PAGE_MAX), Duration::from_millis(query.wait_millis()?));
    let cursor = query.text("cursor").map(Cursor::new).transpose();
    let cursor = cursor.map_err(|error| Problem::invalid("?cursor", format!("cursor: {error}.")))?;
    // Nothing but the cursor tells that a reset is under way.
    let (after, resetting) = match cursor.as_ref().map(unmarked) {
        Some((bare, marked)) => (Some(bare), marked),
        None => (None, false),
    };
    let person = &caller.verified.person;
    match greet(&app, &caller, &headers).await {
        // Reading goes on when the disk is full: that the device was seen is noted once there is room.
        Err(problem) if problem.code == Refusal::StorageFull.code() => {}
        greeted => greeted?,
    }
    let configuration = app.live(&person.project).await?;
    let end = tokio::time::Instant::now() + wait;
    let ear = app.listeners.inboxes.listen(person);
    loop {
        // Listening comes before looking, so that no change falls between the two.
        let rung = ear.rung();
        let page = app.ports.inbox.page(person, after.as_ref(), limit).await?;
        let position = Position { first: cursor.is_none(), resetting };
        if resetting || !is_quiet(&page) || tokio::time::Instant::now() >= end {
            let page = marked(view::page(&page, &configuration, position), cursor.as_ref());
            return Ok(Answered::ok(&page).response());
        }
        tokio::select! {
            biased;
            () = app.closing.cancelled() => {
                let page = view::page(&page, &configuration, Position::default());
                return Ok(Answered::ok(&page).response());
            }
            () = tokio::time::sleep_until(end) => {}
            () = rung => {}
        }
    }
}

/// A page of a reset that goes on ends with a cursor that says so, and one that goes on with it begins with the cursor that
/// it was asked for.
fn marked(page: ChangesPage, asked: Option<&Cursor>) -> ChangesPage {
    if !page.reset {
        return page;
    }
    let from = page.from.and(asked.cloned());
    let to = if page.more { within_reset(&page.to) } else { page.to };
    ChangesPage { from, to, ..page }
}

/// Whether nothing changed since the cursor.
fn is_quiet(page: &InboxPage) -> bool {
    page.after.is_some_and(|after| after == page.to) && page.person.is_known()
}

/// Makes the device and its person when they are seen for the first time: with a token of the project's own there was
/// no exchange before that could have done it.
async fn greet(app: &App, caller: &DeviceCaller, headers: &HeaderMap) -> Result<(), Box<Problem>> {
    let verified = &caller.verified;
    let person = app.ports.consents.person(&verified.person).await?;
    let Some(device) = &verified.device else { return Ok(()) };
    if person.is_known() && person.devices.contains_key(device) {
        return Ok(());
    }
    let platform = headers.get("user-agent").and_then(|value| value.to_str().ok()).unwrap_or("");
    let greeting = DeviceGreeting {
        id: device.clone(),
        platform: platform.chars().take(64).collect::<String>().into(),
        nonce: "".into(),
        understands: Vec::new(),
        cursor: None,
    };
    let hello = Act::Greet {
        recipient: verified.person.recipient.clone(),
        device: Box::new(greeting),
        token_issued_at: verified.issued_at,
    };
    act_in(app, &verified.person.project, false, None, hello, |_| Answered::nothing()).await?;
    Ok(())
}

async fn operate(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<DeviceCaller>,
    headers: HeaderMap,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let request: OperationsRequest = sent.json()?;
    at_most("/ops", "Operations of a request", OPERATIONS_PER_FRAME_MAX, request.ops.len())?;
    let device = device_of(&caller)?;
    greet(&app, &caller, &headers).await?;
    let person = caller.verified.person;
    let operations = request.ops.into_iter().map(Operation::read).collect();
    let sent = sent.by(&[person.recipient.as_str(), device.as_str()]);
    let asked = Act::Operate { recipient: person.recipient, device, sent: None, operations };
    let render = |answer: &Answer| {
        let Answer::Operated(answered) = answer else {
            return Answered::ok(&json!({"done": [], "refused": []}));
        };
        Answered::ok(answered)
    };
    Ok(act_in(&app, &person.project, false, Some(&sent), asked, render).await?.response())
}

fn device_of(caller: &DeviceCaller) -> Result<DeviceId, Box<Problem>> {
    caller.verified.device.clone().ok_or_else(|| {
        let detail = "This call needs a token that names a device: sign in with a connect code, or add device to the token.";
        Problem::new(StatusCode::FORBIDDEN, "no_device", detail)
    })
}
