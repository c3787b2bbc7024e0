//! Decides what a refresh token is worth that a device presents.
//!
//! A token has a family, one for each sign-in of a device, and a secret that is another one after each exchange. Only
//! the newest secret opens anything; the one before it may be repeated for a minute, because its answer may have been
//! lost. Any other secret of a known family was given out once and exchanged since: somebody has a copy.

use tidings_protocol::Timestamp;

use crate::ports::{DeviceToken, PresentedToken};

/// How long the last exchange may be repeated, in milliseconds: an answer that was lost.
pub const REPEAT_MILLIS: i64 = 60_000;
/// How long a refresh token lasts after its last use, in milliseconds: 90 days.
pub const REFRESH_MILLIS: i64 = 90 * 86_400_000;

/// What a presented refresh token is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshVerdict {
    /// It is the newest of its family: the next pair is due.
    Rotate,
    /// It is the one before, and its answer may have been lost: the same pair again.
    Repeat,
    /// It was exchanged before: the device is revoked.
    Reused,
    /// Nobody used its family for too long.
    RanOut,
    /// Its recipient was erased after it was given out.
    Erased,
}

/// Judges a token by the row that it names, and by when its recipient was erased, if ever.
#[must_use]
pub fn judge(
    row: &DeviceToken,
    presented: &PresentedToken,
    erased_at: Option<Timestamp>,
    now: Timestamp,
) -> RefreshVerdict {
    if erased_at.is_some_and(|erased_at| row.used_at <= erased_at) {
        return RefreshVerdict::Erased;
    }
    if now.millis_since(row.used_at) > REFRESH_MILLIS {
        return RefreshVerdict::RanOut;
    }
    if row.current == presented.hash {
        return RefreshVerdict::Rotate;
    }
    let repeats = row.previous.is_some_and(|(previous, exchanged_at)| {
        previous == presented.hash && now.millis_since(exchanged_at) <= REPEAT_MILLIS
    });
    if repeats { RefreshVerdict::Repeat } else { RefreshVerdict::Reused }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::PersonKey;

    const EXCHANGED: i64 = 1_000_000;

    fn row() -> DeviceToken {
        DeviceToken {
            person: PersonKey { project: "p".parse().unwrap(), recipient: "alice".parse().unwrap() },
            device: "laptop".parse().unwrap(),
            family: Some([9; 32]),
            current: [5; 32],
            previous: Some(([4; 32], Timestamp::from_millis(EXCHANGED))),
            last_answer: None,
            used_at: Timestamp::from_millis(EXCHANGED),
        }
    }

    fn judged(generation: u8, after: i64) -> RefreshVerdict {
        let presented = PresentedToken { hash: [generation; 32], family: Some([9; 32]) };
        judge(&row(), &presented, None, Timestamp::from_millis(EXCHANGED + after))
    }

    #[rstest]
    #[case(5, 0, RefreshVerdict::Rotate)]
    #[case(5, REFRESH_MILLIS, RefreshVerdict::Rotate)]
    #[case(5, REFRESH_MILLIS + 1, RefreshVerdict::RanOut)]
    #[case(4, 0, RefreshVerdict::Repeat)]
    #[case(4, 60_000, RefreshVerdict::Repeat)]
    #[case(4, 60_001, RefreshVerdict::Reused)]
    #[case(3, 0, RefreshVerdict::Reused)]
    #[case(3, 60_001, RefreshVerdict::Reused)]
    #[case(1, 0, RefreshVerdict::Reused)]
    #[case(1, REFRESH_MILLIS + 1, RefreshVerdict::RanOut)]
    fn only_the_newest_token_opens_and_only_the_last_exchange_is_repeated_for_a_minute(
        #[case] generation: u8,
        #[case] after: i64,
        #[case] verdict: RefreshVerdict,
    ) {
        assert_eq!(judged(generation, after), verdict);
    }

    #[rstest]
    #[case(EXCHANGED - 1, RefreshVerdict::Rotate)]
    #[case(EXCHANGED, RefreshVerdict::Erased)]
    fn a_token_from_before_an_erasure_says_that_the_account_is_gone(
        #[case] erased_at: i64,
        #[case] verdict: RefreshVerdict,
    ) {
        let presented = PresentedToken { hash: [5; 32], family: Some([9; 32]) };
        let (erased_at, now) = (Timestamp::from_millis(erased_at), Timestamp::from_millis(EXCHANGED + 1));
        assert_eq!(judge(&row(), &presented, Some(erased_at), now), verdict);
    }
}
