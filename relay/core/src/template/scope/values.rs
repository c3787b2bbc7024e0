//! JSON as minijinja values: lists and objects that know their path, note what is looked up in vain, and count what
//! comparing them costs.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};
use serde_json::Value as Json;

use super::{DigestScope, Trouble};

/// Where a value stands. Linked to its parent, so that a long name is not copied into every item below it.
#[derive(Debug)]
pub(super) enum Path {
    Root(&'static str),
    Field(Arc<Path>, String),
    Item(Arc<Path>, usize),
}

impl Path {
    fn field(self: &Arc<Self>, name: &str) -> Arc<Self> {
        Arc::new(Self::Field(Arc::clone(self), name.to_owned()))
    }

    fn item(self: &Arc<Self>, index: usize) -> Arc<Self> {
        Arc::new(Self::Item(Arc::clone(self), index))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

pub(super) fn digest_value(digest: &DigestScope, trouble: &Arc<Trouble>) -> Value {
    let root = Arc::new(Path::Root("digest"));
    let items_path = root.field("items");
    let items = digest.items.iter().enumerate().map(|(index, item)| {
        let path = items_path.item(index);
        let data = value_at(&item.data, &path.field("data"), trouble);
        let event = value_at(&item.event, &path.field("event"), trouble);
        fields(&path, vec![("data".to_owned(), data), ("event".to_owned(), event)], trouble)
    });
    let items = list(&items_path, items.collect(), trouble);
    let count = Value::from(digest.count);
    fields(&root, vec![("count".to_owned(), count), ("items".to_owned(), items)], trouble)
}

/// Recursion is bounded by `tidings_protocol::limits::JSON_DEPTH_MAX`, which holds for any JSON that is taken in.
/// A field that is null counts as missing: for the reader of a text there is no difference.
pub(super) fn value_at(json: &Json, path: &Arc<Path>, trouble: &Arc<Trouble>) -> Value {
    match json {
        Json::Array(items) => {
            let values = items.iter().enumerate();
            list(
                path,
                values.map(|(index, item)| child(item, || path.item(index), trouble)).collect(),
                trouble,
            )
        }
        Json::Object(entries) => {
            let present = entries.iter().filter(|(_, value)| !value.is_null());
            let values =
                present.map(|(name, value)| (name.clone(), child(value, || path.field(name), trouble)));
            fields(path, values.collect(), trouble)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => scalar(json),
    }
}

fn scalar(json: &Json) -> Value {
    match json {
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => number
            .as_i64()
            .map(Value::from)
            .or_else(|| number.as_u64().map(Value::from))
            .unwrap_or_else(|| Value::from(number.as_f64().unwrap_or(f64::NAN))),
        Json::String(text) => Value::from(text.as_str()),
        Json::Null | Json::Array(_) | Json::Object(_) => Value::from(()),
    }
}

/// Only lists and objects need to know their place.
fn child(json: &Json, path: impl FnOnce() -> Arc<Path>, trouble: &Arc<Trouble>) -> Value {
    if json.is_array() || json.is_object() { value_at(json, &path(), trouble) } else { scalar(json) }
}

fn list(path: &Arc<Path>, values: Vec<Value>, trouble: &Arc<Trouble>) -> Value {
    let weight = values.iter().map(weight_of).sum();
    Value::from_object(List { path: Arc::clone(path), weight, values, trouble: Arc::clone(trouble) })
}

fn fields(path: &Arc<Path>, mut values: Vec<(String, Value)>, trouble: &Arc<Trouble>) -> Value {
    values.sort_by(|(first, _), (second, _)| first.cmp(second));
    let weight = values.iter().map(|(name, value)| name.len() + weight_of(value)).sum();
    Value::from_object(Fields { path: Arc::clone(path), weight, values, trouble: Arc::clone(trouble) })
}

/// What it costs to look at all of a value: bytes of its texts, and some for each of its parts.
fn weight_of(value: &Value) -> usize {
    const PART: usize = 32;
    let of_object = || {
        let of_list = value.downcast_object_ref::<List>().map(|list| list.weight);
        of_list.or_else(|| value.downcast_object_ref::<Fields>().map(|fields| fields.weight))
    };
    PART + value.as_str().map_or_else(|| of_object().unwrap_or(0), str::len)
}

/// The path of a list or an object, for the error that says it is no text.
pub(in super::super) fn path_of(value: &Value) -> Option<String> {
    let of_list = value.downcast_object_ref::<List>().map(|list| list.path.to_string());
    of_list.or_else(|| value.downcast_object_ref::<Fields>().map(|fields| fields.path.to_string()))
}

struct List {
    path: Arc<Path>,
    weight: usize,
    values: Vec<Value>,
    trouble: Arc<Trouble>,
}

struct Fields {
    path: Arc<Path>,
    weight: usize,
    /// Sorted by name.
    values: Vec<(String, Value)>,
    trouble: Arc<Trouble>,
}

/// A value's content is the recipient's and has no place in a log.
impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List({}, {} items)", self.path, self.values.len())
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fields({}, {} fields)", self.path, self.values.len())
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let found = key.as_usize().and_then(|index| self.values.get(index));
        if found.is_none() {
            let shown = key
                .as_str()
                .map_or_else(|| format!("{}[{key}]", self.path), |name| format!("{}.{name}", self.path));
            self.trouble.note_missing(shown);
        }
        found.cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.values.len())
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        self.trouble
            .charge_comparison(self.weight.min(other.downcast_ref::<Self>().map_or(0, |other| other.weight)))
    }
}

impl Object for Fields {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some(name) => self.get_value_by_str(name),
            None => {
                self.trouble.note_missing(format!("{}[{key}]", self.path));
                None
            }
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let found = self.values.binary_search_by(|(name, _)| name.as_str().cmp(key));
        match found {
            Ok(index) => self.values.get(index).map(|(_, value)| value.clone()),
            Err(_) => {
                self.trouble.note_missing(format!("{}.{key}", self.path));
                None
            }
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let this = Arc::clone(self);
        let names = (0..self.values.len()).map(move |index| Value::from(this.values[index].0.as_str()));
        Enumerator::Iter(Box::new(names))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.values.len())
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        self.trouble
            .charge_comparison(self.weight.min(other.downcast_ref::<Self>().map_or(0, |other| other.weight)))
    }
}
