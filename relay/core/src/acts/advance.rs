//! Something is due: a hold, a step, a showing, a digest or a chunk of a fan-out. A row of work that another node
//! already took, or that moved, makes nothing happen.

use std::cmp::Reverse;
use std::sync::Arc;

use tidings_protocol::{Gate, NotificationId, NotificationState};

use super::propose::{self, Standing, Stated, Subject};
use super::{chains, digest, expire, fan_out, firing, steps};
use crate::act::Answer;
use crate::model::{DueKey, DueRow, Notification, PersonKey};
use crate::plan::{Outcome, Phase, Plan};
use crate::ports::Need;
use crate::work::Work;

pub(super) fn needs(row: &DueRow, work: &Work<'_>) -> Vec<Need> {
    let project = &row.person.project;
    let mut needs = vec![Need::Due(project.clone(), row.key.clone())];
    match &row.key {
        DueKey::Release(id) => {
            needs.push(Need::Person(row.person.clone()));
            needs.push(Need::Notification(project.clone(), id.clone()));
            needs.extend(redecide_needs(id, work));
            if work.due_row(&row.key).is_some_and(|found| found.at <= work.now()) {
                needs.push(Need::Pending(row.person.clone()));
                needs.extend(released(work, &row.person).iter().flat_map(|id| redecide_needs(id, work)));
            }
        }
        DueKey::Step(id) | DueKey::Repeat(id) => {
            needs.push(Need::Person(row.person.clone()));
            needs.push(Need::Notification(project.clone(), id.clone()));
            needs.push(Need::AllDeliveries(id.clone()));
            needs.extend(chains::link_needs(id, work));
        }
        DueKey::Digest(id) => {
            needs.push(Need::Person(row.person.clone()));
            needs.extend(digest::needs(id, work));
        }
        DueKey::FanOut(event, rule) => needs.extend(fan_out::needs(project, event, rule.as_ref(), work)),
    }
    needs
}

pub(super) fn advance(row: &DueRow, work: &mut Work<'_>) -> Answer {
    if work.due_row(&row.key).is_none_or(|found| found.at > work.now()) {
        return Answer::Done;
    }
    match &row.key {
        DueKey::Release(id) => release(work, row, id),
        DueKey::Step(id) => {
            work.clear_due(&row.person, row.key.clone());
            steps::due(work, id);
        }
        DueKey::Repeat(id) => steps::repeat(work, id),
        DueKey::Digest(id) => {
            let open = work.digest_by_id(id).is_some();
            if open {
                digest::close(work, id);
            } else {
                work.clear_due(&row.person, digest::due_key(id));
            }
        }
        DueKey::FanOut(event, rule) => {
            fan_out::walk(work, &row.person.project, event, rule.as_ref());
        }
    }
    Answer::Done
}

/// The holds of a recipient that end at this instant or ended before, by priority, then age.
fn released(work: &Work<'_>, person: &PersonKey) -> Vec<NotificationId> {
    let ends = |row: &&Notification| {
        row.state == NotificationState::Held
            && row.digest.is_none()
            && row.due.is_some_and(|due| due <= work.now())
    };
    let mut rows: Vec<&Notification> = work.notifications_of(person).filter(ends).collect();
    rows.sort_by_key(|row| (Reverse(row.priority), row.created_at, row.id.clone()));
    rows.into_iter().map(|row| row.id.clone()).collect()
}

/// Holds of one recipient that end together are decided together: the most urgent takes what a cap has left.
fn release(work: &mut Work<'_>, row: &DueRow, id: &NotificationId) {
    let together = released(work, &row.person);
    if !together.contains(id) {
        work.clear_due(&row.person, row.key.clone());
        return;
    }
    for id in together {
        // The one before may have replaced it.
        if work.notification(&id).is_some_and(|row| row.state == NotificationState::Held) {
            redecide(work, &id);
        }
    }
}

/// What has to be read before a notification is decided anew.
pub(super) fn redecide_needs(id: &NotificationId, work: &Work<'_>) -> Vec<Need> {
    let Some(row) = work.notification(id) else { return Vec::new() };
    let mut needs = vec![Need::Event(row.cause.event.clone()), Need::Person(row.person.clone())];
    let live = work.live(&row.person.project);
    let rule = row.cause.rule.as_ref().and_then(|rule| live.configuration.rules.get(rule));
    match rule {
        Some(rule) => {
            needs.extend(firing::key_needs(rule, &row.keys, &row.person, work));
            if let Some(event) = work.event(&row.cause.event) {
                let facts = firing::Facts { body: &event.body, root: &event.root() };
                needs.extend(firing::linked_needs(rule, facts, &row.person, work));
            }
        }
        None => {
            needs.extend(firing::category_digest(&row.category, &row.person, work));
            if let Some(value) = &row.keys.collapse {
                needs.push(Need::Collapse(row.person.clone(), row.category.clone(), value.clone()));
            }
        }
    }
    needs
}

