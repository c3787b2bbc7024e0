//! A notification that failed is decided anew, for instance after its template was mended. It takes from no cap and no
//! throttle; its once-key becomes its own, because somebody is told now. A delivery that died waits again, as it is.

use tidings_protocol::{
    DeliveryState, NotificationId, NotificationState, ProjectId, Reason, StoryKind, Verdict,
};

use super::{advance, propose, retract};
use crate::act::{Answer, Refusal};
use crate::model::{Delivery, DueKey, Entry};
use crate::plan::{Phase, channels_left};
use crate::ports::Need;
use crate::work::Work;

pub(super) fn needs(project: &ProjectId, id: &NotificationId, work: &Work<'_>) -> Vec<Need> {
    let mut needs = retract::needs(project, id, work);
    if work.notification(id).is_some_and(|row| row.person.project == *project) {
        needs.push(Need::AllDeliveries(id.clone()));
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
    let dead: Vec<Box<str>> = work
        .deliveries_of(id)
        .filter(|delivery| delivery.state == DeliveryState::Dead)
        .filter(|delivery| delivery.way.as_ref().is_some_and(|way| way.form.is_some()))
        .map(|delivery| delivery.id.clone())
        .collect();
    if in_time && !dead.is_empty() {
        // What it says and to whom is known: it goes on where it died.
        for delivery in dead {
            replay_delivery(project, &delivery, work)?;
        }
    } else if in_time && can_be_said && work.person(&row.person).is_known() {
        again(work, id);
    }
    let state = work.notification(id).expect("it was found above").state;
    Ok(Answer::Notification { id: id.clone(), state, too_late: false })
}

fn again(work: &mut Work<'_>, id: &NotificationId) {
    let mut entry = Entry::new(work.now(), StoryKind::Released);
    entry.reason = Some(Reason::Replayed);
    work.tell(id, entry);
    let row = work.notification_mut(id);
    (row.died, row.steps_begun, row.repeats) = (None, 0, 0);
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

pub(super) fn delivery_needs(project: &ProjectId, id: &str, work: &Work<'_>) -> Vec<Need> {
    let mut needs = vec![Need::Delivery(project.clone(), id.into())];
    if let Some(row) = work.delivery(project, id) {
        needs.push(Need::Notification(project.clone(), row.notification.clone()));
        needs.push(Need::Person(row.person.clone()));
        needs.push(Need::AllDeliveries(row.notification.clone()));
    }
    needs
}

/// One dead delivery waits again. One that is not dead, or whose notification is over, stays as it is: the call can be
/// repeated.
pub(super) fn replay_delivery(project: &ProjectId, id: &str, work: &mut Work<'_>) -> Result<Answer, Refusal> {
    let Some(row) = work.delivery(project, id).cloned() else {
        return Err(Refusal::NotFound { what: "delivery", id: id.into() });
    };
    let revived = row.state == DeliveryState::Dead && is_worth_it(work, &row) && is_allowed(work, &row);
    if revived {
        let mut entry = Entry::new(work.now(), StoryKind::Released);
        entry.reason = Some(Reason::Replayed);
        (entry.channel, entry.delivery) = (Some(row.channel), Some(row.id.clone()));
        work.tell(&row.notification, entry);
        let failed = |state| state == NotificationState::Failed;
        if work.notification(&row.notification).is_some_and(|of| failed(of.state)) {
            work.shift(&row.notification, NotificationState::Active, None);
        }
        // If what is revived comes to nothing, the notification failed by what is still dead.
        let others = work.deliveries_of(&row.notification).filter(|other| *other.id != *id);
        let died = others.filter(|other| other.state == DeliveryState::Dead).find_map(|other| other.reason);
        work.notification_mut(&row.notification).died = died;
        begin_anew(work, id);
        work.shift_delivery(id, DeliveryState::Waiting, Some(Reason::Replayed));
    }
    let state = if revived { DeliveryState::Waiting } else { row.state };
    Ok(Answer::Delivery { state, revived })
}

/// It begins with the first provider again, and all its budgets with it. Its attempts go on being counted, so that a late
/// outcome of one before is not taken for one of these.
fn begin_anew(work: &mut Work<'_>, id: &str) {
    let now = work.now();
    let way = work.way_mut(id);
    if let Some(first) = way.given_up.first() {
        way.provider = first.clone();
    }
    way.given_up.clear();
    (way.due, way.tries, way.first_at, way.provider_at, way.repeated) = (now, 0, None, None, false);
    // What was spent in vain stays spent, and this may be charged again.
    way.paid = None;
}

/// Whether somebody would still be told something true.
fn is_worth_it(work: &Work<'_>, row: &Delivery) -> bool {
    let Some(of) = work.notification(&row.notification) else { return false };
    let lives = matches!(
        of.state,
        NotificationState::Failed | NotificationState::Active | NotificationState::Reached
    );
    lives
        && row.way.as_ref().is_some_and(|way| way.form.is_some())
        && of.flags.retracted_at.is_none()
        && of.expires_at > work.now()
        && work.person(&row.person).is_known()
}

/// Whether law and recipient allow its channel at this instant; the story says if not.
fn is_allowed(work: &mut Work<'_>, row: &Delivery) -> bool {
    let of = work.notification(&row.notification).expect("it was read above");
    let live = work.live(&row.person.project);
    let Some(category) = live.configuration.categories.get(&of.category) else { return false };
    let (_, out) = channels_left(&of.category, category, &[row.channel], work.person(&row.person));
    let Some((channel, gate, reason)) = out.into_iter().next() else { return true };
    let mut entry = Entry::decided(work.now(), gate, Verdict::Stop, reason);
    (entry.channel, entry.delivery) = (Some(channel), Some(row.id.clone()));
    work.tell(&row.notification, entry);
    false
}
