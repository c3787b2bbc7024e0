//! TODO of apns.

use std::sync::Arc;

use tidings_core::configuration::ApnsAccount;

use super::{Opening, Provider};

/// Makes it ready.
pub(super) fn open(
    _opening: &Opening<'_>,
    _account: &ApnsAccount,
) -> Result<Arc<dyn Provider>, &'static str> {
    Err("not_here_yet")
}
