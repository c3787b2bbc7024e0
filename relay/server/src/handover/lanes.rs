//! What holds for each provider of each project: how many deliveries are with it, how fast it may be asked, and whether it
//! is left alone. Addresses that name their own server share a provider but no server, so each server is bounded and left
//! alone by itself.

mod address;
mod bucket;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tidings_core::configuration::{Account, Provider};
use tidings_core::delivery::Outcome;
use tidings_protocol::{ProjectId, Timestamp};

use self::address::BusyAddresses;
use self::bucket::Bucket;
use super::breaker::Breaker;

/// Deliveries that are with one provider at a time.
pub(crate) const IN_FLIGHT_LANE_MAX: usize = 32;
/// Deliveries that are with one server at a time that addresses name themselves: other people's servers are small.
pub(crate) const IN_FLIGHT_SERVER_MAX: usize = 4;
/// Deliveries of one provider that are with all servers that its addresses name: half of all, so that a hundred servers that
/// answer nothing leave room to the other channels, and thirty leave room to each other.
pub(crate) const IN_FLIGHT_SERVERS_MAX: usize = 128;
/// Deliveries that are with all providers at a time; each has a connection at most.
pub(crate) const IN_FLIGHT_MAX: usize = 256;
/// Lanes whose state is remembered; one that nothing is known of begins anew.
const LANES_MAX: usize = 65_536;

/// A project's provider by name.
pub(crate) type LaneKey = (ProjectId, Box<str>);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Lanes(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    lanes: HashMap<LaneKey, LaneState>,
    in_flight: usize,
    /// Servers that are remembered, of all lanes.
    servers: usize,
}

#[derive(Debug, Default)]
struct LaneState {
    breaker: Breaker,
    bucket: Option<Bucket>,
    in_flight: usize,
    servers: HashMap<Box<str>, ServerState>,
    busy: BusyAddresses,
}

/// One server that addresses name.
#[derive(Debug, Default)]
struct ServerState {
    breaker: Breaker,
    in_flight: usize,
}

/// What a lane lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// So many now.
    Now(usize),
    /// Some from an instant on: it is asked as often as it allows.
    From(Timestamp),
    /// None before an instant: it failed again and again, and is left alone.
    Rests(Timestamp),
    /// None before one that is under way has ended.
    Full,
}

/// A delivery that came back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    /// The server that its address names, or nothing.
    pub(crate) host: &'a str,
    pub(crate) address: &'a str,
    pub(crate) outcome: &'a Outcome,
    /// It is the one that shows whether the provider is back.
    pub(crate) probe: bool,
}

impl Lanes {
    /// How many more deliveries may go to a provider, and to the server that their addresses name.
    pub(crate) fn admits(
        &self,
        (key, host): (&LaneKey, &str),
        settings: &Provider,
        now: Timestamp,
    ) -> Admitted {
        let mut known = self.locked();
        let free = IN_FLIGHT_MAX.saturating_sub(known.in_flight);
        let lane = known.lanes.entry(key.clone()).or_default();
        let server = lane.servers.get(host);
        let room = if host.is_empty() {
            IN_FLIGHT_LANE_MAX.saturating_sub(lane.in_flight)
        } else {
            let with_server = server.map_or(0, |server| server.in_flight);
            let room = IN_FLIGHT_SERVERS_MAX.saturating_sub(lane.in_flight);
            room.min(IN_FLIGHT_SERVER_MAX.saturating_sub(with_server))
        };
        let room = room.min(free);
        if room == 0 {
            return Admitted::Full;
        }
        let mut admitted = match lane.breaker.admits(room, now) {
            Ok(admitted) => admitted,
            Err(until) => return Admitted::Rests(until),
        };
        if let Some(server) = server {
            match server.breaker.admits(admitted, now) {
                Ok(allowed) => admitted = allowed,
                // Another account would ask the same server.
                Err(until) => return Admitted::From(until),
            }
        }
        if let Some(rate) = settings.rate {
            let bucket = lane.bucket.get_or_insert(Bucket::full(rate, now));
            if bucket.per_second != rate {
                *bucket = Bucket::full(rate, now);
            }
            match bucket.admits(admitted, now) {
                Ok(allowed) => admitted = allowed,
                Err(from) => return Admitted::From(from),
            }
        }
        Admitted::Now(admitted)
    }

