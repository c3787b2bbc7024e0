//! What a recipient likes: registers of which the later stamp wins.

use serde_json::json;
use tidings_protocol::item::QuietHoursItem;
use tidings_protocol::{CategoryId, Channel, LegalClass, ProjectId, Timestamp};

use super::{consent, greet, restrict};
use crate::act::{Answer, PreferenceChange, Refusal};
use crate::calendar::Zone;
use crate::cap::Responses;
use crate::configuration::Configuration;
use crate::learned::Learned;
use crate::model::{Choice, FeedEntry, FeedKind, PersonKey, Stamp};
use crate::quiet_hours::QuietHours;
use crate::template::Locale;
use crate::work::Work;

/// What a change of preferences did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effect {
    /// Something is switched on or off.
    pub(super) choices: bool,
    /// Something comes at another time.
    pub(super) times: bool,
}

/// Preferences as the backend sets them for their owner.
///
/// # Errors
/// [`Refusal`] if the recipient or a category is not known, or a value cannot be taken; nothing is changed then.
pub(super) fn put(
    project: &ProjectId,
    change: PreferenceChange,
    work: &mut Work<'_>,
) -> Result<Answer, Refusal> {
    let Some(recipient) = change.recipient.clone() else {
        return Err(invalid("/recipient", "preferences belong to a recipient"));
    };
    let person = PersonKey { project: project.clone(), recipient };
    let live = work.live(project);
    for ((category, _), chosen) in &change.choices {
        check_choice(&live.configuration, category, *chosen)?;
    }
    if let Some(Some(hours)) = &change.quiet_hours {
        check_quiet_hours(hours)?;
    }
    greet::ensure_known(&person, work)?;
    let stamp = stamp_of_backend(work);
    let mut effect = Effect::default();
    if change.replace {
        effect.choices |= forget_others(work, &person, &change);
    }
    for ((category, channel), chosen) in &change.choices {
        effect.choices |= choose(work, &person, category, &[*channel], *chosen, &stamp);
    }
    if let Some(hours) = change.quiet_hours {
        effect.times |= set_quiet_hours(work, &person, hours, &stamp);
    }
    if let Some(until) = change.paused_until {
        effect.times |= pause(work, &person, until, &stamp);
    }
    if let Some(allowed) = change.profiling {
        effect.times |= allow_profiling(work, &person, allowed, &stamp);
    }
    changed(work, &person, effect);
    Ok(Answer::Done)
}

/// The backend's word goes after what a device said in the same millisecond.
pub(super) fn stamp_of_backend(work: &Work<'_>) -> Stamp {
    Stamp { at: work.now(), by: format!("~{}", work.id()).into() }
}

fn forget_others(work: &mut Work<'_>, person: &PersonKey, change: &PreferenceChange) -> bool {
    let choices = &mut work.recipient_mut(person).preferences.choices;
    let before = choices.len();
    choices.retain(|key, _| change.choices.contains_key(key));
    choices.len() < before
}

/// Tells everyone who has to know, once for each act: devices, decisions that wait, the feed.
pub(super) fn changed(work: &mut Work<'_>, person: &PersonKey, effect: Effect) {
    if effect == Effect::default() {
        return;
    }
    work.settings_changed(person);
    work.feed(FeedEntry {
        project: person.project.clone(),
        recipient: person.recipient.clone(),
        notification: None,
        at: work.now(),
        kind: FeedKind::PreferenceChanged,
        detail: json!({"choices": effect.choices, "times": effect.times}),
    });
    // What was handed over before is told in its story; nobody waits for an answer about a preference.
    match effect {
        Effect { choices: true, times: false } => drop(restrict::forbid(work, person)),
        Effect { choices: true, times: true } => drop(restrict::recheck(work, person)),
        Effect { choices: false, times: _ } => restrict::retime(work, person),
    }
}

pub(super) fn invalid(pointer: &str, detail: impl Into<Box<str>>) -> Refusal {
    Refusal::Invalid { pointer: pointer.into(), detail: detail.into() }
}

