//! Reads of the working copy. They see what the decisions before them made.

use std::sync::Arc;

use tidings_protocol::{
    CategoryId, DeviceId, EventId, NotificationId, NotificationState, OperationId, ProjectId, RecipientId,
    RuleId, Span,
};

use super::{Live, Work};
use crate::expression::Lookups;
use crate::model::{
    Delivery, DigestScope, DueKey, DueRow, Event, Notification, OnceKey, OpenDigest, OperationRow, Person,
    PersonKey, StoredAnswer,
};
use crate::ports::{ConversionAsked, HistoryAsked, Need};

impl Work<'_> {
    /// What is live in a project.
    pub(crate) fn live(&self, project: &ProjectId) -> Arc<Live> {
        Arc::clone(self.live.get(project).expect("every unit's project is read before it decides"))
    }

    /// What is live in a project, if it was read.
    pub(crate) fn live_if_read(&self, project: &ProjectId) -> Option<&Live> {
        self.live.get(project).map(Arc::as_ref)
    }

    /// A recipient that was read.
    pub(crate) fn person(&self, key: &PersonKey) -> &Person {
        &self.people.get(key).expect("a unit names every recipient that it decides on").person
    }

    /// A recipient, if it was read.
    pub(crate) fn person_if_read(&self, key: &PersonKey) -> Option<&Person> {
        self.people.get(key).map(|copy| &copy.person)
    }

    /// An event.
    pub(crate) fn event(&self, id: &EventId) -> Option<&Event> {
        self.events.get(id).map(|copy| &copy.row)
    }

    /// The event that a backend named so, if it was accepted before or by this batch. The sandbox has its own: a live
    /// event is no repetition of what was tried there.
    pub(crate) fn same_event(
        &self,
        project: &ProjectId,
        sandbox: bool,
        source: Option<&str>,
        external_id: &str,
    ) -> Option<&Event> {
        let named = self.by_external_id.get(external_id)?;
        named.iter().filter_map(|id| self.event(id)).find(|event| {
            event.project == *project && event.sandbox == sandbox && event.body.source.as_deref() == source
        })
    }

    /// A notification.
    pub(crate) fn notification(&self, id: &NotificationId) -> Option<&Notification> {
        self.notifications.get(id).map(|copy| &copy.row)
    }

    /// Every notification of a recipient in the copy.
    pub(crate) fn notifications_of<'a>(
        &'a self,
        person: &PersonKey,
    ) -> impl Iterator<Item = &'a Notification> {
        self.by_person
            .get(person)
            .into_iter()
            .flatten()
            .map(|id| &self.notifications.get(id).expect("the index names rows of the copy").row)
    }

    /// The notification that an event made for a rule and recipient.
    pub(crate) fn made_by(
        &self,
        event: &EventId,
        rule: Option<&RuleId>,
        person: &PersonKey,
    ) -> Option<&Notification> {
        self.notifications_of(person).find(|notification| {
            notification.cause.event == *event
                && notification.cause.rule.as_ref() == rule
                && !notification.cause.digest
        })
    }

    /// Pending or visible notifications of a category with a collapse key.
    pub(crate) fn collapsible(
        &self,
        person: &PersonKey,
        category: &CategoryId,
        value: &str,
    ) -> Vec<NotificationId> {
        let same = |n: &&Notification| n.category == *category && n.keys.collapse.as_deref() == Some(value);
        let open = |n: &&Notification| n.is_pending() || n.is_visible();
        self.notifications_of(person).filter(same).filter(open).map(|n| n.id.clone()).collect()
    }

    /// Open notifications of a rule that a later event cancels.
    pub(crate) fn matching(
        &self,
        project: &ProjectId,
        rule: &RuleId,
        event_type: &str,
        value: Option<&str>,
    ) -> Vec<&Notification> {
        let named = |n: &&Notification| n.person.project == *project && n.cause.rule.as_ref() == Some(rule);
        let keyed = |n: &&Notification| {
            n.keys.matches.iter().any(|key| &*key.event_type == event_type && key.value.as_deref() == value)
        };
        let rows = self.notifications.values().map(|copy| &copy.row);
        rows.filter(named).filter(|n| n.is_open()).filter(keyed).collect()
    }

    /// Notifications of which a later event is the conversion.
    pub(crate) fn convertible(&self, asked: &ConversionAsked) -> Vec<&Notification> {
        match &asked.recipient {
            Some(recipient) => {
                let person = PersonKey { project: asked.project.clone(), recipient: recipient.clone() };
                self.notifications_of(&person).filter(|row| asked.is_met_by(row)).collect()
            }
            None => {
                let rows = self.notifications.values().map(|copy| &copy.row);
                rows.filter(|row| asked.is_met_by(row)).collect()
            }
        }
    }

    /// Notifications of a chain.
    pub(crate) fn chain(&self, root: &NotificationId) -> Vec<NotificationId> {
        let rows = self.notifications.values().map(|copy| &copy.row);
        rows.filter(|n| n.chain.as_ref() == Some(root)).map(|n| n.id.clone()).collect()
    }

    /// Members of a digest that are still held, oldest first.
    pub(crate) fn members(&self, digest: &NotificationId) -> Vec<NotificationId> {
        let held =
            |n: &&Notification| n.state == NotificationState::Held && n.digest.as_ref() == Some(digest);
        let mut rows: Vec<_> = self.notifications.values().map(|copy| &copy.row).filter(held).collect();
        rows.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        rows.into_iter().map(|n| n.id.clone()).collect()
    }

    /// Notifications of an event or send in the copy.
    pub(crate) fn of_event(&self, event: &EventId) -> Vec<NotificationId> {
        let rows = self.notifications.values().map(|copy| &copy.row);
        rows.filter(|n| n.cause.event == *event).map(|n| n.id.clone()).collect()
    }

    /// The open digest of a scope and key.
    pub(crate) fn digest(&self, person: &PersonKey, scope: &DigestScope, key: &str) -> Option<&OpenDigest> {
        let copy = self.digests.get(&(person.clone(), scope.clone(), key.into()))?;
        (!copy.closed).then_some(&copy.digest)
    }

    /// An open digest by id.
    pub(crate) fn digest_by_id(&self, id: &NotificationId) -> Option<&OpenDigest> {
        self.digests.values().find(|copy| !copy.closed && copy.digest.id == *id).map(|copy| &copy.digest)
    }

    /// Whether a rule reached a recipient for a value.
    pub(crate) fn once(&self, person: &PersonKey, rule: &RuleId, value: &str) -> Option<&OnceKey> {
        self.once.get(&(person.clone(), rule.clone(), value.into())).filter(|key| key.until > self.now)
    }

    /// Pending deliveries of a notification.
    pub(crate) fn deliveries_of<'a>(&'a self, id: &'a NotificationId) -> impl Iterator<Item = &'a Delivery> {
        self.deliveries.values().map(|copy| &copy.row).filter(move |delivery| delivery.notification == *id)
    }

    /// A delivery of a project by id.
    pub(crate) fn delivery(&self, project: &ProjectId, id: &str) -> Option<&Delivery> {
        self.deliveries.get(id).map(|copy| &copy.row).filter(|row| row.person.project == *project)
    }

    /// A row of work.
    pub(crate) fn due_row(&self, key: &DueKey) -> Option<&DueRow> {
        self.due.get(key)
    }

    /// Whether and how an operation was answered.
    pub(crate) fn operation(
        &self,
        person: &PersonKey,
        device: &DeviceId,
        operation: &OperationId,
    ) -> Option<&OperationRow> {
        let same = |row: &&OperationRow| {
            row.person == *person && row.device == *device && row.operation == *operation
        };
        self.operations.iter().chain(&self.changes.operations).find(same)
    }

    /// The answer to an earlier request with this key.
    pub(crate) fn answer(&self, project: &ProjectId, route: &str, key: &str) -> Option<&StoredAnswer> {
        let same = |row: &&StoredAnswer| {
            row.project == *project && &*row.route == route && &*row.key == key && row.until > self.now
        };
        self.answers.iter().chain(&self.changes.answers).find(same)
    }

    /// A page of recipients.
    pub(crate) fn page(&self, need: &Need) -> Option<&[RecipientId]> {
        self.pages.get(need).map(Vec::as_slice)
    }

    /// History and memberships of a recipient, as expressions ask for them.
    pub(crate) const fn lookups<'a>(&'a self, person: &'a PersonKey) -> PersonLookups<'a> {
        PersonLookups { work: self, person }
    }
}

/// Answers what an expression looks up about one recipient.
pub(crate) struct PersonLookups<'a> {
    work: &'a Work<'a>,
    person: &'a PersonKey,
}

impl Lookups for PersonLookups<'_> {
    fn history(&self, event_type: &str, within: Span) -> Option<i64> {
        let asked = HistoryAsked {
            person: self.person.clone(),
            event_type: event_type.into(),
            since: self.work.now.plus_millis(-within.as_millis()),
        };
        self.work.histories.get(&asked).copied()
    }

    fn in_topic(&self, topic: &str) -> Option<bool> {
        let person = self.work.people.get(self.person)?;
        Some(person.person.topics.iter().any(|known| known.as_str() == topic))
    }
}
