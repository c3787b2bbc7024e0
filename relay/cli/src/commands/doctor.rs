//! `tidings doctor`: do the books balance, is the ledger whole, are clock, disk and limits in order?
//!
//! A relay that runs is asked over HTTP, and its ledger is verified on a copy of the database. If none runs on the data
//! folder, the database is opened and everything in it is counted and verified here.

mod hooks;
mod host;
mod ledger;
mod stored;

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::json;
use tidings_protocol::http::AccountingResponse;

use crate::calls::Calls;
use crate::context::Context;
use crate::error::CommandError;
use crate::output::Output;

/// How far this machine's clock and the relay's may be apart, in milliseconds: SEMANTICS calls more a jump.
const CLOCK_MILLIS_MAX: i64 = 30_000;
/// Stuck notifications that are named.
const NAMED_MAX: usize = 5;

/// Check the books, the consent ledger, clock, disk and limits
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {}

/// What one check found.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Finding {
    check: &'static str,
    state: State,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// How one check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Ok,
    /// Good enough for now.
    Advice,
    NotChecked,
    Wrong,
}

impl Finding {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, state: State::Ok, detail: detail.into(), next: None }
    }

    fn wrong(check: &'static str, detail: impl Into<String>, next: &str) -> Self {
        Self { check, state: State::Wrong, detail: detail.into(), next: Some(next.to_owned()) }
    }

    fn advice(check: &'static str, detail: impl Into<String>, next: &str) -> Self {
        Self { check, state: State::Advice, detail: detail.into(), next: Some(next.to_owned()) }
    }

    fn not_checked(check: &'static str, detail: impl Into<String>, next: &str) -> Self {
        Self { check, state: State::NotChecked, detail: detail.into(), next: Some(next.to_owned()) }
    }

    fn line(&self) -> String {
        let state = match self.state {
            State::Ok => "ok",
            State::Advice => "low",
            State::NotChecked => "?",
            State::Wrong => "WRONG",
        };
        let next = self.next.as_deref().map(|next| format!("\n       next: {next}")).unwrap_or_default();
        format!("{state:<5}  {}: {}{next}", self.check, self.detail)
    }
}

pub(crate) async fn run(context: &Context, _: &Doctor) -> Result<(), CommandError> {
    let mut findings = match asked(context).await {
        Ok(findings) => findings,
        // No relay answers: the folder itself says more than one could.
        Err(CommandError::Unreachable { .. } | CommandError::NoRelay { .. })
            if !context.names_relay() && stored::is_there(&context.data) =>
        {
            stored::findings(&context.data).await?
        }
        Err(error) => return Err(error),
    };
    findings.extend(host::findings(&context.data));
    tell(context.output, &findings)
}

/// What a relay that runs says.
async fn asked(context: &Context) -> Result<Vec<Finding>, CommandError> {
    let calls = context.calls()?;
    let mut findings = vec![ready(&calls).await?];
    let books: AccountingResponse = calls.get(&["v1", "accounting"], &[]).await?.read()?;
    findings.extend(about_books(&books));
    findings.extend(hooks::findings(&calls).await?);
    findings.push(clock(books.as_of.as_millis(), wall_millis()));
    if !context.names_relay() && stored::is_there(&context.data) {
        findings.extend(stored::ledger_beside(&context.data).await);
    } else {
        let next = "run `tidings doctor --data DIR` where the relay's data folder is";
        findings.push(Finding::not_checked("ledger", "the relay's data folder is not here", next));
    }
    Ok(findings)
}

async fn ready(calls: &Calls) -> Result<Finding, CommandError> {
    match calls.get(&["readyz"], &[]).await {
        Ok(_) => Ok(Finding::ok("relay", "it takes work")),
        Err(CommandError::Refused { problem }) => {
            Ok(Finding::wrong("relay", problem.detail.clone(), "look into its log"))
        }
        Err(error) => Err(error),
    }
}

fn about_books(books: &AccountingResponse) -> Vec<Finding> {
    let term = |ledger: &tidings_protocol::http::LedgerBody, word: &str| {
        ledger.terms.get(word).copied().unwrap_or_default()
    };
    let counts = format!(
        "{} events, {} notifications, {} deliveries",
        term(&books.events, "accepted"),
        term(&books.notifications, "made"),
        term(&books.deliveries, "made"),
    );
    let books_found = match books.residue {
        0 => Finding::ok("books", format!("{counts}; nothing is left over")),
        residue => Finding::wrong(
            "books",
            format!("{counts}; {residue} left over"),
            "keep a copy of the data folder and report it: rows and counters do not agree",
        ),
    };
    vec![books_found, movers(&books.stuck.iter().map(ToString::to_string).collect::<Vec<_>>())]
}

fn movers(stuck: &[String]) -> Finding {
    if stuck.is_empty() {
        return Finding::ok("pending", "everything that waits has something that moves it");
    }
    let named = stuck.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    let detail = format!("{} notifications wait and nothing moves them: {named}", stuck.len());
    Finding::wrong("pending", detail, "read one with `tidings story ID`")
}

fn clock(theirs: i64, ours: i64) -> Finding {
    let apart = theirs.saturating_sub(ours);
    if apart.abs() <= CLOCK_MILLIS_MAX {
        return Finding::ok("clock", format!("the relay's and this machine's are {} ms apart", apart.abs()));
    }
    let word = if apart > 0 { "ahead of" } else { "behind" };
    let detail = format!("the relay's is {} s {word} this machine's", apart.abs() / 1_000);
    Finding::wrong("clock", detail, "set both by NTP: holds and quiet hours follow the relay's")
}

fn wall_millis() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

fn tell(output: Output, findings: &[Finding]) -> Result<(), CommandError> {
    let wrong = findings.iter().filter(|finding| finding.state == State::Wrong).count();
    output.answer(&json!({"ok": wrong == 0, "findings": findings}), || {
        findings.iter().map(Finding::line).collect::<Vec<_>>().join("\n")
    })?;
    match wrong {
        0 => Ok(()),
        1 => Err(CommandError::Found { detail: "1 check found something wrong".into() }),
        wrong => Err(CommandError::Found { detail: format!("{wrong} checks found something wrong") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_residue_and_a_stuck_notification_are_wrong() {
        let books: AccountingResponse = serde_json::from_value(json!({
            "events": {"accepted": 2, "done": 2}, "notifications": {"made": 2}, "deliveries": {"made": 2},
            "residue": 1, "stuck": ["n1"], "as_of": "2026-11-22T09:00:00.000Z"
        }))
        .unwrap();
        let findings = about_books(&books);
        assert!(findings.iter().all(|finding| finding.state == State::Wrong), "{findings:?}");
        assert!(findings[0].line().contains("2 events, 2 notifications, 2 deliveries; 1 left over"));
        assert!(findings[1].line().contains("n1"));
    }

    #[test]
    fn thirty_seconds_are_one_time_and_more_are_not() {
        assert_eq!(clock(30_000, 0).state, State::Ok);
        assert_eq!(clock(0, 30_000).state, State::Ok);
        assert_eq!(clock(30_001, 0).state, State::Wrong);
        assert!(clock(0, 60_000).detail.contains("60 s behind"));
    }
}
