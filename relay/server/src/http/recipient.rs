//! `/v1/recipients` and membership of topics.

mod consent;
pub(super) mod export;
mod preferences;
pub(super) mod receipt;

use std::fmt::Display;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde_json::Value;
use tidings_core::act::{Act, Answer, IfRevision, RecipientChange};
use tidings_core::model::{Person, PersonKey};
use tidings_protocol::http::{
    EndpointRequest, EndpointResponse, RecipientPatch, RecipientRequest, RecipientResponse,
};
use tidings_protocol::limits::{ATTRIBUTES_BYTES_MAX, JSON_DEPTH_MAX};
use tidings_protocol::{Channel, RecipientId, TopicId};

use super::answer::{Answered, act};
use super::body::Sent;
use super::json::depth;
use super::problem::Problem;
use super::route::{At, Routes, Who};
use super::send::at_most;
use crate::access::{KeyCaller, Scope};
use crate::app::App;

/// An address on a channel, in bytes: a push subscription as JSON is the longest.
const ADDRESS_BYTES_MAX: usize = 4_096;

pub(super) fn routes(routes: Routes) -> Routes {
    let routes = routes
        .get("/v1/recipients/{id}", Who::Key(Scope::Recipients), show, |call| {
            call.about("A recipient.").answer::<RecipientResponse>(200, "With its revision as ETag")
        })
        .put("/v1/recipients/{id}", Who::Key(Scope::Recipients), put, |call| {
            call.about("Makes or replaces a recipient. Takes If-Match and If-None-Match: *.")
                .body::<RecipientRequest>()
                .answer::<RecipientResponse>(200, "It was there")
                .answer::<RecipientResponse>(201, "It is new")
        })
        .patch("/v1/recipients/{id}", Who::Key(Scope::Recipients), patch, |call| {
            call.about("Merges into a recipient (RFC 7396). Takes If-Match.")
                .body_as::<RecipientPatch>(&["application/json", "application/merge-patch+json"])
                .answer::<RecipientResponse>(200, "It was there")
                .answer::<RecipientResponse>(201, "It is new")
        })
        .delete("/v1/recipients/{id}", Who::Key(Scope::Erase), erase, |call| {
            call.about("Erases a recipient, the copies on devices included.")
                .answer_plain(204, "Nobody of that id is known")
        })
        .get("/v1/recipients/{id}/export", Who::Key(Scope::Recipients), export::export, |call| {
            call.about("Everything that is stored about a recipient.").answer_plain(200, "One JSON document")
        })
        .put("/v1/recipients/{id}/endpoints/{channel}", Who::Key(Scope::Recipients), put_endpoint, |call| {
            call.about("Sets the address of a recipient on a channel.")
                .body::<EndpointRequest>()
                .answer::<EndpointResponse>(200, "It is set")
        })
        .delete(
            "/v1/recipients/{id}/endpoints/{channel}",
            Who::Key(Scope::Recipients),
            delete_endpoint,
            |call| {
                call.about("Removes the address of a recipient on a channel.")
                    .answer_plain(204, "There is none")
            },
        )
        .put("/v1/topics/{topic}/recipients/{id}", Who::Key(Scope::Recipients), join, |call| {
            call.about("Puts a recipient into a topic.").answer_plain(204, "The recipient is in it")
        })
        .delete("/v1/topics/{topic}/recipients/{id}", Who::Key(Scope::Recipients), leave, |call| {
            call.about("Takes a recipient out of a topic.").answer_plain(204, "The recipient is not in it")
        });
    preferences::routes(consent::routes(routes))
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<RecipientId>,
) -> Result<Response, Box<Problem>> {
    let person = read_person(&app, &caller, &id).await?;
    Ok(answered(&person, StatusCode::OK)?.response())
}

async fn put(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<RecipientId>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let request: RecipientRequest = sent.json_or_default()?;
    same("/id", request.id.as_ref(), &id)?;
    let change = RecipientChange {
        recipient: Some(id.clone()),
        replace: true,
        time_zone: Some(request.time_zone.map(Into::into)),
        locale: Some(request.locale.map(Into::into)),
        attributes: Some(attributes(request.attributes)?),
        if_revision: None,
    };
    write(&app, &caller, &sent, change).await
}

async fn patch(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<RecipientId>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let request: RecipientPatch = sent.json_or_default()?;
    same("/id", request.id.as_ref(), &id)?;
    let change = RecipientChange {
        recipient: Some(id.clone()),
        replace: false,
        time_zone: request.time_zone.map(|zone| zone.map(Into::into)),
        locale: request.locale.map(|locale| locale.map(Into::into)),
        // A null at the top would make attributes something other than an object.
        attributes: match request.attributes {
            None => None,
            Some(None) => {
                return Err(Problem::invalid("/attributes", "attributes is an object; null its fields."));
            }
            Some(Some(given)) => Some(attributes(Some(given))?),
        },
        if_revision: None,
    };
    write(&app, &caller, &sent, change).await
}

/// What a path names may stand in the body too, as our own answers have it; it cannot be changed there.
fn same<T: PartialEq + Display>(pointer: &str, told: Option<&T>, named: &T) -> Result<(), Box<Problem>> {
    match told.filter(|told| *told != named) {
        None => Ok(()),
        Some(told) => {
            let detail =
                format!("The path names {named}, the body {told}: leave it out, or let both be the same.");
            Err(Problem::invalid(pointer, detail))
        }
    }
}

