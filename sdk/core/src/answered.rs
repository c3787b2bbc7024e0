//! Operations that the relay said are done, and whose effect has not come down yet.
//!
//! The answer and the page with what it changed are two frames, and either may be the first. An operation that were
//! forgotten with its answer would let the old value show through until the page is stored. So it stays on top until
//! an item shows what it asked for, or [`EFFECT_MILLIS_MAX`] have passed: then nothing of it is to come, because it was
//! so already, or a later word of another device took its place before this one heard of it.

use std::collections::{BTreeMap, BTreeSet};

use tidings_protocol::Timestamp;
use tidings_protocol::item::Item;

use crate::outbox::{Outbox, Queued};
use crate::view::{Subject, shows};

/// How long the effect of an answered operation is waited for, in milliseconds. The relay sends it with the answer; a
/// second more is for a device that stores a long page just then.
pub const EFFECT_MILLIS_MAX: i64 = 2_000;

/// The operations that are done and still on top.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    waiting: BTreeMap<u64, (Queued, Timestamp)>,
    /// Of these and of those that wait for an answer: whose effect the last item about the same thing shows.
    shown: BTreeSet<u64>,
}

impl Answered {
    /// Takes what the relay said is done; answers what can be forgotten at once.
    pub fn handle_done(&mut self, now: Timestamp, done: Vec<Queued>) -> Vec<Queued> {
        let until = now.plus_millis(EFFECT_MILLIS_MAX);
        let (waiting, mut settled): (Vec<_>, Vec<_>) =
            done.into_iter().partition(|queued| Subject::of(&queued.operation.request).is_some());
        self.waiting.extend(waiting.into_iter().map(|queued| (queued.number, (queued, until))));
        settled.extend(self.take_shown());
        settled
    }

    /// What was refused has no effect to wait for.
    pub fn handle_refused(&mut self, number: u64) {
        self.shown.remove(&number);
    }

    /// Looks through items that are stored; answers what can be forgotten.
    pub fn handle_items(&mut self, items: &[Item], outbox: &Outbox) -> Vec<Queued> {
        let Self { waiting, shown } = self;
        let mut asked: BTreeMap<Subject, Vec<&Queued>> = BTreeMap::new();
        for queued in outbox.waiting().chain(waiting.values().map(|(queued, _)| queued)) {
            if let Some(subject) = Subject::of(&queued.operation.request) {
                asked.entry(subject).or_default().push(queued);
            }
        }
        if asked.is_empty() {
            return Vec::new();
        }
        for item in items {
            let about = Subject::of_item(item).and_then(|subject| asked.get(&subject));
            for queued in about.into_iter().flatten() {
                if shows(item, &queued.operation) {
                    shown.insert(queued.number);
                } else {
                    shown.remove(&queued.number);
                }
            }
        }
        self.take_shown()
    }

    /// Answers what is not waited for any longer.
    pub fn handle_timeout(&mut self, now: Timestamp) -> Vec<Queued> {
        self.take_where(|_, until| until <= now)
    }

    /// The connection ended, and no page comes: answers everything.
    pub fn handle_disconnected(&mut self) -> Vec<Queued> {
        let settled = self.take_where(|_, _| true);
        self.shown.clear();
        settled
    }

    /// When an effect is not waited for any longer.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.waiting.values().map(|(_, until)| *until).min()
    }

    /// What is shown, with everything older about the same thing: alone on top it would hide the later word.
    fn take_shown(&mut self) -> Vec<Queued> {
        let waiting = self.waiting.iter().filter(|(number, _)| self.shown.contains(number));
        let last: BTreeMap<Subject, u64> = waiting
            .filter_map(|(number, (queued, _))| Some((Subject::of(&queued.operation.request)?, *number)))
            .collect();
        if last.is_empty() {
            return Vec::new();
        }
        self.take_where(|queued, _| {
            let subject = Subject::of(&queued.operation.request);
            subject.and_then(|subject| last.get(&subject)).is_some_and(|last| queued.number <= *last)
        })
    }

    fn take_where(&mut self, goes: impl Fn(&Queued, Timestamp) -> bool) -> Vec<Queued> {
        let gone = self.waiting.extract_if(.., |_, (queued, until)| goes(queued, *until));
        let gone: Vec<Queued> = gone.map(|(_, (queued, _))| queued).collect();
        for queued in &gone {
            self.shown.remove(&queued.number);
        }
        gone
    }
}

#[cfg(test)]
#[path = "answered/tests.rs"]
mod tests;
