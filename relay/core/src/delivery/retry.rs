//! Whether there is another attempt, when, and with which provider.
//!
//! Pauses double up to a ceiling and are drawn evenly from zero to that ("full jitter"), so that what failed together does
//! not come back together. A provider's own `Retry-After` is honoured within bounds. The budgets are times, not counts:
//! a provider that is down for an hour costs an hour, however often it was asked.

use tidings_protocol::{Channel, Reason, Span, Timestamp};

use super::Outcome;

/// Attempts of one delivery, whatever the time says: more are a mistake here and not patience.
pub const ATTEMPTS_MAX: u32 = 1_000;
/// The shortest pause: a provider that fails at once is not asked in a circle.
pub const PAUSE_MIN: Span = Span::from_millis(1_000);
/// The longest wish of a provider that is honoured.
pub const RETRY_AFTER_MAX: Span = Span::from_millis(3_600_000);

/// How patient a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The bound of the first pause.
    pub first: Span,
    /// The bound of every later one.
    pub ceiling: Span,
    /// How long one provider is asked while there is another.
    pub provider: Span,
    /// How long a delivery is tried in all.
    pub delivery: Span,
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// How patient a channel is. A ceiling of half an hour makes about a hundred attempts in a day. A buzz that comes an hour late is worth little, so push and text messages change the provider
/// soon; mail servers expect to be asked for a day (RFC 5321 says up to five), and other people's URLs are down for a night.
#[must_use]
pub const fn patience(channel: Channel) -> Patience {
    match channel {
        Channel::Inapp | Channel::Push => Patience::of(2_000, 30 * MINUTE, 2 * MINUTE, 24 * HOUR),
        Channel::Sms => Patience::of(5_000, 30 * MINUTE, 2 * MINUTE, 24 * HOUR),
        Channel::Email => Patience::of(30_000, 30 * MINUTE, 10 * MINUTE, 24 * HOUR),
        Channel::Webhook => Patience::of(5_000, 30 * MINUTE, 24 * HOUR, 24 * HOUR),
    }
}

impl Patience {
    const fn of(first: i64, ceiling: i64, provider: i64, delivery: i64) -> Self {
        Self {
            first: Span::from_millis(first),
            ceiling: Span::from_millis(ceiling),
            provider: Span::from_millis(provider),
            delivery: Span::from_millis(delivery),
        }
    }
}

/// What is known of a delivery when an outcome comes.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// On which channel.
    pub channel: Channel,
    /// Attempts that were begun, this one too.
    pub attempts: u32,
    /// Attempts with this provider, this one too.
    pub tries: u32,
    /// When the first attempt began.
    pub first_at: Timestamp,
    /// When the first attempt with this provider began.
    pub provider_at: Timestamp,
    /// Whether its one repetition after an unknown outcome was begun.
    pub repeated: bool,
    /// Whether there is another provider that was not given up.
    pub another: bool,
    /// When the notification is worth nothing any more.
    pub expires_at: Timestamp,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The provider took it.
    Sent,
    /// The same provider again, at an instant.
    Again(Timestamp),
    /// The same provider again with the same key, at an instant: the one repetition of an unknown outcome.
    Repeat(Timestamp),
    /// The next provider, at once.
    Another,
    /// No more.
    Dead(Reason),
}

/// What follows from an outcome. `chance` is any evenly drawn number.
#[must_use]
pub fn next(history: &History, outcome: &Outcome, now: Timestamp, chance: u64) -> Next {
    let patience = patience(history.channel);
    match outcome {
        Outcome::Accepted { .. } => Next::Sent,
        Outcome::Permanent { .. } => Next::Dead(Reason::Permanent),
        Outcome::AddressGone { .. } => Next::Dead(Reason::AddressGone),
        Outcome::Unknown { .. } if history.repeated => Next::Dead(Reason::OutcomeUnknown),
        Outcome::Unknown { .. } => {
            let at = now.plus_millis(pause(&patience, history.tries, None, chance));
            within(history, &patience, at).map_or(Next::Dead(Reason::OutcomeUnknown), Next::Repeat)
        }
        Outcome::Misconfigured { .. } if history.another => Next::Another,
        // Nothing but an operator helps: the account is looked at again now and then.
        Outcome::Misconfigured { .. } => again(history, &patience, now, patience.ceiling.as_millis()),
        Outcome::Transient { retry_after, .. } | Outcome::AddressBusy { retry_after, .. } => {
            let spent = now.millis_since(history.provider_at) >= patience.provider.as_millis();
            let too_long = retry_after.is_some_and(|wish| wish > patience.provider);
            if history.another && (spent || too_long) {
                return Next::Another;
            }
            again(history, &patience, now, pause(&patience, history.tries, *retry_after, chance))
        }
    }
}

fn again(history: &History, patience: &Patience, now: Timestamp, millis: i64) -> Next {
    within(history, patience, now.plus_millis(millis)).map_or(Next::Dead(Reason::TimeBudget), Next::Again)
}

/// The instant, if it is within the delivery's budget.
fn within(history: &History, patience: &Patience, at: Timestamp) -> Option<Timestamp> {
    let end = history.first_at.plus_millis(patience.delivery.as_millis()).min(history.expires_at);
    (at < end && history.attempts < ATTEMPTS_MAX).then_some(at)
}

/// The pause before the next attempt, in milliseconds. A provider's wish is its floor.
fn pause(patience: &Patience, tries: u32, wish: Option<Span>, chance: u64) -> i64 {
    let doubled = patience.first.as_millis().saturating_mul(1_i64 << tries.saturating_sub(1).min(20));
    let bound = u64::try_from(doubled.min(patience.ceiling.as_millis())).unwrap_or(1).max(1);
    let drawn = i64::try_from(chance % bound).unwrap_or(0).max(PAUSE_MIN.as_millis());
    wish.map_or(drawn, |wish| {
        wish.as_millis().clamp(PAUSE_MIN.as_millis(), RETRY_AFTER_MAX.as_millis()) + drawn
    })
}

#[cfg(test)]
mod tests;
