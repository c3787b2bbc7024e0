//! The figures as a table of Markdown, which a terminal shows as well.

use super::{Bound, Figure, Measure, Report};
use crate::spread::Spread;

const HEAD: &str = "| # | figure | measure | median (min–max) | limit P in the same run | ratio | must reach | moonshot |\n\
    |---|---|---|---|---|---|---|---|\n";

/// The whole report.
pub(crate) fn report(report: &Report) -> String {
    let mut text = String::new();
    for (name, value) in &report.machine {
        text.push_str(&format!("- {name}: {value}\n"));
    }
    text.push('\n');
    text.push_str(HEAD);
    report.figures.iter().for_each(|one| text.push_str(&rows(one)));
    text.push('\n');
    for one in &report.figures {
        text.push_str(&ledger(one));
    }
    text
}

fn rows(figure: &Figure) -> String {
    let row = |(place, measure): (usize, &Measure)| {
        let (number, name) = if place == 0 { (&*figure.number, &*figure.name) } else { ("", "") };
        let probe = measure.probe.as_ref();
        format!(
            "| {number} | {name} | {} | {} | {} | {} | {} | {} |\n",
            measure.name,
            spread(measure.value, &measure.unit),
            probe.map_or(String::new(), |(name, value)| format!("{name}: {}", spread(*value, &measure.unit))),
            measure.ratio().map_or(String::new(), |ratio| format!("{ratio:.3}")),
            goal(measure, measure.must),
            goal(measure, measure.moonshot),
        )
    };
    figure.measures.iter().enumerate().map(row).collect()
}

fn ledger(figure: &Figure) -> String {
    let ledger = &figure.ledger;
    let mut text = format!(
        "- {}: attempted {}, accepted {}, rejected {}, unanswered {}, delivered {}, duplicated {}, lost {}",
        figure.number,
        ledger.attempted,
        ledger.accepted,
        ledger.rejected,
        ledger.unanswered,
        ledger.delivered,
        ledger.duplicated,
        ledger.lost
    );
    for note in &figure.notes {
        text.push_str(". ");
        text.push_str(note);
    }
    text.push('\n');
    text
}

fn goal(measure: &Measure, bound: Option<Bound>) -> String {
    let Some(bound) = bound else { return String::new() };
    let met = if bound.holds(measure.value.median) { "yes" } else { "no" };
    let sign = if matches!(bound, Bound::AtLeast(_)) { "≥" } else { "≤" };
    format!("{sign} {}: **{met}**", number(bound.value(), &measure.unit))
}

fn spread(spread: Spread, unit: &str) -> String {
    let median = number(spread.median, unit);
    if spread.min == spread.max {
        return median;
    }
    format!("{median} ({}–{})", number(spread.min, unit), number(spread.max, unit))
}

/// A number with three figures that count, and its unit.
pub(crate) fn number(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        v if v >= 100.0 || v == 0.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_once('.').map_or((&*text, None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let rest = rest.map_or(String::new(), |rest| format!(".{rest}"));
    format!("{grouped}{rest} {unit}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_short() {
        assert_eq!(number(1_234_567.0, "/s"), "1,234,567 /s");
        assert_eq!(number(12.345, "ms"), "12.3 ms");
        assert_eq!(number(0.0123, "s"), "0.012 s");
        assert_eq!(number(999.6, ""), "1,000");
    }

    #[test]
    fn a_goal_that_is_missed_says_no() {
        let measure = Measure::new("x", "/s", Spread::once(9.0)).must(Bound::AtLeast(10.0));
        assert_eq!(goal(&measure, measure.must), "≥ 10.0 /s: **no**");
    }
}
