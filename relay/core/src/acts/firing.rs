//! Which rules an event fires, and for whom. Pure: it is asked again while rows are read, and gives the same answer.

use std::sync::Arc;

use serde_json::Value;
use tidings_protocol::{CategoryId, ProjectId, RecipientId, Timestamp};

use super::learning;
use crate::configuration::{Configuration, Notify, Rule};
use crate::expression::{EvaluateError, Expression, NoLookups, Scope};
use crate::model::{
    Audience, Considered, ConversionKey, DigestScope, EventBody, Fired, Keys, MatchKey, Person, PersonKey,
};
use crate::plan::recipient_root;
use crate::ports::{HistoryAsked, Need};
use crate::work::Work;

/// A rule that listens to an event and whose condition may hold, with those whom it names.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) rule: Arc<Rule>,
    pub(super) whom: Whom,
}

/// Whom a rule names.
#[derive(Debug)]
pub(super) enum Whom {
    /// These.
    Named(Vec<RecipientId>),
    /// An audience that is walked in chunks.
    Audience(Audience),
}

/// An event as expressions see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) body: &'a EventBody,
    pub(super) root: &'a Value,
}

/// The rules that listen to an event: those that may fire, and those that do not.
pub(super) fn candidates(
    configuration: &Configuration,
    facts: Facts<'_>,
) -> (Vec<Candidate>, Vec<Considered>) {
    let (mut may, mut not) = (Vec::new(), Vec::new());
    let ids = configuration.rules_by_event.get(&*facts.body.event_type).into_iter().flatten();
    for rule in ids.filter_map(|id| configuration.rules.get(id)) {
        match candidate(rule, facts) {
            Ok(whom) => may.push(Candidate { rule: Arc::clone(rule), whom }),
            Err((fired, text)) => not.push(Considered { rule: rule.id.clone(), fired, text }),
        }
    }
    (may, not)
}

type NotFired = (Fired, Option<Box<str>>);

fn candidate(rule: &Rule, facts: Facts<'_>) -> Result<Whom, NotFired> {
    let scope = Scope { data: &facts.body.data, event: facts.root, recipient: None, lookups: &NoLookups };
    if let Some(when) = rule.when.as_ref().filter(|when| !asks_for_person(when)) {
        holds(when, &scope)?;
    }
    match &rule.notify {
        Notify::Event => match &facts.body.recipient {
            Some(recipient) => Ok(Whom::Named(vec![recipient.clone()])),
            None => Err((Fired::NoRecipient, Some("the event names no recipient".into()))),
        },
        Notify::Expression(notify) => named(notify, &scope).map(Whom::Named),
        Notify::Topic(topic) => Ok(Whom::Audience(Audience::Topic(topic.clone()))),
        Notify::Segment(name) => Ok(Whom::Audience(Audience::Segment(name.as_str().into()))),
    }
}

/// The recipients that an expression names, each once.
pub(super) fn named(notify: &Expression, scope: &Scope<'_>) -> Result<Vec<RecipientId>, NotFired> {
    let ids = notify.ids(scope).map_err(|error| not_fired(&error))?;
    let good: Result<Vec<_>, _> = ids.into_iter().map(RecipientId::new).collect();
    let good = good.map_err(|error| (Fired::NoRecipient, Some(error.to_string().into())))?;
    if good.is_empty() { Err((Fired::NoRecipient, Some("it names nobody".into()))) } else { Ok(good) }
}

fn holds(when: &Expression, scope: &Scope<'_>) -> Result<(), NotFired> {
    match when.condition(scope) {
        Ok(true) => Ok(()),
        Ok(false) => Err((Fired::NoMatch, Some(format!("{} does not hold", when.source()).into()))),
        Err(error) => Err(not_fired(&error)),
    }
}

fn not_fired(error: &EvaluateError) -> NotFired {
    let fired = match error {
        EvaluateError::MissingField { .. } => Fired::MissingField,
        EvaluateError::Type { .. }
        | EvaluateError::Overflow
        | EvaluateError::DivisionByZero
        | EvaluateError::NotLoaded(_)
        | EvaluateError::TooCostly
        | EvaluateError::TooMany { .. }
        | EvaluateError::EmptyId => Fired::Error,
    };
    (fired, Some(error.to_string().into()))
}

fn asks_for_person(expression: &Expression) -> bool {
    let uses = expression.uses();
    uses.recipient || !uses.histories.is_empty() || !uses.topics.is_empty()
}

/// Whether a rule fires for one recipient, and the values that it is found by.
pub(super) fn fires_for(
    rule: &Rule,
    facts: Facts<'_>,
    person: &Person,
    work: &Work<'_>,
) -> Result<Keys, NotFired> {
    let root = names_recipient(rule).then(|| recipient_root(person, work.now()));
    let lookups = work.lookups(&person.key);
    let scope =
        Scope { data: &facts.body.data, event: facts.root, recipient: root.as_ref(), lookups: &lookups };
    if let Some(when) = rule.when.as_ref().filter(|when| asks_for_person(when)) {
        holds(when, &scope)?;
    }
    let tags = learning::tags(rule, &work.live(&person.key.project).configuration, person, &scope);
    Ok(Keys { tags, ..keys(rule, &scope)? })
}

