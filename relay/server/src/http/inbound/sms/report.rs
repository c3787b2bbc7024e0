//! What a vendor reports of what was sent: it arrived, or it never will.

use std::time::Duration;

use tidings_core::act::{Act, Answer, Report, Unit};
use tidings_core::configuration::http::{HttpAccount, Meaning};
use tidings_core::model::Delivery;
use tidings_core::ports::StoreError;
use tidings_protocol::Channel;

use crate::channels::vendor_code;
use crate::http::inbound::Inbound;
use crate::http::problem::Problem;

/// A quick vendor reports before it has answered us: how often and how far apart its id is looked for.
const LOOKS: u32 = 4;
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Takes a report. Answers the delivery's state; none if the id is not one that this project's provider gave, or the
/// status says nothing final.
pub(super) async fn take(
    inbound: &Inbound<'_>,
    account: &HttpAccount,
    id: &str,
    status: &str,
    error: Option<String>,
) -> Result<Option<&'static str>, Box<Problem>> {
    let is_among = |statuses: &[String]| statuses.iter().any(|one| one.eq_ignore_ascii_case(status));
    let is_failed = is_among(&account.hears.failed);
    if !is_failed && !is_among(&account.hears.delivered) {
        return Ok(None);
    }
    let Some(delivery) = look_for(inbound, id).await? else { return Ok(None) };
    let report = if is_failed {
        let code = vendor_code(error.as_deref().unwrap_or(status));
        let gone =
            error.as_ref().is_some_and(|error| account.answer.errors.get(error) == Some(&Meaning::Gone));
        if let (true, Some(address)) = (gone, delivery.address.clone()) {
            inbound.app.listeners.gone.note(vec![(inbound.project.clone(), Channel::Sms, address)]);
        }
        Report::Bounced(code)
    } else {
        Report::Received
    };
    let act = Act::Report { delivery: delivery.id, report };
    let unit = Unit { project: inbound.project.clone(), sandbox: inbound.sandbox, repeat: None, act };
    let Answer::Delivery { state, .. } = inbound.app.writer.write(unit).await?.answer? else {
        return Ok(None);
    };
    Ok(Some(state.as_str()))
}

/// The delivery to which this provider gave an id.
async fn look_for(inbound: &Inbound<'_>, id: &str) -> Result<Option<Delivery>, StoreError> {
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let found = inbound.app.ports.handovers.delivery_named(&inbound.project, id).await?;
        let by_this = |row: &Delivery| row.way.as_ref().is_some_and(|way| *way.provider == *inbound.name);
        if let Some(row) = found.filter(by_this) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}
