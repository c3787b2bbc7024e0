//! Reads nodes as what the grammar wants there, and gathers every mistake on the way.
//!
//! A read that fails adds its mistake and answers `None`; the caller reads on, so that all mistakes are told at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use tidings_protocol::Channel;
use tidings_protocol::limits::CONFIGURATION_BYTES_MAX;

use super::Files;
use super::mistake::{Findings, Found, MISTAKES_MAX};
use super::node::{Entry, Node, Place, Scalar, Value};
use crate::nearest::nearest;
use crate::template::Locale;

/// Names that are shown where one of them was expected; more say nothing.
pub(super) const NAMES_SHOWN_MAX: usize = 32;

/// What can be referred to from anywhere in the document, right or wrong in itself.
#[derive(Debug, Default)]
pub(super) struct Names<'d> {
    pub(super) categories: BTreeSet<&'d str>,
    pub(super) templates: BTreeSet<&'d str>,
    pub(super) segments: BTreeSet<&'d str>,
    pub(super) provider_names: BTreeSet<&'d str>,
    /// With the channel, as far as it is one.
    pub(super) providers: BTreeMap<&'d str, Option<Channel>>,
    /// Categories that have a digest.
    pub(super) digests: BTreeSet<&'d str>,
    /// Event types whose history is kept.
    pub(super) collected: BTreeSet<&'d str>,
}

pub(super) struct Reader<'d> {
    source: &'d str,
    pub(super) files: &'d dyn Files,
    pub(super) names: Names<'d>,
    /// For text that names no locale.
    pub(super) project_locale: Locale,
    file_bytes: usize,
    found: Findings,
}

/// A map whose keys are known.
pub(super) struct Fields<'d> {
    node: &'d Node<'d>,
    /// What it is, for people: `a rule`.
    what: &'static str,
    /// Where it is named, for what is missing in it.
    pub(super) owner: Place,
    /// What its unknown keys were probably meant to be: not told as missing again.
    meant: Vec<String>,
}

impl<'d> Reader<'d> {
    pub(super) fn new(source: &'d str, files: &'d dyn Files, root: &'d Node<'d>, found: Findings) -> Self {
        let project_locale = "en".parse().expect("en is a locale");
        Self { source, files, names: names(root), project_locale, file_bytes: 0, found }
    }

    pub(super) fn into_found(self) -> Findings {
        self.found
    }

    pub(super) fn report(&mut self, found: Found) {
        self.found.push(found);
    }

    /// The nearest of `known`, while somebody will read it.
    pub(super) fn nearest<'n>(
        &self,
        given: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Option<String> {
        if self.found.total() < MISTAKES_MAX { nearest(given, known).map(str::to_owned) } else { None }
    }

