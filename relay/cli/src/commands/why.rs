//! `tidings why`: the answer in sentences, from what is stored.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tidings_protocol::http::{
    EventResponse, FanOutBody, NotificationResponse, Page, RuleConsidered, StoryEntry, StoryResponse,
};
use tidings_protocol::{EventState, NotificationState, RecipientId, StoryKind};

use super::story;
use crate::calls::{Answer, Calls, is_not_found};
use crate::context::Context;
use crate::error::CommandError;

/// Notifications that are explained if no event is named.
const EXPLAINED_DEFAULT: usize = 3;
/// The latest notifications of a recipient whose events are looked at for an id without its source.
const LOOKED_AT: &str = "100";

/// Say why somebody was told something, or why not
#[derive(Debug, clap::Args)]
pub(crate) struct Why {
    /// Who
    recipient: RecipientId,
    /// About which event, by your own id or the relay's; else the latest notifications
    event: Option<String>,
    /// Where the event comes from, if two sources use the same id
    #[arg(long, requires = "event")]
    source: Option<String>,
    /// How many notifications are explained
    #[arg(long, value_name = "N", default_value_t = EXPLAINED_DEFAULT, value_parser = count)]
    limit: usize,
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=50) => Ok(count),
        Ok(_) | Err(_) => Err("from 1 to 50".into()),
    }
}

pub(crate) async fn run(context: &Context, why: &Why) -> Result<(), CommandError> {
    let calls = context.calls()?;
    let event = match &why.event {
        Some(event) => Some(find_event(&calls, why, event).await?),
        None => None,
    };
    let about: Option<EventResponse> = event.as_ref().map(Answer::read).transpose()?;
    let stories = stories(&calls, why, about.as_ref()).await?;
    let read: Vec<StoryResponse> = stories.iter().map(Answer::read).collect::<Result<_, _>>()?;
    let sentences = sentences(&why.recipient, about.as_ref(), &read);
    let answer = json!({
        "recipient": why.recipient,
        "event": event.map(|event| event.value),
        "sentences": sentences,
        "notifications": stories.into_iter().map(|story| story.value).collect::<Vec<Value>>(),
    });
    context.output.answer(&answer, || sentences.join("\n"))
}

/// By the relay's id, else by the backend's, else the one behind a notification of the recipient.
async fn find_event(calls: &Calls, why: &Why, id: &str) -> Result<Answer, CommandError> {
    if let Some(source) = &why.source {
        return calls.get(&["v1", "events"], &[("id", id), ("source", source)]).await;
    }
    match calls.get(&["v1", "events", id], &[]).await {
        Err(error) if is_not_found(&error) => {}
        found => return found,
    }
    match calls.get(&["v1", "events"], &[("id", id)]).await {
        Err(error) if is_not_found(&error) => {}
        found => return found,
    }
    let query = [("recipient", why.recipient.as_str()), ("limit", LOOKED_AT)];
    let page: Page<NotificationResponse> = calls.get(&["v1", "notifications"], &query).await?.read()?;
    let mut looked_at = BTreeSet::new();
    for made in page.items {
        // A direct send has no event that anybody could name.
        if made.rule.is_none() || !looked_at.insert(made.event.clone()) {
            continue;
        }
        let answer = calls.get(&["v1", "events", made.event.as_str()], &[]).await?;
        if answer.read::<EventResponse>()?.id.as_deref() == Some(id) {
            return Ok(answer);
        }
    }
    Err(CommandError::NoEvent { id: id.to_owned() })
}

async fn stories(
    calls: &Calls,
    why: &Why,
    event: Option<&EventResponse>,
) -> Result<Vec<Answer>, CommandError> {
    let limit = why.limit.to_string();
    let mut query = vec![("recipient", why.recipient.as_str()), ("limit", limit.as_str())];
    if let Some(event) = event {
        query.push(("event", event.event.as_str()));
    }
    let page: Page<NotificationResponse> = calls.get(&["v1", "notifications"], &query).await?.read()?;
    let mut stories = Vec::new();
    for made in page.items {
        stories.push(calls.get(&["v1", "notifications", made.id.as_str()], &[]).await?);
    }
    Ok(stories)
}

/// The answer, a sentence a line.
fn sentences(
    recipient: &RecipientId,
    event: Option<&EventResponse>,
    stories: &[StoryResponse],
) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(event) = event {
        lines.extend(about_event(recipient, event, stories));
    } else if stories.is_empty() {
        lines.push(format!(
            "Nothing was ever made for {recipient}: no rule fired for them and nobody sent them anything."
        ));
    }
    for story in stories {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(about_story(story));
    }
    lines
}

