//! The names of sets of variants.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tidings_protocol::RuleId;

use super::difference::digest_of;
use super::model::Rule;

/// 64 bits of the digest: a rule has few sets in its life.
const NAME_DIGITS: usize = 16;

/// The name of each set of two variants or more. It is another one if a variant comes or goes, has another name or template,
/// or its template says something else in any language or on any channel, and if the rule's `conversion` is another: what
/// was counted before is then of something else. Weights and the terms of `winner` change nothing of what was counted.
pub(super) fn names<'r>(
    document: &Value,
    rules: impl Iterator<Item = &'r Arc<Rule>>,
) -> BTreeMap<RuleId, Box<str>> {
    let compared = rules.filter(|rule| rule.variants.len() > 1);
    compared.map(|rule| (rule.id.clone(), name(document, rule))).collect()
}

fn name(document: &Value, rule: &Rule) -> Box<str> {
    let said = rule.variants.iter().map(|variant| {
        json!([variant.name, variant.template, document["templates"][variant.template.as_str()]])
    });
    let said: Vec<Value> = said.collect();
    let conversion = &document["rules"][rule.id.as_str()]["conversion"];
    digest_of(&json!([said, conversion]))[..NAME_DIGITS].into()
}
