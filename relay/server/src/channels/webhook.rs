//! TODO of webhook.

use std::sync::Arc;

use tidings_core::configuration::WebhookAccount;

use super::{Opening, Provider};

/// Makes it ready.
pub(super) fn open(
    _opening: &Opening<'_>,
    _account: &WebhookAccount,
) -> Result<Arc<dyn Provider>, &'static str> {
    Err("not_here_yet")
}
