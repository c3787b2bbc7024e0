//! Answers needs from the tables.

use std::sync::Arc;

use tidings_core::model::{Consents, Event, Notification, Person, PersonKey, ProjectState, TallyKey};
use tidings_core::ports::{Found, HistoryAsked, Need};
use tidings_protocol::{DeliveryState, NotificationId, ProjectId, RecipientId, Timestamp};

use super::registry::is_same;
use crate::erasure::ErasureKey;
use crate::found::Gathered;
use crate::tables::Tables;

impl Tables {
    pub(super) fn find(&self, needs: &[Need], erasure: &ErasureKey) -> Found {
        let mut found = Gathered::default();
        for need in needs {
            self.find_one(need, erasure, &mut found);
        }
        found.into_found()
    }

    fn find_one(&self, need: &Need, erasure: &ErasureKey, found: &mut Gathered) {
        match need {
            Need::Project(id) => {
                found.projects.extend(self.projects.get(id).map(|row| {
                    let (name, stop) = (row.name.clone(), row.stop.clone());
                    (
                        id.clone(),
                        ProjectState { id: id.clone(), name, configuration: row.configuration, stop },
                    )
                }));
            }
            Need::Person(key) => {
                found.people.insert(key.clone(), self.person(key, erasure));
            }
            Need::Event(id) => self.gather_events(self.events.get(id), found),
            Need::SameEvent { project, source, external_id, since } => {
                self.gather_events(self.same_events(project, source.as_deref(), external_id, *since), found);
            }
            Need::Notification(..)
            | Need::Made(..)
            | Need::Collapse(..)
            | Need::Match { .. }
            | Need::Convertible(_)
            | Need::Pending(_)
            | Need::Placed { .. }
            | Need::Chain(..)
            | Need::OfEvent(..)
            | Need::DigestMembers(_) => self.find_notifications(need, found),
            Need::Digest(..)
            | Need::DigestById(_)
            | Need::Once(..)
            | Need::History(_)
            | Need::Delivery(..)
            | Need::Deliveries(_)
            | Need::AllDeliveries(_)
            | Need::Spending(..)
            | Need::Tallies(..)
            | Need::Wins(_)
            | Need::PendingDeliveries(_)
            | Need::Due(..)
            | Need::Operation(..)
            | Need::Answer(..) => self.find_beside(need, found),
            Need::Everything(person) => {
                self.notifications_of(person).for_each(|row| found.notification(row));
                let deliveries = self.deliveries.iter().filter(|(_, row)| row.person == *person);
                found.deliveries.extend(deliveries.map(|(id, row)| (id.clone(), row.clone())));
            }
            Need::AddressOwners(..) | Need::Members(..) | Need::Recipients(..) => {
                self.find_people(need, found)
            }
        }
    }

