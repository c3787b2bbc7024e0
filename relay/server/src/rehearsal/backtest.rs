//! A plan: the relay's own last events, played under two documents, and who would hear more, less or later.

use std::collections::BTreeMap;

use serde::Serialize;
use tidings_core::configuration::Bundle;
use tidings_core::model::{Event, Person, Win};
use tidings_protocol::{NotificationState, Timestamp};

use super::{Rehearsal, RehearsalError};

/// What a plan replays. Nothing of it is written.
#[derive(Debug)]
pub struct Backtest<'a> {
    /// Recipients as they are today.
    pub people: &'a [Person],
    /// Events in the order in which they were accepted.
    pub events: &'a [Event],
    /// Which variants won until today.
    pub wins: &'a [Win],
    /// Where the virtual clock begins.
    pub since: Timestamp,
    /// Where it ends: what is due by then is done.
    pub until: Timestamp,
}

/// Who would hear what differently.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BacktestReport {
    /// Events that were replayed.
    pub events: u64,
    /// Recipients that were known.
    pub recipients: u64,
    /// Over everything.
    pub total: Change,
    /// By rule; `(send)` for direct sends.
    pub rules: BTreeMap<String, Change>,
    /// By category.
    pub categories: BTreeMap<String, Change>,
    /// By recipient; only those for whom something changes.
    pub recipients_changed: BTreeMap<String, Change>,
}

/// Notifications under the live document and under the other one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Handed over under the live document.
    pub before: u64,
    /// Handed over under the other one.
    pub after: u64,
    /// Handed over under the other one only.
    pub more: u64,
    /// Handed over under the live one only.
    pub less: u64,
    /// Handed over under both, later under the other one.
    pub later: u64,
    /// Handed over under both, sooner under the other one.
    pub sooner: u64,
}

/// One notification, comparable between two rehearsals: event, rule, recipient and whether it is a digest.
type Key = (String, String, String, bool);

struct Heard {
    category: String,
    at: Timestamp,
}

impl Backtest<'_> {
    /// Plays the events under both documents.
    ///
    /// # Errors
    /// [`RehearsalError::Configuration`] if a document has mistakes.
    pub async fn compare(&self, live: &Bundle, other: &Bundle) -> Result<BacktestReport, RehearsalError> {
        let before = self.play(live).await?;
        let after = self.play(other).await?;
        let mut report = BacktestReport {
            events: self.events.len() as u64,
            recipients: self.people.len() as u64,
            ..BacktestReport::default()
        };
        for (key, heard) in &before {
            report.count(key, heard, |change| change.before += 1);
            match after.get(key) {
                None => report.count(key, heard, |change| change.less += 1),
                Some(other) if other.at > heard.at => report.count(key, heard, |change| change.later += 1),
                Some(other) if other.at < heard.at => report.count(key, heard, |change| change.sooner += 1),
                Some(_) => {}
            }
        }
        for (key, heard) in &after {
            report.count(key, heard, |change| change.after += 1);
            if !before.contains_key(key) {
                report.count(key, heard, |change| change.more += 1);
            }
        }
        report
            .recipients_changed
            .retain(|_, change| change.more + change.less + change.later + change.sooner > 0);
        Ok(report)
    }

    async fn play(&self, bundle: &Bundle) -> Result<BTreeMap<Key, Heard>, RehearsalError> {
        let rehearsal = Rehearsal::new(bundle, self.since).await?;
        for person in self.people {
            rehearsal.settle_in(person).await?;
        }
        rehearsal.take_over(self.wins).await?;
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for event in self.events {
            rehearsal.run_until(event.accepted_at).await?;
            let settled = match &event.body.send {
                None => rehearsal.event((*event.body).clone()).await,
                // A direct send does not depend on the rules, and to whom it went is not part of its body.
                Some(_) => continue,
            };
            names.extend(name_of(&settled, event));
        }
        rehearsal.run_until(self.until).await?;
        let mut heard = BTreeMap::new();
        for (row, _) in rehearsal.stories().await? {
            let reached = matches!(row.state, NotificationState::Active | NotificationState::Reached)
                || row.flags.retracted_at.is_some()
                || row.inapp.is_some();
            let Some(at) = row.released_at.filter(|_| reached) else { continue };
            let event = names.get(row.cause.event.as_str()).cloned().unwrap_or_default();
            let rule = row.cause.rule.as_ref().map_or_else(|| "(send)".to_owned(), ToString::to_string);
            let key = (event, rule, row.person.recipient.to_string(), row.cause.digest);
            heard.insert(key, Heard { category: row.category.to_string(), at });
        }
        Ok(heard)
    }
}

/// The rehearsal's id of an event beside the relay's own, which both rehearsals share.
fn name_of(settled: &tidings_core::act::Settled, event: &Event) -> Option<(String, String)> {
    use tidings_core::act::{Answer, EventAnswer};
    let Ok(Answer::Events(answers)) = &settled.answer else { return None };
    match answers.first()? {
        EventAnswer::Accepted { event: played, .. } => Some((played.to_string(), event.id.to_string())),
        EventAnswer::Duplicate { .. } | EventAnswer::Refused(_) => None,
    }
}

impl BacktestReport {
    fn count(&mut self, key: &Key, heard: &Heard, add: impl Fn(&mut Change)) {
        let (_, rule, recipient, _) = key;
        add(&mut self.total);
        add(self.rules.entry(rule.clone()).or_default());
        add(self.categories.entry(heard.category.clone()).or_default());
        add(self.recipients_changed.entry(recipient.clone()).or_default());
    }

    /// How much more would be heard, as a share of what is heard today; infinite if nothing is heard today.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share of counts far below 2^52")]
    pub fn more_share(&self) -> f64 {
        let (before, after) = (self.total.before as f64, self.total.after as f64);
        if after <= before {
            0.0
        } else if before == 0.0 {
            f64::INFINITY
        } else {
            (after - before) / before
        }
    }
}
