//! What operators and backends read about single notifications.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use async_trait::async_trait;
use tidings_core::model::{Delivery, Entry, Event, InappDelivery, Notification, PersonKey};
use tidings_core::ports::{DeliveryFilter, EventRef, FeedPage, NotificationFilter, StoreError, StoryReader};
use tidings_protocol::{EventId, NotificationId, NotificationState, ProjectId, Timestamp, TopicId};

use super::{MemoryStore, PortCall};

#[async_trait]
impl StoryReader for MemoryStore {
    async fn story(
        &self,
        project: &ProjectId,
        id: &NotificationId,
    ) -> Result<Option<(Notification, Vec<Entry>, Vec<Delivery>)>, StoreError> {
        self.at(PortCall::Story).await?;
        let tables = self.shared.lock();
        let row = tables.notifications.get(id).filter(|row| row.person.project == *project);
        Ok(row.map(|row| {
            let deliveries = tables.all_deliveries_of(id).cloned().collect();
            (row.clone(), tables.lines(id).cloned().collect(), deliveries)
        }))
    }

    async fn notifications(
        &self,
        project: &ProjectId,
        filter: &NotificationFilter,
    ) -> Result<Vec<Notification>, StoreError> {
        self.at(PortCall::Story).await?;
        let tables = self.shared.lock();
        let mut rows: Vec<_> = match &filter.recipient {
            Some(recipient) => {
                let person = PersonKey { project: project.clone(), recipient: recipient.clone() };
                tables.notifications_of(&person).filter(|row| matches(filter, row)).collect()
            }
            None => {
                let rows = tables.notifications.iter().map(|(_, row)| row);
                rows.filter(|row| row.person.project == *project && matches(filter, row)).collect()
            }
        };
        rows.sort_by_key(|row| Reverse((row.created_at, row.id.clone())));
        Ok(rows.into_iter().take(filter.limit).cloned().collect())
    }

    async fn event(&self, project: &ProjectId, which: &EventRef) -> Result<Option<Event>, StoreError> {
        self.at(PortCall::Story).await?;
        let tables = self.shared.lock();
        Ok(match which {
            EventRef::Id(id) => tables.events.get(id).filter(|row| row.project == *project).cloned(),
            EventRef::External { source, external_id } => tables
                .same_events(project, source.as_deref(), external_id, Timestamp::from_millis(i64::MIN))
                .max_by_key(|row| (row.accepted_at, row.id.clone()))
                .cloned(),
        })
    }

    async fn events_named(
        &self,
        project: &ProjectId,
        external_id: &str,
    ) -> Result<Vec<(Option<Box<str>>, EventId)>, StoreError> {
        self.at(PortCall::Story).await?;
        let tables = self.shared.lock();
        let mut newest: BTreeMap<Option<Box<str>>, (Timestamp, EventId)> = BTreeMap::new();
        let named =
            |row: &&Event| row.project == *project && row.body.external_id.as_deref() == Some(external_id);
        for row in tables.events.iter().map(|(_, row)| row).filter(named) {
            let found = (row.accepted_at, row.id.clone());
            let kept = newest.entry(row.body.source.clone()).or_insert_with(|| found.clone());
            *kept = found.max(kept.clone());
        }
        Ok(newest.into_iter().map(|(source, (_, id))| (source, id)).collect())
    }

    async fn events(
        &self,
        project: &ProjectId,
        since: Timestamp,
        until: Timestamp,
        after: Option<&EventId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.at(PortCall::Story).await?;
        let tables = self.shared.lock();
        let of_project = |id: &EventId| tables.events.get(id).filter(|row| row.project == *project);
        let after = after.and_then(of_project).map(|row| (row.accepted_at, row.id.clone()));
        let rows = tables.events.iter().map(|(_, row)| row);
        let mut rows: Vec<_> = rows
            .filter(|row| row.project == *project && row.accepted_at >= since && row.accepted_at < until)
            .filter(|row| Some((row.accepted_at, row.id.clone())) > after)
            .collect();
        rows.sort_by_key(|row| (row.accepted_at, row.id.clone()));
        Ok(rows.into_iter().take(limit).cloned().collect())
    }

