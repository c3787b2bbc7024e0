//! Recipients and projects that the writer remembers between transactions.
//!
//! This store has one writer, so a recipient is what the last commit left until the next one changes it. Acts change
//! recipients in ways that are followed here; whatever else may change one makes the writer forget them all. The number
//! is bounded: when the younger half is full, the older one is given up. No act changes a project: whatever does makes the
//! writer forget them.

use std::collections::HashMap;
use std::sync::Arc;

use tidings_core::model::{Changes, Device, Inbox, Person, PersonKey, ProjectState, Recipient, Win};
use tidings_protocol::ProjectId;

/// Recipients of each half. One with a device and few consents takes about a kilobyte.
const HALF_MAX: usize = 16_384;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Kept {
    young: HashMap<PersonKey, Person>,
    old: HashMap<PersonKey, Person>,
    projects: HashMap<ProjectId, ProjectState>,
    /// Variants that won: read with each event of a project whose rules have some.
    wins: HashMap<ProjectId, Vec<Win>>,
}

impl Kept {
    /// A project as it stands.
    pub(super) fn project(&self, id: &ProjectId) -> Option<&ProjectState> {
        self.projects.get(id)
    }

    /// Remembers a project that was read.
    pub(super) fn remember_project(&mut self, project: ProjectState) {
        self.projects.insert(project.id.clone(), project);
    }

    /// The wins of a project.
    pub(super) fn wins(&self, project: &ProjectId) -> Option<&[Win]> {
        self.wins.get(project).map(Vec::as_slice)
    }

    /// Remembers the wins of a project, which were read.
    pub(super) fn remember_wins(&mut self, project: ProjectId, wins: Vec<Win>) {
        self.wins.insert(project, wins);
    }

    /// Forgets all projects, because one of them may change.
    pub(super) fn forget_projects(&mut self) {
        self.projects.clear();
    }

    /// A recipient as the last commit left it. What is asked for stays young.
    pub(super) fn get(&mut self, key: &PersonKey) -> Option<&Person> {
        if let Some(person) = self.old.remove(key) {
            self.remember(person);
        }
        self.young.get(key)
    }

    /// Remembers a recipient that was read outside of what this transaction wrote.
    pub(super) fn remember(&mut self, person: Person) {
        if self.young.len() >= HALF_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(person.key.clone(), person);
    }

    /// Forgets one recipient.
    pub(super) fn forget(&mut self, key: &PersonKey) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Forgets everything.
    pub(super) fn forget_all(&mut self) {
        self.young.clear();
        self.old.clear();
        self.projects.clear();
        self.wins.clear();
    }

    /// Follows what a commit changed.
    pub(super) fn follow(&mut self, followed: Followed) {
        for (key, recipient) in followed.recipients {
            self.change(&key, |person| person.recipient = Some(recipient));
        }
        for (key, inbox) in followed.inboxes {
            self.change(&key, |person| person.inbox = Some(inbox));
        }
        for (key, device) in followed.devices {
            self.change(&key, |person| drop(person.devices.insert(device.id.clone(), Arc::new(device))));
        }
        for win in followed.wins {
            // The first one of its kind is the one that was written: whoever has another reads them anew.
            self.wins.remove(&win.project);
        }
        followed.unclear.iter().for_each(|key| self.forget(key));
    }

    fn change(&mut self, key: &PersonKey, change: impl FnOnce(&mut Person)) {
        if let Some(person) = self.young.get_mut(key).or_else(|| self.old.get_mut(key)) {
            change(person);
        }
    }
}

/// What a transaction changed of recipients.
#[derive(Debug)]
pub(super) struct Followed {
    recipients: Vec<(PersonKey, Recipient)>,
    inboxes: Vec<(PersonKey, Inbox)>,
    devices: Vec<(PersonKey, Device)>,
    wins: Vec<Win>,
    /// Of whom only the store knows what they look like afterwards.
    unclear: Vec<PersonKey>,
}

impl Followed {
    /// Recipients, inboxes and devices are written whole; everything else adds to what is stored.
    pub(super) fn of(changes: &Changes) -> Self {
        let consents = changes.consent_entries.iter().map(|(key, _)| key);
        let states = changes.consent_states.iter().map(|(key, ..)| key);
        let topics = changes.memberships.iter().map(|(key, ..)| key);
        let set = changes.endpoints_set.iter().map(|(key, _)| key);
        let removed = changes.endpoints_removed.iter().map(|(key, ..)| key);
        let erased = changes.erased.iter().map(|(key, _)| key);
        let unclear = consents.chain(states).chain(topics).chain(set).chain(removed).chain(erased);
        Self {
            recipients: changes.recipients.clone(),
            inboxes: changes.inboxes.clone(),
            devices: changes.devices.clone(),
            wins: changes.wins.clone(),
            unclear: unclear.cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> PersonKey {
        PersonKey { project: "shop".parse().unwrap(), recipient: name.parse().unwrap() }
    }

    fn seq(kept: &mut Kept, name: &str) -> Option<u64> {
        kept.get(&key(name)).and_then(|person| person.inbox.as_ref()).map(|inbox| inbox.seq)
    }

    #[test]
    fn a_recipient_is_what_the_last_commit_left() {
        let mut kept = Kept::default();
        kept.remember(Person { inbox: Some(Inbox::new(1)), ..Person::unknown(key("alice")) });
        let inbox = Inbox { seq: 7, ..Inbox::new(1) };
        let of = |name| Changes { inboxes: vec![(key(name), inbox.clone())], ..Changes::default() };
        kept.follow(Followed::of(&of("alice")));
        kept.follow(Followed::of(&of("bob")));
        assert_eq!((seq(&mut kept, "alice"), seq(&mut kept, "bob")), (Some(7), None));
        let memberships = vec![(key("alice"), "staff".parse().unwrap(), true)];
        kept.follow(Followed::of(&Changes { memberships, ..Changes::default() }));
        assert_eq!(seq(&mut kept, "alice"), None, "only the store knows all topics");
    }

    #[test]
    fn the_older_half_goes_when_the_younger_is_full_but_for_those_who_are_asked_for() {
        let mut kept = Kept::default();
        for number in 0..HALF_MAX {
            kept.remember(Person::unknown(key(&format!("r{number}"))));
        }
        kept.remember(Person::unknown(key("new")));
        assert!(kept.get(&key("r1")).is_some(), "it is in the older half, and young again");
        for number in 0..HALF_MAX {
            kept.remember(Person::unknown(key(&format!("s{number}"))));
        }
        assert!(kept.get(&key("r0")).is_none());
        assert!(kept.get(&key("r1")).is_some());
        assert!(kept.young.len() + kept.old.len() <= 2 * HALF_MAX);
    }
}
