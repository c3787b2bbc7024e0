//! `tidings token`: an access token for development.

use serde_json::json;
use tidings_protocol::http::{TokenRequest, TokenResponse};
use tidings_protocol::{DeviceId, RecipientId, Span};

use crate::context::Context;
use crate::error::CommandError;

/// Print an access token of a recipient, for development
#[derive(Debug, clap::Args)]
pub(crate) struct Token {
    /// Whose
    recipient: RecipientId,
    /// For which device; else the device says so itself
    #[arg(long)]
    device: Option<DeviceId>,
    /// How long it lasts, at most an hour
    #[arg(long, value_name = "TIME")]
    expires: Option<Span>,
}

pub(crate) async fn run(context: &Context, token: &Token) -> Result<(), CommandError> {
    let Token { recipient, device, expires } = token;
    let request = TokenRequest { recipient: recipient.clone(), device: device.clone(), expires: *expires };
    let answer = context.calls()?.post(&["v1", "tokens"], &json!(request)).await?;
    let made: TokenResponse = answer.read()?;
    // Alone on its line, so that a shell can take it: A=$(tidings token alice).
    context.output.answer(&answer.value, || made.token)
}
