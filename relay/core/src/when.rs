//! The gates that say "later", brought to one instant.
//!
//! Delay comes first and once. Then send window, quiet hours and pause are asked again and again until none moves the
//! instant; the best hour is the most answered hour among the instants that they leave. `latest` ends the window and
//! the best hour: from then on only quiet hours and a pause hold. A pause is quiet hours until its instant, and what
//! passes one passes the other. Whether the instant still lies before the expiry is not decided here.

use tidings_protocol::limits::HOLD_MILLIS_MAX;
use tidings_protocol::{Priority, Span, Timestamp};

use crate::calendar::Zone;
use crate::quiet_hours::QuietHours;
use crate::send_window::{HourHistogram, SendWindow, best_allowed};

/// How often window, quiet hours and pause are asked for one instant. Each round but the last moves it over a stretch of
/// one of them, and the most stretches that 90 days can have are about 16 a week; a window that is always quiet stops here.
pub const GATE_ROUNDS_MAX: usize = 256;
/// Entries of [`Moment::moved_by`]; beyond it the last one is replaced.
pub const MOVES_MAX: usize = 16;
/// Over how long releases of the same instant are spread, in milliseconds: 5 minutes (SEMANTICS 3).
pub const SPREAD_MILLIS_MAX: u64 = 5 * 60_000;

/// Everything that may hold one notification for a time.
#[derive(Clone, Copy, Debug)]
pub struct TimeGates<'a> {
    /// When the notification was made.
    pub created: Timestamp,
    /// Held so long from `created`.
    pub delay: Option<Span>,
    /// When the operator wants it sent, in the recipient's zone.
    pub window: Option<(&'a SendWindow, &'a Zone)>,
    /// What speaks for each local hour, if the rule asks for the best hour. It needs a zone: without `window` it says nothing;
    /// give [`SendWindow::always`] where the rule names no hours.
    pub best_hour: Option<&'a HourHistogram>,
    /// From `created` on; then neither window nor best hour hold.
    pub latest: Option<Span>,
    /// When the recipient is left alone, and the recipient's zone.
    pub quiet_hours: Option<(&'a QuietHours, &'a Zone)>,
    /// The recipient paused everything until then.
    pub paused_until: Option<Timestamp>,
    /// Its priority passes quiet hours and pauses.
    pub passes_quiet: bool,
}

/// A gate that holds for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeGate {
    /// The rule's delay.
    Delay,
    /// The operator's window.
    SendWindow,
    /// The recipient's quiet hours.
    QuietHours,
    /// The recipient's pause.
    Pause,
    /// The hour at which the recipient answers best.
    BestHour,
}

/// When a notification may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Not before `now`; equal to it if nothing holds.
    pub at: Timestamp,
    /// What moved the instant and whereto, in order; the last entry is the reason to show, and leads to `at`.
    pub moved_by: Vec<(TimeGate, Timestamp)>,
}

/// When a notification may go, as seen at `now`: at most 90 days after it was made, and never before `now`.
#[must_use]
pub fn moment(gates: &TimeGates<'_>, now: Timestamp) -> Moment {
    let mut moment = Moment { at: now, moved_by: Vec::new() };
    if let Some(delay) = gates.delay {
        moment.hold(TimeGate::Delay, gates.created.plus_millis(delay.as_millis()));
    }
    gates.settle(&mut moment);
    if let Some(best) = gates.best_from(moment.at) {
        moment.hold(TimeGate::BestHour, best);
    }
    moment.cut(gates.created.plus_millis(HOLD_MILLIS_MAX).max(now));
    if moment.at == now {
        moment.moved_by.clear();
    }
    moment
}

/// How much later than its hold ends a notification is due, in milliseconds, so that what is released together does not
/// arrive together: below [`SPREAD_MILLIS_MAX`] for low and normal priority, nothing for high and urgent. `id_hash` is
/// any evenly spread hash of the notification's id.
#[must_use]
pub fn spread(id_hash: u64, priority: Priority) -> i64 {
    match priority {
        Priority::Low | Priority::Normal => {
            i64::try_from(id_hash % SPREAD_MILLIS_MAX).expect("five minutes are few milliseconds")
        }
        Priority::High | Priority::Urgent => 0,
    }
}

impl TimeGates<'_> {
    /// Moves on until window, quiet hours and pause agree.
    fn settle(&self, moment: &mut Moment) {
        let horizon = self.created.plus_millis(HOLD_MILLIS_MAX);
        for _ in 0..GATE_ROUNDS_MAX {
            let before = moment.at;
            if let Some((window, zone)) = self.window.filter(|_| before < self.latest()) {
                moment.hold(TimeGate::SendWindow, window.opens_at(before, zone).min(self.latest()));
            }
            if !self.passes_quiet {
                let quiet = self.quiet_hours.and_then(|(hours, zone)| hours.quiet_until(moment.at, zone));
                moment.hold(TimeGate::QuietHours, quiet.unwrap_or(moment.at));
                moment.hold(TimeGate::Pause, self.paused_until.unwrap_or(moment.at));
            }
            if moment.at == before || moment.at >= horizon {
                return;
            }
        }
    }

    /// The best hour's instant from `at`, an instant that the other gates let pass.
    fn best_from(&self, at: Timestamp) -> Option<Timestamp> {
        let (histogram, (_, zone)) = self.best_hour.zip(self.window)?;
        best_allowed(histogram, zone, at, self.latest(), |at| {
            let mut moment = Moment { at, moved_by: Vec::new() };
            self.settle(&mut moment);
            moment.at
        })
    }

    fn latest(&self) -> Timestamp {
        self.latest.map_or(Timestamp::MAX, |latest| self.created.plus_millis(latest.as_millis()))
    }
}

impl Moment {
    /// Moves on to `until`, if that is later.
    fn hold(&mut self, gate: TimeGate, until: Timestamp) {
        if until > self.at {
            self.at = until;
            if self.moved_by.len() == MOVES_MAX {
                self.moved_by.pop();
            }
            self.moved_by.push((gate, until));
        }
    }

    /// Comes back to `end`, if that is earlier.
    fn cut(&mut self, end: Timestamp) {
        if self.at > end {
            self.at = end;
            let kept = self.moved_by.iter().take_while(|(_, until)| *until < end).count();
            self.moved_by.truncate(kept + 1);
            if let Some((_, until)) = self.moved_by.last_mut() {
                *until = end;
            }
        }
    }
}

#[cfg(test)]
mod tests;
