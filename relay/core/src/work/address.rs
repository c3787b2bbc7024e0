//! Addresses and what is on its way to them.

use tidings_protocol::{Channel, DeliveryState, ProjectId, Reason, Timestamp};

use super::Work;
use crate::calendar::Day;
use crate::model::{Delivery, PersonKey};

impl Work<'_> {
    /// Deliveries of a recipient that are on their way.
    pub(crate) fn deliveries_to<'a>(&'a self, person: &'a PersonKey) -> impl Iterator<Item = &'a Delivery> {
        let pending = |state| matches!(state, DeliveryState::Waiting | DeliveryState::HandingOver);
        let rows = self.deliveries.values().map(|copy| &copy.row);
        rows.filter(move |delivery| delivery.person == *person && pending(delivery.state))
    }

    /// A delivery that waits waits until another instant, for a reason of which the story may tell.
    pub(crate) fn put_off_delivery(&mut self, id: &str, due: Timestamp, reason: Option<Reason>) {
        self.way_mut(id).due = due;
        let delivery = self.deliveries.get_mut(id).expect("it was changed above").touch();
        delivery.reason = reason;
        let sooner = self.after.handover_sooner.map_or(due, |sooner| sooner.min(due));
        self.after.handover_sooner = Some(sooner);
    }

    /// Nobody is behind an address any more; whoever acts puts it onto the stop list.
    pub(crate) fn tell_gone(&mut self, project: ProjectId, channel: Channel, address: Box<str>) {
        self.after.gone.push((project, channel, address));
    }

    /// What was spent on a channel from a day on, in millionths of the project's currency.
    pub(crate) fn spent_since(&self, project: &ProjectId, channel: Channel, day: Day) -> i64 {
        let from = (project.clone(), channel, day.number());
        let to = (project.clone(), channel, i32::MAX);
        self.spending.range(from..=to).map(|(_, spent)| spent).sum()
    }

    /// Counts what was spent on a channel.
    pub(crate) fn spend(&mut self, project: &ProjectId, channel: Channel, day: Day, cost: i64) {
        let key = (project.clone(), channel, day.number());
        *self.spending.entry(key.clone()).or_default() += cost;
        *self.changes.spending.entry(key).or_default() += cost;
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
