//! A notification that failed is decided anew, for instance after its template was mended. It takes from no cap and no
//! throttle; its once-key becomes its own, because somebody is told now.

use tidings_protocol::{NotificationId, NotificationState, ProjectId, Reason, StoryKind};

use super::{advance, propose, retract};
use crate::act::{Answer, Refusal};
use crate::model::{DueKey, Entry};
use crate::plan::Phase;
use crate::ports::Need;
use crate::work::Work;

pub(super) fn needs(project: &ProjectId, id: &NotificationId, work: &Work<'_>) -> Vec<Need> {
    let mut needs = retract::needs(project, id, work);
    if work.notification(id).is_some_and(|row| row.person.project == *project) {
        needs.extend(advance::redecide_needs(id, work));
    }
    needs
}

pub(super) fn replay(
    project: &ProjectId,
    id: &NotificationId,
    work: &mut Work<'_>,
) -> Result<Answer, Refusal> {
    let Some(row) = work.notification(id).filter(|row| row.person.project == *project) else {
        return Err(Refusal::NotFound { what: "notification", id: id.as_str().into() });
    };
    // What it says stands in its event: once that is past its retention, there is nothing left to send.
    let can_be_said = work.event(&row.cause.event).is_some();
    let in_time = row.state == NotificationState::Failed && row.expires_at > work.now();
    if in_time && can_be_said && work.person(&row.person).is_known() {
        again(work, id);
    }
    let state = work.notification(id).expect("it was found above").state;
    Ok(Answer::Notification { id: id.clone(), state, too_late: false })
}

fn again(work: &mut Work<'_>, id: &NotificationId) {
    let mut entry = Entry::new(work.now(), StoryKind::Released);
    entry.reason = Some(Reason::Replayed);
    work.tell(id, entry);
    // Held for no time at all: from there the plan is the same as for every release.
    work.shift(id, NotificationState::Held, None);
    let row = work.notification(id).expect("the caller looked it up").clone();
    let Some(subject) = advance::subject_of(work, &row) else {
        work.shift(id, NotificationState::Suppressed, Some(propose::rule_gone()));
        return;
    };
    work.set_due(&row.person, DueKey::Release(id.clone()), work.now());
    advance::redecide_as(work, &subject, id, Phase::Replayed);
    if work.notification(id).is_some_and(|row| row.is_pending()) {
        propose::take_once(work, &subject, id);
    }
}
