//! Whether the parts of a rule, and the caps of a project, can work together.

use tidings_protocol::Span;

use super::rules::place_of;
use crate::configuration::mistake::Found;
use crate::configuration::model::{CapRule, Configuration, Over, Rule, WinnerMeasure};
use crate::configuration::node::Node;
use crate::configuration::reader::{Fields, Reader};

pub(super) fn check_rule(reader: &mut Reader<'_>, fields: &Fields<'_>, rule: &Rule) {
    check_words(reader, fields, rule);
    check_times(reader, fields, rule);
    check_variants(reader, fields, rule);
    if let Some(throttle) = &rule.throttle
        && throttle.over == Over::Digest
        && fields.get("digest").is_none()
        && !reader.names.digests.contains(rule.category.as_str())
    {
        let found = Found::new(
            "bad_plan",
            place_of(fields, "throttle"),
            "what is over this throttle has no digest to join",
        );
        reader.report(found.hint("give the rule or its category a `digest`"));
    }
    let own = rule.cancel_on.iter().any(|cancel| cancel.event == rule.on && !rule.on.is_empty());
    if own {
        let detail = format!("`{}` both makes this notification and cancels it", rule.on);
        let found = Found::new("bad_plan", place_of(fields, "cancel_on"), detail);
        reader.report(found.hint("to replace an older notification by a newer one, use `collapse`"));
    }
}

/// Whether there is something to say.
fn check_words(reader: &mut Reader<'_>, fields: &Fields<'_>, rule: &Rule) {
    let digest_says = rule.digest.as_ref().is_some_and(|digest| digest.template.is_some());
    let says = fields.get("template").is_some() || fields.get("variants").is_some();
    if !says {
        let detail = if digest_says {
            "a digest of one item is sent as itself: the rule needs the key `template`"
        } else {
            "a rule needs the key `template`, or `variants` with theirs"
        };
        reader.report(Found::new("missing_key", fields.owner, detail));
    }
}

/// Whether it can be sent before it expires.
fn check_times(reader: &mut Reader<'_>, fields: &Fields<'_>, rule: &Rule) {
    let Some(expires) = rule.expires else { return };
    let delay = rule.delay.unwrap_or(Span::ZERO);
    let place = place_of(fields, "expires");
    if delay >= expires {
        let detail = format!("it expires after {expires} and is delayed by {delay}: it could never be sent");
        reader.report(Found::new("bad_plan", place, detail));
        return;
    }
    let last = rule.deliver.iter().flatten().filter_map(|step| step.after).max().unwrap_or(Span::ZERO);
    let total = Span::from_millis(delay.as_millis().saturating_add(last.as_millis()));
    if last > Span::ZERO && total >= expires {
        let detail = format!("it expires after {expires}, before its last step, which comes after {total}");
        let found = Found::new("bad_plan", place, detail);
        reader.report(found.hint("raise `expires`, or lower the step's `after`"));
    }
}

fn check_variants(reader: &mut Reader<'_>, fields: &Fields<'_>, rule: &Rule) {
    if let Some(entry) = fields.get("variants")
        && matches!(&entry.node.value, crate::configuration::node::Value::Map(entries) if entries.is_empty())
    {
        reader.report(Found::new("bad_plan", entry.node.place, "there is no variant to choose from"));
    }
    let Some(winner) = &rule.winner else { return };
    if rule.variants.len() < 2 {
        let detail = "nothing can win: the rule has fewer than two variants";
        reader.report(Found::new("bad_plan", place_of(fields, "winner"), detail));
    }
    if winner.by == WinnerMeasure::Conversion && fields.get("conversion").is_none() {
        let found = Found::new(
            "bad_plan",
            place_of(fields, "winner"),
            "`by: conversion` needs the rule's `conversion`",
        );
        reader.report(found.expected("`conversion: {event: …, within: …}`"));
    }
}

/// A cap over several categories that collects what is over it needs each of them to say where.
pub(in crate::configuration) fn check_caps<'d>(
    reader: &mut Reader<'d>,
    root: &'d Node<'d>,
    configuration: &Configuration,
) {
    let caps = |cap: &Option<CapRule>| cap.as_ref().is_some_and(|cap| cap.over == Over::Digest);
    let lacking = |on: &dyn Fn(&crate::configuration::model::Category) -> bool| {
        let mut categories = configuration.categories.iter();
        let lacks = categories.find(|(_, category)| {
            category.digest.is_none()
                && category.legal != tidings_protocol::LegalClass::Essential
                && on(category)
        });
        lacks.map(|(id, _)| id.to_string())
    };
    let mut found = Vec::new();
    let over = |node: &'d Node<'d>| node.get("over").map_or(node.place, |over| over.node.place);
    if let (true, Some(entry), Some(category)) =
        (caps(&configuration.caps), root.get("caps"), lacking(&|_| true))
    {
        found.push((over(&entry.node), category));
    }
    for (channel, settings) in &configuration.channels {
        let node = root.get("channels").and_then(|entry| entry.node.get(channel.as_str()));
        let node = node.and_then(|entry| entry.node.get("cap")).map(|entry| &*entry.node);
        let category = lacking(&|category| category.channels.contains(channel));
        if let (true, Some(node), Some(category)) = (caps(&settings.cap), node, category) {
            found.push((over(node), category));
        }
    }
    for (place, category) in found {
        let detail = format!("what is over this cap joins its category's digest, and `{category}` has none");
        let found = Found::new("bad_plan", place, detail);
        reader.report(found.hint("give the category a `digest`, or write `over: defer`"));
    }
}

/// A window that opens in the project's quiet hours alone lets nothing through to whoever chose none of their own.
pub(in crate::configuration) fn check_windows<'d>(
    reader: &mut Reader<'d>,
    root: &'d Node<'d>,
    configuration: &Configuration,
) {
    let Some(settings) = &configuration.quiet_hours else { return };
    let Some(quiet) = settings.default.as_ref().filter(|quiet| quiet.zone().is_none()) else { return };
    let waits = |rule: &Rule| {
        let category = configuration.categories.get(&rule.category);
        category.is_some_and(|category| {
            category.legal != tidings_protocol::LegalClass::Essential
                && !settings.pass.contains(&rule.priority.unwrap_or(category.priority))
        })
    };
    let mut found = Vec::new();
    for (id, rule) in configuration.rules.iter().filter(|(_, rule)| waits(rule)) {
        let window = rule.send.as_ref().and_then(|send| send.window.as_ref());
        if window.is_some_and(|window| window.hours().lies_within(quiet.hours())) {
            let node = root.get("rules").and_then(|entry| entry.node.get(id.as_str()));
            let node = node.and_then(|entry| entry.node.get("send"));
            let place =
                node.map(|entry| entry.node.get("window").map_or(entry.node.place, |at| at.node.place));
            found.extend(place);
        }
    }
    for place in found {
        let detail = "this window lies in the project's quiet hours, so that nothing would ever be sent";
        let found = Found::new("bad_plan", place, detail);
        reader
            .report(found.hint("move the window, or give the rule a priority that `quiet_hours.pass` names"));
    }
}
