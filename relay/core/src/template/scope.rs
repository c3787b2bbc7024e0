//! What a template sees while it is rendered: the roots as minijinja values that remember where they stand.
//!
//! Each list and object knows its path, so that a missing field is reported as `data.order.id` and not as "undefined".

use std::fmt;
use std::sync::{Arc, Mutex};

use minijinja::value::{Enumerator, Object, ObjectRepr};
use serde_json::Value as Json;

use super::locale::Locale;

/// Everything that one rendering may read.
#[derive(Clone, Copy, Debug)]
pub struct RenderScope<'a> {
    /// The event's data, a direct send's data, or the last event's data of a digest.
    pub data: &'a Json,
    /// The event; null for a direct send.
    pub event: &'a Json,
    /// The recipient: id, attributes, time zone, locale.
    pub recipient: &'a Json,
    /// The project: name, locale, currency.
    pub project: &'a Json,
    /// Set if the notification is a digest.
    pub digest: Option<&'a DigestScope>,
    /// The recipient's time zone, an IANA name.
    pub zone: &'a str,
    /// The locale in which numbers, dates and plurals are written: that of the chosen forms.
    pub locale: &'a Locale,
}

/// The members of a digest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DigestScope {
    /// How many there are; may be more than `items`.
    pub count: u64,
    /// The members in the order of their arrival.
    pub items: Vec<DigestItem>,
}

/// One member of a digest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DigestItem {
    /// The event's data.
    pub data: Json,
    /// The event.
    pub event: Json,
}

/// The name under which filters find the rendering's own state. No template can write it.
const RENDERING: &str = "(rendering)";

/// The state of one rendering, as filters and objects see it.
#[derive(Debug)]
pub(super) struct Rendering {
    pub(super) zone: String,
    pub(super) locale: Locale,
    /// Values are written for HTML.
    pub(super) escapes: bool,
    trouble: Arc<Trouble>,
}

impl Object for Rendering {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

impl Rendering {
    pub(super) fn of(state: &minijinja::State<'_, '_>) -> Arc<Self> {
        state
            .lookup(RENDERING)
            .and_then(|value| value.downcast_object())
            .expect("every context is a Roots, which answers this name with the rendering")
    }
}

/// What went wrong, kept beside minijinja's error, which holds no path.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// The path of the field that was looked up last and not found.
    missing: Mutex<Option<String>>,
    /// The rendering's own error, if one of our filters or the output made it.
    raised: Mutex<Option<super::RenderError>>,
}

impl Trouble {
    pub(super) fn take_missing(&self) -> Option<String> {
        self.missing.lock().ok().and_then(|mut missing| missing.take())
    }

    pub(super) fn take_raised(&self) -> Option<super::RenderError> {
        self.raised.lock().ok().and_then(|mut raised| raised.take())
    }

    fn note_missing(&self, path: String) {
        if let Ok(mut missing) = self.missing.lock() {
            *missing = Some(path);
        }
    }
}

/// Makes `error` the outcome of the rendering, and gives minijinja one of its own to stop with.
pub(super) fn raise(state: &minijinja::State<'_, '_>, error: super::RenderError) -> minijinja::Error {
    let rendering = Rendering::of(state);
    if let Ok(mut raised) = rendering.trouble.raised.lock() {
        *raised = Some(error);
    }
    minijinja::Error::from(minijinja::ErrorKind::InvalidOperation)
}

/// The context of one rendering: made once for all texts of a form.
#[derive(Debug)]
pub(super) struct Roots {
    data: minijinja::Value,
    event: minijinja::Value,
    recipient: minijinja::Value,
    project: minijinja::Value,
    digest: Option<minijinja::Value>,
    rendering: Arc<Rendering>,
}

impl Roots {
    pub(super) fn new(scope: &RenderScope<'_>, escapes: bool) -> Arc<Self> {
        let trouble = Arc::new(Trouble::default());
        let root = |name: &'static str, json: &Json| value_at(json, &Arc::new(Path::Root(name)), &trouble);
        Arc::new(Self {
            data: root("data", scope.data),
            event: root("event", scope.event),
            recipient: root("recipient", scope.recipient),
            project: root("project", scope.project),
            digest: scope.digest.map(|digest| digest_value(digest, &trouble)),
            rendering: Arc::new(Rendering {
                zone: scope.zone.to_owned(),
                locale: scope.locale.clone(),
                escapes,
                trouble: Arc::clone(&trouble),
            }),
        })
    }

    pub(super) fn trouble(&self) -> &Trouble {
        &self.rendering.trouble
    }
}

