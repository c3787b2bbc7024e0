//! What a recipient likes, as its backend reads and sets it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use tidings_core::act::{Act, PreferenceChange};
use tidings_core::model::Preferences;
use tidings_protocol::RecipientId;
use tidings_protocol::http::{PreferencesRequest, PreferencesResponse};

use super::read_person;
use crate::access::{KeyCaller, Scope};
use crate::app::App;
use crate::http::answer::{Answered, act};
use crate::http::body::Sent;
use crate::http::problem::Problem;
use crate::http::route::{At, Routes, Who};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v1/recipients/{id}/preferences", Who::Key(Scope::Recipients), show, |call| {
            call.about("What a recipient likes.")
                .answer::<PreferencesResponse>(200, "Category × channel, quiet hours, pause")
        })
        .put("/v1/recipients/{id}/preferences", Who::Key(Scope::Recipients), put, |call| {
            call.about("Replaces what a recipient likes.")
                .body::<PreferencesRequest>()
                .answer::<PreferencesResponse>(200, "What holds now")
        })
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<RecipientId>,
) -> Result<Response, Box<Problem>> {
    let person = read_person(&app, &caller, &id).await?;
    let preferences = person.recipient.map(|known| known.preferences).unwrap_or_default();
    Ok(Answered::ok(&response(&preferences)).response())
}

async fn put(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<RecipientId>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let request: PreferencesRequest = sent.json()?;
    let choices = request.categories.into_iter().flat_map(|(category, channels)| {
        channels.into_iter().map(move |(channel, chosen)| ((category.clone(), channel), chosen))
    });
    let change = PreferenceChange {
        recipient: Some(id.clone()),
        choices: choices.collect(),
        quiet_hours: Some(request.quiet_hours),
        paused_until: Some(request.paused_until),
        profiling: request.profiling,
        replace: true,
    };
    act(&app, &caller, None, Act::PutPreferences(Box::new(change)), |_| Answered::nothing()).await?;
    let person = read_person(&app, &caller, &id).await?;
    let preferences = person.recipient.map(|known| known.preferences).unwrap_or_default();
    Ok(Answered::ok(&response(&preferences)).response())
}

pub(crate) fn response(preferences: &Preferences) -> PreferencesResponse {
    let mut categories: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for ((category, channel), choice) in &preferences.choices {
        categories.entry(category.clone()).or_default().insert(*channel, choice.chosen);
    }
    PreferencesResponse {
        categories,
        quiet_hours: preferences.quiet_hours.as_ref().and_then(|(own, _)| own.clone()),
        paused_until: preferences.paused_until.as_ref().and_then(|(until, _)| *until),
        profiling: preferences.allows_profiling(),
    }
}
