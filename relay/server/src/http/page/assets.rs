//! What the page loads: one style sheet, one script, and the worker that shows pushes. They are part of the binary.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::http::route::{Routes, Who};

pub(super) const STYLE: &str = "/p/page.css";
pub(super) const SCRIPT: &str = "/p/page.js";
/// It stands at `/p/`, so that it may serve scopes below it.
pub(super) const WORKER: &str = "/p/worker.js";

pub(super) fn routes(routes: Routes) -> Routes {
    let script = "text/javascript; charset=utf-8";
    routes
        .get(
            STYLE,
            Who::Anyone,
            async || asset("text/css; charset=utf-8", include_str!("page.css")),
            |call| call.about("The page's style.").answer_plain(200, "CSS"),
        )
        .get(
            SCRIPT,
            Who::Anyone,
            async move || asset(script, include_str!("page.js")),
            |call| call.about("The page's script.").answer_plain(200, "JavaScript"),
        )
        .get(
            WORKER,
            Who::Anyone,
            async move || asset(script, include_str!("worker.js")),
            |call| call.about("The service worker that shows pushes.").answer_plain(200, "JavaScript"),
        )
}

fn asset(media: &'static str, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
