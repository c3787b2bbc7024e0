//! The best hour: what is known of it, and how the story says it.

use tidings_protocol::Timestamp;

use super::{Phase, Proposal};
use crate::calendar::{Zone, local};
use crate::learned::{HOUR_DAYS, HourCounts};
use crate::model::Person;
use crate::send_window::{BEST_HOUR_RECEIPTS_MIN, HourHistogram, SendWindow};

/// No hour is better than another.
const NO_HOUR: HourHistogram = [0; 24];

/// What is known of the hour at which a recipient answers, for a rule that asks for it.
#[derive(Debug)]
pub(super) struct BestHour {
    known: Known,
    /// The hours of a rule that names none.
    pub(super) always: SendWindow,
}

#[derive(Debug)]
enum Known {
    /// Enough.
    Counted(HourCounts),
    /// Too little: so many receipts.
    TooLittle(u32),
    /// The recipient refuses profiling.
    Refused,
    /// It waited for the hour, which came. A hold for it is not followed by another, whatever was learned meanwhile.
    Came,
}

impl BestHour {
    /// None if the rule does not ask for it.
    pub(super) fn of(proposal: &Proposal<'_>, person: &Person, now: Timestamp) -> Option<Self> {
        let asks = proposal.rule.and_then(|rule| rule.send.as_ref()).is_some_and(|send| send.best_hour);
        asks.then(|| Self { known: Self::known(proposal, person, now), always: SendWindow::always() })
    }

    fn known(proposal: &Proposal<'_>, person: &Person, now: Timestamp) -> Known {
        if matches!(proposal.phase, Phase::Released { hour_came: true, .. }) {
            return Known::Came;
        }
        if person.recipient.as_ref().is_some_and(|known| !known.preferences.allows_profiling()) {
            return Known::Refused;
        }
        let counted = person.inbox.as_ref().map(|inbox| inbox.learned.hours.counted(now)).unwrap_or_default();
        match counted.total() {
            total if u64::from(total) < BEST_HOUR_RECEIPTS_MIN => Known::TooLittle(total),
            _ => Known::Counted(counted),
        }
    }

    /// What each hour of the day weighs.
    pub(super) const fn histogram(&self) -> &HourHistogram {
        match &self.known {
            Known::Counted(counts) => &counts.weights,
            Known::TooLittle(_) | Known::Refused | Known::Came => &NO_HOUR,
        }
    }

    /// In words, for a notification that goes or is held until an instant.
    pub(super) fn said(&self, at: Timestamp, zone: &Zone, person: &Person) -> String {
        let who = &person.key.recipient;
        match &self.known {
            Known::Came => "it waited for this hour".to_owned(),
            Known::Refused => format!("{who} refuses profiling, so no hour is preferred"),
            Known::TooLittle(total) => format!(
                "too little is known of when {who} answers, so no hour is preferred: {total} receipts in {HOUR_DAYS} days, at least {BEST_HOUR_RECEIPTS_MIN} are needed"
            ),
            Known::Counted(counts) => {
                let (_, _, time) = local(at, zone);
                let hour = time.hour();
                let weight = counts.weights[usize::from(hour)];
                let total = counts.total();
                if weight == 0 {
                    return format!(
                        "none of the hours in which {who} answers is open in time, out of {total} receipts in {HOUR_DAYS} days"
                    );
                }
                let best = counts.weights.iter().all(|other| *other <= weight);
                let among = if best { "" } else { " of the hours that are open" };
                format!(
                    "{who} answers most from {hour:02}:00 to {:02}:00 in {}{among}: {} of {total} receipts in {HOUR_DAYS} days",
                    hour + 1,
                    zone.name(),
                    counts.receipts[usize::from(hour)],
                )
            }
        }
    }
}
