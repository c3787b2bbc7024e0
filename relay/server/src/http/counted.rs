//! `/c/{token}`: a link of a mail that is counted, or the picture by which a mail tells that it was opened. Only where the
//! category asks for it.
//!
//! Where a link leads was written down when the mail was made: nothing of the request decides it. What programs do (a
//! scanner that follows every link, a proxy that loads every picture, a reader that loads ahead) is told in the story
//! and counts for nothing.

mod program;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use tidings_core::act::{Act, Report, Unit};
use tidings_core::ports::{Opens, PublicToken};

use self::program::By;
use super::problem::Problem;
use super::route::{At, Routes, Who};
use super::sheet::{asked_language, escaped, page};
use crate::app::App;
use crate::channels::{Language, links};

/// The smallest picture there is: one transparent pixel of GIF.
const PICTURE: &[u8] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\
    \x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/c/{token}", Who::Anyone, follow, |call| {
        call.about("A counted link of a mail, or the picture that tells that it was opened.")
            .answer_plain(200, "The picture; or a page, if the link leads nowhere any more")
            .answer_plain(302, "On to where the link leads")
    })
}

async fn follow(
    State(app): State<Arc<App>>,
    At(token): At<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Box<Problem>> {
    let hash = links::hash(&app.vault, &token);
    let Some(found) = app.ports.public.public_token(&hash, app.now()).await? else {
        return Ok(nowhere(&headers));
    };
    match &found.opens {
        Opens::Link { delivery, url, .. } => {
            tell(&app, &found, (hash, delivery), Report::Clicked, By::of(&method, &headers)).await;
            let Ok(location) = HeaderValue::from_str(url) else { return Ok(nowhere(&headers)) };
            let mut response = bare(StatusCode::FOUND, Body::empty());
            response.headers_mut().insert(header::LOCATION, location);
            Ok(response)
        }
        Opens::Opened { delivery, .. } => {
            tell(&app, &found, (hash, delivery), Report::Opened, By::of(&method, &headers)).await;
            let mut response = bare(StatusCode::OK, Body::from(PICTURE));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/gif"));
            Ok(response)
        }
        Opens::Unsubscribe { .. } | Opens::Page => Ok(nowhere(&headers)),
    }
}

/// Counts it, or tells that a program did it: each once. Whoever follows a link gets there whatever becomes of that.
async fn tell(app: &App, found: &PublicToken, (hash, delivery): ([u8; 32], &str), report: Report, by: By) {
    let project = &found.person.project;
    let by = match by {
        By::Person => match app.ports.handovers.delivery(project, delivery).await {
            Ok(Some(row)) => by.unless_at_once(app.now().millis_since(row.changed_at)),
            Ok(None) | Err(_) => return,
        },
        By::Program(_) => by,
    };
    if !app.counted.is_first(hash, by) {
        return;
    }
    let report = match (by, &report) {
        (By::Person, _) => report,
        (By::Program(what), report) => {
            Report::Program { what: what.into(), followed: *report == Report::Clicked }
        }
    };
    let act = Act::Report { delivery: delivery.into(), report };
    let unit = Unit { project: project.clone(), sandbox: false, repeat: None, act };
    let told = app.writer.write(unit).await.map(|settled| settled.answer);
    if !matches!(told, Ok(Ok(_))) {
        app.counted.forget(hash, by);
        tracing::debug!("a followed link was not counted");
    }
}

fn bare(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let fixed = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    response.headers_mut().extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// For a link that is unknown, old, or whose recipient was erased.
fn nowhere(headers: &HeaderMap) -> Response {
    let language = asked_language(headers).unwrap_or(Language::En);
    let (title, line) = match language {
        Language::En => ("This link leads nowhere any more", "It is too old, or it was copied incompletely."),
        Language::Zh => ("此链接已失效", "链接已过期，或复制不完整。"),
        Language::De => ("Dieser Link führt nirgendwo mehr hin", "Er ist zu alt oder unvollständig kopiert."),
    };
    page(language, title, &format!("<p>{}</p>", escaped(line)))
}

pub(crate) use self::program::Counted;