impl Object for Roots {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<minijinja::Value> {
        match key {
            "data" => Some(self.data.clone()),
            "event" => Some(self.event.clone()),
            "recipient" => Some(self.recipient.clone()),
            "project" => Some(self.project.clone()),
            "digest" => {
                if self.digest.is_none() {
                    self.trouble().note_missing("digest".to_owned());
                }
                self.digest.clone()
            }
            RENDERING => Some(minijinja::Value::from_dyn_object(Arc::clone(&self.rendering))),
            _ => None,
        }
    }
}

/// Where a value stands. Linked to its parent, so that a long name is not copied into every item below it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Path {
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

fn digest_value(digest: &DigestScope, trouble: &Arc<Trouble>) -> minijinja::Value {
    let root = Arc::new(Path::Root("digest"));
    let items_path = root.field("items");
    let items = digest.items.iter().enumerate().map(|(index, item)| {
        let path = items_path.item(index);
        let data = value_at(&item.data, &path.field("data"), trouble);
        let event = value_at(&item.event, &path.field("event"), trouble);
        fields(&path, vec![("data".to_owned(), data), ("event".to_owned(), event)], trouble)
    });
    let items = list(&items_path, items.collect(), trouble);
    let count = minijinja::Value::from(digest.count);
    fields(&root, vec![("count".to_owned(), count), ("items".to_owned(), items)], trouble)
}

/// Recursion is bounded by `tidings_protocol::limits::JSON_DEPTH_MAX`, which holds for any JSON that is taken in.
/// A field that is null counts as missing: for the reader of a text there is no difference.
fn value_at(json: &Json, path: &Arc<Path>, trouble: &Arc<Trouble>) -> minijinja::Value {
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

fn scalar(json: &Json) -> minijinja::Value {
    match json {
        Json::Bool(value) => minijinja::Value::from(*value),
        Json::Number(number) => number
            .as_i64()
            .map(minijinja::Value::from)
            .or_else(|| number.as_u64().map(minijinja::Value::from))
            .unwrap_or_else(|| minijinja::Value::from(number.as_f64().unwrap_or(f64::NAN))),
        Json::String(text) => minijinja::Value::from(text.as_str()),
        Json::Null | Json::Array(_) | Json::Object(_) => minijinja::Value::from(()),
    }
}

/// Only lists and objects need to know their place.
fn child(json: &Json, path: impl FnOnce() -> Arc<Path>, trouble: &Arc<Trouble>) -> minijinja::Value {
    if json.is_array() || json.is_object() { value_at(json, &path(), trouble) } else { scalar(json) }
}

fn list(path: &Arc<Path>, values: Vec<minijinja::Value>, trouble: &Arc<Trouble>) -> minijinja::Value {
    minijinja::Value::from_object(List { path: Arc::clone(path), values, trouble: Arc::clone(trouble) })
}

fn fields(
    path: &Arc<Path>,
    mut values: Vec<(String, minijinja::Value)>,
    trouble: &Arc<Trouble>,
) -> minijinja::Value {
    values.sort_by(|(first, _), (second, _)| first.cmp(second));
    minijinja::Value::from_object(Fields { path: Arc::clone(path), values, trouble: Arc::clone(trouble) })
}

/// The path of a list or an object, for the error that says it is no text.
pub(super) fn path_of(value: &minijinja::Value) -> Option<String> {
    let of_list = value.downcast_object_ref::<List>().map(|list| list.path.to_string());
    of_list.or_else(|| value.downcast_object_ref::<Fields>().map(|fields| fields.path.to_string()))
}

struct List {
    path: Arc<Path>,
    values: Vec<minijinja::Value>,
    trouble: Arc<Trouble>,
}

struct Fields {
    path: Arc<Path>,
    /// Sorted by name.
    values: Vec<(String, minijinja::Value)>,
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

    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
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

    fn custom_cmp(self: &Arc<Self>, other: &minijinja::value::DynObject) -> Option<std::cmp::Ordering> {
        // A deep comparison costs as much as the data is large, and minijinja's fuel does not see inside our objects.
        other.downcast_ref::<Self>().map(|other| self.path.cmp(&other.path))
    }
}

impl Object for Fields {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        match key.as_str() {
            Some(name) => self.get_value_by_str(name),
            None => {
                self.trouble.note_missing(format!("{}[{key}]", self.path));
                None
            }
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<minijinja::Value> {
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
        let names =
            (0..self.values.len()).map(move |index| minijinja::Value::from(this.values[index].0.as_str()));
        Enumerator::Iter(Box::new(names))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.values.len())
    }

    fn custom_cmp(self: &Arc<Self>, other: &minijinja::value::DynObject) -> Option<std::cmp::Ordering> {
        other.downcast_ref::<Self>().map(|other| self.path.cmp(&other.path))
    }
}
