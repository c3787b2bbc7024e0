//! Makes the tree from the parser's events.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_saphyr::granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, Tag};

use super::{Entry, Node, Place, Value};
use crate::configuration::mistake::{Findings, Found};

/// Maps and lists inside each other. The grammar needs nine.
const DEPTH_MAX: usize = 48;
/// Nodes of a document with every alias unfolded: a hundred for each of ten thousand rules.
const NODES_MAX: u32 = 1_000_000;

/// Reads a document. What is wrong with its form is added to `found`; the tree is there if the text could be read to
/// its end.
pub(in crate::configuration) fn parse<'d>(source: &'d str, found: &mut Findings) -> Option<Node<'d>> {
    let mut options = Options::default();
    options.emit_comments = false;
    options.flow_nesting_limit = DEPTH_MAX;
    options.block_nesting_limit = DEPTH_MAX;
    let mut builder =
        Builder { found, open: Vec::new(), anchors: BTreeMap::new(), next_id: 0, weight: 0, root: None };
    for event in Parser::new_from_str_with_options(source, options) {
        match event {
            Ok((event, span)) => {
                if !builder.take(event, &span) {
                    return None;
                }
            }
            Err(error) => {
                let at = offset(error.marker().byte_offset().unwrap_or(source.len()));
                builder.found.push(syntax_mistake(source, at, &error));
                return None;
            }
        }
    }
    let root = builder.root.take();
    // Its anchors share nodes with the tree.
    drop(builder);
    if root.is_none() {
        let place = Place { id: 0, start: 0, end: 0 };
        let empty = Found::new("yaml_syntax", place, "the document is empty");
        found.push(empty.expected("a map that begins with `tidings: 1`"));
    }
    root.map(|root| {
        Rc::try_unwrap(root).expect("the anchors are gone with the builder, and no alias names the root")
    })
}

/// The parser names its own rule; what people did is mostly one of a few things.
fn syntax_mistake(source: &str, at: u32, error: &ScanError) -> Found {
    let place = Place { id: 0, start: at, end: at + 1 };
    if *error.kind() == ErrorKind::RecursionLimitExceeded {
        return Found::new("too_deep", place, format!("maps and lists are nested deeper than {DEPTH_MAX}"));
    }
    let line_start = source.get(..at as usize).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let line = source.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or("");
    let found = Found::new("yaml_syntax", place, format!("this cannot be read as YAML: {}", error.info()));
    if line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t') {
        found.hint("indent with spaces: YAML takes no tabs there")
    } else if line.contains("{{") && !line.contains("\"{{") && !line.contains("'{{") {
        found.hint("quote a text that has `{{`")
    } else {
        found.hint("in `{…}` and `[…]`, quote what has `[ ] { } ,`, and put a space after each `:`")
    }
}

fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

struct Builder<'d, 'f> {
    found: &'f mut Findings,
    open: Vec<Open<'d>>,
    anchors: BTreeMap<usize, Rc<Node<'d>>>,
    next_id: u32,
    weight: u32,
    root: Option<Rc<Node<'d>>>,
}

/// A list or map that is not closed.
struct Open<'d> {
    id: u32,
    start: u32,
    anchor: usize,
    weight: u32,
    end: u32,
    content: OpenContent<'d>,
}

enum OpenContent<'d> {
    List(Vec<Rc<Node<'d>>>),
    Map { entries: Vec<Entry<'d>>, seen: BTreeMap<Cow<'d, str>, Place>, key: Option<Key<'d>> },
}

struct Key<'d> {
    text: Cow<'d, str>,
    place: Place,
    /// A second one of the same text, or no text at all: its value is read and left out.
    refused: bool,
}

