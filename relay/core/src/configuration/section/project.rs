//! `project`, `policy`, `collect`, `retention`.

use std::collections::BTreeMap;

use tidings_protocol::Span;

use crate::calendar::Zone;
use crate::configuration::mistake::Found;
use crate::configuration::model::{Collect, Policy, ProjectSettings, Retention, UnknownRecipient};
use crate::configuration::node::{Node, Place, Scalar, Value};
use crate::configuration::reader::Reader;
use crate::template::Locale;

/// The name of a project that has none.
const NAME_DEFAULT: &str = "default";
/// A project's name, in characters: it is shown in one line.
const NAME_CHARS_MAX: usize = 100;
/// How long history is kept unless told: what the longest look back of the worked example needs, twice.
const KEEP_DEFAULT: Span = Span::from_days(180);

/// Settings of a project that says nothing about itself.
pub(in crate::configuration) fn project_default() -> ProjectSettings {
    ProjectSettings {
        name: NAME_DEFAULT.to_owned(),
        locale: "en".parse().expect("en is a locale"),
        time_zone: Zone::utc(),
        currency: "EUR".to_owned(),
        unknown_recipient: UnknownRecipient::Create,
    }
}

pub(in crate::configuration) fn project<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
    owner: Place,
) -> Option<ProjectSettings> {
    const KEYS: [&str; 5] = ["name", "locale", "time_zone", "currency", "unknown_recipient"];
    let fields = reader.fields(node, owner, "a project", &KEYS)?;
    let default = project_default();
    let words = [("create", UnknownRecipient::Create), ("refuse", UnknownRecipient::Refuse)];
    Some(ProjectSettings {
        name: fields.optional(reader, "name", name).unwrap_or(default.name),
        locale: fields.optional(reader, "locale", Reader::locale).unwrap_or(default.locale),
        time_zone: fields.optional(reader, "time_zone", Reader::zone).unwrap_or(default.time_zone),
        currency: fields.optional(reader, "currency", Reader::currency).unwrap_or(default.currency),
        unknown_recipient: fields
            .optional(reader, "unknown_recipient", |reader, node| reader.word(node, "unknown_word", &words))
            .unwrap_or(default.unknown_recipient),
    })
}

fn name<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<String> {
    let name = reader.words(node)?;
    if name.chars().count() > NAME_CHARS_MAX {
        let found = Found::new("limit", node.place, "the name is too long");
        reader.report(found.expected(format!("at most {NAME_CHARS_MAX} characters")));
    }
    Some(name.to_owned())
}

pub(in crate::configuration) fn policy<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
    owner: Place,
) -> Option<Policy> {
    let fields = reader.fields(node, owner, "a policy", &["version", "url", "text", "strict"])?;
    Some(Policy {
        version: fields.optional(reader, "version", |reader, node| reader.words(node).map(str::to_owned)),
        url: fields.optional(reader, "url", Reader::url),
        text: fields.optional(reader, "text", localised).unwrap_or_default(),
        strict: fields.optional(reader, "strict", Reader::boolean).unwrap_or(false),
    })
}

/// Reads text by locale; plain text stands for the project's locale, which is the last fallback of every locale.
pub(in crate::configuration) fn localised<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
) -> Option<BTreeMap<Locale, String>> {
    if let Some(Scalar::Text(_)) = node.scalar() {
        let locale = reader.project_locale.clone();
        return reader.words(node).map(|text| BTreeMap::from([(locale, text.to_owned())]));
    }
    let Value::Map(_) = node.value else {
        reader.wrong_type(node, "text, or a map of texts by locale, like {en: …, zh: …}");
        return None;
    };
    let mut texts = BTreeMap::new();
    for entry in reader.entries(node, "texts by locale")? {
        let locale = reader.locale_of(&entry.key, entry.key_place);
        let text = reader.content(&entry.node);
        if let (Some(locale), Some(text)) = (locale, text) {
            texts.insert(locale, text.to_owned());
        }
    }
    Some(texts)
}

pub(in crate::configuration) fn collect<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
) -> Option<BTreeMap<String, Collect>> {
    let mut collected = BTreeMap::new();
    for entry in reader.entries(node, "`collect`")? {
        let event: Option<tidings_protocol::CategoryId> = reader.id_of(&entry.key, entry.key_place);
        let Some(fields) =
            reader.fields(&entry.node, entry.key_place, "a collected event", &["recipient", "keep"])
        else {
            continue;
        };
        let recipient = fields.required(reader, "recipient", |reader, node| {
            reader.expression_over(node, &["data", "event"], "it is what this expression finds")
        });
        let keep = fields.optional(reader, "keep", Reader::span).unwrap_or(KEEP_DEFAULT);
        if let (Some(event), Some(recipient)) = (event, recipient) {
            collected.insert(event.as_str().to_owned(), Collect { recipient, keep });
        }
    }
    Some(collected)
}

pub(in crate::configuration) fn retention<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
    owner: Place,
) -> Option<Retention> {
    let fields = reader.fields(node, owner, "`retention`", &["inbox", "events", "story"])?;
    let default = Retention::default();
    Some(Retention {
        inbox: fields.optional(reader, "inbox", Reader::span).unwrap_or(default.inbox),
        events: fields.optional(reader, "events", Reader::span).unwrap_or(default.events),
        story: fields.optional(reader, "story", Reader::span).unwrap_or(default.story),
    })
}
