//! The trial of a rule's variants: who gets which, what is counted of them, and the win that ends it.

use std::collections::BTreeSet;

use tidings_protocol::{NotificationId, ProjectId, RuleId};

use crate::configuration::{Rule, Winner, WinnerMeasure};
use crate::model::{Counted, PersonKey, TallyKey, Win};
use crate::plan::{Chosen, Why};
use crate::selection;
use crate::trial::{self, Judgement, Standing, Tally};
use crate::work::Work;

/// The variant that a recipient gets: the one that a notification has already, if the rule still has it; else the one that
/// won; else one that is drawn.
pub(super) fn choose(
    work: &Work<'_>,
    rule: &Rule,
    person: &PersonKey,
    given: Option<&str>,
) -> Option<Chosen> {
    let has = |name: &str| rule.variants.iter().any(|variant| variant.name == name);
    if let Some(name) = given.filter(|name| has(name)) {
        return Some(Chosen { name: name.into(), why: Why::Kept });
    }
    if let Some(win) = standing_win(work, &person.project, rule).filter(|win| has(&win.variant)) {
        return Some(Chosen { name: win.variant.clone(), why: Why::Won(win.text.clone()) });
    }
    let weights: Vec<(&str, u32)> =
        rule.variants.iter().map(|variant| (variant.name.as_str(), variant.weight)).collect();
    let drawn = selection::variant(&rule.id, &person.recipient, &weights)?;
    Some(Chosen { name: drawn.into(), why: Why::Drawn { of: rule.variants.len() } })
}

/// The win that holds: of the variants as they are configured, by what they are compared by.
fn standing_win<'w>(work: &'w Work<'_>, project: &ProjectId, rule: &Rule) -> Option<&'w Win> {
    let winner = rule.winner.as_ref()?;
    let live = work.live_if_read(project)?;
    let trial = live.configuration.trials.get(&rule.id)?;
    work.win(project, &rule.id, trial, winner.by)
}

/// The provider took it on a channel whose recipients tell of no showing.
pub(super) fn taken(work: &mut Work<'_>, id: &NotificationId) {
    let now = work.now();
    let row = work.notification_mut(id);
    if row.trial.is_some() {
        row.flags.taken_at.get_or_insert(now);
    }
}

/// Counts what this transaction's decisions made countable, each notification once, and sees whether a variant won by it.
/// It is asked when all of them are made.
pub(crate) fn settle(work: &mut Work<'_>) {
    let mut moved: BTreeSet<(ProjectId, RuleId, Box<str>)> = BTreeSet::new();
    for id in work.in_trials() {
        let row = work.notification(&id).expect("the copy named it");
        let now = Counted::of(row);
        let more = now.beside(row.counted);
        let (Some(trial), Some(variant), Some(rule)) =
            (row.trial.clone(), row.variant.clone(), row.cause.rule.clone())
        else {
            continue;
        };
        if more == Tally::default() {
            continue;
        }
        let project = row.person.project.clone();
        moved.insert((project.clone(), rule.clone(), trial.clone()));
        let row = work.notification_mut(&id);
        row.counted = row.counted.and(now);
        work.count(TallyKey { project, rule, trial, variant }, more);
    }
    for (project, rule, trial) in moved {
        if let Some(win) = win_of(work, &project, &rule, &trial) {
            work.add_win(win);
        }
    }
}

/// The win that the counts make, if the trial goes on under the live configuration.
fn win_of(work: &Work<'_>, project: &ProjectId, rule: &RuleId, trial: &str) -> Option<Win> {
    let live = work.live_if_read(project)?;
    let configuration = &live.configuration;
    let rule = configuration.rules.get(rule)?;
    let winner = rule.winner.as_ref()?;
    let goes_on = configuration.trials.get(&rule.id).is_some_and(|current| **current == *trial);
    if !goes_on || work.win(project, &rule.id, trial, winner.by).is_some() {
        return None;
    }
    let of = |variant: &str| TallyKey {
        project: project.clone(),
        rule: rule.id.clone(),
        trial: trial.into(),
        variant: variant.into(),
    };
    let tallies: Option<Vec<(&str, Tally)>> =
        rule.variants.iter().map(|one| Some((one.name.as_str(), work.tally(&of(&one.name))?))).collect();
    let tallies = tallies?;
    let judged = trial::judge(&tallies, winner).filter(|judged| judged.standing == Standing::Won)?;
    Some(Win {
        project: project.clone(),
        rule: rule.id.clone(),
        trial: trial.into(),
        by: winner.by,
        variant: judged.best.into(),
        at: work.now(),
        configuration: configuration.version,
        text: in_words(&tallies, &judged, winner).into(),
    })
}

/// The counts that decided: `16.8 % of 500 converted, beside 10.0 % of 500 of plain (z 3.16, needed 3.04)`.
fn in_words(tallies: &[(&str, Tally)], judged: &Judgement<'_>, winner: &Winner) -> String {
    let share = |name: &str| {
        let tally =
            tallies.iter().find(|(known, _)| *known == name).map(|(_, tally)| *tally).unwrap_or_default();
        let per_mille =
            tally.successes(winner.by).saturating_mul(1_000).checked_div(tally.displayed).unwrap_or(0);
        format!("{}.{} % of {}", per_mille / 10, per_mille % 10, tally.displayed)
    };
    let done = match winner.by {
        WinnerMeasure::Conversion => "converted",
        WinnerMeasure::Click => "clicked",
        WinnerMeasure::Read => "read",
    };
    let others: Vec<String> = judged
        .comparisons
        .iter()
        .map(|one| {
            format!("{} of {} (z {:.2}, needed {:.2})", share(one.other), one.other, one.z, one.needed)
        })
        .collect();
    format!("{} {done}, beside {}", share(judged.best), others.join(" and "))
}
