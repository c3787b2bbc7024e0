//! What was counted for one recipient, packed into one text.

use std::collections::BTreeMap;

use tidings_protocol::{CategoryId, Channel};

use super::{Bucket, Cap, CapScope, Full, Period};
use crate::calendar::{Day, Week};

/// A packed text, in bytes: every category of a large project with ids of full length.
pub const COUNTERS_BYTES_MAX: usize = 1 << 20;
/// The first number of a packed text; a text with another one is not read.
const VERSION: u32 = 1;
/// How the scope of the project, of a category and of a channel begins in a packed text.
const PROJECT: &str = "p";
const CATEGORY: &str = "c:";
const CHANNEL: &str = "h:";

/// What was counted for one recipient, by scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<CapScope, Counter>);

/// The latest buckets of one scope, and how many are in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counter {
    day: Day,
    day_count: u32,
    week: Week,
    week_count: u32,
}

/// A packed text cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CountersError {
    /// Longer than [`COUNTERS_BYTES_MAX`].
    #[error("packed counters have at most 1 MiB")]
    TooLong,
    /// Not the JSON that [`Counters::to_text`] writes.
    #[error("packed counters are not readable")]
    Json(#[from] serde_json::Error),
    /// Written by another version.
    #[error("packed counters of version {0} are not known")]
    Version(u32),
    /// A scope that means nothing, or stands twice.
    #[error("packed counters name the scope {0:?}")]
    Scope(String),
}

/// Scope, day, how many, week, how many.
type Packed = (String, i32, u32, i32, u32);

impl Counters {
    /// Looks whether `cap` lets one more through on `day` in `week`.
    ///
    /// # Errors
    /// [`Full`] with the period that is free again last.
    pub fn room(&self, cap: Cap, scope: &CapScope, day: Day, week: Week) -> Result<(), Full> {
        let counter = self.current(scope, day, week);
        let full =
            |period, limit, used, free_from| Full { scope: scope.clone(), period, limit, used, free_from };
        let of_day = cap.day.filter(|limit| counter.day_count >= *limit);
        let of_day = of_day.map(|limit| full(Period::Day, limit, counter.day_count, counter.day.next()));
        let of_week = cap.week.filter(|limit| counter.week_count >= *limit);
        let of_week =
            of_week.map(|limit| full(Period::Week, limit, counter.week_count, counter.week.next().monday()));
        of_day.into_iter().chain(of_week).max_by_key(|full| full.free_from).map_or(Ok(()), Err)
    }

    /// How many count on `day` and in `week`.
    #[must_use]
    pub fn used(&self, scope: &CapScope, day: Day, week: Week) -> (u32, u32) {
        let counter = self.current(scope, day, week);
        (counter.day_count, counter.week_count)
    }

    /// Counts one. The bucket is the one that it went to, which is later than `day` if a later one was counted
    /// before; keep it to give back.
    pub fn take(&mut self, scope: &CapScope, day: Day, week: Week) -> Bucket {
        let mut counter = self.current(scope, day, week);
        counter.day_count = counter.day_count.saturating_add(1);
        counter.week_count = counter.week_count.saturating_add(1);
        self.0.insert(scope.clone(), counter);
        Bucket { day: counter.day, week: counter.week }
    }

    /// Takes one back from the bucket that [`Counters::take`] named; nothing where another one is counted since.
    pub fn give_back(&mut self, scope: &CapScope, day: Day, week: Week) {
        if let Some(counter) = self.0.get_mut(scope) {
            if counter.day == day {
                counter.day_count = counter.day_count.saturating_sub(1);
            }
            if counter.week == week {
                counter.week_count = counter.week_count.saturating_sub(1);
            }
        }
    }

    /// Drops what no longer counts on `day` in `week`, to keep the packed text short. Only for the recipient's
    /// current date: an earlier date would find the dropped ones missing.
    pub fn forget_before(&mut self, day: Day, week: Week) {
        self.0.retain(|_, counter| {
            (counter.day >= day && counter.day_count > 0) || (counter.week >= week && counter.week_count > 0)
        });
    }

    /// Whether nothing is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The packed text: a version, then one entry for each scope.
    #[must_use]
    pub fn to_text(&self) -> String {
        let entries: Vec<Packed> = self
            .0
            .iter()
            .map(|(scope, counter)| {
                let (day, week) = (counter.day.number(), counter.week.number());
                (packed_scope(scope), day, counter.day_count, week, counter.week_count)
            })
            .collect();
        serde_json::to_string(&(VERSION, entries)).expect("numbers and texts are always JSON")
    }

    /// Reads what [`Counters::to_text`] wrote.
    ///
    /// # Errors
    /// [`CountersError`] for anything else.
    pub fn from_text(text: &str) -> Result<Self, CountersError> {
        if text.len() > COUNTERS_BYTES_MAX {
            return Err(CountersError::TooLong);
        }
        let (version, entries): (u32, Box<serde_json::value::RawValue>) = serde_json::from_str(text)?;
        if version != VERSION {
            return Err(CountersError::Version(version));
        }
        let mut counters = BTreeMap::new();
        for (name, day, day_count, week, week_count) in serde_json::from_str::<Vec<Packed>>(entries.get())? {
            let scope = scope_of(&name).ok_or_else(|| CountersError::Scope(name.clone()))?;
            let (day, week) = (Day::from_number(day), Week::from_number(week));
            if counters.insert(scope, Counter { day, day_count, week, week_count }).is_some() {
                return Err(CountersError::Scope(name));
            }
        }
        Ok(Self(counters))
    }

    /// The counter as it counts on `day` in `week`: earlier buckets are empty, later ones count on.
    fn current(&self, scope: &CapScope, day: Day, week: Week) -> Counter {
        let mut counter = Counter { day, day_count: 0, week, week_count: 0 };
        if let Some(held) = self.0.get(scope) {
            if held.day >= day {
                (counter.day, counter.day_count) = (held.day, held.day_count);
            }
            if held.week >= week {
                (counter.week, counter.week_count) = (held.week, held.week_count);
            }
        }
        counter
    }
}

fn packed_scope(scope: &CapScope) -> String {
    match scope {
        CapScope::Project => PROJECT.to_owned(),
        CapScope::Category(id) => format!("{CATEGORY}{id}"),
        CapScope::Channel(channel) => format!("{CHANNEL}{channel}"),
    }
}

fn scope_of(text: &str) -> Option<CapScope> {
    if text == PROJECT {
        Some(CapScope::Project)
    } else if let Some(id) = text.strip_prefix(CATEGORY) {
        CategoryId::new(id).ok().map(CapScope::Category)
    } else {
        text.strip_prefix(CHANNEL)?.parse::<Channel>().ok().map(CapScope::Channel)
    }
}
