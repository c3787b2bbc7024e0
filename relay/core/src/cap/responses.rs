//! How many notifications were shown to one recipient in the last days, and how many of those were answered.
//!
//! A notification counts in the bucket of the UTC day on which it was first shown, and its answer counts there too: so
//! the answered ones are always some of the shown ones. The recipient's own calendar plays no part: a journey moves
//! nothing.

use std::collections::BTreeMap;

use tidings_protocol::Timestamp;

use crate::model::utc_day;

/// The buckets that are kept, today's included; a packed text has no more entries than this.
pub const RESPONSE_DAYS: i32 = 30;
/// The first number of a packed text; a text with another one is not read.
const VERSION: u32 = 1;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Responses(BTreeMap<i32, Bucket>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bucket {
    shown: u32,
    answered: u32,
}

/// A packed text cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ResponsesError {
    /// Not the JSON that [`Responses::to_text`] writes.
    #[error("packed responses are not readable")]
    Json(#[from] serde_json::Error),
    /// Written by another version.
    #[error("packed responses of version {0} are not known")]
    Version(u32),
    /// More entries than there are days.
    #[error("packed responses have at most {RESPONSE_DAYS} days")]
    TooMany,
}

impl Responses {
    /// A notification was shown for the first time.
    pub fn shown(&mut self, shown_at: Timestamp, now: Timestamp) {
        if let Some(bucket) = self.bucket(shown_at, now) {
            bucket.shown = bucket.shown.saturating_add(1);
        }
    }

    /// A notification that was shown first at an instant was answered for the first time.
    pub fn answered(&mut self, shown_at: Timestamp, now: Timestamp) {
        if let Some(bucket) = self.bucket(shown_at, now) {
            // One that was shown before anything was counted has no place among the shown ones.
            bucket.answered = bucket.answered.saturating_add(1).min(bucket.shown);
        }
    }

    /// How many were shown in the last [`RESPONSE_DAYS`], and how many of these were answered.
    #[must_use]
    pub fn counted(&self, now: Timestamp) -> (u32, u32) {
        let within = self.0.range(first_day(now)..);
        within.fold((0, 0), |(shown, answered), (_, bucket)| {
            (shown.saturating_add(bucket.shown), answered.saturating_add(bucket.answered))
        })
    }

    /// The packed text; empty where nothing is counted.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let days: Vec<(i32, u32, u32)> =
            self.0.iter().map(|(day, bucket)| (*day, bucket.shown, bucket.answered)).collect();
        serde_json::to_string(&(VERSION, days)).expect("numbers are always JSON")
    }

    /// Reads what [`Responses::to_text`] wrote.
    ///
    /// # Errors
    /// [`ResponsesError`] for anything else.
    pub fn from_text(text: &str) -> Result<Self, ResponsesError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let (version, days): (u32, Vec<(i32, u32, u32)>) = serde_json::from_str(text)?;
        if version != VERSION {
            return Err(ResponsesError::Version(version));
        }
        if days.len() > RESPONSE_DAYS.unsigned_abs() as usize {
            return Err(ResponsesError::TooMany);
        }
        Ok(Self(days.into_iter().map(|(day, shown, answered)| (day, Bucket { shown, answered })).collect()))
    }

    /// The bucket of an instant, if it is still kept. Those that are not are dropped on the way.
    fn bucket(&mut self, at: Timestamp, now: Timestamp) -> Option<&mut Bucket> {
        let (first, day) = (first_day(now), utc_day(at));
        self.0.retain(|kept, _| *kept >= first);
        (first..=utc_day(now)).contains(&day).then(|| self.0.entry(day).or_default())
    }
}

fn first_day(now: Timestamp) -> i32 {
    utc_day(now) - RESPONSE_DAYS + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i64) -> Timestamp {
        Timestamp::from_millis(n * 86_400_000 + 3_600_000)
    }

    #[test]
    fn an_answer_counts_on_the_day_of_its_showing_and_both_leave_together_after_thirty_days() {
        let mut counted = Responses::default();
        counted.shown(day(100), day(100));
        counted.shown(day(101), day(101));
        counted.answered(day(100), day(120));
        assert_eq!(counted.counted(day(129)), (2, 1), "the last day");
        assert_eq!(counted.counted(day(130)), (1, 0), "the shown one goes with its answer");
        counted.answered(day(100), day(130));
        assert_eq!(counted.counted(day(130)), (1, 0), "an answer to what is not counted any more");
    }

    #[test]
    fn what_was_shown_before_the_counting_began_is_never_an_answer_too_many() {
        let mut counted = Responses::default();
        counted.answered(day(100), day(100));
        assert_eq!(counted.counted(day(100)), (0, 0));
    }

    #[test]
    fn a_packed_text_holds_at_most_thirty_days_and_comes_back_as_it_was() {
        let mut counted = Responses::default();
        assert_eq!(counted.to_text(), "");
        (0..90).for_each(|n| counted.shown(day(n), day(n)));
        assert_eq!(counted.0.len(), 30);
        assert_eq!(Responses::from_text(&counted.to_text()).unwrap(), counted);
        for wrong in ["1", "[2,[]]", "[1,[[1,2]]]"] {
            assert!(Responses::from_text(wrong).is_err(), "{wrong}");
        }
        let many: Vec<_> = (0..31).map(|n| (n, 1, 1)).collect();
        assert!(Responses::from_text(&serde_json::to_string(&(1, many)).unwrap()).is_err());
    }
}
