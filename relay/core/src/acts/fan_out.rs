//! Audiences are walked by recipient in chunks, each planned and committed like any other work. A crash goes on at the
//! chunk's cursor; nobody is told twice, because (event, rule, recipient) is unique.

use std::sync::Arc;

use tidings_protocol::{EventId, ProjectId, RecipientId, RuleId};

use super::accept;
use super::firing::{self, Candidate, Facts, Whom, person_of};
use super::propose::Stated;
use super::send;
use crate::expression::Scope;
use crate::model::{Audience, DueKey, FanOut, PersonKey};
use crate::plan::recipient_root;
use crate::ports::Need;
use crate::work::Work;

/// Recipients in one chunk, and so in one commit while intake waits (SEMANTICS 6).
const CHUNK_MAX: u32 = 500;

/// Begins the walk of an audience.
pub(super) fn open(
    work: &mut Work<'_>,
    project: &ProjectId,
    event: &EventId,
    rule: Option<&RuleId>,
    audience: Audience,
    expected: Option<u64>,
) {
    let walk = FanOut {
        rule: rule.cloned(),
        audience,
        after: None,
        planned: 0,
        expected,
        finished: false,
        stopped: None,
    };
    work.event_mut(event).fan_outs.push(walk);
    let now = work.now();
    work.set_due(&at_event(project, event), DueKey::FanOut(event.clone(), rule.cloned()), now);
}

/// A fan-out's row of work belongs to no recipient; it stands under the event's id.
fn at_event(project: &ProjectId, event: &EventId) -> PersonKey {
    let recipient = RecipientId::new(event.as_str()).expect("an event's id is an id");
    PersonKey { project: project.clone(), recipient }
}

fn page_need(project: &ProjectId, walk: &FanOut) -> Need {
    match &walk.audience {
        Audience::Topic(topic) => {
            Need::Members(project.clone(), topic.clone(), walk.after.clone(), CHUNK_MAX)
        }
        Audience::Segment(_) => Need::Recipients(project.clone(), walk.after.clone(), CHUNK_MAX),
    }
}

fn walk_of<'a>(work: &'a Work<'_>, event: &EventId, rule: Option<&RuleId>) -> Option<&'a FanOut> {
    let event = work.event(event)?;
    event.fan_outs.iter().find(|walk| walk.rule.as_ref() == rule && !walk.finished)
}

pub(super) fn needs(
    project: &ProjectId,
    event: &EventId,
    rule: Option<&RuleId>,
    work: &Work<'_>,
) -> Vec<Need> {
    let mut needs = vec![Need::Event(event.clone())];
    let Some(walk) = walk_of(work, event, rule) else { return needs };
    let page = page_need(project, walk);
    let recipients = work.page(&page).unwrap_or_default().to_vec();
    needs.push(page);
    let body = Arc::clone(&work.event(event).expect("its walk was found").body);
    let live = work.live(project);
    let root = body.root();
    let facts = Facts { body: &body, root: &root };
    for person in recipients.iter().map(|recipient| person_of(project, recipient)) {
        if let Audience::Segment(name) = &walk.audience
            && let Some(segment) = live.configuration.segments.get(&**name)
        {
            needs.extend(firing::history_needs(&segment.when, &person, work.now()));
        }
        match (rule.and_then(|rule| live.configuration.rules.get(rule)), &body.send) {
            (Some(rule), _) => needs.extend(firing::needs_for(rule, facts, &person, work)),
            (None, Some(send)) => needs.extend(send::needs_for(&person, send, work)),
            (None, None) => needs.push(Need::Person(person.clone())),
        }
        needs.push(Need::Made(event.clone(), rule.cloned(), person));
    }
    needs
}

/// Plans one chunk and sets the next.
pub(super) fn walk(work: &mut Work<'_>, project: &ProjectId, event: &EventId, rule: Option<&RuleId>) {
    let key = DueKey::FanOut(event.clone(), rule.cloned());
    let at = at_event(project, event);
    let Some(walk) = walk_of(work, event, rule).cloned() else {
        work.clear_due(&at, key);
        return;
    };
    // The same row twice in one transaction: the next chunk was not read. It waits, which is not the end of the walk.
    let Some(recipients) = work.page(&page_need(project, &walk)).map(<[RecipientId]>::to_vec) else { return };
    let people: Vec<PersonKey> = recipients.iter().map(|recipient| person_of(project, recipient)).collect();
    let made = plan_chunk(work, project, event, &walk, &people);
    let finished = recipients.len() < CHUNK_MAX as usize;
    let row = work.event_mut(event);
    row.made += made;
    if let Some(walk) = row.fan_outs.iter_mut().find(|walk| walk.rule.as_ref() == rule && !walk.finished) {
        // A walk that ended needs no place, and a name that stands there would outlive an erasure.
        walk.after = recipients.last().cloned().or(walk.after.take()).filter(|_| !finished);
        walk.planned += made;
        walk.finished = finished;
    }
    if !finished {
        let now = work.now();
        work.set_due(&at, key, now);
        return;
    }
    let all_walked = row.fan_outs.iter().all(|walk| walk.finished);
    work.clear_due(&at, key);
    if all_walked {
        work.finish_event(event);
    }
}

fn plan_chunk(
    work: &mut Work<'_>,
    project: &ProjectId,
    event: &EventId,
    walk: &FanOut,
    people: &[PersonKey],
) -> u64 {
    let live = work.live(project);
    let row = work.event(event).expect("its walk was found");
    let stated = Stated {
        event: event.clone(),
        body: Arc::clone(&row.body),
        root: Arc::new(row.root()),
        sandbox: row.sandbox,
    };
    let people: Vec<PersonKey> =
        people.iter().filter(|person| belongs(work, walk, &stated, person)).cloned().collect();
    let rule = walk.rule.as_ref().and_then(|rule| live.configuration.rules.get(rule));
    let made = match (rule, &stated.body.send) {
        (Some(rule), _) => {
            let candidate = Candidate { rule: Arc::clone(rule), whom: Whom::Named(Vec::new()) };
            accept::fire(work, &stated, &candidate, &people, &mut Vec::new()).len()
        }
        (None, Some(send)) if live.configuration.categories.contains_key(&send.category) => {
            let new: Vec<&PersonKey> =
                people.iter().filter(|person| work.made_by(event, None, person).is_none()).collect();
            new.into_iter()
                .map(|person| send::send_to(work, &stated, send, person, &live.configuration))
                .count()
        }
        (None, Some(_) | None) => 0,
    };
    made as u64
}

/// Whether a recipient of the chunk is in the audience at this instant.
fn belongs(work: &Work<'_>, walk: &FanOut, stated: &Stated, person: &PersonKey) -> bool {
    let Audience::Segment(name) = &walk.audience else { return true };
    let live = work.live(&person.project);
    let Some(segment) = live.configuration.segments.get(&**name) else { return false };
    let root = recipient_root(work.person(person), work.now());
    let lookups = work.lookups(person);
    let scope =
        Scope { data: &stated.body.data, event: &stated.root, recipient: Some(&root), lookups: &lookups };
    segment.when.condition(&scope).unwrap_or(false)
}
