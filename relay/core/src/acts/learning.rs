//! What a receipt teaches of its recipient.
//!
//! Only what a rule of the live configuration makes use of is learned, and only of somebody who does not refuse
//! profiling. It moves neither number of the inbox.

use tidings_protocol::{DeviceReceipt, NotificationId, Timestamp};

use crate::configuration::{Configuration, Learns, Rule};
use crate::expression::Scope;
use crate::model::{Flags, Notification, Person};
use crate::plan::zone_of;
use crate::work::Work;

/// Tags of one notification; of more the first count.
const TAGS_MAX: usize = 10;
/// The text of a tag, in bytes; a longer one is left out.
const TAG_BYTES_MAX: usize = 64;

/// What a notification of a rule is about, if that is made use of and its recipient does not refuse it. A value that the event
/// lacks is no tag.
pub(super) fn tags(
    rule: &Rule,
    configuration: &Configuration,
    person: &Person,
    scope: &Scope<'_>,
) -> Vec<Box<str>> {
    let asked = rule.tags.as_ref().filter(|_| configuration.learns.interests && !refuses(person));
    let named = asked.and_then(|tags| tags.texts(scope).ok()).unwrap_or_default();
    let fits = named.into_iter().filter(|tag| tag.len() <= TAG_BYTES_MAX);
    fits.take(TAGS_MAX).map(Into::into).collect()
}

/// What a digest of these is about.
pub(super) fn tags_of_all<'a>(members: impl Iterator<Item = &'a Notification>) -> Vec<Box<str>> {
    let mut all: Vec<Box<str>> = Vec::new();
    for tag in members.flat_map(|row| &row.keys.tags) {
        if all.len() < TAGS_MAX && !all.contains(tag) {
            all.push(tag.clone());
        }
    }
    all
}

/// Learns from the first receipt of a kind on a notification, before the receipt is written down.
pub(super) fn learn(work: &mut Work<'_>, id: &NotificationId, receipt: DeviceReceipt, at: Timestamp) {
    let row = work.notification(id).expect("the caller looked it up");
    let configuration = &work.live(&row.person.project).configuration;
    let (learns, known) = (configuration.learns, work.person(&row.person));
    if learns == Learns::default() || !known.is_known() || refuses(known) {
        return;
    }
    let (zone, now) = (zone_of(known, configuration), work.now());
    let (shown, opened) = (was_shown(&row.flags), was_opened(&row.flags));
    let (person, tags) = (row.person.clone(), row.keys.tags.clone());
    let learned = &mut work.inbox_mut(&person).learned;
    if learns.hours && is_of_a_person(receipt) {
        learned.hours.active(at, &zone, now);
    }
    if learns.interests && !tags.is_empty() {
        if !shown {
            learned.interests.shown(&tags, now);
        }
        if opens(receipt) && !opened {
            learned.interests.opened(&tags, now);
        }
    }
}

/// Whether somebody refuses profiling. Who is not known yet does not.
fn refuses(person: &Person) -> bool {
    person.recipient.as_ref().is_some_and(|known| !known.preferences.allows_profiling())
}

/// Whether it shows that somebody was there. A notification is displayed by a machine, whoever looks at it, and swept
/// away by one as well.
const fn is_of_a_person(receipt: DeviceReceipt) -> bool {
    match receipt {
        DeviceReceipt::Read | DeviceReceipt::Clicked | DeviceReceipt::Acted | DeviceReceipt::Acknowledged => {
            true
        }
        DeviceReceipt::Displayed | DeviceReceipt::Dismissed => false,
    }
}

/// Whether somebody wanted more of it. Reading is not that: an inbox is read to be empty.
const fn opens(receipt: DeviceReceipt) -> bool {
    matches!(receipt, DeviceReceipt::Clicked | DeviceReceipt::Acted)
}

const fn was_opened(flags: &Flags) -> bool {
    flags.clicked_at.is_some() || flags.acted.is_some()
}

/// Whoever does something with it saw it.
const fn was_shown(flags: &Flags) -> bool {
    was_opened(flags)
        || flags.displayed_at.is_some()
        || flags.read_at.is_some()
        || flags.acknowledged_at.is_some()
}
