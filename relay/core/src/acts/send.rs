//! A direct send: no rule, the same gates.

use std::sync::Arc;

use tidings_protocol::{EventId, ProjectId, SendId};

use super::accept;
use super::consent;
use super::fan_out;
use super::firing::{self, person_of};
use super::propose::{self, Stated, Subject};
use crate::act::{Answer, Refusal, SendTo};
use crate::configuration::Configuration;
use crate::model::{Audience, DirectSend, EventBody, Keys, SendContent};
use crate::nearest::nearest;
use crate::ports::Need;
use crate::work::Work;

pub(super) fn needs(project: &ProjectId, body: &EventBody, to: &SendTo, work: &Work<'_>) -> Vec<Need> {
    let (SendTo::Recipients(recipients), Some(send)) = (to, &body.send) else { return Vec::new() };
    recipients.iter().flat_map(|recipient| needs_for(&person_of(project, recipient), send, work)).collect()
}

/// What has to be read for one recipient of a send.
pub(super) fn needs_for(person: &crate::model::PersonKey, send: &DirectSend, work: &Work<'_>) -> Vec<Need> {
    let mut needs = vec![Need::Person(person.clone())];
    needs.extend(firing::category_digest(&send.category, person, work));
    if let Some(value) = &send.collapse {
        needs.push(Need::Collapse(person.clone(), send.category.clone(), value.clone()));
    }
    needs
}

pub(super) fn send(
    project: &ProjectId,
    sandbox: bool,
    body: EventBody,
    to: SendTo,
    work: &mut Work<'_>,
) -> Result<Answer, Refusal> {
    let configuration = Arc::clone(&work.live(project).configuration);
    let send = body.send.clone().expect("the border makes sends with their send");
    check(&configuration, &send)?;
    let id = EventId::from(work.id());
    let stated = Stated { event: id.clone(), root: Arc::new(body.root()), body: Arc::new(body), sandbox };
    accept::state(work, project, &stated);
    let send_id = send_id(&id);
    let audience = match to {
        SendTo::Topic(topic) => Audience::Topic(topic),
        SendTo::Segment(name) => Audience::Segment(name),
        SendTo::Recipients(mut recipients) => {
            recipients.dedup();
            let mut notifications = Vec::with_capacity(recipients.len());
            for recipient in recipients {
                let person = person_of(project, &recipient);
                if work.made_by(&id, None, &person).is_none() {
                    notifications.push(send_to(work, &stated, &send, &person, &configuration));
                }
            }
            accept::close_send(work, &id, &notifications, true);
            return Ok(Answer::Sent { send: send_id, notifications });
        }
    };
    fan_out::open(work, project, &id, None, audience, None);
    Ok(Answer::Sent { send: send_id, notifications: Vec::new() })
}

/// A send is named by its event's id.
fn send_id(event: &EventId) -> SendId {
    SendId::new(event.as_str()).expect("an event's id is an id")
}

/// Makes the notification of a send for one recipient.
pub(super) fn send_to(
    work: &mut Work<'_>,
    stated: &Stated,
    send: &DirectSend,
    person: &crate::model::PersonKey,
    configuration: &Configuration,
) -> crate::act::Made {
    let created = accept::ensure(work, person, stated.sandbox);
    let subject = Subject::of_send(stated, send, configuration, work.now())
        .expect("the category was checked against the same configuration");
    let keys = Keys { collapse: send.collapse.clone(), ..Keys::default() };
    propose::make(work, &subject, person, keys, created)
}

fn check(configuration: &Configuration, send: &DirectSend) -> Result<(), Refusal> {
    consent::known_category(configuration, &send.category)?;
    match &send.content {
        SendContent::Template(name) if !configuration.templates.contains_key(&**name) => {
            let names = configuration.templates.keys().map(String::as_str);
            Err(Refusal::UnknownTemplate {
                template: name.clone(),
                hint: nearest(name, names).map(Into::into),
            })
        }
        SendContent::Template(_) | SendContent::Literal(_) => Ok(()),
    }
}
