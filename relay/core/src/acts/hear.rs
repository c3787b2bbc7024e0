//! What people answer to text messages: `STOP` takes everything on this channel but what is essential, `START` gives that
//! back and nothing else.

use std::collections::BTreeSet;

use tidings_protocol::{CategoryId, Channel, Decision, LegalClass, NotificationId, ProjectId, Verdict};

use super::consent::{Decided, append};
use super::restrict;
use crate::act::{Answer, SmsAnswer, SmsGiveBack};
use crate::configuration::Configuration;
use crate::consent::permission;
use crate::model::{Collected, Consents, PersonKey, SMS_KEYWORD, every_category};
use crate::ports::Need;
use crate::sms::SmsWord;
use crate::work::Work;

/// Whoever has the number, and what waits for them.
pub(super) fn needs(project: &ProjectId, heard: &SmsAnswer, work: &Work<'_>) -> Vec<Need> {
    let mut needs = vec![Need::AddressOwners(project.clone(), Channel::Sms, heard.number.clone())];
    for owner in work.owners_read(project, Channel::Sms, &heard.number) {
        needs.extend(restrict::needs(owner, work));
    }
    needs
}

/// Writes what the answer decides into the ledgers of all who have the number: a vendor knows numbers, not people.
pub(super) fn hear(project: &ProjectId, heard: &SmsAnswer, work: &mut Work<'_>) -> Answer {
    let owners = work.owners(project, Channel::Sms, &heard.number);
    let configuration = std::sync::Arc::clone(&work.live(project).configuration);
    let (mut decisions, mut too_late) = (0, BTreeSet::new());
    for owner in &owners {
        let decided = match heard.word {
            SmsWord::Stop => withdrawals(&configuration, &work.person(owner).consents),
            SmsWord::Start => grants(&configuration, owner, heard, &work.person(owner).consents),
        };
        decisions += decided.len();
        for (category, decision, policy_version) in decided {
            too_late.extend(write(work, owner, heard, category, decision, policy_version));
        }
    }
    Answer::SmsHeard { recipients: owners.len(), decisions, too_late: too_late.into_iter().collect() }
}

type Decisions = Vec<(CategoryId, Decision, Option<Box<str>>)>;

/// Everything that is not essential and not forbidden yet, whether it uses text messages today or not: what was decided
/// on before, what the document has, and what it will have.
fn withdrawals(configuration: &Configuration, consents: &Consents) -> Decisions {
    let decided = consents.states.keys().filter(|(_, channel)| *channel == Channel::Sms);
    let every = every_category();
    let categories: BTreeSet<&CategoryId> = decided
        .map(|(category, _)| category)
        .chain(configuration.categories.keys())
        .chain([&every])
        .collect();
    let is_essential = |id: &CategoryId| {
        configuration.categories.get(id).is_some_and(|category| category.legal == LegalClass::Essential)
    };
    let withdrawal = |id: &CategoryId| {
        let state = consents.states.get(&(id.clone(), Channel::Sms));
        let is_forbidden =
            state.is_some_and(|state| matches!(state.decision, Decision::Withdrawn | Decision::Refused));
        let policy = state.and_then(|state| state.policy_version.clone());
        (!is_forbidden).then(|| (id.clone(), Decision::Withdrawn, policy))
    };
    categories.into_iter().filter(|id| !is_essential(id)).filter_map(withdrawal).collect()
}

/// What a `STOP` took, if nothing was decided since. Where nobody had agreed before, there is something to give back
/// only if the law needs no agreement.
fn grants(
    configuration: &Configuration,
    owner: &PersonKey,
    heard: &SmsAnswer,
    consents: &Consents,
) -> Decisions {
    let needs_no_grant = |id: &CategoryId| {
        // That the channel as a whole is not stopped any more grants nothing.
        *id == every_category()
            || configuration.categories.get(id).is_some_and(|category| {
                permission(id, category, Channel::Sms, &Consents::default()).0 == Verdict::Pass
            })
    };
    let still_stands = |one: &&SmsGiveBack| {
        let state = consents.states.get(&(one.taken.category.clone(), Channel::Sms));
        one.recipient == owner.recipient && state.is_some_and(|state| state.entry == one.taken.entry)
    };
    let given = heard.give_back.iter().filter(still_stands);
    let given = given.filter(|one| one.taken.was_granted || needs_no_grant(&one.taken.category));
    given
        .map(|one| (one.taken.category.clone(), Decision::Granted, one.taken.policy_version.clone()))
        .collect()
}

fn write(
    work: &mut Work<'_>,
    person: &PersonKey,
    heard: &SmsAnswer,
    category: CategoryId,
    decision: Decision,
    policy_version: Option<Box<str>>,
) -> Vec<NotificationId> {
    let collected = Collected {
        how: SMS_KEYWORD.into(),
        at: Some(work.now()),
        locale: None,
        by: Some(heard.provider.clone()),
    };
    let decided = Decided {
        decision,
        category,
        channels: vec![Channel::Sms],
        policy_version,
        text_shown: None,
        collected: Some(collected),
    };
    append(work, person, decided).1
}

#[cfg(test)]
mod tests;
