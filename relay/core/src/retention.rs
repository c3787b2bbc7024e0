//! How long a project's rows are kept: what its live document says, within what the contract promises whatever the
//! document says. A store compares instants; it decides nothing of this.

use tidings_protocol::{Span, Timestamp};

use crate::configuration::Retention;

/// How long an event's own id is remembered, so that a repetition is a duplicate (API.md, Conventions). The id is kept
/// with its event: no document makes events go sooner.
pub const EVENT_IDS_KEPT: Span = Span::from_days(7);

/// What is older than this is past its retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outdated {
    /// Notifications made before it leave the inbox, and their words go, those of dead deliveries too.
    pub inbox: Timestamp,
    /// Notifications made before it go with their stories.
    pub story: Timestamp,
    /// Events accepted before it go.
    pub events: Timestamp,
}

impl Outdated {
    /// What a document's retention means at an instant. A story stays as long as its notification is in the inbox,
    /// where its recipient may ask for it.
    #[must_use]
    pub fn at(now: Timestamp, retention: Retention) -> Self {
        let before = |kept: Span| now.plus_millis(-kept.as_millis());
        Self {
            inbox: before(retention.inbox),
            story: before(retention.story.max(retention.inbox)),
            events: before(retention.events.max(EVENT_IDS_KEPT)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::as_the_document_says(90, 180, 30, [90, 180, 30])]
    #[case::no_inbox_without_its_stories(90, 30, 30, [90, 90, 30])]
    #[case::seven_days_of_event_ids_whatever_it_says(1, 1, 1, [1, 1, 7])]
    fn a_document_is_followed_within_what_the_contract_promises(
        #[case] inbox: u32,
        #[case] story: u32,
        #[case] events: u32,
        #[case] kept: [u32; 3],
    ) {
        let days = Span::from_days;
        let now = Timestamp::from_millis(1_795_435_200_000);
        let retention = Retention { inbox: days(inbox), story: days(story), events: days(events) };
        let [inbox, story, events] = kept.map(|n| now.plus_millis(-days(n).as_millis()));
        assert_eq!(Outdated::at(now, retention), Outdated { inbox, story, events });
    }
}
