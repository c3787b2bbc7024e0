//! Decisions on consent, written into the recipient's chain, and what they stop.

use serde_json::json;
use tidings_protocol::{CategoryId, Channel, Decision, EntryId, NotificationId, ProjectId};

use super::preference::invalid;
use super::{greet, restrict};
use crate::act::{Answer, ConsentRequest, Refusal};
use crate::configuration::{Category, Configuration};
use crate::model::{
    Collected, ConsentEntry, EntryHash, FeedEntry, FeedKind, Person, PersonKey, PersonalFields, entry_hash,
};
use crate::nearest::nearest;
use crate::work::Work;

/// The version of a policy, in characters.
const POLICY_CHARS_MAX: usize = 128;
/// The text that was shown, in characters.
const TEXT_SHOWN_CHARS_MAX: usize = 4_000;

/// A decision that was checked.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) decision: Decision,
    pub(super) category: CategoryId,
    /// Sorted, never empty.
    pub(super) channels: Vec<Channel>,
    pub(super) policy_version: Option<Box<str>>,
    pub(super) text_shown: Option<Box<str>>,
    pub(super) collected: Option<Collected>,
}

/// A decision that the backend brings.
///
/// # Errors
/// [`Refusal`] if the category is not known, the recipient is not, or a grant names a policy that is not current.
pub(super) fn decide(
    project: &ProjectId,
    request: ConsentRequest,
    work: &mut Work<'_>,
) -> Result<Answer, Refusal> {
    let person = PersonKey { project: project.clone(), recipient: request.recipient };
    let live = work.live(project);
    let configuration = &live.configuration;
    let channels =
        decided_channels(configuration, work.person(&person), &request.category, &request.channels)?;
    if let (Decision::Granted, Some(named)) = (request.decision, request.policy_version.as_deref()) {
        current_policy(configuration, Some(named))?;
    }
    check_texts(request.policy_version.as_deref(), request.text_shown.as_deref())?;
    greet::ensure_known(&person, work)?;
    let decided = Decided {
        decision: request.decision,
        category: request.category,
        channels,
        policy_version: request.policy_version,
        text_shown: request.text_shown,
        collected: request.collected,
    };
    let (entry, too_late) = append(work, &person, decided);
    Ok(Answer::Consent { entry, too_late })
}

/// What goes into the ledger stays there, so it is bounded.
pub(super) fn check_texts(policy_version: Option<&str>, text_shown: Option<&str>) -> Result<(), Refusal> {
    let longer = |text: Option<&str>, most: usize| text.is_some_and(|text| text.chars().count() > most);
    if longer(policy_version, POLICY_CHARS_MAX) {
        let detail = format!("a policy's version has at most {POLICY_CHARS_MAX} characters");
        return Err(invalid("/policy_version", detail));
    }
    if longer(text_shown, TEXT_SHOWN_CHARS_MAX) {
        let detail = format!("the text that was shown has at most {TEXT_SHOWN_CHARS_MAX} characters");
        return Err(invalid("/text_shown", detail));
    }
    Ok(())
}

/// Whether a grant names the policy that is current.
pub(super) fn current_policy(configuration: &Configuration, named: Option<&str>) -> Result<(), Refusal> {
    match configuration.policy_version() {
        Some(current) if named != Some(current) => {
            let detail = format!("the policy is {current} now: show its text and ask again");
            Err(Refusal::Stale { detail: detail.into() })
        }
        Some(_) | None => Ok(()),
    }
}

/// The channels that a decision is about, sorted: those that it names, or all of the category. A category that was
/// decided on before can be decided on again after it left the configuration: a withdrawal is always taken.
pub(super) fn decided_channels(
    configuration: &Configuration,
    person: &Person,
    category: &CategoryId,
    named: &[Channel],
) -> Result<Vec<Channel>, Refusal> {
    let before = person.consents.states.keys().filter(|(decided, _)| decided == category);
    let mut channels: Vec<Channel> = before.map(|(_, channel)| *channel).collect();
    match known_category(configuration, category) {
        Ok(known) => channels.extend(channels_used(configuration, category, known)),
        Err(unknown) if channels.is_empty() => return Err(unknown),
        Err(_) => {}
    }
    if !named.is_empty() {
        channels = named.to_vec();
    }
    channels.sort_unstable();
    channels.dedup();
    Ok(channels)
}

/// Every channel on which a category may come: its own, and those of the plans of its rules.
pub(super) fn channels_used(
    configuration: &Configuration,
    id: &CategoryId,
    category: &Category,
) -> Vec<Channel> {
    let rules = configuration.rules.values().filter(|rule| rule.category == *id);
    let planned = rules.flat_map(|rule| rule.deliver.iter().flatten()).flat_map(|step| &step.channels);
    let mut channels: Vec<Channel> = category.channels.iter().chain(planned).copied().collect();
    channels.sort_unstable();
    channels.dedup();
    channels
}

/// A category of the configuration, or a refusal with the name that was probably meant.
pub(super) fn known_category<'c>(
    configuration: &'c Configuration,
    id: &CategoryId,
) -> Result<&'c Category, Refusal> {
    configuration.categories.get(id).ok_or_else(|| {
        let names = configuration.categories.keys().map(CategoryId::as_str);
        let hint = nearest(id.as_str(), names).map(Into::into);
        Refusal::UnknownCategory { category: id.as_str().into(), hint }
    })
}

/// Writes a decision of a known recipient, and stops what it forbids. Answers the entry and what could not be stopped.
pub(super) fn append(
    work: &mut Work<'_>,
    person: &PersonKey,
    decided: Decided,
) -> (EntryId, Vec<NotificationId>) {
    let (id, at) = (EntryId::from(work.id()), work.now());
    let personal = PersonalFields {
        salt: work.random().to_be_bytes(),
        recipient: person.recipient.clone(),
        text_shown: decided.text_shown,
        collected: decided.collected,
    };
    let head = &work.person(person).consents.head;
    let mut entry = ConsentEntry {
        id: id.clone(),
        number: head.entries + 1,
        at,
        decision: decided.decision,
        category: decided.category,
        channels: decided.channels,
        policy_version: decided.policy_version,
        commitment: personal.commitment(),
        personal: Some(personal),
        previous: head.hash,
        hash: EntryHash::default(),
    };
    entry.hash = entry_hash(&entry);
    let detail = json!({
        "category": entry.category, "channels": entry.channels, "decision": entry.decision, "entry": entry.id,
    });
    work.append_consent(person, entry);
    let seq = work.settings_changed(person);
    if matches!(decided.decision, Decision::Withdrawn | Decision::Refused) {
        work.inbox_mut(person).withdrawn_seq = seq;
    }
    work.feed(FeedEntry {
        project: person.project.clone(),
        recipient: person.recipient.clone(),
        notification: None,
        at,
        kind: FeedKind::ConsentChanged,
        detail,
    });
    (id, restrict::forbid(work, person))
}

#[cfg(test)]
mod tests;
