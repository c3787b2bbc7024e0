//! Pushes to this browser: its subscription is the recipient's address.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use tidings_core::act::Act;
use tidings_protocol::{Channel, RecipientId};

use super::holder::Holder;
use crate::app::App;
use crate::channels::webpush::Subscription;
use crate::http::answer::{Answered, act_in};
use crate::http::body::Sent;
use crate::http::problem::Problem;
use crate::http::route::{At, Routes, Who};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .put("/p/{token}/subscription", Who::Anyone, put, |call| {
            call.about("Pushes to this browser from now on: the body is its PushSubscription.")
                .body_text(&["application/json"])
                .answer_plain(204, "It is an address of the recipient")
        })
        .delete("/p/{token}/subscription", Who::Anyone, remove, |call| {
            call.about("Pushes to this browser no more.")
                .body_text(&["application/json"])
                .answer_plain(204, "It is no address of the recipient")
        })
}

async fn put(
    State(app): State<Arc<App>>,
    At(token): At<String>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    change(&app, &token, &sent, |recipient, address| Act::PutEndpoint {
        recipient,
        channel: Channel::Push,
        address: Some((address, true)),
    })
    .await
}

async fn remove(
    State(app): State<Arc<App>>,
    At(token): At<String>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    change(&app, &token, &sent, |recipient, address| Act::RemoveEndpoint {
        recipient,
        channel: Channel::Push,
        address,
    })
    .await
}

/// Does with the address of this browser what the act says.
async fn change(
    app: &App,
    token: &str,
    sent: &Sent,
    act: impl FnOnce(RecipientId, Box<str>) -> Act + Send,
) -> Result<Response, Box<Problem>> {
    let holder = Holder::required(app, token).await?;
    let address = address(sent.text()?, "")?;
    let key = &holder.person.key;
    let act = act(key.recipient.clone(), address.into());
    Ok(act_in(app, &key.project, false, None, act, |_| Answered::nothing()).await?.response())
}

/// The subscription with its fields in one order, so that the same one is the same address however it was written.
pub(super) fn address(text: &str, pointer: &str) -> Result<String, Box<Problem>> {
    let subscription = Subscription::read(text).ok_or_else(|| {
        let detail = "This is no PushSubscription as JSON: {\"endpoint\", \"keys\": {\"p256dh\", \"auth\"}}, over https.";
        Problem::invalid(pointer, detail)
    })?;
    Ok(subscription.address())
}
