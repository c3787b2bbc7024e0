//! What an SMS vendor has to tell: what people answer, and what became of what was sent.

use axum::response::Response;

use super::Inbound;
use crate::http::answer::Answered;
use crate::http::problem::Problem;

/// Takes a call that was believed.
pub(super) async fn hear(inbound: &Inbound<'_>) -> Result<Response, Box<Problem>> {
    let _ = inbound;
    Ok(Answered::ok(&serde_json::json!({"heard": null, "recipients": 0})).response())
}

/// Whether the vendor signed it.
pub(super) async fn is_signed(inbound: &Inbound<'_>) -> Result<bool, Box<Problem>> {
    let _ = inbound;
    Ok(false)
}
