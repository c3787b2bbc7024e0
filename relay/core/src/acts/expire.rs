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
    if work.notification(id).is_some_and(|row| row.person == *person) {
        if_passed(work, id);
    }
    Answer::Done
}

/// Ends a pending notification whose time has passed. Whoever comes late, after a pause of the node for instance, asks
/// this first: what is past its time is not sent. Answers whether it ended.
pub(super) fn if_passed(work: &mut Work<'_>, id: &NotificationId) -> bool {
    let passed = work.notification(id).is_some_and(|row| row.is_pending() && row.expires_at <= work.now());
    if passed {
        let stopped = Stopped { gate: None, reason: Reason::Expired, text: None };
        work.shift(id, NotificationState::Expired, Some(stopped));
    }
    passed
}
