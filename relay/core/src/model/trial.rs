//! The trial of a rule's variants: what was counted, and how it ended.

use tidings_protocol::{ProjectId, RuleId, Timestamp};

use super::Notification;
use crate::configuration::WinnerMeasure;
use crate::trial::Tally;

/// Whose count a tally is. Nobody's: no recipient is part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TallyKey {
    /// The tenant.
    pub project: ProjectId,
    /// Which rule.
    pub rule: RuleId,
    /// Which set of variants.
    pub trial: Box<str>,
    /// Which of them.
    pub variant: Box<str>,
}

/// That one variant won: from then on everybody gets it. It is written once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Win {
    /// The tenant.
    pub project: ProjectId,
    /// Which rule.
    pub rule: RuleId,
    /// Of which set of variants.
    pub trial: Box<str>,
    /// What they were compared by.
    pub by: WinnerMeasure,
    /// The one that won.
    pub variant: Box<str>,
    /// When.
    pub at: Timestamp,
    /// The version of the configuration that decided.
    pub configuration: u64,
    /// The counts that decided, as a sentence.
    pub text: Box<str>,
}

/// What was counted of a notification in its trial, so that nothing is counted twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// That it was shown.
    pub displayed: bool,
    /// That it was read.
    pub read: bool,
    /// That it was clicked.
    pub clicked: bool,
    /// That it was converted.
    pub converted: bool,
}

impl Counted {
    /// Everything that can be counted.
    pub const ALL: Self = Self { displayed: true, read: true, clicked: true, converted: true };

    /// What there is to count of a notification. Whoever answered it saw it; what a provider took of mail, text message or
    /// webhook counts as shown, because nobody tells of showings there. What was not shown is no success.
    #[must_use]
    pub fn of(row: &Notification) -> Self {
        let flags = &row.flags;
        let answered = flags.acted.is_some() || flags.acknowledged_at.is_some();
        let (read, clicked) = (flags.read_at.is_some(), flags.clicked_at.is_some());
        let displayed =
            flags.displayed_at.is_some() || flags.taken_at.is_some() || read || clicked || answered;
        Self { displayed, read, clicked, converted: displayed && flags.converted_at.is_some() }
    }

    /// What of it was not counted before.
    #[must_use]
    pub fn beside(self, before: Self) -> Tally {
        let more = |now: bool, before: bool| u64::from(now && !before);
        Tally {
            displayed: more(self.displayed, before.displayed),
            read: more(self.read, before.read),
            clicked: more(self.clicked, before.clicked),
            converted: more(self.converted, before.converted),
        }
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self {
            displayed: self.displayed || more.displayed,
            read: self.read || more.read,
            clicked: self.clicked || more.clicked,
            converted: self.converted || more.converted,
        }
    }
}
