//! A later event makes earlier notifications needless.

use std::sync::Arc;

use tidings_protocol::{NotificationId, NotificationState, ProjectId, Reason, RecipientId};

use super::firing::{self, Facts};
use super::propose::Stated;
use super::steps;
use crate::configuration::{CancelOn, Configuration, Notify, Rule};
use crate::expression::{NoLookups, Scope};
use crate::model::{Event, Stopped};
use crate::ports::Need;
use crate::work::Work;

/// Which notifications of a rule an event cancels.
#[derive(Debug)]
pub(super) struct Target {
    rule: Arc<Rule>,
    value: Option<Box<str>>,
    /// Only these recipients', if the event says whom it is about.
    whom: Option<Vec<RecipientId>>,
}

/// The rules that an event cancels, with the value that must be equal. An event that lacks the value cancels nothing.
pub(super) fn targets(configuration: &Configuration, facts: Facts<'_>) -> Vec<Target> {
    let ids = configuration.cancels_by_event.get(&*facts.body.event_type).into_iter().flatten();
    let rules = ids.filter_map(|id| configuration.rules.get(id));
    rules
        .flat_map(|rule| {
            let of_type = rule.cancel_on.iter().filter(|cancel| *cancel.event == *facts.body.event_type);
            of_type.filter_map(move |cancel| target(configuration, rule, cancel, facts))
        })
        .collect()
}

fn target(
    configuration: &Configuration,
    rule: &Arc<Rule>,
    cancel: &CancelOn,
    facts: Facts<'_>,
) -> Option<Target> {
    let scope = Scope { data: &facts.body.data, event: facts.root, recipient: None, lookups: &NoLookups };
    let value = match &cancel.match_key {
        None => None,
        Some(key) => Some(key.key(&scope).ok()?.into()),
    };
    let whom = whom(configuration, rule, value.is_some(), facts);
    // Without a value the recipient alone decides, so an event about nobody cancels nothing.
    (value.is_some() || whom.is_some()).then(|| Target { rule: Arc::clone(rule), value, whom })
}

/// Whom a later event is about, as far as it says so: those whom the rule would tell of it, where a value is compared
/// beside; else as `collect` says, or the event itself.
pub(super) fn whom(
    configuration: &Configuration,
    rule: &Rule,
    by_value: bool,
    facts: Facts<'_>,
) -> Option<Vec<RecipientId>> {
    let scope = Scope { data: &facts.body.data, event: facts.root, recipient: None, lookups: &NoLookups };
    let named = match &rule.notify {
        Notify::Expression(notify) if by_value => firing::named(notify, &scope).ok(),
        Notify::Expression(_) | Notify::Event | Notify::Topic(_) | Notify::Segment(_) => None,
    };
    let about = || {
        let collected = configuration.collect.get(&*facts.body.event_type);
        let collected = collected.and_then(|collect| firing::named(&collect.recipient, &scope).ok());
        collected.or_else(|| facts.body.recipient.clone().map(|recipient| vec![recipient]))
    };
    named.or_else(about)
}

pub(super) fn needs(
    project: &ProjectId,
    sandbox: bool,
    targets: &[Target],
    facts: Facts<'_>,
    work: &Work<'_>,
) -> Vec<Need> {
    let mut needs = Vec::new();
    for target in targets {
        let (rule, event_type) = (target.rule.id.clone(), facts.body.event_type.clone());
        if sandbox {
            // Whether a notification is the sandbox's own stands in the event that made it.
            let found = work.matching(project, &rule, &event_type, target.value.as_deref());
            needs.extend(found.into_iter().map(|row| Need::Event(row.cause.event.clone())));
        }
        let value = target.value.clone();
        needs.push(Need::Match { project: project.clone(), rule, event_type, value });
    }
    needs
}

/// Cancels what an event makes needless. What reached somebody stays, and its later steps end. A sandbox event cancels
/// what the sandbox made, and nothing else.
pub(super) fn cancel_by(
    work: &mut Work<'_>,
    project: &ProjectId,
    targets: &[Target],
    stated: &Stated,
) -> Vec<NotificationId> {
    let mut cancelled = Vec::new();
    for target in targets {
        let event_type = &*stated.body.event_type;
        let found: Vec<NotificationId> = work
            .matching(project, &target.rule.id, event_type, target.value.as_deref())
            .into_iter()
            .filter(|row| {
                let own = |made: &Event| made.sandbox;
                !stated.sandbox || work.event(&row.cause.event).is_some_and(own)
            })
            .filter(|row| {
                // Whoever was told by a step of somebody else's plan is told nothing more either: the fact is about
                // the first of the chain.
                let linked = row.cause.step.is_some() && target.value.is_some();
                linked || target.whom.as_ref().is_none_or(|whom| whom.contains(&row.person.recipient))
            })
            .map(|row| row.id.clone())
            .collect();
        for id in found {
            cancel(work, &id, stated);
            cancelled.push(id);
        }
    }
    cancelled
}

fn cancel(work: &mut Work<'_>, id: &NotificationId, stated: &Stated) {
    let row = work.notification(id).expect("it was found above");
    let text: Box<str> = format!("{} {}", stated.body.event_type, stated.event).into();
    if row.is_pending() {
        let stopped = Stopped { gate: None, reason: Reason::CancelledByEvent, text: Some(text) };
        work.shift(id, NotificationState::Cancelled, Some(stopped));
        return;
    }
    steps::end_early(work, id, Reason::CancelledByEvent, text);
}
