//! A notification that failed is decided anew, for instance after its template was mended. It takes nothing again.

use tidings_protocol::{NotificationId, NotificationState, ProjectId, Reason, StoryKind};

use super::advance;
use crate::act::{Answer, Refusal};
use crate::model::{DueKey, Entry};
use crate::work::Work;

pub(super) fn replay(
    project: &ProjectId,
    id: &NotificationId,
    work: &mut Work<'_>,
) -> Result<Answer, Refusal> {
    let Some(row) = work.notification(id).filter(|row| row.person.project == *project) else {
        return Err(Refusal::NotFound { what: "notification", id: id.as_str().into() });
    };
    let (state, expires_at, person) = (row.state, row.expires_at, row.person.clone());
    if state == NotificationState::Failed && expires_at > work.now() && work.person(&person).is_known() {
        let mut entry = Entry::new(work.now(), StoryKind::Released);
        entry.reason = Some(Reason::Replayed);
        work.tell(id, entry);
        // Held for no time at all: from there the plan is the same as for every release.
        work.shift(id, NotificationState::Held, None);
        let now = work.now();
        work.set_due(&person, DueKey::Release(id.clone()), now);
        advance::redecide(work, id);
    }
    let state = work.notification(id).expect("it was found above").state;
    Ok(Answer::Notification { id: id.clone(), state, too_late: false })
}
