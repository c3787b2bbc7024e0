//! A sender takes back what it sent: a notification, or everything of a send.

use tidings_protocol::{
    DeliveryState, EventId, NotificationId, NotificationState, ProjectId, Reason, SendId,
};

use crate::act::{Answer, Refusal};
use crate::model::{DueKey, Stopped};
use crate::ports::Need;
use crate::work::Work;

/// Notifications that one call takes back; the rest follows by calls of the same kind.
const RETRACTED_AT_ONCE_MAX: u32 = 500;

pub(super) fn needs(project: &ProjectId, id: &NotificationId, work: &Work<'_>) -> Vec<Need> {
    let mut needs = vec![Need::Notification(project.clone(), id.clone()), Need::Deliveries(id.clone())];
    if let Some(row) = work.notification(id).filter(|row| row.person.project == *project) {
        needs.push(Need::Person(row.person.clone()));
        needs.push(Need::Event(row.cause.event.clone()));
    }
    needs
}

pub(super) fn send_needs(project: &ProjectId, send: &SendId, work: &Work<'_>) -> Vec<Need> {
    let event = event_of(send);
    let mut needs = vec![Need::Event(event.clone())];
    if work.event(&event).is_some_and(|row| row.project == *project) {
        needs.push(Need::OfEvent(event, None, RETRACTED_AT_ONCE_MAX));
    }
    needs
}

fn event_of(send: &SendId) -> EventId {
    EventId::new(send.as_str()).expect("a send's id is an event's")
}

pub(super) fn retract(
    project: &ProjectId,
    id: &NotificationId,
    work: &mut Work<'_>,
) -> Result<Answer, Refusal> {
    let found = work.notification(id).filter(|row| row.person.project == *project);
    if found.is_none() {
        return Err(Refusal::NotFound { what: "notification", id: id.as_str().into() });
    }
    let too_late = take_back(work, id);
    let state = work.notification(id).expect("it was found above").state;
    Ok(Answer::Notification { id: id.clone(), state, too_late })
}

/// Takes one back. What reached somebody keeps its state and gets the flag: devices remove it. Answers whether
/// something of it was handed over before.
fn take_back(work: &mut Work<'_>, id: &NotificationId) -> bool {
    let row = work.notification(id).expect("the caller looked it up");
    let handing_over = work.deliveries_of(id).any(|delivery| delivery.state == DeliveryState::HandingOver);
    if row.is_pending() {
        let stopped = Stopped { gate: None, reason: Reason::Retracted, text: None };
        let now = work.now();
        work.notification_mut(id).flags.retracted_at = Some(now);
        work.shift(id, NotificationState::Retracted, Some(stopped));
        return handing_over;
    }
    let reached = row.state == NotificationState::Reached;
    if reached && row.flags.retracted_at.is_none() {
        let (now, person) = (work.now(), row.person.clone());
        work.notification_mut(id).flags.retracted_at = Some(now);
        work.clear_due(&person, DueKey::Step(id.clone()));
        work.clear_due(&person, DueKey::Repeat(id.clone()));
        let mut entry = crate::model::Entry::new(now, tidings_protocol::StoryKind::Cancelled);
        entry.reason = Some(Reason::Retracted);
        work.tell(id, entry);
        work.stop_deliveries(id, DeliveryState::Cancelled, Some(Reason::Retracted));
        if work.notification(id).is_some_and(|row| row.created_seq.is_some()) {
            work.touch_inbox_row(id);
        }
    }
    reached || handing_over
}

pub(super) fn stop_send(project: &ProjectId, send: &SendId, work: &mut Work<'_>) -> Result<Answer, Refusal> {
    let event = event_of(send);
    if work.event(&event).is_none_or(|row| row.project != *project) {
        return Err(Refusal::NotFound { what: "send", id: send.as_str().into() });
    }
    stop_walks(work, project, &event);
    let back: Vec<NotificationId> = work
        .of_event(&event)
        .into_iter()
        .filter(|id| work.notification(id).is_some_and(|row| row.flags.retracted_at.is_none()))
        .filter(|id| work.notification(id).is_some_and(|row| row.is_pending() || row.is_visible()))
        .collect();
    for id in &back {
        take_back(work, id);
    }
    let more = back.len() >= RETRACTED_AT_ONCE_MAX as usize;
    Ok(Answer::SendStopped { retracted: back.len() as u64, more })
}

fn stop_walks(work: &mut Work<'_>, project: &ProjectId, event: &EventId) {
    let open: Vec<_> = work
        .event(event)
        .map(|row| row.fan_outs.iter().filter(|walk| !walk.finished).map(|walk| walk.rule.clone()).collect())
        .unwrap_or_default();
    if open.is_empty() {
        return;
    }
    for walk in &mut work.event_mut(event).fan_outs {
        if !walk.finished {
            walk.finished = true;
            walk.stopped = Some(Reason::SendStopped);
            walk.after = None;
        }
    }
    let recipient = tidings_protocol::RecipientId::new(event.as_str()).expect("an event's id is an id");
    let person = crate::model::PersonKey { project: project.clone(), recipient };
    for rule in open {
        work.clear_due(&person, DueKey::FanOut(event.clone(), rule));
    }
    work.finish_event(event);
}
