//! What a recipient does with their inbox on one device, and sees on the others.

use tidings_protocol::item::View;
use tidings_protocol::{CategoryId, Cursor, Timestamp};

use super::Rejection;
use crate::acts::consent;
use crate::acts::receipts::{self, Told};
use crate::model::{Mark, Notification, PersonKey, Stamp, Watermark, parse_cursor};
use crate::ports::Need;
use crate::view;
use crate::work::Work;

/// What a mark sets; what is not named stays.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    pub(super) read: Option<bool>,
    pub(super) archived: Option<bool>,
    pub(super) snoozed_until: Option<Timestamp>,
}

/// Sets registers of a notification. Each is one of its own; the later stamp wins.
pub(super) fn mark(work: &mut Work<'_>, told: &Told<'_>, wanted: Wanted) -> Result<(), Rejection> {
    receipts::own(work, told.person, told.notification)?;
    if wanted.read == Some(true) {
        receipts::first_read(work, told);
    }
    let (now, stamp) = (work.now(), told.stamp);
    let before = shown(work, told);
    let notification = work.notification_mut(told.notification);
    let marks = &mut notification.marks;
    set(&mut marks.read, wanted.read, stamp);
    set(&mut marks.archived, wanted.archived, stamp);
    let snoozes = wanted.snoozed_until.is_some_and(|until| until > now);
    if set(&mut marks.snoozed, wanted.snoozed_until.map(Some), stamp) && snoozes {
        // It is to be shown once more when it wakes.
        notification.round += 1;
    }
    if shown(work, told) != before {
        receipts::show(work, told.notification);
    }
    Ok(())
}

/// What devices show of it: one that was read in one go turns unread by a mark of its own.
fn shown(work: &Work<'_>, told: &Told<'_>) -> Option<View> {
    let inbox = work.person(told.person).inbox.as_ref()?;
    Some(view::view_in(inbox, work.notification(told.notification)?))
}

/// Answers whether the register took the value.
fn set<T>(register: &mut Option<Mark<T>>, value: Option<T>, stamp: &Stamp) -> bool {
    let Some(value) = value else { return false };
    if register.as_ref().is_some_and(|old| old.stamp >= *stamp) {
        return false;
    }
    *register = Some(Mark { value, stamp: stamp.clone() });
    true
}

/// The end of the inbox needs no row. A place before it has to be told as an instant, for which the rows on both sides
/// of it are looked at.
pub(super) fn read_up_to_needs(person: &PersonKey, cursor: &Cursor, work: &Work<'_>) -> Vec<Need> {
    let inbox = work.person_if_read(person).and_then(|known| known.inbox.as_ref());
    let place = inbox.and_then(|inbox| Some((inbox.place(cursor)?, inbox.seq)));
    match place {
        Some((upto, head)) if upto < head => vec![Need::Everything(person.clone())],
        Some(_) | None => Vec::new(),
    }
}

/// Moves a watermark forward, never back. Only the watermark: what lies below it is shown as read by whoever reads the
/// inbox, and no notification gets the receipt `read` by it.
pub(super) fn read_up_to(
    work: &mut Work<'_>,
    person: &PersonKey,
    cursor: &Cursor,
    category: Option<&CategoryId>,
    stamp: &Stamp,
) -> Result<(), Rejection> {
    if let Some(category) = category {
        consent::known_category(&work.live(&person.project).configuration, category)?;
    }
    let inbox = work.person(person).inbox.as_ref().expect("a known recipient has an inbox");
    let (epoch, seq) =
        parse_cursor(cursor).ok_or_else(|| Rejection::invalid("this is no cursor of an inbox"))?;
    if epoch != inbox.epoch {
        return Err(Rejection::invalid("this cursor is of an inbox that is no more: read the changes again"));
    }
    let (upto, head) = (seq.min(inbox.seq), inbox.seq);
    let old = inbox.watermarks.iter().find(|mark| mark.category.as_ref() == category);
    if upto == 0 || old.is_some_and(|old| old.upto >= upto) {
        return Ok(());
    }
    let created_before =
        if upto == head { stamp.at.max(newest(work, person, upto)) } else { between(work, person, upto) };
    let seq = work.raise_seq(person);
    let watermarks = &mut work.inbox_mut(person).watermarks;
    watermarks.retain(|mark| mark.category.as_ref() != category);
    watermarks.push(Watermark { category: category.cloned(), upto, created_before, seq });
    Ok(())
}

fn placed<'w>(work: &'w Work<'_>, person: &PersonKey) -> impl Iterator<Item = (u64, &'w Notification)> {
    work.notifications_of(person).filter_map(|n| n.created_seq.map(|seq| (seq, n)))
}

/// When the newest of what was read was made, as far as it is known here.
fn newest(work: &Work<'_>, person: &PersonKey, upto: u64) -> Timestamp {
    let read = placed(work, person).filter(|(seq, _)| *seq <= upto);
    read.map(|(_, n)| n.created_at).max().unwrap_or_default()
}

/// The instant that stands for a place on devices: after all that was read, but before whatever came later. Where a
/// hold made them change places, one stays unread rather than that another is never seen.
fn between(work: &Work<'_>, person: &PersonKey, upto: u64) -> Timestamp {
    let later = placed(work, person).filter(|(seq, n)| *seq > upto && n.is_visible());
    let first_later = later.map(|(_, n)| n.created_at).min();
    let newest = newest(work, person, upto);
    first_later.map_or(newest, |first| newest.min(first.plus_millis(-1)))
}
