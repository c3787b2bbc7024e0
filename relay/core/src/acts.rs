//! What each act needs to read, and what it makes of it. An act refuses before it changes anything.

mod accept;
mod address;
mod advance;
mod budget;
mod cancel;
mod chains;
mod collapse;
mod conclude;
mod consent;
mod convert;
mod digest;
mod endpoint;
mod erase;
mod expire;
mod fan_out;
mod firing;
mod greet;
mod hand_over;
mod hear;
mod learning;
mod membership;
mod operate;
mod preference;
mod propose;
mod receipts;
mod recipient;
mod replay;
mod report;
mod restrict;
mod retract;
mod send;
mod steps;
#[cfg(test)]
mod testing;
mod trials;

use std::collections::VecDeque;
use std::sync::Arc;

use self::accept::Heard;
use self::hand_over::Claim;
use crate::act::{Act, Answer, EventAnswer, Made, Refusal, Unit};
use crate::model::PersonKey;
use crate::ports::Need;
use crate::work::Work;

pub(crate) use self::trials::settle as settle_trials;

/// A unit on its way to a decision, with what follows from its words and the document alone. That is found once; what
/// follows from rows is asked anew while they are read.
pub(crate) struct Prepared<'u> {
    pub(crate) unit: &'u Unit,
    heard: Option<VecDeque<Heard>>,
    /// Whether everything that it needs was read.
    pub(crate) has_all: bool,
    /// What became of the unit's first events.
    answered: Vec<EventAnswer>,
}

impl<'u> Prepared<'u> {
    pub(crate) const fn new(unit: &'u Unit) -> Self {
        Self { unit, heard: None, has_all: false, answered: Vec::new() }
    }
}

/// What a unit needs beside what was read already. It is asked again after each reading, until it needs nothing more.
pub(crate) fn needs(prepared: &mut Prepared<'_>, work: &Work<'_>) -> Vec<Need> {
    let unit = prepared.unit;
    let person = |recipient: &tidings_protocol::RecipientId| PersonKey {
        project: unit.project.clone(),
        recipient: recipient.clone(),
    };
    let mut needs = vec![Need::Project(unit.project.clone())];
    if let Some(repeat) = &unit.repeat {
        needs.push(Need::Answer(unit.project.clone(), repeat.route.clone(), repeat.key.clone()));
    }
    if !work.has_live(&unit.project) {
        return needs;
    }
    if work.live(&unit.project).configuration.has_trials() {
        needs.push(Need::Wins(unit.project.clone()));
    }
    match &unit.act {
        Act::AcceptEvents(bodies) => {
            let heard = prepared.heard.get_or_insert_with(|| accept::hear(&unit.project, bodies, work));
            needs.extend(accept::needs(&unit.project, unit.sandbox, bodies, heard, work));
        }
        Act::Send { body, to } => needs.extend(send::needs(&unit.project, body, to, work)),
        Act::PutRecipient(change) => {
            needs.extend(
                change
                    .recipient
                    .as_ref()
                    .into_iter()
                    .flat_map(|r| recipient::needs(&person(r), change, work)),
            );
        }
        Act::Erase(recipient) => needs.extend(erase::needs(&person(recipient))),
        Act::DecideConsent(request) => needs.extend(restrict::needs(&person(&request.recipient), work)),
        Act::PutPreferences(change) => {
            needs.extend(
                change.recipient.as_ref().into_iter().flat_map(|r| restrict::needs(&person(r), work)),
            );
        }
        Act::RemoveEndpoint { recipient, channel, .. } => {
            needs.extend(endpoint::needs(&person(recipient), *channel, None, work));
        }
        Act::PutEndpoint { recipient, channel, address } => {
            needs.extend(endpoint::needs(
                &person(recipient),
                *channel,
                address.as_ref().map(|(a, _)| &**a),
                work,
            ));
        }
        Act::HearSms(heard) => needs.extend(hear::needs(&unit.project, heard, work)),
        Act::PutMembership { recipient, .. } => needs.push(Need::Person(person(recipient))),
        Act::Retract(id) => needs.extend(retract::needs(&unit.project, id, work)),
        Act::Replay(id) => needs.extend(replay::needs(&unit.project, id, work)),
        Act::ReplayDelivery(id) => needs.extend(replay::delivery_needs(&unit.project, id, work)),
        Act::StopSend(send) => needs.extend(retract::send_needs(&unit.project, send, work)),
        Act::Greet { recipient, device, .. } => needs.extend(greet::needs(&person(recipient), device, work)),
        Act::Operate { recipient, device, sent, operations } => {
            needs.extend(operate::needs(&person(recipient), device, *sent, operations, work));
        }
        Act::HandOver { delivery, .. } => needs.extend(hand_over::needs(&unit.project, delivery, work)),
        Act::Conclude { delivery, .. } => needs.extend(conclude::needs(&unit.project, delivery, work)),
        Act::Report { delivery, .. } => needs.extend(report::needs(&unit.project, delivery, work)),
        Act::Advance(row) => needs.extend(advance::needs(row, work)),
        Act::Expire(person, id) => needs.extend(expire::needs(person, id)),
    }
    needs
}

