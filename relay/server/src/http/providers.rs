//! Which providers a project has, and how they are doing.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use tidings_core::configuration::Account;
use tidings_core::delivery;
use tidings_protocol::http::ProviderResponse;

use super::answer::Answered;
use super::problem::Problem;
use super::query::{LIST_QUERY, Query};
use super::route::{Routes, Who};
use crate::access::{KeyCaller, Scope};
use crate::app::App;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/v1/providers", Who::Key(Scope::Read), list, |call| {
        call.about(
            "The project's providers by name, the built-in one too, and how each is doing on this node.",
        )
        .query(LIST_QUERY)
        .page::<ProviderResponse>("A page")
    })
}

async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    query: Query,
) -> Result<Response, Box<Problem>> {
    let configuration = app.live(&caller.project).await?;
    let states = app.lanes.states(&caller.project, app.now());
    let states: BTreeMap<&str, (&str, usize)> =
        states.iter().map(|(name, state, under_way)| (&**name, (*state, *under_way))).collect();
    let mut names: Vec<&str> = configuration.providers.keys().map(String::as_str).collect();
    names.push(delivery::WEBPUSH);
    names.sort_unstable();
    names.dedup();
    let items = names.into_iter().filter_map(|name| {
        let provider = delivery::provider(&configuration, name)?;
        let (state, under_way) = states.get(name).copied().unwrap_or(("closed", 0));
        Some(ProviderResponse {
            name: name.to_owned(),
            channel: provider.channel,
            kind: kind(&provider.account).to_owned(),
            breaker: state.to_owned(),
            under_way: u64::try_from(under_way).unwrap_or(u64::MAX),
            cost: provider.cost,
            rate: provider.rate,
        })
    });
    let page = query.page(items.collect(), |provider: &ProviderResponse| provider.name.clone())?;
    Ok(Answered::ok(&page).response())
}

const fn kind(account: &Account) -> &'static str {
    match account {
        Account::Smtp(_) => "smtp",
        Account::Http(_) => "http",
        Account::Webhook(_) => "webhook",
        Account::Webpush(_) => "webpush",
        Account::Fcm(_) => "fcm",
        Account::Apns(_) => "apns",
    }
}
