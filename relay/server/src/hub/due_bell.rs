//! Tells the dispatch that work was added which may be due before what it sleeps for.

use std::sync::atomic::{AtomicI64, Ordering};

use tidings_protocol::Timestamp;
use tokio::sync::Notify;

/// The earliest instant that was rung since the dispatch listened last.
#[derive(Debug)]
pub struct DueBell {
    earliest: AtomicI64,
    bell: Notify,
}

impl Default for DueBell {
    fn default() -> Self {
        Self { earliest: AtomicI64::new(i64::MAX), bell: Notify::new() }
    }
}

impl DueBell {
    /// Work was added that is due at an instant.
    pub fn ring(&self, at: Timestamp) {
        if self.earliest.fetch_min(at.as_millis(), Ordering::AcqRel) > at.as_millis() {
            self.bell.notify_one();
        }
    }

    /// Waits until work is added that is earlier than anything rung since the last answer.
    ///
    /// # Cancel safety
    /// Cancel-safe: what was rung stays rung.
    pub async fn rung(&self) -> Timestamp {
        loop {
            let earliest = self.earliest.swap(i64::MAX, Ordering::AcqRel);
            if earliest != i64::MAX {
                return Timestamp::from_millis(earliest);
            }
            self.bell.notified().await;
        }
    }
}
