//! Settings that a recipient changes on a device: registers, and decisions on consent.

use tidings_protocol::item::QuietHoursItem;
use tidings_protocol::{CategoryId, Channel, Cursor, Decision, Timestamp};

use super::{Asking, Rejection};
use crate::act::Refusal;
use crate::acts::preference::{self, Effect};
use crate::acts::{consent, restrict};
use crate::model::{Collected, PersonKey, Preferences, Stamp, parse_cursor};
use crate::work::Work;

/// Wants a category on a channel, or on all that it has.
pub(super) fn preference(
    work: &mut Work<'_>,
    person: &PersonKey,
    category: &CategoryId,
    channel: Option<Channel>,
    chosen: bool,
    stamp: &Stamp,
) -> Result<(), Rejection> {
    let live = work.live(&person.project);
    preference::check_choice(&live.configuration, category, chosen)?;
    let channels = match channel {
        Some(channel) => vec![channel],
        None => {
            let known = consent::known_category(&live.configuration, category)?;
            consent::channels_used(&live.configuration, category, known)
        }
    };
    let choices = preference::choose(work, person, category, &channels, chosen, stamp);
    preference::changed(work, person, Effect { choices, times: false });
    let likes = preferences(work, person);
    let stands = |channel: &Channel| {
        likes.choices.get(&(category.clone(), *channel)).is_some_and(|choice| choice.chosen == chosen)
    };
    later_unless(channels.iter().all(stands))
}

fn preferences<'w>(work: &'w Work<'_>, person: &PersonKey) -> &'w Preferences {
    &work.person(person).recipient.as_ref().expect("operations are of known recipients").preferences
}

/// Where a later word stands, the device hears what is true.
fn later_unless(stands: bool) -> Result<(), Rejection> {
    if stands { Ok(()) } else { Err(Rejection::superseded()) }
}

/// The recipient's own quiet hours, or the project's.
pub(super) fn quiet_hours(
    work: &mut Work<'_>,
    person: &PersonKey,
    hours: Option<&QuietHoursItem>,
    stamp: &Stamp,
) -> Result<(), Rejection> {
    hours.map_or(Ok(()), preference::check_quiet_hours)?;
    let times = preference::set_quiet_hours(work, person, hours.cloned(), stamp);
    preference::changed(work, person, Effect { choices: false, times });
    let stands = preferences(work, person).quiet_hours.as_ref().and_then(|(hours, _)| hours.as_ref());
    later_unless(stands == hours)
}

pub(super) fn pause(
    work: &mut Work<'_>,
    person: &PersonKey,
    until: Option<Timestamp>,
    stamp: &Stamp,
) -> Result<(), Rejection> {
    let times = preference::pause(work, person, until, stamp);
    preference::changed(work, person, Effect { choices: false, times });
    later_unless(preferences(work, person).paused_until.as_ref().and_then(|(until, _)| *until) == until)
}

/// Where the recipient is and what they read; one register for both.
pub(super) fn profile(
    work: &mut Work<'_>,
    person: &PersonKey,
    time_zone: Option<&str>,
    locale: Option<&str>,
    stamp: &Stamp,
) -> Result<(), Rejection> {
    let time_zone = time_zone.map(preference::check_zone).transpose()?;
    let locale = locale.map(preference::check_locale).transpose()?;
    let known = work.person(person).recipient.as_ref().expect("operations are of known recipients");
    if known.preferences.profile.as_ref().is_some_and(|old| old >= stamp) {
        return Err(Rejection::superseded());
    }
    let before = (known.time_zone.clone(), known.locale.clone());
    let row = work.recipient_mut(person);
    row.preferences.profile = Some(stamp.clone());
    row.time_zone = time_zone.or(row.time_zone.take());
    row.locale = locale.or(row.locale.take());
    if before != (row.time_zone.clone(), row.locale.clone()) {
        row.revision += 1;
        work.settings_changed(person);
        restrict::retime(work, person);
    }
    Ok(())
}

/// A decision as a device asks for it.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) category: &'a CategoryId,
    pub(super) channels: &'a [Channel],
    pub(super) decision: Decision,
    pub(super) policy_version: Option<&'a str>,
    pub(super) text_shown: Option<&'a str>,
    pub(super) cursor: Option<&'a Cursor>,
}

/// A withdrawal or refusal is always applied. A grant that was given without sight of the policy or of the latest
/// withdrawal is not one.
pub(super) fn consent(
    work: &mut Work<'_>,
    asking: Asking<'_>,
    asked: &Asked<'_>,
    at: Timestamp,
) -> Result<(), Rejection> {
    let live = work.live(&asking.person.project);
    let known = work.person(asking.person);
    let channels = consent::decided_channels(&live.configuration, known, asked.category, asked.channels)?;
    consent::check_texts(asked.policy_version, asked.text_shown)?;
    if asked.decision == Decision::Granted {
        consent::current_policy(&live.configuration, asked.policy_version)?;
        seen_withdrawal(work, asking, asked.cursor)?;
    }
    let locale = work.person(asking.person).recipient.as_ref().and_then(|known| known.locale.as_deref());
    let collected = Collected {
        how: "device".into(),
        at: Some(at),
        locale: locale.map(Into::into),
        by: Some(asking.device.as_str().into()),
    };
    let decided = consent::Decided {
        decision: asked.decision,
        category: asked.category.clone(),
        channels,
        policy_version: asked.policy_version.map(Into::into),
        text_shown: asked.text_shown.map(Into::into),
        collected: Some(collected),
    };
    consent::append(work, asking.person, decided);
    Ok(())
}

/// Whether the device stood at or after the latest withdrawal when the recipient decided.
fn seen_withdrawal(work: &Work<'_>, asking: Asking<'_>, cursor: Option<&Cursor>) -> Result<(), Refusal> {
    let known = work.person(asking.person);
    let inbox = known.inbox.as_ref().expect("operations are of known recipients");
    let held = || known.devices.get(asking.device).map_or(0, |device| device.held);
    let place = match cursor {
        None => held(),
        // The place is one of this inbox, or it has seen nothing of it.
        Some(cursor) => parse_cursor(cursor)
            .filter(|(epoch, seq)| *epoch == inbox.epoch && *seq <= inbox.seq)
            .map_or(0, |(_, seq)| seq),
    };
    if place >= inbox.withdrawn_seq {
        return Ok(());
    }
    let detail = "the consent was withdrawn after what this device has seen: look again and ask again";
    Err(Refusal::Stale { detail: detail.into() })
}
