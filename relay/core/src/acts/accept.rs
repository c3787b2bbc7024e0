//! Facts come in: each is accepted, a duplicate or in conflict with an earlier one.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;
use tidings_protocol::{EventId, EventState, ProjectId, Timestamp};

use super::cancel::{self, Target};
use super::convert::{self, Sought};
use super::fan_out;
use super::firing::{self, Candidate, Facts, Whom, person_of};
use super::propose::{self, Stated, Subject};
use crate::act::{EventAnswer, Made, Refusal};
use crate::configuration::{Configuration, UnknownRecipient};
use crate::expression::{NoLookups, Scope};
use crate::model::{CollectedRow, Considered, Event, EventBody, Fired, PersonKey};
use crate::ports::Need;
use crate::retention::EVENT_IDS_KEPT;
use crate::work::Work;

/// What the document makes of an event by its words alone.
#[derive(Debug)]
pub(super) struct Heard {
    root: Arc<Value>,
    may: Vec<Candidate>,
    not: Vec<Considered>,
    cancels: Vec<Target>,
    converts: Vec<Sought>,
}

/// Listens to events: evaluates what their rules ask of them before any row is read.
pub(super) fn hear(project: &ProjectId, bodies: &[Arc<EventBody>], work: &Work<'_>) -> VecDeque<Heard> {
    let configuration = &work.live(project).configuration;
    let heard = bodies.iter().map(|body| {
        let root = Arc::new(body.root());
        let facts = Facts { body, root: &root };
        let (may, not) = firing::candidates(configuration, facts);
        let cancels = cancel::targets(configuration, facts);
        let converts = convert::sought(configuration, facts);
        Heard { root, may, not, cancels, converts }
    });
    heard.collect()
}

pub(super) fn needs(
    project: &ProjectId,
    sandbox: bool,
    bodies: &[Arc<EventBody>],
    heard: &VecDeque<Heard>,
    work: &Work<'_>,
) -> Vec<Need> {
    let mut needs = Vec::new();
    for (body, heard) in bodies.iter().zip(heard) {
        if let Some(external_id) = &body.external_id {
            needs.push(Need::SameEvent {
                project: project.clone(),
                source: body.source.clone(),
                external_id: external_id.clone(),
                since: work.now().plus_millis(-EVENT_IDS_KEPT.as_millis()),
            });
        }
        let facts = Facts { body, root: &heard.root };
        for candidate in &heard.may {
            let Whom::Named(recipients) = &candidate.whom else { continue };
            for recipient in recipients {
                let person = person_of(project, recipient);
                needs.extend(firing::needs_for(&candidate.rule, facts, &person, work));
            }
        }
        needs.extend(cancel::needs(project, sandbox, &heard.cancels, facts, work));
        needs.extend(convert::needs(project, sandbox, &heard.converts, facts));
    }
    needs
}

/// Takes in one event and decides what it makes.
pub(super) fn accept(
    project: &ProjectId,
    sandbox: bool,
    body: Arc<EventBody>,
    heard: Heard,
    work: &mut Work<'_>,
) -> EventAnswer {
    if let Some(external_id) = &body.external_id {
        let since = work.now().plus_millis(-EVENT_IDS_KEPT.as_millis());
        let known = work.same_event(project, sandbox, body.source.as_deref(), external_id);
        match known.filter(|known| known.accepted_at >= since) {
            Some(known) if known.body.digest == body.digest => {
                return EventAnswer::Duplicate { event: known.id.clone() };
            }
            Some(_) => {
                return EventAnswer::Refused(Refusal::EventConflict { external_id: external_id.clone() });
            }
            None => {}
        }
    }
    let id = EventId::from(work.id());
    let Heard { root, may, not: mut considered, cancels, converts } = heard;
    let stated = Stated { event: id.clone(), root, body, sandbox };
    let configuration = Arc::clone(&work.live(project).configuration);
    let cancelled = cancel::cancel_by(work, project, &cancels, &stated);
    let converted = convert::convert_by(work, project, &converts, &stated);
    if !sandbox {
        collect(work, project, &configuration, &stated);
    }
    let unknown_type = may.is_empty()
        && considered.is_empty()
        && !configuration.cancels_by_event.contains_key(&*stated.body.event_type)
        && !configuration.conversions_by_event.contains_key(&*stated.body.event_type)
        && !configuration.collect.contains_key(&*stated.body.event_type);
    work.add_event(new_event(project, &stated, &configuration, work.now()));
    let (mut notifications, mut fan_outs) = (Vec::new(), Vec::new());
    for candidate in may {
        match &candidate.whom {
            Whom::Named(recipients) => {
                let people: Vec<_> =
                    recipients.iter().map(|recipient| person_of(project, recipient)).collect();
                notifications.extend(fire(work, &stated, &candidate, &people, &mut considered));
            }
            Whom::Audience(audience) => {
                fan_outs.push((candidate.rule.id.clone(), None));
                let fired = Fired::Yes { recipients: 0 };
                considered.push(Considered { rule: candidate.rule.id.clone(), fired, text: None });
                fan_out::open(work, project, &id, Some(&candidate.rule.id), audience.clone(), None);
            }
        }
    }
    close(work, &id, considered.clone(), &notifications, fan_outs.is_empty());
    EventAnswer::Accepted {
        event: id,
        configuration: configuration.version,
        notifications,
        fan_outs,
        not_fired: considered.into_iter().filter(|rule| !matches!(rule.fired, Fired::Yes { .. })).collect(),
        unknown_type,
        cancelled,
        converted,
    }
}

