//! Time, ids and chance come from outside, so that the same seed gives the same history.

use tidings_protocol::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The current instant. Never earlier than what it said before.
    fn now(&self) -> Timestamp;
}

/// Makes ids and random numbers.
pub trait Ids: Send + Sync {
    /// A new UUIDv7 of an instant, as 128 bits.
    fn next(&self, now: Timestamp) -> u128;

    /// Random bits from a source that cannot be guessed.
    fn random(&self) -> u128;
}
