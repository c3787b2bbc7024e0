//! Which of a rule's variants is the better one, and whether that is sure enough to give it to everybody.
//!
//! The shares of success are compared by the z test of two proportions with a pooled share: the best one with each other,
//! which share what may go wrong among them (Bonferroni). The counts are looked at after each receipt, not once at an end
//! that was planned, and equal variants pass the limit of a single look (1.96 for 0.95) sooner or later. So z has to pass
//! the limit of a test that may be looked at at any time: the mixture sequential probability ratio test (Robbins 1970;
//! Johari and others, "Peeking at A/B Tests", 2017). Equal variants then end in a win, ever, no more often than the
//! confidence says. It costs a difference about half as large again at the first look.
//!
//! A draw of variants is a hash of rule and recipient, so the groups do not depend on anything that is compared.

use crate::configuration::{Winner, WinnerMeasure};

/// For which difference the test is the sharpest, as the ratio of its variance to that of the difference measured after
/// `after` displays of both. The limit is lowest there for 0.95 (3.03), and hardly higher around it.
const SHARPEST: f64 = 8.0;

/// What is counted of one variant, each notification once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Notifications that were shown.
    pub displayed: u64,
    /// Those of them that were read.
    pub read: u64,
    /// Those of them that were clicked.
    pub clicked: u64,
    /// Those of them that were converted.
    pub converted: u64,
}

impl Tally {
    /// Those that are a success.
    #[must_use]
    pub const fn successes(self, by: WinnerMeasure) -> u64 {
        match by {
            WinnerMeasure::Conversion => self.converted,
            WinnerMeasure::Click => self.clicked,
            WinnerMeasure::Read => self.read,
        }
    }

    /// With those of another count.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self {
            displayed: self.displayed + more.displayed,
            read: self.read + more.read,
            clicked: self.clicked + more.clicked,
            converted: self.converted + more.converted,
        }
    }
}

/// Where the comparison stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A variant has not had its displays.
    TooFew,
    /// The best is not sure enough to be so.
    Open,
    /// It is.
    Won,
}

/// The best beside another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison<'v> {
    /// The other.
    pub other: &'v str,
    /// By how many standard errors the best is better.
    pub z: f64,
    /// How many it takes.
    pub needed: f64,
}

/// What the counts say.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement<'v> {
    /// Where the comparison stands.
    pub standing: Standing,
    /// The variant with the highest share; the first by name among equal ones.
    pub best: &'v str,
    /// The best beside each other variant, in their order.
    pub comparisons: Vec<Comparison<'v>>,
}

/// Judges the counts of all variants, in order of their names; none if there are fewer than two.
#[must_use]
pub fn judge<'v>(tallies: &[(&'v str, Tally)], winner: &Winner) -> Option<Judgement<'v>> {
    if tallies.len() < 2 {
        return None;
    }
    let (best, most) = best_of(tallies, winner.by)?;
    let others = tallies.iter().filter(|(name, _)| *name != best);
    #[expect(clippy::cast_precision_loss, reason = "a document has few variants")]
    let may_go_wrong = (1.0 - winner.confidence) / (tallies.len() - 1) as f64;
    let comparisons: Vec<Comparison<'v>> = others
        .map(|(other, tally)| Comparison {
            other,
            z: z_of(most, *tally, winner.by),
            needed: needed(most, *tally, winner.after, may_go_wrong),
        })
        .collect();
    let had_displays = tallies.iter().all(|(_, tally)| tally.displayed >= winner.after);
    let standing = match had_displays {
        false => Standing::TooFew,
        true if comparisons.iter().all(|comparison| comparison.z >= comparison.needed) => Standing::Won,
        true => Standing::Open,
    };
    Some(Judgement { standing, best, comparisons })
}