    /// Reads a map with these keys; others are mistakes.
    pub(super) fn fields(
        &mut self,
        node: &'d Node<'d>,
        owner: Place,
        what: &'static str,
        known: &[&str],
    ) -> Option<Fields<'d>> {
        let entries = self.entries(node, what)?;
        let mut meant = Vec::new();
        for entry in entries {
            if !known.contains(&&*entry.key) {
                meant.extend(self.report_unknown_key(entry, what, known));
            }
        }
        Some(Fields { node, what, owner, meant })
    }

    /// Reads a map whose keys are names that the project chose.
    pub(super) fn entries(&mut self, node: &'d Node<'d>, what: &'static str) -> Option<&'d [Entry<'d>]> {
        match &node.value {
            Value::Map(entries) => Some(entries),
            Value::Scalar { .. } | Value::List(_) => {
                self.wrong_type(node, &format!("{what} as a map of keys and values"));
                None
            }
        }
    }

    pub(super) fn list(&mut self, node: &'d Node<'d>, what: &str) -> Option<&'d [std::rc::Rc<Node<'d>>]> {
        match &node.value {
            Value::List(items) => Some(items),
            Value::Scalar { .. } | Value::Map(_) => {
                self.wrong_type(node, &format!("a list of {what}, like [a, b]"));
                None
            }
        }
    }

    /// Tells an unknown key, and answers what it was probably meant to be.
    fn report_unknown_key(
        &mut self,
        entry: &Entry<'_>,
        what: &'static str,
        known: &[&str],
    ) -> Option<String> {
        let place = entry.key_place;
        let key = &entry.key;
        let is_true = matches!(&**key, "true" | "True" | "TRUE");
        let (found, meant) = if is_true && known.contains(&"on") {
            let found = Found::new("yaml_1_1", place, "the key `true` means nothing here");
            let hint =
                "a tool for YAML 1.1 turns `on` into `true`: write `on`, and quote it (\"on\") for that tool";
            (found.hint(hint), Some("on".to_owned()))
        } else if key == "<<" {
            let detail = "the merge key `<<` is no part of YAML 1.2; write the keys out";
            (Found::new("unknown_key", place, detail), None)
        } else {
            let meant = self.nearest(key, known.iter().copied());
            let found = Found::new("unknown_key", place, format!("there is no key `{key}` in {what}"));
            (found.hint_if(meant.clone()), meant)
        };
        self.report(found.expected(one_of(known)));
        meant
    }

    pub(super) fn wrong_type(&mut self, node: &Node<'_>, expected: &str) {
        let found = Found::new("wrong_type", node.place, format!("{} stands here", node.what()));
        let found = match node.scalar() {
            Some(Scalar::Boolean(_) | Scalar::Integer(_) | Scalar::Number(_))
                if expected.starts_with("text") =>
            {
                found.hint("put it into quotes")
            }
            _ => found,
        };
        self.report(found.expected(expected));
    }

    /// Reads text.
    pub(super) fn text(&mut self, node: &'d Node<'d>) -> Option<&'d str> {
        match node.scalar() {
            Some(Scalar::Text(text)) => Some(text),
            _ => {
                self.wrong_type(node, "text");
                None
            }
        }
    }

    /// Reads text that says something.
    pub(super) fn words(&mut self, node: &'d Node<'d>) -> Option<&'d str> {
        let text = self.text(node)?;
        if text.trim().is_empty() {
            self.report(Found::new("wrong_type", node.place, "this text is empty").expected("text"));
            return None;
        }
        Some(text)
    }

    /// Reads text that stands here or, as `{file: PATH}`, beside the document.
    pub(super) fn content(&mut self, node: &'d Node<'d>) -> Option<&'d str> {
        let Value::Map(_) = node.value else { return self.text(node) };
        if node.get("file").is_none() {
            self.wrong_type(node, "text, or {file: PATH}");
            return None;
        }
        let fields = self.fields(node, node.place, "a file's reference", &["file"])?;
        let path = fields.required(self, "file", Self::words)?;
        let place = fields.get("file").map_or(node.place, |entry| entry.node.place);
        if !is_inside(path) {
            let found = Found::new("bad_file", place, format!("`{path}` is no path beside the document"));
            self.report(found.expected("a relative path with `/` and without `..`, like mail/order.en.mjml"));
            return None;
        }
        let Some(content) = self.files.read(path) else {
            let found =
                Found::new("missing_file", place, format!("there is no file `{path}` with the document"));
            self.report(found.hint("paths are relative to the document's folder"));
            return None;
        };
        self.file_bytes = self.file_bytes.saturating_add(content.len());
        if self.source.len().saturating_add(self.file_bytes) > CONFIGURATION_BYTES_MAX {
            let detail = "with this file the configuration is too large";
            let found = Found::new("limit", place, detail);
            self.report(found.expected(format!("at most {CONFIGURATION_BYTES_MAX} bytes with all files")));
            return None;
        }
        Some(content)
    }

    /// Reads a truth value.
    pub(super) fn boolean(&mut self, node: &'d Node<'d>) -> Option<bool> {
        match node.scalar() {
            Some(Scalar::Boolean(value)) => Some(value),
            _ => {
                self.wrong_type(node, "true or false");
                None
            }
        }
    }

    /// Reads one of a closed list of words.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: &'d Node<'d>,
        code: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let Some(text) = node.scalar().and_then(as_word) else {
            let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            self.wrong_type(node, &one_of(&names));
            return None;
        };
        let chosen = words.iter().find(|(name, _)| *name == text);
        if chosen.is_none() {
            let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            let hint = self.nearest(text, names.iter().copied());
            let found = Found::new(code, node.place, format!("`{text}` is not known here"));
            self.report(found.hint_if(hint).expected(one_of(&names)));
        }
        chosen.map(|(_, value)| *value)
    }

    /// The place of some bytes of a scalar's text, as exactly as quoting and folding let it be known.
    pub(super) fn part(&self, node: &Node<'_>, range: Range<usize>) -> Place {
        let Value::Scalar { text, .. } = &node.value else { return node.place };
        let (start, end) = (node.place.start as usize, node.place.end as usize);
        let raw = self.source.get(start..end).unwrap_or("");
        let lead = if raw == text {
            Some(0)
        } else if raw.get(1..raw.len().saturating_sub(1)) == Some(text) {
            Some(1)
        } else {
            line_lead(raw, text, range.start)
        };
        let at = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
        match lead {
            Some(lead) => Place {
                id: node.place.id,
                start: at(start + lead + range.start),
                end: at((start + lead + range.end).max(start + lead + range.start + 1)),
            },
            None => node.place,
        }
    }
}

