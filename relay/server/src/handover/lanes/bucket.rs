//! How fast a provider may be asked.

use tidings_protocol::Timestamp;

/// Hand-overs that a provider still allows in this second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    pub(super) per_second: u32,
    /// Thousandths of a hand-over.
    left: i64,
    at: Timestamp,
}

impl Bucket {
    pub(super) const fn full(per_second: u32, at: Timestamp) -> Self {
        Self { per_second, left: per_second as i64 * 1_000, at }
    }

    pub(super) const fn take(&mut self) {
        self.left -= 1_000;
    }

    fn refill(&mut self, now: Timestamp) {
        let gained = now.millis_since(self.at).max(0).saturating_mul(i64::from(self.per_second));
        self.left = self.left.saturating_add(gained).min(i64::from(self.per_second) * 1_000);
        self.at = now;
    }

    /// How many may go, or when the next one may.
    pub(super) fn admits(&mut self, wanted: usize, now: Timestamp) -> Result<usize, Timestamp> {
        self.refill(now);
        let whole = usize::try_from(self.left / 1_000).unwrap_or_default();
        if whole > 0 {
            return Ok(wanted.min(whole));
        }
        let missing = (1_000 - self.left).div_euclid(i64::from(self.per_second.max(1))) + 1;
        Err(now.plus_millis(missing))
    }
}
