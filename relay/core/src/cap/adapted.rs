//! A cap that follows a recipient's own response rate.

/// Notifications shown in 30 days below which a response rate says nothing.
pub const ADAPT_SHOWN_MIN: u32 = 20;
/// The response rate at which a cap is what the document says, in percent.
const NEUTRAL_PERCENT: u64 = 10;
/// The response rate from which a cap is at its most, in percent.
const KEEN_PERCENT: u64 = 50;

/// The cap that counts for a recipient who was shown `displayed_30d` notifications in 30 days and responded to
/// `responded_30d` of them. Straight lines join `min` at no response, `cap` at one in ten and `max` at one in two;
/// more responses never give less. With fewer than [`ADAPT_SHOWN_MIN`] shown, `cap` itself. Always within `min..=max`.
#[must_use]
pub fn adapted(cap: u32, min: u32, max: u32, displayed_30d: u32, responded_30d: u32) -> u32 {
    let max = max.max(min);
    let cap = cap.clamp(min, max);
    if displayed_30d < ADAPT_SHOWN_MIN {
        return cap;
    }
    let displayed = u64::from(displayed_30d);
    // In hundredths of the notifications shown, so that a percentage is a whole multiple of `displayed`.
    let responded = u64::from(responded_30d.min(displayed_30d)) * 100;
    let neutral = NEUTRAL_PERCENT * displayed;
    let keen = KEEN_PERCENT * displayed;
    if responded <= neutral {
        between(min, cap, responded, neutral)
    } else {
        between(cap, max, (responded - neutral).min(keen - neutral), keen - neutral)
    }
}

/// The whole number that lies `part` of `whole` of the way from `low` up to `high`.
fn between(low: u32, high: u32, part: u64, whole: u64) -> u32 {
    let rise = u128::from(high - low) * u128::from(part) / u128::from(whole);
    low + u32::try_from(rise).expect("a part of a u32 is a u32")
}
