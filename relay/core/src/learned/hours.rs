//! When a recipient is there: the latest receipts that a person causes, each with the hour that the wall showed.
//!
//! The hour is taken down as the recipient's wall showed it then, beside the instant, which says how old it is. So a
//! change of zone moves nothing that was counted: whoever reads at seven in the evening reads at seven after a journey
//! too, and summer time changes nothing. A zone that was wrong is outgrown as its receipts age.

use tidings_protocol::Timestamp;

use super::LearnedError;
use crate::calendar::{Zone, local};
use crate::send_window::HourHistogram;

/// Receipts of so many days count (CONFIGURATION, `best_hour`).
pub const HOUR_DAYS: i32 = 60;
/// Receipts that are kept of one recipient; of more the oldest go. Ten times what a best hour needs, in at most two
/// kilobytes of text.
pub const HOUR_RECEIPTS_MAX: usize = 200;
const HOUR_MILLIS: i64 = 3_600_000;
/// What the newest receipts weigh. Each further third of the time they weigh one less: 3, 2, 1.
const WEIGHT_MAX: i32 = 3;

/// See the module. In the order of their instants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActiveHours(Vec<Active>);

/// Somebody was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Active {
    /// Hours since the epoch.
    at: i32,
    /// The hour that the wall showed, 0 to 23.
    wall: u8,
}

/// The receipts of the last [`HOUR_DAYS`], by the hour that the wall showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HourCounts {
    /// How many in each hour of the day.
    pub receipts: HourHistogram,
    /// The same, where a receipt of the last 20 days weighs three, one of the 20 before two, and an older one one.
    pub weights: HourHistogram,
}

impl ActiveHours {
    /// The recipient did something at an instant that is not after `now`.
    pub fn active(&mut self, at: Timestamp, zone: &Zone, now: Timestamp) {
        let (_, _, time) = local(at, zone);
        let (Some(at), Some(today)) = (hour_of(at), hour_of(now)) else { return };
        self.0.retain(|kept| weight(kept.at, today) > 0);
        if weight(at, today) == 0 {
            return;
        }
        let new = Active { at, wall: u8::try_from(time.hour()).expect("a day has 24 hours") };
        // What was told late goes where it belongs, so that the oldest is what leaves.
        let place = self.0.partition_point(|kept| kept.at <= at);
        self.0.insert(place, new);
        let over = self.0.len().saturating_sub(HOUR_RECEIPTS_MAX);
        self.0.drain(..over);
    }

    /// What counts at an instant.
    #[must_use]
    pub fn counted(&self, now: Timestamp) -> HourCounts {
        let mut counts = HourCounts::default();
        let Some(today) = hour_of(now) else { return counts };
        for active in &self.0 {
            let weight = weight(active.at, today);
            let hour = usize::from(active.wall);
            counts.receipts[hour] += u32::from(weight > 0);
            counts.weights[hour] += weight;
        }
        counts
    }

    pub(super) fn packed(&self) -> Vec<(i32, u8)> {
        self.0.iter().map(|active| (active.at, active.wall)).collect()
    }

    pub(super) fn unpacked(packed: Vec<(i32, u8)>) -> Result<Self, LearnedError> {
        if packed.len() > HOUR_RECEIPTS_MAX {
            return Err(LearnedError::TooMany);
        }
        let read =
            packed.into_iter().map(|(at, wall)| if wall < 24 { Some(Active { at, wall }) } else { None });
        read.collect::<Option<_>>().map(Self).ok_or(LearnedError::Number)
    }
}

impl HourCounts {
    /// How many count in all.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.receipts.iter().sum()
    }
}

/// None beyond the years that any calendar knows.
fn hour_of(at: Timestamp) -> Option<i32> {
    i32::try_from(at.as_millis().div_euclid(HOUR_MILLIS)).ok()
}

