//! TODO of smtp.

use std::sync::Arc;

use tidings_core::configuration::SmtpAccount;

use super::{Opening, Provider};

/// Makes it ready.
pub(super) fn open(
    _opening: &Opening<'_>,
    _account: &SmtpAccount,
) -> Result<Arc<dyn Provider>, &'static str> {
    Err("not_here_yet")
}