    fn gather_events<'a>(&self, events: impl IntoIterator<Item = &'a Event>, found: &mut Gathered) {
        found.events.extend(events.into_iter().map(|row| (row.id.clone(), row.clone())));
    }

    pub(super) fn same_events<'a>(
        &'a self,
        project: &ProjectId,
        source: Option<&str>,
        external_id: &str,
        since: Timestamp,
    ) -> impl Iterator<Item = &'a Event> + use<'a> {
        let key = external_key(source, external_id);
        let of = project.clone();
        self.by_external
            .range((of.clone(), key.clone())..)
            .take_while(move |((project, text), _)| *project == of && text.starts_with(&key))
            .filter_map(|(_, id)| self.events.get(id))
            .filter(move |event| event.accepted_at >= since)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "find_one shares the needs out, without a wildcard")]
    fn find_notifications(&self, need: &Need, found: &mut Gathered) {
        match need {
            Need::Notification(project, id) => {
                let row = self.notifications.get(id).filter(|row| row.person.project == *project);
                row.into_iter().for_each(|row| found.notification(row));
            }
            Need::Made(event, rule, person) => self
                .notifications_from(event, "")
                .filter(|row| row.person == *person && row.cause.rule == *rule && is_direct(row))
                .for_each(|row| found.notification(row)),
            Need::Collapse(person, category, value) => {
                let key = (person.clone(), category.clone(), value.clone());
                self.collapsing
                    .range((key.0.clone(), key.1.clone(), key.2.clone(), first())..)
                    .take_while(|((of, at, what, _), ())| (of, at, what) == (&key.0, &key.1, &key.2))
                    .filter_map(|((.., id), ())| self.notifications.get(id))
                    .for_each(|row| found.notification(row));
            }
            Need::Match { project, rule, event_type, value } => self
                .matched
                .range((project.clone(), rule.clone(), event_type.clone(), value.clone(), first())..)
                .take_while(|((of, by, on, what, _), ())| {
                    (of, by, on, what) == (project, rule, event_type, value)
                })
                .filter_map(|((.., id), ())| self.notifications.get(id))
                .for_each(|row| found.notification(row)),
            Need::Convertible(asked) => match &asked.recipient {
                Some(recipient) => {
                    let person = PersonKey { project: asked.project.clone(), recipient: recipient.clone() };
                    let theirs = self.notifications_of(&person);
                    theirs.filter(|row| asked.is_met_by(row)).for_each(|row| found.notification(row));
                }
                None => {
                    let all = self.notifications.iter().map(|(_, row)| row);
                    all.filter(|row| asked.is_met_by(row)).for_each(|row| found.notification(row));
                }
            },
            Need::Pending(person) => self
                .pending_of
                .of(person)
                .filter_map(|id| self.notifications.get(id))
                .for_each(|row| found.notification(row)),
            Need::Placed { person, after, upto } => self
                .notifications_of(person)
                .filter(|row| row.inapp.is_some_and(|inapp| inapp.state == DeliveryState::Placed))
                .filter(|row| row.created_seq.is_some_and(|seq| seq > *after && seq <= *upto))
                .for_each(|row| found.notification(row)),
            Need::Chain(project, root) => self
                .chained
                .range((root.clone(), first())..)
                .take_while(|((of, _), ())| of == root)
                .filter_map(|((_, id), ())| self.notifications.get(id))
                // A link of another chain may be asked for as if it were the first: it is itself.
                .chain(self.notifications.get(root).filter(|row| row.chain.is_some()))
                .filter(|row| row.person.project == *project)
                .for_each(|row| found.notification(row)),
            Need::OfEvent(event, after, limit) => self
                .notifications_from(event, after.as_ref().map_or("", |id| id.as_str()))
                .take(usize::try_from(*limit).unwrap_or(usize::MAX))
                .for_each(|row| found.notification(row)),
            Need::DigestMembers(digest) => self
                .members
                .range((digest.clone(), first())..)
                .take_while(|((of, _), ())| of == digest)
                .filter_map(|((_, id), ())| self.notifications.get(id))
                .for_each(|row| found.notification(row)),
            other => unreachable!("{other:?} asks for no notification"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "find_one shares the needs out, without a wildcard")]
    fn find_beside(&self, need: &Need, found: &mut Gathered) {
        match need {
            Need::Digest(person, scope, key) => {
                let row = self.digests.get(&(person.clone(), scope.clone(), key.clone()));
                found.digests.extend(row.map(|row| (row.id.clone(), row.clone())));
            }
            Need::DigestById(id) => {
                let row = self.digests.iter().map(|(_, row)| row).find(|row| row.id == *id);
                found.digests.extend(row.map(|row| (row.id.clone(), row.clone())));
            }
            Need::Once(person, rule, value) => {
                found.once.extend(self.once.get(&(person.clone(), rule.clone(), value.clone())).cloned());
            }
            Need::History(asked) => {
                let HistoryAsked { person, event_type, since } = asked;
                let kept = self
                    .collected_of
                    .range((person.clone(), event_type.clone(), *since, 0)..)
                    .take_while(|((of, kind, ..), ())| of == person && kind == event_type)
                    .filter(|((.., number), ())| self.collected.has(number));
                found.histories.insert(asked.clone(), i64::try_from(kept.count()).unwrap_or(i64::MAX));
            }
            Need::Delivery(project, id) => {
                let row = self.deliveries.get(id).filter(|row| row.person.project == *project);
                found.deliveries.extend(row.map(|row| (id.clone(), row.clone())));
            }
            Need::Deliveries(notification) => self
                .all_deliveries_of(notification)
                .filter(|row| is_pending(row.state))
                .for_each(|row| drop(found.deliveries.insert(row.id.clone(), row.clone()))),
            Need::AllDeliveries(notification) => self
                .all_deliveries_of(notification)
                .for_each(|row| drop(found.deliveries.insert(row.id.clone(), row.clone()))),
            Need::Spending(project, channel) => {
                let days = (project.clone(), *channel, i32::MIN)..=(project.clone(), *channel, i32::MAX);
                found.spending.extend(self.spending.range(days).map(|(key, spent)| (key.clone(), *spent)));
            }
            Need::Tallies(project, rule, trial) => {
                let same =
                    |key: &TallyKey| key.project == *project && key.rule == *rule && key.trial == *trial;
                let rows = self.tallies.iter().filter(|(key, _)| same(key));
                found.tallies.extend(rows.map(|(key, tally)| (key.clone(), *tally)));
            }
            Need::Wins(project) => {
                let rows = self.wins.iter().map(|(_, win)| win).filter(|win| win.project == *project);
                rows.for_each(|win| found.win(win.clone()));
            }
            Need::PendingDeliveries(person) => self
                .on_way
                .of(person)
                .filter_map(|id| self.deliveries.get(id))
                .for_each(|row| drop(found.deliveries.insert(row.id.clone(), row.clone()))),
            Need::Due(project, key) => {
                let key = (project.clone(), key.clone());
                found.due.extend(self.due.get(&key).cloned().map(|row| (key, row)));
            }
            Need::Operation(person, device, operation) => {
                let row = self.operations.get(&(person.clone(), format!("{device}/{operation}")));
                row.into_iter().for_each(|row| found.operation(row.clone()));
            }
            Need::Answer(project, route, key) => {
                let row = self.answers.get(&(project.clone(), route.clone(), key.clone()));
                row.into_iter().for_each(|row| found.answer(row.clone()));
            }
            other => unreachable!("{other:?} is answered elsewhere"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "find_one shares the needs out, without a wildcard")]
    fn find_people(&self, need: &Need, found: &mut Gathered) {
        let page = |ids: Vec<RecipientId>, limit: u32| {
            let mut ids = ids;
            ids.sort();
            ids.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            ids
        };
        match need {
            Need::AddressOwners(project, channel, address) => found.owners.extend(
                self.endpoints
                    .iter()
                    .filter(|((person, _), row)| {
                        person.project == *project && row.channel == *channel && row.address == *address
                    })
                    .map(|((person, _), _)| (*channel, address.clone(), person.clone())),
            ),
            Need::Members(project, topic, after, limit) => {
                let members = self.topics.iter().filter(|((person, _), row)| {
                    person.project == *project && *row == topic && Some(&person.recipient) > after.as_ref()
                });
                let ids = members.map(|((person, _), _)| person.recipient.clone()).collect();
                found.pages.insert(need.clone(), page(ids, *limit));
            }
            Need::Recipients(project, after, limit) => {
                let people = self.recipients.iter().map(|(person, _)| person);
                let ids = people
                    .filter(|person| person.project == *project && Some(&person.recipient) > after.as_ref())
                    .map(|person| person.recipient.clone())
                    .collect();
                found.pages.insert(need.clone(), page(ids, *limit));
            }
            other => unreachable!("{other:?} asks for no page of recipients"),
        }
    }

    /// A recipient as it is.
    pub(crate) fn person(&self, key: &PersonKey, erasure: &ErasureKey) -> Person {
        let stopped = |row: &tidings_core::model::Endpoint| {
            self.stop_list.iter().any(|((project, _), entry)| {
                *project == key.project && is_same(entry, row.channel, &row.address)
            })
        };
        let states = self.consent_states.of(key);
        let head = self.consent_heads.get(&(key.project.clone(), key.recipient.as_str().to_owned()));
        Person {
            key: key.clone(),
            recipient: self.recipients.get(key).cloned(),
            inbox: self.inboxes.get(key).cloned(),
            consents: Consents {
                states: states
                    .map(|(category, channel, row)| ((category.clone(), *channel), row.clone()))
                    .collect(),
                head: head.cloned().unwrap_or_default(),
            },
            topics: self.topics.of(key).cloned().collect(),
            endpoints: self
                .endpoints
                .of(key)
                .map(|row| tidings_core::model::Endpoint { stopped: stopped(row), ..row.clone() })
                .collect(),
            devices: self.devices.of(key).map(|row| (row.id.clone(), Arc::new(row.clone()))).collect(),
            erased: self.erased.get(&(key.project.clone(), erasure.name(key))).cloned(),
        }
    }
}

/// The part of an event's key that its backend chose, with an end that no id contains.
pub(super) fn external_key(source: Option<&str>, external_id: &str) -> String {
    match source {
        None => format!("-\u{0}{external_id}\u{0}"),
        Some(source) => format!("+{source}\u{0}{external_id}\u{0}"),
    }
}

/// Whether the event itself made it, not a step of a chain and not a digest.
pub(super) const fn is_direct(row: &Notification) -> bool {
    row.cause.step.is_none() && !row.cause.digest
}

const fn is_pending(state: DeliveryState) -> bool {
    matches!(state, DeliveryState::Waiting | DeliveryState::HandingOver)
}

/// Before every id.
fn first() -> NotificationId {
    NotificationId::new(" ").expect("a space is an id")
}
