//! The worker of a browser and one notification: it was told to look at it, and tells that it showed it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use tidings_core::act::{Act, Report};
use tidings_core::model::Delivery;
use tidings_protocol::http::{PageNotification, PageReceipt, PageReceiptRequest};
use tidings_protocol::{Channel, DeliveryState, NotificationId};

use super::holder::Holder;
use super::subscription;
use crate::app::App;
use crate::channels::webpush::Subscription;
use crate::http::answer::{Answered, act_in};
use crate::http::body::Sent;
use crate::http::problem::Problem;
use crate::http::route::{At, Routes, Who};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/p/{token}/notifications/{id}", Who::Anyone, show, |call| {
            call.about("What a notification of this recipient says, for a browser that was told to look.")
                .answer::<PageNotification>(200, "Its words")
        })
        .post("/p/{token}/notifications/{id}/receipts", Who::Anyone, tell, |call| {
            call.about("A browser tells that it showed a notification that was pushed to it, or that it was clicked.")
                .body::<PageReceiptRequest>()
                .answer_plain(204, "It stands in the story, the first time")
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

/// The right to tell it is the link's together with the subscription's: only the browser that was pushed to can say
/// that it showed something, and only of what was pushed to it.
async fn tell(
    State(app): State<Arc<App>>,
    At((token, id)): At<(String, NotificationId)>,
    sent: Sent,
) -> Result<Response, Box<Problem>> {
    let holder = Holder::required(&app, &token).await?;
    let PageReceiptRequest { receipt, subscription } = sent.json()?;
    let browser = subscription::address(&subscription.to_string(), "/subscription")?;
    let key = &holder.person.key;
    let missing = || Problem::not_found("notification", id.as_str());
    let (row, _, deliveries) = app.ports.stories.story(&key.project, &id).await?.ok_or_else(missing)?;
    let mut pushed = deliveries.into_iter().filter(|delivery| is_at(delivery, &browser));
    let delivery = pushed.next_back().filter(|_| row.person == *key).ok_or_else(missing)?.id;
    let report = Report::Shown { clicked: receipt == PageReceipt::Clicked };
    let act = Act::Report { delivery, report };
    Ok(act_in(&app, &key.project, false, Some(&sent), act, |_| Answered::nothing()).await?.response())
}

/// Whether a delivery was handed over to this browser. What it shows may come before the push service has answered.
fn is_at(delivery: &Delivery, browser: &str) -> bool {
    let came =
        matches!(delivery.state, DeliveryState::HandingOver | DeliveryState::Sent | DeliveryState::Received);
    let address = || delivery.address.as_deref().and_then(Subscription::read);
    came && delivery.channel == Channel::Push && address().is_some_and(|known| known.address() == browser)
}