/// Fires a rule for recipients; those for whom its condition does not hold are left out, with the reason of the last.
pub(super) fn fire(
    work: &mut Work<'_>,
    stated: &Stated,
    candidate: &Candidate,
    people: &[PersonKey],
    considered: &mut Vec<Considered>,
) -> Vec<Made> {
    let rule = &candidate.rule;
    let mut made = Vec::new();
    let mut not = None;
    for person in people {
        let facts = Facts { body: &stated.body, root: &stated.root };
        let keys = match firing::fires_for(rule, facts, work.person(person), work) {
            Ok(keys) => keys,
            Err(why) => {
                not = Some(why);
                continue;
            }
        };
        if work.made_by(&stated.event, Some(&rule.id), person).is_some() {
            continue;
        }
        let created = ensure(work, person, stated.sandbox);
        let subject = Subject::of_rule(work, stated, rule, person, None, work.now());
        made.push(propose::make(work, &subject, person, keys, created));
    }
    let (fired, text) = match not {
        Some((fired, text)) if made.is_empty() => (fired, text),
        Some(_) | None => (Fired::Yes { recipients: u32::try_from(made.len()).unwrap_or(u32::MAX) }, None),
    };
    considered.push(Considered { rule: rule.id.clone(), fired, text });
    made
}

/// Makes a recipient that was never seen, where the project wants that; never for the sandbox. Answers whether it was
/// made.
pub(super) fn ensure(work: &mut Work<'_>, person: &PersonKey, sandbox: bool) -> bool {
    if sandbox {
        return false;
    }
    match work.live(&person.project).configuration.project.unknown_recipient {
        UnknownRecipient::Create => work.ensure_recipient(person),
        UnknownRecipient::Refuse => false,
    }
}

fn new_event(project: &ProjectId, stated: &Stated, configuration: &Configuration, now: Timestamp) -> Event {
    Event {
        id: stated.event.clone(),
        project: project.clone(),
        body: Arc::clone(&stated.body),
        accepted_at: now,
        configuration: configuration.version,
        state: EventState::Open,
        considered: Vec::new(),
        fan_outs: Vec::new(),
        made: 0,
        sandbox: stated.sandbox,
    }
}

fn close(work: &mut Work<'_>, id: &EventId, considered: Vec<Considered>, made: &[Made], finished: bool) {
    let event = work.event_mut(id);
    event.considered = considered;
    event.made += made.len() as u64;
    if finished {
        work.finish_event(id);
    }
}

/// Takes in a direct send as the event that the books count.
pub(super) fn state(work: &mut Work<'_>, project: &ProjectId, stated: &Stated) {
    let configuration = Arc::clone(&work.live(project).configuration);
    work.add_event(new_event(project, stated, &configuration, work.now()));
}

/// Counts what a direct send made.
pub(super) fn close_send(work: &mut Work<'_>, id: &EventId, made: &[Made], finished: bool) {
    close(work, id, Vec::new(), made, finished);
}

/// Keeps the event for `history`, where the document collects its type.
fn collect(work: &mut Work<'_>, project: &ProjectId, configuration: &Configuration, stated: &Stated) {
    let Some(collect) = configuration.collect.get(&*stated.body.event_type) else { return };
    let scope = Scope { data: &stated.body.data, event: &stated.root, recipient: None, lookups: &NoLookups };
    let Ok(recipients) = firing::named(&collect.recipient, &scope) else { return };
    for recipient in recipients {
        let row = CollectedRow {
            person: person_of(project, &recipient),
            event_type: stated.body.event_type.clone(),
            at: stated.body.time,
            until: work.now().plus_millis(collect.keep.as_millis()),
        };
        work.changes().collected.push(row);
    }
}
