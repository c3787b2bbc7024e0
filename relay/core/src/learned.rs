//! What is learned of one recipient from what they do with notifications: the hours at which they are there, and what
//! they care about.
//!
//! It is counted receipt by receipt and bounded in size; what is old weighs less and then goes. Nothing here decides
//! whether anything may be learned: that is asked where receipts come in (`acts/learning.rs`).

mod hours;
mod interests;

pub use self::hours::{ActiveHours, HOUR_DAYS, HOUR_RECEIPTS_MAX, HourCounts};
pub use self::interests::{INTEREST_HALF_LIFE_DAYS, INTEREST_TAGS_MAX, Interests};

use self::interests::PackedInterest;

/// The first number of a packed text; a text with another one is not read.
const VERSION: u32 = 1;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// When the recipient is there.
    pub hours: ActiveHours,
    /// What the recipient cares about.
    pub interests: Interests,
}

/// A packed text cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LearnedError {
    /// Not the JSON that [`Learned::to_text`] writes.
    #[error("what was learned is not readable")]
    Json(#[from] serde_json::Error),
    /// Written by another version.
    #[error("what was learned is of version {0}, which is not known")]
    Version(u32),
    /// A number that cannot be.
    #[error("what was learned has a number that cannot be")]
    Number,
    /// More than is ever kept.
    #[error("what was learned has more of a kind than is kept")]
    TooMany,
}

impl Learned {
    /// The packed text; empty where nothing is learned.
    #[must_use]
    pub fn to_text(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        let parts = (VERSION, self.hours.packed(), self.interests.packed());
        serde_json::to_string(&parts).expect("numbers and names are always JSON")
    }

    /// Reads what [`Learned::to_text`] wrote.
    ///
    /// # Errors
    /// [`LearnedError`] for anything else.
    pub fn from_text(text: &str) -> Result<Self, LearnedError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let (version, hours, interests): (u32, Vec<(i32, u8)>, Vec<PackedInterest>) =
            serde_json::from_str(text)?;
        if version != VERSION {
            return Err(LearnedError::Version(version));
        }
        Ok(Self { hours: ActiveHours::unpacked(hours)?, interests: Interests::unpacked(interests)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_learned_takes_no_room_and_another_text_is_refused() {
        assert_eq!(Learned::default().to_text(), "");
        assert_eq!(Learned::from_text("").unwrap(), Learned::default());
        for wrong in ["1", "[2,[],[]]", "[1,[]]", "[1,[[5,24]],[]]", "[1,[[5]],[]]", "[1,[],[[\"x\",1,1,2]]]"]
        {
            assert!(Learned::from_text(wrong).is_err(), "{wrong}");
        }
    }
}
