//! `tidings plan`: who would hear more, less or later under another document.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use tidings_protocol::Span;

use crate::context::Context;
use crate::document;
use crate::error::CommandError;

/// Recipients that are shown by name; the rest is counted.
const RECIPIENTS_SHOWN: usize = 10;

/// Replay the relay's own last events through a document and through what is live; nothing is written
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// The document (YAML or JSON); - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How far back
    #[arg(long, value_name = "SPAN", default_value = "7d")]
    since: Span,
    /// Exit with 3 if so much more would be heard, like 10%
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    max_more: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Report {
    events: u64,
    recipients: u64,
    total: Change,
    rules: BTreeMap<String, Change>,
    categories: BTreeMap<String, Change>,
    recipients_changed: BTreeMap<String, Change>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Change {
    before: u64,
    after: u64,
    more: u64,
    less: u64,
    later: u64,
    sooner: u64,
}

pub(crate) async fn run(context: &Context, plan: &Plan) -> Result<(), CommandError> {
    let bundle = document::read(&plan.file)?;
    document::checked(&bundle)?;
    let since = plan.since.to_string();
    let answer = context
        .calls()?
        .post_with(&["v1", "configuration", "plan"], &[("since", since.as_str())], &bundle)
        .await?;
    let report: Report = answer.read()?;
    context.output.answer(&answer.value, || table(&report, &since))?;
    match plan.max_more {
        Some(limit) if share_of_more(report.total) > limit => Err(CommandError::OverLimit {
            detail: format!(
                "{} instead of {} would be heard, more than {limit} % more",
                report.total.after, report.total.before
            ),
        }),
        Some(_) | None => Ok(()),
    }
}

/// How much more would be heard, in percent of what is heard today.
#[expect(clippy::cast_precision_loss, reason = "counts of notifications stay far below 2^52")]
fn share_of_more(total: Change) -> f64 {
    match (total.before, total.after) {
        (before, after) if after <= before => 0.0,
        (0, _) => f64::INFINITY,
        (before, after) => (after - before) as f64 * 100.0 / before as f64,
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    match number.parse::<f64>() {
        Ok(percent) if percent.is_finite() && percent >= 0.0 => Ok(percent),
        Ok(_) | Err(_) => Err("write a share like 10%".to_owned()),
    }
}

fn table(report: &Report, since: &str) -> String {
    let mut text = format!(
        "{} events of the last {since}, {} recipients\n\n{:<32}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}\n",
        report.events, report.recipients, "", "before", "after", "more", "less", "later", "sooner"
    );
    let mut row = |name: &str, change: Change| {
        let Change { before, after, more, less, later, sooner } = change;
        text.push_str(&format!("{name:<32}{before:>8}{after:>8}{more:>8}{less:>8}{later:>8}{sooner:>8}\n"));
    };
    row("all", report.total);
    for (rule, change) in &report.rules {
        row(&format!("rule {rule}"), *change);
    }
    for (category, change) in &report.categories {
        row(&format!("category {category}"), *change);
    }
    for (recipient, change) in report.recipients_changed.iter().take(RECIPIENTS_SHOWN) {
        row(recipient, *change);
    }
    let rest = report.recipients_changed.len().saturating_sub(RECIPIENTS_SHOWN);
    if rest > 0 {
        text.push_str(&format!("and {rest} more recipients; --json lists them"));
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: u64, after: u64) -> Change {
        Change { before, after, more: 0, less: 0, later: 0, sooner: 0 }
    }

    #[test]
    fn more_is_a_share_of_what_is_heard_today() {
        assert!((share_of_more(change(10, 12)) - 20.0).abs() < 1e-9);
        assert!(share_of_more(change(10, 9)).abs() < 1e-9);
        assert!(share_of_more(change(0, 1)).is_infinite());
        assert!(share_of_more(change(0, 0)).abs() < 1e-9);
    }

    #[test]
    fn a_limit_is_a_share() {
        assert_eq!(percent("10%"), Ok(10.0));
        assert_eq!(percent("0.5"), Ok(0.5));
        assert!(percent("ten").is_err() && percent("-1%").is_err());
    }
}
