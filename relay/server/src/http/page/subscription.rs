//! Pushes to this browser: its subscription is the recipient's address.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use tidings_core::act::Act;
use tidings_protocol::Channel;

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
    let holder = Holder::required(&app, &token).await?;
    let address = address(&sent)?;
    let key = &holder.person.key;
    let put = Act::PutEndpoint {
        recipient: key.recipient.clone(),
        channel: Channel::Push,
        address: Some((address, true)),
    };
    Ok(act_in(&app, &key.project, false, None, put, |_| Answered::nothing()).await?.response())
}

async fn remove(
    State(app): State<Arc<App>>,
    At(token): At<String>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let holder = Holder::required(&app, &token).await?;
    let address = address(&sent)?;
    let key = &holder.person.key;
    let remove = Act::RemoveEndpoint { recipient: key.recipient.clone(), channel: Channel::Push, address };
    Ok(act_in(&app, &key.project, false, None, remove, |_| Answered::nothing()).await?.response())
}

/// The subscription with its fields in one order, so that the same one is the same address however it was written.
fn address(sent: &Sent) -> Result<Box<str>, Box<Problem>> {
    let subscription = Subscription::read(sent.text()?).ok_or_else(|| {
        let detail = "The body is a PushSubscription as JSON: {\"endpoint\", \"keys\": {\"p256dh\", \"auth\"}}, over https.";
        Problem::invalid("", detail)
    })?;
    Ok(subscription.address().into())
}
