//! What the oracle knows of each recipient, from what was written.

use std::collections::{BTreeMap, BTreeSet};

use tidings_core::model::Changes;
use tidings_protocol::item::QuietHoursItem;
use tidings_protocol::{CategoryId, Channel, Decision, Timestamp};

use super::Oracle;

/// One recipient.
#[derive(Clone, Debug, Default)]
pub(super) struct PersonSeen {
    pub(super) epoch: Option<u32>,
    pub(super) head: u64,
    pub(super) zone: Option<String>,
    pub(super) quiet: Option<QuietHoursItem>,
    pub(super) paused_until: Option<Timestamp>,
    pub(super) off: BTreeSet<(CategoryId, Channel)>,
    pub(super) addresses: BTreeSet<(Channel, Box<str>)>,
    pub(super) consents: BTreeMap<(CategoryId, Channel), Decision>,
}

impl Oracle {
    pub(super) fn follow_people(&mut self, changes: &Changes) {
        for (person, _) in &changes.erased {
            self.people.remove(person);
            self.releases.retain(|release| release.person != *person);
            self.held.retain(|(of, _), _| of != person);
            self.forget_deliveries(person);
        }
        for (person, row) in &changes.recipients {
            let seen = self.people.entry(person.clone()).or_default();
            seen.zone.clone_from(&row.time_zone);
            seen.quiet = row.preferences.quiet_hours.as_ref().and_then(|(hours, _)| hours.clone());
            seen.paused_until = row.preferences.paused_until.as_ref().and_then(|(until, _)| *until);
            let off = row.preferences.choices.iter().filter(|(_, choice)| !choice.chosen);
            seen.off = off.map(|(key, _)| key.clone()).collect();
        }
        for (person, inbox) in &changes.inboxes {
            let seen = self.people.entry(person.clone()).or_default();
            let (epoch, head) = (seen.epoch, seen.head);
            (seen.epoch, seen.head) = (Some(inbox.epoch), inbox.seq);
            let back = epoch == Some(inbox.epoch) && inbox.seq < head;
            self.hold(!back, || format!("the inbox of {} went back to {}", person.recipient, inbox.seq));
        }
        for (person, channel, address) in &changes.endpoints_removed {
            let seen = self.people.entry(person.clone()).or_default();
            seen.addresses.remove(&(*channel, address.clone()));
        }
        for (person, endpoint) in &changes.endpoints_set {
            let seen = self.people.entry(person.clone()).or_default();
            seen.addresses.insert((endpoint.channel, endpoint.address.clone()));
        }
        for (person, device) in &changes.devices {
            self.held.insert((person.clone(), device.id.clone()), device.held);
        }
        for (person, category, channel, state) in &changes.consent_states {
            let seen = self.people.entry(person.clone()).or_default();
            seen.consents.insert((category.clone(), *channel), state.decision);
        }
    }
}