/// For a text in `|` form: how many bytes further the place stands in the source than in the text. None for a text
/// that is folded or has escapes, whose lines are not those of the source.
fn line_lead(raw: &str, text: &str, at: usize) -> Option<usize> {
    let line = text.get(..at)?.matches('\n').count();
    let in_text: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let written = raw.split_inclusive('\n').nth(line)?;
    let before: usize = raw.split_inclusive('\n').take(line).map(str::len).sum();
    let wanted = text.get(in_text..)?.lines().next()?;
    let indent = written.trim_end_matches(['\n', '\r']).strip_suffix(wanted)?;
    if !indent.trim_matches(' ').is_empty() {
        return None;
    }
    (before + indent.len()).checked_sub(in_text)
}

/// A word that YAML reads as something else is a word all the same.
fn as_word(scalar: Scalar<'_>) -> Option<&str> {
    match scalar {
        Scalar::Text(text) => Some(text),
        Scalar::Null => Some("null"),
        Scalar::Boolean(_) | Scalar::Integer(_) | Scalar::Number(_) => None,
    }
}

impl<'d> Fields<'d> {
    pub(super) fn get(&self, key: &str) -> Option<&'d Entry<'d>> {
        self.node.get(key)
    }

    pub(super) fn place(&self) -> Place {
        self.node.place
    }

    /// Reads the value of `key` if it is there.
    pub(super) fn optional<T>(
        &self,
        reader: &mut Reader<'d>,
        key: &str,
        read: impl FnOnce(&mut Reader<'d>, &'d Node<'d>) -> Option<T>,
    ) -> Option<T> {
        self.get(key).and_then(|entry| read(reader, &entry.node))
    }

    /// As `optional`, for a value that is a map: it is given the key's place too.
    pub(super) fn section<T>(
        &self,
        reader: &mut Reader<'d>,
        key: &str,
        read: impl FnOnce(&mut Reader<'d>, &'d Node<'d>, Place) -> Option<T>,
    ) -> Option<T> {
        self.get(key).and_then(|entry| read(reader, &entry.node, entry.key_place))
    }

    /// Reads the value of `key`, which must be there.
    pub(super) fn required<T>(
        &self,
        reader: &mut Reader<'d>,
        key: &str,
        read: impl FnOnce(&mut Reader<'d>, &'d Node<'d>) -> Option<T>,
    ) -> Option<T> {
        if self.get(key).is_none() {
            self.report_missing(reader, key);
        }
        self.optional(reader, key, read)
    }

    pub(super) fn report_missing(&self, reader: &mut Reader<'d>, key: &str) {
        if !self.meant.iter().any(|meant| meant == key) {
            let found = Found::new("missing_key", self.owner, format!("{} needs the key `{key}`", self.what));
            reader.report(found);
        }
    }
}

/// Whether a path stays beside the document on every system.
pub(super) fn is_inside(path: &str) -> bool {
    !path.contains(['\\', ':']) && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn names<'d>(root: &'d Node<'d>) -> Names<'d> {
    let entries = |section: &str| -> &'d [Entry<'d>] {
        match root.get(section).map(|entry| &entry.node.value) {
            Some(Value::Map(entries)) => entries,
            Some(Value::Scalar { .. } | Value::List(_)) | None => &[],
        }
    };
    let keys = |section: &str| entries(section).iter().map(|entry| &*entry.key).collect();
    let channel = |entry: &Entry<'_>| match entry.node.get("channel")?.node.scalar()? {
        Scalar::Text(text) => text.parse().ok(),
        Scalar::Null | Scalar::Boolean(_) | Scalar::Integer(_) | Scalar::Number(_) => None,
    };
    let digests = entries("categories").iter().filter(|entry| entry.node.get("digest").is_some());
    Names {
        categories: keys("categories"),
        templates: keys("templates"),
        segments: keys("segments"),
        provider_names: keys("providers"),
        providers: entries("providers").iter().map(|entry| (&*entry.key, channel(entry))).collect(),
        digests: digests.map(|entry| &*entry.key).collect(),
        collected: keys("collect"),
    }
}

/// `one of a, b, c`.
pub(super) fn one_of(names: &[&str]) -> String {
    match names {
        [only] => format!("`{only}`"),
        names => {
            let tail = if names.len() > NAMES_SHOWN_MAX { ", …" } else { "" };
            format!(
                "one of {}{tail}",
                names.iter().take(NAMES_SHOWN_MAX).copied().collect::<Vec<_>>().join(", ")
            )
        }
    }
}