    async fn progress(&self, event: &EventId) -> Result<BTreeMap<NotificationState, u64>, StoreError> {
        self.at(PortCall::Story).await?;
        let tables = self.shared.lock();
        let mut states = BTreeMap::new();
        for row in tables.notifications_from(event, "") {
            *states.entry(row.state).or_default() += 1;
        }
        Ok(states)
    }

    async fn members(&self, project: &ProjectId, topic: &TopicId) -> Result<u64, StoreError> {
        self.at(PortCall::Story).await?;
        let tables = self.shared.lock();
        let members =
            tables.topics.iter().filter(|((person, _), row)| person.project == *project && *row == topic);
        Ok(members.count() as u64)
    }

    async fn deliveries(
        &self,
        project: &ProjectId,
        filter: &DeliveryFilter,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.at(PortCall::Story).await?;
        let tables = self.shared.lock();
        let rows = tables.deliveries.iter().rev().map(|(_, row)| row);
        let rows = rows
            .filter(|row| row.person.project == *project && filter.is_met_by(row))
            .filter(|row| filter.before.as_deref().is_none_or(|before| &*row.id < before));
        Ok(rows.take(filter.limit).cloned().collect())
    }

    async fn inapp_deliveries(
        &self,
        project: &ProjectId,
        filter: &DeliveryFilter,
        upto: Timestamp,
    ) -> Result<Vec<Notification>, StoreError> {
        self.at(PortCall::Story).await?;
        let tables = self.shared.lock();
        let meant = |row: &&Notification| {
            let made = |inapp: &InappDelivery| {
                filter.state.is_none_or(|state| inapp.state == state)
                    && filter.since.is_none_or(|since| inapp.made_at >= since)
                    && filter.until.is_none_or(|until| inapp.made_at < until)
            };
            row.person.project == *project
                && row.created_at <= upto
                && filter.before.as_deref().is_none_or(|before| row.id.as_str() < before)
                && filter.recipient.as_ref().is_none_or(|id| row.person.recipient == *id)
                && row.created_seq.is_some()
                && row.inapp.as_ref().is_some_and(made)
        };
        let mut rows: Vec<_> = tables.notifications.iter().map(|(_, row)| row).filter(meant).collect();
        rows.sort_by_key(|row| Reverse((row.created_at, row.id.clone())));
        Ok(rows.into_iter().take(filter.limit).cloned().collect())
    }

    async fn feed(&self, project: &ProjectId, after: u64, limit: usize) -> Result<FeedPage, StoreError> {
        self.at(PortCall::Story).await?;
        let tables = self.shared.lock();
        let from = (project.clone(), after.saturating_add(1));
        let rows = tables.feed.range(from..=(project.clone(), u64::MAX)).take(limit);
        let entries: Vec<_> = rows.map(|((_, number), row)| (*number, row.clone())).collect();
        let next = entries.last().map_or(after, |(number, _)| *number);
        Ok(FeedPage { entries, next })
    }
}

fn matches(filter: &NotificationFilter, row: &Notification) -> bool {
    filter.recipient.as_ref().is_none_or(|id| row.person.recipient == *id)
        && filter.event.as_ref().is_none_or(|id| row.cause.event == *id)
        && filter.category.as_ref().is_none_or(|id| row.category == *id)
        && filter.rule.as_ref().is_none_or(|id| row.cause.rule.as_ref() == Some(id))
        && filter.state.is_none_or(|state| row.state == state)
        && filter.since.is_none_or(|since| row.created_at >= since)
        && filter.until.is_none_or(|until| row.created_at < until)
        && filter.before.as_ref().is_none_or(|(at, id)| (row.created_at, &row.id) < (*at, id))
}