async fn write(
    app: &App,
    caller: &KeyCaller,
    sent: &Sent,
    mut change: RecipientChange,
) -> Result<Response, Box<Problem>> {
    let id = change.recipient.clone().expect("both callers name the recipient");
    change.if_revision = condition(&sent.headers)?;
    let render = |answer: &Answer| {
        let created = matches!(answer, Answer::Recipient { created: true, .. });
        Answered::new(if created { StatusCode::CREATED } else { StatusCode::OK }, &Value::Null)
    };
    let written = act(app, caller, None, Act::PutRecipient(Box::new(change)), render).await?;
    let person = read_person(app, caller, &id).await?;
    Ok(answered(&person, written.status())?.response())
}

fn attributes(given: Option<Value>) -> Result<Value, Box<Problem>> {
    let given = given.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    if !given.is_object() {
        return Err(Problem::invalid("/attributes", "attributes is an object."));
    }
    at_most("/attributes", "Bytes of attributes", ATTRIBUTES_BYTES_MAX, given.to_string().len())?;
    at_most("/attributes", "Depth of attributes", JSON_DEPTH_MAX, depth(&given))?;
    Ok(given)
}

/// `If-Match: "7"` names the revision that must be the current one, `"7", "8"` several, `*` any; `If-None-Match: *` wants
/// there to be none.
pub(super) fn condition(headers: &HeaderMap) -> Result<Option<IfRevision>, Box<Problem>> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if text(header::IF_NONE_MATCH) == Some("*") {
        return Ok(Some(IfRevision::Absent));
    }
    let Some(tags) = text(header::IF_MATCH) else { return Ok(None) };
    if tags == "*" {
        return Ok(Some(IfRevision::Any));
    }
    let revision = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').parse().ok();
    let revisions: Option<Vec<u64>> = tags.split(',').map(revision).collect();
    revisions.map(|revisions| Some(IfRevision::Of(revisions))).ok_or_else(|| {
        let detail = "If-Match: take it from the ETag of the answer before.";
        Problem::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", detail)
    })
}

/// A recipient that must be there.
async fn read_person(app: &App, caller: &KeyCaller, id: &RecipientId) -> Result<Person, Box<Problem>> {
    let key = PersonKey { project: caller.project.clone(), recipient: id.clone() };
    let person = app.ports.consents.person(&key).await?;
    if person.is_known() { Ok(person) } else { Err(Problem::not_found("recipient", id.as_str())) }
}

fn answered(person: &Person, status: StatusCode) -> Result<Answered, Box<Problem>> {
    let id = &person.key.recipient;
    let known = person.recipient.as_ref().ok_or_else(|| Problem::not_found("recipient", id.as_str()))?;
    let response = RecipientResponse {
        id: id.clone(),
        time_zone: known.time_zone.clone(),
        locale: known.locale.clone(),
        attributes: known.attributes.clone(),
    };
    Ok(Answered::new(status, &response).with_header(header::ETAG, &format!("\"{}\"", known.revision)))
}

async fn erase(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<RecipientId>,
) -> Result<Response, Box<Problem>> {
    let erased = act(&app, &caller, None, Act::Erase(id), |_| Answered::nothing()).await?;
    Ok(erased.response())
}

fn channel(text: &str) -> Result<Channel, Box<Problem>> {
    match text.parse::<Channel>() {
        Ok(Channel::Inapp) => Err(Problem::invalid("", "The inbox needs no address.")),
        Ok(channel) => Ok(channel),
        Err(error) => Err(Problem::invalid("", format!("The channel: {error}."))),
    }
}

async fn put_endpoint(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At((id, channel_name)): At<(RecipientId, String)>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let (channel, request) = (channel(&channel_name)?, sent.json::<EndpointRequest>()?);
    same("/channel", request.channel.as_ref(), &channel)?;
    if request.address.trim().is_empty() {
        return Err(Problem::invalid("/address", "An address has at least one character."));
    }
    at_most("/address", "Bytes of address", ADDRESS_BYTES_MAX, request.address.len())?;
    let address = Some((request.address.as_str().into(), request.verified));
    let change = Act::PutEndpoint { recipient: id.clone(), channel, address };
    act(&app, &caller, None, change, |_| Answered::nothing()).await?;
    let person = read_person(&app, &caller, &id).await?;
    let endpoint = person
        .endpoints
        .iter()
        .find(|endpoint| endpoint.channel == channel && *endpoint.address == *request.address);
    let endpoint = endpoint.ok_or_else(|| Problem::not_found("endpoint", &channel_name))?;
    let response = EndpointResponse {
        channel,
        address: endpoint.address.to_string(),
        verified: endpoint.verified,
        stopped: endpoint.stopped,
    };
    Ok(Answered::ok(&response).response())
}

async fn delete_endpoint(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At((id, channel_name)): At<(RecipientId, String)>,
) -> Result<Response, Box<Problem>> {
    let change = Act::PutEndpoint { recipient: id, channel: channel(&channel_name)?, address: None };
    Ok(act(&app, &caller, None, change, |_| Answered::nothing()).await?.response())
}

async fn join(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At((topic, recipient)): At<(TopicId, RecipientId)>,
) -> Result<Response, Box<Problem>> {
    let change = Act::PutMembership { recipient, topic, member: true };
    Ok(act(&app, &caller, None, change, |_| Answered::nothing()).await?.response())
}

async fn leave(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At((topic, recipient)): At<(TopicId, RecipientId)>,
) -> Result<Response, Box<Problem>> {
    let change = Act::PutMembership { recipient, topic, member: false };
    Ok(act(&app, &caller, None, change, |_| Answered::nothing()).await?.response())
}
