//! `tidings event`: state facts.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};
use tidings_protocol::http::{EventResult, EventsResponse, MadeBody};
use tidings_protocol::limits::REQUEST_BYTES_MAX;

use crate::calls::Calls;
use crate::context::Context;
use crate::error::CommandError;
use crate::output::Output;
use crate::progress::Progress;
use crate::reading::{Batch, Events, Found};

/// Accepted events that are told one by one; more are counted.
const TOLD_MAX: u64 = 20;

/// State facts: one event as JSON, an array, lines of JSON, or CloudEvents
#[derive(Debug, clap::Args)]
pub(crate) struct Event {
    /// Where they are; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How much of each decision is answered
    #[arg(long, value_name = "WHICH", default_value = "stops", value_parser = ["stops", "all", "none"])]
    verdicts: String,
}

pub(crate) async fn run(context: &Context, event: &Event) -> Result<(), CommandError> {
    let calls = context.calls()?;
    let stdin = event.file == Path::new("-");
    let name = if stdin { "standard input".to_owned() } else { event.file.display().to_string() };
    let source: Box<dyn BufRead> = if stdin {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let opened = File::open(&event.file);
        let file = opened.map_err(|source| CommandError::File { path: event.file.clone(), source })?;
        Box::new(BufReader::new(file))
    };
    let mut events = Events::new(source, name.clone());
    let mut told = Told::new(context.output);
    let progress = Progress::new(context.output);
    let mut found = events.next()?;
    if found.is_none() {
        return Err(CommandError::Input { place: name, detail: "there is no event in it".into() });
    }
    while let Some(next) = found {
        match next {
            Found::Batch(batch) => state(&calls, event, &batch, &mut told, &progress).await?,
            Found::TooLarge { place, actual } => {
                let detail = format!("Bytes of an event: at most {REQUEST_BYTES_MAX}, here {actual}.");
                let result = EventResult::Rejected { code: "limit".into(), pointer: None, detail };
                told.result(&place, &result, &progress);
            }
        }
        progress.show(format_args!("{} events", told.total()));
        found = events.next()?;
    }
    progress.clear();
    told.finish()
}

async fn state(
    calls: &Calls,
    event: &Event,
    batch: &Batch,
    told: &mut Told,
    progress: &Progress,
) -> Result<(), CommandError> {
    let query = [("verdicts", event.verdicts.as_str())];
    let answer = calls.ask(Method::POST, &["v1", "events"], &query, Some(batch.body())).await?;
    let response: EventsResponse = answer.read()?;
    let raw = answer.value.get("results").and_then(Value::as_array);
    for (index, result) in response.results.iter().enumerate() {
        told.raw(raw.and_then(|results| results.get(index)));
        told.result(batch.place(index), result, progress);
    }
    Ok(())
}

/// What became of the events so far.
#[derive(Debug)]
struct Told {
    output: Output,
    accepted: u64,
    duplicate: u64,
    rejected: u64,
    /// The relay's results as it wrote them, for programs.
    results: Vec<Value>,
    given: bool,
    lines: Vec<String>,
}

impl Told {
    fn new(output: Output) -> Self {
        Self {
            output,
            accepted: 0,
            duplicate: 0,
            rejected: 0,
            results: Vec::new(),
            given: false,
            lines: Vec::new(),
        }
    }

    const fn total(&self) -> u64 {
        self.accepted + self.duplicate + self.rejected
    }

    /// The next result as the relay wrote it.
    fn raw(&mut self, result: Option<&Value>) {
        if let (true, Some(result)) = (self.output.is_json(), result) {
            self.results.push(result.clone());
            self.given = true;
        }
    }

