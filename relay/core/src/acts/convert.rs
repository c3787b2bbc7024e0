//! A later event is what earlier notifications were sent for.

use serde_json::json;
use tidings_protocol::{NotificationId, ProjectId, RecipientId, RuleId, StoryKind};

use super::cancel::whom;
use super::firing::Facts;
use super::propose::Stated;
use crate::configuration::{Configuration, Rule};
use crate::expression::{NoLookups, Scope};
use crate::model::{Entry, FeedEntry, FeedKind};
use crate::ports::{ConversionAsked, Need};
use crate::work::Work;

/// Which notifications of a rule an event converts.
#[derive(Debug)]
pub(super) struct Sought {
    rule: RuleId,
    value: Option<Box<str>>,
    /// Only these recipients', if the event says whom it is about.
    whom: Option<Vec<RecipientId>>,
}

/// The rules of which an event is a conversion, with the value that must be equal. Whom it is about is found as for
/// `cancel_on`: without a value an event about nobody converts nothing, and neither does one that lacks the value.
pub(super) fn sought(configuration: &Configuration, facts: Facts<'_>) -> Vec<Sought> {
    let ids = configuration.conversions_by_event.get(&*facts.body.event_type).into_iter().flatten();
    ids.filter_map(|id| sought_of(configuration, configuration.rules.get(id)?, facts)).collect()
}

fn sought_of(configuration: &Configuration, rule: &Rule, facts: Facts<'_>) -> Option<Sought> {
    let scope = Scope { data: &facts.body.data, event: facts.root, recipient: None, lookups: &NoLookups };
    let value = match &rule.conversion.as_ref()?.match_key {
        None => None,
        Some(key) => Some(key.key(&scope).ok()?.into()),
    };
    let whom = whom(configuration, rule, value.is_some(), facts);
    (value.is_some() || whom.is_some()).then(|| Sought { rule: rule.id.clone(), value, whom })
}

fn asked(project: &ProjectId, sought: &[Sought], facts: Facts<'_>) -> Vec<ConversionAsked> {
    let mut all = Vec::new();
    for Sought { rule, value, whom } in sought {
        let about = |recipient| ConversionAsked {
            project: project.clone(),
            rule: rule.clone(),
            event_type: facts.body.event_type.clone(),
            value: value.clone(),
            recipient,
            at: facts.body.time,
        };
        match whom {
            None => all.push(about(None)),
            Some(whom) => all.extend(whom.iter().map(|one| about(Some(one.clone())))),
        }
    }
    all
}

/// What has to be read. The sandbox reaches nobody, so it has nothing that an event would convert.
pub(super) fn needs(project: &ProjectId, sandbox: bool, sought: &[Sought], facts: Facts<'_>) -> Vec<Need> {
    if sandbox {
        return Vec::new();
    }
    asked(project, sought, facts).into_iter().map(Need::Convertible).collect()
}

/// Marks what an event converts, each once. It moves nothing: a device shows it as before.
pub(super) fn convert_by(
    work: &mut Work<'_>,
    project: &ProjectId,
    sought: &[Sought],
    stated: &Stated,
) -> Vec<NotificationId> {
    let facts = Facts { body: &stated.body, root: &stated.root };
    let mut converted = Vec::new();
    if stated.sandbox {
        return converted;
    }
    for asked in asked(project, sought, facts) {
        let found: Vec<NotificationId> = work.convertible(&asked).iter().map(|row| row.id.clone()).collect();
        found.iter().for_each(|id| convert(work, id, stated));
        converted.extend(found);
    }
    converted
}

fn convert(work: &mut Work<'_>, id: &NotificationId, stated: &Stated) {
    let row = work.notification_mut(id);
    row.flags.converted_at = Some(stated.body.time);
    let (person, rule, variant) = (row.person.clone(), row.cause.rule.clone(), row.variant.clone());
    let mut entry = Entry::new(work.now(), StoryKind::Converted);
    entry.text = Some(format!("{} {}", stated.body.event_type, stated.event).into());
    work.tell(id, entry);
    let mut detail = json!({"rule": rule, "event": stated.event, "event_type": stated.body.event_type});
    if let Some(variant) = variant {
        detail["variant"] = json!(variant);
    }
    work.feed(FeedEntry {
        project: person.project,
        recipient: person.recipient,
        notification: Some(id.clone()),
        at: work.now(),
        kind: FeedKind::NotificationConverted,
        detail,
    });
}
