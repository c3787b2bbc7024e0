//! What a template sees while it is rendered: the roots as minijinja values that remember where they stand.
//!
//! Each list and object knows its path, so that a missing field is reported as `data.order.id` and not as "undefined".

use std::cmp::Ordering;
use std::sync::atomic::{AtomicUsize, Ordering as Memory};
use std::sync::{Arc, Mutex, OnceLock};

use minijinja::value::{Object, ObjectRepr};
use serde_json::Value as Json;

use super::locale::Locale;
use crate::calendar::Zone;

mod values;

pub(super) use values::path_of;
use values::{Path, digest_value, value_at};

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
    /// The locale of the chosen forms, whose language plurals are of.
    pub locale: &'a Locale,
    /// The recipient's locale, in which money, numbers, dates and times are written: who reads English in Austria reads
    /// Austrian dates.
    pub reader: &'a Locale,
}

/// The members of a digest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DigestScope {
    /// How many there are; may be more than `items`.
    pub count: u64,
    /// The members in the order of their arrival.
    pub items: Vec<DigestItem>,
}

impl DigestScope {
    /// A digest with one member.
    #[must_use]
    pub fn of_one(data: Json, event: Json) -> Self {
        Self { count: 1, items: vec![DigestItem { data, event }] }
    }
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
    pub(super) zone_name: String,
    /// Looked up when a filter first asks: most texts hold no instant.
    zone: OnceLock<Option<Zone>>,
    pub(super) locale: Locale,
    pub(super) reader: Locale,
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
    pub(super) fn zone(&self) -> Option<Zone> {
        self.zone.get_or_init(|| self.zone_name.parse().ok()).clone()
    }

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
    /// Bytes of lists and objects that were compared.
    compared: AtomicUsize,
}

/// Bytes of lists and objects that one form may compare. minijinja's fuel does not see what lies deep inside them.
const COMPARED_BYTES_MAX: usize = 8 << 20;

impl Trouble {
    pub(super) fn take_missing(&self) -> Option<String> {
        self.missing.lock().ok().and_then(|mut missing| missing.take())
    }

    pub(super) fn take_raised(&self) -> Option<super::RenderError> {
        self.raised.lock().ok().and_then(|mut raised| raised.take())
    }

    fn raise(&self, error: super::RenderError) {
        if let Ok(mut raised) = self.raised.lock() {
            *raised = Some(error);
        }
    }

    /// `None` lets minijinja compare. Beyond the limit nothing is compared any more, and the rendering fails at its end.
    fn charge_comparison(&self, bytes: usize) -> Option<Ordering> {
        let before = self.compared.fetch_add(bytes, Memory::Relaxed);
        if before.saturating_add(bytes) <= COMPARED_BYTES_MAX {
            return None;
        }
        self.raise(super::RenderError::Fuel);
        Some(Ordering::Equal)
    }

    fn note_missing(&self, path: String) {
        if let Ok(mut missing) = self.missing.lock() {
            *missing = Some(path);
        }
    }
}

/// Makes `error` the outcome of the rendering, and gives minijinja one of its own to stop with.
pub(super) fn raise(state: &minijinja::State<'_, '_>, error: super::RenderError) -> minijinja::Error {
    Rendering::of(state).trouble.raise(error);
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
    /// `uses` says which roots are worth making: an event repeats its data, and most texts look at neither twice.
    pub(super) fn new(scope: &RenderScope<'_>, escapes: bool, uses: &dyn Fn(&str) -> bool) -> Arc<Self> {
        let trouble = Arc::new(Trouble::default());
        let made = |name: &'static str, json: &Json| value_at(json, &Arc::new(Path::Root(name)), &trouble);
        let root = |name, json| if uses(name) { made(name, json) } else { minijinja::Value::UNDEFINED };
        Arc::new(Self {
            data: root("data", scope.data),
            event: root("event", scope.event),
            recipient: root("recipient", scope.recipient),
            // The filter money reads the project's currency, which no path in a text tells.
            project: made("project", scope.project),
            digest: scope.digest.filter(|_| uses("digest")).map(|digest| digest_value(digest, &trouble)),
            rendering: Arc::new(Rendering {
                zone_name: scope.zone.to_owned(),
                zone: OnceLock::new(),
                locale: scope.locale.clone(),
                reader: scope.reader.clone(),
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
