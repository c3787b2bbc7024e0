//! Who a recipient is: zone, language and what the backend knows of them.

use serde_json::{Map, Value};
use tidings_protocol::ProjectId;
use tidings_protocol::limits::ATTRIBUTES_BYTES_MAX;

use super::preference::{check_locale, check_zone, invalid, stamp_of_backend};
use super::restrict;
use crate::act::{Answer, RecipientChange, Refusal};
use crate::model::{PersonKey, Recipient};
use crate::ports::Need;
use crate::work::Work;

/// A change of zone moves what is held.
pub(super) fn needs(person: &PersonKey, change: &RecipientChange, work: &Work<'_>) -> Vec<Need> {
    let moves = change.replace || change.time_zone.is_some() || change.locale.is_some();
    if moves { restrict::needs(person, work) } else { vec![Need::Person(person.clone())] }
}

/// Makes or changes a recipient.
///
/// # Errors
/// [`Refusal::Precondition`] if another revision is current, [`Refusal::Invalid`] if a value cannot be taken.
pub(super) fn put(
    project: &ProjectId,
    change: RecipientChange,
    work: &mut Work<'_>,
) -> Result<Answer, Refusal> {
    let Some(recipient) = change.recipient.clone() else {
        return Err(invalid("/recipient", "a change is of a recipient"));
    };
    let person = PersonKey { project: project.clone(), recipient };
    let known = work.person(&person).recipient.clone();
    let current = known.as_ref().map(|known| known.revision);
    if change.if_revision.as_ref().is_some_and(|wanted| !wanted.holds(current)) {
        return Err(Refusal::Precondition { current: current.unwrap_or(0) });
    }
    if known.is_none() && !change.replace {
        let id = person.recipient.as_str().into();
        return Err(Refusal::NotFound { what: "recipient", id });
    }
    let before =
        known.unwrap_or_else(|| Recipient { attributes: Value::Object(Map::new()), ..Recipient::default() });
    let after = changed(&before, change)?;

    let created = work.ensure_recipient(&person);
    let moved = (&before.time_zone, &before.locale) != (&after.time_zone, &after.locale);
    if moved || before.attributes != after.attributes {
        let stamp = stamp_of_backend(work);
        let row = work.recipient_mut(&person);
        (row.time_zone, row.locale, row.attributes) = (after.time_zone, after.locale, after.attributes);
        if !created {
            row.revision += 1;
        }
        if moved {
            row.preferences.profile = Some(stamp);
            work.settings_changed(&person);
            restrict::retime(work, &person);
        } else {
            work.raise_version(&person);
        }
    }
    let revision = work.person(&person).recipient.as_ref().map_or(0, |row| row.revision);
    Ok(Answer::Recipient { revision, created })
}

/// The recipient as the change leaves them.
fn changed(before: &Recipient, change: RecipientChange) -> Result<Recipient, Refusal> {
    let replace = change.replace;
    let text = |named: Option<Option<Box<str>>>,
                old: &Option<String>,
                check: fn(&str) -> Result<String, Refusal>| {
        match named {
            Some(Some(text)) => check(&text).map(Some),
            Some(None) => Ok(None),
            None => Ok(old.clone().filter(|_| !replace)),
        }
    };
    let time_zone = text(change.time_zone, &before.time_zone, check_zone)?;
    let locale = text(change.locale, &before.locale, check_locale)?;
    let old = if replace { Value::Object(Map::new()) } else { before.attributes.clone() };
    let attributes = match change.attributes {
        None => old,
        Some(Value::Null) => Value::Object(Map::new()),
        Some(patch @ Value::Object(_)) => merged(old, patch),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            return Err(invalid("/attributes", "attributes are an object"));
        }
    };
    let bytes = attributes.to_string().len();
    if bytes > ATTRIBUTES_BYTES_MAX {
        let detail = format!("attributes have at most {ATTRIBUTES_BYTES_MAX} bytes; these have {bytes}");
        return Err(invalid("/attributes", detail));
    }
    Ok(Recipient { time_zone, locale, attributes, ..before.clone() })
}

/// A merge patch (RFC 7396): null takes a member away, objects are merged, everything else replaces.
fn merged(old: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else { return patch };
    let mut members = match old {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            let old = members.remove(&name).unwrap_or(Value::Null);
            members.insert(name, merged(old, value));
        }
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"}))]
    #[case(json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"}))]
    #[case(json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"}))]
    #[case(json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"}))]
    #[case(json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}}))]
    #[case(json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}}))]
    fn attributes_are_merged_as_rfc_7396_says(#[case] old: Value, #[case] patch: Value, #[case] new: Value) {
        assert_eq!(merged(old, patch), new);
    }

    #[rstest]
    #[case(ATTRIBUTES_BYTES_MAX, true)]
    #[case(ATTRIBUTES_BYTES_MAX + 1, false)]
    fn attributes_have_at_most_16_kib(#[case] bytes: usize, #[case] fits: bool) {
        let frame = json!({"a": ""}).to_string().len();
        let attributes = Some(json!({"a": "x".repeat(bytes - frame)}));
        let change = RecipientChange { attributes, ..RecipientChange::default() };
        assert_eq!(changed(&Recipient::default(), change).is_ok(), fits);
    }

    #[test]
    fn a_slip_in_a_zone_is_refused_with_the_name_that_was_meant() {
        let change =
            RecipientChange { time_zone: Some(Some("Asia/Shangai".into())), ..RecipientChange::default() };
        let refusal = changed(&Recipient::default(), change).unwrap_err();
        assert!(refusal.to_string().contains("Asia/Shanghai"), "{refusal}");
    }

    #[test]
    fn a_put_clears_what_it_does_not_name_and_a_patch_keeps_it() {
        let before =
            Recipient { locale: Some("de".into()), attributes: json!({"a": 1}), ..Recipient::default() };
        let patched = changed(&before, RecipientChange::default()).unwrap();
        assert_eq!((patched.locale.as_deref(), patched.attributes), (Some("de"), json!({"a": 1})));
        let put = changed(&before, RecipientChange { replace: true, ..RecipientChange::default() }).unwrap();
        assert_eq!((put.locale, put.attributes), (None, json!({})));
    }
}
