//! When a hook that failed is called again.

use std::time::Duration;

use tidings_protocol::Span;

/// The pauses after the first failure, the second and so on; the last one is the pause of all that follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule(pub(crate) &'static [Duration]);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

impl Schedule {
    /// What Standard Webhooks propose, and once a day after that: the feed's retention is the end of it.
    pub(crate) const USUAL: Self = Self(&[
        Duration::from_secs(5),
        Duration::from_secs(5 * MINUTE),
        Duration::from_secs(30 * MINUTE),
        Duration::from_secs(2 * HOUR),
        Duration::from_secs(5 * HOUR),
        Duration::from_secs(10 * HOUR),
        Duration::from_secs(14 * HOUR),
        Duration::from_secs(20 * HOUR),
        Duration::from_secs(24 * HOUR),
    ]);

    /// The pause after so many failures, up to a fifth shorter or longer by chance, and not before the receiver asked to
    /// be called; but no later than the longest pause.
    pub(crate) fn pause(self, failed: u32, asked: Option<Span>, chance: u128) -> Duration {
        let last = self.0.last().copied().unwrap_or_default();
        let index = usize::try_from(failed.saturating_sub(1)).unwrap_or(usize::MAX);
        let pause = self.0.get(index).copied().unwrap_or(last);
        // 80 to 120 percent.
        let percent = 80 + u32::try_from(chance % 41).unwrap_or(20);
        let asked =
            asked.map_or(Duration::ZERO, |span| Duration::from_millis(span.as_millis().unsigned_abs()));
        (pause * percent / 100).max(asked.min(last))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(1, 5)]
    #[case(2, 300)]
    #[case(3, 1_800)]
    #[case(8, 72_000)]
    #[case(9, 86_400)]
    #[case(10, 86_400)]
    #[case(u32::MAX, 86_400)]
    fn pauses_grow_to_a_day(#[case] failed: u32, #[case] seconds: u64) {
        assert_eq!(Schedule::USUAL.pause(failed, None, 20), Duration::from_secs(seconds));
        assert_eq!(Schedule::USUAL.pause(failed, None, 0), Duration::from_secs(seconds) * 80 / 100);
        assert_eq!(Schedule::USUAL.pause(failed, None, 40), Duration::from_secs(seconds) * 120 / 100);
    }

    #[rstest]
    #[case(60, 60)]
    #[case(1, 5)]
    #[case(1_000_000, 86_400)]
    fn a_receiver_may_ask_for_more_up_to_a_day(#[case] asked: i64, #[case] seconds: u64) {
        let asked = Some(Span::from_millis(asked * 1_000));
        assert_eq!(Schedule::USUAL.pause(1, asked, 20), Duration::from_secs(seconds));
    }
}