/// The variant with the highest share, compared without rounding.
fn best_of<'v>(tallies: &[(&'v str, Tally)], by: WinnerMeasure) -> Option<(&'v str, Tally)> {
    let better = |one: Tally, than: Tally| {
        let cross = |a: Tally, b: Tally| u128::from(a.successes(by)) * u128::from(b.displayed);
        cross(one, than) > cross(than, one)
    };
    tallies.iter().copied().reduce(|best, next| if better(next.1, best.1) { next } else { best })
}

/// By how many standard errors the first share is higher, with the share of both together as the truth of both.
fn z_of(best: Tally, other: Tally, by: WinnerMeasure) -> f64 {
    let (n, m) = (float(best.displayed), float(other.displayed));
    let (x, y) = (float(best.successes(by)), float(other.successes(by)));
    if n == 0.0 || m == 0.0 {
        return 0.0;
    }
    let pooled = (x + y) / (n + m);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    // All or none succeeded in both: nothing tells them apart.
    if error > 0.0 { (x / n - y / m) / error } else { 0.0 }
}

/// The z at which equal variants would have been told apart wrongly at any look so far no more often than may be.
fn needed(best: Tally, other: Tally, after: u64, may_go_wrong: f64) -> f64 {
    let (n, m) = (float(best.displayed), float(other.displayed));
    if n == 0.0 || m == 0.0 {
        return f64::INFINITY;
    }
    let ratio = SHARPEST * (2.0 / float(after)) / (1.0 / n + 1.0 / m);
    ((1.0 + ratio) / ratio * (2.0 * (1.0 / may_go_wrong).ln() + (1.0 + ratio).ln())).sqrt()
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
const fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const fn tally(converted: u64, displayed: u64) -> Tally {
        Tally { displayed, read: 0, clicked: 0, converted }
    }

    const fn winner(after: u64, confidence: f64) -> Winner {
        Winner { by: WinnerMeasure::Conversion, after, confidence }
    }

    // z and what is needed were computed beside, with Python's `math`.
    #[rstest]
    #[case::just_enough(tally(50, 500), tally(83, 500), 500, 0.95, Standing::Won)]
    #[case::one_too_few(tally(50, 500), tally(82, 500), 500, 0.95, Standing::Open)]
    #[case::a_single_look_would_do(tally(50, 500), tally(72, 500), 500, 0.95, Standing::Open)]
    #[case::not_shown_often_enough(tally(5, 499), tally(84, 500), 500, 0.95, Standing::TooFew)]
    #[case::less_sure_is_sooner(tally(50, 500), tally(72, 500), 500, 0.5, Standing::Won)]
    #[case::more_sure_is_later(tally(50, 500), tally(84, 500), 500, 0.999, Standing::Open)]
    #[case::equal(tally(50, 500), tally(50, 500), 500, 0.95, Standing::Open)]
    #[case::nobody_converts(tally(0, 9_000), tally(0, 9_000), 500, 0.95, Standing::Open)]
    #[case::everybody_converts(tally(900, 900), tally(900, 900), 500, 0.95, Standing::Open)]
    #[case::a_small_difference_of_many(tally(1_000, 10_000), tally(1_150, 10_000), 500, 0.95, Standing::Won)]
    #[case::and_of_fewer(tally(500, 5_000), tally(575, 5_000), 500, 0.95, Standing::Open)]
    #[case::uneven_shares(tally(500, 5_000), tally(80, 500), 500, 0.95, Standing::Won)]
    fn the_better_one_wins_after_its_displays_and_only_if_it_is_sure(
        #[case] plain: Tally,
        #[case] short: Tally,
        #[case] after: u64,
        #[case] confidence: f64,
        #[case] standing: Standing,
    ) {
        let names = [("plain", plain), ("short", short)];
        let judged = judge(&names, &winner(after, confidence)).unwrap();
        assert_eq!(judged.standing, standing, "{judged:?}");
        let best = if standing == Standing::Won { "short" } else { judged.best };
        assert_eq!(judged.best, best);
        let swapped = judge(&[("long", short), ("plain", plain)], &winner(after, confidence)).unwrap();
        assert_eq!(swapped.standing, standing, "whichever comes first");
    }

    #[test]
    fn the_best_has_to_be_sure_beside_each_other_and_shares_what_may_go_wrong() {
        let three = |b| [("a", tally(50, 500)), ("b", tally(b, 500)), ("c", tally(50, 500))];
        let judged = |b| judge(&three(b), &winner(500, 0.95)).unwrap();
        assert_eq!(judged(84).standing, Standing::Open, "it would win over one");
        assert_eq!((judged(90).standing, judged(90).best), (Standing::Won, "b"));
        let close = [("a", tally(50, 500)), ("b", tally(100, 500)), ("c", tally(95, 500))];
        assert_eq!(judge(&close, &winner(500, 0.95)).unwrap().standing, Standing::Open, "c is as good");
        let others: Vec<&str> = judged(90).comparisons.iter().map(|one| one.other).collect();
        assert_eq!(others, ["a", "c"]);
    }

    #[rstest]
    #[case(WinnerMeasure::Read, "read")]
    #[case(WinnerMeasure::Click, "click")]
    #[case(WinnerMeasure::Conversion, "conversion")]
    fn what_is_compared_is_what_the_document_says(#[case] by: WinnerMeasure, #[case] best: &str) {
        let shown = Tally { displayed: 500, read: 50, clicked: 50, converted: 50 };
        let tallies = [
            ("click", Tally { clicked: 150, ..shown }),
            ("conversion", Tally { converted: 150, ..shown }),
            ("read", Tally { read: 150, ..shown }),
        ];
        let judged = judge(&tallies, &Winner { by, ..winner(500, 0.95) }).unwrap();
        assert_eq!((judged.standing, judged.best), (Standing::Won, best));
    }

    #[test]
    fn z_and_what_is_needed_are_those_of_the_books() {
        let judged = judge(&[("a", tally(50, 500)), ("b", tally(84, 500))], &winner(500, 0.95)).unwrap();
        let Comparison { z, needed, .. } = judged.comparisons[0];
        assert!((z - Z).abs() < 1e-4 && (needed - NEEDED).abs() < 1e-4, "{z} {needed}");
    }

    const Z: f64 = 3.1562;
    const NEEDED: f64 = 3.0352;

    #[test]
    fn one_variant_alone_is_not_compared() {
        assert_eq!(judge(&[("a", tally(5, 10))], &winner(1, 0.95)), None);
        let none = judge(&[("a", tally(0, 0)), ("b", tally(0, 0))], &winner(1, 0.95)).unwrap();
        assert_eq!((none.standing, none.best), (Standing::TooFew, "a"));
    }

    /// Of equal variants that are looked at after each display, how many of a thousand pairs end in a win.
    fn wrong_of_a_thousand(won: impl Fn(&[(&str, Tally)]) -> bool) -> usize {
        let mut seed = 7_u64;
        let mut tenth = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33).is_multiple_of(10)
        };
        let mut pair = || {
            let mut tallies = [("a", tally(0, 0)), ("b", tally(0, 0))];
            (0..4_000).any(|turn| {
                let more = tally(u64::from(tenth()), 1);
                tallies[turn % 2].1 = tallies[turn % 2].1.and(more);
                won(&tallies)
            })
        };
        (0..1_000).filter(|_| pair()).count()
    }

    #[test]
    fn equal_variants_that_are_looked_at_all_the_time_win_no_more_often_than_the_confidence_says() {
        let sure = winner(100, 0.95);
        let wrong = wrong_of_a_thousand(|tallies| judge(tallies, &sure).unwrap().standing == Standing::Won);
        assert!(wrong <= 50, "{wrong} of 1000");
        let single_look = wrong_of_a_thousand(|tallies| {
            let judged = judge(tallies, &sure).unwrap();
            judged.standing != Standing::TooFew && judged.comparisons[0].z >= 1.96
        });
        assert!(single_look > 200, "the limit of a single look would do: {single_look} of 1000");
    }
}
