//! What came out: figures with their measures, each beside its limit and its goals.

pub(crate) mod plot;
pub(crate) mod table;

use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use crate::spread::Spread;

/// A goal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    pub(crate) fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }

    pub(crate) fn value(self) -> f64 {
        let (Self::AtLeast(value) | Self::AtMost(value)) = self;
        value
    }
}

/// One number of a figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measure {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) value: Spread,
    pub(crate) must: Option<Bound>,
    pub(crate) moonshot: Option<Bound>,
    /// The limit that was found in the same run.
    pub(crate) probe: Option<(String, Spread)>,
    /// Whether its ratio to the probe is held against the recorded one.
    pub(crate) guarded: bool,
}

impl Measure {
    pub(crate) fn new(name: &str, unit: &str, value: Spread) -> Self {
        let (name, unit) = (name.to_owned(), unit.to_owned());
        Self { name, unit, value, must: None, moonshot: None, probe: None, guarded: false }
    }

    pub(crate) fn must(self, bound: Bound) -> Self {
        Self { must: Some(bound), ..self }
    }

    pub(crate) fn moonshot(self, bound: Bound) -> Self {
        Self { moonshot: Some(bound), ..self }
    }

    pub(crate) fn probe(self, name: &str, value: Spread) -> Self {
        Self { probe: Some((name.to_owned(), value)), ..self }
    }

    pub(crate) fn guarded(self) -> Self {
        Self { guarded: true, ..self }
    }

    /// The value as a share of its probe.
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.probe.as_ref().map(|(_, probe)| self.value.median / probe.median)
    }
}

/// One figure of the table in PERFORMANCE, or of the growth of cost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) number: String,
    pub(crate) name: String,
    pub(crate) measures: Vec<Measure>,
    pub(crate) ledger: Ledger,
    pub(crate) notes: Vec<String>,
}

impl Figure {
    pub(crate) fn new(number: &str, name: &str, ledger: Ledger) -> Self {
        let (number, name) = (number.to_owned(), name.to_owned());
        Self { number, name, measures: Vec::new(), ledger, notes: Vec::new() }
    }

    pub(crate) fn add(&mut self, measure: Measure) {
        self.measures.push(measure);
    }

    pub(crate) fn note(&mut self, text: String) {
        self.notes.push(text);
    }
}

/// A whole run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) machine: Vec<(String, String)>,
    pub(crate) figures: Vec<Figure>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_from_its_own_side() {
        assert!(Bound::AtLeast(10.0).holds(10.0) && !Bound::AtLeast(10.0).holds(9.9));
        assert!(Bound::AtMost(10.0).holds(10.0) && !Bound::AtMost(10.0).holds(10.1));
    }

    #[test]
    fn a_ratio_is_that_of_the_medians() {
        let measure = Measure::new("x", "/s", Spread::once(30.0));
        assert_eq!(measure.ratio(), None);
        assert_eq!(measure.probe("p", Spread::of(&[50.0, 60.0, 90.0])).ratio(), Some(0.5));
    }
}
