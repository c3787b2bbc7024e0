//! Who gets a rule at all, who is left out to compare, and who gets which wording.
//!
//! Each answer is a place between nothing and the whole that a hash gives to (rule, recipient) for ever. The three
//! hashes differ by a label, so that the answers do not depend on each other. A share takes the places from the bottom,
//! so a share that grows only adds people.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use tidings_protocol::{RecipientId, RuleId};

/// What keeps the three hashes apart. A changed label would choose everybody anew.
const COHORT: &str = "tidings/cohort/1";
const HOLDOUT: &str = "tidings/holdout/1";
const VARIANT: &str = "tidings/variant/1";

/// A share from 0 to 100 percent, in ten-thousandths of a percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u32);

/// A text or number is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number from 0 to 100 with at most four decimals, like 5 or 0.5")]
pub struct PercentError;

impl Percent {
    /// Nobody.
    pub const NONE: Self = Self(0);
    /// Everybody.
    pub const ALL: Self = Self(Self::WHOLE);

    const WHOLE: u32 = 1_000_000;
    const DECIMALS: usize = 4;

    /// Ten-thousandths of a percent, 0 to 1,000,000.
    #[must_use]
    pub const fn as_millionths(self) -> u32 {
        self.0
    }
}

/// Whether the rule is for this recipient at all.
#[must_use]
pub fn in_cohort(rule: &RuleId, recipient: &RecipientId, percent: Percent) -> bool {
    is_below(COHORT, rule, recipient, percent)
}

/// Whether this recipient is left out of the rule, to compare with those who are not.
#[must_use]
pub fn held_out(rule: &RuleId, recipient: &RecipientId, percent: Percent) -> bool {
    is_below(HOLDOUT, rule, recipient, percent)
}

/// The wording that this recipient gets, each name as often as its weight among all; none if nothing has weight. The
/// order of `weights` counts: keep it.
#[must_use]
pub fn variant<'a, N: AsRef<str>>(
    rule: &RuleId,
    recipient: &RecipientId,
    weights: &'a [(N, u32)],
) -> Option<&'a str> {
    let total: u64 = weights.iter().map(|(_, weight)| u64::from(*weight)).sum();
    let mut place = scaled(VARIANT, rule, recipient, total);
    weights.iter().find_map(|(name, weight)| {
        let chosen = place < u64::from(*weight);
        place = place.saturating_sub(u64::from(*weight));
        chosen.then(|| name.as_ref())
    })
}

fn is_below(label: &str, rule: &RuleId, recipient: &RecipientId, percent: Percent) -> bool {
    scaled(label, rule, recipient, u64::from(Percent::WHOLE)) < u64::from(percent.0)
}

/// The recipient's place among `parts`, 0 for the first; 0 too where there are none.
fn scaled(label: &str, rule: &RuleId, recipient: &RecipientId, parts: u64) -> u64 {
    let mut hash = Sha256::new();
    for text in [label, rule.as_str(), recipient.as_str()] {
        // Ids have no control characters, so the end of one cannot be taken for the beginning of the next.
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let first = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    u64::try_from((u128::from(first) * u128::from(parts)) >> 64).expect("a part of a u64 is a u64")
}

impl FromStr for Percent {
    type Err = PercentError;

    fn from_str(text: &str) -> Result<Self, PercentError> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > Self::DECIMALS {
            return Err(PercentError);
        }
        let decimals: u32 =
            format!("{decimals:0<width$}", width = Self::DECIMALS).parse().map_err(|_| PercentError)?;
        let whole: u32 = whole.parse().map_err(|_| PercentError)?;
        let share =
            whole.checked_mul(10_000).and_then(|share| share.checked_add(decimals)).ok_or(PercentError)?;
        if share <= Self::WHOLE { Ok(Self(share)) } else { Err(PercentError) }
    }
}

impl TryFrom<f64> for Percent {
    type Error = PercentError;

