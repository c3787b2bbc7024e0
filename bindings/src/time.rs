//! Instants: each language has its own type for them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidings_sdk::Timestamp;

/// The language's instant of a timestamp.
pub(crate) fn instant(at: Timestamp) -> SystemTime {
    let millis = Duration::from_millis(at.as_millis().unsigned_abs());
    let moved =
        if at.as_millis() < 0 { UNIX_EPOCH.checked_sub(millis) } else { UNIX_EPOCH.checked_add(millis) };
    moved.unwrap_or(UNIX_EPOCH)
}

/// The timestamp of an instant, to the millisecond below it; stops at the ends of the range.
pub(crate) fn timestamp(at: SystemTime) -> Timestamp {
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    match at.duration_since(UNIX_EPOCH) {
        Ok(after) => Timestamp::from_millis(millis(after)),
        Err(before) => Timestamp::from_millis(-millis(before.duration())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_the_same_after_the_way_there_and_back() {
        for millis in [-1_500, 0, 1, 1_795_000_000_123] {
            assert_eq!(timestamp(instant(Timestamp::from_millis(millis))).as_millis(), millis);
        }
    }
}
