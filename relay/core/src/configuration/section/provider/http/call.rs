//! What a call carries, and how its answer is read.

use std::collections::BTreeMap;

use super::pattern::{Place, pattern};
use crate::configuration::mistake::Found;
use crate::configuration::model::http::{Answer, Authentication, Body, Meaning, Pattern, RawKind, Tree};
use crate::configuration::node::{self, Node, Scalar, Value};
use crate::configuration::reader::Reader;

/// Names of a form or query, headers, codes: more of one are a mistake.
const ENTRIES_MAX: usize = 64;
/// How deep a JSON body may be.
const DEPTH_MAX: usize = 8;
/// Headers that the relay writes itself.
const OWN_HEADERS: [&str; 8] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Reads a map of names and values.
pub(super) fn named<'d>(
    reader: &mut Reader<'d>,
    node: &'d Node<'d>,
    what: &'static str,
    place: Place,
) -> Option<Vec<(String, Pattern)>> {
    let entries = reader.entries(node, what)?;
    if entries.len() > ENTRIES_MAX {
        let detail = format!("there are {} entries", entries.len());
        let found = Found::new("limit", node.place, detail).expected(format!("at most {ENTRIES_MAX}"));
        reader.report(found.over(ENTRIES_MAX, entries.len()));
        return None;
    }
    let read = |entry: &'d node::Entry<'d>| {
        pattern(reader, &entry.node, place).map(|pattern| (entry.key.clone().into_owned(), pattern))
    };
    Some(entries.iter().filter_map(read).collect())
}

/// Reads headers: their names are tokens of HTTP, and not the relay's own.
pub(super) fn headers<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<Vec<(String, Pattern)>> {
    for entry in reader.entries(node, "`headers`")? {
        let name = entry.key.to_ascii_lowercase();
        if !is_token(&name) {
            let found =
                Found::new("bad_call", entry.key_place, format!("`{}` is no header's name", entry.key));
            reader.report(found.expected("letters, digits and hyphens, like X-Api-Key"));
        } else if OWN_HEADERS.contains(&name.as_str()) {
            let found =
                Found::new("bad_call", entry.key_place, format!("the relay writes `{}` itself", entry.key));
            reader.report(found.hint("for a secret see `authentication`, for a media type `body`"));
        }
    }
    let headers = named(reader, node, "`headers`", Place::Header)?;
    for (entry, (_, pattern)) in reader.entries(node, "`headers`")?.iter().zip(&headers) {
        let is_line = |piece: &crate::configuration::model::http::Piece| match piece {
            crate::configuration::model::http::Piece::Text(text) => {
                text.chars().all(|c| c.is_ascii() && !c.is_ascii_control())
            }
            crate::configuration::model::http::Piece::Value(_) => true,
        };
        if !pattern.0.iter().all(is_line) {
            let found = Found::new("bad_call", entry.node.place, "a header has one line of ASCII");
            reader.report(found);
        }
    }
    Some(headers)
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Reads a body: one of `form`, `json`, `raw`.
pub(super) fn body<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: node::Place) -> Option<Body> {
    let fields = reader.fields(node, owner, "`body`", &["form", "json", "raw", "type"])?;
    let form = fields.optional(reader, "form", |reader, node| named(reader, node, "`form`", Place::Body));
    let json = fields.optional(reader, "json", |reader, node| tree(reader, node, 0));
    let raw = fields.optional(reader, "raw", |reader, node| pattern(reader, node, Place::Body));
    let kinds =
        [("application/xml", RawKind::Xml), ("text/xml", RawKind::Xml), ("text/plain", RawKind::Plain)];
    let kind = fields.optional(reader, "type", |reader, node| reader.word(node, "unknown_word", &kinds));
    let there = ["form", "json", "raw"].iter().filter(|key| fields.get(key).is_some()).count();
    if there != 1 {
        let found = Found::new("bad_call", node.place, "a body is of one kind");
        reader.report(found.expected("one of form: {…}, json: {…}, raw: TEXT with type"));
        return None;
    }
    if fields.get("raw").is_some() {
        let Some(kind) = kind else {
            if fields.get("type").is_none() {
                fields.report_missing(reader, "type");
            }
            return None;
        };
        return raw.map(|raw| Body::Raw(kind, raw));
    }
    if let Some(entry) = fields.get("type") {
        let detail = "`type` is for raw; a form and JSON have their own";
        reader.report(Found::new("bad_call", entry.key_place, detail));
    }
    form.map(Body::Form).or(json.map(Body::Json))
}