    /// Takes a number as a document writes it.
    fn try_from(number: f64) -> Result<Self, PercentError> {
        // A float prints as the shortest decimal that reads back to it, so what was written decides, not its binary
        // neighbour.
        number.to_string().parse()
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:04}", self.0 % 10_000);
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{}", self.0 / 10_000),
            decimals => write!(f, "{}.{decimals}", self.0 / 10_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn rule(name: &str) -> RuleId {
        RuleId::new(name).unwrap()
    }

    fn people() -> impl Iterator<Item = RecipientId> {
        (0..100_000).map(|number| RecipientId::new(format!("customer-{number}")).unwrap())
    }

    fn count(chosen: impl Fn(&RecipientId) -> bool) -> usize {
        people().filter(|recipient| chosen(recipient)).count()
    }

    #[rstest]
    #[case("0", 0)]
    #[case("0.5", 5_000)]
    #[case("5", 50_000)]
    #[case("99.9999", 999_999)]
    #[case("100", 1_000_000)]
    fn a_percentage_reads_what_it_prints(#[case] text: &str, #[case] millionths: u32) {
        let percent: Percent = text.parse().unwrap();
        assert_eq!((percent.as_millionths(), percent.to_string().as_str()), (millionths, text));
        assert_eq!(Percent::try_from(text.parse::<f64>().unwrap()), Ok(percent));
    }

    #[rstest]
    #[case("")]
    #[case("-1")]
    #[case("100.0001")]
    #[case("101")]
    #[case("0.00001")]
    #[case("5%")]
    #[case(".5")]
    #[case("5.")]
    #[case("99999999999999")]
    fn what_is_no_share_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<Percent>(), Err(PercentError));
    }

    #[test]
    fn a_number_that_is_no_share_is_refused() {
        for number in [f64::NAN, f64::INFINITY, -0.5, 100.5, 1e300, 1e-9] {
            assert_eq!(Percent::try_from(number), Err(PercentError), "{number}");
        }
    }

    #[rstest]
    #[case("0", 0..=0)]
    #[case("0.5", 400..=600)]
    #[case("10", 9_600..=10_400)]
    #[case("50", 49_200..=50_800)]
    #[case("100", 100_000..=100_000)]
    fn a_share_is_as_large_as_it_says(
        #[case] percent: &str,
        #[case] expected: std::ops::RangeInclusive<usize>,
    ) {
        let (rule, percent) = (rule("promotion"), percent.parse().unwrap());
        for found in [count(|who| in_cohort(&rule, who, percent)), count(|who| held_out(&rule, who, percent))]
        {
            assert!(expected.contains(&found), "{found}");
        }
    }

    #[test]
    fn the_three_choices_do_not_depend_on_each_other_nor_on_another_rule() {
        let (rule, other) = (rule("promotion"), rule("cart_reminder"));
        let half: Percent = "50".parse().unwrap();
        let weights = [("plain", 1), ("short", 1)];
        let pairs = [
            count(|who| in_cohort(&rule, who, half) && held_out(&rule, who, half)),
            count(|who| in_cohort(&rule, who, half) && variant(&rule, who, &weights) == Some("plain")),
            count(|who| held_out(&rule, who, half) && variant(&rule, who, &weights) == Some("plain")),
            count(|who| in_cohort(&rule, who, half) && in_cohort(&other, who, half)),
        ];
        for found in pairs {
            assert!((24_300..=25_700).contains(&found), "{found}");
        }
    }

    #[test]
    fn a_wording_is_as_frequent_as_its_weight() {
        let weights = [("plain", 1), ("never", 0), ("short", 3)];
        let rule = rule("promotion");
        let plain = count(|who| variant(&rule, who, &weights) == Some("plain"));
        let short = count(|who| variant(&rule, who, &weights) == Some("short"));
        assert!((24_300..=25_700).contains(&plain), "{plain}");
        assert_eq!(plain + short, 100_000);
        let nobody = RecipientId::new("alice").unwrap();
        assert_eq!(variant::<&str>(&rule, &nobody, &[]), None);
        assert_eq!(variant(&rule, &nobody, &[("plain", 0)]), None);
    }

    #[test]
    fn a_choice_is_the_same_for_ever() {
        let alice = RecipientId::new("alice").unwrap();
        let places =
            [COHORT, HOLDOUT, VARIANT].map(|label| scaled(label, &rule("promotion"), &alice, 1_000_000));
        // SHA-256 of label, NUL, `promotion`, NUL, `alice`, NUL: the first 64 bits as a share of a million.
        assert_eq!(places, PLACES);
    }

    const PLACES: [u64; 3] = [646_669, 461_477, 836_035];

    proptest! {
        #[test]
        fn a_share_that_grows_only_adds_people(
            id in "[a-z0-9]{1,20}", small in 0_u32..=1_000_000, large in 0_u32..=1_000_000,
        ) {
            let (rule, who) = (rule("promotion"), RecipientId::new(id).unwrap());
            let (small, large) = (Percent(small.min(large)), Percent(small.max(large)));
            prop_assert!(!in_cohort(&rule, &who, small) || in_cohort(&rule, &who, large));
            prop_assert!(!held_out(&rule, &who, small) || held_out(&rule, &who, large));
            prop_assert!(in_cohort(&rule, &who, Percent::ALL) && !held_out(&rule, &who, Percent::NONE));
        }
    }
}
