//! A figure that was measured several times: its median between its least and its most.

use serde::{Deserialize, Serialize};

/// Median, least and most of some measurements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// The spread of measurements; a single one is its own median.
    ///
    /// # Panics
    /// If there are none.
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (sorted[0], sorted[sorted.len() - 1]);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Self { median, min, max }
    }

    /// A figure that was measured once.
    pub(crate) const fn once(value: f64) -> Self {
        Self { median: value, min: value, max: value }
    }

    /// How far the measurements lie apart, as a share of the median.
    pub(crate) fn width(&self) -> f64 {
        if self.median == 0.0 { 0.0 } else { (self.max - self.min) / self.median }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(Spread::of(&[4.0, 1.0, 3.0, 2.0]), Spread { median: 2.5, min: 1.0, max: 4.0 });
        assert_eq!(Spread::of(&[7.0]), Spread::once(7.0));
    }

    #[test]
    fn the_width_is_a_share_of_the_median() {
        assert!((Spread::of(&[9.0, 10.0, 11.0]).width() - 0.2).abs() < 1e-9);
    }
}
