//! Durations as people write them: `90s`, `5m`, `24h`, `30d`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time in whole milliseconds, written as a whole number and one of `ms s m h d w`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

/// The text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration: write a whole number and a unit, like 90s, 5m, 24h or 30d")]
pub struct SpanError(String);

const UNITS: [(&str, i64); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From milliseconds; a negative number counts as none.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(if millis < 0 { 0 } else { millis })
    }

    /// From whole days.
    #[must_use]
    pub const fn from_days(days: u32) -> Self {
        Self(days as i64 * 86_400_000)
    }

    /// Milliseconds, never negative.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || SpanError(text.chars().take(64).collect());
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let number: i64 = number.parse().map_err(|_| refuse())?;
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refuse)?;
        number.checked_mul(*millis).map(Self).ok_or_else(refuse)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Weeks are read but never printed: people compare days.
        let unit = UNITS[..5].iter().rev().find(|(_, millis)| self.0 % millis == 0 && self.0 != 0);
        match unit {
            Some((name, millis)) => write!(f, "{}{name}", self.0 / millis),
            None => write!(f, "0s"),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_reads_what_it_prints() {
        for text in ["90s", "5m", "24h", "30d", "250ms"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }
        assert_eq!("90s".parse::<Span>().unwrap().as_millis(), 90_000);
    }

    #[test]
    fn a_span_without_a_unit_or_too_long_is_refused() {
        for text in ["", "5", "m", "-5m", "5 m", "1.5h", "99999999999999999d"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