/// Whether a category can be chosen or left. What the law demands cannot be left.
pub(super) fn check_choice(
    configuration: &Configuration,
    id: &CategoryId,
    chosen: bool,
) -> Result<(), Refusal> {
    let category = consent::known_category(configuration, id)?;
    if category.legal == LegalClass::Essential && !chosen {
        return Err(invalid("/chosen", format!("{id} is essential: it cannot be switched off")));
    }
    Ok(())
}

pub(super) fn check_quiet_hours(hours: &QuietHoursItem) -> Result<(), Refusal> {
    QuietHours::from_item(hours).map(drop).map_err(|error| invalid("/quiet_hours", error.to_string()))
}

/// The zone's name as the database spells it.
pub(super) fn check_zone(zone: &str) -> Result<String, Refusal> {
    let zone = zone.parse::<Zone>().map_err(|error| invalid("/time_zone", error.to_string()))?;
    Ok(zone.name().to_owned())
}

/// The locale in its canonical form.
pub(super) fn check_locale(locale: &str) -> Result<String, Refusal> {
    let locale = locale.parse::<Locale>().map_err(|error| invalid("/locale", error.to_string()))?;
    Ok(locale.as_str().to_owned())
}

/// Sets whether a category is wanted on channels. Answers whether that changed anything.
pub(super) fn choose(
    work: &mut Work<'_>,
    person: &PersonKey,
    category: &CategoryId,
    channels: &[Channel],
    chosen: bool,
    stamp: &Stamp,
) -> bool {
    let mut different = false;
    for channel in channels {
        let key = (category.clone(), *channel);
        let recipient =
            work.person(person).recipient.as_ref().expect("the caller made sure of the recipient");
        let old = recipient.preferences.choices.get(&key);
        if old.is_some_and(|old| old.stamp >= *stamp) {
            continue;
        }
        different |= old.is_none_or(|old| old.chosen != chosen);
        let choice = Choice { chosen, stamp: stamp.clone() };
        work.recipient_mut(person).preferences.choices.insert(key, choice);
    }
    different
}

/// Sets the recipient's own quiet hours. Answers whether that changed anything.
pub(super) fn set_quiet_hours(
    work: &mut Work<'_>,
    person: &PersonKey,
    hours: Option<QuietHoursItem>,
    stamp: &Stamp,
) -> bool {
    let register = &mut work.recipient_mut(person).preferences.quiet_hours;
    set(register, hours, stamp)
}

/// Sets until when the recipient paused. Answers whether that changed anything.
pub(super) fn pause(
    work: &mut Work<'_>,
    person: &PersonKey,
    until: Option<Timestamp>,
    stamp: &Stamp,
) -> bool {
    let register = &mut work.recipient_mut(person).preferences.paused_until;
    set(register, until, stamp)
}

/// Sets whether the relay may learn from what the recipient does. What it learnt is forgotten when it may not. Answers
/// whether that changed anything: a cap that adapted may have room at another time, and what waits for the best hour goes.
fn allow_profiling(work: &mut Work<'_>, person: &PersonKey, allowed: bool, stamp: &Stamp) -> bool {
    let preferences = &mut work.recipient_mut(person).preferences;
    if preferences.profiling.as_ref().is_some_and(|(_, old)| old >= stamp) {
        return false;
    }
    let different = preferences.allows_profiling() != allowed;
    preferences.profiling = Some((allowed, stamp.clone()));
    if !allowed {
        let inbox = work.inbox_mut(person);
        (inbox.responses, inbox.learned) = (Responses::default(), Learned::default());
    }
    different
}

/// A register that was never written stands for nothing.
fn set<T: PartialEq>(register: &mut Option<(Option<T>, Stamp)>, value: Option<T>, stamp: &Stamp) -> bool {
    if register.as_ref().is_some_and(|(_, old)| old >= stamp) {
        return false;
    }
    let different = register.as_ref().and_then(|(old, _)| old.as_ref()) != value.as_ref();
    *register = Some((value, stamp.clone()));
    different
}