/// What a receipt of an hour weighs; nothing once it is too old.
fn weight(at: i32, today: i32) -> u32 {
    let hours = HOUR_DAYS * 24;
    let age = today.saturating_sub(at).clamp(0, hours);
    (WEIGHT_MAX - age * WEIGHT_MAX / hours).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hours_later(at: Timestamp, hours: i64) -> Timestamp {
        at.plus_millis(hours * HOUR_MILLIS)
    }

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    /// The hours in which something counts, with how often.
    fn shown(counts: &HourHistogram) -> Vec<(usize, u32)> {
        counts.iter().copied().enumerate().filter(|(_, count)| *count > 0).collect()
    }

    #[rstest]
    #[case("UTC", 17)]
    #[case("Europe/Berlin", 18)]
    #[case("Asia/Kolkata", 23)]
    #[case("America/St_Johns", 14)]
    fn an_hour_is_the_one_that_the_recipients_wall_shows(#[case] name: &str, #[case] hour: usize) {
        let now = at("2026-11-23T17:59:59Z");
        let mut hours = ActiveHours::default();
        hours.active(now, &zone(name), now);
        assert_eq!(shown(&hours.counted(now).receipts), [(hour, 1)]);
    }

    #[test]
    fn neither_a_journey_nor_summer_time_moves_what_was_counted() {
        let mut hours = ActiveHours::default();
        let (summer, winter) = (at("2026-10-24T17:00:00Z"), at("2026-10-26T18:00:00Z"));
        hours.active(summer, &zone("Europe/Berlin"), summer);
        hours.active(winter, &zone("Europe/Berlin"), winter);
        let away = at("2026-10-28T10:00:00Z");
        hours.active(away, &zone("Asia/Tokyo"), away);
        assert_eq!(shown(&hours.counted(away).receipts), [(19, 3)]);
    }

    #[rstest]
    #[case(0, 1, 3)]
    #[case(20 * 24 - 1, 1, 3)]
    #[case(20 * 24, 1, 2)]
    #[case(40 * 24, 1, 1)]
    #[case(60 * 24 - 1, 1, 1)]
    #[case(60 * 24, 0, 0)]
    fn a_receipt_weighs_less_with_age_and_nothing_after_sixty_days(
        #[case] age: i64,
        #[case] count: u32,
        #[case] weight: u32,
    ) {
        let then = at("2026-09-01T19:30:00Z");
        let mut hours = ActiveHours::default();
        hours.active(then, &Zone::utc(), then);
        let counts = hours.counted(hours_later(then, age));
        assert_eq!((counts.receipts[19], counts.weights[19], counts.total()), (count, weight, count));
        let mut late = ActiveHours::default();
        late.active(then, &Zone::utc(), hours_later(then, age));
        assert_eq!(late.0.len(), count as usize, "what is told too late is not kept");
    }

    #[test]
    fn two_hundred_are_kept_and_of_one_more_the_oldest_goes() {
        let first = at("2026-11-01T03:00:00Z");
        let mut hours = ActiveHours::default();
        let now = hours_later(first, 300);
        (1..=199).for_each(|n| hours.active(hours_later(first, n), &Zone::utc(), now));
        hours.active(first, &Zone::utc(), now);
        assert_eq!(
            (hours.0.len(), hours.0[0].at),
            (200, hour_of(first).unwrap()),
            "told late, yet the oldest"
        );
        hours.active(now, &Zone::utc(), now);
        assert_eq!((hours.0.len(), hours.0[0].at), (200, hour_of(first).unwrap() + 1));
        let packed = hours.packed();
        assert_eq!(ActiveHours::unpacked(packed.clone()).unwrap(), hours);
        let more = packed.into_iter().chain([(1, 1)]).collect();
        assert!(matches!(ActiveHours::unpacked(more), Err(LearnedError::TooMany)));
    }

    #[test]
    fn what_ran_out_leaves_with_the_next_receipt() {
        let first = at("2026-09-01T19:30:00Z");
        let mut hours = ActiveHours::default();
        hours.active(first, &Zone::utc(), first);
        let now = hours_later(first, 60 * 24);
        hours.active(now, &Zone::utc(), now);
        assert_eq!(hours.0.len(), 1);
    }
}