fn tree<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, depth: usize) -> Option<Tree> {
    if depth > DEPTH_MAX {
        let found = Found::new("limit", node.place, "this body is too deep");
        reader.report(found.expected(format!("at most {DEPTH_MAX} levels")).over(DEPTH_MAX, depth));
        return None;
    }
    match &node.value {
        Value::List(items) => {
            Some(Tree::List(items.iter().filter_map(|item| tree(reader, item, depth + 1)).collect()))
        }
        Value::Map(entries) => {
            let read = |entry: &'d node::Entry<'d>| {
                tree(reader, &entry.node, depth + 1).map(|tree| (entry.key.clone().into_owned(), tree))
            };
            Some(Tree::Map(entries.iter().filter_map(read).collect()))
        }
        Value::Scalar { .. } => match node.scalar()? {
            Scalar::Null => Some(Tree::Plain(serde_json::Value::Null)),
            Scalar::Boolean(value) => Some(Tree::Plain(value.into())),
            Scalar::Integer(value) => Some(Tree::Plain(value.into())),
            Scalar::Number(value) => Some(Tree::Plain(value.into())),
            Scalar::Text(_) => pattern(reader, node, Place::Body).map(Tree::Text),
        },
    }
}

/// Reads how the account is proven.
pub(super) fn authentication<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<Authentication> {
    if let Value::Map(_) = node.value {
        let fields = reader.fields(node, node.place, "`authentication`", &["header"])?;
        let name = fields.required(reader, "header", Reader::words)?;
        let own = OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str());
        if !is_token(name) || own && !name.eq_ignore_ascii_case("authorization") {
            let found = Found::new("bad_call", node.place, format!("`{name}` is no header for a secret"));
            reader.report(found.expected("a header's name, like X-Api-Key"));
            return None;
        }
        return Some(Authentication::Header(name.to_owned()));
    }
    let words = [("none", 0), ("basic", 1), ("bearer", 2)];
    Some(match reader.word(node, "unknown_word", &words)? {
        1 => Authentication::Basic,
        2 => Authentication::Bearer,
        _ => Authentication::None,
    })
}

/// Reads how an answer is read.
pub(super) fn answer<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, owner: node::Place) -> Option<Answer> {
    let fields = reader.fields(node, owner, "`answer`", &["accepted", "id", "error", "ok", "errors"])?;
    let statuses = |reader: &mut Reader<'d>, node: &'d Node<'d>| {
        let items = reader.list(node, "statuses")?;
        let status = |item: &'d std::rc::Rc<Node<'d>>| reader.integer(item, 200, 299);
        Some(items.iter().filter_map(status).filter_map(|status| u16::try_from(status).ok()).collect())
    };
    let answer = Answer {
        accepted: fields.optional(reader, "accepted", statuses).unwrap_or_default(),
        id: fields.optional(reader, "id", pointer),
        error: fields.optional(reader, "error", pointer),
        ok: fields.optional(reader, "ok", |reader, node| words(reader, node, "codes")).unwrap_or_default(),
        errors: fields.optional(reader, "errors", errors).unwrap_or_default(),
    };
    for key in ["ok", "errors"] {
        if let Some(entry) = fields.get(key)
            && fields.get("error").is_none()
        {
            let found =
                Found::new("bad_call", entry.key_place, format!("`{key}` has no place to read a code from"));
            reader.report(found.expected("`error`, a JSON pointer like /error/code"));
        }
    }
    Some(answer)
}

fn errors<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<BTreeMap<String, Meaning>> {
    const MEANINGS: [(&str, Meaning); 4] = [
        ("gone", Meaning::Gone),
        ("permanent", Meaning::Permanent),
        ("transient", Meaning::Transient),
        ("misconfigured", Meaning::Misconfigured),
    ];
    let entries = reader.entries(node, "`errors`")?;
    let read = |entry: &'d node::Entry<'d>| {
        let meaning = reader.word(&entry.node, "unknown_word", &MEANINGS)?;
        Some((entry.key.clone().into_owned(), meaning))
    };
    Some(entries.iter().filter_map(read).collect())
}

/// Reads a JSON pointer (RFC 6901).
pub(super) fn pointer<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>) -> Option<String> {
    let text = reader.text(node)?;
    if text.starts_with('/') {
        return Some(text.to_owned());
    }
    let hint = text.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| format!("write /{text}"));
    let found = Found::new("bad_pointer", node.place, format!("`{text}` is no JSON pointer"));
    reader.report(found.hint_if(hint).expected("a path from the top, like /messages/0/id"));
    None
}

/// Reads a list of words as they stand; numbers are words too.
pub(super) fn words<'d>(reader: &mut Reader<'d>, node: &'d Node<'d>, what: &str) -> Option<Vec<String>> {
    let items = reader.list(node, what)?;
    let word = |item: &'d std::rc::Rc<Node<'d>>| match (&item.value, item.scalar()) {
        (Value::Scalar { text, .. }, Some(Scalar::Text(_) | Scalar::Integer(_))) => {
            Some(text.clone().into_owned())
        }
        _ => {
            reader.wrong_type(item, "text");
            None
        }
    };
    Some(items.iter().filter_map(word).collect())
}
