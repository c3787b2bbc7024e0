//! Standard output and error: text for people, JSON for programs.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde::Serialize;

use crate::error::CommandError;

/// Where a command writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    terminal: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, terminal: io::stdout().is_terminal() }
    }

    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Whether a person looks at standard output.
    pub(crate) const fn is_terminal(self) -> bool {
        self.terminal && !self.json
    }

    /// Lines for people.
    pub(crate) fn text(self, text: impl Display) -> Result<(), CommandError> {
        write_line(&harmless(&text.to_string()))
    }

    /// One line of JSON.
    pub(crate) fn json(self, value: &impl Serialize) -> Result<(), CommandError> {
        let line = serde_json::to_string(value).map_err(|error| CommandError::Output(error.into()))?;
        write_line(&line)
    }

    /// The value for programs, or its words for people.
    pub(crate) fn answer(
        self,
        value: &impl Serialize,
        words: impl FnOnce() -> String,
    ) -> Result<(), CommandError> {
        if self.json { self.json(value) } else { self.text(words()) }
    }

    /// A remark beside the output, for people.
    pub(crate) fn remark(self, text: impl Display) {
        if !self.json {
            write_error(&text.to_string());
        }
    }

    /// Tells an error and gives its exit code.
    pub(crate) fn fail(self, error: &CommandError) -> ExitCode {
        if error.is_closed_pipe() {
            return ExitCode::SUCCESS;
        }
        if self.json {
            if !error.is_in_output() && self.json(&error.to_json()).is_err() {
                tracing::error!(%error, "the output cannot be written");
            }
        } else {
            write_error(&words(error));
        }
        ExitCode::from(error.exit_code())
    }
}

fn words(error: &CommandError) -> String {
    if let CommandError::Document { rendered, .. } = error {
        return rendered.trim_end().to_owned();
    }
    let mut text = format!("error: {error}");
    if let CommandError::Refused { problem } = error {
        for fault in &problem.errors {
            let place = match (fault.line, fault.column) {
                (Some(line), Some(column)) => format!("line {line}, column {column}"),
                (_, _) if fault.pointer.is_empty() => "the request".into(),
                (_, _) => fault.pointer.clone(),
            };
            text.push_str(&format!("\n  {place}: {}", fault.detail));
            if let Some(hint) = &fault.hint {
                text.push_str(&format!(" (did you mean {hint}?)"));
            }
        }
    }
    if let Some(cause) = error.cause() {
        text.push_str(&format!("\n  because: {cause}"));
    }
    if let Some(next) = error.next() {
        text.push_str(&format!("\n  next: {next}"));
    }
    text
}

fn write_line(line: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(CommandError::Output)
}

fn write_error(text: &str) {
    let mut out = io::stderr().lock();
    // Nobody is left to be told if standard error is closed.
    drop(writeln!(out, "{}", harmless(text)));
}

/// Text from elsewhere must not steer the terminal: control characters but line breaks and tabs are shown as a mark.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_elsewhere_does_not_steer_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\u{9b}c\r\n\td"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}\n\td");
    }
}