    /// Until when an address asked to be left alone, if it did.
    pub(crate) fn address_rests(&self, key: &LaneKey, address: &str, now: Timestamp) -> Option<Timestamp> {
        self.locked().lanes.get(key)?.busy.until(address, now)
    }

    /// A delivery goes to a provider. Answers whether it is the one that shows whether the provider, or the server that its
    /// address names, is back.
    pub(crate) fn begun(&self, (key, host): (&LaneKey, &str)) -> bool {
        let mut known = self.locked();
        known.in_flight += 1;
        let lane = known.lanes.entry(key.clone()).or_default();
        lane.in_flight += 1;
        if let Some(bucket) = &mut lane.bucket {
            bucket.take();
        }
        if host.is_empty() {
            return lane.breaker.begun();
        }
        let is_new = !lane.servers.contains_key(host);
        let server = lane.servers.entry(host.into()).or_default();
        server.in_flight += 1;
        let probe = server.breaker.begun();
        known.servers += usize::from(is_new);
        probe
    }

    /// A delivery came back. What one recipient's own server does says nothing about the others', so it does not open the
    /// breaker of the lane that they share. Answers whether that has opened.
    pub(crate) fn ended(&self, key: &LaneKey, settings: &Provider, ended: Ended<'_>, now: Timestamp) -> bool {
        let mut known = self.locked();
        known.in_flight = known.in_flight.saturating_sub(1);
        let crowded = known.lanes.len() > LANES_MAX;
        let many_servers = known.servers > LANES_MAX;
        let Some(lane) = known.lanes.get_mut(key) else { return false };
        lane.in_flight = lane.in_flight.saturating_sub(1);
        if let Outcome::AddressBusy { retry_after, .. } = ended.outcome {
            lane.busy.note(ended.address, *retry_after, now);
        }
        let before = lane.breaker.state(now);
        let mut forgotten = 0;
        if !ended.host.is_empty() {
            forgotten = lane.server_ended(ended, many_servers, now);
        } else if !matches!(settings.account, Account::Webhook(_) | Account::Webpush(_)) {
            lane.breaker.heard(ended.outcome, ended.probe, now);
        }
        let after = lane.breaker.state(now);
        if before != after {
            let code = ended.outcome.code();
            tracing::warn!(provider = &*key.1, state = after, code, "a provider's breaker moved");
        }
        let open = if after == "closed" { 0.0 } else { 1.0 };
        let (project, provider) = (key.0.to_string(), key.1.to_string());
        metrics::gauge!("tidings_provider_open", "project" => project, "provider" => provider).set(open);
        if crowded && lane.in_flight == 0 {
            forgotten += lane.servers.len();
            known.lanes.remove(key);
        }
        known.servers = known.servers.saturating_sub(forgotten);
        before == "closed" && after == "open"
    }

    /// The states of a project's providers that were used: name, breaker's state, deliveries under way.
    pub(crate) fn states(&self, project: &ProjectId, now: Timestamp) -> Vec<(Box<str>, &'static str, usize)> {
        let known = self.locked();
        let of = known.lanes.iter().filter(|((owner, _), _)| owner == project);
        let mut states: Vec<_> =
            of.map(|((_, name), lane)| (name.clone(), lane.breaker.state(now), lane.in_flight)).collect();
        states.sort();
        states
    }

    fn locked(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LaneState {
    /// Answers how many servers were forgotten: one that is idle and well, or too many, is worth no memory.
    fn server_ended(&mut self, ended: Ended<'_>, many: bool, now: Timestamp) -> usize {
        let Some(server) = self.servers.get_mut(ended.host) else { return 0 };
        server.in_flight = server.in_flight.saturating_sub(1);
        let before = server.breaker.state(now);
        server.breaker.heard(ended.outcome, ended.probe, now);
        let after = server.breaker.state(now);
        if before != after {
            // Its name is part of somebody's address.
            tracing::info!(
                state = after,
                code = ended.outcome.code(),
                "the breaker of a recipient's server moved"
            );
        }
        if server.in_flight == 0 && (many || server.breaker.is_fresh()) {
            self.servers.remove(ended.host);
            return 1;
        }
        0
    }
}
