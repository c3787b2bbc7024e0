//! Tells what happened, from the stories that the relay stored.

use tidings_protocol::http::{StoryEntry, StoryResponse};
use tidings_protocol::{Channel, DeliveryState, Gate, StoryKind, Timestamp, Verdict};

use super::publisher::Publisher;
use crate::calls::Calls;
use crate::error::CommandError;

/// Stories that are asked for the figure of how fast devices received.
const MEASURED_MAX: usize = 200;

/// The day so far: each notification with the lines of its story that made a difference.
pub(super) async fn of_the_day(calls: &Calls, publisher: &Publisher) -> Result<String, CommandError> {
    let mut text = String::from("\nWhat became of it, from the stored stories:\n");
    for id in publisher.told() {
        let story = story(calls, &id).await?;
        let rule = story.rule.as_ref().map_or("sent directly", |rule| rule.as_str());
        text.push_str(&format!("  {} · {rule} · {}\n", story.recipient, story.state));
        for line in story.timeline.iter().filter_map(|entry| telling(&story, entry)) {
            text.push_str(&format!("      {line}\n"));
        }
    }
    Ok(text)
}

async fn story(calls: &Calls, id: &str) -> Result<StoryResponse, CommandError> {
    calls.get(&["v1", "notifications", id], &[]).await?.read()
}

/// A line of a story, if it made a difference.
fn telling(story: &StoryResponse, entry: &StoryEntry) -> Option<String> {
    let why =
        entry.text.clone().or_else(|| entry.reason.map(|reason| reason.to_string())).unwrap_or_default();
    let step = entry.step.map(|step| format!("step {step}: ")).unwrap_or_default();
    match entry.kind {
        StoryKind::Decided if entry.gate == Some(Gate::Consent) => {
            let channel = entry.channel.map(|channel| format!(" to {channel}")).unwrap_or_default();
            Some(format!("consent{channel}: {why}"))
        }
        StoryKind::Decided if entry.verdict == Some(Verdict::Stop) => Some(format!("stopped: {why}")),
        StoryKind::Held => {
            let due = entry.due.map(|due| format!(" until {due}")).unwrap_or_default();
            let gate = entry.gate.map_or("held", Gate::as_str);
            Some(format!("waits{due} ({gate}: {why})"))
        }
        StoryKind::Outcome if entry.state.as_deref() == Some(DeliveryState::Received.as_str()) => {
            Some(format!("received on the device after {} ms", entry.at.millis_since(story.created_at)))
        }
        StoryKind::Outcome if entry.channel != Some(Channel::Inapp) => {
            let channel = entry.channel.map_or("another channel", Channel::as_str);
            Some(format!("{channel}: {why}"))
        }
        StoryKind::Cancelled => Some(format!("{step}not needed ({why})")),
        StoryKind::Receipt => {
            let receipt = entry.receipt?;
            let action = entry.action.as_deref().map(|action| format!(" “{action}”")).unwrap_or_default();
            Some(format!("{receipt}{action} on the device"))
        }
        StoryKind::Decided
        | StoryKind::Outcome
        | StoryKind::Released
        | StoryKind::Ended
        | StoryKind::Repeated
        | StoryKind::Feedback
        | StoryKind::Converted => None,
    }
}

/// How fast devices received, by stored stories: from the relay's decision to the device's word that it is durable.
pub(super) async fn latency(calls: &Calls, publisher: &Publisher) -> Result<String, CommandError> {
    let mut millis: Vec<i64> = Vec::new();
    for id in publisher.told().iter().take(MEASURED_MAX) {
        let story = story(calls, id).await?;
        millis.extend(received_at(&story).map(|at| at.millis_since(story.created_at)));
    }
    millis.sort_unstable();
    let (Some(middle), Some(last)) = (millis.get(millis.len() / 2), millis.last()) else {
        return Ok("Nothing was received on a device.".to_owned());
    };
    let count = millis.len();
    Ok(format!(
        "{count} of the first {MEASURED_MAX} notifications were received on a device: half of them within {middle} ms, \
         all within {last} ms, the power failure and the tunnel included."
    ))
}

fn received_at(story: &StoryResponse) -> Option<Timestamp> {
    let received = |entry: &&StoryEntry| {
        entry.kind == StoryKind::Outcome && entry.state.as_deref() == Some(DeliveryState::Received.as_str())
    };
    story.timeline.iter().find(received).map(|entry| entry.at)
}
