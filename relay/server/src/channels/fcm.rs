//! TODO of fcm.

use std::sync::Arc;

use tidings_core::configuration::FcmAccount;

use super::{Opening, Provider};

/// Makes it ready.
pub(super) fn open(_opening: &Opening<'_>, _account: &FcmAccount) -> Result<Arc<dyn Provider>, &'static str> {
    Err("not_here_yet")
}
