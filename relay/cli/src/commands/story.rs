//! `tidings story`: everything that was decided and happened, in order.

use tidings_protocol::http::{StoryEntry, StoryResponse};

use crate::context::Context;
use crate::error::CommandError;

/// Show everything that was decided about a notification and became of it
#[derive(Debug, clap::Args)]
pub(crate) struct Story {
    /// The notification's id
    id: String,
}

pub(crate) async fn run(context: &Context, story: &Story) -> Result<(), CommandError> {
    let answer = context.calls()?.get(&["v1", "notifications", &story.id], &[]).await?;
    let story: StoryResponse = answer.read()?;
    context.output.answer(&answer.value, || lines(&story).join("\n"))
}

/// A head of some lines, then a line for each entry.
pub(crate) fn lines(story: &StoryResponse) -> Vec<String> {
    let mut lines = vec![format!("{}  {} for {}", story.id, story.state, story.recipient)];
    if let Some(content) = &story.content {
        lines.push(format!("  says      {}", content.title));
    }
    lines.push(format!("  about     {}, {} priority", story.category, story.priority));
    lines.push(format!("  because   {}", because(story)));
    if let Some(due) = story.due {
        lines.push(format!("  due       {due}"));
    }
    lines.push(format!("  expires   {}", story.expires_at));
    lines.push(String::new());
    let rows: Vec<[String; 3]> = story.timeline.iter().map(row).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths = [width(0), width(1)];
    for [at, what, text] in &rows {
        lines.push(format!("{at:<0$}  {what:<1$}  {text}", widths[0], widths[1]).trim_end().to_owned());
    }
    lines
}

/// What made it: a rule with its event, or somebody who sent it.
pub(crate) fn because(story: &StoryResponse) -> String {
    let rule = story.rule.as_ref().map(|rule| format!("rule {rule}"));
    let event = story.event.as_ref().filter(|_| story.rule.is_some()).map(|event| {
        let id = event.id.as_deref().map_or_else(|| event.event.to_string(), str::to_owned);
        let source = event.source.as_deref().map(|source| format!(" from {source}")).unwrap_or_default();
        format!("{} {id}{source}", event.event_type)
    });
    let words: Vec<String> = rule.into_iter().chain(event).collect();
    let made = if words.is_empty() { "it was sent directly".to_owned() } else { words.join(", on ") };
    format!("{made} (configuration {})", story.configuration)
}

fn row(entry: &StoryEntry) -> [String; 3] {
    let gate = entry.gate.map(|gate| gate.as_str().to_owned());
    let verdict = entry.verdict.map(|verdict| verdict.as_str().to_owned());
    let step = entry.step.map(|step| format!("step {step}"));
    let channel = entry.channel.map(|channel| channel.as_str().to_owned());
    let receipt = entry.receipt.map(|receipt| receipt.as_str().to_owned());
    let parts =
        [Some(entry.kind.as_str().to_owned()), gate, verdict, step, channel, entry.state.clone(), receipt];
    let what = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    [entry.at.to_string(), what, particulars(entry)]
}

/// The sentence of an entry, with what it does not say.
fn particulars(entry: &StoryEntry) -> String {
    let mut words: Vec<String> = Vec::new();
    match (&entry.text, entry.reason) {
        (Some(text), _) => words.push(text.clone()),
        (None, Some(reason)) => words.push(reason.to_string()),
        (None, None) => {}
    }
    if let Some(action) = &entry.action {
        words.push(format!("action {action}"));
    }
    if let Some(device) = &entry.device {
        words.push(format!("on {device}"));
    }
    if let Some(due) = entry.due {
        words.push(format!("until {due}"));
    }
    words.join(", ")
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn held_by_quiet_hours() -> StoryResponse {
        serde_json::from_value(json!({
            "id": "n1", "recipient": "alice", "category": "orders", "priority": "high", "rule": "order_placed",
            "state": "reached", "stopped_by": null, "configuration": 7,
            "created_at": "2026-11-22T22:10:00.000Z", "expires_at": "2026-11-23T22:10:00.000Z",
            "event": {"id": "evt-1", "source": "shop", "type": "order.placed", "event": "e1"},
            "content": {"title": "Order 1001 confirmed"},
            "deliveries": [],
            "timeline": [
                {"at": "2026-11-22T22:10:00.000Z", "kind": "decided", "gate": "consent", "verdict": "pass",
                 "reason": "service_basis_contract", "text": "Orders rest on the contract; no consent is needed"},
                {"at": "2026-11-22T22:10:00.000Z", "kind": "held", "gate": "quiet_hours", "verdict": "hold",
                 "reason": "quiet_hours", "due": "2026-11-23T07:00:00.000Z", "text": "22:00–08:00 in Europe/Berlin"},
                {"at": "2026-11-23T07:00:01.000Z", "kind": "outcome", "delivery": "d1", "channel": "inapp",
                 "state": "received", "device": "laptop"},
                {"at": "2026-11-23T07:02:00.000Z", "kind": "receipt", "receipt": "read", "device": "laptop"}
            ]
        }))
        .unwrap()
    }

    #[test]
    fn a_story_reads_from_top_to_bottom() {
        let expected = "\
n1  reached for alice
  says      Order 1001 confirmed
  about     orders, high priority
  because   rule order_placed, on order.placed evt-1 from shop (configuration 7)
  expires   2026-11-23T22:10:00.000Z

2026-11-22T22:10:00.000Z  decided consent pass    Orders rest on the contract; no consent is needed
2026-11-22T22:10:00.000Z  held quiet_hours hold   22:00–08:00 in Europe/Berlin, until 2026-11-23T07:00:00.000Z
2026-11-23T07:00:01.000Z  outcome inapp received  on laptop
2026-11-23T07:02:00.000Z  receipt read            on laptop";
        assert_eq!(lines(&held_by_quiet_hours()).join("\n"), expected);
    }
}
