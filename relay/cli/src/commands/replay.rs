//! `tidings replay`: try again what failed.

use serde_json::json;
use tidings_protocol::http::{ReplayedResponse, ReplaysResponse};

use crate::calls::is_not_found;
use crate::context::Context;
use crate::error::CommandError;

/// Try a failed notification or a dead delivery again
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["id", "dead"]))]
pub(crate) struct Replay {
    /// The id of the notification or of the delivery
    id: Option<String>,
    /// Every dead delivery
    #[arg(long)]
    dead: bool,
}

pub(crate) async fn run(context: &Context, replay: &Replay) -> Result<(), CommandError> {
    let calls = context.calls()?;
    let deliveries = |told: &ReplaysResponse| match told.replayed {
        1 => "1 delivery is tried again".to_owned(),
        count => format!("{count} deliveries are tried again"),
    };
    let Some(id) = &replay.id else {
        let answer = calls.post(&["v1", "deliveries", "replay"], &json!({"state": "dead"})).await?;
        let told: ReplaysResponse = answer.read()?;
        return context.output.answer(&answer.value, || deliveries(&told));
    };
    let not_found = match calls.post(&["v1", "notifications", id, "replay"], &json!({})).await {
        Ok(answer) => {
            let told: ReplayedResponse = answer.read()?;
            return context.output.answer(&answer.value, || format!("{}: {}", told.id, told.state));
        }
        Err(error) if is_not_found(&error) => error,
        Err(error) => return Err(error),
    };
    match calls.post(&["v1", "deliveries", id, "replay"], &json!({})).await {
        Ok(answer) => {
            let told: ReplaysResponse = answer.read()?;
            context.output.answer(&answer.value, || deliveries(&told))
        }
        Err(error) if is_not_found(&error) => Err(not_found),
        Err(error) => Err(error),
    }
}
