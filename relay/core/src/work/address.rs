//! Addresses and what is on its way to them.

use tidings_protocol::{Channel, DeliveryState, ProjectId};

use super::Work;
use crate::model::{Delivery, PersonKey};

impl Work<'_> {
    /// Deliveries of a recipient that are on their way.
    pub(crate) fn deliveries_to<'a>(&'a self, person: &'a PersonKey) -> impl Iterator<Item = &'a Delivery> {
        let pending = |state| matches!(state, DeliveryState::Waiting | DeliveryState::HandingOver);
        let rows = self.deliveries.values().map(|copy| &copy.row);
        rows.filter(move |delivery| delivery.person == *person && pending(delivery.state))
    }

    /// Who had an address of a project when it was asked.
    pub(crate) fn owners_read<'a>(
        &'a self,
        project: &'a ProjectId,
        channel: Channel,
        address: &'a str,
    ) -> impl Iterator<Item = &'a PersonKey> {
        let same = move |row: &&(Channel, Box<str>, PersonKey)| {
            row.2.project == *project && row.0 == channel && &*row.1 == address
        };
        self.owners.iter().filter(same).map(|(_, _, person)| person)
    }

    /// Who has an address of a project after the decisions so far.
    pub(crate) fn owners(&self, project: &ProjectId, channel: Channel, address: &str) -> Vec<PersonKey> {
        let has = |person: &crate::model::Person| {
            person.endpoints.iter().any(|e| e.channel == channel && &*e.address == address)
        };
        let people = self.people.iter().filter(|(key, copy)| key.project == *project && has(&copy.person));
        people.map(|(key, _)| key.clone()).collect()
    }
}
