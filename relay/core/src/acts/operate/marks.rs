//! What a recipient does with their inbox on one device, and sees on the others.

use tidings_protocol::item::View;
use tidings_protocol::limits::WATERMARKS_MAX;
use tidings_protocol::{CategoryId, Cursor, Timestamp};

use super::Rejection;
use crate::acts::consent;
use crate::acts::receipts::{self, Told};
use crate::model::{Mark, PersonKey, Stamp, Watermark, parse_cursor};
use crate::view;
use crate::work::Work;

/// What a mark sets; what is not named stays.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    pub(super) read: Option<bool>,
    pub(super) archived: Option<bool>,
    pub(super) snoozed_until: Option<Timestamp>,
}

/// Sets registers of a notification. Each is one of its own; the later stamp wins. Where another word is the later
/// one, the device hears what is true.
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
    let after = shown(work, told);
    if after != before {
        receipts::show(work, told.notification);
    }
    if is_as_wanted(&after, wanted) { Ok(()) } else { Err(Rejection::superseded()) }
}

fn is_as_wanted(view: &View, wanted: Wanted) -> bool {
    wanted.read.is_none_or(|read| view.read_at.is_some() == read)
        && wanted.archived.is_none_or(|archived| view.archived_at.is_some() == archived)
        && wanted.snoozed_until.is_none_or(|until| view.snoozed_until == Some(until))
}

/// What devices show of it: one that was read in one go turns unread by a later mark of its own.
fn shown(work: &Work<'_>, told: &Told<'_>) -> View {
    let inbox = work.person(told.person).inbox.as_ref().expect("a known recipient has an inbox");
    view::view_in(inbox, work.notification(told.notification).expect("it was looked up"))
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

/// Remembers that everything up to a place was read. No notification gets the receipt `read` by it: what lies below the
/// watermark is shown as read by whoever reads the inbox.
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
    let new = Watermark { place: seq.min(inbox.seq), stamp: stamp.clone(), category: category.cloned() };
    if new.place == 0 || inbox.watermarks.iter().any(|(_, old)| says_all_of(old, &new)) {
        return Ok(());
    }
    let left = inbox.watermarks.iter().filter(|(_, old)| !says_all_of(&new, old));
    if left.filter(|(_, old)| old.category == new.category).count() >= WATERMARKS_MAX {
        let detail =
            format!("{WATERMARKS_MAX} marks reach farther than this one and are older: mark a later place");
        return Err(Rejection { code: "limit", detail });
    }
    let seq = work.raise_seq(person);
    let watermarks = &mut work.inbox_mut(person).watermarks;
    watermarks.retain(|(_, old)| !says_all_of(&new, old));
    watermarks.push((seq, new));
    Ok(())
}

/// Whether whatever the second reads the first reads too.
fn says_all_of(first: &Watermark, second: &Watermark) -> bool {
    first.place >= second.place
        && first.stamp >= second.stamp
        && (first.category.is_none() || first.category == second.category)
}
