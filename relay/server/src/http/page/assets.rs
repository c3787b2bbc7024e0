//! What the page loads: one style sheet, one icon, one script, and the worker that shows pushes. They are part of the binary.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::http::route::{Routes, Who};

pub(super) const ICON: &str = "/p/icon.svg";
pub(super) const STYLE: &str = "/p/page.css";
pub(super) const SCRIPT: &str = "/p/page.js";
/// It stands at `/p/`, so that it may serve scopes below it.
pub(super) const WORKER: &str = "/p/worker.js";

pub(super) fn routes(routes: Routes) -> Routes {
    let (who, script) = (Who::Anyone, "text/javascript; charset=utf-8");
    let style = async || asset("text/css; charset=utf-8", include_str!("page.css"));
    let icon = async || asset("image/svg+xml", include_str!("icon.svg"));
    let page = async move || asset(script, include_str!("page.js"));
    let worker = async move || asset(script, include_str!("worker.js"));
    routes
        .get(STYLE, who, style, |call| call.about("The page's style.").answer_plain(200, "CSS"))
        .get(ICON, who, icon, |call| call.about("The page's icon.").answer_plain(200, "SVG"))
        .get(SCRIPT, who, page, |call| call.about("The page's script.").answer_plain(200, "JavaScript"))
        .get(WORKER, who, worker, |call| {
            call.about("The service worker that shows pushes.").answer_plain(200, "JavaScript")
        })
}

fn asset(media: &'static str, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
