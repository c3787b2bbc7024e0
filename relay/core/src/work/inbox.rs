//! The verbs that change a recipient and the two numbers of the inbox.

use std::sync::Arc;

use tidings_protocol::{CategoryId, Channel, TopicId};

use super::{PersonCopy, Work};
use crate::model::{ConsentEntry, ConsentState, Device, Endpoint, Inbox, PersonKey, Recipient};

impl Work<'_> {
    fn person_copy(&mut self, key: &PersonKey) -> &mut PersonCopy {
        self.people.get_mut(key).expect("a unit names every recipient that it decides on")
    }

    /// Makes the recipient and the inbox if they are not there. Answers whether they were made.
    pub(crate) fn ensure_recipient(&mut self, key: &PersonKey) -> bool {
        if self.person(key).is_known() {
            return false;
        }
        let epoch = u32::try_from(self.random() >> 96).expect("the upper 32 of 128 bits");
        let now = self.now;
        let copy = self.person_copy(key);
        let attributes = serde_json::Value::Object(serde_json::Map::new());
        copy.person.recipient =
            Some(Recipient { created_at: now, attributes, revision: 1, ..Recipient::default() });
        copy.person.inbox = Some(Inbox::new(epoch));
        copy.recipient_changed = true;
        true
    }

    /// A known recipient's row, which will be written.
    pub(crate) fn recipient_mut(&mut self, key: &PersonKey) -> &mut Recipient {
        let copy = self.person_copy(key);
        copy.recipient_changed = true;
        copy.person.recipient.as_mut().expect("only known recipients are changed")
    }

    /// A known recipient's inbox.
    pub(crate) fn inbox_mut(&mut self, key: &PersonKey) -> &mut Inbox {
        self.person_copy(key).person.inbox.as_mut().expect("only known recipients have inboxes that change")
    }

    /// Something that decisions read changed.
    pub(crate) fn raise_version(&mut self, key: &PersonKey) {
        self.inbox_mut(key).version += 1;
    }

    /// Something that devices see changed; answers its place.
    pub(crate) fn raise_seq(&mut self, key: &PersonKey) -> u64 {
        let inbox = self.inbox_mut(key);
        inbox.seq += 1;
        inbox.seq
    }

    /// The settings changed: devices see them, and decisions read them.
    pub(crate) fn settings_changed(&mut self, key: &PersonKey) -> u64 {
        let seq = self.raise_seq(key);
        self.inbox_mut(key).settings_seq = seq;
        self.raise_version(key);
        seq
    }

    /// Appends to the recipient's consent chain.
    pub(crate) fn append_consent(&mut self, key: &PersonKey, entry: ConsentEntry) {
        let states: Vec<((CategoryId, Channel), ConsentState)> = entry
            .channels
            .iter()
            .map(|channel| {
                let state = ConsentState {
                    decision: entry.decision,
                    since: entry.at,
                    entry: entry.id.clone(),
                    policy_version: entry.policy_version.clone(),
                };
                ((entry.category.clone(), *channel), state)
            })
            .collect();
        let copy = self.person_copy(key);
        copy.person.consents.head.entries = entry.number;
        copy.person.consents.head.hash = entry.hash;
        copy.person.consents.states.extend(states.iter().cloned());
        for ((category, channel), state) in states {
            self.changes.consent_states.push((key.clone(), category, channel, state));
        }
        self.changes.consent_entries.push((key.clone(), entry));
    }

    /// Puts a recipient into a topic or takes them out. Answers whether that changed anything.
    pub(crate) fn set_membership(&mut self, key: &PersonKey, topic: &TopicId, member: bool) -> bool {
        let topics = &mut self.person_copy(key).person.topics;
        let changed = if member { topics.insert(topic.clone()) } else { topics.remove(topic) };
        if changed {
            self.changes.memberships.push((key.clone(), topic.clone(), member));
            self.raise_version(key);
        }
        changed
    }

    /// Sets an address of a recipient. On a channel with one address it replaces the one before.
    pub(crate) fn set_endpoint(&mut self, key: &PersonKey, endpoint: Endpoint) {
        if endpoint.channel != Channel::Push {
            self.remove_endpoints(key, endpoint.channel, None);
        }
        let endpoints = &mut self.person_copy(key).person.endpoints;
        endpoints.retain(|known| known.channel != endpoint.channel || known.address != endpoint.address);
        endpoints.push(endpoint.clone());
        self.changes.endpoints_set.push((key.clone(), endpoint));
        self.raise_version(key);
    }

    /// Takes addresses of a recipient away: one, or all of a channel. Answers how many there were.
    pub(crate) fn remove_endpoints(
        &mut self,
        key: &PersonKey,
        channel: Channel,
        address: Option<&str>,
    ) -> usize {
        let endpoints = &mut self.person_copy(key).person.endpoints;
        let leaves =
            |e: &Endpoint| e.channel == channel && address.is_none_or(|address| &*e.address == address);
        let gone: Vec<Endpoint> = endpoints.iter().filter(|e| leaves(e)).cloned().collect();
        endpoints.retain(|e| !leaves(e));
        for endpoint in &gone {
            self.changes.endpoints_set.retain(|(person, set)| person != key || set != endpoint);
            self.changes.endpoints_removed.push((key.clone(), channel, endpoint.address.clone()));
        }
        if !gone.is_empty() {
            self.raise_version(key);
        }
        gone.len()
    }

    /// Makes or changes a device.
    pub(crate) fn set_device(&mut self, key: &PersonKey, device: Device) {
        self.changes.devices.retain(|(person, known)| person != key || known.id != device.id);
        self.changes.devices.push((key.clone(), device.clone()));
        self.person_copy(key).person.devices.insert(device.id.clone(), Arc::new(device));
    }
}
