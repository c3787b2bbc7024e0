//! `tidings simulate`: a scenario under a virtual clock, on this machine, without a relay.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::json;
use tidings_server::rehearsal::{Line, Rehearsal, Scenario, ScenarioError};

use crate::context::Context;
use crate::document;
use crate::error::CommandError;

/// Play a scenario through a document under a virtual clock: who would get what, when, and why not
#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    /// The document (YAML or JSON)
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// The scenario: NDJSON, each line `at` and one of recipient, consent, preference, event, receipt
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// Another document to compare with: only lines that differ are shown, with - and +
    #[arg(long, value_name = "OTHER")]
    against: Option<PathBuf>,
}

pub(crate) async fn run(context: &Context, simulate: &Simulate) -> Result<(), CommandError> {
    let text = std::fs::read_to_string(&simulate.scenario)
        .map_err(|source| CommandError::File { path: simulate.scenario.clone(), source })?;
    let scenario = Scenario::read(&text).map_err(|error| failed(simulate, &error))?;
    let lines = play(simulate, &simulate.config, &scenario).await?;
    match &simulate.against {
        None => lines.iter().try_for_each(|line| show(context, line, || sentence(line))),
        Some(other) => {
            let others = play(simulate, other, &scenario).await?;
            show_difference(context, &lines, &others)
        }
    }
}

async fn play(
    simulate: &Simulate,
    config: &std::path::Path,
    scenario: &Scenario,
) -> Result<Vec<Line>, CommandError> {
    let bundle = document::read(config)?;
    document::checked(&bundle)?;
    let Some(begins) = scenario.begins() else { return Ok(Vec::new()) };
    let rehearsal = Rehearsal::new(&bundle, begins).await.map_err(|error| failed(simulate, &error.into()))?;
    scenario.play(&rehearsal).await.map_err(|error| failed(simulate, &error))
}

fn failed(simulate: &Simulate, error: &ScenarioError) -> CommandError {
    CommandError::Input { place: simulate.scenario.display().to_string(), detail: error.to_string() }
}

/// Lines of one document only; the same line as often in both is no difference.
fn show_difference(context: &Context, lines: &[Line], others: &[Line]) -> Result<(), CommandError> {
    let key = |line: &Line| serde_json::to_string(line).unwrap_or_default();
    let mut balance: BTreeMap<String, i64> = BTreeMap::new();
    for line in others {
        *balance.entry(key(line)).or_default() += 1;
    }
    let mut only_here = Vec::new();
    for line in lines {
        let left = balance.entry(key(line)).or_default();
        *left -= 1;
        if *left < 0 {
            only_here.push(line);
        }
    }
    let only_there = others.iter().filter(|line| {
        let left = balance.entry(key(line)).or_default();
        let more = *left > 0;
        *left -= i64::from(more);
        more
    });
    let mut marked: Vec<(&str, &Line)> = only_here.into_iter().map(|line| ("-", line)).collect();
    marked.extend(only_there.map(|line| ("+", line)));
    marked.sort_by(|(_, a), (_, b)| (a.at, &a.recipient, &a.rule).cmp(&(b.at, &b.recipient, &b.rule)));
    if marked.is_empty() {
        context.output.remark("both decide the same for this scenario");
    }
    for (mark, line) in marked {
        show(context, &json!({"in": mark, "line": line}), || format!("{mark} {}", sentence(line)))?;
    }
    Ok(())
}

/// A scenario is lines of JSON and so is what comes of it; only a person at a terminal gets sentences.
fn show(
    context: &Context,
    value: &impl Serialize,
    words: impl FnOnce() -> String,
) -> Result<(), CommandError> {
    let person = context.output.is_terminal() && !context.output.is_json();
    if person { context.output.text(words()) } else { context.output.json(value) }
}

fn sentence(line: &Line) -> String {
    let rule = line.rule.as_deref().unwrap_or("-");
    let why = match (line.gate, line.reason) {
        (Some(gate), Some(reason)) => format!("{gate}: {reason}"),
        (None, Some(reason)) => reason.to_owned(),
        (_, None) => String::new(),
    };
    let channel = line.channel.map(|channel| format!(" on {channel}")).unwrap_or_default();
    let due = line.due.map(|due| format!(" until {due}")).unwrap_or_default();
    let recipient = line.recipient.as_deref().unwrap_or("-");
    format!("{}  {recipient:<12} {rule:<24} {}{channel}{due}  ({why}; {})", line.at, line.verdict, line.event)
}
