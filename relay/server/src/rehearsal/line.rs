//! What a rehearsal prints: one line a verdict that made a difference.

use serde::Serialize;
use tidings_core::model::{Entry, Notification};
use tidings_protocol::{
    Channel, DeliveryState, Gate, NotificationState, Reason, StoryKind, Timestamp, Verdict,
};

/// Somebody would have got something, later, or not at all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// When it was decided.
    pub at: Timestamp,
    /// The backend's id of the event, or the relay's if it has none.
    pub event: String,
    /// For whom.
    pub recipient: String,
    /// By which rule; none for a direct send.
    pub rule: Option<String>,
    /// On which channel, if the verdict is about one.
    pub channel: Option<Channel>,
    /// `pass`: handed over; `hold`: later; `stop`: not.
    pub verdict: Verdict,
    /// Which gate said so.
    pub gate: Option<Gate>,
    /// Why.
    pub reason: Option<Reason>,
    /// Until when it waits.
    pub due: Option<Timestamp>,
}

impl Line {
    /// The lines of one story: each hand-over, hold and stop.
    pub(super) fn of_story(event: &str, row: &Notification, story: &[Entry]) -> Vec<Self> {
        story.iter().filter_map(|entry| Self::of_entry(event, row, entry)).collect()
    }

    fn of_entry(event: &str, row: &Notification, entry: &Entry) -> Option<Self> {
        let verdict = verdict_of(row, entry)?;
        Some(Self {
            at: entry.at,
            event: event.to_owned(),
            recipient: row.person.recipient.to_string(),
            rule: row.cause.rule.as_ref().map(ToString::to_string),
            channel: entry.channel,
            verdict,
            gate: entry.gate.or((entry.kind == StoryKind::Outcome).then_some(Gate::ChannelPlan)),
            reason: entry.reason.or((verdict == Verdict::Pass).then_some(Reason::Planned)),
            due: entry.due,
        })
    }
}

fn verdict_of(row: &Notification, entry: &Entry) -> Option<Verdict> {
    let handed_over =
        [DeliveryState::Placed, DeliveryState::Sent].iter().any(|state| entry.state == Some(state.as_str()));
    match entry.kind {
        StoryKind::Held => Some(Verdict::Hold),
        StoryKind::Outcome if handed_over => Some(Verdict::Pass),
        StoryKind::Outcome if entry.state == Some(DeliveryState::Suppressed.as_str()) => Some(Verdict::Stop),
        StoryKind::Decided if entry.verdict == Some(Verdict::Stop) => Some(Verdict::Stop),
        // A gate's own line says why something was stopped; the end repeats it only where no gate did.
        StoryKind::Ended | StoryKind::Cancelled if entry.gate.is_none() && entry.reason.is_some() => {
            // Without a device that receives, everything in an inbox expires one day; that says nothing of the rules.
            let unread = entry.state == Some(NotificationState::Expired.as_str()) && row.inapp.is_some();
            (!unread).then_some(Verdict::Stop)
        }
        StoryKind::Decided
        | StoryKind::Outcome
        | StoryKind::Released
        | StoryKind::Cancelled
        | StoryKind::Receipt
        | StoryKind::Ended
        | StoryKind::Repeated
        | StoryKind::Feedback
        | StoryKind::Converted => None,
    }
}
