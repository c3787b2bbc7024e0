//! TODO of webpush.

use std::sync::Arc;

use tidings_core::configuration::WebpushAccount;

use super::{Opening, Provider};

/// Makes it ready.
pub(super) fn open(
    _opening: &Opening<'_>,
    _account: &WebpushAccount,
) -> Result<Arc<dyn Provider>, &'static str> {
    Err("not_here_yet")
}
