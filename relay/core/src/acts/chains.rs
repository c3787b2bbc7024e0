//! Notifications that escalate to somebody else, and the acknowledgement that ends them all.

use std::sync::Arc;

use tidings_protocol::{NotificationId, NotificationState, Reason, RecipientId, StoryKind};

use super::accept;
use super::firing::{self, person_of};
use super::propose::{self, Stated, Subject};
use super::steps;
use crate::configuration::Rule;
use crate::expression::{NoLookups, Scope};
use crate::model::{Entry, Keys, Notification, PersonKey, PlannedStep, Stopped};
use crate::ports::Need;
use crate::work::Work;

/// What has to be read before the chain of a notification can end.
pub(super) fn needs(id: &NotificationId, work: &Work<'_>) -> Vec<Need> {
    let Some(row) = work.notification(id) else { return Vec::new() };
    row.chain.iter().map(|root| Need::Chain(row.person.project.clone(), root.clone())).collect()
}

/// What has to be read before a linked step can begin.
pub(super) fn link_needs(id: &NotificationId, work: &Work<'_>) -> Vec<Need> {
    let Some(row) = work.notification(id) else { return Vec::new() };
    let mut needs = vec![Need::Event(row.cause.event.clone())];
    let Some(event) = work.event(&row.cause.event) else { return needs };
    let Some(rule) = rule_of(work, row) else { return needs };
    let (body, root) = (Arc::clone(&event.body), event.root());
    let facts = firing::Facts { body: &body, root: &root };
    for person in (0..row.plan.len()).flat_map(|step| linked_people(&rule, step, facts, &row.person)) {
        needs.extend(firing::needs_for(&rule, facts, &person, work));
    }
    needs
}

fn rule_of(work: &Work<'_>, row: &Notification) -> Option<Arc<Rule>> {
    let live = work.live(&row.person.project);
    row.cause.rule.as_ref().and_then(|rule| live.configuration.rules.get(rule)).cloned()
}

fn linked_people(rule: &Rule, step: usize, facts: firing::Facts<'_>, first: &PersonKey) -> Vec<PersonKey> {
    let notify = rule.deliver.as_ref().and_then(|steps| steps.get(step)?.notify.as_ref());
    let scope = Scope { data: &facts.body.data, event: facts.root, recipient: None, lookups: &NoLookups };
    let named: Vec<RecipientId> =
        notify.and_then(|notify| firing::named(notify, &scope).ok()).unwrap_or_default();
    named
        .iter()
        .map(|recipient| person_of(&first.project, recipient))
        .filter(|person| person != first)
        .collect()
}

/// Makes the linked notifications of a step, each through all gates of its own recipient. Answers whether any of them
/// can arrive.
pub(super) fn link(work: &mut Work<'_>, id: &NotificationId, number: u16) -> bool {
    let row = work.notification(id).expect("the caller looked it up").clone();
    let (Some(rule), Some(event)) = (rule_of(work, &row), work.event(&row.cause.event)) else {
        return false;
    };
    let mut arrives = false;
    let stated = Stated {
        event: event.id.clone(),
        body: Arc::clone(&event.body),
        root: Arc::new(event.root()),
        sandbox: event.sandbox,
    };
    let facts = firing::Facts { body: &stated.body, root: &stated.root };
    let root = row.chain.clone().unwrap_or_else(|| id.clone());
    for person in linked_people(&rule, usize::from(number) - 1, facts, &row.person) {
        if let Some(made) = work.made_by(&stated.event, Some(&rule.id), &person) {
            arrives |= made.is_open() || made.state == NotificationState::Reached;
            continue;
        }
        let created = accept::ensure(work, &person, stated.sandbox);
        let mut subject = Subject::of_rule(work, &stated, &rule, &person, None, work.now());
        let channels = row.plan[usize::from(number) - 1].channels.clone();
        let mut step = subject.steps[0].clone();
        (step.channels, step.linked, step.repeat) = (channels, false, None);
        subject.steps = vec![PlannedStep { after: tidings_protocol::Span::ZERO, unless: None, ..step }];
        subject.chain = Some((root.clone(), number));
        // The plan waited for the rule's delay before its first step.
        subject.not_before = Some(work.now());
        let keys = Keys { matches: row.keys.matches.clone(), ..Keys::default() };
        let made = propose::make(work, &subject, &person, keys, created);
        arrives |= !matches!(made.state, NotificationState::Suppressed | NotificationState::Failed);
        let mut entry = Entry::new(work.now(), StoryKind::Released);
        (entry.reason, entry.step) = (Some(Reason::StepDue), Some(number));
        entry.text = Some(format!("told {} with {}", person.recipient, made.id).into());
        work.tell(id, entry);
    }
    work.notification_mut(id).chain = Some(root);
    arrives
}

/// Somebody acknowledged: everything else of the chain is needless.
pub(super) fn acknowledged(work: &mut Work<'_>, id: &NotificationId) {
    let Some(root) = work.notification(id).and_then(|row| row.chain.clone()) else { return };
    for other in work.chain(&root).into_iter().filter(|other| other != id) {
        let row = work.notification(&other).expect("it was found above");
        if !row.is_open() {
            continue;
        }
        let text: Box<str> = format!("{id} was acknowledged").into();
        if row.is_pending() {
            let stopped = Stopped { gate: None, reason: Reason::AcknowledgedInTime, text: Some(text) };
            work.shift(&other, NotificationState::Cancelled, Some(stopped));
            continue;
        }
        steps::end_early(work, &other, Reason::AcknowledgedInTime, text);
    }
}
