//! What a recipient cares about, by the tags of what they were shown: how much of it they opened.
//!
//! The number of a tag is `opened / (shown + 1)`: of the notifications with this tag that were shown, those that the
//! recipient clicked or acted on. The one below the line is doubt: a single click is no more than 0.5, and nothing
//! reaches 1. Both counts are halved every [`INTEREST_HALF_LIFE_DAYS`], in steps of a day and in whole millionths, so
//! that the same history gives the same number on every machine.

use std::collections::BTreeMap;

use tidings_protocol::Timestamp;

use super::LearnedError;
use crate::model::utc_day;

/// After so many days without anything new a count is half of what it was.
pub const INTEREST_HALF_LIFE_DAYS: i32 = 60;
/// Tags that are kept of one recipient; of more the least shown goes.
pub const INTEREST_TAGS_MAX: usize = 50;
/// One notification, in the unit that counts are kept in.
const ONE: u64 = 1_000_000;
/// Below this much that was shown a tag is forgotten: what was shown once, after four half-lives.
const SHOWN_MIN: u64 = ONE / 16;
/// What is left of a count after a day, as a share of 2^32: 2^(-1/60).
const DAILY: u128 = 4_245_635_389;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interests(BTreeMap<Box<str>, Interest>);

/// The counts of one tag as of a UTC day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Interest {
    day: i32,
    shown: u64,
    opened: u64,
}

/// A tag as it is packed: name, day, shown, opened.
pub(super) type PackedInterest = (Box<str>, i32, u64, u64);

impl Interests {
    /// A notification with these tags was shown for the first time.
    pub fn shown(&mut self, tags: &[Box<str>], now: Timestamp) {
        let today = utc_day(now);
        self.0.retain(|_, kept| kept.at(today).shown >= SHOWN_MIN);
        for tag in tags {
            let interest =
                self.0.entry(tag.clone()).or_insert(Interest { day: today, ..Interest::default() });
            *interest = interest.at(today);
            interest.shown += ONE;
        }
        while self.0.len() > INTEREST_TAGS_MAX {
            // Of equals the one whose name is last, and of this notification's tags only if all the others are its own.
            let least =
                self.0.iter().rev().min_by_key(|(tag, kept)| (tags.contains(tag), kept.at(today).shown));
            let Some(tag) = least.map(|(tag, _)| tag.clone()) else { return };
            self.0.remove(&tag);
        }
    }

    /// A notification with these tags, which was shown before, was opened for the first time.
    pub fn opened(&mut self, tags: &[Box<str>], now: Timestamp) {
        let today = utc_day(now);
        for tag in tags {
            if let Some(interest) = self.0.get_mut(tag) {
                *interest = interest.at(today);
                // One that was shown before anything was counted has no place among the shown ones.
                interest.opened = (interest.opened + ONE).min(interest.shown);
            }
        }
    }

