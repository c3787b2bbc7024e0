//! A document as a tree of nodes that know where they stand.
//!
//! The tree is built from the parser's events with a stack, so that deep input costs heap up to a limit and never the
//! call stack. An alias shares its anchor's node; what it would unfold to is counted, not copied. Keys are texts, and a
//! key that stands twice is a mistake here. What a plain scalar means is decided by who reads it, under the YAML 1.2
//! core schema.

mod build;

use std::borrow::Cow;
use std::rc::Rc;

pub(super) use build::parse;

/// Where something stands: bytes of the document, and the node that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The node's number, in document order.
    pub(super) id: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node<'d> {
    pub(super) place: Place,
    /// The highest number inside this node, its own if it has no children.
    last_id: u32,
    /// Nodes in it with every alias unfolded, itself included.
    weight: u32,
    pub(super) value: Value<'d>,
}

#[derive(Debug)]
pub(super) enum Value<'d> {
    Scalar { text: Cow<'d, str>, plain: bool },
    List(Vec<Rc<Node<'d>>>),
    Map(Vec<Entry<'d>>),
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry<'d> {
    pub(super) key: Cow<'d, str>,
    /// Where the key stands; its number is the value's.
    pub(super) key_place: Place,
    pub(super) node: Rc<Node<'d>>,
}

/// A scalar under the YAML 1.2 core schema.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar<'n> {
    Null,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(&'n str),
}

impl<'d> Node<'d> {
    /// The scalar that this is, if it is one.
    pub(super) fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.value {
            Value::Scalar { text, plain: true } => Some(resolve(text)),
            Value::Scalar { text, plain: false } => Some(Scalar::Text(text)),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The value of `key`, if this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Entry<'d>> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            Value::Scalar { .. } | Value::List(_) => None,
        }
    }

    /// What this is, for people.
    pub(super) fn what(&self) -> String {
        match self.scalar() {
            Some(Scalar::Null) => "nothing".to_owned(),
            Some(Scalar::Boolean(value)) => format!("the truth value {value}"),
            Some(Scalar::Integer(value)) => format!("the number {value}"),
            Some(Scalar::Number(value)) => format!("the number {value}"),
            Some(Scalar::Text(_)) => "text".to_owned(),
            None if matches!(self.value, Value::List(_)) => "a list".to_owned(),
            None => "a map".to_owned(),
        }
    }

    /// The JSON pointer of the node with this number.
    pub(super) fn pointer_of(&self, id: u32) -> String {
        let mut pointer = String::new();
        let mut node = self;
        while node.place.id != id {
            let next = match &node.value {
                Value::Scalar { .. } => None,
                Value::List(items) => items
                    .iter()
                    .enumerate()
                    .find(|(_, item)| item.holds(id, node))
                    .map(|(index, item)| (index.to_string(), item)),
                Value::Map(entries) => entries
                    .iter()
                    .find(|entry| entry.node.holds(id, node))
                    .map(|entry| (entry.key.replace('~', "~0").replace('/', "~1"), &entry.node)),
            };
            let Some((step, child)) = next else { break };
            pointer.push('/');
            pointer.push_str(&step);
            node = child;
        }
        pointer
    }

    /// Whether the number lies inside this node, and this node was written inside `parent` (an alias was not).
    fn holds(&self, id: u32, parent: &Self) -> bool {
        self.place.id > parent.place.id && (self.place.id..=self.last_id).contains(&id)
    }
}

/// What a plain scalar means.
fn resolve(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" => Scalar::Boolean(true),
        "false" | "False" | "FALSE" => Scalar::Boolean(false),
        _ => number(text).unwrap_or(Scalar::Text(text)),
    }
}

fn number(text: &str) -> Option<Scalar<'_>> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let first = digits.chars().next()?;
    if digits == ".inf" || digits == ".nan" {
        return Some(Scalar::Number(f64::NAN));
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return i64::from_str_radix(octal, 8).ok().map(Scalar::Integer);
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return i64::from_str_radix(hexadecimal, 16).ok().map(Scalar::Integer);
    }
    // Rust reads words like "infinity" as numbers, YAML does not.
    if !(first.is_ascii_digit() || first == '.') || text.contains(['n', 'N', 'i', 'I']) {
        return None;
    }
    let whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(value) if whole => Some(Scalar::Integer(value)),
        _ => text.parse().ok().map(Scalar::Number),
    }
}
