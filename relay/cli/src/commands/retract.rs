//! `tidings retract`: take back what was sent.

use tidings_protocol::http::{ReplayedResponse, SendProgress};

use crate::calls::is_not_found;
use crate::context::Context;
use crate::error::CommandError;

/// Take back a notification, or a whole send
#[derive(Debug, clap::Args)]
pub(crate) struct Retract {
    /// The id of the notification or of the send
    id: String,
}

pub(crate) async fn run(context: &Context, retract: &Retract) -> Result<(), CommandError> {
    let calls = context.calls()?;
    let id = retract.id.as_str();
    let single = calls.delete(&["v1", "notifications", id]).await;
    let not_found = match single {
        Ok(answer) => {
            let told: ReplayedResponse = answer.read()?;
            return context.output.answer(&answer.value, || {
                let late = if told.too_late { "; something was handed over before" } else { "" };
                format!("{}: {}{late}", told.id, told.state)
            });
        }
        Err(error) if is_not_found(&error) => error,
        Err(error) => return Err(error),
    };
    match calls.delete(&["v1", "sends", id]).await {
        Ok(answer) => {
            let told: SendProgress = answer.read()?;
            context.output.answer(&answer.value, || {
                format!(
                    "send {}: {} of {} taken back",
                    told.id,
                    told.retracted.unwrap_or_default(),
                    told.made
                )
            })
        }
        Err(error) if is_not_found(&error) => Err(not_found),
        Err(error) => Err(error),
    }
}
