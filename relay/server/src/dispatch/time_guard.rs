//! Notices that the wall clock jumped. The relay's own time goes on by the monotonic clock; until it is known which of
//! the two is right, nothing that waits for a time is moved and the node is not ready.

use std::sync::Mutex;

use tidings_protocol::Timestamp;

/// Wall clock and anchored time may differ by this much, in milliseconds.
pub const JUMP_MILLIS_MAX: i64 = 30_000;
/// A wall clock that stays this long where it jumped to is believed, in milliseconds: a machine that slept, or a clock
/// that was set right. Shorter steps are mistakes, and pass.
pub const STEADY_MILLIS_MIN: i64 = 10 * 60_000;

/// Whether the time can be trusted.
#[derive(Debug)]
pub struct TimeGuard {
    anchor: Box<dyn Anchor>,
    jumped: Mutex<Option<Jump>>,
}

/// A clock that knows how far the wall clock has moved away from it.
pub trait Anchor: Send + Sync + std::fmt::Debug {
    /// Wall clock minus anchored time, in milliseconds.
    fn drift_millis(&self) -> i64;

    /// Takes the wall clock as the truth. Time never runs backwards by it: it stands until the wall clock is there.
    fn reanchor(&self);
}

#[derive(Clone, Copy, Debug)]
struct Jump {
    at: Timestamp,
    drift_millis: i64,
}

impl TimeGuard {
    /// Trusts the time until it jumps.
    #[must_use]
    pub fn new(anchor: Box<dyn Anchor>) -> Self {
        Self { anchor, jumped: Mutex::new(None) }
    }

    /// Whether due work waits and the node is not ready.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.jumped.lock().expect("nothing panics while it holds this lock").is_some()
    }

    /// Compares the clocks. `now` is anchored time.
    pub fn look(&self, now: Timestamp) {
        let drift_millis = self.anchor.drift_millis();
        let mut jumped = self.jumped.lock().expect("nothing panics while it holds this lock");
        if drift_millis.abs() <= JUMP_MILLIS_MAX {
            if jumped.take().is_some() {
                tracing::info!(drift_millis, "the clock is back: due work goes on");
            }
            return;
        }
        match *jumped {
            Some(jump) if (jump.drift_millis - drift_millis).abs() <= JUMP_MILLIS_MAX => {
                if now.millis_since(jump.at) >= STEADY_MILLIS_MIN {
                    self.anchor.reanchor();
                    *jumped = None;
                    tracing::warn!(drift_millis, "the clock stayed where it jumped to, and is believed");
                }
            }
            Some(_) | None => {
                *jumped = Some(Jump { at: now, drift_millis });
                metrics::counter!("tidings_clock_jumps_total").increment(1);
                tracing::error!(drift_millis, "the clock jumped: due work waits; set the clock right");
            }
        }
    }
}
