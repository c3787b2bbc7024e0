//! The one place where the client reads the device's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidings_protocol::Timestamp;

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// How long until an instant; nothing if it has passed.
pub(crate) fn until(at: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.millis_since(now())).unwrap_or(0))
}
