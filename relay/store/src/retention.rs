//! How long rows are kept that no document speaks of. Every limit counts from the instant that a purge is given.

use tidings_protocol::Timestamp;

const DAY_MILLIS: i64 = 86_400_000;

/// Answered operations but consent's: longer than a device keeps one that was not answered.
pub(crate) const OPERATION_DAYS: i64 = 30;
/// The feed: as long as a backend may be away and still go on where it was.
pub(crate) const FEED_DAYS: i64 = 30;
/// How long after it happened an event may be told: `EVENT_TIME_PAST_MILLIS_MAX`.
pub(crate) const EVENT_LATE_DAYS: i64 = 30;
/// Device tokens that nobody used, and what an erasure left of others.
pub(crate) const TOKEN_DAYS: i64 = 90;
/// Batches whose id can be asked for. A node asks within seconds of losing an answer.
pub(crate) const BATCHES_KEPT: u64 = 100_000;

/// What one of so many projects may still delete: none waits until another has nothing left to delete.
pub(crate) const fn share(left: usize, projects: usize) -> usize {
    left.div_ceil(projects)
}

/// The instant so many days before.
pub(crate) const fn days_before(now: Timestamp, days: i64) -> Timestamp {
    now.plus_millis(-days * DAY_MILLIS)
}