    /// The number of each tag at an instant, 0 to 1 in steps of a thousandth, in order of the tags.
    pub fn numbers(&self, now: Timestamp) -> impl Iterator<Item = (&str, f64)> {
        let today = utc_day(now);
        let known = self.0.iter().map(move |(tag, kept)| (tag, kept.at(today)));
        known.filter(|(_, kept)| kept.shown >= SHOWN_MIN).map(|(tag, kept)| {
            let thousandths = kept.opened * 1_000 / (kept.shown + ONE);
            let thousandths = u32::try_from(thousandths).expect("no more is opened than was shown");
            (&**tag, f64::from(thousandths) / 1_000.0)
        })
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn packed(&self) -> Vec<(&str, i32, u64, u64)> {
        self.0.iter().map(|(tag, kept)| (&**tag, kept.day, kept.shown, kept.opened)).collect()
    }

    pub(super) fn unpacked(packed: Vec<PackedInterest>) -> Result<Self, LearnedError> {
        if packed.len() > INTEREST_TAGS_MAX {
            return Err(LearnedError::TooMany);
        }
        // A count that no history gives would run over when it is added to.
        let fits = |(_, _, shown, opened): &PackedInterest| opened <= shown && *shown <= u64::MAX / 2_000;
        if !packed.iter().all(fits) {
            return Err(LearnedError::Number);
        }
        let kept = packed.into_iter().map(|(tag, day, shown, opened)| (tag, Interest { day, shown, opened }));
        Ok(Self(kept.collect()))
    }
}

impl Interest {
    /// As it is on a later day; a day that went back takes nothing.
    fn at(self, today: i32) -> Self {
        let days = today.saturating_sub(self.day).max(0);
        let day = self.day.max(today);
        Self { day, shown: faded(self.shown, days), opened: faded(self.opened, days) }
    }
}

/// What is left of a count after some days.
fn faded(count: u64, days: i32) -> u64 {
    let halved = count.checked_shr((days / INTEREST_HALF_LIFE_DAYS).unsigned_abs()).unwrap_or(0);
    (0..days % INTEREST_HALF_LIFE_DAYS).fold(halved, |count, _| {
        u64::try_from((u128::from(count) * DAILY) >> 32).expect("a part of a u64 is a u64")
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn day(n: i64) -> Timestamp {
        Timestamp::from_millis(n * 86_400_000 + 3_600_000)
    }

    fn tags<const N: usize>(names: [&str; N]) -> [Box<str>; N] {
        names.map(Into::into)
    }

    fn number(interests: &Interests, tag: &str, now: Timestamp) -> Option<f64> {
        interests.numbers(now).find(|(name, _)| *name == tag).map(|(_, number)| number)
    }

    #[rstest]
    #[case(1, 0, 0.0)]
    #[case(1, 1, 0.5)]
    #[case(2, 1, 0.333)]
    #[case(2, 2, 0.666)]
    #[case(10, 5, 0.454)]
    #[case(100, 100, 0.990)]
    fn the_number_is_the_share_that_was_opened_with_one_in_doubt(
        #[case] shown: usize,
        #[case] opened: usize,
        #[case] expected: f64,
    ) {
        let mut interests = Interests::default();
        for n in 0..shown {
            interests.shown(&tags(["running"]), day(100));
            if n < opened {
                interests.opened(&tags(["running"]), day(100));
            }
        }
        assert_eq!(number(&interests, "running", day(100)), Some(expected));
    }

    #[test]
    fn a_tag_that_was_never_shown_has_no_number_and_one_of_two_tags_does_not_move_the_other() {
        let mut interests = Interests::default();
        interests.shown(&tags(["running", "sale"]), day(100));
        interests.opened(&tags(["running", "sale"]), day(100));
        interests.shown(&tags(["sale"]), day(100));
        assert_eq!(interests.numbers(day(100)).collect::<Vec<_>>(), [("running", 0.5), ("sale", 0.333)]);
        assert_eq!(number(&interests, "cooking", day(100)), None);
    }

    #[test]
    fn an_opening_of_what_was_never_counted_as_shown_is_never_one_too_many() {
        let mut interests = Interests::default();
        interests.opened(&tags(["running"]), day(100));
        assert_eq!(interests, Interests::default());
        interests.shown(&tags(["running"]), day(100));
        interests.opened(&tags(["running"]), day(100));
        interests.opened(&tags(["running"]), day(100));
        assert_eq!(number(&interests, "running", day(100)), Some(0.5));
    }

    #[test]
    fn a_count_is_halved_every_sixty_days_and_the_tag_forgotten_after_four_times_that() {
        let mut interests = Interests::default();
        for _ in 0..3 {
            interests.shown(&tags(["running"]), day(100));
            interests.opened(&tags(["running"]), day(100));
        }
        // 3/4, 1.5/2.5, 0.75/1.75; half way to the first halving 3/√2 is left.
        let at = |n| number(&interests, "running", day(n)).unwrap();
        assert_eq!([at(100), at(130), at(160), at(220)], [0.75, 0.679, 0.6, 0.428]);
        let mut once = Interests::default();
        once.shown(&tags(["cooking"]), day(100));
        assert_eq!(number(&once, "cooking", day(340)), Some(0.0));
        assert_eq!(number(&once, "cooking", day(341)), None);
        once.shown(&tags(["sale"]), day(341));
        assert_eq!(once.0.len(), 1, "it leaves with the next showing");
    }

    #[test]
    fn a_day_that_goes_back_changes_nothing() {
        let mut interests = Interests::default();
        interests.shown(&tags(["running"]), day(100));
        interests.shown(&tags(["running"]), day(99));
        assert_eq!(interests.packed(), [("running", 100, 2 * ONE, 0)]);
    }

    #[test]
    fn fifty_tags_are_kept_and_of_one_more_the_least_shown_goes() {
        let mut interests = Interests::default();
        for n in 0..50 {
            interests.shown(&[format!("tag{n:02}").into()], day(100));
        }
        interests.shown(&tags(["tag49"]), day(100));
        assert_eq!(interests.0.len(), 50);
        assert_eq!(Interests::unpacked(owned(&interests)).unwrap(), interests);
        interests.shown(&tags(["another"]), day(101));
        assert_eq!(interests.0.len(), 50);
        let kept = |tag: &str| interests.0.contains_key(tag);
        assert_eq!((kept("another"), kept("tag49"), kept("tag48"), kept("tag47")), (true, true, false, true));
        let mut more = owned(&interests);
        more.push(("one_more".into(), 1, 1, 1));
        assert!(matches!(Interests::unpacked(more), Err(LearnedError::TooMany)));
        assert!(matches!(Interests::unpacked(vec![("x".into(), 1, 1, 2)]), Err(LearnedError::Number)));
        assert!(matches!(Interests::unpacked(vec![("x".into(), 1, u64::MAX, 2)]), Err(LearnedError::Number)));
    }

    fn owned(interests: &Interests) -> Vec<PackedInterest> {
        interests
            .packed()
            .into_iter()
            .map(|(tag, day, shown, opened)| (tag.into(), day, shown, opened))
            .collect()
    }
}
