//! The page of a recipient in a browser: what they get, what they agreed to, and pushes to this browser.
//!
//! A link with a token opens it (`POST /v1/recipients/{id}/page`). There are no cookies: the token is the credential, so
//! that no other page can act in its name, and it reaches one recipient only. Everything but pushes works without script.

mod assets;
mod change;
mod holder;
mod html;
mod notification;
mod subscription;
mod texts;
mod view;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use tidings_core::model::PersonKey;
use tidings_core::ports::{Opens, PublicToken};
use tidings_protocol::RecipientId;
use tidings_protocol::http::PageResponse;

use self::holder::Holder;
use super::answer::Answered;
use super::body::Sent;
use super::problem::Problem;
use super::query::Query;
use super::repeats::{Begun, Holds, begin};
use super::route::{At, Routes, Who};
use crate::access::{KeyCaller, Scope};
use crate::app::App;
use crate::vault::{Purpose, random_token};

/// How long a link opens the page, in milliseconds: 90 days, as long as a device stays signed in.
const LINK_MILLIS: i64 = 90 * 86_400_000;

pub(super) fn routes(routes: Routes) -> Routes {
    let who = Who::Anyone;
    let routes = routes
        .post("/v1/recipients/{id}/page", Who::Key(Scope::Tokens), link, |call| {
            call.about("A link that opens a recipient's page in a browser, for 90 days.")
                .answer::<PageResponse>(201, "The link")
        })
        .get("/p/{token}", who, show, |call| {
            call.about("The recipient's page: preferences, consent, pushes to this browser.")
                .query(&[("lang", "en or zh"), ("done", "What the form before it did")])
                .answer_plain(200, "HTML")
        })
        .post("/p/{token}/preferences", who, change::preferences, |call| {
            call.about("The page's form of preferences.")
                .body_text(&["application/x-www-form-urlencoded"])
                .answer_plain(303, "Back to the page")
        })
        .post("/p/{token}/consent", who, change::consent, |call| {
            call.about("The page's form of a decision on consent.")
                .body_text(&["application/x-www-form-urlencoded"])
                .answer_plain(303, "Back to the page")
        })
        .post("/p/{token}/unsubscribe", who, change::unsubscribe, |call| {
            call.about("Switches everything off that can be switched off.")
                .answer_plain(303, "Back to the page")
        });
    assets::routes(notification::routes(subscription::routes(routes)))
}

async fn link(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(recipient): At<RecipientId>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let keeping = match begin(&app, &caller.project, &sent, Holds::Secrets).await? {
        Begun::Before(answered) => return Ok(answered.response()),
        Begun::First(keeping) => keeping,
    };
    let (token, now) = (random_token(), app.now());
    let expires_at = now.plus_millis(LINK_MILLIS);
    let row = PublicToken {
        hash: app.vault.hash(Purpose::PublicToken, &token),
        person: PersonKey { project: caller.project.clone(), recipient },
        opens: Opens::Page,
        made_at: now,
        expires_at: Some(expires_at),
    };
    let link = format!("{}/p/{token}", app.public_url.trim_end_matches('/'));
    let answered = Answered::new(StatusCode::CREATED, &PageResponse { link, expires_at });
    app.ports.public.put_public_tokens(&[row], keeping.row(&answered).as_ref()).await?;
    Ok(answered.response())
}

async fn show(
    State(app): State<Arc<App>>,
    At(token): At<String>,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, Box<Problem>> {
    let query = query.only(&["lang", "done"])?;
    let asked = query.text("lang");
    let Some(holder) = Holder::of(&app, &token).await? else {
        return Ok(html::response(StatusCode::NOT_FOUND, html::gone(texts::of(asked, None, &headers))));
    };
    let texts = texts::of(asked, holder.locale(), &headers);
    let view = view::View::of(&app, &holder, texts).await?;
    Ok(html::response(StatusCode::OK, html::page(&view, query.text("done"))))
}
