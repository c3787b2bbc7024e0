//! HTTP: every call of the contract, the problems it answers with, and the document that describes them.

pub(crate) mod answer;
mod body;
mod books;
mod configuration;
mod control;
mod counted;
mod drain;
pub(crate) mod event;
mod hooks;
mod inbound;
mod json;
pub(crate) mod limit;
mod me;
mod operate;
mod origin;
mod page;
pub(crate) mod problem;
mod projects;
mod providers;
mod query;
mod recipient;
pub(crate) mod repeats;
mod route;
mod rule;
mod send;
mod sheet;
mod sign_in;
mod statistics;
mod story;
mod strict;
mod unsubscribe;
mod wording;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use serde_json::Value;

pub(crate) use self::books::change;
pub(crate) use self::counted::Counted;
use self::route::Routes;
use crate::app::App;
use crate::socket::Sockets;

/// The limits that hold for all calls, as `/openapi.json` tells them.
pub(crate) const LIMITS_TEXT: &str = "Request 1 MiB (configuration 8 MiB); 1,000 events a request; event data 64 KiB, \
    depth 32; 1,000 recipients a direct send; title 200, body 4,000 characters, content 16 KiB; 4 actions; delay and \
    hold at most 90 days; event time from -30 days to +5 minutes; 10,000 rules a project; 32 sessions a recipient; \
    lists 1 to 500 entries, default 50; long polls at most 60 s; 500 operations a request; Idempotency-Key 255 \
    characters, kept 24 h. Over one: 413 or 422 with code, limit and actual; 429 with Retry-After.";

/// The whole of HTTP.
pub(crate) fn router(app: &Arc<App>, sockets: Sockets) -> Router {
    let sockets = Arc::new(sockets);
    let socket = get(move |request: Request| async move { sockets.accept(request) });
    with_layers(app, documented(app).route("/v1/socket", socket))
}

/// HTTP without the socket.
#[cfg(test)]
pub(crate) fn documented_router(app: &Arc<App>) -> Router {
    with_layers(app, documented(app))
}

fn documented(app: &Arc<App>) -> Router<Arc<App>> {
    let (routes, calls) = calls(app).finish();
    let document: Arc<Value> = Arc::new(route::open_api(&calls));
    routes.route("/openapi.json", get(move || async move { answer::Answered::ok(&*document).response() }))
}

fn with_layers(app: &Arc<App>, routes: Router<Arc<App>>) -> Router {
    routes
        .fallback(async || axum::http::StatusCode::NOT_FOUND)
        .layer(from_fn_with_state(Arc::clone(app), origin::check))
        .layer(from_fn(operate::measure))
        .layer(from_fn(problem::finish))
        .layer(from_fn(drain::drained))
        .with_state(Arc::clone(app))
}

/// Metrics and health alone, for a listener of their own.
pub(crate) fn metrics_router(app: &Arc<App>) -> Router {
    operate::bare_routes().layer(from_fn(problem::finish)).with_state(Arc::clone(app))
}

/// Every call that is documented.
fn calls(app: &Arc<App>) -> Routes {
    let routes = Routes::new(Arc::clone(app));
    let routes = operate::routes(routes);
    let routes = event::routes(routes);
    let routes = send::routes(routes);
    let routes = story::routes(routes);
    let routes = recipient::routes(routes);
    let routes = page::routes(routes);
    let routes = configuration::routes(routes);
    let routes = rule::routes(routes);
    let routes = statistics::routes(routes);
    let routes = control::routes(routes);
    let routes = books::routes(routes);
    let routes = projects::routes(routes);
    let routes = providers::routes(routes);
    let routes = sign_in::routes(routes);
    let routes = inbound::routes(routes);
    let routes = unsubscribe::routes(routes);
    let routes = counted::routes(routes);
    let routes = hooks::routes(routes);
    me::routes(routes)
}

#[cfg(test)]
mod tests;
