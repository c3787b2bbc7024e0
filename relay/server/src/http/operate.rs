//! What operators ask a node: is it alive, is it ready, its metrics.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;

use super::answer::Answered;
use super::problem::{Problem, TraceId};
use super::route::{Routes, Who};
use crate::access::Scope;
use crate::app::App;
use crate::metering;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/healthz", Who::Anyone, alive, |call| {
            call.about("Whether the process answers.").answer_plain(200, "It does")
        })
        .get("/readyz", Who::Anyone, ready, |call| {
            call.about("Whether it takes work.").answer_plain(200, "It does").answer_plain(503, "It does not")
        })
        .get("/metrics", Who::Key(Scope::Operate), metrics, |call| {
            call.about("Metrics for Prometheus.").answer_plain(200, "Text format 0.0.4")
        })
}

/// The same calls without a key.
pub(super) fn bare_routes() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).route("/metrics", get(metrics))
}

async fn alive() -> Response {
    Answered::ok(&json!({"alive": true})).response()
}

async fn ready(State(app): State<Arc<App>>) -> Result<Response, Box<Problem>> {
    let refuse = |detail| {
        let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", detail);
        problem.retry_after = Some(1);
        problem
    };
    if !app.ready.load(Ordering::Acquire) || app.closing.is_cancelled() {
        return Err(refuse("The relay starts or stops."));
    }
    if app.guard.is_paused() {
        return Err(refuse("The clock jumped: due work waits until it is known which time is right."));
    }
    app.ports.registry.projects().await.map_err(|_| refuse("The store cannot be read."))?;
    Ok(Answered::ok(&json!({"ready": true})).response())
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    metering::gauge_writer(&app.writer);
    let mut response = metering::render().into_response();
    let media = HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response
}

/// Counts every call by its route, and logs it without anything that a caller sent.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().as_str().to_owned();
    let trace_id = request.extensions().get::<TraceId>().map(|TraceId(id)| id.clone()).unwrap_or_default();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let elapsed = began.elapsed();
    let labels = [("route", route.clone()), ("method", method.clone()), ("status", status.to_string())];
    metrics::counter!("tidings_http_requests_total", &labels).increment(1);
    metrics::histogram!("tidings_http_request_seconds", "route" => route.clone())
        .record(elapsed.as_secs_f64());
    tracing::debug!(
        http.route = route,
        http.method = method,
        http.status = status,
        trace_id,
        ?elapsed,
        "answered"
    );
    response
}
