//! `rules`.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidings_protocol::limits::RULES_MAX;
use tidings_protocol::{CategoryId, RuleId, Span};

use super::categories::{DigestOf, OVERS, digest};
use super::{plan, sanity};
use crate::calendar::{Weekday, Weekdays};
use crate::configuration::mistake::Found;
use crate::configuration::model::{
    CancelOn, Cohort, Conversion, Notify, OncePer, Over, Rule, SendPlan, ThrottleRule, Variant, Winner,
    WinnerMeasure,
};
use crate::configuration::node::{Node, Place, Value};
use crate::configuration::reader::{Fields, Reader};
use crate::configuration::values::Reference;
use crate::selection::Percent;
use crate::send_window::SendWindow;
use crate::throttle::Throttle;

const KEYS: [&str; 21] = [
    "on",
    "when",
    "notify",
    "category",
    "template",
    "tags",
    "once_per",
    "collapse",
    "expires",
    "delay",
    "send",
    "cancel_on",
    "throttle",
    "digest",
    "cohort",
    "holdout",
    "variants",
    "winner",
    "conversion",
    "deliver",
    "priority",
];
/// How long a once-key is remembered unless told.
const ONCE_WITHIN_DEFAULT: Span = Span::from_days(30);
/// The largest count of a throttle, and the largest weight.
const COUNT_MAX: u32 = 1_000_000;

pub(in crate::configuration) fn rules<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
) -> Option<BTreeMap<RuleId, Arc<Rule>>> {
    let entries = reader.entries(node, "`rules`")?;
    if let Some(entry) = entries.get(RULES_MAX) {
        let detail = format!("the document has {} rules", entries.len());
        let found = Found::new("limit", entry.key_place, detail).over(RULES_MAX, entries.len());
        reader.report(found.expected(format!("at most {RULES_MAX} rules")));
    }
    let mut rules = BTreeMap::new();
    for entry in entries.iter().take(RULES_MAX) {
        let id: Option<RuleId> = reader.id_of(&entry.key, entry.key_place);
        let Some(id) = id else { continue };
        if let Some(rule) = rule(reader, id.clone(), &entry.node, entry.key_place) {
            rules.insert(id, Arc::new(rule));
        }
    }
    Some(rules)
}

fn rule<'d>(reader: &mut Reader<'d>, id: RuleId, node: &'d Node<'d>, owner: Place) -> Option<Rule> {
    let fields = reader.fields(node, owner, "a rule", &KEYS)?;
    let on = fields.required(reader, "on", Reader::event_type);
    let category: Option<String> =
        fields.required(reader, "category", |reader, node| reader.reference(node, Reference::Category));
    // A rule with a mistake is read to its end; a document with a mistake makes no configuration.
    let unknown = || CategoryId::new("unknown").expect("it is an id");
    let rule = Rule {
        id,
        on: on.unwrap_or_default(),
        when: fields.optional(reader, "when", Reader::condition),
        notify: fields.section(reader, "notify", notify).unwrap_or(Notify::Event),
        category: category.and_then(|id| id.parse().ok()).unwrap_or_else(unknown),
        template: fields
            .optional(reader, "template", |reader, node| reader.reference(node, Reference::Template)),
        tags: fields.optional(reader, "tags", Reader::expression),
        once_per: fields.section(reader, "once_per", once_per),
        collapse: fields.optional(reader, "collapse", Reader::expression),
        expires: fields.optional(reader, "expires", Reader::hold),
        delay: fields.optional(reader, "delay", Reader::hold),
        send: fields.section(reader, "send", send),
        cancel_on: fields.section(reader, "cancel_on", cancel_on).unwrap_or_default(),
        throttle: fields.section(reader, "throttle", throttle),
        digest: fields
            .section(reader, "digest", |reader, node, owner| digest(reader, node, owner, DigestOf::Rule)),
        cohort: fields.section(reader, "cohort", cohort),
        holdout: fields.section(reader, "holdout", holdout),
        variants: fields.section(reader, "variants", variants).unwrap_or_default(),
        winner: fields.section(reader, "winner", winner),
        conversion: fields.section(reader, "conversion", conversion),
        deliver: fields.optional(reader, "deliver", plan::steps),
        priority: fields.optional(reader, "priority", Reader::priority),
    };
    sanity::check_rule(reader, &fields, &rule);
    Some(rule)
}

fn notify<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<Notify> {
    let Value::Map(entries) = &node.value else { return reader.expression(node).map(Notify::Expression) };
    let fields = reader.fields(node, owner, "`notify`", &["topic", "segment"])?;
    if entries.len() != 1 {
        let found = Found::new("bad_plan", node.place, "`notify` names one audience");
        reader.report(found.expected("CEL, {topic: NAME} or {segment: NAME}"));
    }
    let topic = fields.optional(reader, "topic", Reader::id).map(Notify::Topic);
    let segment =
        fields.optional(reader, "segment", |reader, node| reader.reference(node, Reference::Segment));
    topic.or(segment.map(Notify::Segment))
}

fn once_per<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<OncePer> {
    let Value::Map(_) = &node.value else {
        let key = reader.expression(node)?;
        return Some(OncePer { key, within: ONCE_WITHIN_DEFAULT });
    };
    let fields = reader.fields(node, owner, "`once_per`", &["key", "within"])?;
    let key = fields.required(reader, "key", Reader::expression);
    let within = fields.optional(reader, "within", Reader::span).unwrap_or(ONCE_WITHIN_DEFAULT);
    Some(OncePer { key: key?, within })
}

