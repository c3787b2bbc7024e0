//! What an example says, compared with what came.

use std::collections::BTreeMap;

use serde_json::Value;

/// Texts that earlier answers gave.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<String, String>);

impl Names {
    pub(crate) fn give(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// The text with every `<name>` filled in; `<time>` and `<…>` stay.
    pub(crate) fn filled(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("<{name}>"), value))
    }
}

/// Where and how an answer differs from its example; none if it does not.
pub(crate) fn difference(expected: &Value, answer: &Value, names: &Names) -> Option<String> {
    at("", expected, answer, names)
}

fn at(place: &str, expected: &Value, answer: &Value, names: &Names) -> Option<String> {
    let differs = || Some(format!("at {place}/: the page says {expected}, the relay {answer}"));
    match (expected, answer) {
        (Value::String(text), _) if text == "…" => None,
        (Value::String(text), Value::String(came)) => {
            if fits(&names.filled(text), came) {
                None
            } else {
                differs()
            }
        }
        (Value::Array(expected), Value::Array(came)) if expected.len() == came.len() => {
            let mut pairs = expected.iter().zip(came).enumerate();
            pairs.find_map(|(index, (expected, came))| at(&format!("{place}/{index}"), expected, came, names))
        }
        (Value::Object(expected), Value::Object(came)) => {
            let more_allowed = expected.contains_key("…");
            let unexpected = came.keys().find(|name| !expected.contains_key(*name) && !more_allowed);
            if let Some(name) = unexpected {
                return Some(format!("at {place}/: the relay has {name}, the page has not"));
            }
            expected.iter().filter(|(name, _)| *name != "…").find_map(|(name, expected)| {
                match came.get(name) {
                    Some(came) => at(&format!("{place}/{name}"), expected, came, names),
                    None => Some(format!("at {place}/: the page has {name}, the relay has not")),
                }
            })
        }
        _ if expected == answer => None,
        _ => differs(),
    }
}

/// A text with at most one `<time>` or `<…>` left in it.
fn fits(pattern: &str, text: &str) -> bool {
    let open = |mark: &str| {
        let (before, after) = pattern.split_once(mark)?;
        text.strip_prefix(before)?.strip_suffix(after)
    };
    if pattern.contains("<time>") {
        return open("<time>").is_some_and(is_time);
    }
    if pattern.contains("<…>") { open("<…>").is_some_and(|new| !new.is_empty()) } else { pattern == text }
}

/// `2026-11-22T09:00:00.000Z`: UTC with milliseconds.
fn is_time(text: &str) -> bool {
    let form = "0000-00-00T00:00:00.000Z";
    text.len() == form.len()
        && text.chars().zip(form.chars()).all(|(c, f)| if f == '0' { c.is_ascii_digit() } else { c == f })
}

#[test]
fn a_difference_is_found_wherever_it_is() {
    use serde_json::json;
    let mut names = Names::default();
    names.give("note", "n1");
    let differs = |expected: Value, came: Value| difference(&expected, &came, &names).is_some();
    assert!(!differs(
        json!({"id": "<note>", "at": "<time>"}),
        json!({"id": "n1", "at": "2026-11-22T09:00:00.000Z"})
    ));
    assert!(differs(json!({"id": "<note>"}), json!({"id": "n2"})));
    assert!(differs(json!({"at": "<time>"}), json!({"at": "2026-11-22T09:00:00Z"})));
    assert!(differs(json!({"a": 1}), json!({"a": 1, "b": 2})));
    assert!(!differs(json!({"a": 1, "…": "…"}), json!({"a": 1, "b": 2})));
    assert!(differs(json!({"a": 1, "…": "…"}), json!({"b": 2})));
    assert!(differs(json!([1, 2]), json!([1])));
    assert!(differs(json!("<…>"), json!("")));
    assert!(!differs(json!("/x/<note>/<…>"), json!("/x/n1/y")));
    assert!(differs(json!("<nobody-gave-it>"), json!("n1")));
    assert!(differs(json!(null), json!(0)));
}