/// Decides the next part of a unit on the working copy: one event of those that came together, or the whole of another
/// act. Answers with the last part, so that what a part made due at once is done before the next one is decided.
///
/// # Errors
/// [`Refusal`]; the copy is as it was before.
pub(crate) fn decide_part(
    prepared: &mut Prepared<'_>,
    work: &mut Work<'_>,
) -> Result<Option<Answer>, Refusal> {
    let Act::AcceptEvents(bodies) = &prepared.unit.act else {
        return decide(prepared.unit.clone(), work).map(Some);
    };
    let heard = prepared.heard.as_mut().expect("whoever decides events has asked what they need");
    if let (Some(body), Some(heard)) = (bodies.get(prepared.answered.len()), heard.pop_front()) {
        let unit = prepared.unit;
        prepared.answered.push(accept::accept(&unit.project, unit.sandbox, Arc::clone(body), heard, work));
    }
    let all = prepared.answered.len() == bodies.len();
    Ok(all.then(|| Answer::Events(std::mem::take(&mut prepared.answered))))
}

/// Decides a unit that is of one part.
fn decide(unit: Unit, work: &mut Work<'_>) -> Result<Answer, Refusal> {
    let project = unit.project;
    let person = |recipient| PersonKey { project: project.clone(), recipient };
    match unit.act {
        Act::AcceptEvents(_) => unreachable!("events are decided one by one"),
        Act::Send { body, to } => send::send(&project, unit.sandbox, *body, to, work),
        Act::PutRecipient(change) => recipient::put(&project, *change, work),
        Act::Erase(recipient) => Ok(erase::erase(&person(recipient), work)),
        Act::DecideConsent(request) => consent::decide(&project, *request, work),
        Act::PutPreferences(change) => preference::put(&project, *change, work),
        Act::PutEndpoint { recipient, channel, address } => {
            endpoint::put(&person(recipient), channel, address, work)
        }
        Act::HearSms(heard) => Ok(hear::hear(&project, &heard, work)),
        Act::RemoveEndpoint { recipient, channel, address } => {
            Ok(endpoint::remove(&person(recipient), channel, &address, work))
        }
        Act::PutMembership { recipient, topic, member } => {
            membership::put(&person(recipient), &topic, member, work)
        }
        Act::Retract(id) => retract::retract(&project, &id, work),
        Act::StopSend(send) => retract::stop_send(&project, &send, work),
        Act::Replay(id) => replay::replay(&project, &id, work),
        Act::ReplayDelivery(id) => replay::replay_delivery(&project, &id, work),
        Act::Greet { recipient, device, token_issued_at } => {
            greet::greet(&person(recipient), *device, token_issued_at, work)
        }
        Act::Operate { recipient, device, sent, operations } => {
            operate::operate(&person(recipient), &device, sent, operations, work)
        }
        Act::HandOver { delivery, owner, present_until, rests_until, address_rests_until } => {
            let claim = Claim { delivery: &delivery, owner, present_until, rests_until, address_rests_until };
            hand_over::hand_over(&project, claim, work)
        }
        Act::Conclude { delivery, attempt, outcome } => {
            conclude::conclude(&project, &delivery, attempt, &outcome, work)
        }
        Act::Report { delivery, report } => report::report(&project, &delivery, &report, work),
        Act::Advance(row) => Ok(advance::advance(&row, work)),
        Act::Expire(person, id) => Ok(expire::expire(&person, &id, work)),
    }
}

/// Tells what became of the notifications of an answer, after something more happened to them in the same transaction.
pub(crate) fn see_again(answer: &mut Answer, work: &Work<'_>) {
    let made: Vec<&mut Made> = match answer {
        Answer::Events(answers) => answers
            .iter_mut()
            .filter_map(|answer| match answer {
                EventAnswer::Accepted { notifications, .. } => Some(notifications),
                EventAnswer::Duplicate { .. } | EventAnswer::Refused(_) => None,
            })
            .flatten()
            .collect(),
        Answer::Sent { notifications, .. } => notifications.iter_mut().collect(),
        Answer::Recipient { .. }
        | Answer::Erased(_)
        | Answer::Consent { .. }
        | Answer::SmsHeard { .. }
        | Answer::Notification { .. }
        | Answer::Delivery { .. }
        | Answer::Handover(_)
        | Answer::SendStopped { .. }
        | Answer::Greeted { .. }
        | Answer::Operated(_)
        | Answer::Done => Vec::new(),
    };
    for made in made {
        *made = propose::made(work, &made.id);
    }
}

#[cfg(test)]
mod tests;
