//! The providers outside: what they take, what they say, and what they know of it. A provider's answer and what it did
//! in truth are two things; only the oracle sees both.

use std::collections::BTreeMap;

use tidings_core::delivery::{Handover, Outcome};
use tidings_protocol::Span;

use crate::world::World;

/// How long a node waits for an answer, in milliseconds.
pub(crate) const GIVE_UP_AFTER: i64 = 12_000;

/// What all providers took.
#[derive(Debug, Default)]
pub(crate) struct Providers {
    /// Under which key they took a delivery, and the id that they gave it.
    taken: BTreeMap<Box<str>, Box<str>>,
    /// Whose key it was that they were asked with first.
    keys: BTreeMap<Box<str>, Box<str>>,
    /// How often each delivery was taken.
    times: BTreeMap<Box<str>, u32>,
}

/// What a provider does with a delivery.
pub(crate) struct Answered {
    /// When the node hears of it, in milliseconds from now.
    pub(crate) delay: i64,
    /// What the node hears.
    pub(crate) outcome: Outcome,
    /// Whether the provider took it just now.
    pub(crate) took: bool,
}

impl Providers {
    /// A delivery is handed over. An answer is an error if a key was used for two of them.
    ///
    /// # Errors
    /// The delivery whose key it was before.
    pub(crate) fn ask(&mut self, world: &World, handover: &Handover) -> Result<Answered, Box<str>> {
        let owner = self.keys.entry(handover.key.clone()).or_insert_with(|| handover.delivery.clone());
        if *owner != handover.delivery {
            return Err(owner.clone());
        }
        let slow = world.fault("provider slow", 150);
        let delay = world.inside().chance.between(20, if slow { 9_000 } else { 900 });
        if let Some(outcome) = refusal(world) {
            return Ok(Answered { delay, outcome, took: false });
        }
        if world.fault("provider silent before it took it", 60) {
            return Ok(Answered { delay: GIVE_UP_AFTER, outcome: unknown(), took: false });
        }
        // Text message providers know their keys, mail servers and push services know none.
        let knows_keys = handover.provider.starts_with("sms");
        let known = self.taken.get(&handover.key).filter(|_| knows_keys).cloned();
        let took = known.is_none();
        let id = known.unwrap_or_else(|| self.take(world, handover));
        if world.fault("provider silent after it took it", 60) {
            return Ok(Answered { delay: GIVE_UP_AFTER, outcome: unknown(), took });
        }
        let parts = if handover.provider.starts_with("sms") { 1 + handover.attempt % 2 } else { 1 };
        Ok(Answered { delay, outcome: Outcome::Accepted { provider_id: Some(id), parts }, took })
    }

    fn take(&mut self, world: &World, handover: &Handover) -> Box<str> {
        *self.times.entry(handover.delivery.clone()).or_default() += 1;
        let id: Box<str> = format!("{}-{:08x}", handover.provider, world.inside().chance.word()).into();
        self.taken.insert(handover.key.clone(), id.clone());
        id
    }

    /// How often a delivery was taken since it was last revived.
    pub(crate) fn times_taken(&self, delivery: &str) -> u32 {
        self.times.get(delivery).copied().unwrap_or_default()
    }

    /// An operator revived a delivery: what is taken after that is wanted.
    pub(crate) fn revived(&mut self, delivery: &str) {
        self.times.remove(delivery);
    }
}

fn unknown() -> Outcome {
    Outcome::Unknown { code: "timeout".into() }
}

/// What is not taken, with what is said of it.
fn refusal(world: &World) -> Option<Outcome> {
    let code = |code: &str| Box::from(code);
    if world.fault("provider overloaded", 120) {
        return Some(Outcome::Transient { code: code("http_503"), retry_after: None });
    }
    if world.fault("provider asks to come again", 60) {
        let wish = Span::from_millis(world.inside().chance.between(500, 7_200_000));
        return Some(Outcome::Transient { code: code("http_429"), retry_after: Some(wish) });
    }
    if world.fault("address busy", 60) {
        let wish = Span::from_millis(world.inside().chance.between(500, 600_000));
        return Some(Outcome::AddressBusy { code: code("http_429"), retry_after: Some(wish) });
    }
    if world.fault("provider refuses it", 40) {
        return Some(Outcome::Permanent { code: code("http_413") });
    }
    if world.fault("provider knows nobody there", 40) {
        return Some(Outcome::AddressGone { code: code("gone") });
    }
    world.fault("provider refuses the account", 50).then(|| Outcome::Misconfigured { code: code("http_401") })
}
