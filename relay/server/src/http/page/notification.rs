//! The words of one notification, for the worker that was told to look.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use tidings_protocol::NotificationId;
use tidings_protocol::http::PageNotification;

use super::holder::Holder;
use crate::app::App;
use crate::http::answer::Answered;
use crate::http::problem::Problem;
use crate::http::route::{At, Routes, Who};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/p/{token}/notifications/{id}", Who::Anyone, show, |call| {
        call.about("What a notification of this recipient says, for a browser that was told to look.")
            .answer::<PageNotification>(200, "Its words")
    })
}

async fn show(
    State(app): State<Arc<App>>,
    At((token, id)): At<(String, NotificationId)>,
) -> Result<Response, Box<Problem>> {
    let holder = Holder::required(&app, &token).await?;
    let key = &holder.person.key;
    let missing = || Problem::not_found("notification", id.as_str());
    let (row, _, _) = app.ports.stories.story(&key.project, &id).await?.ok_or_else(missing)?;
    // Somebody else's, one that was taken back and one that is too old are not told apart from one that is not there.
    if row.person != *key || !row.is_visible() || row.expires_at <= app.now() {
        return Err(missing());
    }
    let content = row.content.as_deref().ok_or_else(missing)?;
    let words = PageNotification {
        title: content.title.clone(),
        body: content.body.clone(),
        link: content.link.clone(),
        collapse: row.keys.collapse.as_deref().map(str::to_owned),
    };
    Ok(Answered::ok(&words).response())
}