/// Whether anything that is asked of a rule for one recipient reads the recipient's record.
fn names_recipient(rule: &Rule) -> bool {
    let throttle = rule.throttle.as_ref().and_then(|throttle| throttle.key.as_ref());
    let digest = rule.digest.as_ref().and_then(|digest| digest.key.as_ref());
    let once = rule.once_per.as_ref().map(|once| &once.key);
    let conversion = rule.conversion.as_ref().and_then(|conversion| conversion.match_key.as_ref());
    let (collapse, tags) = (rule.collapse.as_ref(), rule.tags.as_ref());
    let single = [rule.when.as_ref(), throttle, digest, once, collapse, tags, conversion];
    let cancels = rule.cancel_on.iter().map(|cancel| cancel.match_key.as_ref());
    single.into_iter().chain(cancels).flatten().any(|expression| expression.uses().recipient)
}

/// The values by which later facts find a notification of a rule. What counts something (once, throttle) must have
/// its value; what only groups may do without.
fn keys(rule: &Rule, scope: &Scope<'_>) -> Result<Keys, NotFired> {
    let must = |key: &Expression| key.key(scope).map(Box::<str>::from).map_err(|error| not_fired(&error));
    let may = |key: Option<&Expression>| key.and_then(|key| key.key(scope).ok()).map(Box::<str>::from);
    let throttle = match rule.throttle.as_ref() {
        None => None,
        Some(throttle) => Some(throttle.key.as_ref().map(must).transpose()?.unwrap_or_default()),
    };
    let matches = rule.cancel_on.iter().filter_map(|cancel| {
        let event_type = cancel.event.as_str().into();
        match &cancel.match_key {
            None => Some(MatchKey { event_type, value: None }),
            // Without the value no later event can be equal to it.
            Some(key) => may(Some(key)).map(|value| MatchKey { event_type, value: Some(value) }),
        }
    });
    let conversion = rule.conversion.as_ref().and_then(|conversion| {
        let (event_type, within) = (conversion.event.as_str().into(), conversion.within);
        let value = match &conversion.match_key {
            None => None,
            Some(key) => Some(may(Some(key))?),
        };
        Some(ConversionKey { event_type, value, within })
    });
    Ok(Keys {
        collapse: rule.collapse.as_ref().and_then(|key| key.name(scope).ok()).map(Box::<str>::from),
        once: rule.once_per.as_ref().map(|once| must(&once.key)).transpose()?,
        throttle,
        throttled_in: None,
        digest: may(rule.digest.as_ref().and_then(|digest| digest.key.as_ref())),
        matches: matches.collect(),
        tags: Vec::new(),
        conversion,
    })
}

/// What an expression looks up about a recipient.
pub(super) fn history_needs(expression: &Expression, person: &PersonKey, now: Timestamp) -> Vec<Need> {
    let asked = expression.uses().histories.iter().map(|(event_type, within)| HistoryAsked {
        person: person.clone(),
        event_type: event_type.as_str().into(),
        since: now.plus_millis(-within.as_millis()),
    });
    asked.map(Need::History).collect()
}

/// What has to be read before a rule is decided for a recipient: the recipient, then what their values point to, and
/// whoever a linked step names: where nothing of the steps before it can arrive, it begins at once.
pub(super) fn needs_for(rule: &Rule, facts: Facts<'_>, person: &PersonKey, work: &Work<'_>) -> Vec<Need> {
    let mut needs = own_needs(rule, facts, person, work);
    needs.extend(linked_needs(rule, facts, person, work));
    needs
}

/// What has to be read before the linked steps of a rule begin.
pub(super) fn linked_needs(rule: &Rule, facts: Facts<'_>, person: &PersonKey, work: &Work<'_>) -> Vec<Need> {
    let scope = Scope { data: &facts.body.data, event: facts.root, recipient: None, lookups: &NoLookups };
    let named = rule.deliver.iter().flatten().filter_map(|step| named(step.notify.as_ref()?, &scope).ok());
    let people = named.flatten().map(|recipient| person_of(&person.project, &recipient));
    let others = people.filter(|other| other != person);
    others.flat_map(|other| own_needs(rule, facts, &other, work)).collect()
}

fn own_needs(rule: &Rule, facts: Facts<'_>, person: &PersonKey, work: &Work<'_>) -> Vec<Need> {
    let mut needs = vec![Need::Person(person.clone())];
    if let Some(when) = &rule.when {
        needs.extend(history_needs(when, person, work.now()));
    }
    let known = work.person_if_read(person);
    if let Some(Ok(keys)) = known.map(|known| fires_for(rule, facts, known, work)) {
        needs.extend(key_needs(rule, &keys, person, work));
    }
    needs
}

/// The rows that the values of a notification point to.
pub(super) fn key_needs(rule: &Rule, keys: &Keys, person: &PersonKey, work: &Work<'_>) -> Vec<Need> {
    let mut needs = Vec::new();
    if let Some(value) = &keys.once {
        needs.push(Need::Once(person.clone(), rule.id.clone(), value.clone()));
    }
    if let Some(value) = &keys.collapse {
        needs.push(Need::Collapse(person.clone(), rule.category.clone(), value.clone()));
    }
    if rule.digest.is_some() {
        let scope = DigestScope::Rule(rule.id.clone());
        needs.push(Need::Digest(person.clone(), scope, keys.digest.clone().unwrap_or_default()));
    }
    needs.extend(category_digest(&rule.category, person, work));
    needs
}

/// The open digest of a category for a recipient, where the category has one for what its cap holds back.
pub(super) fn category_digest(category: &CategoryId, person: &PersonKey, work: &Work<'_>) -> Option<Need> {
    let live = work.live_if_read(&person.project)?;
    live.configuration.categories.get(category)?.digest.as_ref()?;
    Some(Need::Digest(person.clone(), DigestScope::Category(category.clone()), Box::default()))
}

/// A recipient of a project.
pub(super) fn person_of(project: &ProjectId, recipient: &RecipientId) -> PersonKey {
    PersonKey { project: project.clone(), recipient: recipient.clone() }
}
