//! `categories`, `caps`, `quiet_hours`, `segments`, and the caps and digests that several sections share.

use std::collections::BTreeMap;

use tidings_protocol::{CategoryId, LegalClass, Priority};

use super::project::localised;
use crate::calendar::{ClockError, TimeOfDay, Weekday};
use crate::cap::Cap;
use crate::configuration::mistake::Found;
use crate::configuration::model::{
    Adapt, Basis, CapRule, Category, Count, Digest, DigestTrigger, Over, QuietSettings, Segment,
};
use crate::configuration::node::{Node, Place};
use crate::configuration::reader::{Fields, Reader};
use crate::configuration::values::Reference;
use crate::model::every_category;

/// What happens over a limit.
pub(super) const OVERS: [(&str, Over); 3] =
    [("defer", Over::Defer), ("digest", Over::Digest), ("suppress", Over::Suppress)];
/// The largest cap: beyond it nobody is protected.
const CAP_MAX: u32 = 100_000;
/// Members of one digest: what one notification can list.
const DIGEST_MEMBERS_MAX: u32 = 1_000;

pub(in crate::configuration) fn categories<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
    strict: bool,
) -> Option<BTreeMap<CategoryId, Category>> {
    let mut categories = BTreeMap::new();
    for entry in reader.entries(node, "`categories`")? {
        let id = reader.id_of(&entry.key, entry.key_place);
        if id.as_ref() == Some(&every_category()) {
            let detail = "`*` means every category in the ledger of consents, and names none";
            reader.report(Found::new("bad_id", entry.key_place, detail));
        }
        let category = category(reader, &entry.node, entry.key_place, strict);
        if let (Some(id), Some(category)) = (id, category) {
            categories.insert(id, category);
        }
    }
    Some(categories)
}

fn category<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place, strict: bool) -> Option<Category> {
    const KEYS: [&str; 8] = ["name", "legal", "basis", "priority", "channels", "cap", "digest", "count"];
    let fields = reader.fields(node, owner, "a category", &KEYS)?;
    let classes: Vec<_> = LegalClass::ALL.iter().map(|class| (class.as_str(), *class)).collect();
    let name = fields.optional(reader, "name", localised).unwrap_or_default();
    let legal = fields.required(reader, "legal", |reader, node| reader.word(node, "unknown_word", &classes));
    let basis = fields.optional(reader, "basis", |reader, node| {
        reader.word(node, "unknown_word", &[("contract", Basis::Contract), ("consent", Basis::Consent)])
    });
    let priority = fields.optional(reader, "priority", Reader::priority).unwrap_or(Priority::Normal);
    let channels = fields.required(reader, "channels", Reader::channels);
    let cap = fields.section(reader, "cap", cap_rule);
    let digest = fields
        .section(reader, "digest", |reader, node, owner| digest(reader, node, owner, DigestOf::Category));
    let count = fields.section(reader, "count", count).unwrap_or_default();
    if let Some(legal) = legal {
        check_class(reader, &fields, legal);
    }
    if let (Some(cap), Some(entry), None) = (&cap, fields.get("cap"), fields.get("digest"))
        && cap.over == Over::Digest
    {
        let place = entry.node.get("over").map_or(entry.key_place, |over| over.node.place);
        let found = Found::new("bad_plan", place, "what is over this cap has no digest to join");
        reader.report(found.hint("give the category a `digest: {window: …}` or `{at: …}`"));
    }
    let legal = legal?;
    let basis = match legal {
        LegalClass::Service if strict => Basis::Consent,
        LegalClass::Service => basis.unwrap_or(Basis::Contract),
        LegalClass::Essential => Basis::Contract,
        LegalClass::Marketing => Basis::Consent,
    };
    Some(Category { name, legal, basis, priority, channels: channels?, cap, digest, count })
}

/// What a legal class rules out.
fn check_class(reader: &mut Reader<'_>, fields: &Fields<'_>, legal: LegalClass) {
    let mut refuse = |key: &str, why: &str| {
        if let Some(entry) = fields.get(key) {
            reader.report(Found::new("bad_plan", entry.key_place, why));
        }
    };
    match legal {
        LegalClass::Service => {}
        LegalClass::Essential => {
            refuse("basis", "`basis` is for service categories; essential ones need no consent");
            refuse("cap", "an essential category takes no cap: it must be sent");
            refuse("digest", "an essential category is never collected: it must be sent");
            refuse("count", "what people do with an essential mail is not counted");
        }
        LegalClass::Marketing => {
            refuse("basis", "`basis` is for service categories; marketing always needs a grant");
        }
    }
}

fn count<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<Count> {
    let fields = reader.fields(node, owner, "`count`", &["links", "opens"])?;
    let counts =
        |reader: &mut Reader<'d>, key| fields.optional(reader, key, Reader::boolean).unwrap_or(false);
    Some(Count { links: counts(reader, "links"), opens: counts(reader, "opens") })
}

