//! What differs between two documents as values: comments, order of keys and layout do not matter.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value as Json};
use sha2::{Digest, Sha256};

use super::bundle::{Bundle, Files, file_of};
use super::mistake::{Findings, Mistakes};
use super::node::{self, Node, Scalar, Value};

/// Differences that are told: more are one change of everything.
pub const DIFFERENCES_MAX: usize = 10_000;

/// One place in which two documents differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Where, as a JSON pointer: `/rules/order_placed/expires`.
    pub pointer: String,
    /// How.
    pub kind: DifferenceKind,
    /// The value in the older document.
    pub before: Option<Json>,
    /// The value in the newer document.
    pub after: Option<Json>,
}

/// How two documents differ in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferenceKind {
    /// Only the newer has it.
    Added,
    /// Only the older has it.
    Removed,
    /// Both have it.
    Changed,
}

/// Everything in which `new` differs from `old`, in order of the pointers; at most [`DIFFERENCES_MAX`]. A file is
/// compared by its content. A list is compared whole, a map key by key, so that a rule, category or template is found
/// by its name.
///
/// # Errors
/// [`Mistakes`] of the first one that cannot be read as YAML.
pub fn diff(old: &Bundle, new: &Bundle) -> Result<Vec<Difference>, Mistakes> {
    let (old, new) = (read(old)?, read(new)?);
    let mut differences = Vec::new();
    compare(&mut String::new(), Some(&old), Some(&new), &mut differences);
    Ok(differences)
}

fn read(bundle: &Bundle) -> Result<Json, Mistakes> {
    let mut found = Findings::default();
    match node::parse(&bundle.document, &mut found) {
        Some(root) => Ok(value_of(&root, bundle)),
        None => Err(Mistakes::new(found, &bundle.document, None)),
    }
}

fn compare(pointer: &mut String, old: Option<&Json>, new: Option<&Json>, differences: &mut Vec<Difference>) {
    if old == new || differences.len() >= DIFFERENCES_MAX {
        return;
    }
    if let (Some(Json::Object(before)), Some(Json::Object(after))) = (old, new) {
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for key in keys {
            let length = pointer.len();
            pointer.push('/');
            pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            compare(pointer, before.get(key), after.get(key), differences);
            pointer.truncate(length);
        }
        return;
    }
    let kind = match (old, new) {
        (None, _) => DifferenceKind::Added,
        (Some(_), None) => DifferenceKind::Removed,
        (Some(_), Some(_)) => DifferenceKind::Changed,
    };
    let (before, after) = (old.cloned(), new.cloned());
    differences.push(Difference { pointer: pointer.clone(), kind, before, after });
}

/// A document as a value, with the content of each file in it.
pub(super) fn value_of(node: &Node<'_>, files: &dyn Files) -> Json {
    if let Some(path) = file_of(node) {
        let content = files.read(path).map_or(Json::Null, Json::from);
        return Json::Object(Map::from_iter([
            ("file".to_owned(), Json::from(path)),
            ("content".to_owned(), content),
        ]));
    }
    match &node.value {
        Value::Scalar { text, .. } => match node.scalar() {
            Some(Scalar::Null) | None => Json::Null,
            Some(Scalar::Boolean(value)) => Json::Bool(value),
            Some(Scalar::Integer(value)) => Json::from(value),
            Some(Scalar::Number(value)) => {
                Number::from_f64(value).map_or_else(|| Json::from(&**text), Json::Number)
            }
            Some(Scalar::Text(text)) => Json::from(text),
        },
        Value::List(items) => Json::Array(items.iter().map(|item| value_of(item, files)).collect()),
        Value::Map(entries) => Json::Object(
            entries.iter().map(|entry| (entry.key.to_string(), value_of(&entry.node, files))).collect(),
        ),
    }
}

/// SHA-256 of a document as a value, in lower-case hexadecimal.
pub(super) fn digest_of(value: &Json) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON with sorted keys, whichever order the map type keeps.
fn write_canonical(value: &Json, text: &mut String) {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => text.push_str(&value.to_string()),
        Json::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by(|a, b| a.0.cmp(b.0));
            text.push('{');
            for (key, value) in entries {
                text.push_str(&Json::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
    }
}
