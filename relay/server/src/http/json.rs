//! JSON as it is taken in: bounded in depth, without U+0000, without a name twice in one object.
//!
//! Invalid UTF-8 and lone surrogates fail in the parser. A name that stands twice would mean one thing to us and another
//! to whoever signed or logged the request.

use std::cell::RefCell;
use std::fmt;

use axum::http::StatusCode;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tidings_protocol::limits::JSON_DEPTH_MAX;

use super::problem::Problem;

/// What may stand around data of the allowed depth: a batch, an event, its data.
const ENVELOPE_DEPTH: usize = 3;

/// Reads a whole text as one JSON value.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, Box<Problem>> {
    let text = utf8(bytes)?;
    let found = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Seed { depth: 0, found: &found, pointer: None, whole: text }.deserialize(&mut deserializer);
    match value.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(error) => Err(found.into_inner().unwrap_or_else(|| malformed(&error))),
    }
}

/// The items of an array as they stand there, none of them read yet.
pub(crate) fn items(bytes: &[u8]) -> Result<Vec<&RawValue>, Box<Problem>> {
    serde_json::from_str(utf8(bytes)?).map_err(|error| malformed(&error))
}

fn utf8(bytes: &[u8]) -> Result<&str, Box<Problem>> {
    std::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("The body is not UTF-8: byte {} is wrong.", error.valid_up_to());
        Problem::new(StatusCode::BAD_REQUEST, "invalid_utf8", detail)
    })
}

fn malformed(error: &serde_json::Error) -> Box<Problem> {
    let detail = format!("The body is not JSON: {error}.");
    Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
}

/// How deep a text is nested, brackets in its texts not counted.
fn depth_of(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// How deep a value is nested.
pub(crate) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Where a value stands, from the inside out.
#[derive(Clone, Copy)]
pub(crate) struct Pointer<'p> {
    outer: Option<&'p Pointer<'p>>,
    part: Part<'p>,
}

#[derive(Clone, Copy)]
enum Part<'p> {
    Name(&'p str),
    Index(usize),
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(outer) = self.outer {
            outer.fmt(f)?;
        }
        match self.part {
            Part::Name(name) => write!(f, "/{}", escape(name)),
            Part::Index(index) => write!(f, "/{index}"),
        }
    }
}

/// A name as it stands in a JSON pointer (RFC 6901).
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

struct Seed<'s> {
    depth: usize,
    found: &'s RefCell<Option<Box<Problem>>>,
    pointer: Option<&'s Pointer<'s>>,
    whole: &'s str,
}

impl Seed<'_> {
    fn fail<E: serde::de::Error>(&self, problem: Box<Problem>) -> E {
        self.found.replace(Some(problem));
        E::custom("refused")
    }

    fn at(&self) -> String {
        self.pointer.map(ToString::to_string).unwrap_or_default()
    }

    fn inside<E: serde::de::Error>(&self) -> Result<usize, E> {
        if self.depth >= JSON_DEPTH_MAX + ENVELOPE_DEPTH {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            // What stands around the data is not counted, as where it is a little too deep.
            let actual = depth_of(self.whole) - 1;
            let mut problem = Problem::limit(status, "Depth of data", JSON_DEPTH_MAX, Some(actual));
            problem.code = "too_deep".into();
            return Err(self.fail(problem));
        }
        Ok(self.depth + 1)
    }

    fn text<E: serde::de::Error>(&self, text: String) -> Result<String, E> {
        if text.contains('\0') {
            return Err(self.fail(Problem::invalid(self.at(), "U+0000 cannot be stored.")));
        }
        Ok(text)
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.text(value.to_owned()).map(Value::String)
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        self.text(value).map(Value::String)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let depth = self.inside()?;
        let mut items = Vec::new();
        loop {
            let pointer = Pointer { outer: self.pointer, part: Part::Index(items.len()) };
            let seed = Seed { depth, found: self.found, pointer: Some(&pointer), whole: self.whole };
            match access.next_element_seed(seed)? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let depth = self.inside()?;
        let mut fields = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let name = self.text(name)?;
            let pointer = Pointer { outer: self.pointer, part: Part::Name(&name) };
            if fields.contains_key(&name) {
                let problem =
                    Problem::field("duplicate_field", pointer.to_string(), format!("{name} stands twice."));
                return Err(self.fail(problem));
            }
            let value = access.next_value_seed(Seed {
                depth,
                found: self.found,
                pointer: Some(&pointer),
                whole: self.whole,
            })?;
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(bytes: &[u8]) -> (u16, std::borrow::Cow<'static, str>) {
        let problem = read(bytes).unwrap_err();
        (problem.status.as_u16(), problem.code)
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        assert_eq!(code(b"{"), (400, "malformed_json".into()));
        assert_eq!(code(b""), (400, "malformed_json".into()));
        assert_eq!(code(b"{} {}"), (400, "malformed_json".into()));
        assert_eq!(code(b"\"\xff\""), (400, "invalid_utf8".into()));
        assert_eq!(code(br#"{"a":"\ud800"}"#), (400, "malformed_json".into()));
        assert_eq!(code(br#"{"a":"\u0000"}"#), (422, "invalid".into()));
        assert_eq!(code(br#"{"a":1,"a":2}"#), (422, "duplicate_field".into()));
    }

    #[test]
    fn a_mistake_is_found_where_it_stands() {
        let problem = read(br#"{"a":[{"b/c":"\u0000"}]}"#).unwrap_err();
        assert_eq!(problem.errors[0].pointer, "/a/0/b~1c");
    }

    #[test]
    fn the_depth_is_bounded_from_both_sides() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let limit = JSON_DEPTH_MAX + ENVELOPE_DEPTH;
        assert_eq!(depth(&read(nested(limit).as_bytes()).unwrap()), limit);
        assert_eq!(code(nested(limit + 1).as_bytes()), (422, "too_deep".into()));
        assert_eq!(code(nested(100_000).as_bytes()), (422, "too_deep".into()));
        let problem =
            read(format!("{{\"data\":{}, \"text\": \"]]\\\"]\"}}", nested(40)).as_bytes()).unwrap_err();
        assert_eq!((&problem.more["limit"], &problem.more["actual"]), (&32.into(), &40.into()));
    }
}
