//! Browsers: a page may call only if its origin is listed. Who sends no `Origin` is no browser's page.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::problem::Problem;
use crate::app::App;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, traceparent",
);
const EXPOSED: HeaderValue = HeaderValue::from_static("etag, idempotent-replayed, retry-after, trace-id");

/// The relay's own pages: their forms come back with whatever origin a browser likes, and no browser adds anything that
/// proves who somebody is: the token in the path does.
const PAGES: [&str; 2] = ["/u/", "/c/"];

pub(crate) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let is_page = PAGES.iter().any(|page| request.uri().path().starts_with(page));
    let origin = request.headers().get(header::ORIGIN).filter(|_| !is_page).cloned();
    let Some(origin) = origin else { return next.run(request).await };
    if !app.options.origins.iter().any(|listed| origin.as_bytes() == listed.as_bytes()) {
        let detail = "This origin is not listed in the relay's settings.";
        return Problem::new(StatusCode::FORBIDDEN, "origin", detail).into_response();
    }
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    response
}
