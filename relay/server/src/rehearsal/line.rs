//! What a rehearsal prints: one line a verdict that made a difference.

use serde::Serialize;
use tidings_core::act::EventAnswer;
use tidings_core::model::{Entry, Notification};
use tidings_protocol::{
    Channel, DeliveryState, Gate, NotificationState, Reason, RuleId, StoryKind, Timestamp, Verdict,
};

use crate::http::event::word_of;

/// Somebody would have got something, later, or not at all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// When it was decided.
    pub at: Timestamp,
    /// The backend's id of the event, or the relay's if it has none.
    pub event: String,
    /// For whom; none if no rule came to anybody and the event names nobody.
    pub recipient: Option<String>,
    /// By which rule; none for a direct send, and where no rule listens to the event.
    pub rule: Option<String>,
    /// On which channel, if the verdict is about one.
    pub channel: Option<Channel>,
    /// `pass`: handed over; `hold`: later; `stop`: not.
    pub verdict: Verdict,
    /// Which gate said so.
    pub gate: Option<Gate>,
    /// Why: a reason of the story, or why the event fired no rule.
    pub reason: Option<&'static str>,
    /// Until when it waits.
    pub due: Option<Timestamp>,
}

impl Line {
    /// The lines of one story: each hand-over, hold and stop.
    pub(super) fn of_story(event: &str, row: &Notification, story: &[Entry]) -> Vec<Self> {
        let told = |entry: &&Entry| !is_told(story, entry);
        story.iter().filter(told).filter_map(|entry| Self::of_entry(event, row, entry)).collect()
    }

    /// The lines of an event as it was accepted: each rule that listened to it and did not fire, and that none did.
    pub(super) fn of_event(
        event: &str,
        at: Timestamp,
        recipient: Option<&str>,
        answer: &EventAnswer,
    ) -> Vec<Self> {
        let line = |rule: Option<&RuleId>, reason| Self {
            at,
            event: event.to_owned(),
            recipient: recipient.map(str::to_owned),
            rule: rule.map(ToString::to_string),
            channel: None,
            verdict: Verdict::Stop,
            gate: None,
            reason: Some(reason),
            due: None,
        };
        match answer {
            EventAnswer::Accepted { unknown_type: true, .. } => vec![line(None, "no_rule")],
            EventAnswer::Accepted { not_fired, .. } => {
                not_fired.iter().map(|one| line(Some(&one.rule), word_of(one.fired))).collect()
            }
            EventAnswer::Duplicate { .. } => vec![line(None, "duplicate")],
            EventAnswer::Refused(_) => Vec::new(),
        }
    }

    fn of_entry(event: &str, row: &Notification, entry: &Entry) -> Option<Self> {
        let verdict = verdict_of(row, entry)?;
        Some(Self {
            at: entry.at,
            event: event.to_owned(),
            recipient: Some(row.person.recipient.to_string()),
            rule: row.cause.rule.as_ref().map(ToString::to_string),
            channel: entry.channel,
            verdict,
            gate: entry.gate.or((entry.kind == StoryKind::Outcome).then_some(Gate::ChannelPlan)),
            reason: entry
                .reason
                .or((verdict == Verdict::Pass).then_some(Reason::Planned))
                .map(Reason::as_str),
            due: entry.due,
        })
    }
}

/// Whether the end of something only repeats what a gate's own line of the same instant says. What a withdrawal or a
/// preference cancels has no such line: its end is all that is told.
fn is_told(story: &[Entry], end: &Entry) -> bool {
    let by_gate = |entry: &Entry| {
        entry.kind == StoryKind::Decided
            && entry.verdict == Some(Verdict::Stop)
            && (entry.at, entry.gate, entry.reason) == (end.at, end.gate, end.reason)
    };
    matches!(end.kind, StoryKind::Ended | StoryKind::Cancelled)
        && end.gate.is_some()
        && story.iter().any(by_gate)
}

fn verdict_of(row: &Notification, entry: &Entry) -> Option<Verdict> {
    let handed_over =
        [DeliveryState::Placed, DeliveryState::Sent].iter().any(|state| entry.state == Some(state.as_str()));
    match entry.kind {
        StoryKind::Held => Some(Verdict::Hold),
        StoryKind::Outcome if handed_over => Some(Verdict::Pass),
        StoryKind::Outcome if entry.state == Some(DeliveryState::Suppressed.as_str()) => Some(Verdict::Stop),
        StoryKind::Decided if entry.verdict == Some(Verdict::Stop) => Some(Verdict::Stop),
        StoryKind::Ended | StoryKind::Cancelled if entry.reason.is_some() => {
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