fn send<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<SendPlan> {
    let fields = reader.fields(node, owner, "`send`", &["window", "days", "best_hour", "latest"])?;
    let days = fields.optional(reader, "days", weekdays);
    let window = fields.optional(reader, "window", |reader, node| {
        reader.clock(node, |text| SendWindow::parse(text, days.unwrap_or(Weekdays::ALL)))
    });
    let window = match (window, days, fields.get("window")) {
        (None, Some(days), None) => SendWindow::parse("00:00-24:00", days).ok(),
        (window, _, _) => window,
    };
    let best_hour = fields.optional(reader, "best_hour", Reader::boolean).unwrap_or(false);
    let latest = fields.optional(reader, "latest", Reader::hold);
    if fields.get("window").is_none() && fields.get("days").is_none() && !best_hour {
        let found = Found::new("bad_plan", owner, "`send` holds nothing back");
        reader.report(found.expected("`window`, `days` or `best_hour: true`"));
    }
    Some(SendPlan { window, best_hour, latest })
}

fn weekdays<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<Weekdays> {
    let words: Vec<_> = Weekday::ALL.iter().map(|day| (day.as_str(), *day)).collect();
    let items = reader.list(node, "days")?;
    let days: Weekdays = items.iter().filter_map(|item| reader.word(item, "bad_time", &words)).collect();
    if items.is_empty() {
        let found = Found::new("bad_plan", node.place, "no day is named, so it would never be sent");
        reader.report(found.expected("at least one of mon, tue, wed, thu, fri, sat, sun"));
    }
    (!days.is_empty()).then_some(days)
}

/// One event, or a list of them.
fn cancel_on<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<Vec<CancelOn>> {
    let Value::List(items) = &node.value else {
        return cancel(reader, node, owner).map(|cancel| vec![cancel]);
    };
    Some(items.iter().filter_map(|item| cancel(reader, item, item.place)).collect())
}

fn cancel<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<CancelOn> {
    let fields = reader.fields(node, owner, "`cancel_on`", &["event", "match"])?;
    let event = fields.required(reader, "event", Reader::event_type);
    let match_key = fields.optional(reader, "match", Reader::expression);
    Some(CancelOn { event: event?, match_key })
}

fn throttle<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<ThrottleRule> {
    let fields = reader.fields(node, owner, "a throttle", &["count", "per", "key", "over"])?;
    let count = fields.required(reader, "count", |reader, node| reader.integer(node, 1, COUNT_MAX));
    let per = fields.required(reader, "per", Reader::hold);
    let key = fields.optional(reader, "key", Reader::expression);
    let over = fields.optional(reader, "over", |reader, node| reader.word(node, "unknown_word", &OVERS));
    let throttle = Throttle { count: count?, per: per? };
    Some(ThrottleRule { throttle, key, over: over.unwrap_or(Over::Suppress) })
}

fn cohort<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<Cohort> {
    let fields = reader.fields(node, owner, "a cohort", &["percent", "include"])?;
    let percent = fields.required(reader, "percent", Reader::percent);
    let include = fields.section(reader, "include", |reader, node, owner| {
        let fields = reader.fields(node, owner, "`include`", &["topic"])?;
        fields.required(reader, "topic", Reader::id)
    });
    Some(Cohort { percent: percent?, include })
}

fn holdout<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<Percent> {
    let fields = reader.fields(node, owner, "a holdout", &["percent"])?;
    fields.required(reader, "percent", Reader::percent)
}

fn variants<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, _owner: Place) -> Option<Vec<Variant>> {
    let mut variants = Vec::new();
    for entry in reader.entries(node, "`variants`")? {
        let Some(fields) = reader.fields(&entry.node, entry.key_place, "a variant", &["weight", "template"])
        else {
            continue;
        };
        let weight = fields.optional(reader, "weight", |reader, node| reader.integer(node, 1, COUNT_MAX));
        let template =
            fields.required(reader, "template", |reader, node| reader.reference(node, Reference::Template));
        if let Some(template) = template {
            variants.push(Variant {
                name: entry.key.clone().into_owned(),
                weight: weight.unwrap_or(1),
                template,
            });
        }
    }
    variants.sort_by(|a, b| a.name.cmp(&b.name));
    Some(variants)
}

fn winner<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<Winner> {
    let fields = reader.fields(node, owner, "`winner`", &["by", "after", "confidence"])?;
    let words = WinnerMeasure::ALL.map(|by| (by.as_str(), by));
    let by = fields.required(reader, "by", |reader, node| reader.word(node, "unknown_word", &words));
    let after = fields.required(reader, "after", |reader, node| reader.integer(node, 1, u32::MAX));
    let confidence = fields.required(reader, "confidence", |reader, node| {
        reader.number(node, 0.5, 0.999_999, "a number from 0.5 to below 1, like 0.95")
    });
    Some(Winner { by: by?, after: u64::from(after?), confidence: confidence? })
}

fn conversion<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<Conversion> {
    let fields = reader.fields(node, owner, "`conversion`", &["event", "within", "match"])?;
    let event = fields.required(reader, "event", Reader::event_type);
    let within = fields.required(reader, "within", Reader::span);
    let match_key = fields.optional(reader, "match", Reader::expression);
    Some(Conversion { event: event?, within: within?, match_key })
}

/// The place of a key's value, or of the rule.
pub(super) fn place_of(fields: &Fields<'_>, key: &str) -> Place {
    fields.get(key).map_or(fields.owner, |entry| entry.node.place)
}