pub(in crate::configuration) fn cap_rule<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
    owner: Place,
) -> Option<CapRule> {
    let fields = reader.fields(node, owner, "a cap", &["day", "week", "over", "adapt"])?;
    let count = |reader: &mut Reader<'d>, node| reader.integer(node, 1, CAP_MAX);
    let cap =
        Cap { day: fields.optional(reader, "day", count), week: fields.optional(reader, "week", count) };
    if fields.get("day").is_none() && fields.get("week").is_none() {
        let found = Found::new("missing_key", owner, "a cap needs a number");
        reader.report(found.expected("`day`, `week` or both"));
    }
    let over = fields.optional(reader, "over", |reader, node| reader.word(node, "unknown_word", &OVERS));
    Some(CapRule { cap, over: over.unwrap_or(Over::Defer), adapt: fields.section(reader, "adapt", adapt) })
}

fn adapt<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: Place) -> Option<Adapt> {
    let fields = reader.fields(node, owner, "`adapt`", &["min", "max"])?;
    let count = |reader: &mut Reader<'d>, node| reader.integer(node, 1, CAP_MAX);
    let min = fields.required(reader, "min", count);
    let max = fields.required(reader, "max", count);
    let (min, max) = (min?, max?);
    if min > max {
        let detail = format!("the cap cannot move between {min} and {max}: the first is the higher one");
        reader.report(Found::new("bad_plan", fields.place(), detail));
    }
    Some(Adapt { min, max })
}

/// Where a digest stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DigestOf {
    Category,
    Rule,
}

pub(super) fn digest<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
    owner: Place,
    of: DigestOf,
) -> Option<Digest> {
    let keys: &[&str] = match of {
        DigestOf::Category => &["window", "at", "max", "template"],
        DigestOf::Rule => &["key", "window", "at", "max", "template"],
    };
    let fields = reader.fields(node, owner, "a digest", keys)?;
    let window = fields.optional(reader, "window", Reader::hold);
    let at = fields.optional(reader, "at", |reader, node| reader.clock(node, digest_time));
    match (fields.get("window"), fields.get("at")) {
        (None, None) => {
            let found = Found::new("bad_plan", owner, "this digest never says when it is sent");
            reader.report(found.expected("`window: 30m` from its first member, or `at: \"sun 18:00\"`"));
        }
        (Some(_), Some(at)) => {
            let found = Found::new("bad_plan", at.key_place, "this digest says twice when it is sent");
            reader.report(found.expected("`window` or `at`"));
        }
        (Some(_), None) | (None, Some(_)) => {}
    }
    let key = fields.optional(reader, "key", Reader::expression);
    let max = fields.optional(reader, "max", |reader, node| reader.integer(node, 1, DIGEST_MEMBERS_MAX));
    let template =
        fields.optional(reader, "template", |reader, node| reader.reference(node, Reference::Template));
    if of == DigestOf::Category && fields.get("template").is_none() {
        fields.report_missing(reader, "template");
    }
    Some(Digest { key, trigger: window.map(DigestTrigger::Window).or(at)?, max, template })
}

/// `18:00` or `sun 18:00` or `sat,sun 18:00`.
fn digest_time(text: &str) -> Result<DigestTrigger, ClockError> {
    let (days, time) = text.rsplit_once(' ').map_or(("", text), |(days, time)| (days, time));
    let mut parsed = Vec::new();
    let mut at = 0;
    for part in days.split(',') {
        let lead = part.len() - part.trim_start().len();
        let name = part.trim();
        if !name.is_empty() || days.contains(',') {
            let day: Weekday = name.parse().map_err(|error: ClockError| error.shifted(at + lead))?;
            if !parsed.contains(&day) {
                parsed.push(day);
            }
        }
        at += part.len() + 1;
    }
    let time: TimeOfDay = time.parse().map_err(|error: ClockError| error.shifted(text.len() - time.len()))?;
    parsed.sort_unstable();
    Ok(DigestTrigger::At { days: parsed, time })
}

pub(in crate::configuration) fn quiet_hours<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
    owner: Place,
) -> Option<QuietSettings> {
    let fields = reader.fields(node, owner, "`quiet_hours`", &["default", "pass"])?;
    let default = fields.optional(reader, "default", |reader, node| reader.clock(node, str::parse));
    let pass = fields.optional(reader, "pass", |reader, node| {
        let items = reader.list(node, "priorities")?;
        let mut pass: Vec<Priority> = items.iter().filter_map(|item| reader.priority(item)).collect();
        pass.sort_unstable();
        pass.dedup();
        Some(pass)
    });
    Some(QuietSettings { default, pass: pass.unwrap_or_default() })
}

pub(in crate::configuration) fn segments<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
) -> Option<BTreeMap<String, Segment>> {
    let mut segments = BTreeMap::new();
    for entry in reader.entries(node, "`segments`")? {
        let name: Option<CategoryId> = reader.id_of(&entry.key, entry.key_place);
        let Some(fields) = reader.fields(&entry.node, entry.key_place, "a segment", &["when"]) else {
            continue;
        };
        let when = fields.required(reader, "when", |reader, node| {
            reader.expression_over(
                node,
                &["recipient"],
                "a segment is asked of a stored recipient, without an event",
            )
        });
        if let (Some(when), Some(entry)) = (&when, fields.get("when")) {
            reader.check_condition(&entry.node, when);
        }
        if let (Some(name), Some(when)) = (name, when) {
            segments.insert(name.as_str().to_owned(), Segment { when });
        }
    }
    Some(segments)
}