impl<'d> Builder<'d, '_> {
    /// Takes one event; false: the rest is not worth reading.
    fn take(&mut self, event: Event<'d>, span: &Span) -> bool {
        let start = offset(span.start.byte_offset().unwrap_or(0));
        let end = offset(span.end.byte_offset().unwrap_or(0)).max(start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let place = Place { id: self.next_id(), start, end };
                let plain = style == ScalarStyle::Plain && self.is_untagged(tag.as_deref(), place);
                let value = Value::Scalar { text, plain };
                self.close(Node { place, last_id: place.id, weight: 1, value }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(start, end, anchor, tag.as_deref(), OpenContent::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                let content = OpenContent::Map { entries: Vec::new(), seen: BTreeMap::new(), key: None };
                self.open(start, end, anchor, tag.as_deref(), content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close_last(start, end),
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.attach(node, Place { id: self.next_id, start, end }),
                None => {
                    let place = Place { id: 0, start, end };
                    self.found.push(Found::new(
                        "yaml_syntax",
                        place,
                        "this alias stands inside what it names",
                    ));
                    false
                }
            },
            Event::DocumentStart(..) if self.root.is_some() => {
                let place = Place { id: 0, start, end };
                let detail = "a second document begins here; one file is one document";
                self.found.push(Found::new("yaml_syntax", place, detail));
                false
            }
            // The rest says how a document is written, not what; and the parser may learn to say more of it.
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::UnresolvedAlias(_)
            | Event::Comment(..)
            | _ => true,
        }
    }

    fn next_id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// `!!str 5` is text; other tags of the core schema say what is known anyway.
    fn is_untagged(&mut self, tag: Option<&Tag>, place: Place) -> bool {
        match tag {
            None => true,
            Some(tag) if tag.is_yaml_core_schema() => tag.core_suffix() != Some("str"),
            Some(tag) => {
                let detail = format!("the tag {} means nothing here", tag.original());
                self.found.push(Found::new("yaml_syntax", place, detail).hint("leave it out"));
                true
            }
        }
    }

    fn open(
        &mut self,
        start: u32,
        end: u32,
        anchor: usize,
        tag: Option<&Tag>,
        content: OpenContent<'d>,
    ) -> bool {
        let id = self.next_id();
        let place = Place { id, start, end };
        self.is_untagged(tag, place);
        if self.open.len() >= DEPTH_MAX {
            let detail = format!("maps and lists are nested deeper than {DEPTH_MAX}");
            self.found.push(Found::new("too_deep", place, detail));
            return false;
        }
        self.open.push(Open { id, start, anchor, weight: 1, end, content });
        true
    }

    fn close_last(&mut self, start: u32, end: u32) -> bool {
        let Some(open) = self.open.pop() else { return true };
        // A block's end is seen only at the next token; a flow's end is the bracket itself.
        let end = if end > start { end } else { open.end };
        let place = Place { id: open.id, start: open.start, end };
        let value = match open.content {
            OpenContent::List(items) => Value::List(items),
            OpenContent::Map { entries, .. } => Value::Map(entries),
        };
        let last_id = self.next_id.saturating_sub(1);
        self.close(Node { place, last_id, weight: open.weight, value }, open.anchor)
    }

    fn close(&mut self, node: Node<'d>, anchor: usize) -> bool {
        let place = node.place;
        let node = Rc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.attach(node, place)
    }

    /// Puts a node where the parser is. `place` is where it is written, which for an alias is not where the node is.
    fn attach(&mut self, node: Rc<Node<'d>>, place: Place) -> bool {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return true;
        };
        open.end = open.end.max(place.end);
        open.weight = open.weight.saturating_add(node.weight);
        self.weight = self.weight.max(open.weight);
        if self.weight > NODES_MAX {
            let detail =
                format!("the document has more than {NODES_MAX} values once its aliases are unfolded");
            self.found.push(Found::new("too_many_values", place, detail));
            return false;
        }
        match &mut open.content {
            OpenContent::List(items) => items.push(node),
            OpenContent::Map { entries, seen, key } => match key.take() {
                None => *key = Some(take_key(&node, place, seen, self.next_id, self.found)),
                Some(key) if key.refused => {}
                Some(key) => entries.push(Entry {
                    key: key.text,
                    key_place: Place { id: node.place.id, ..key.place },
                    node,
                }),
            },
        }
        true
    }
}

/// Takes a node as a key; a second one of the same text and what is no text are refused.
fn take_key<'d>(
    node: &Node<'d>,
    place: Place,
    seen: &mut BTreeMap<Cow<'d, str>, Place>,
    next_id: u32,
    found: &mut Findings,
) -> Key<'d> {
    let Value::Scalar { text, .. } = &node.value else {
        let mistake = Found::new("wrong_type", place, format!("a key is text, not {}", node.what()));
        found.push(mistake.hint("a text that begins with `{` or `[` needs quotes, like \"{{ data.name }}\""));
        return Key { text: Cow::Borrowed(""), place, refused: true };
    };
    let first = seen.get(text).copied();
    match first {
        Some(first) => {
            let detail = format!("the key `{text}` stands twice in this map");
            let place = Place { id: first.id, ..place };
            found.push(Found::new("duplicate_key", place, detail).first_at(Some(first.start)));
        }
        // The value comes next, so that its number is known.
        None => _ = seen.insert(text.clone(), Place { id: next_id, ..place }),
    }
    let refused = first.is_some();
    Key { text: text.clone(), place, refused }
}