fn about_event(recipient: &RecipientId, event: &EventResponse, stories: &[StoryResponse]) -> Vec<String> {
    let name = event.id.as_deref().unwrap_or_else(|| event.event.as_str());
    let source = event.source.as_deref().map(|source| format!(" from {source}")).unwrap_or_default();
    let mut lines =
        vec![format!("{} {name}{source} made {}.", event.event_type, count_of(event.made, "notification"))];
    if event.rules.is_empty() {
        lines.push("No rule listens to its type.".into());
    }
    lines.extend(event.rules.iter().map(about_rule));
    lines.extend(event.fan_outs.iter().map(about_fan_out));
    if stories.is_empty() {
        lines.push(match (event.state, event.made) {
            (EventState::Open, _) => {
                format!("None is for {recipient} yet; its audience is still being walked.")
            }
            (EventState::Done, 0) => format!("So {recipient} was not told."),
            (EventState::Done, _) => format!("None of them is for {recipient}."),
        });
    }
    lines
}

fn about_rule(rule: &RuleConsidered) -> String {
    let name = &rule.rule;
    let why = match (rule.reason.as_str(), &rule.text) {
        ("fired", _) => {
            // An audience is counted by its own sentence.
            let recipients = rule
                .recipients
                .filter(|n| *n > 0)
                .map(|n| format!(" for {}", count_of(n.into(), "recipient")));
            return format!("Rule {name} fired{}.", recipients.unwrap_or_default());
        }
        (_, Some(text)) => text.clone(),
        ("no_match", None) => "its condition was not met".into(),
        ("missing_field", None) => "the event lacks a field that it reads".into(),
        ("no_recipient", None) => "it named nobody".into(),
        (other, None) => other.replace('_', " "),
    };
    format!("Rule {name} did not fire: {}.", why.trim_end_matches('.'))
}

fn about_fan_out(fan_out: &FanOutBody) -> String {
    let who = fan_out.rule.as_ref().map_or_else(|| "The send".to_owned(), |rule| format!("Rule {rule}"));
    let audience = fan_out.audience.map_or_else(|| "an audience".to_owned(), |n| count_of(n, "recipient"));
    let planned = fan_out.planned.map(|n| format!(", {n} so far")).unwrap_or_default();
    format!("{who} goes to {audience}{planned}.")
}

fn about_story(story: &StoryResponse) -> Vec<String> {
    let title = story
        .content
        .as_ref()
        .map_or_else(|| "A notification".to_owned(), |content| format!("“{}”", content.title));
    let mut lines = vec![format!("{title} ({}, {}): {}.", story.category, story.id, story::because(story))];
    lines.extend(story.timeline.iter().filter(|entry| entry.kind == StoryKind::Held).map(about_hold));
    lines.push(ending(story));
    let told =
        story.timeline.iter().filter(|entry| matches!(entry.kind, StoryKind::Outcome | StoryKind::Receipt));
    lines.extend(told.map(about_outcome));
    lines
}

fn about_hold(entry: &StoryEntry) -> String {
    let until = entry.due.map(|due| format!(" until {due}")).unwrap_or_default();
    let why = entry.text.clone().or_else(|| entry.reason.map(|reason| reason.to_string()));
    format!("It was made to wait at {}{until}: {}.", entry.at, full(&why.unwrap_or_default()))
}

fn about_outcome(entry: &StoryEntry) -> String {
    let channel = entry.channel.map(|channel| format!(" on {channel}")).unwrap_or_default();
    let device = entry.device.as_ref().map(|device| format!(" by {device}")).unwrap_or_default();
    let what = match (&entry.receipt, &entry.state) {
        (Some(receipt), _) => receipt.as_str(),
        (None, Some(state)) => state.as_str(),
        (None, None) => "changed",
    };
    let why = entry.text.as_deref().map(|text| format!(": {}", full(text))).unwrap_or_default();
    format!("{}{channel}{device} at {}{why}.", capital(&what.replace('_', " ")), entry.at)
}

