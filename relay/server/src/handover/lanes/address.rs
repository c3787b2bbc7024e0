//! Addresses that asked to be left alone, each by itself.

use std::collections::HashMap;

use tidings_core::delivery::retry::RETRY_AFTER_MAX;
use tidings_protocol::{Span, Timestamp};

/// Addresses of one lane that are remembered. Of one more the next delivery finds out itself.
pub(super) const BUSY_MAX: usize = 4_096;
/// How long an address is left alone that named no time, in milliseconds.
pub(super) const REST_MILLIS: i64 = 5_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct BusyAddresses(HashMap<Box<str>, Timestamp>);

impl BusyAddresses {
    pub(super) fn note(&mut self, address: &str, wish: Option<Span>, now: Timestamp) {
        if self.0.len() >= BUSY_MAX {
            self.0.retain(|_, until| *until > now);
        }
        if self.0.len() < BUSY_MAX || self.0.contains_key(address) {
            let rest =
                wish.map_or(REST_MILLIS, |wish| wish.as_millis().clamp(1, RETRY_AFTER_MAX.as_millis()));
            self.0.insert(address.into(), now.plus_millis(rest));
        }
    }

    pub(super) fn until(&self, address: &str, now: Timestamp) -> Option<Timestamp> {
        self.0.get(address).copied().filter(|until| *until > now)
    }
}