    fn result(&mut self, place: &str, result: &EventResult, progress: &Progress) {
        if self.output.is_json() && !std::mem::take(&mut self.given) {
            self.results.push(json!(result));
        }
        match result {
            EventResult::Accepted { .. } => self.accepted += 1,
            EventResult::Duplicate { .. } => self.duplicate += 1,
            EventResult::Rejected { .. } => self.rejected += 1,
        }
        let rejected = matches!(result, EventResult::Rejected { .. });
        if rejected {
            progress.clear();
            self.output.remark(line(place, result));
        } else if self.total() <= TOLD_MAX {
            self.lines.push(line(place, result));
        }
    }

    fn finish(self) -> Result<(), CommandError> {
        let Self { output, accepted, duplicate, rejected, results, lines, .. } = self;
        let total = accepted + duplicate + rejected;
        let answer =
            json!({"accepted": accepted, "duplicate": duplicate, "rejected": rejected, "results": results});
        output.answer(&answer, || {
            let counts = format!("{accepted} accepted, {duplicate} duplicate, {rejected} rejected");
            if total > TOLD_MAX || lines.is_empty() {
                counts
            } else {
                format!("{}\n{counts}", lines.join("\n"))
            }
        })?;
        match rejected {
            0 => Ok(()),
            _ => Err(CommandError::Rejected { rejected, total }),
        }
    }
}

/// What became of one event, in a line.
fn line(place: &str, result: &EventResult) -> String {
    match result {
        EventResult::Accepted { event, notifications, rules_not_fired, fan_outs, note, .. } => {
            let mut text = format!("{place}: accepted as {event}");
            for made in notifications {
                text.push_str(&format!("\n  {}", made_line(made)));
            }
            for fan_out in fan_outs {
                let rule = fan_out.rule.as_ref().map_or("a send", |rule| rule.as_str());
                let audience = fan_out.audience.map_or("an audience".into(), |n| format!("{n} recipients"));
                text.push_str(&format!("\n  {rule} goes to {audience}"));
            }
            for rule in rules_not_fired {
                let why = rule.text.as_deref().unwrap_or(&rule.reason);
                text.push_str(&format!("\n  {} did not fire: {why}", rule.rule));
            }
            if note.as_deref() == Some("no_rule") {
                text.push_str("\n  no rule listens to its type");
            }
            text
        }
        EventResult::Duplicate { event } => format!("{place}: accepted before, as {event}"),
        EventResult::Rejected { code, pointer, detail } => {
            let at = pointer.as_deref().filter(|pointer| !pointer.is_empty());
            let at = at.map(|pointer| format!(" at {pointer}")).unwrap_or_default();
            format!("{place}: rejected ({code}{at}): {}", without_place(detail))
        }
    }
}

fn made_line(made: &MadeBody) -> String {
    let rule = made.rule.as_ref().map_or("sent", |rule| rule.as_str());
    let mut text = format!("{} for {} by {rule}: {}", made.id, made.recipient, made.state);
    if let Some(due) = made.due {
        text.push_str(&format!(" until {due}"));
    }
    match (made.stopped_by.as_ref().or(made.held_by.as_ref()), made.reason) {
        (Some(stopped), _) => text.push_str(&format!(", {}", stopped.text)),
        (None, Some(reason)) => text.push_str(&format!(", {reason}")),
        (None, None) => {}
    }
    text
}

/// The relay counts within its request; the place in the source is told already.
fn without_place(detail: &str) -> &str {
    let rest = detail.strip_prefix("line ").or_else(|| detail.strip_prefix("event "));
    let rest = rest.map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    rest.and_then(|rest| rest.strip_prefix(": ")).unwrap_or(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_is_told_with_its_place_in_the_source() {
        let result = EventResult::Rejected {
            code: "missing_field".into(),
            pointer: Some("/type".into()),
            detail: "line 57: an event needs a type".into(),
        };
        assert_eq!(
            line("line 1057", &result),
            "line 1057: rejected (missing_field at /type): an event needs a type"
        );
    }

    #[test]
    fn a_detail_without_a_place_stays() {
        assert_eq!(without_place("line up"), "line up");
        assert_eq!(without_place("event 3: no"), "no");
    }
}
