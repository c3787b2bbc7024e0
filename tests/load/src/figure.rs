//! The figures, each in a file: what is done, what is counted, and what it is held against.

pub(crate) mod catch_up;
pub(crate) mod cold_start;
pub(crate) mod connections;
pub(crate) mod devices;
pub(crate) mod fan_out;
pub(crate) mod faults;
pub(crate) mod growth;
pub(crate) mod inbox;
pub(crate) mod latency;
pub(crate) mod peers;
pub(crate) mod publish;
pub(crate) mod rules;
pub(crate) mod storm;

use std::time::Duration;

use crate::blocks::Blocks;

/// How much is run: the whole, or the short form of every day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) short: bool,
}

impl Extent {
    /// Blocks of three seconds, five pairs; in the short form two pairs.
    pub(crate) fn blocks(self) -> Blocks {
        Blocks { pairs: if self.short { 2 } else { 5 }, lasts: Duration::from_secs(3) }
    }
}