/// What a stored notification proposes under the live configuration; none if its rule or category is gone.
pub(super) fn subject_of(work: &Work<'_>, row: &Notification) -> Option<Subject> {
    let event = work.event(&row.cause.event)?;
    let live = work.live(&row.person.project);
    let stated = Stated {
        event: event.id.clone(),
        body: Arc::clone(&event.body),
        root: Arc::new(event.root()),
        sandbox: event.sandbox,
    };
    let mut subject = match (&row.cause.rule, &event.body.send) {
        (Some(rule), _) => {
            let rule = live.configuration.rules.get(rule)?;
            let given = row.variant.as_deref();
            Subject::of_rule(work, &stated, rule, &row.person, given, row.created_at)
        }
        (None, Some(send)) => Subject::of_send(&stated, send, &live.configuration, row.created_at)?,
        (None, None) => return None,
    };
    // What was promised when it was made holds: its time and its urgency do not move with a later document.
    subject.expires_at = row.expires_at;
    subject.priority = row.priority;
    if let (Some(root), Some(step)) = (&row.chain, row.cause.step) {
        subject.chain = Some((root.clone(), step));
        subject.not_before = Some(row.created_at);
        let planned = subject.steps.get(usize::from(step).saturating_sub(1)).cloned();
        subject.steps = planned.into_iter().collect();
        for step in &mut subject.steps {
            (step.linked, step.unless, step.repeat) = (false, None, None);
            step.after = tidings_protocol::Span::ZERO;
        }
    }
    Some(subject)
}

/// Decides a held notification anew at this instant: it goes, waits on or ends.
pub(super) fn redecide(work: &mut Work<'_>, id: &NotificationId) {
    let row = work.notification(id).expect("the caller looked it up").clone();
    if row.digest.is_some() {
        // The digest decides for its members when it closes.
        return;
    }
    if expire::if_passed(work, id) {
        return;
    }
    let Some(subject) = subject_of(work, &row) else {
        work.shift(id, NotificationState::Suppressed, Some(propose::rule_gone()));
        return;
    };
    // Asked before its time, because a setting changed: the deferral that it is in is not over and counts once.
    let by_cap = row.stopped.as_ref().is_some_and(|stopped| stopped.gate == Some(Gate::Cap));
    let early = by_cap && row.due.is_some_and(|due| due > work.now());
    let deferrals = row.deferrals.saturating_sub(u8::from(early));
    work.notification_mut(id).deferrals = deferrals;
    let by_hour = row.stopped.as_ref().is_some_and(|stopped| stopped.gate == Some(Gate::BestHour));
    let hour_came = by_hour && row.due.is_some_and(|due| due <= work.now());
    let phase = Phase::Released { deferrals, throttled: row.keys.throttled_in.is_some(), hour_came };
    redecide_as(work, &subject, id, phase);
}

/// Decides a notification that is held anew, at a point of its life.
pub(super) fn redecide_as(work: &mut Work<'_>, subject: &Subject, id: &NotificationId, phase: Phase) {
    let row = work.notification(id).expect("the caller looked it up");
    let standing = Standing { id, created_at: row.created_at, keys: &row.keys, phase };
    let plan = subject.decide(work, &row.person, &standing, None);
    apply(work, subject, id, plan);
}

/// Moves a held notification to where the plan puts it.
pub(super) fn apply(work: &mut Work<'_>, subject: &Subject, id: &NotificationId, plan: Plan) {
    for entry in plan.told {
        work.tell(id, entry);
    }
    let version =
        work.live(&work.notification(id).expect("it was told above").person.project).configuration.version;
    let row = work.notification_mut(id);
    row.configuration = version;
    // Its words are of the variants as they are now.
    row.variant = subject.variant.as_ref().map(|chosen| chosen.name.clone());
    row.trial.clone_from(&subject.trial);
    row.template = subject.template();
    match plan.outcome {
        Outcome::Stop(stopped) => work.shift(id, NotificationState::Suppressed, Some(stopped)),
        Outcome::Fail(stopped) => work.shift(id, NotificationState::Failed, Some(stopped)),
        Outcome::Hold { stopped, due, deferred } => {
            work.shift(id, NotificationState::Held, Some(stopped));
            let row = work.notification_mut(id);
            row.due = Some(due);
            row.deferrals += u8::from(deferred);
            let person = row.person.clone();
            work.set_due(&person, DueKey::Release(id.clone()), due);
        }
        Outcome::Collect(scope) => {
            let person = work.notification(id).expect("it was told above").person.clone();
            work.clear_due(&person, DueKey::Release(id.clone()));
            digest::join(work, id, scope);
        }
        Outcome::Go { steps, scopes, content, forms, unreached } => {
            let person = work.notification(id).expect("it was told above").person.clone();
            if let Some(rule) = subject.rule.as_ref().filter(|_| work.person(&person).is_known()) {
                propose::take_throttle(work, rule, id);
            }
            let row = work.notification_mut(id);
            (row.stopped, row.forms) = (unreached, forms);
            propose::go(work, id, steps, scopes, content);
        }
        Outcome::Survives => unreachable!("only members of a digest are asked whether they survive"),
    }
}
