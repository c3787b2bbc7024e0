//! A pending notification's time has passed.

use tidings_protocol::{NotificationId, NotificationState, Reason};

use crate::act::Answer;
use crate::model::{PersonKey, Stopped};
use crate::ports::Need;
use crate::work::Work;

pub(super) fn needs(person: &PersonKey, id: &NotificationId) -> Vec<Need> {
    vec![
        Need::Person(person.clone()),
        Need::Notification(person.project.clone(), id.clone()),
        Need::Deliveries(id.clone()),
    ]
}

pub(super) fn expire(person: &PersonKey, id: &NotificationId, work: &mut Work<'_>) -> Answer {
    let passed = |row: &&crate::model::Notification| {
        row.is_pending() && row.expires_at <= work.now() && row.person == *person
    };
    if work.notification(id).as_ref().is_some_and(passed) {
        let stopped = Stopped { gate: None, reason: Reason::Expired, text: None };
        work.shift(id, NotificationState::Expired, Some(stopped));
    }
    Answer::Done
}
