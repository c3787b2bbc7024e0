//! Holds a short run against the recorded one: a change that makes the relay slower fails, a noisy minute does not.
//!
//! What is compared is the ratio of a measure to its probe, which ran in the same seconds on the same cores. The record
//! has the least and the most of several short runs; a ratio fails when it is worse than the worst of them by more than
//! they differ among each other, and again each time that its figure is run anew: whoever is slower is so every time.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::report::{Bound, Measure, Report};
use crate::spread::Spread;

/// Runs of a record differ at least so much, as a share: a few runs may agree by chance, and a machine that does other work
/// beside differs by as much from itself. What is found for certain is what costs half as much again, or more.
const WIDTH_MIN: f64 = 0.5;

/// The ratio of each guarded measure, by figure and name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record(BTreeMap<String, Recorded>);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Recorded {
    ratio: Spread,
    more_is_better: bool,
}

impl Record {
    /// The record of several runs.
    pub(crate) fn of(runs: &[Report]) -> Self {
        let mut ratios: BTreeMap<String, (Vec<f64>, bool)> = BTreeMap::new();
        for (name, measure) in runs.iter().flat_map(guarded) {
            let Some(ratio) = measure.ratio() else { continue };
            let entry = ratios.entry(name).or_insert_with(|| (Vec::new(), more_is_better(measure)));
            entry.0.push(ratio);
        }
        let recorded = |(ratios, more_is_better): (Vec<f64>, bool)| Recorded {
            ratio: Spread::of(&ratios),
            more_is_better,
        };
        Self(ratios.into_iter().map(|(name, ratios)| (name, recorded(ratios))).collect())
    }

    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(file).with_context(|| format!("{} is not there", file.display()))?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        Ok(std::fs::write(file, serde_json::to_string_pretty(self)? + "\n")?)
    }

    /// Holds a run against the record, measure by measure.
    ///
    /// # Errors
    /// If a recorded measure is missing.
    pub(crate) fn judge(&self, run: &Report) -> anyhow::Result<Vec<Judged>> {
        let found: BTreeMap<String, &Measure> = guarded(run).collect();
        let judged = self.0.iter().map(|(name, recorded)| {
            let ratio = found.get(name).and_then(|measure| measure.ratio());
            let ratio = ratio.with_context(|| format!("{name} is recorded, and was not measured"))?;
            let (median, allowed) = (recorded.ratio.median, recorded.allowed());
            let line = format!("{name}: {ratio:.3}, recorded {median:.3}, allowed {allowed:.3}");
            let figure = name.split(' ').next().unwrap_or_default().to_owned();
            Ok(Judged { figure, line, holds: recorded.bound(allowed).holds(ratio) })
        });
        judged.collect()
    }
}

/// What became of one recorded measure.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    /// The figure that it belongs to.
    pub(crate) figure: String,
    /// The ratio beside what is recorded and allowed.
    pub(crate) line: String,
    pub(crate) holds: bool,
}

impl Recorded {
    fn allowed(&self) -> f64 {
        let width = self.ratio.width().max(WIDTH_MIN);
        if self.more_is_better { self.ratio.min / (1.0 + width) } else { self.ratio.max * (1.0 + width) }
    }

    fn bound(&self, allowed: f64) -> Bound {
        if self.more_is_better { Bound::AtLeast(allowed) } else { Bound::AtMost(allowed) }
    }
}

fn guarded(report: &Report) -> impl Iterator<Item = (String, &Measure)> {
    report.figures.iter().flat_map(|figure| {
        let guarded = figure.measures.iter().filter(|measure| measure.guarded);
        guarded.map(|measure| (format!("{} {}", figure.number, measure.name), measure))
    })
}

/// Rates have a unit by the second; times have not.
fn more_is_better(measure: &Measure) -> bool {
    measure.unit == "/s"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;
    use crate::report::Figure;

    fn run(unit: &str, value: f64) -> Report {
        let mut figure = Figure::new("3", "publish", Ledger::default());
        figure.add(Measure::new("x", unit, Spread::once(value)).probe("p", Spread::once(100.0)).guarded());
        Report { machine: Vec::new(), figures: vec![figure] }
    }

    fn holds(record: &Record, run: &Report) -> bool {
        record.judge(run).unwrap().iter().all(|judged| judged.holds)
    }

    #[test]
    fn a_rate_may_fall_by_the_spread_of_the_record_and_no_more() {
        let record = Record::of(&[run("/s", 50.0), run("/s", 55.0), run("/s", 60.0)]);
        assert!(holds(&record, &run("/s", 34.0)));
        assert!(!holds(&record, &run("/s", 33.0)));
        assert!(holds(&record, &run("/s", 500.0)));
    }

    #[test]
    fn a_time_may_rise_by_the_spread_of_the_record_and_no_more() {
        let record = Record::of(&[run("ms", 200.0), run("ms", 300.0)]);
        assert!(holds(&record, &run("ms", 445.0)));
        assert!(!holds(&record, &run("ms", 455.0)));
    }

    #[test]
    fn a_measure_that_is_gone_is_not_taken_for_a_good_one() {
        let record = Record::of(&[run("/s", 50.0)]);
        assert!(record.judge(&Report { machine: Vec::new(), figures: Vec::new() }).is_err());
    }

    #[test]
    fn a_judged_measure_names_its_figure() {
        let record = Record::of(&[run("/s", 50.0)]);
        assert_eq!(record.judge(&run("/s", 50.0)).unwrap()[0].figure, "3");
    }
}
