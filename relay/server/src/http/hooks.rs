//! Where the project's hooks stand.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use tidings_core::ports::HookRow;
use tidings_protocol::http::HookResponse;

use super::answer::Answered;
use super::problem::Problem;
use super::query::{LIST_QUERY, Query, next};
use super::route::{Routes, Who};
use crate::access::{KeyCaller, Scope};
use crate::app::App;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/v1/hooks", Who::Key(Scope::Read), list, |call| {
        call.about("Where the hooks of the live document stand, by name.")
            .query(LIST_QUERY)
            .page::<HookResponse>("A page")
    })
}

async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    query: Query,
) -> Result<Response, Box<Problem>> {
    let configuration = app.live(&caller.project).await?;
    let rows = app.ports.hooks.hooks(&caller.project).await?;
    let row = |name: &String| rows.iter().find(|row| *row.name == **name);
    let version = configuration.version;
    let items = configuration.hooks.keys().map(|name| response(name, row(name), version)).collect();
    let page = query.page(items, |hook: &HookResponse| hook.name.clone())?;
    Ok(Answered::ok(&page).response())
}

fn response(name: &str, row: Option<&HookRow>, version: u64) -> HookResponse {
    let state = match row {
        None => "new",
        Some(row) if row.gone == Some(version) => "gone",
        Some(row) if row.failed > 0 => "failing",
        Some(_) => "up",
    };
    HookResponse {
        name: name.to_owned(),
        state: state.to_owned(),
        told: row.map(|row| next(row.told)),
        failed: row.map_or(0, |row| row.failed),
        next_at: row.and_then(|row| row.next_at),
        code: row.and_then(|row| row.code.as_deref()).map(str::to_owned),
    }
}
