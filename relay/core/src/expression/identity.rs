//! Values as ids, labels and keys.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::error::EvaluateError;
use super::value::{Value, whole};
use super::{IDS_MAX, KEY_BYTES_MAX, Outcome};

/// Whole doubles beyond this may stand for several integers: as ids they would reach somebody else.
const EXACT_DOUBLE_MAX: f64 = 9_007_199_254_740_991.0;

/// One text for a text or a number, several for a list of them; each once, in order.
///
/// # Errors
/// Anything else, an empty text, or more than [`IDS_MAX`].
pub(super) fn ids(outcome: &Outcome<'_>, operation: &'static str) -> Result<Vec<String>, EvaluateError> {
    let count = match outcome {
        Outcome::List(list) => list.len(),
        Outcome::Written(list) => list.len(),
        Outcome::Null
        | Outcome::Bool(_)
        | Outcome::Int(_)
        | Outcome::Double(_)
        | Outcome::Text(_)
        | Outcome::Map(_) => 1,
    };
    if count > IDS_MAX {
        return Err(EvaluateError::TooMany { count, max: IDS_MAX });
    }
    let all: Vec<String> = match outcome {
        Outcome::List(list) => {
            list.iter().map(|json| id(Value::from(json), operation)).collect::<Result<_, _>>()?
        }
        Outcome::Written(list) => {
            let mut all = Vec::with_capacity(list.len());
            for element in list {
                all.push(id(scalar(element, operation)?, operation)?);
            }
            all
        }
        Outcome::Null
        | Outcome::Bool(_)
        | Outcome::Int(_)
        | Outcome::Double(_)
        | Outcome::Text(_)
        | Outcome::Map(_) => vec![id(scalar(outcome, operation)?, operation)?],
    };
    let mut seen = BTreeSet::new();
    Ok(all.iter().filter(|id| seen.insert(id.as_str())).cloned().collect())
}

fn scalar<'a>(outcome: &Outcome<'a>, operation: &'static str) -> Result<Value<'a>, EvaluateError> {
    Ok(match outcome {
        Outcome::Null => Value::Null,
        Outcome::Bool(value) => Value::Bool(*value),
        Outcome::Int(value) => Value::Int(*value),
        Outcome::Double(value) => Value::Double(*value),
        Outcome::Text(text) => Value::Text(text),
        Outcome::List(list) => Value::List(list),
        Outcome::Map(map) => Value::Map(map),
        Outcome::Written(_) => {
            return Err(Value::Written(&[]).refused(operation, "texts or numbers in its list"));
        }
    })
}

fn id(value: Value<'_>, operation: &'static str) -> Result<String, EvaluateError> {
    match value {
        Value::Text("") => Err(EvaluateError::EmptyId),
        Value::Text(text) => Ok(text.to_owned()),
        Value::Int(value) => Ok(value.to_string()),
        Value::Double(double) => match whole(double) {
            Some(int) if double.abs() <= EXACT_DOUBLE_MAX => Ok(int.to_string()),
            _ => Err(value.refused(operation, "a text, or a whole number that JSON keeps exactly")),
        },
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) | Value::Written(_) => {
            Err(value.refused(operation, "a text, a number, or a list of them"))
        }
    }
}

/// The canonical text of a value: its type, then its content. Two values have the same key exactly if they are equal.
pub(super) fn key(outcome: &Outcome<'_>) -> String {
    let mut key = Key::default();
    key.outcome(outcome);
    key.finish()
}

/// Collects a key; what would grow past [`KEY_BYTES_MAX`] goes into a hash instead.
#[derive(Default)]
struct Key {
    short: String,
    long: Option<Sha256>,
}

impl Key {
    fn push(&mut self, part: &str) {
        match &mut self.long {
            Some(hasher) => hasher.update(part.as_bytes()),
            None if self.short.len() + part.len() <= KEY_BYTES_MAX => self.short.push_str(part),
            None => {
                let mut hasher = Sha256::new();
                hasher.update(self.short.as_bytes());
                hasher.update(part.as_bytes());
                self.long = Some(hasher);
            }
        }
    }

    fn finish(self) -> String {
        let Some(hasher) = self.long else { return self.short };
        let mut text = "h:".to_owned();
        for byte in hasher.finalize() {
            write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        }
        text
    }

    fn outcome(&mut self, outcome: &Outcome<'_>) {
        match outcome {
            Outcome::Null => self.push("null"),
            Outcome::Bool(value) => self.push(if *value { "b:true" } else { "b:false" }),
            Outcome::Int(value) => self.int(*value),
            Outcome::Double(value) => self.double(*value),
            Outcome::Text(text) => {
                self.push("s:");
                self.push(text);
            }
            Outcome::List(list) => self.list(list),
            Outcome::Map(map) => self.map(map),
            Outcome::Written(list) => {
                self.push("[");
                for element in list {
                    match element {
                        Outcome::Text(text) => self.counted(text),
                        Outcome::Null
                        | Outcome::Bool(_)
                        | Outcome::Int(_)
                        | Outcome::Double(_)
                        | Outcome::List(_)
                        | Outcome::Map(_)
                        | Outcome::Written(_) => self.outcome(element),
                    }
                    self.push(",");
                }
                self.push("]");
            }
        }
    }

    fn int(&mut self, value: i64) {
        self.push(&format!("n:{value}"));
    }

    fn double(&mut self, value: f64) {
        match whole(value) {
            Some(int) => self.int(int),
            None => self.push(&format!("n:{value:?}")),
        }
    }

    /// A text within a list or object is preceded by its length, so that no two contents read the same.
    fn counted(&mut self, text: &str) {
        self.push(&format!("s{}:", text.len()));
        self.push(text);
    }

    fn json(&mut self, json: &Json) {
        match Value::from(json) {
            Value::Null => self.push("null"),
            Value::Bool(value) => self.outcome(&Outcome::Bool(value)),
            Value::Int(value) => self.int(value),
            Value::Double(value) => self.double(value),
            Value::Text(text) => self.counted(text),
            Value::List(list) => self.list(list),
            Value::Map(map) => self.map(map),
            Value::Written(_) => {}
        }
    }

    fn list(&mut self, list: &[Json]) {
        self.push("[");
        for element in list {
            self.json(element);
            self.push(",");
        }
        self.push("]");
    }

    /// By key in order, whatever order the map itself keeps.
    fn map(&mut self, map: &serde_json::Map<String, Json>) {
        let mut entries: Vec<(&String, &Json)> = map.iter().collect();
        entries.sort_unstable_by_key(|(name, _)| *name);
        self.push("{");
        for (name, value) in entries {
            self.counted(name);
            self.push("=");
            self.json(value);
            self.push(",");
        }
        self.push("}");
    }
}
