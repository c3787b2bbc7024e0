//! Erases a recipient: everything that is counted is counted as erased, everything else goes.

use serde_json::json;
use tidings_protocol::{NotificationId, NotificationState};

use crate::act::Answer;
use crate::model::{Erased, FeedEntry, FeedKind, PersonKey};
use crate::ports::Need;
use crate::work::Work;

pub(super) fn needs(person: &PersonKey) -> Vec<Need> {
    vec![Need::Person(person.clone()), Need::Everything(person.clone())]
}

/// Answers whether there was anybody. Somebody who was only ever refused as unknown has rows, and is erased too.
pub(super) fn erase(person: &PersonKey, work: &mut Work<'_>) -> Answer {
    let living = |state| state != NotificationState::Erased;
    let rows: Vec<NotificationId> =
        work.notifications_of(person).filter(|n| living(n.state)).map(|n| n.id.clone()).collect();
    let known = work.person(person);
    if !known.is_known() && rows.is_empty() {
        return Answer::Erased(false);
    }
    let ended = known.inbox.as_ref().map(|inbox| inbox.epoch);
    let before = known.erased.as_ref().map(|erased| erased.epoch);
    let epoch = ended.or(before).unwrap_or_default();
    for id in &rows {
        work.erase_notification(id);
    }
    let at = work.now();
    work.forget_person(person, Erased { at, epoch });
    work.feed(FeedEntry {
        project: person.project.clone(),
        recipient: person.recipient.clone(),
        notification: None,
        at,
        kind: FeedKind::RecipientErased,
        detail: json!({}),
    });
    Answer::Erased(true)
}

#[cfg(test)]
mod tests;