/// Where it stands, and why.
fn ending(story: &StoryResponse) -> String {
    let who = &story.recipient;
    let because = |words: &str| {
        let Some(stopped) = story.stopped_by.as_ref().or(story.held_by.as_ref()) else {
            return format!("{words}.");
        };
        let gate = stopped.gate.map(|gate| format!(", by the {} gate", gate.as_str().replace('_', " ")));
        format!("{words}{}: {}.", gate.unwrap_or_default(), full(&stopped.text))
    };
    match story.state {
        NotificationState::Held => match story.due {
            Some(due) => because(&format!("It waits until {due}")),
            None => because("It waits"),
        },
        NotificationState::Active => format!("It is on its way to {who}; no device of theirs has it yet."),
        NotificationState::Reached => format!("It reached {who}."),
        NotificationState::Failed => because(&format!("It failed and did not reach {who}")),
        NotificationState::Expired => format!("Its time passed before it reached {who}."),
        NotificationState::Suppressed => because(&format!("It was stopped, and {who} was not told")),
        NotificationState::Merged => "It became part of a digest.".to_owned(),
        NotificationState::Cancelled => because("It was cancelled"),
        NotificationState::Retracted => "Its sender took it back.".to_owned(),
        NotificationState::Erased => "Its recipient was erased, and it with them.".to_owned(),
    }
}

fn full(text: &str) -> &str {
    text.trim_end_matches('.')
}

fn capital(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

fn count_of(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::story::tests::held_by_quiet_hours;

    fn alice() -> RecipientId {
        RecipientId::new("alice").unwrap()
    }

    fn event(rules: &Value, made: u64) -> EventResponse {
        serde_json::from_value(json!({
            "event": "e1", "id": "evt-1", "source": "shop", "type": "order.placed", "recipient": null,
            "time": "2026-11-22T22:10:00.000Z", "accepted_at": "2026-11-22T22:10:00.000Z", "configuration": 7,
            "state": "done", "made": made, "data": {}, "extensions": {}, "rules": rules, "fan_outs": []
        }))
        .unwrap()
    }

    #[test]
    fn a_notification_that_waited_and_reached_is_told_in_order() {
        let expected = "\
“Order 1001 confirmed” (orders, n1): rule order_placed, on order.placed evt-1 from shop (configuration 7).
It was made to wait at 2026-11-22T22:10:00.000Z until 2026-11-23T07:00:00.000Z: 22:00–08:00 in Europe/Berlin.
It reached alice.
Received on inapp by laptop at 2026-11-23T07:00:01.000Z.
Read by laptop at 2026-11-23T07:02:00.000Z.";
        assert_eq!(sentences(&alice(), None, &[held_by_quiet_hours()]).join("\n"), expected);
    }

    #[test]
    fn a_rule_that_did_not_fire_says_why() {
        let rules = json!([
            {"rule": "order_placed", "reason": "missing_field", "text": "data.total is missing"},
            {"rule": "thanks", "reason": "no_match"}
        ]);
        let expected = "\
order.placed evt-1 from shop made 0 notifications.
Rule order_placed did not fire: data.total is missing.
Rule thanks did not fire: its condition was not met.
So alice was not told.";
        assert_eq!(sentences(&alice(), Some(&event(&rules, 0)), &[]).join("\n"), expected);
    }

    #[test]
    fn what_was_made_for_others_is_not_hers() {
        let rules = json!([{"rule": "order_placed", "reason": "fired", "recipients": 1}]);
        let lines = sentences(&alice(), Some(&event(&rules, 1)), &[]);
        assert_eq!(lines.last().unwrap(), "None of them is for alice.");
        assert_eq!(lines[1], "Rule order_placed fired for 1 recipient.");
    }

    #[test]
    fn a_stopped_notification_names_its_gate() {
        let mut story = held_by_quiet_hours();
        story.state = NotificationState::Suppressed;
        story.timeline.clear();
        let stopped =
            json!({"gate": "preference", "reason": "category_off", "text": "alice switched off Orders"});
        story.stopped_by = serde_json::from_value(stopped).unwrap();
        let lines = sentences(&alice(), None, &[story]);
        assert_eq!(
            lines.last().unwrap(),
            "It was stopped, and alice was not told, by the preference gate: alice switched off Orders."
        );
    }

    #[test]
    fn a_rule_for_an_audience_fired_and_its_size_is_said_once() {
        let rules = json!([{"rule": "promotion", "reason": "fired", "recipients": 0}]);
        let mut event = event(&rules, 2);
        let walk = json!([{"rule": "promotion", "audience": null, "planned": 2, "finished": true}]);
        event.fan_outs = serde_json::from_value(walk).unwrap();
        let lines = sentences(&alice(), Some(&event), &[]);
        assert_eq!(lines[1..3], ["Rule promotion fired.", "Rule promotion goes to an audience, 2 so far."]);
    }

    #[test]
    fn nothing_at_all_is_an_answer() {
        assert!(sentences(&alice(), None, &[])[0].starts_with("Nothing was ever made for alice"));
    }
}
