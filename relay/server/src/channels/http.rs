//! TODO of http.

use std::sync::Arc;

use tidings_core::configuration::HttpAccount;

use super::{Opening, Provider};

/// Makes it ready.
pub(super) fn open(
    _opening: &Opening<'_>,
    _account: &HttpAccount,
) -> Result<Arc<dyn Provider>, &'static str> {
    Err("not_here_yet")
}
